// Package places reads and writes the cache's records of where encoders lie: a file for each SHA-256, with a path on each line, the latest first.
package places
