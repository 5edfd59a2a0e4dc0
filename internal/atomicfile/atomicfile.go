package atomicfile

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"iconic/internal/regular"
)

// Write gives the file name the content that write produces, with permissions 0644 less the umask. On any error an existing file remains
// unchanged and the temporary file is removed. The error names the file, unless it is in a temporary Folder.
func Write(name string, write func(w io.Writer) error) error {
	if err := checkName(name); err != nil {
		return err
	}
	Sweep(filepath.Dir(name))
	err := written(name, func(f *os.File) error {
		b := bufio.NewWriterSize(f, 1<<20)
		if err := write(b); err != nil {
			return err
		}
		return b.Flush()
	}, os.Rename)
	if err != nil && !Temporary(filepath.Dir(name)) { // the user of such a folder names the file that it will become
		return fmt.Errorf("write %s: %w", name, err)
	}
	return err
}

// checkName fails on no name and on that of a folder, in the place of which no file can be put.
func checkName(name string) error {
	if name == "" {
		return errors.New("the file to write has no name")
	}
	if stat, err := os.Stat(name); err == nil && stat.IsDir() {
		return fmt.Errorf("write %s: it is a folder: give the name of a file", name)
	}
	return nil
}

// MakeFolder makes the folder of a file that a user has named, if there is none. The error is that of Write for the file.
func MakeFolder(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := regular.MakeFolder(filepath.Dir(name), 0o777); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// WriteBytes is Write for a slice.
func WriteBytes(name string, content []byte) error {
	return Write(name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// WriteNew is WriteBytes for a name that does not exist yet; if it does, or appears in the meantime, that file is left unchanged and the
// error is an fs.ErrExist. The file gets the given modification time, or the current one if that is zero. Since folders filled in this way
// can be large, the caller must call Sweep once.
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
		// Unlike a rename, a link replaces nothing. On a file system without links, checking again is the best available.
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

// written makes a temporary file beside name, since a rename cannot cross file systems, calls fill to write it, and calls place to give it
// its final name. The temporary name is removed in any case, from errors, too.
func written(name string, fill func(f *os.File) error, place func(temporary, name string) error) error {
	folder := filepath.Dir(name)
	t, err := create(folder)
	if err != nil {
		return unnamed(err)
	}
	err = fill(t.file)
	if err == nil {
		err = t.file.Sync()
	}
	if err = errors.Join(unnamed(err), unnamed(t.file.Close())); err == nil {
		err = unnamed(place(t.path(), name))
	}
	if err != nil {
		return errors.Join(err, t.discard())
	}
	return errors.Join(SyncFolder(folder), t.release())
}

// unnamed is an error without the name of the temporary file, which nobody has given and which is gone.
func unnamed(err error) error {
	switch e := err.(type) {
	case *fs.PathError:
		if Temporary(e.Path) {
			return e.Err
		}
	case *os.LinkError:
		if Temporary(e.Old) {
			return e.Err
		}
	}
	return err
}

// Full reports whether an error says that there was no room for a file: the disk is full, or the user's quota, or the system allows no file as large.
func Full(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || TooLarge(err)
}

// TooLarge reports whether an error says that the system allows no file as large.
func TooLarge(err error) bool { return errors.Is(err, syscall.EFBIG) }

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
