package dataset

import (
	"io"
	"path/filepath"
	"strings"

	"iconic/internal/bucket"
)

// container is a file that holds many items.
type container struct {
	file     content
	modified stamp
	rows     *rows // rows of a Parquet file; nil: items are byte ranges of the file
}

// content is an open file or object.
type content interface {
	io.ReaderAt
	io.Closer
}

// holder is a file that contains items: its name below the set's root, with slashes, and its location.
type holder struct {
	name   string
	file   string         // on disk
	object *bucket.Object // in a bucket; nil: on disk
}

// onTop reports whether a file lies in no folder below the set's root.
func onTop(a holder) bool { return !strings.Contains(a.name, "/") }

// open opens an archive and returns its size and stamp.
func (s *Set) open(a holder) (content, int64, stamp, error) {
	if a.object != nil {
		c, stamp := s.remote.open(*a.object)
		return c, a.object.Size, stamp, nil
	}
	f, err := s.shelf.put(a.file)
	if err != nil {
		return nil, 0, stamp{}, err
	}
	return f, f.listed.Size(), stampOf(f.listed), nil
}

// address is the name of an archive in errors.
func (s *Set) address(a holder) string {
	if a.object != nil {
		return s.remote.Name(a.object.Key)
	}
	return a.file
}

// onDisk lists archives with the given names in a folder.
func onDisk(folder string, names []string) []holder {
	all := make([]holder, len(names))
	for i, name := range names {
		all[i] = holder{name: name, file: filepath.Join(folder, filepath.FromSlash(name))}
	}
	return all
}
