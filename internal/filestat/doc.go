// Package filestat reads what a system records about a file besides its size and its modification time, which anybody can set.
package filestat
