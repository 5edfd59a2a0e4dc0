package store

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cespare/xxhash/v2"

	"iconic/internal/atomicfile"
	"iconic/internal/lockfile"
	"iconic/internal/npy"
	"iconic/internal/regular"
)

// Writer updates a store: Append and Skip receive the items, in the order of their paths, and Commit makes the result the store. Except for
// Has, its methods are for one goroutine.
type Writer struct {
	Damaged    []string // damaged files, whose images are to be encoded again
	Duplicates int      // rows appended whose content equals another row's
	Already    int      // rows appended whose features existed before, in this store or another one
	Borrowed   int      // rows among them that came from other stores

	// Kept, unless nil, is called with the files of each unfinished shard, its features and its journal, once they are on disk. Its error
	// is returned by the Append, Commit or Close in progress.
	Kept func(files ...string) error

	dir      string
	partial  string
	unlock   func() error // nil after unlocking
	manifest Manifest     // under construction

	old        *Manifest // nil: there was no finished store
	oldContent []byte
	oldItems   []Item
	known      map[string]Known // by path
	files      []source
	places     map[Hash]place // location of the features of each content

	pool *Pool               // other stores to copy features from; nil: none
	lent map[*npy.File]int32 // index in files of each file of the pool

	mu   sync.RWMutex
	rows map[Hash]int32 // rows already appended, by content
	made []uint64       // one bit per appended row: whether its features were given to this Writer

	pending []pending
	label   int       // the largest of an item, at least −1
	buffer  []float32 // the shard under construction; it grows with its rows
	journal []byte    // journal of the shard under construction
	targets []target  // finished shards
	items   *spool
	stamps  *spool
}

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

// pending is a row of the shard under construction: already in the buffer, or to be copied from a place.
type pending struct {
	buffered bool
	at       place
}

// target is a finished shard of the store under construction.
type target struct {
	name string // name of its file
	kept kept
	file *npy.File // opened when a later row is copied from it
}

// Begin locks the store in a folder, creating it if necessary, and reads what is there. A finished or unfinished store with other settings
// is refused, and so are settings that no store can have; damage is not: see Damaged. The part is nil for a whole data set.
func Begin(dir string, settings Settings, part *Part) (_ *Writer, err error) {
	if settings, err = settings.canonical(); err != nil {
		return nil, err
	}
	if err := settings.check(); err != nil {
		return nil, fmt.Errorf("feature store %s cannot be made: %w", dir, err)
	}
	if part != nil {
		if err := part.checkNumber(); err != nil {
			return nil, fmt.Errorf("feature store %s cannot be made: %w", dir, err)
		}
	}
	w := &Writer{
		dir: dir, partial: filepath.Join(dir, partialName),
		manifest: Manifest{Format: formatName, Version: formatVersion, Settings: settings, Part: part},
		known:    map[string]Known{}, places: map[Hash]place{}, rows: map[Hash]int32{}, label: -1,
	}
	if err := w.acquire(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.release())
		}
	}()
	if err := rollForward(dir); err != nil {
		return nil, fmt.Errorf("feature store %s: finish an earlier run: %w", dir, err)
	}
	if err := w.readOld(); err != nil {
		return nil, err
	}
	if err := w.readPartial(); err != nil {
		return nil, err
	}
	if err := w.prepare(); err != nil {
		return nil, fmt.Errorf("feature store %s cannot be written: %w", dir, err)
	}
	return w, nil
}

// acquire acquires the lock.
func (w *Writer) acquire() error {
	if stat, err := os.Stat(w.dir); err == nil && !stat.IsDir() {
		return fmt.Errorf("feature store %s cannot be made there: it is a file", w.dir)
	}
	if err := regular.MakeFolder(w.dir, 0o755); err != nil {
		return fmt.Errorf("feature store %s cannot be made: %w", w.dir, err)
	}
	var err error
	if w.unlock, err = lockfile.Try(filepath.Join(w.dir, lockName)); errors.Is(err, lockfile.ErrBusy) {
		return fmt.Errorf("feature store %s %w", w.dir, ErrBusy)
	}
	if err != nil {
		return fmt.Errorf("feature store %s cannot be written: %w", w.dir, err)
	}
	return nil
}

// UnusableError says why the folder of a store cannot be used: it is damaged, holds something else, or was made with other settings.
type UnusableError struct {
	Dir     string
	Problem error // the rest of the sentence that begins with Dir
}

func (e *UnusableError) Error() string {
	return fmt.Sprintf("feature store %s %v", e.Dir, e.Problem)
}

func (e *UnusableError) Unwrap() error { return e.Problem }

func (w *Writer) unusable(format string, args ...any) error {
	return &UnusableError{w.dir, fmt.Errorf(format, args...)}
}

// ErrBusy is in the chain of Begin's error for a store that another process is writing.
var ErrBusy = errors.New("is being written by another process")

// release closes all files and releases the lock.
func (w *Writer) release() error {
	var err error
	for _, s := range w.files {
		if s.kept != lent {
			err = errors.Join(err, s.file.Close())
		}
	}
	if w.pool != nil {
		err = errors.Join(err, w.pool.Close())
		w.pool = nil
	}
	for _, t := range w.targets {
		if t.file != nil {
			err = errors.Join(err, t.file.Close())
		}
	}
	for _, s := range []*spool{w.items, w.stamps} {
		if s != nil {
			err = errors.Join(err, s.file.Close())
		}
	}
	w.files, w.targets, w.items, w.stamps = nil, nil, nil, nil
	err = errors.Join(err, w.unlock())
	w.unlock = nil
	return err
}

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

// EngineError says that a store's features were computed with another provider or version of ONNX Runtime than the current one, so that
// their features may differ.
type EngineError struct {
	Dir      string
	Was, Now Engine
}

// Engine is what runs an encoder.
type Engine struct{ Provider, Runtime string }

func (e Engine) String() string {
	return fmt.Sprintf("provider %s of ONNX Runtime %s", e.Provider, e.Runtime)
}

func (e *EngineError) Error() string {
	return fmt.Sprintf("feature store %s was made with %s; the features of %s may differ: use the same as before", e.Dir, e.Was, e.Now)
}

// MadeOn records the engine before the first features are appended. It fails with an *EngineError if existing features come from another.
// Rows with an unknown engine are accepted.
func (w *Writer) MadeOn(e Engine) error {
	was := Engine{w.manifest.Provider, w.manifest.Runtime}
	switch {
	case was == e || was.Provider == "" && len(w.known) > 0:
		return nil
	case was.Provider != "":
		return &EngineError{w.dir, was, e}
	}
	w.manifest.Provider, w.manifest.Runtime = e.Provider, e.Runtime
	return writeJSON(filepath.Join(w.partial, settingsName), w.manifest.Settings)
}

// Engine is what ran the encoder, for a new store after MadeOn was called; zero if unknown.
func (w *Writer) Engine() Engine { return Engine{w.manifest.Provider, w.manifest.Runtime} }

// ShardRows is the number of rows per shard: that of the existing store, if there was one.
func (w *Writer) ShardRows() int { return w.manifest.ShardRows }

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
		case strings.HasPrefix(name, "features-") && strings.HasSuffix(name, ".npy"), name == itemsName:
			return w.unusable("holds %s but no %s, which records what made it: restore that file", name, manifestName)
		case !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "part-"):
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

const settingsName = "settings.json"

// readPartial reads the shards left by an unfinished run.
func (w *Writer) readPartial() error {
	content, err := regular.Read(filepath.Join(w.partial, settingsName))
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
		return w.unusable("has a damaged %s (%w): remove the folder %s", filepath.Join(partialName, settingsName), err, w.partial)
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

// prepare creates .partial.
func (w *Writer) prepare() error {
	if err := os.MkdirAll(w.partial, 0o755); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(w.partial, settingsName), w.manifest.Settings); err != nil {
		return err
	}
	var err error
	if w.items, err = newSpool(filepath.Join(w.partial, "items.spool")); err != nil {
		return err
	}
	if w.stamps, err = newSpool(filepath.Join(w.partial, "stamps.spool")); err != nil {
		return err
	}
	return nil
}

// width is the number of elements per row.
func (w *Writer) width() int { return w.manifest.Views * w.manifest.Dim }

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

// Append adds the next item. Its features, Views × Dim floats, are copied; nil means that the content's features exist (see Has). The stamp
// is stored for the next run's Known. Append sets Item.Row.
func (w *Writer) Append(it Item, stamp string, features []float32) error {
	if err := checkStamp(it.Path, stamp); err != nil {
		return err
	}
	p := pending{buffered: features != nil}
	if p.buffered {
		if len(features) != w.width() {
			return fmt.Errorf("feature store: %d features, want %d for a row", len(features), w.width())
		}
		w.reserve(len(w.pending) + 1)
		copy(w.buffer[len(w.pending)*w.width():], features)
	} else {
		var ok bool
		if p.at, ok = w.find(it); !ok {
			return fmt.Errorf("feature store: no features are known for %s", it.Path)
		}
		if !w.madeHere(p.at) {
			w.Already++
		}
	}
	it.Row = w.manifest.Rows
	if it.Row%64 == 0 {
		w.made = append(w.made, 0)
	}
	if p.buffered {
		w.made[it.Row/64] |= 1 << (it.Row % 64)
	}
	w.manifest.Rows++
	w.pending = append(w.pending, p)
	w.mu.Lock()
	if _, ok := w.rows[it.Hash]; ok {
		w.Duplicates++
	} else {
		w.rows[it.Hash] = int32(it.Row)
	}
	w.mu.Unlock()
	if err := w.record(it, stamp); err != nil {
		return err
	}
	if len(w.pending) == w.manifest.ShardRows {
		return w.flush()
	}
	return nil
}

// reserve makes the buffer long enough for the given number of rows.
func (w *Writer) reserve(rows int) {
	n := rows * w.width()
	w.buffer = slices.Grow(w.buffer, max(0, n-len(w.buffer)))
	w.buffer = w.buffer[:max(n, len(w.buffer))]
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

// Skip adds an item without features; its Kind and Skipped say why.
func (w *Writer) Skip(it Item, stamp string) error {
	if err := checkStamp(it.Path, stamp); err != nil {
		return err
	}
	it.Row = -1
	w.manifest.Skipped++
	return w.record(it, stamp)
}

// checkStamp refuses a stamp that would not be one field of one line.
func checkStamp(path, stamp string) error {
	if strings.ContainsAny(stamp, "\t\r\n") || len(stamp) > bufio.MaxScanTokenSize/2 {
		return fmt.Errorf("feature store: the stamp of %s has tabs or line ends, or more than %d bytes", path, bufio.MaxScanTokenSize/2)
	}
	return nil
}

// record writes an item's line to the spool and to the shard's journal.
func (w *Writer) record(it Item, stamp string) error {
	w.manifest.Items++
	w.label = max(w.label, it.Label)
	start := len(w.journal) + len(stamp) + 1
	w.journal = it.append(append(append(w.journal, stamp...), '\t'))
	if err := w.items.write(w.journal[start:]); err != nil {
		return err
	}
	return w.stamps.write(append([]byte(stamp), '\n'))
}

// flush finishes the shard under construction.
func (w *Writer) flush() error {
	index, n := len(w.targets), len(w.pending)
	t := target{}
	sum := ""
	if s, ok := w.inPlace(index); ok {
		t.kept, sum = s.kept, s.sum
	} else {
		var err error
		if sum, err = w.copyPending(); err != nil {
			return err
		}
		t.kept = inPartial
		if w.whole(index, sum) {
			t.kept = inStore
		}
	}
	if t.name = filepath.Join(w.dir, shardName(index)); t.kept == inPartial {
		t.name = filepath.Join(w.partial, partialShard(index, sum)+".npy")
		if err := w.writePartial(t.name); err != nil {
			return err
		}
	}
	w.targets = append(w.targets, t)
	w.manifest.Shards = append(w.manifest.Shards, Shard{shardName(index), n, sum})
	w.pending, w.journal = w.pending[:0], w.journal[:0]
	return nil
}

// inPlace finds the existing file that equals the shard under construction, row by row.
func (w *Writer) inPlace(index int) (source, bool) {
	first := w.pending[0]
	if first.buffered || first.at.file < 0 {
		return source{}, false
	}
	s := w.files[first.at.file]
	if s.index != index || s.kept == elsewhere || s.rows != len(w.pending) {
		return source{}, false
	}
	for j, p := range w.pending {
		if p.buffered || p.at != (place{first.at.file, int32(j)}) {
			return source{}, false
		}
	}
	return s, true
}

// whole reports whether the store's shard with that number has this checksum, and is undamaged.
func (w *Writer) whole(index int, sum string) bool {
	return slices.ContainsFunc(w.files, func(s source) bool { return s.kept == inStore && s.index == index && s.sum == sum })
}

// copyPending copies all rows of the shard into the buffer, and returns the checksum that its file will have.
func (w *Writer) copyPending() (sum string, err error) {
	width := w.width()
	w.reserve(len(w.pending))
	for j, p := range w.pending {
		dst := w.buffer[j*width : (j+1)*width]
		switch row := int(p.at.row); {
		case p.buffered:
		case p.at.file >= 0:
			err = w.files[p.at.file].file.Elements(dst, row*w.files[p.at.file].stride)
		case row/w.manifest.ShardRows == len(w.targets):
			copy(dst, w.buffer[row%w.manifest.ShardRows*width:])
		default:
			err = w.copyTarget(dst, row)
		}
		if err != nil {
			return "", fmt.Errorf("copy features: %w", err)
		}
	}
	h := xxhash.New()
	if err := npy.Encode(h, w.shape(), w.buffer[:len(w.pending)*width], w.manifest.DType == "float16"); err != nil {
		return "", err
	}
	return fmt.Sprintf("%016x", h.Sum64()), nil
}

// copyTarget reads a row of a shard that this Writer has finished.
func (w *Writer) copyTarget(dst []float32, row int) (err error) {
	t := &w.targets[row/w.manifest.ShardRows]
	if t.file == nil {
		if t.file, err = npy.Open(t.name); err != nil {
			return err
		}
	}
	return t.file.Elements(dst, row%w.manifest.ShardRows*w.width())
}

func (w *Writer) shape() []int { return []int{len(w.pending), w.manifest.Views, w.manifest.Dim} }

// writePartial writes the shard under construction, unless it exists, and then its journal: a shard without one does not count.
func (w *Writer) writePartial(name string) error {
	if !slices.ContainsFunc(w.files, func(s source) bool {
		return s.kept == inPartial && filepath.Join(w.partial, partialShard(s.index, s.sum)+".npy") == name
	}) {
		write := npy.Write
		if w.manifest.DType == "float16" {
			write = npy.WriteHalf
		}
		if err := write(name, w.shape(), w.buffer[:len(w.pending)*w.width()]); err != nil {
			return err
		}
	}
	journal := strings.TrimSuffix(name, ".npy") + ".journal"
	if err := atomicfile.WriteBytes(journal, w.journal); err != nil || w.Kept == nil {
		return err
	}
	return w.Kept(name, journal)
}

// Close abandons what was not committed, but keeps every row that was appended: a run with the same input resumes from there.
func (w *Writer) Close() error {
	var err error
	if w.items != nil && slices.ContainsFunc(w.pending, func(p pending) bool { return p.buffered }) {
		err = w.flush()
	}
	if w.unlock == nil {
		return err
	}
	return errors.Join(err, w.release())
}

// Commit makes the appended items the store. It reports whether anything had to be changed. It closes the Writer.
func (w *Writer) Commit() (changed bool, err error) {
	defer func() { err = errors.Join(err, w.Close()) }()
	if len(w.pending) > 0 {
		if err := w.flush(); err != nil {
			return false, err
		}
	}
	if part := w.manifest.Part; part != nil {
		part.Kept = w.manifest.Items - part.Count
	}
	if err := w.readable(); err != nil {
		return false, fmt.Errorf("feature store %s: %w", w.dir, err)
	}
	sum, err := w.items.finish(filepath.Join(w.partial, itemsName))
	if err != nil {
		return false, err
	}
	w.manifest.Checksum = sum
	content, err := w.manifest.encode()
	if err != nil {
		return false, err
	}
	stamps := filepath.Join(w.partial, "stamps.spool")
	if _, err := w.stamps.finish(stamps); err != nil {
		return false, err
	}
	keepStamps(w.dir, sum, stamps)
	changed = w.oldItems == nil || !bytes.Equal(content, w.oldContent) ||
		slices.ContainsFunc(w.targets, func(t target) bool { return t.kept == inPartial })
	if !changed {
		keepContents(w.dir, &w.manifest.Settings, checksum(content), w.rows)
		return false, os.RemoveAll(w.partial)
	}
	if err := atomicfile.WriteBytes(filepath.Join(w.partial, manifestName), content); err != nil {
		return false, err
	}
	if err := rollForward(w.dir); err != nil {
		return true, err
	}
	keepContents(w.dir, &w.manifest.Settings, checksum(content), w.rows)
	return true, nil
}

// readable refuses what would make a store that cannot be read.
func (w *Writer) readable() error {
	if err := w.manifest.check(); err != nil {
		return err
	}
	if w.label >= len(w.manifest.Classes) {
		return fmt.Errorf("an item has label %d, but there are %d classes", w.label, len(w.manifest.Classes))
	}
	return nil
}

// rollForward moves the files of a prepared commit to their final names. It does nothing if no commit was begun, and may be interrupted and
// repeated at any point.
func rollForward(dir string) error {
	partial := filepath.Join(dir, partialName)
	m, _, err := readManifest(partial)
	if errors.Is(err, ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	move := func(from, to string) error {
		err := os.Rename(filepath.Join(partial, from), filepath.Join(dir, to))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // moved before, or in place from the beginning
		}
		return err
	}
	for i, s := range m.Shards {
		if err := move(partialShard(i, s.Checksum)+".npy", s.File); err != nil {
			return err
		}
	}
	if err := move(itemsName, itemsName); err != nil {
		return err
	}
	if err := atomicfile.SyncFolder(dir); err != nil {
		return err
	}
	if err := move(manifestName, manifestName); err != nil {
		return err
	}
	if err := atomicfile.SyncFolder(dir); err != nil {
		return err
	}
	for i := len(m.Shards); ; i++ { // shards of an earlier, longer store
		if err := os.Remove(filepath.Join(dir, shardName(i))); errors.Is(err, fs.ErrNotExist) {
			break
		} else if err != nil {
			return err
		}
	}
	return os.RemoveAll(partial)
}

// spool is a file that grows during the run, and counts only once it is finished.
type spool struct {
	file *os.File
	w    *bufio.Writer
	hash *xxhash.Digest
}

func newSpool(name string) (*spool, error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	return &spool{f, bufio.NewWriterSize(f, 1<<16), xxhash.New()}, nil
}

func (s *spool) write(b []byte) error {
	_, _ = s.hash.Write(b) // a hash never fails
	_, err := s.w.Write(b)
	return err
}

// finish syncs the file, gives it its name, and returns its checksum.
func (s *spool) finish(name string) (sum string, err error) {
	if err := errors.Join(s.w.Flush(), s.file.Sync()); err != nil {
		return "", err
	}
	return fmt.Sprintf("%016x", s.hash.Sum64()), os.Rename(s.file.Name(), name)
}

// SetClasses sets the names of the classes to which items' labels refer.
func (w *Writer) SetClasses(names []string) { w.manifest.Classes = names }

// Rows is the number of rows appended so far.
func (w *Writer) Rows() int { return w.manifest.Rows }
