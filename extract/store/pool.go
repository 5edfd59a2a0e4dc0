package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"iconic/internal/atomicfile"
	"iconic/internal/cachefolder"
	"iconic/internal/npy"
	"iconic/internal/regular"
)

// Pool is the set of this user's finished stores with suitable features: from the same encoder, preprocessing, decoder and engine. A Writer
// with a pool copies the features of every content that it does not have itself.
type Pool struct {
	key    string
	stores []*lender
}

// lender is a store of a pool. Each of its shards is opened, and verified, when its first row is needed.
type lender struct {
	dir      string
	manifest *Manifest
	index    *contents
	shards   []lentShard
	release  func()
}

type lentShard struct {
	once sync.Once
	file *npy.File
	err  error
}

// Pool finds the stores that can lend features to this one, of more than 256 those with most contents. It is empty if this store's engine is
// not known yet; a store whose engine is not known lends nothing. Close it after use, unless it is given to Borrow.
func (w *Writer) Pool(ctx context.Context) (*Pool, error) {
	key, want, ok := w.manifest.content()
	p := &Pool{key: key}
	folder := contentsFolder(key)
	if !ok || folder == "" {
		return p, nil
	}
	own, dirs := fullName(w.dir), lenders(folder, key)
	for _, dir := range dirs {
		if err := ctx.Err(); err != nil {
			return nil, errors.Join(err, p.Close())
		}
		if dir == own {
			continue
		}
		release, err := cachefolder.Hold(ctx, dir)
		if err != nil {
			return nil, errors.Join(err, p.Close())
		}
		index, m, err := refreshed(ctx, folder, dir)
		if err != nil { // unusable; its next writer reports the problem
			release()
			continue
		}
		if other, _, ok := m.content(); !ok || other != key || !index.serves(want) {
			_ = index.close() // it was only read
			release()
			continue
		}
		p.stores = append(p.stores, &lender{dir: dir, manifest: m, index: index, shards: make([]lentShard, len(m.Shards)), release: release})
		if err := p.trim(); err != nil {
			return nil, errors.Join(err, p.Close())
		}
	}
	p.sort()
	return p, nil
}

// mostLenders is how many stores of a pool are open at once, each with two files of the process's limit.
const mostLenders = 256

// trim closes the store of fewest contents where there are too many.
func (p *Pool) trim() error {
	if len(p.stores) <= mostLenders {
		return nil
	}
	p.sort()
	last := p.stores[mostLenders]
	p.stores = p.stores[:mostLenders]
	return last.close()
}

// sort puts the stores of most contents first: they are the likeliest to have what is wanted.
func (p *Pool) sort() {
	slices.SortStableFunc(p.stores, func(a, b *lender) int { return cmp.Compare(b.index.Contents, a.index.Contents) })
}

// lenders lists the folders of stores that may be of a key: those with an index, and those of the user's cache, of which some have none
// since an earlier version made them. Indexes of stores that are gone are removed.
func lenders(folder, key string) (dirs []string) {
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		name := filepath.Join(folder, e.Name())
		head, err := readHead(name)
		if err != nil {
			continue
		}
		if !exists(filepath.Join(head.Store, ManifestName)) {
			if exists(filepath.Dir(head.Store)) { // otherwise its disk may be unmounted
				_ = os.Remove(name)
			}
			continue
		}
		dirs = append(dirs, head.Store)
	}
	cached, err := cachefolder.Of(cachefolder.Features)
	if err != nil {
		return dirs
	}
	entries, err = os.ReadDir(cached)
	if err != nil {
		return dirs
	}
	for _, e := range entries {
		dir := fullName(filepath.Join(cached, e.Name()))
		if slices.Contains(dirs, dir) {
			continue
		}
		m, _, err := readManifest(dir)
		if err != nil {
			continue
		}
		if of, _, ok := m.content(); ok && of == key {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// Len is the number of stores.
func (p *Pool) Len() int { return len(p.stores) }

// independentName is a file beside the indexes of a key that records whether the encoder gives an image the same features in every batch. A file named
// independent is not read: it may be from a version that found nothing out in runs of one image.
const independentName = "independent.2"

// Independent returns what Remember recorded for the pool's encoder and engine; known is false if nothing was recorded.
func (p *Pool) Independent() (independent, known bool) {
	b, err := regular.Read(filepath.Join(contentsFolder(p.key), independentName))
	if err != nil {
		return false, false
	}
	return string(b) == "true\n", string(b) == "true\n" || string(b) == "false\n"
}

// Remember records whether the pool's encoder, with its engine, gives an image the same features, to the bit, whatever other images are in
// the batch.
func (p *Pool) Remember(independent bool) {
	_ = atomicfile.WriteBytes(filepath.Join(contentsFolder(p.key), independentName), fmt.Appendf(nil, "%t\n", independent)) // it will be found out again
}

// shard opens the shard of a row. Any goroutine may call it.
func (l *lender) shard(row int) (*npy.File, error) {
	i := row / l.manifest.ShardRows
	if row < 0 || i >= len(l.shards) {
		return nil, fmt.Errorf("row %d of %d", row, l.manifest.Rows)
	}
	s := &l.shards[i]
	s.once.Do(func() {
		s.file, s.err = l.manifest.openShard(filepath.Join(l.dir, l.manifest.Shards[i].File), l.manifest.Shards[i])
	})
	if s.err == nil && row%l.manifest.ShardRows >= l.manifest.Shards[i].Rows {
		return nil, fmt.Errorf("row %d of %d", row, l.manifest.Rows)
	}
	return s.file, s.err
}

// find returns the features of a content: a verified file, the row in it, and the elements per row. Any goroutine may call it.
func (p *Pool) find(h Hash) (f *npy.File, row, stride int, ok bool) {
	for _, l := range p.stores {
		row, ok := l.index.find(h)
		if !ok {
			continue
		}
		f, err := l.shard(row)
		if err != nil {
			continue // damaged: another store may have it, or else it is encoded
		}
		return f, row % l.manifest.ShardRows, l.manifest.Views * l.manifest.Dim, true
	}
	return nil, 0, 0, false
}

// Close closes the stores.
func (p *Pool) Close() error {
	var err error
	for _, l := range p.stores {
		err = errors.Join(err, l.close())
	}
	p.stores = nil
	return err
}

func (l *lender) close() error {
	defer l.release()
	err := l.index.close()
	for i := range l.shards {
		if f := l.shards[i].file; f != nil {
			err = errors.Join(err, f.Close())
		}
	}
	return err
}
