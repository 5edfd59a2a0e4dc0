package run

import (
	"context"
	"crypto/sha256"
	"sync"

	"iconic/extract/dataset"
	"iconic/extract/store"
	"iconic/features"
	"iconic/internal/parallel"
)

// Changed reports for each image of a set of features whether the data set has other bytes under its path than those of which the features were made.
// Images that are not in the data set, or cannot be read, do not count. Where this machine knows when a file was last read and it was not written since,
// nothing is read; a file of another size has changed; others are read and compared by their hashes: with thorough all of them, else those that are known to
// have been written since. Without hashes (features.npy) nothing is known, and nil is returned. The progress, which may be nil, is in images.
func Changed(ctx context.Context, of *features.Set, images *dataset.Set, thorough bool, workers int, progress func(done, total int)) ([]bool, error) {
	if of.Hashes == nil || of.Bytes == nil {
		return nil, nil
	}
	const block = 64
	n, stamps := len(of.Paths), store.Stamps(of.Source.Store)
	changed, done, telling := make([]bool, n), 0, sync.Mutex{}
	err := parallel.Blocks(ctx, workers, n, block, func(_, lo, hi int) error {
		var buffer []byte
		for row := lo; row < hi; row++ {
			if err := ctx.Err(); err != nil {
				return err
			}
			i, known := images.Find(of.Paths[row])
			if !known || of.Hashes[row] == ([16]byte{}) {
				continue
			}
			stamp := stamps[of.Paths[row]]
			switch {
			case images.Unchanged(i, stamp):
			case !images.Nameless(i) && images.Raw == nil && images.Items[i].Size != of.Bytes[row]:
				changed[row] = true
			case stamp != "" || thorough:
				content, err := images.Read(i, buffer)
				if err == nil {
					sum := sha256.Sum256(content)
					changed[row], buffer = [16]byte(sum[:16]) != of.Hashes[row], content
				}
			}
		}
		telling.Lock()
		defer telling.Unlock()
		if done += hi - lo; progress != nil {
			progress(done, n)
		}
		return nil
	})
	return changed, err
}
