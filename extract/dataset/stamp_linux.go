package dataset

import (
	"io/fs"
	"syscall"
)

func changeTime(stat fs.FileInfo) int64 {
	if s, ok := stat.Sys().(*syscall.Stat_t); ok {
		return s.Ctim.Nano()
	}
	return 0
}
