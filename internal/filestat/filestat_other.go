//go:build !linux && !darwin

package filestat

import "io/fs"

// Changed is 0: the system does not report it.
func Changed(fs.FileInfo) int64 { return 0 }

// Number is 0: the system does not report it.
func Number(fs.FileInfo) uint64 { return 0 }
