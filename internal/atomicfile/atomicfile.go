// Package atomicfile writes files that exist whole or not at all.
//
// A reader never sees a partial file under its final name, whatever moment the process or the machine stops:
// the bytes go to a temporary file in the same folder, are synced, take the final name in one rename, and the
// folder is synced so that the rename itself survives a power cut.
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

	"github.com/google/renameio/v2"
)

// Write gives name the content that write produces, with permissions 0644 less the umask. On any error the old
// file, if there was one, stays as it was and the temporary file is removed. The error names the file.
func Write(name string, write func(w io.Writer) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write %s: %w", name, err)
		}
	}()
	// The temporary file must lie beside the final one: a rename does not cross file systems.
	f, err := renameio.NewPendingFile(name, renameio.WithTempDir(filepath.Dir(name)), renameio.WithPermissions(0o644))
	if err != nil {
		return err
	}
	defer f.Cleanup() // does nothing once the file is in place
	b := bufio.NewWriterSize(f, 1<<20)
	if err := write(b); err != nil {
		return err
	}
	if err := b.Flush(); err != nil {
		return err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(name))
}

// WriteBytes is Write of a slice.
func WriteBytes(name string, content []byte) error {
	return Write(name, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	})
}

// WriteNew is WriteBytes to a name that nothing bears yet; if something does, or comes to meanwhile, it stays as it is and the
// error is an fs.ErrExist. The file bears the time modified, or now's where that is zero.
func WriteNew(name string, content []byte, modified time.Time) error {
	if _, err := os.Lstat(name); err == nil {
		return &fs.PathError{Op: "write", Path: name, Err: fs.ErrExist}
	}
	// The temporary name is this call's alone, and as short for a long name as for any other.
	f, err := renameio.NewPendingFile(filepath.Join(filepath.Dir(name), "iconic"), renameio.WithTempDir(filepath.Dir(name)), renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer f.Cleanup() // the temporary name stays only if the process dies before
	_, err = f.Write(content)
	if err == nil && !modified.IsZero() {
		err = os.Chtimes(f.Name(), time.Time{}, modified)
	}
	if err = errors.Join(err, f.Sync()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	// Unlike a rename, a link replaces nothing. Where the file system has none, looking again is the best there is.
	err = os.Link(f.Name(), name)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		if _, err = os.Lstat(name); err == nil {
			return &fs.PathError{Op: "write", Path: name, Err: fs.ErrExist}
		}
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(name))
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
