package extract

import (
	"fmt"

	"iconic/internal/diskspace"
)

// SpaceError says that a disk has less room than new features need at most.
type SpaceError struct {
	Dir        string // of the store
	Free, Need int64  // bytes
	Images     int    // whose features are to come
}

func (e *SpaceError) Error() string {
	return fmt.Sprintf("%s has %s free, and the features of %d images need %s: make room", e.Dir, diskspace.Words(e.Free), e.Images, diskspace.Words(e.Need))
}

// space fails if the disk has less room than the store needs at most.
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
	if err != nil || free >= need { // where the system does not say, the run will
		return nil
	}
	return &SpaceError{r.dir, free, need, fresh}
}

// lineBytes is about what an item's line takes, in items.jsonl and twice while it is made.
const lineBytes = 3 * 200

// Need is the number of bytes that a store takes on disk, at most, for new images among items in all.
func Need(fresh, items, views, dim int, half bool) int64 {
	element := int64(4)
	if half {
		element = 2
	}
	return int64(fresh)*int64(views)*int64(dim)*element + int64(items)*lineBytes
}
