//go:build unix

package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// processorTime is how long all processors together worked for this process during work.
func processorTime(work func() error) (time.Duration, error) {
	var before, after unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &before); err != nil {
		return 0, err
	}
	if err := work(); err != nil {
		return 0, err
	}
	if err := unix.Getrusage(unix.RUSAGE_SELF, &after); err != nil {
		return 0, err
	}
	return time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano()), nil
}
