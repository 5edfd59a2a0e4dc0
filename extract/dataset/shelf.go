package dataset

import (
	"fmt"
	"io/fs"
	"os"
	"slices"
	"sync"

	"iconic/internal/regular"
)

// mostOpen is how many archives and Parquet files of a set are open at once: a set of thousands of shards must not run into the
// process's limit of open files. Images are read in their order, so a few files at a time are enough.
const mostOpen = 16

// shelf holds the files that are open, those read last at the front. Its zero value is ready for use.
type shelf struct {
	mu   sync.Mutex
	open []*shelved
}

// shelved is a file that is opened when it is read, and closed when many others have been read since.
type shelved struct {
	shelf   *shelf
	name    string
	listed  fs.FileInfo // what it was when the set was listed
	file    *os.File    // nil while it is closed
	readers int
}

// put opens a file for the first time.
func (s *shelf) put(name string) (*shelved, error) {
	file, stat, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	f := &shelved{shelf: s, name: name, listed: stat, file: file}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open = slices.Insert(s.open, 0, f)
	return f, s.trim()
}

// ReadAt reads from the file as it was listed. A file that was replaced or changed since is a SourceError.
func (f *shelved) ReadAt(b []byte, offset int64) (int, error) {
	file, err := f.take()
	if err != nil {
		return 0, &SourceError{err}
	}
	n, err := file.ReadAt(b, offset)
	f.giveBack()
	return n, err
}

// take opens the file where it is closed, and keeps it open until it is given back.
func (f *shelved) take() (*os.File, error) {
	s := f.shelf
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.file == nil {
		file, stat, err := regular.Open(f.name)
		if err != nil {
			return nil, err
		}
		if f.file = file; !os.SameFile(stat, f.listed) || !stat.ModTime().Equal(f.listed.ModTime()) || stat.Size() != f.listed.Size() {
			f.file = nil
			_ = file.Close() // nothing was written to it
			return nil, fmt.Errorf("%s was replaced or changed while it was read: start again", f.name)
		}
	} else if at := slices.Index(s.open, f); at == 0 {
		f.readers++
		return f.file, nil
	} else {
		s.open = slices.Delete(s.open, at, at+1)
	}
	f.readers++
	s.open = slices.Insert(s.open, 0, f)
	return f.file, s.trim()
}

func (f *shelved) giveBack() {
	f.shelf.mu.Lock()
	defer f.shelf.mu.Unlock()
	f.readers--
}

// trim closes the files that nobody has read for the longest time. The caller holds the lock.
func (s *shelf) trim() error {
	for at := len(s.open) - 1; at >= 0 && len(s.open) > mostOpen; at-- {
		if f := s.open[at]; f.readers == 0 {
			s.open = slices.Delete(s.open, at, at+1)
			if err := f.shut(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *shelved) shut() error {
	file := f.file
	f.file = nil
	return file.Close()
}

// Close closes the file for good.
func (f *shelved) Close() error {
	s := f.shelf
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.Index(s.open, f)
	if at < 0 {
		return nil
	}
	s.open = slices.Delete(s.open, at, at+1)
	return f.shut()
}
