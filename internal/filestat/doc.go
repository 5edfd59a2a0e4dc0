// Package filestat reads what a system knows of a file beyond its size and the time at which it was written, which anybody can set.
package filestat
