package npy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"iconic/internal/filestat"
	"iconic/internal/identity"
)

// ErrChanged is in the chain of the error for a file that was written to after it was opened.
var ErrChanged = errors.New("was written to after it was opened, so that what was read of it may be a mixture of two versions: leave the file alone while it is used, and start again")

// opened is what is known of a file since it was opened. Its map shows whatever is written into the file; a file that replaces it under its name is
// not the one that is mapped.
type opened struct {
	mutex    sync.Mutex
	size     int64
	modified time.Time
	changed  int64  // when its attributes changed last, see filestat.Changed
	number   uint64 // see filestat.Number
	sum      string // see Sum
	replaced bool   // the file has lost its name, with the content that it had
}

func newOpened(stat fs.FileInfo) *opened {
	return &opened{size: stat.Size(), modified: stat.ModTime(), changed: filestat.Changed(stat), number: filestat.Number(stat)}
}

// Sum is the key of the whole file (identity.File) as it was when it was first asked for: 16 hexadecimal digits.
func (f *File) Sum() (string, error) {
	f.opened.mutex.Lock()
	defer f.opened.mutex.Unlock()
	if f.opened.sum == "" {
		sum, err := identity.File(f)
		if err != nil {
			return "", err
		}
		f.opened.sum = sum
	}
	return f.opened.sum, nil
}

// Unchanged fails with ErrChanged, and the file's name, if the file was written to after it was opened, even if it has its former content again. A
// file that was only moved, linked or replaced by another one of its name, or has other permissions, is unchanged, for as long as the map has the
// content that Sum was computed of.
func (f *File) Unchanged() error {
	o := f.opened
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.replaced {
		return nil
	}
	stat, err := os.Stat(f.name)
	same := err == nil && filestat.Number(stat) == o.number
	switch {
	case same && (stat.Size() != o.size || !stat.ModTime().Equal(o.modified)):
		return fmt.Errorf("%s %w", f.name, ErrChanged)
	case same && filestat.Changed(stat) == o.changed:
		return nil
	}
	if sum, err := identity.File(f); err != nil {
		return err
	} else if sum != o.sum {
		return fmt.Errorf("%s %w", f.name, ErrChanged)
	}
	if o.replaced = !same; same {
		o.changed = filestat.Changed(stat)
	}
	return nil
}
