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
)

// Pool is the finished stores of this user that have features just as a store needs them: of the same encoder, preprocessing, decoder and
// engine. A Writer that is lent a pool takes the features of every content from there that it has not itself.
type Pool struct {
	key    string
	stores []*lender
}

// lender is a store of a pool. Its shards are opened, and held against their checksums, when the first row of each is wanted.
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

// Pool finds the stores that can lend features to this one, of more than 256 those with most contents; of those whose engine is not known there are none. Close it after use, unless
// it is given to Borrow.
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
		if err != nil { // of no use; whoever works on it is told
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
		if !exists(filepath.Join(head.Store, manifestName)) {
			if exists(filepath.Dir(head.Store)) { // or else its disk may be away
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

// independentName is a file beside the indexes of a key that says whether its encoder gives an image the same features in every batch.
const independentName = "independent"

// Independent tells what Remember kept of the pool's encoder and engine; known is false where nothing is kept.
func (p *Pool) Independent() (independent, known bool) {
	b, err := os.ReadFile(filepath.Join(contentsFolder(p.key), independentName))
	if err != nil {
		return false, false
	}
	return string(b) == "true\n", string(b) == "true\n" || string(b) == "false\n"
}

// Remember keeps whether the pool's encoder, under its engine, gives an image the same features, to the bit, whatever others it is encoded
// with.
func (p *Pool) Remember(independent bool) {
	_ = atomicfile.WriteBytes(filepath.Join(contentsFolder(p.key), independentName), fmt.Appendf(nil, "%t\n", independent)) // it is found out again
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

// find gives the features of a content: a file that was found whole, the row there, and the elements of a row. Any goroutine may call it.
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
