package store

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"iconic/internal/npy"
	"iconic/internal/regular"
)

// Known is what an earlier run recorded about a path.
type Known struct {
	Hash    Hash
	Size    int64
	Several bool   // see Item
	Dark    bool   // see Item
	Stamp   string // "" if none was stored
	at      place
}

// source is a file of features from which rows are copied.
type source struct {
	file  *npy.File
	index int // number of the shard
	rows  int
	sum   string // its checksum
	kept  kept

	stride int // elements per row
}

// kept is the location of a source or target.
type kept int

const (
	inStore   kept = iota // under its final name
	inPartial             // in .partial
	elsewhere             // in another store, which was opened for this Writer only
	lent                  // in a store of the pool, which closes it
)

// place is one row of a source; file −1 means a row of the store under construction.
type place struct{ file, row int32 }

// readOld reads the finished store, if there is one.
func (w *Writer) readOld() error {
	m, content, err := readManifest(w.dir)
	if errors.Is(err, ErrNone) {
		return w.expectEmpty()
	}
	if err != nil {
		return err
	}
	w.adopt(m.Settings)
	if diff := w.manifest.differs(m.Settings); diff != "" {
		return w.unusable("was made with other settings (now %s before): use those", diff)
	}
	if a, b := m.Part, w.manifest.Part; (a == nil) != (b == nil) || a != nil && (a.Index != b.Index || a.Of != b.Of) {
		return w.unusable("holds %s, not %s", a.words(), b.words())
	}
	w.old, w.oldContent = m, content
	items, lines, err := m.loadItems(w.dir)
	if err != nil {
		w.Damaged = append(w.Damaged, err.Error())
		return nil // without its items, the rows of a shard are meaningless
	}
	if err := m.checkItems(items); err != nil {
		return w.unusable("is damaged (%w): restore that file", err)
	}
	w.oldItems = items
	at := make([]int32, len(m.Shards))
	for i, s := range m.Shards {
		if at[i], err = w.addSource(filepath.Join(w.dir, s.File), i, s, inStore); err != nil {
			w.Damaged = append(w.Damaged, fmt.Sprintf("%s: %v", s.File, err))
		}
	}
	stamps := loadStamps(w.dir, checksum(lines), len(items))
	w.known, w.places = make(map[string]Known, len(items)), make(map[Hash]place, len(items))
	for i, it := range items {
		if it.Row < 0 {
			continue
		}
		if p := (place{at[it.Row/m.ShardRows], int32(it.Row % m.ShardRows)}); p.file >= 0 {
			w.learn(it, stamps[i], p)
		}
	}
	return nil
}

// adopt keeps what a store retains once it is begun: the number of rows per shard, and the engine.
func (w *Writer) adopt(before Settings) {
	w.manifest.ShardRows = before.ShardRows
	w.manifest.Provider, w.manifest.Runtime = cmp.Or(w.manifest.Provider, before.Provider), cmp.Or(w.manifest.Runtime, before.Runtime)
}

// words describes a part.
func (p *Part) words() string {
	if p == nil {
		return "a whole data set"
	}
	return fmt.Sprintf("part %d of %d", p.Index, p.Of)
}

// expectEmpty fails unless a store may be made in the folder.
func (w *Writer) expectEmpty() error {
	entries, err := os.ReadDir(w.dir)
	if err != nil {
		return fmt.Errorf("feature store: %w", err)
	}
	for _, e := range entries {
		switch name := e.Name(); {
		case IsShard(name), name == ItemsName:
			return w.unusable("holds %s but no %s, which records what made it: restore that file", name, ManifestName)
		case !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, PartBegin):
			return w.unusable("cannot be made there, since the folder is not empty (it holds %s): empty it, or choose another", name)
		}
	}
	return nil
}

// addSource opens a shard to copy rows from. It returns −1 and an error for a damaged one.
func (w *Writer) addSource(name string, index int, s Shard, k kept) (int32, error) {
	f, err := w.manifest.openShard(name, s)
	if err != nil {
		return -1, err
	}
	w.files = append(w.files, source{f, index, s.Rows, s.Checksum, k, w.width()})
	return int32(len(w.files) - 1), nil
}

// learn records where the features of an item are.
func (w *Writer) learn(it Item, stamp string, at place) {
	w.known[it.Path] = Known{Hash: it.Hash, Size: it.Size, Several: it.Several, Dark: it.Dark, Stamp: stamp, at: at}
	if _, ok := w.places[it.Hash]; !ok {
		w.places[it.Hash] = at
	}
}

// readPartial reads the shards left by an unfinished run.
func (w *Writer) readPartial() error {
	content, err := regular.Read(filepath.Join(w.partial, SettingsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("feature store: %w", err)
	}
	var before Settings
	err = json.Unmarshal(content, &before)
	if err == nil {
		err = before.check()
	}
	if err != nil {
		return w.unusable("has a damaged %s (%w): remove the folder %s", filepath.Join(PartialName, SettingsName), err, w.partial)
	}
	w.adopt(before)
	if diff := w.manifest.differs(before); diff != "" {
		return w.unusable("is unfinished, and was begun with other settings (now %s before): use those", diff)
	}
	journals, err := filepath.Glob(filepath.Join(escapeGlob(w.partial), "*.journal"))
	if err != nil {
		return err
	}
	for _, name := range journals {
		if err := w.readJournal(name); err != nil {
			w.Damaged = append(w.Damaged, fmt.Sprintf("unfinished shard %s: %v", filepath.Base(name), err))
		}
	}
	return nil
}

// escapeGlob escapes a folder's name for use in a pattern.
func escapeGlob(s string) string {
	return strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(s)
}

// A shard in .partial is called 00012-<checksum>.npy, and its journal 00012-<checksum>.journal: one line per item, with its stamp, a tab
// and its line of items.jsonl.
func partialShard(index int, sum string) string { return fmt.Sprintf("%05d-%s", index, sum) }

func (w *Writer) readJournal(name string) error {
	content, err := regular.Read(name)
	if err != nil {
		return err
	}
	base := strings.TrimSuffix(name, ".journal")
	number, sum, _ := strings.Cut(filepath.Base(base), "-")
	index, err := strconv.Atoi(number)
	if err != nil {
		return errors.New("its name is not a shard's")
	}
	var items []Item
	var stamps []string
	for text := range bytes.Lines(content) {
		stamp, text, _ := bytes.Cut(text, []byte("\t"))
		it, err := parseItem(text)
		if err != nil {
			return err
		}
		if it.Row >= 0 {
			items, stamps = append(items, it), append(stamps, string(stamp))
		}
	}
	at, err := w.addSource(base+".npy", index, Shard{Rows: len(items), Checksum: sum}, inPartial)
	if err != nil {
		return err
	}
	for i, it := range items {
		w.learn(it, stamps[i], place{at, int32(i)})
	}
	return nil
}

// Add allows features to be copied from another store with the same settings, which must stay open.
func (w *Writer) Add(s *Store) error {
	items, err := s.RowItems()
	if err != nil {
		return err
	}
	if diff := w.manifest.differs(s.Settings); diff != "" {
		return fmt.Errorf("feature store %s was made with other settings (%s there)", s.Dir, diff)
	}
	at := make([]int32, len(s.Shards))
	for i, shard := range s.Shards {
		if at[i], err = w.addSource(filepath.Join(s.Dir, shard.File), i, shard, elsewhere); err != nil {
			return fmt.Errorf("feature store %s: %s: %w", s.Dir, shard.File, err)
		}
	}
	for _, it := range items {
		if _, ok := w.places[it.Hash]; !ok {
			w.places[it.Hash] = place{at[it.Row/s.ShardRows], int32(it.Row % s.ShardRows)}
		}
	}
	return nil
}

// Borrow has features copied from the stores of a pool. Call it between Begin and the first item; the Writer closes the pool.
func (w *Writer) Borrow(p *Pool) { w.pool, w.lent = p, map[*npy.File]int32{} }

// borrow looks a content up in the pool.
func (w *Writer) borrow(h Hash) (place, bool) {
	if w.pool == nil {
		return place{}, false
	}
	f, row, stride, ok := w.pool.find(h)
	if !ok {
		return place{}, false
	}
	at, ok := w.lent[f]
	if !ok {
		at = int32(len(w.files))
		w.files = append(w.files, source{file: f, index: -1, kept: lent, stride: stride})
		w.lent[f] = at
	}
	return place{at, int32(row)}, true
}

// Items lists the items of the finished store when the Writer began; nil if there was none.
func (w *Writer) Items() []Item { return w.oldItems }

// Others returns the paths of the images whose features another finished store has; none if it has other settings or cannot be read.
func (w *Writer) Others(dir string) map[string]bool {
	m, _, err := readManifest(dir)
	if err != nil || w.manifest.differs(m.Settings) != "" {
		return nil
	}
	items, _, err := m.loadItems(dir)
	if err != nil {
		return nil
	}
	paths := make(map[string]bool, m.Rows)
	for i := range items {
		if items[i].Row >= 0 {
			paths[items[i].Path] = true
		}
	}
	return paths
}

// Classes are the names of the classes of Items' labels.
func (w *Writer) Classes() []string {
	if w.old == nil {
		return nil
	}
	return w.old.Classes
}

// Known returns what an earlier run recorded about a path whose features exist.
func (w *Writer) Known(path string) (Known, bool) {
	k, ok := w.known[path]
	return k, ok
}

// Has reports whether features of a content exist: from earlier runs, appended in this one, or in a store of the pool. Any goroutine may
// call it.
func (w *Writer) Has(h Hash) bool {
	if _, ok := w.places[h]; ok {
		return true
	}
	w.mu.RLock()
	_, ok := w.rows[h]
	w.mu.RUnlock()
	if ok || w.pool == nil {
		return ok
	}
	_, _, _, ok = w.pool.find(h)
	return ok
}

// find prefers the row that the path had before, so that unchanged shards are recognised.
func (w *Writer) find(it Item) (place, bool) {
	if k, ok := w.known[it.Path]; ok && k.Hash == it.Hash {
		return k.at, true
	}
	if row, ok := w.rows[it.Hash]; ok {
		return place{-1, row}, true
	}
	if at, ok := w.places[it.Hash]; ok {
		return at, true
	}
	at, ok := w.borrow(it.Hash)
	if ok {
		w.Borrowed++
	}
	return at, ok
}

// madeHere reports whether a place is a row whose features were given to this Writer.
func (w *Writer) madeHere(at place) bool {
	return at.file < 0 && w.made[at.row/64]>>(at.row%64)&1 == 1
}
