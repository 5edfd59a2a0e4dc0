package dataset

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Files is the set of image files of these names, without labels. It fails on a name that is given twice. A file that is not
// there is told when it is read, as one of a list.
func Files(ctx context.Context, names []string) (*Set, error) {
	s := &Set{Root: ".", Ignored: map[string]int{}}
	for _, name := range names {
		s.Items = append(s.Items, Item{Path: path.Clean(filepath.ToSlash(name)), Label: -1, source: name, container: -1})
	}
	slices.SortFunc(s.Items, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
	for i := 1; i < len(s.Items); i++ {
		if s.Items[i].Path == s.Items[i-1].Path {
			return nil, fmt.Errorf("%s is given twice", s.Items[i].Path)
		}
	}
	if len(s.Items) == 0 {
		return nil, fmt.Errorf("the list of files %w", ErrNoImages)
	}
	return s, s.stat(ctx)
}

// listImage lists the one image that the root is.
func (s *Set) listImage(ctx context.Context, _ LabelsFrom) error {
	s.Items = []Item{{Path: filepath.Base(s.Root), Label: -1, source: s.Root, container: -1}}
	return s.stat(ctx)
}

// Collects tells by its name whether a file holds or lists images, instead of being one: a list, an archive.
func Collects(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".tar", ".txt", ".lst", ".csv", ".tsv", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip", ".parquet":
		return true
	}
	return false
}
