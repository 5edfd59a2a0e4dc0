package dataset

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/cespare/xxhash/v2"

	"iconic/internal/bucket"
	"iconic/internal/table"
)

// remote is the bucket that holds a set's objects, or the file at an address.
type remote struct {
	*bucket.Bucket
	ctx     context.Context // used for all reads until the set is closed
	end     context.CancelFunc
	prefix  string          // common prefix of all keys
	objects []bucket.Object // objects that are items themselves
}

// SourceError is Read's error if the fault is not in an image: the source of the set cannot be reached, or an object was replaced since the
// set was listed.
type SourceError struct{ Err error }

func (e *SourceError) Error() string { return e.Err.Error() }

func (e *SourceError) Unwrap() error { return e.Err }

// object reads an object. Its errors are SourceErrors.
type object struct{ *bucket.Reader }

func (o object) ReadAt(b []byte, offset int64) (int, error) {
	n, err := o.Reader.ReadAt(b, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &SourceError{err}
	}
	return n, err
}

func (object) Close() error { return nil }

// open opens an object for random access.
func (r *remote) open(o bucket.Object) (object, stamp) {
	return object{r.Reader(r.ctx, o)}, stampOfObject(o)
}

// Ahead announces that item i will be read soon. Objects in a bucket are then requested in the background. Items of archives and Parquet
// files are read in order and need no announcement.
func (s *Set) Ahead(i int) {
	if item := &s.Items[i]; s.object(item) {
		o, _ := s.remote.open(s.remote.objects[item.offset])
		o.Ahead()
	}
}

func stampOfObject(o bucket.Object) stamp {
	return stamp{o.Modified.UnixNano(), int64(xxhash.Sum64String(o.Version))}
}

// openRemote lists the content of an address.
func (s *Set) openRemote(ctx context.Context, address string, from LabelsFrom) error {
	s.Root = bucket.Public(address)
	b, key, err := bucket.Open(ctx, address)
	if err != nil {
		return err
	}
	s.remote = &remote{Bucket: b}
	s.remote.ctx, s.remote.end = context.WithCancel(ctx)
	name := path.Base(key)
	if b.Single() {
		name = path.Base(strings.SplitN(s.Root, "?", 2)[0])
	}
	if single := b.Single() || table.IsImage(name) || Collects(name); !single || key == "" && !b.Single() {
		if key != "" && !strings.HasSuffix(key, "/") {
			key += "/"
		}
		return s.listObjects(ctx, key, from)
	}
	switch {
	case isTar(name), isTable(name), table.IsImage(name) && !b.Single():
	default:
		return fmt.Errorf("%s: want a .tar archive, a .parquet file, or a bucket and a prefix of images; lists and compressed files can only be read from disk", s.Root)
	}
	o, err := b.Stat(ctx, key)
	if err != nil {
		return err
	}
	return s.listObject(ctx, o, name, from)
}

// listObject lists the single object that the root is.
func (s *Set) listObject(ctx context.Context, o bucket.Object, name string, from LabelsFrom) error {
	switch {
	case isTar(name):
		return s.readTars(ctx, from, []holder{{name: name, object: &o}}, false)
	case isTable(name):
		return s.listTables(ctx, from, []holder{{name: name, object: &o}})
	}
	s.takeObject(o, name)
	return nil
}

// takeObject makes an item of an object.
func (s *Set) takeObject(o bucket.Object, name string) {
	s.Items = append(s.Items, Item{Path: name, Label: -1, Size: o.Size, container: -1, offset: int64(len(s.remote.objects)), modified: stampOfObject(o)})
	s.remote.objects = append(s.remote.objects, o)
}

// listObjects lists the objects under a prefix like the files of a folder: images, else archives, else Parquet files.
func (s *Set) listObjects(ctx context.Context, prefix string, from LabelsFrom) error {
	s.remote.prefix = prefix
	var tars, tables []holder
	for o, err := range s.remote.List(ctx, prefix) {
		if err != nil {
			return err
		}
		name := strings.TrimPrefix(o.Key, prefix)
		switch {
		case name == "" || strings.HasSuffix(name, "/"):
		case systemPart(name) != "":
			s.pass(systemFile, name)
		case hiddenMember(name):
			if table.IsImage(name) {
				s.pass(hiddenImage, name)
			}
		case table.IsImage(name):
			s.takeObject(o, name)
		default:
			s.Ignored[strings.ToLower(path.Ext(name))]++
			switch {
			case isTar(name):
				tars = append(tars, holder{name: name, object: &o})
			case isTable(name):
				tables = append(tables, holder{name: name, object: &o})
			default:
				s.clues.add(name)
			}
		}
	}
	s.labelByFolder(from)
	return s.choose(ctx, from, tars, tables)
}
