// Package comparison sets finished runs side by side: settings that differ, scores, and clusters that changed.
package comparison
