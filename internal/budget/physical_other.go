//go:build !linux && !darwin

package budget

// physical is the machine's memory in bytes, 0 where it cannot be told.
func physical() int64 { return 0 }
