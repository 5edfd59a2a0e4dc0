package filestat

import (
	"io/fs"
	"syscall"
)

// Changed is when a file or its attributes were last changed, in nanoseconds, which cannot be set by hand; 0 where the system does not
// say.
func Changed(stat fs.FileInfo) int64 {
	if s, ok := stat.Sys().(*syscall.Stat_t); ok {
		return s.Ctimespec.Nano()
	}
	return 0
}

// Number is that of a file on its file system: a file that takes another's place and name has one of its own. 0 where the system does
// not say.
func Number(stat fs.FileInfo) uint64 {
	if s, ok := stat.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}
