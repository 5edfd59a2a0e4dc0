package atomicfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"iconic/internal/regular"
)

// CheckFolder fails if files could not be written into a folder, which need not exist yet: if its name or that of a folder above is a file's, or a
// link's to nothing, or if the nearest folder that exists takes no new files. It makes no folder and leaves no file behind, so that work of which
// the result could not be kept is refused before it begins.
func CheckFolder(folder string) error {
	at := folder
	for {
		stat, err := os.Stat(at)
		switch {
		case err == nil && !stat.IsDir():
			return fmt.Errorf("%s is a file, not a folder", at)
		case err == nil:
			return tryFile(at)
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR):
			return err
		}
		if err := regular.CheckLink(at); err != nil {
			return err
		}
		above := filepath.Dir(at)
		if above == at {
			return err
		}
		at = above
	}
}

// tryFile makes a file in a folder and removes it, and those of trials that were killed: what is written after a trial may all go to other folders.
func tryFile(folder string) error {
	Sweep(folder)
	t, err := create(folder)
	if err != nil {
		return fmt.Errorf("no file can be made in %s: %w", folder, unnamed(err))
	}
	return errors.Join(t.file.Close(), t.discard())
}
