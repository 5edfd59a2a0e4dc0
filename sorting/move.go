package sorting

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"iconic/internal/atomicfile"
	"iconic/internal/regular"
)

// other takes the second step of a move that was killed after its first one.
func (r *work) other(from, to string) error {
	stat, err := os.Stat(from)
	if err != nil {
		return err
	}
	if !twice(from, to) { // it was replaced since the plan
		return errMoving
	}
	if err := os.Chmod(to, stat.Mode().Perm()); err != nil { // across may have been killed before this
		return err
	}
	if err := r.step(); err != nil {
		return err
	}
	return os.Remove(from)
}

// twice reports whether a regular file has two names, or there is a copy of it: removing one leaves the other.
func twice(a, b string) bool {
	x, errX := os.Lstat(a)
	y, errY := os.Lstat(b)
	if errX != nil || errY != nil || !x.Mode().IsRegular() || !y.Mode().IsRegular() || !apart(a, b) {
		return false
	}
	return os.SameFile(x, y) || x.Size() == y.Size() && equal(a, b)
}

// equal reports whether two files have the same bytes.
func equal(a, b string) bool {
	x, errX := regular.Read(a)
	y, errY := regular.Read(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// apart reports whether two names are of different files or are two hard links of one, and not one name reached through a symbolic link.
func apart(a, b string) bool {
	x, errX := filepath.EvalSymlinks(a)
	y, errY := filepath.EvalSymlinks(b)
	return errX == nil && errY == nil && x != y
}

// move gives a file, which must still be as it was seen, a new, unused name; between the two steps it has both. A file that was written or replaced in the
// meantime stays where it is.
func move(from, to string, seen fs.FileInfo, step func() error) error {
	err := os.Link(from, to)
	linked := err == nil
	if errors.Is(err, fs.ErrExist) {
		return err
	}
	if !linked { // another file system, or one without hard links
		if err := across(from, to); err != nil {
			return err
		}
	}
	if err := step(); err != nil {
		return err
	}
	now, err := os.Lstat(from)
	switch {
	case err != nil:
		return err
	case unwritten(now, seen):
		return os.Remove(from)
	case linked && !sameFile(from, to): // what was seen has only the new name by now
		return errMoving
	}
	return errors.Join(errMoving, os.Remove(to))
}

// across copies a file with its time and permissions to an unused name.
func across(from, to string) error {
	stat, err := os.Stat(from)
	if err != nil {
		return err
	}
	content, err := regular.Read(from)
	if err != nil {
		return err
	}
	if err := atomicfile.WriteNew(to, content, stat.ModTime()); err != nil {
		return err
	}
	return os.Chmod(to, stat.Mode().Perm())
}
