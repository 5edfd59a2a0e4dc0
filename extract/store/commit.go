package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/cespare/xxhash/v2"

	"iconic/internal/atomicfile"
)

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
	sum, err := w.items.finish(filepath.Join(w.partial, ItemsName))
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
	if err := atomicfile.WriteBytes(filepath.Join(w.partial, ManifestName), content); err != nil {
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
	partial := filepath.Join(dir, PartialName)
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
	if err := move(ItemsName, ItemsName); err != nil {
		return err
	}
	if err := atomicfile.SyncFolder(dir); err != nil {
		return err
	}
	if err := move(ManifestName, ManifestName); err != nil {
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
