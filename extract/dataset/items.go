package dataset

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Find returns the index of the item with that path.
func (s *Set) Find(path string) (int, bool) {
	return slices.BinarySearchFunc(s.Items, path, func(item Item, path string) int { return strings.Compare(item.Path, path) })
}

// File is the name of item i's own file; ok is false if the item shares a file with others.
func (s *Set) File(i int) (name string, ok bool) {
	item := &s.Items[i]
	return s.file(item), item.container < 0 && s.remote == nil
}

// Holder is the name of the file on disk that item i shares with others; ok is false if it has a file of its own, or is in a bucket.
func (s *Set) Holder(i int) (name string, ok bool) {
	c := s.Items[i].container
	if c < 0 || s.remote != nil {
		return "", false
	}
	f, ok := s.containers[c].file.(*shelved)
	if !ok {
		return "", false
	}
	return f.name, true
}

// Modified is when item i was last written, as its archive or bucket says. It is zero if they do not (rows of Parquet files and binary data sets have no
// times, and members of some archives have none), and for a file of its own (File), which knows it.
func (s *Set) Modified(i int) time.Time {
	written := s.Items[i].modified.written
	if _, own := s.File(i); own || written == 0 {
		return time.Time{}
	}
	return time.Unix(0, written)
}

// Name is a name under which item i can be found from the working directory, with slashes: its file, or the file that contains it and its
// path there.
func (s *Set) Name(i int) string {
	item := &s.Items[i]
	switch {
	case s.remote != nil: // an address begins with two slashes, which path.Join would merge
		return strings.TrimSuffix(s.Root, "/") + "/" + item.Path
	case item.container < 0:
		return filepath.ToSlash(s.file(item))
	case s.Nameless(i) && isTable(s.Root): // the path begins with the name of the file
		return path.Join(path.Dir(filepath.ToSlash(s.Root)), item.Path)
	}
	return path.Join(filepath.ToSlash(s.Root), item.Path)
}

// Nameless reports whether item i has no file name, neither its own nor one in an archive: it is a row of a Parquet file, whose size is
// also unknown until it is read.
func (s *Set) Nameless(i int) bool {
	c := s.Items[i].container
	return c >= 0 && s.containers[c].rows != nil
}

// Written is when the file of item i, or the file that contains it, was last written, replaced or renamed, as the file system says. It is zero if that is not known, and
// for what is in a bucket, where nothing can be seen before it is complete.
func (s *Set) Written(i int) time.Time {
	m := s.modified(i)
	if last := max(m.written, m.changed); s.remote == nil && last != 0 {
		return time.Unix(0, last)
	}
	return time.Time{}
}

// modified are the times of item i's own file or of the file that contains it.
func (s *Set) modified(i int) stamp {
	if item := &s.Items[i]; item.container < 0 {
		return item.modified
	}
	return s.containers[s.Items[i].container].modified
}

// Unwritten reports whether the file system says that item i, which has a file of its own (File), was not written or replaced since the set was opened. A file
// that was only renamed, or given another name, may count as written.
func (s *Set) Unwritten(i int) bool {
	item := &s.Items[i]
	stat, err := os.Stat(s.file(item))
	return err == nil && stat.Mode().IsRegular() && stat.Size() == item.Size && stampOf(stat) == item.modified
}

// file is the name of an item's own file.
func (s *Set) file(item *Item) string {
	if item.source != "" {
		return item.source
	}
	return filepath.Join(s.Root, filepath.FromSlash(item.Path))
}

// Stamp changes whenever the file system or bucket reports that item i, or the file that contains it, was written or replaced. Equal stamps mean
// equal bytes; different ones may mean equal bytes, too. See Unchanged.
func (s *Set) Stamp(i int) string {
	item, m := &s.Items[i], s.modified(i)
	place := item.offset // two members of an archive may be alike in all else
	if s.object(item) {
		place = 0 // its key says which it is, and its index in the listing changes with each new object before it
	}
	b := make([]byte, 0, 64)
	for _, v := range [...]int64{item.Size, m.written, m.changed, place} {
		b = append(strconv.AppendInt(b, v, 36), '.')
	}
	return string(b[:len(b)-1])
}

// Unchanged reports whether a stamp that was recorded for the path of item i shows that its bytes are the same: it equals the item's, or, for an object of its
// own in a bucket, differs only in the last number, which was the object's index in the listing when earlier versions recorded it.
func (s *Set) Unchanged(i int, recorded string) bool {
	now := s.Stamp(i)
	if recorded == now || !s.object(&s.Items[i]) {
		return recorded == now
	}
	end := strings.LastIndexByte(now, '.') + 1
	return strings.HasPrefix(recorded, now[:end]) && !strings.Contains(recorded[end:], ".")
}

// object reports whether an item is an object of its own in a bucket.
func (s *Set) object(item *Item) bool { return s.remote != nil && item.container < 0 }
