//go:build !unix

package main

import "time"

var started = time.Now()

// used is how long this process has run by the clock, on systems that do not tell the time of processors alike.
func used() time.Duration { return time.Since(started) }
