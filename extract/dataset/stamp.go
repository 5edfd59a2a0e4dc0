package dataset

import (
	"io/fs"

	"iconic/internal/filestat"
)

// stamp is when a file was last written, and when it or its attributes were last changed, in nanoseconds. The second,
// where the system has it, cannot be set back by hand.
type stamp struct{ written, changed int64 }

func stampOf(stat fs.FileInfo) stamp {
	return stamp{stat.ModTime().UnixNano(), filestat.Changed(stat)}
}
