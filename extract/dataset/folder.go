package dataset

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"iconic/internal/parallel"
	"iconic/internal/table"
)

// listFolder lists the images in and below Root, following symbolic links.
func (s *Set) listFolder(ctx context.Context, from LabelsFrom) error {
	top, err := s.walk(ctx)
	if err != nil {
		return err
	}
	top.collect(s)
	s.labelByFolder(from)
	return nil
}

// walk lists what is in and below Root.
func (s *Set) walk(ctx context.Context) (*folder, error) {
	root, err := os.Stat(s.Root)
	if err != nil {
		return nil, err
	}
	g, ctx := errgroup.WithContext(ctx)
	w := walker{ctx: ctx, root: s.Root, group: g, busy: make(chan struct{}, 2*parallel.Workers(0))}
	top := &folder{above: []fs.FileInfo{root}}
	g.Go(func() error { return w.walk(top) })
	return top, g.Wait()
}

// folder is the listing of one folder, with its subfolders.
type folder struct {
	name  string        // path below the root, "" for the root
	above []fs.FileInfo // the folder and its ancestors

	images  []Item
	tables  []string       // Parquet files
	tars    []string       // archives
	clues   clues          // other files that show what the folder is
	ignored map[string]int // number of skipped files by extension
	passed  [][2]string    // what else was skipped: reason and example
	folders []*folder
}

// collect adds the images of a folder and of its subfolders to the set.
func (f *folder) collect(s *Set) {
	s.Items = append(s.Items, f.images...)
	s.tables = append(s.tables, f.tables...)
	s.tars = append(s.tars, f.tars...)
	for _, name := range f.clues {
		s.clues.add(name)
	}
	for extension, n := range f.ignored {
		s.Ignored[extension] += n
	}
	for _, p := range f.passed {
		s.pass(p[0], p[1])
	}
	for _, below := range f.folders {
		below.collect(s)
	}
}

// walker lists several folders at a time: each has its own place for the result, so that timing does not affect the order.
type walker struct {
	ctx   context.Context
	root  string
	group *errgroup.Group
	busy  chan struct{} // bounds the number of folders being read
}

// walk lists one folder and starts the listing of its subfolders.
func (w *walker) walk(f *folder) error {
	select {
	case w.busy <- struct{}{}:
	case <-w.ctx.Done():
		return w.ctx.Err()
	}
	err := w.read(f)
	<-w.busy
	for _, below := range f.folders {
		w.group.Go(func() error { return w.walk(below) })
	}
	return err
}

// read reads the contents of a folder.
func (w *walker) read(f *folder) error {
	place := filepath.Join(w.root, filepath.FromSlash(f.name))
	entries, err := os.ReadDir(place)
	switch {
	case err != nil && f.name != "" && errors.Is(err, fs.ErrPermission):
		f.passed = append(f.passed, [2]string{unreadable, f.name})
		return nil
	case err != nil:
		return fmt.Errorf("list images: %w", err)
	}
	targets, err := w.stat(place+string(filepath.Separator), entries)
	if err != nil {
		return err
	}
	above := f.name
	if above != "" {
		above += "/"
	}
	f.ignored, f.clues = map[string]int{}, clues{}
	for i, e := range entries {
		switch name := e.Name(); {
		case !hidden(name) || e.IsDir() && keptBySystem(name):
			f.add(above+name, e.Type(), targets[i])
		case e.IsDir():
			f.passed = append(f.passed, [2]string{hiddenFolder, above + name})
		case table.IsImage(name):
			f.passed = append(f.passed, [2]string{hiddenImage, above + name})
		}
	}
	return nil
}

// stat follows entries that may be an image, a folder or a link; the result is nil for all others, for files that are gone and for dangling
// links.
func (w *walker) stat(place string, entries []fs.DirEntry) ([]fs.FileInfo, error) {
	targets := make([]fs.FileInfo, len(entries))
	err := parallel.Blocks(w.ctx, 0, len(entries), 1024, func(_, lo, hi int) error {
		for i, e := range entries[lo:hi] {
			if name := e.Name(); !hidden(name) && (table.IsImage(name) || !e.Type().IsRegular()) {
				if target, err := os.Stat(place + name); err == nil {
					targets[lo+i] = target
				}
			}
		}
		return nil
	})
	return targets, err
}

// add adds a file or a folder with the given mode. An entry without a target that has an image's name becomes an item without size and
// stamp, and fails when it is read; any other link without a target is passed over as broken.
func (f *folder) add(name string, mode fs.FileMode, target fs.FileInfo) {
	if target != nil {
		mode = target.Mode().Type()
	}
	switch {
	case mode.IsDir() && keptBySystem(path.Base(name)):
		f.passed = append(f.passed, [2]string{systemFolder, name})
	case mode.IsDir() && target == nil:
		f.passed = append(f.passed, [2]string{unreadable, name})
	case mode.IsDir():
		if slices.ContainsFunc(f.above, func(a fs.FileInfo) bool { return os.SameFile(a, target) }) {
			return // a link to one of its own ancestors
		}
		f.folders = append(f.folders, &folder{name: name, above: append(f.above[:len(f.above):len(f.above)], target)})
	case mode&fs.ModeSymlink != 0 && !table.IsImage(name): // it may lead to a folder
		f.passed = append(f.passed, [2]string{brokenLink, name})
	case isTable(name) && !mode.IsRegular():
		f.passed = append(f.passed, [2]string{notRegular, name})
	case !table.IsImage(name):
		switch {
		case isTable(name):
			f.tables = append(f.tables, name)
		case isTar(name):
			f.tars = append(f.tars, name)
		default:
			f.clues.add(name)
		}
		f.ignored[strings.ToLower(path.Ext(name))]++
	case mode.IsRegular() || mode&fs.ModeSymlink != 0:
		item := Item{Path: name, Label: -1, container: -1}
		if target != nil {
			item.Size, item.modified = target.Size(), stampOf(target)
		}
		f.images = append(f.images, item)
	default:
		f.passed = append(f.passed, [2]string{notRegular, name})
	}
}

// text is the name of a folder for people: bytes that are not UTF-8, as old archives leave them, are written as \xe9, and counted.
func (s *Set) text(name string) string {
	if utf8.ValidString(name) {
		return name
	}
	var b strings.Builder
	for len(name) > 0 {
		r, n := utf8.DecodeRuneInString(name)
		if r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, `\x%02x`, name[0])
		} else {
			b.WriteString(name[:n])
		}
		name = name[n:]
	}
	s.escaped[b.String()] = true
	return b.String()
}

// label sets Classes to the distinct names in order, and each item's label to the index of its name. "" means no label.
func (s *Set) label(names []string, order func(a, b string) int) {
	seen := map[string]int{}
	for _, name := range names {
		if name != "" {
			seen[name] = 0
		}
	}
	s.Classes = make([]string, 0, len(seen))
	for name := range seen {
		s.Classes = append(s.Classes, name)
	}
	slices.SortFunc(s.Classes, order)
	for i, name := range s.Classes {
		seen[name] = i
	}
	for i, name := range names {
		s.Items[i].Label = -1
		if name != "" {
			s.Items[i].Label = seen[name]
		}
	}
}
