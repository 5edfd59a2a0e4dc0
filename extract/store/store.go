package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"

	"iconic/internal/npy"
	"iconic/internal/parallel"
	"iconic/internal/regular"
)

// Store is an open feature store. Several goroutines may read it, also while a Writer updates it.
type Store struct {
	Manifest
	Dir string

	key    string
	shards []*npy.File
	items  func() ([]Item, error)
}

// DamagedError lists the shards of a store that are missing or have changed.
type DamagedError struct {
	Dir    string
	Shards []string // each with its fault
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("feature store %s is damaged: %s; run the same extraction again to encode only those images again", e.Dir, strings.Join(e.Shards, ", "))
}

// Open opens the store in a folder and compares every shard with its checksum. Close it after use.
func Open(dir string) (*Store, error) {
	m, content, err := readManifest(dir)
	if err != nil {
		if errors.Is(err, ErrNone) && exists(filepath.Join(dir, PartialName)) {
			return nil, fmt.Errorf("feature store %s is unfinished: run the same extraction again to finish it", dir)
		}
		return nil, err
	}
	s := &Store{Manifest: *m, Dir: dir, key: checksum(content), shards: make([]*npy.File, len(m.Shards))}
	s.items = sync.OnceValues(s.readItems)
	wrong := make([]error, len(m.Shards))
	err = parallel.Blocks(context.Background(), 0, len(m.Shards), 1, func(i, _, _ int) error {
		s.shards[i], wrong[i] = m.openShard(filepath.Join(dir, m.Shards[i].File), m.Shards[i])
		return nil
	})
	damaged := &DamagedError{Dir: dir}
	for i, w := range wrong {
		if w != nil {
			damaged.Shards = append(damaged.Shards, fmt.Sprintf("%s: %v", m.Shards[i].File, w))
		}
	}
	if len(damaged.Shards) > 0 {
		err = damaged
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openShard maps a shard after checking it against the settings and its entry in the manifest.
func (s *Settings) openShard(name string, want Shard) (*npy.File, error) {
	f, err := npy.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("missing")
	}
	if err != nil {
		return nil, errors.Unwrap(err) // the caller names the file
	}
	sum, err := f.Sum()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if sum != want.Checksum {
		return nil, errors.Join(fmt.Errorf("checksum %s, want %s", sum, want.Checksum), f.Close())
	}
	if len(f.Shape) != 3 || f.Shape[0] != want.Rows || f.Shape[1] != s.Views || f.Shape[2] != s.Dim || f.DType != s.DType {
		return nil, errors.Join(fmt.Errorf("%s%v, want %s[%d %d %d]", f.DType, f.Shape, s.DType, want.Rows, s.Views, s.Dim), f.Close())
	}
	return f, nil
}

func checksum(b []byte) string { return fmt.Sprintf("%016x", xxhash.Sum64(b)) }

func exists(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// Close unmaps the shards. Views must not be read afterwards.
func (s *Store) Close() error {
	var err error
	for i, f := range s.shards {
		if f != nil {
			err = errors.Join(err, f.Close())
			s.shards[i] = nil
		}
	}
	return err
}

// open is the file of a shard, which Close closes.
func (s *Store) open(shard int) (*npy.File, error) {
	if f := s.shards[shard]; f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("feature store %s is closed: read it before", s.Dir)
}

// Unchanged fails if a file of the store's features was written to after Open. A Writer replaces files, which does no harm.
func (s *Store) Unchanged() error {
	for i := range s.shards {
		f, err := s.open(i)
		if err != nil {
			return err
		}
		if err := f.Unchanged(); err != nil {
			return fmt.Errorf("feature store %s: %w", s.Dir, err)
		}
	}
	return nil
}

// Key identifies the store's content: it changes with every feature, path and setting.
func (s *Store) Key() string { return s.key }

// Items returns the list of all images, skipped ones included, which is read at the first call. The slice is shared.
func (s *Store) Items() ([]Item, error) { return s.items() }

func (s *Store) readItems() ([]Item, error) {
	items, _, err := s.loadItems(s.Dir)
	if err == nil {
		err = s.checkItems(items)
	}
	if err != nil {
		return nil, fmt.Errorf("feature store %s: %w; run the same extraction again", s.Dir, err)
	}
	return items, nil
}

// loadItems reads a store's items.jsonl and checks it against the manifest.
func (m *Manifest) loadItems(dir string) ([]Item, []byte, error) {
	content, err := regular.Read(filepath.Join(dir, ItemsName))
	if err != nil {
		return nil, nil, err
	}
	if sum := checksum(content); sum != m.Checksum {
		return nil, nil, fmt.Errorf("%s is damaged: checksum %s, want %s", ItemsName, sum, m.Checksum)
	}
	items, err := parseItems(context.Background(), content)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", ItemsName, err)
	}
	row := 0
	for i := range items {
		if items[i].Row >= 0 {
			if items[i].Row != row {
				return nil, nil, fmt.Errorf("%s: line %d has row %d, want %d", ItemsName, i+1, items[i].Row, row)
			}
			row++
		}
	}
	if len(items) != m.Items || row != m.Rows {
		return nil, nil, fmt.Errorf("%s: %d items with %d rows, but the manifest has %d with %d", ItemsName, len(items), row, m.Items, m.Rows)
	}
	return items, content, nil
}

// checkItems looks for labels that do not name a class. A valid checksum only shows that the list is unchanged.
func (m *Manifest) checkItems(items []Item) error {
	for i := range items {
		if l := items[i].Label; l < -1 || l >= len(m.Classes) {
			return fmt.Errorf("%s: line %d has label %d, but there are %d classes", ItemsName, i+1, l, len(m.Classes))
		}
	}
	return nil
}

// RowItems returns the items that have features, by row.
func (s *Store) RowItems() ([]Item, error) {
	items, err := s.Items()
	if err != nil {
		return nil, err
	}
	rows := make([]Item, 0, s.Manifest.Rows)
	for _, it := range items {
		if it.Row >= 0 {
			rows = append(rows, it)
		}
	}
	return rows, nil
}

// Labels returns the label of each row, −1 for none.
func (s *Store) Labels() ([]int, error) {
	rows, err := s.RowItems()
	if err != nil {
		return nil, err
	}
	labels := make([]int, len(rows))
	for i, it := range rows {
		labels[i] = it.Label
	}
	return labels, nil
}

// View is one view of every image as a matrix of Len rows and Dim columns.
type View struct {
	store *Store
	view  int
}

// View returns view v, 0 ≤ v < Views; 0 is the plain one.
func (s *Store) View(v int) (*View, error) {
	if v < 0 || v >= s.Views {
		return nil, fmt.Errorf("feature store %s has %d views, but no view %d", s.Dir, s.Views, v)
	}
	return &View{s, v}, nil
}

// Len is the number of rows.
func (v *View) Len() int { return v.store.Rows }

// Dim is the number of columns.
func (v *View) Dim() int { return v.store.Dim }

// Block reads rows [lo, hi) into dst, of length (hi−lo)×Dim.
func (v *View) Block(dst []float32, lo, hi int) error {
	s := v.store
	if lo < 0 || hi < lo || hi > s.Rows || len(dst) != (hi-lo)*s.Dim {
		return fmt.Errorf("feature store %s: rows [%d, %d) of %d×%d do not fit a slice of length %d", s.Dir, lo, hi, s.Rows, s.Dim, len(dst))
	}
	if s.Views > 1 {
		for r := lo; r < hi; r++ {
			if err := v.row(dst[(r-lo)*s.Dim:(r-lo+1)*s.Dim], r); err != nil {
				return err
			}
		}
		return nil
	}
	for lo < hi {
		shard, at := lo/s.ShardRows, lo%s.ShardRows
		n := min(hi-lo, s.Shards[shard].Rows-at)
		f, err := s.open(shard)
		if err != nil {
			return err
		}
		if err := f.Block(dst[:n*s.Dim], at, at+n); err != nil {
			return err
		}
		dst, lo = dst[n*s.Dim:], lo+n
	}
	return nil
}

// Gather reads the given rows into dst, of length len(rows)×Dim.
func (v *View) Gather(dst []float32, rows []int32) error {
	s := v.store
	if len(dst) != len(rows)*s.Dim {
		return fmt.Errorf("feature store %s: %d rows of %d do not fit a slice of length %d", s.Dir, len(rows), s.Dim, len(dst))
	}
	for i, r := range rows {
		if r < 0 || int(r) >= s.Rows {
			return fmt.Errorf("feature store %s: row %d of %d", s.Dir, r, s.Rows)
		}
		if err := v.row(dst[i*s.Dim:(i+1)*s.Dim], int(r)); err != nil {
			return err
		}
	}
	return nil
}

func (v *View) row(dst []float32, r int) error {
	s := v.store
	f, err := s.open(r / s.ShardRows)
	if err != nil {
		return err
	}
	return f.Elements(dst, (r%s.ShardRows*s.Views+v.view)*s.Dim)
}

// DimOf is the dimension of the features in the store at dir if that model made them, otherwise 0.
func DimOf(dir string, e Encoder) int {
	m, _, err := readManifest(dir)
	if err != nil || m.Encoder.SHA256 != e.SHA256 || m.Encoder.Output != e.Output {
		return 0
	}
	return m.Dim
}

// Describe reads the manifest of a finished store without its features. ErrNone is in the chain of its error if there is no store.
func Describe(dir string) (*Manifest, error) {
	m, _, err := readManifest(dir)
	return m, err
}

// Lock is the file whose lock keeps the writers of a store apart.
func Lock(dir string) string { return filepath.Join(dir, lockName) }

// Unfinished reports whether a folder holds features of an interrupted run.
func Unfinished(dir string) bool { return exists(filepath.Join(dir, PartialName, SettingsName)) }
