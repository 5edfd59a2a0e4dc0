//go:build !unix

package main

import "time"

var started = time.Now()

// used is the wall-clock time since the start of this process, on systems without a common way to get CPU time.
func used() time.Duration { return time.Since(started) }
