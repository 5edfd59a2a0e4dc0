//go:build !unix

package main

import "time"

// processorTime is how long work took by the clock, on systems that do not tell the time of processors alike.
func processorTime(work func() error) (time.Duration, error) {
	start := time.Now()
	err := work()
	return time.Since(start), err
}
