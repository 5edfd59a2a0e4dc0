package cache

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"iconic/extract/store"
	"iconic/internal/atomicfile"
	"iconic/internal/cachefolder"
	"iconic/internal/plural"
)

// Kind is the kind of an entry.
type Kind string

const (
	Features Kind = "features" // features of a data set by one encoder
	Graphs   Kind = "graphs"   // graphs of nearest neighbours
	Encoder  Kind = "encoder"  // an ONNX file made from weights, or a rewritten one
	Weights  Kind = "weights"  // weights as they were downloaded
	Runtime  Kind = "runtime"  // a version of the ONNX Runtime library
	Index    Kind = "index"    // what recognises images without reading or encoding them again
	Rest     Kind = "rest"     // files left behind by killed processes
)

// Kinds lists all kinds, in the order of a listing.
func Kinds() []Kind { return []Kind{Features, Graphs, Encoder, Weights, Runtime, Index, Rest} }

// State is the state of an entry: finished, in use or unfinished.
type State string

const (
	Kept       State = ""             // finished and not in use
	InUse      State = "in use"       // being read or written by some process
	Unfinished State = "half-written" // begun by a process that is gone; the same command resumes it or starts again
)

// Entry is one item of the cache: a file or a folder.
type Entry struct {
	Kind   Kind      `json:"kind"`
	Name   string    `json:"name"` // path below the cache folder, with slashes
	Path   string    `json:"path"`
	Bytes  int64     `json:"bytes"`
	Used   time.Time `json:"used"` // time of the last write or use
	State  State     `json:"state,omitempty"`
	Detail string    `json:"detail,omitempty"` // contents, in words

	locks []string // files by which its writers exclude others
}

// Folder is the cache folder. It need not exist yet.
func Folder() (string, error) { return cachefolder.Root() }

// List lists all entries by kind, the largest first. The list is empty if the folder does not exist.
func List(ctx context.Context) ([]Entry, error) {
	root, err := cachefolder.Root()
	if err != nil {
		return nil, err
	}
	l := &lister{ctx: ctx, root: root}
	for _, look := range []func() error{l.features, l.neighbours, l.models, l.runtime, l.indexes, l.buckets} {
		if err := look(); err != nil {
			return nil, err
		}
	}
	kinds := Kinds()
	slices.SortStableFunc(l.entries, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Name, b.Name))
	})
	return l.entries, nil
}

// Bytes is the total size of the entries.
func Bytes(entries []Entry) int64 {
	var n int64
	for _, e := range entries {
		n += e.Bytes
	}
	return n
}

type lister struct {
	ctx     context.Context
	root    string
	entries []Entry
}

// each visits the entries of a folder of the cache; a missing folder is empty. Files left behind by killed processes are listed as Rest.
func (l *lister) each(folder string, visit func(path string, d fs.DirEntry) error) error {
	found, err := os.ReadDir(filepath.Join(l.root, folder))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, d := range found {
		path := filepath.Join(l.root, folder, d.Name())
		switch {
		case cachefolder.Lock(path):
		case atomicfile.Temporary(d.Name()) || strings.HasSuffix(d.Name(), ".part") || strings.HasSuffix(d.Name(), ".part.json"):
			err = l.rest(path)
		default:
			err = visit(path, d)
		}
		if err != nil {
			return err
		}
	}
	return err
}

// add measures an entry and lists it. It leaves out the folders in leave, which are entries of their own.
func (l *lister) add(e Entry, leave ...string) error {
	unfinished, files := false, 0
	err := filepath.WalkDir(e.Path, func(path string, d fs.DirEntry, err error) error {
		if err := l.ctx.Err(); err != nil {
			return err
		}
		if errors.Is(err, fs.ErrNotExist) { // removed in the meantime
			return nil
		}
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains(leave, path) {
			return filepath.SkipDir
		}
		stat, err := d.Info()
		if err != nil {
			return nil // removed in the meantime
		}
		if d.IsDir() {
			if path == e.Path && stat.ModTime().After(e.Used) {
				e.Used = stat.ModTime()
			}
			return nil
		}
		if cachefolder.Lock(path) {
			return nil
		}
		files++
		e.Bytes += stat.Size()
		if stat.ModTime().After(e.Used) {
			e.Used = stat.ModTime()
		}
		unfinished = unfinished || atomicfile.Temporary(d.Name()) || strings.HasSuffix(d.Name(), ".part")
		return nil
	})
	if err != nil {
		return err
	}
	if unfinished && e.State == Kept {
		e.State = Unfinished
	}
	if cachefolder.Busy(e.Path, e.locks...) {
		e.State = InUse
	}
	if e.Used.IsZero() || files == 0 && e.State == Kept { // a folder that was removed in the meantime, or that is empty
		return nil
	}
	below, err := filepath.Rel(l.root, e.Path)
	if err != nil {
		return err
	}
	e.Name, e.Used = filepath.ToSlash(below), e.Used.Truncate(time.Second)
	l.entries = append(l.entries, e)
	return nil
}

// rest lists an unfinished file. Only atomicfile.Sweep finds out whether its writer is alive.
func (l *lister) rest(path string) error {
	e := Entry{Kind: Rest, Path: path, State: Unfinished, Detail: "begun by a process that may be gone"}
	if base, ok := strings.CutSuffix(strings.TrimSuffix(path, ".json"), ".part"); ok {
		e.Detail = "a partial download that will be resumed"
		e.locks = []string{filepath.Join(filepath.Dir(base), "."+filepath.Base(base)+".lock")}
	}
	return l.add(e)
}

// features lists the stores and the graphs in them.
func (l *lister) features() error {
	return l.each(cachefolder.Features, func(path string, d fs.DirEntry) error {
		e := Entry{Kind: Features, Path: path, locks: []string{store.Lock(path)}}
		graphs := filepath.Join(path, "neighbours")
		switch m, err := store.Describe(path); {
		case err == nil:
			e.Detail = fmt.Sprintf("%s × %d by %s", plural.Of(m.Rows, "image", "images"), m.Dim, m.Encoder.Name)
			if m.Views > 1 {
				e.Detail += fmt.Sprintf(", %d views", m.Views)
			}
			if store.Unfinished(path) {
				e.Detail += "; a later run was interrupted"
			}
		case store.Unfinished(path):
			e.State, e.Detail = Unfinished, "an extraction that the same command resumes"
		case errors.Is(err, store.ErrNone):
			e.Detail = "no features yet"
		default:
			e.Detail = "damaged: made again when it is needed"
		}
		if err := l.add(e, graphs); err != nil {
			return err
		}
		if stat, err := os.Stat(graphs); err != nil || !stat.IsDir() {
			return nil
		}
		return l.graphs(graphs, append(e.locks, cachefolder.Use(path)))
	})
}

func (l *lister) graphs(folder string, locks []string) error {
	found, err := filepath.Glob(filepath.Join(strings.NewReplacer(`*`, `\*`, `?`, `\?`, `[`, `\[`, `\`, `\\`).Replace(folder), "*.knn"))
	if err != nil {
		return err
	}
	return l.add(Entry{Kind: Graphs, Path: folder, Detail: plural.Of(len(found), "graph", "graphs"), locks: locks})
}

func (l *lister) neighbours() error {
	return l.each(cachefolder.Neighbours, func(path string, d fs.DirEntry) error { return l.graphs(path, nil) })
}

func (l *lister) models() error {
	err := l.each(cachefolder.Models+"/onnx", func(path string, d fs.DirEntry) error {
		e := Entry{Kind: Encoder, Path: path, Detail: "ONNX file made from weights", locks: []string{filepath.Join(path, ".lock")}}
		if _, err := os.Stat(filepath.Join(path, "seal.json")); err != nil {
			e.State, e.Detail = Unfinished, "an import that will start again"
		}
		return l.add(e)
	})
	if err != nil {
		return err
	}
	return l.each(cachefolder.Models+"/weights", func(path string, d fs.DirEntry) error {
		locks, err := filepath.Glob(filepath.Join(path, ".*.lock"))
		if err != nil {
			return err
		}
		return l.add(Entry{Kind: Weights, Path: path, Detail: "weights as downloaded", locks: locks})
	})
}

func (l *lister) runtime() error {
	lock := filepath.Join(l.root, cachefolder.Runtime, ".lock")
	return l.each(cachefolder.Runtime, func(path string, d fs.DirEntry) error {
		return l.add(Entry{Kind: Runtime, Path: path, Detail: "ONNX Runtime library", locks: []string{lock}})
	})
}

// indexes are many small files that serve all stores, so each kind is one entry.
func (l *lister) indexes() error {
	for _, kind := range [...]struct{ folder, detail string }{
		{cachefolder.Contents, "images that have features, by content"}, {cachefolder.Stamps, "images that are unchanged"},
	} {
		path := filepath.Join(l.root, kind.folder)
		if _, err := os.Stat(path); err != nil {
			continue
		}
		if err := l.add(Entry{Kind: Index, Path: path, Detail: kind.detail}); err != nil {
			return err
		}
	}
	return nil
}

// buckets lists local copies of stores in buckets, which exist only while a process works on them.
func (l *lister) buckets() error {
	return l.each(cachefolder.Buckets, func(path string, d fs.DirEntry) error {
		if !d.IsDir() {
			return nil // the lock of a copy
		}
		return l.add(Entry{Kind: Rest, Path: path, State: Unfinished, Detail: "a copy of a store in a bucket", locks: []string{path + ".lock"}})
	})
}
