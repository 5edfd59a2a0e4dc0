// Package comparison compares finished runs: settings that differ, scores, and clusters that changed.
package comparison
