package dataset

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"iconic/internal/bucket"
	"iconic/option"
)

// LabelsFrom says which folder in an image's path names its class.
type LabelsFrom string

// The choices. A folder that all images share and one that names a split are not classes and are skipped.
const (
	First LabelsFrom = "first" // the topmost folder, as in torchvision's ImageFolder
	Last  LabelsFrom = "last"  // the folder that contains the image
	None  LabelsFrom = "none"  // images have no labels
)

// Set makes LabelsFrom usable as a flag's value.
func (l *LabelsFrom) Set(s string) error {
	switch LabelsFrom(s) {
	case First, Last, None:
		*l = LabelsFrom(s)
		return nil
	}
	return fmt.Errorf("%q is not one of first, last, none", s)
}

func (l *LabelsFrom) String() string { return string(*l) }

// Type is the value's name in a flag's help.
func (l *LabelsFrom) Type() string { return "folder" }

// Options say how to interpret a data set.
type Options struct {
	LabelsFrom LabelsFrom // "": First
	Splits     []string   // keep only these splits, such as "train"; empty: all

	LabelsChosen bool `json:"-"` // LabelsFrom is a choice, and no default: data whose classes are not named by folders are refused with it, unless it is None

	// The columns of Parquet files; "": found by metadata and name.
	ImageColumn string `json:",omitempty"`
	LabelColumn string `json:",omitempty"`

	Memory int64 `json:"-"` // bytes for labels of Parquet files while they are listed; 0: half of what the machine or its control group has
}

// Item is one image of a set.
type Item struct {
	Path  string // path below the set's root, with slashes; unique
	Label int    // index into Classes; −1: none
	Split string // "train", "val", "test", "unlabeled"; "": no split
	Size  int64  // bytes as listed; 0 for a row of a Parquet file

	source    string // the file, unless it is root joined with Path
	container int    // index into Set.containers; −1: a file of its own
	offset    int64  // offset of its bytes in the container
	modified  stamp  // of its file or object, or what the archive says of its member; zero: not known
}

// Set is an open data set.
type Set struct {
	Root    string         // as given
	Classes []string       // class names in the order of labels; empty: the set has no labels
	Items   []Item         // in ascending byte order of Path
	Ignored map[string]int // number of skipped files by lower-case extension
	Passed  []Passed       // what else was skipped, and why
	Raw     *Raw           // layout of pixels in an item's bytes; nil: they are an image file

	options    Options
	containers []*container
	shelf      shelf    // of the local files among them
	remote     *remote  // where the set lies, if not on disk
	tables     []string // Parquet files that a walk of the folder found, below the root, with slashes
	tars       []string // archives, likewise
	clues      clues    // other files that show what the folder is
	kept       *pages   // of those, where their rows are the items
	completed  int      // images of a list whose extensions were missing
	reformed   int      // images of a list whose names are in another Unicode form
	classesBy  string   // a column used for the classes although its name is unknown
	missing    int      // archives or Parquet files that are missing from numbered ones
	missed     []string // the first of them
	lacked     []string // files that are missing from the data set of that name
	lackedOf   string
	header     string // the first line of a list, taken for the name of its only column
	labelled   bool   // a column, .cls members, or binary files give labels
	written    bool   // classes are called as a column or .cls members write them
	byFolders  bool   // folders in the paths of images give labels
	doubts     doubts // how those were read

	escaped map[string]bool // classes by folders whose names are not UTF-8
}

// Raw is the layout of images stored as plain pixels.
type Raw struct {
	Width, Height int
	ByColumn      bool // pixels are stored by columns; otherwise by rows
}

// RGB turns the three planes of an image into interleaved pixels, row by row.
func (r Raw) RGB(planes []byte) []byte {
	n := r.Width * r.Height
	rgb := make([]byte, 3*n)
	for y := range r.Height {
		for x := range r.Width {
			at := y*r.Width + x
			if r.ByColumn {
				at = x*r.Height + y
			}
			for c := range 3 {
				rgb[3*(y*r.Width+x)+c] = planes[c*n+at]
			}
		}
	}
	return rgb
}

// ErrNoImages is in the chain of Open's error for a path that exists but contains no image.
var ErrNoImages = errors.New("holds no images")

// Open lists the data set at path. It fails if there is none, or if it contains no image. Close it after use.
func Open(ctx context.Context, path string, o Options) (_ *Set, err error) {
	if o.LabelsFrom = cmp.Or(o.LabelsFrom, First); o.LabelsFrom.Set(string(o.LabelsFrom)) != nil {
		return nil, option.Errorf("LabelsFrom", "labels from the folder %q: want %s, %s or %s", string(o.LabelsFrom), First, Last, None)
	}
	if o.LabelColumn != "" && o.LabelsFrom == None {
		return nil, fmt.Errorf("labels are taken from column %s and from \"none\": leave out one of the two", o.LabelColumn)
	}
	s := &Set{Root: path, Ignored: map[string]int{}, options: o, clues: clues{}, escaped: map[string]bool{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if bucket.Is(path) {
		err = s.openRemote(ctx, path, o.LabelsFrom)
	} else {
		err = s.openLocal(ctx, o.LabelsFrom)
	}
	if err != nil {
		return nil, err
	}
	path = s.Root
	if s.kept == nil && (o.ImageColumn != "" || o.LabelColumn != "") {
		return nil, fmt.Errorf("%s has no columns: only Parquet files have columns of images and labels", path)
	}
	if o.LabelsChosen && o.LabelsFrom != None && len(s.Items) > 0 && !s.byFolders {
		return nil, option.Errorf("LabelsChosen", "%s: folders name the classes of a folder of images, and of tar archives without .cls members, only; other data have them in a column, in .cls members or in the records", path)
	}
	if err := s.classesAreText(); err != nil {
		return nil, err
	}
	if twice := firstTwice(s.Classes); twice != "" {
		return nil, fmt.Errorf("%s: its file of names has the class %q twice: give each class its own name there", path, twice)
	}
	if err := s.keep(o.Splits); err != nil {
		return nil, err
	}
	if len(s.Items) == 0 {
		return nil, fmt.Errorf("%s %w%s%s", path, ErrNoImages, s.others(), s.wayOut())
	}
	slices.SortFunc(s.Items, func(a, b Item) int { return strings.Compare(a.Path, b.Path) })
	for i := range s.Items[1:] {
		if s.Items[i].Path == s.Items[i+1].Path {
			return nil, fmt.Errorf("%s lists %s twice: remove one of the two, and see which label and split are right", path, s.Items[i].Path)
		}
	}
	return s, nil
}

// classesAreText fails if the name of a class is not a text, since results could not show it.
func (s *Set) classesAreText() error {
	for c, name := range s.Classes {
		if utf8.ValidString(name) && !strings.Contains(name, "\x00") {
			continue
		}
		of := ""
		if i := slices.IndexFunc(s.Items, func(item Item) bool { return item.Label == c }); i >= 0 {
			of = " of " + s.Items[i].Path
		}
		return option.Errorf("LabelsFrom", "%s: the class %q%s is not a text in UTF-8: save it as one, or leave out the labels", s.Root, name, of)
	}
	return nil
}

// WithImages is the number of classes that an item has. The set may name others, such as those of a split that is left out.
func (s *Set) WithImages() int {
	has := make([]bool, len(s.Classes))
	n := 0
	for _, item := range s.Items {
		if l := item.Label; l >= 0 && !has[l] {
			has[l] = true
			n++
		}
	}
	return n
}

// keep drops the items of all other splits.
func (s *Set) keep(splits []string) error {
	if len(splits) == 0 {
		return nil
	}
	var have []string
	for _, item := range s.Items {
		if !slices.Contains(have, item.Split) {
			have = append(have, item.Split)
		}
	}
	for _, split := range splits {
		if !slices.Contains(have, split) {
			return fmt.Errorf("%s has no split %q; %s%s", s.Root, split, splitsOf(have), s.unknownSplits())
		}
	}
	s.Items = slices.DeleteFunc(s.Items, func(item Item) bool { return !slices.Contains(splits, item.Split) })
	return nil
}

// splitsOf says which splits a set has, of whose images "" is the split of those in none.
func splitsOf(have []string) string {
	named := slices.Sorted(slices.Values(slices.DeleteFunc(slices.Clone(have), func(split string) bool { return split == "" })))
	switch {
	case len(named) == 0:
		return "it is not divided into splits"
	case len(named) < len(have):
		return fmt.Sprintf("it has %q, and images in none", named)
	}
	return fmt.Sprintf("it has %q", named)
}

// unknownSplits says, for an error, how many images have a split that is not recognised.
func (s *Set) unknownSplits() string {
	i := slices.IndexFunc(s.Passed, func(p Passed) bool { return p.What == unknownSplits })
	if i < 0 {
		return ""
	}
	return fmt.Sprintf(", and %s, such as %q: call it train, val, test or unlabeled", counted(s.Passed[i].Count, unknownSplits), s.Passed[i].Example)
}

// Close closes the files that Open opened.
func (s *Set) Close() error {
	var err error
	for _, c := range s.containers {
		err = errors.Join(err, c.file.Close())
	}
	s.containers = nil
	if s.remote != nil {
		s.remote.end()
		err = errors.Join(err, s.remote.Close())
		s.remote = nil
	}
	return err
}
