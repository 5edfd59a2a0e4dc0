package regular

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// MakeFolder is os.MkdirAll for a folder named by a user. If the name, or that of a folder above, is a link to something that does not exist, the
// error says so, as it does if the name is a file's.
func MakeFolder(name string, perm fs.FileMode) error {
	err := os.MkdirAll(name, perm)
	var at *fs.PathError
	if errors.As(err, &at) {
		if broken := CheckLink(at.Path); broken != nil {
			return broken
		}
		if stat, serr := os.Stat(at.Path); serr == nil && !stat.IsDir() {
			return fmt.Errorf("%s is a file, not a folder", at.Path)
		}
	}
	return err
}

// CheckLink fails if the name is that of a link to something that does not exist.
func CheckLink(name string) error {
	target, err := os.Readlink(name)
	if err != nil { // no link
		return nil
	}
	if _, err := os.Stat(name); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is a link to %s, which does not exist", name, target)
	}
	return nil
}

// Names are a file's name and, if it is a link, that of what it leads to.
func Names(file string) []string {
	if target, err := filepath.EvalSymlinks(file); err == nil {
		return []string{file, target}
	}
	return []string{file}
}
