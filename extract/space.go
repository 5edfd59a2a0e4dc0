package extract

import (
	"fmt"

	"iconic/internal/diskspace"
	"iconic/internal/plural"
)

// SpaceError says that a disk has less free space than new features may need.
type SpaceError struct {
	Dir        string // folder of the store
	Free, Need int64  // bytes
	Images     int    // images whose features will be written
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("%s has %s free, and the features of %s need %s: free some space", e.Dir, diskspace.Words(e.Free), plural.Of(e.Images, "image", "images"), diskspace.Words(e.Need))
}

// space fails if the disk has less free space than the store may need.
func (r *run) space() error {
	fresh := 0
	for _, e := range r.entries {
		if e.listed >= 0 {
			if _, ok := r.writer.Known(r.set.Items[e.listed].Path); !ok {
				fresh++
			}
		}
	}
	need := Need(fresh, len(r.entries), r.config.Views, r.dim, r.config.Half)
	free, err := diskspace.Free(r.dir)
	if err != nil || free >= need { // if the system does not report free space, the run will
		return nil
	}
	return &SpaceError{r.dir, free, need, fresh}
}

// lineBytes is roughly the space for an item's line: once in items.jsonl, and twice while that is written.
const lineBytes = 3 * 200

// Need is the largest number of bytes that a store takes on disk for fresh new images among items in total.
func Need(fresh, items, views, dim int, half bool) int64 {
	element := int64(4)
	if half {
		element = 2
	}
	return int64(fresh)*int64(views)*int64(dim)*element + int64(items)*lineBytes
}
