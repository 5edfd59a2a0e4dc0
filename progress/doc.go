// Package progress is how long-running work reports to its caller: its current stage, how far that has come, and messages for the user. The
// packages that do the work never print.
package progress
