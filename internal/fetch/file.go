package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"iconic/internal/atomicfile"
	"iconic/internal/diskspace"
	"iconic/internal/lockfile"
	"iconic/internal/regular"
)

// File is a file to be downloaded or copied.
type File struct {
	Path   string // final name; the folder must exist
	SHA256 string // in lower-case hexadecimal digits; "" if unknown
	Most   int64  // largest allowed size in bytes, > 0

	// Check inspects the file, which still has a temporary name, before it gets its final one; nil accepts every file. If it fails, other
	// than by the context's error, the file is removed.
	Check func(ctx context.Context, name string) error
	// Ready reports whether another process has completed the file in the meantime; nil checks whether Path exists.
	Ready func() bool

	Note     func(text string)       // called once if the download waits for another process; may be nil
	Progress func(done, total int64) // called with the number of bytes done; total is −1 if unknown; may be nil

	copied bool // the file is copied: its part is not that of a download, which may still be resumed
}

// Copy copies the file from another place on this machine's disks. A partial download of it is kept until the copy has passed all checks.
func (f File) Copy(ctx context.Context, from string) error {
	f.copied = true
	return f.alone(ctx, func() error {
		if err := f.copy(ctx, from); err != nil {
			return errors.Join(fmt.Errorf("copy %s: %w", from, err), f.discard())
		}
		if err := f.settle(ctx); err != nil {
			return fmt.Errorf("%s cannot be used: %w", from, err)
		}
		return nil
	})
}

func (f File) copy(ctx context.Context, from string) (err error) {
	in, stat, err := regular.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := f.fits(stat.Size(), 0); err != nil {
		return err
	}
	out, err := os.OpenFile(f.part(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, &meter{ctx: ctx, reader: in, total: stat.Size(), progress: f.Progress})
	return err
}

// fits refuses a size that the file cannot have, or for which the disk lacks space once have bytes are stored.
func (f File) fits(size, have int64) error {
	if size > f.Most {
		return fmt.Errorf("it has %d bytes, but %s has at most %d: this is another file", size, filepath.Base(f.Path), f.Most)
	}
	if free, err := diskspace.Free(filepath.Dir(f.Path)); err == nil && size-have > free {
		return fmt.Errorf("%s are needed in %s, but %s are free: free some space there", diskspace.Words(size-have), filepath.Dir(f.Path), diskspace.Words(free))
	}
	return nil
}

func (f File) part() string {
	if f.copied {
		return f.Path + ".copy.part"
	}
	return f.Path + ".part"
}

func (f File) state() string { return f.part() + ".json" }

// discard removes the data received so far.
func (f File) discard() error { return errors.Join(remove(f.part()), remove(f.state())) }

// alone calls bring while no other process, and no other goroutine of this one, brings the same file; it does not if another has completed
// the file before its turn.
func (f File) alone(ctx context.Context, bring func() error) (err error) {
	unlock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	ready := f.Ready
	if ready == nil {
		ready = func() bool { _, err := os.Stat(f.Path); return err == nil }
	}
	if ready() {
		return nil
	}
	return bring()
}

// lock waits for the current download of the file, showing its progress.
func (f File) lock(ctx context.Context) (unlock func() error, err error) {
	folder, name := filepath.Split(f.Path)
	for told := false; ; told = true {
		unlock, err := lockfile.Try(folder + "." + name + ".lock")
		if !errors.Is(err, lockfile.ErrBusy) {
			return unlock, err
		}
		done, s := f.sofar()
		if !told && f.Note != nil {
			f.Note(fmt.Sprintf("waiting for another process that is downloading %s, %s so far", f.Path, diskspace.Words(done)))
		}
		if f.Progress != nil {
			f.Progress(done, s.Total)
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// settle gives the complete part its final name if it passes all checks, and removes it otherwise.
func (f File) settle(ctx context.Context) error {
	if err := f.examine(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err() // the data received remain valid for the next time
		}
		return errors.Join(err, f.discard())
	}
	if err := errors.Join(syncFile(f.part()), os.Rename(f.part(), f.Path), f.discard()); err != nil {
		return err
	}
	f.copied = !f.copied // the file is there, so nothing begun in the other way is needed any more
	if err := f.discard(); err != nil {
		return err
	}
	return atomicfile.SyncFolder(filepath.Dir(f.Path))
}

func (f File) examine(ctx context.Context) error {
	if f.SHA256 != "" {
		sum, err := sum(ctx, f.part())
		if err != nil {
			return err
		}
		if sum != f.SHA256 {
			return fmt.Errorf("it has SHA-256 %s, want %s", sum, f.SHA256)
		}
	}
	if f.Check == nil {
		return nil
	}
	return f.Check(ctx, f.part())
}

// sum is the SHA-256 of a file, in hexadecimal digits.
func sum(ctx context.Context, name string) (string, error) {
	r, _, err := regular.Open(name)
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, &meter{ctx: ctx, reader: r}); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func syncFile(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// remove removes a file that may not exist.
func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// meter reports what has been read, and stops when its context ends.
type meter struct {
	ctx         context.Context
	reader      io.Reader
	done, total int64
	progress    func(done, total int64)
}

func (m *meter) Read(b []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.reader.Read(b)
	m.done += int64(n)
	if m.progress != nil {
		m.progress(m.done, m.total)
	}
	return n, err
}
