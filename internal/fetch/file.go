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
)

// File is a file that is to be brought here.
type File struct {
	Path   string // its final name; the folder must be there
	SHA256 string // in hexadecimal digits, lower case; "" where it is not known
	Most   int64  // bytes that it can have at most, > 0

	// Check looks into the file, which still has a temporary name, before it gets its own; nil accepts every file. Unless
	// its error is the context's, the file is removed.
	Check func(ctx context.Context, name string) error
	// Ready tells whether another process has brought the file meanwhile; nil looks whether Path is there.
	Ready func() bool

	Note     func(text string)       // told once when another process is waited for; may be nil
	Progress func(done, total int64) // told the bytes done, total −1 where it is not known; may be nil
}

// Copy brings the file from another place on this machine's disks.
func (f File) Copy(ctx context.Context, from string) error {
	return f.alone(ctx, func() error {
		if err := f.copy(ctx, from); err != nil {
			return errors.Join(fmt.Errorf("copy %s: %w", from, err), f.discard())
		}
		if err := f.settle(ctx); err != nil {
			return fmt.Errorf("%s is not taken: %w", from, err)
		}
		return nil
	})
}

func (f File) copy(ctx context.Context, from string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	stat, err := in.Stat()
	if err != nil {
		return err
	}
	if err := f.fits(stat.Size(), 0); err != nil {
		return err
	}
	if err := remove(f.state()); err != nil { // of a download, whose part this overwrites
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

// fits refuses a size that the file cannot have, or that the disk has no room for once have bytes are there.
func (f File) fits(size, have int64) error {
	if size > f.Most {
		return fmt.Errorf("it has %d bytes, and %s has at most %d: this is another file", size, filepath.Base(f.Path), f.Most)
	}
	if free, err := diskspace.Free(filepath.Dir(f.Path)); err == nil && size-have > free {
		return fmt.Errorf("%s are needed in %s and %s are free: make room there", diskspace.Words(size-have), filepath.Dir(f.Path), diskspace.Words(free))
	}
	return nil
}

func (f File) part() string  { return f.Path + ".part" }
func (f File) state() string { return f.Path + ".part.json" }

// discard removes what has come so far.
func (f File) discard() error { return errors.Join(remove(f.part()), remove(f.state())) }

// alone runs bring while no other process, and nobody else in this one, brings the same file; not at all if somebody has done so
// before its turn.
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

// lock waits for whoever brings the file now, showing how far that is.
func (f File) lock(ctx context.Context) (unlock func() error, err error) {
	folder, name := filepath.Split(f.Path)
	for told := false; ; told = true {
		unlock, err := lockfile.Try(folder + "." + name + ".lock")
		if !errors.Is(err, lockfile.ErrBusy) {
			return unlock, err
		}
		done, s := f.sofar()
		if !told && f.Note != nil {
			f.Note(fmt.Sprintf("another process is fetching %s and has %s of it so far: waiting for that one", f.Path, diskspace.Words(done)))
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

// settle gives the part, which is complete, its final name if it is what it should be, and removes it if it is not.
func (f File) settle(ctx context.Context) error {
	if err := f.examine(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err() // what has come is still good for the next time
		}
		return errors.Join(err, f.discard())
	}
	if err := errors.Join(syncFile(f.part()), os.Rename(f.part(), f.Path), remove(f.state())); err != nil {
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
			return fmt.Errorf("it has SHA-256 %s where %s was expected", sum, f.SHA256)
		}
	}
	if f.Check == nil {
		return nil
	}
	return f.Check(ctx, f.part())
}

// sum is the SHA-256 of a file, in hexadecimal digits.
func sum(ctx context.Context, name string) (string, error) {
	r, err := os.Open(name)
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

// remove removes a file that may not be there.
func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// meter tells what has been read, and ends with its context.
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
