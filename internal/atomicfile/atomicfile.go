package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Write gives name the content that write produces, with permissions 0644 less the umask. On any error the old
// file, if there was one, stays as it was and the temporary file is removed. The error names the file.
func Write(name string, write func(w io.Writer) error) error {
	Sweep(filepath.Dir(name))
	err := written(name, func(f *os.File) error {
		b := bufio.NewWriterSize(f, 1<<20)
		if err := write(b); err != nil {
			return err
		}
		return b.Flush()
	}, os.Rename)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// WriteBytes is Write of a slice.
func WriteBytes(name string, content []byte) error {
	return Write(name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// WriteNew is WriteBytes to a name that nothing bears yet; if something does, or comes to meanwhile, it stays as it is and the
// error is an fs.ErrExist. The file bears the time modified, or now's where that is zero. Folders that are filled in this way can be
// large: to Sweep them once is left to the caller.
func WriteNew(name string, content []byte, modified time.Time) error {
	taken := &fs.PathError{Op: "write", Path: name, Err: fs.ErrExist}
	if _, err := os.Lstat(name); err == nil {
		return taken
	}
	err := written(name, func(f *os.File) error {
		_, err := f.Write(content)
		if err == nil && !modified.IsZero() {
			err = os.Chtimes(f.Name(), time.Time{}, modified)
		}
		return err
	}, func(temporary, name string) error {
		// Unlike a rename, a link replaces nothing. Where the file system has none, looking again is the best there is.
		err := os.Link(temporary, name)
		if err == nil || errors.Is(err, fs.ErrExist) {
			return errors.Join(err, os.Remove(temporary))
		}
		if _, err := os.Lstat(name); err == nil {
			return taken
		}
		return os.Rename(temporary, name)
	})
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return err
}

// written makes a temporary file beside name, since a rename does not cross file systems, has fill fill it, and gives it the name
// by place, for good. The temporary name is gone in any case.
func written(name string, fill func(f *os.File) error, place func(temporary, name string) error) error {
	folder := filepath.Dir(name)
	t, err := create(folder)
	if err != nil {
		return err
	}
	err = fill(t.file)
	if err == nil {
		err = t.file.Sync()
	}
	if err = errors.Join(err, t.file.Close()); err == nil {
		err = place(t.path(), name)
	}
	if err != nil {
		return errors.Join(err, t.discard())
	}
	return errors.Join(SyncFolder(folder), t.release())
}

// SyncFolder makes the names in a folder durable.
func SyncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}
