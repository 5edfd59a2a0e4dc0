package seal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"iconic/internal/atomicfile"
	"iconic/internal/filestat"
	"iconic/internal/regular"
)

// Name is the name of the seal in its folder.
const Name = "seal.json"

// ErrNone is in the chain of Check's error for a folder without a seal, ErrBroken for files that differ from their seal.
var (
	ErrNone   = errors.New("no seal")
	ErrBroken = errors.New("damaged")
)

// entry is a seal's record of a file.
type entry struct {
	Name     string    `json:"name"`
	Bytes    int64     `json:"bytes"`
	SHA256   string    `json:"sha256"`
	Modified time.Time `json:"modified"`          // modification time when the file was last verified
	Changed  int64     `json:"changed,omitempty"` // filestat.Changed at that time
	Number   uint64    `json:"number,omitempty"`  // filestat.Number at that time
	Read     time.Time `json:"read"`              // when the file was read
}

// as reports whether the system describes a file as when it was read.
func (e *entry) as(stat fs.FileInfo) bool {
	last := e.Modified
	if changed := time.Unix(0, e.Changed); e.Changed != 0 && changed.After(last) {
		last = changed
	}
	return stat.ModTime().Equal(e.Modified) && filestat.Changed(stat) == e.Changed && filestat.Number(stat) == e.Number && e.Read.Sub(last) > tick
}

// tick exceeds the time resolution of file systems: a file may be changed twice within it, and keep the same time.
const tick = 2 * time.Second

// Set seals files of a folder in their current state.
func Set(ctx context.Context, folder string, names ...string) error {
	entries := make([]entry, len(names))
	for i, name := range names {
		var err error
		if entries[i], err = look(ctx, folder, name); err != nil {
			return err
		}
	}
	return write(folder, entries)
}

// Check verifies that the sealed files of a folder are unchanged.
func Check(ctx context.Context, folder string) error {
	b, err := regular.Read(filepath.Join(folder, Name))
	var entries []entry
	if err != nil || json.Unmarshal(b, &entries) != nil || len(entries) == 0 || slices.ContainsFunc(entries, func(e entry) bool { return !filepath.IsLocal(e.Name) }) {
		return fmt.Errorf("%s: %w", folder, ErrNone)
	}
	again := false
	for i, was := range entries {
		path := filepath.Join(folder, was.Name)
		stat, err := os.Stat(path)
		switch {
		case err != nil || !stat.Mode().IsRegular():
			return fmt.Errorf("%s is %w: it is missing", path, ErrBroken)
		case stat.Size() != was.Bytes:
			return fmt.Errorf("%s is %w: it has %d bytes instead of %d", path, ErrBroken, stat.Size(), was.Bytes)
		case was.as(stat):
			continue
		}
		now, err := look(ctx, folder, was.Name)
		if err != nil {
			return err
		}
		if now.SHA256 != was.SHA256 {
			return fmt.Errorf("%s is %w: its SHA-256 is %s instead of %s", path, ErrBroken, now.SHA256, was.SHA256)
		}
		entries[i], again = now, true
	}
	if again {
		_ = write(folder, entries) // in a read-only folder the files are read again next time
	}
	return nil
}

// look reads a file in full.
func look(ctx context.Context, folder, name string) (e entry, err error) {
	r, stat, err := regular.Open(filepath.Join(folder, name))
	if err != nil {
		return e, err
	}
	defer r.Close()
	e = entry{Name: name, Modified: stat.ModTime(), Changed: filestat.Changed(stat), Number: filestat.Number(stat), Read: time.Now()}
	h := sha256.New()
	for err == nil { // in pieces, so that an interrupt can end it
		if err = ctx.Err(); err == nil {
			var n int64
			n, err = io.CopyN(h, r, 1<<22)
			e.Bytes += n
		}
	}
	if !errors.Is(err, io.EOF) {
		return e, fmt.Errorf("%s: %w", filepath.Join(folder, name), err)
	}
	e.SHA256 = hex.EncodeToString(h.Sum(nil))
	return e, nil
}

func write(folder string, entries []entry) error {
	b, err := json.MarshalIndent(entries, "", "  ")
	if err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(folder, Name), append(b, '\n'))
}
