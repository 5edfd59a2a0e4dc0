package dataset

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"iconic/internal/parallel"
)

// listFolder lists the images at and below Root, following symbolic links.
func (s *Set) listFolder(ctx context.Context, from LabelsFrom) error {
	root, err := os.Stat(s.Root)
	if err != nil {
		return err
	}
	w := walker{ctx: ctx, set: s}
	if err := w.walk("", []fs.FileInfo{root}); err != nil {
		return err
	}
	if err := s.stat(ctx); err != nil {
		return err
	}
	s.labelByFolder(from)
	return nil
}

// walker collects the images of a folder.
type walker struct {
	ctx context.Context
	set *Set
}

// walk lists one folder, of which above are the ancestors and itself.
func (w *walker) walk(folder string, above []fs.FileInfo) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(w.set.Root, filepath.FromSlash(folder)))
	if err != nil {
		return fmt.Errorf("list images: %w", err)
	}
	for _, e := range entries {
		if hidden(e.Name()) {
			continue
		}
		name := path.Join(folder, e.Name())
		mode := e.Type()
		var target fs.FileInfo
		if mode&fs.ModeSymlink != 0 || e.IsDir() {
			target, err = os.Stat(filepath.Join(w.set.Root, filepath.FromSlash(name)))
			if err == nil {
				mode = target.Mode().Type()
			}
			// A link that leads nowhere is an item that cannot be read, if it bears an image's name.
		}
		switch {
		case mode.IsDir():
			if slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, target) }) {
				continue // a link to a folder that it lies in
			}
			if err := w.walk(name, append(above[:len(above):len(above)], target)); err != nil {
				return err
			}
		case !isImage(name):
			w.set.Ignored[strings.ToLower(path.Ext(name))]++
		case mode.IsRegular() || mode&fs.ModeSymlink != 0:
			w.set.Items = append(w.set.Items, Item{Path: name, Label: -1, container: -1})
		}
	}
	return nil
}

// stat fills size and stamp of items that are files of their own. A file that has vanished since keeps zeros, and
// fails when it is read.
func (s *Set) stat(ctx context.Context) error {
	return parallel.Blocks(ctx, 0, len(s.Items), 1024, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			item := &s.Items[i]
			if stat, err := os.Stat(s.file(item)); err == nil {
				item.Size, item.modified = stat.Size(), stampOf(stat)
			}
		}
		return nil
	})
}

// splitNames maps the folders that name a split to the split.
var splitNames = map[string]string{
	"train": "train", "training": "train",
	"val": "val", "valid": "val", "validation": "val",
	"test": "test", "testing": "test",
}

// labelByFolder sets splits and labels from the folders in the items' paths.
func (s *Set) labelByFolder(from LabelsFrom) {
	folders := make([][]string, len(s.Items))
	for i, item := range s.Items {
		parts := strings.Split(item.Path, "/")
		folders[i] = parts[:len(parts)-1]
	}
	split := skipShared(folders)
	if !s.split(folders, split) {
		split--
	}
	names := make([]string, len(s.Items))
	if from != None {
		for i, f := range folders {
			switch f = f[min(split+1, len(f)):]; {
			case len(f) == 0:
			case from == Last:
				names[i] = f[len(f)-1]
			default:
				names[i] = f[0]
			}
		}
	}
	s.label(names, strings.Compare)
}

// skipShared counts the leading folders that all items share, leaving each item at least one.
func skipShared(folders [][]string) int {
	shared := 0
	for {
		for _, f := range folders {
			if len(f) < shared+2 || f[shared] != folders[0][shared] {
				return shared
			}
		}
		if len(folders) == 0 {
			return shared
		}
		if _, split := splitNames[strings.ToLower(folders[0][shared])]; split {
			return shared
		}
		shared++
	}
}

// split sets the items' splits if their folders at the given depth all name one.
func (s *Set) split(folders [][]string, depth int) bool {
	for _, f := range folders {
		if len(f) <= depth || splitNames[strings.ToLower(f[depth])] == "" {
			return false
		}
	}
	for i, f := range folders {
		s.Items[i].Split = splitNames[strings.ToLower(f[depth])]
	}
	return len(folders) > 0
}

// label sets Classes to the distinct names in order, and each item's label to its name's place. "" is no label.
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
