package dataset

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Files is the set of the named image files, without labels. It fails if a name is given twice. A missing file is reported when it is read,
// as for a list.
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

// listImage lists the root as the only image.
func (s *Set) listImage(ctx context.Context, _ LabelsFrom) error {
	s.Items = []Item{{Path: filepath.Base(s.Root), Label: -1, source: s.Root, container: -1}}
	return s.stat(ctx)
}

// Collects reports by its name whether a file contains or lists images, instead of being one: a list or an archive.
func Collects(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".tar", ".txt", ".lst", ".csv", ".tsv", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".zip", ".parquet":
		return true
	}
	return false
}
