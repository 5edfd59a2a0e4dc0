package dataset

import (
	"io/fs"

	"iconic/internal/filestat"
)

// stamp holds the times at which a file was last written and at which it or its attributes last changed, in nanoseconds. The second, on
// systems that have it, cannot be set back by hand.
type stamp struct{ written, changed int64 }

func stampOf(stat fs.FileInfo) stamp {
	return stamp{stat.ModTime().UnixNano(), filestat.Changed(stat)}
}
