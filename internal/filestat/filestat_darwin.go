package filestat

import (
	"io/fs"
	"syscall"
)

// Changed is the time at which a file or its attributes last changed, in nanoseconds, which cannot be set by hand; 0 if the system does not
// report it.
func Changed(stat fs.FileInfo) int64 {
	if s, ok := stat.Sys().(*syscall.Stat_t); ok {
		return s.Ctimespec.Nano()
	}
	return 0
}

// Number identifies a file on its file system: a file that replaces another under the same name has a different number. It is 0 if the
// system does not report it.
func Number(stat fs.FileInfo) uint64 {
	if s, ok := stat.Sys().(*syscall.Stat_t); ok {
		return s.Ino
	}
	return 0
}
