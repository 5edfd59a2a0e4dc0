package store

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

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
		dir: dir, partial: filepath.Join(dir, PartialName),
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

// ShardRows is the number of rows per shard: that of the existing store, if there was one.
func (w *Writer) ShardRows() int { return w.manifest.ShardRows }

// prepare creates .partial.
func (w *Writer) prepare() error {
	if err := os.MkdirAll(w.partial, 0o755); err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(w.partial, SettingsName), w.manifest.Settings); err != nil {
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

// SetClasses sets the names of the classes to which items' labels refer.
func (w *Writer) SetClasses(names []string) { w.manifest.Classes = names }

// Rows is the number of rows appended so far.
func (w *Writer) Rows() int { return w.manifest.Rows }
