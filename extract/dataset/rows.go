package dataset

import (
	"errors"
	"fmt"
	"sort"
	"sync"

	"iconic/internal/parallel"
	"iconic/internal/parquet"
)

// chunk holds the image column of a row group, once it was requested.
type chunk struct {
	once sync.Once
	*parquet.Chunk
	err error
}

// open prepares the rows for reading.
func (r *rows) open() {
	at := 0
	for _, g := range r.Groups {
		r.first = append(r.first, at)
		at += int(g.Rows)
	}
	r.first = append(r.first, at)
	r.chunks = make([]chunk, len(r.Groups))
}

// page finds the page that contains a row, and the row's index in it.
func (r *rows) page(row int) (c *parquet.Chunk, page, at int, err error) {
	group := sort.SearchInts(r.first, row+1) - 1
	k := &r.chunks[group]
	k.once.Do(func() { k.Chunk, k.err = r.Begin(group, r.image) })
	if k.err != nil {
		return nil, 0, 0, k.err
	}
	row -= r.first[group]
	if page, err = k.Find(row); err != nil {
		return nil, 0, 0, fmt.Errorf("row group %d: %w", group, err)
	}
	return k.Chunk, page, row - k.Page(page).First, nil
}

// read returns the image of a row. While look decides, and may wait for memory, the page with the image is not held.
func (r *rows) read(row int, buffer []byte, headSize int, look func(head []byte, size int64) error) ([]byte, error) {
	content, err := r.content(row)
	if err != nil {
		return nil, err
	}
	size := int64(len(content))
	if size > maxItem {
		return nil, ErrTooLarge
	}
	head := append([]byte(nil), content[:min(int64(headSize), size)]...)
	content = nil
	if err := look(head, size); err != nil {
		return nil, err
	}
	if content, err = r.content(row); err != nil {
		return nil, err
	}
	return append(buffer[:0], content...), nil
}

// content is the image of a row, in its page.
func (r *rows) content(row int) ([]byte, error) {
	c, page, at, err := r.page(row)
	if err != nil {
		return nil, err
	}
	values, err := r.kept.get(c, page)
	if err != nil {
		return nil, err
	}
	if !values.Has(at) {
		if len(r.Columns[r.image].Path) > 1 {
			return nil, errNoBytes
		}
		return nil, ErrNoImage
	}
	return values.Bytes(at), nil
}

// pages caches the most recently read pages of a set's Parquet files, one for each worker. Items are read in the order of the rows, so each
// page is read once, and its rows by several workers.
type pages struct {
	mu      sync.Mutex
	changed sync.Cond
	limit   int64 // bytes
	held    int64
	most    int // pages
	clock   int
	pages   map[pageKey]*keptPage
}

type pageKey struct {
	chunk *parquet.Chunk
	page  int
}

// keptPage is a page that is cached or being loaded.
type keptPage struct {
	values *parquet.Values
	err    error
	cost   int64
	used   int // time of last use, by the clock
	ready  chan struct{}
	done   bool
}

// defaultPages bounds the pages of a set that was given no share of memory.
const defaultPages = 1 << 30

func newPages() *pages {
	p := &pages{limit: defaultPages, most: max(2, parallel.Workers(0)), pages: map[pageKey]*keptPage{}}
	p.changed.L = &p.mu
	return p
}

// get returns a page, from the file if necessary. It waits while the pages being loaded leave no space for another.
func (p *pages) get(c *parquet.Chunk, page int) (*parquet.Values, error) {
	key := pageKey{c, page}
	p.mu.Lock()
	k := p.pages[key]
	if k == nil {
		cost := c.Cost(page)
		for p.pages[key] == nil && !p.room(cost) {
			p.changed.Wait()
		}
		k = p.pages[key]
		if k == nil {
			k = &keptPage{cost: cost, ready: make(chan struct{})}
			p.pages[key] = k
			p.held += cost
			p.touch(k)
			limit := p.limit
			p.mu.Unlock()
			p.load(k, c, page, limit)
			return k.values, k.err
		}
	}
	p.touch(k)
	p.mu.Unlock()
	<-k.ready
	return k.values, k.err
}

func (p *pages) touch(k *keptPage) {
	p.clock++
	k.used = p.clock
}

// room drops the least recently used pages until a page of the given cost fits, and reports whether it does. A page that can never fit is
// let through, so that its loading fails.
func (p *pages) room(cost int64) bool {
	for len(p.pages) >= p.most || p.held > 0 && p.held+cost > p.limit {
		var oldest *keptPage
		var at pageKey
		for key, k := range p.pages {
			if k.done && (oldest == nil || k.used < oldest.used) {
				oldest, at = k, key
			}
		}
		if oldest == nil {
			return len(p.pages) == 0
		}
		delete(p.pages, at)
		p.held -= oldest.cost
	}
	return true
}

// load reads a page. A failure is cached, too, so that the page is not read again for each of its rows.
func (p *pages) load(k *keptPage, c *parquet.Chunk, page int, limit int64) {
	k.values, k.err = c.Load(page, limit)
	if errors.Is(k.err, parquet.ErrLimit) {
		k.err = fmt.Errorf("%w (%w)", ErrTooLarge, k.err)
	}
	close(k.ready)
	p.mu.Lock()
	defer p.mu.Unlock()
	k.done = true
	p.changed.Broadcast()
}

// Share takes from a number of bytes what the set needs to cache pages, and returns that amount: half of it if items are rows of Parquet
// files, which are read by pages, otherwise 0.
func (s *Set) Share(total int64) int64 {
	if s.kept == nil {
		return 0
	}
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	s.kept.limit = total / 2
	return total / 2
}
