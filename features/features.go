package features

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"iconic/head"
	"iconic/internal/cachefolder"
	"iconic/internal/identity"
	"iconic/internal/npy"
	"iconic/matrix"
	"iconic/report"
)

// Set holds features and what is known about their images: row i of Features belongs to the image Paths[i].
type Set struct {
	head.Features
	Source     Source
	Paths      []string
	Hashes     [][16]byte      // hashes of the images' bytes, zero for one that could not be read; nil if unknown
	Bytes      []int64         // sizes of the image files; nil if unknown
	Labels     []int           // class numbers, report.NoLabel for none; nil if no image has one
	Classes    []string        // names of the labels
	LabelsFile string          // file of the labels, as given to Open; "": none, or those of a store
	Encoder    json.RawMessage // what made the features, for extract.Settings; nil if unknown
	Views      []head.Features // augmented views of the same images; nil for none
	Graphs     string          // folder for neighbour graphs; "" for none
	Gone       int             // rows of a store left out because the data set no longer has their images, or they could not be read
	Unnamed    bool            // Paths only number the rows, so that they name no images
	Notes      []string        // what was left out of the files, or assumed about them, a sentence each

	close     func() error
	unchanged func() error
}

// Source identifies the features.
type Source struct {
	Store  string `json:"store"`            // folder or file, as given to Open; a run folder has it absolute, unless an earlier version wrote it; "": a program's memory
	Images string `json:"images,omitempty"` // their data set, in a run folder, absolute as well; empty: unknown
	// ImageColumn is the image column of a Parquet data set, if it had to be named.
	ImageColumn string `json:"image_column,omitempty"`
	Key         string `json:"key"` // hash of their content, independent of their location
	Rows        int    `json:"rows"`
	Dim         int    `json:"dim"`
}

// LabelsError says why labels do not belong to the features for which they were given.
type LabelsError struct {
	File    string // file of labels, or the store that has labels of its own
	Problem string // the rest of the sentence that begins with File
}

func (e *LabelsError) Error() string { return e.File + " " + e.Problem }

// Close frees the files behind a set. Its rows must not be read afterwards.
func (s *Set) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

// Unchanged fails if a file behind a set was written to after it was opened: what was read since may be a mixture of two versions. A file that was
// replaced by another one under its name does no harm, and neither do other permissions.
func (s *Set) Unchanged() error {
	if s.unchanged == nil {
		return nil
	}
	return s.unchanged()
}

// Open opens a feature store's folder, or a matrix such as features.npy with labels from a file; "" is none. Close the set after use.
func Open(name, labels string) (*Set, error) {
	if IsMatrix(name) {
		return openMatrix(name, labels)
	}
	if stat, err := os.Stat(name); err == nil && !stat.IsDir() {
		return nil, fmt.Errorf("%s is neither a feature store, which is a folder, nor a .npy file: save the matrix with numpy.save", name)
	}
	if labels != "" {
		return nil, &LabelsError{name, "is a feature store, which has its own labels: give a file of labels only with a matrix"}
	}
	return openStore(name)
}

// IsMatrix distinguishes a features.npy from a feature store's folder by its name.
func IsMatrix(name string) bool { return strings.EqualFold(filepath.Ext(name), ".npy") }

// openMatrix opens features.npy, with labels from a file if one is given.
func openMatrix(features, labels string) (_ *Set, err error) {
	f, err := npy.Open(features)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			f.Close()
		}
	}()
	if f.Dim() == 0 {
		return nil, fmt.Errorf("%s: shape %v has no columns, so its rows are empty", features, f.Shape)
	}
	if len(f.Shape) == 1 {
		return nil, fmt.Errorf("%s: shape (%d,) has one dimension, and features are a matrix: give one row per image, as shape (%[2]d, 1) if each has one number; labels go into a file of their own", features, f.Len())
	}
	if f.Shape[0] == 1 && len(f.Shape) > 2 {
		return nil, fmt.Errorf("%s: shape %v has a single row: remove the first dimension with numpy.squeeze", features, f.Shape)
	}
	key, err := f.Sum() // first, since it is what later reads are compared with
	if err != nil {
		return nil, err
	}
	s := &Set{Features: f, Paths: rowNames(f.Len()), Unnamed: true, close: f.Close, unchanged: f.Unchanged}
	if len(f.Shape) > 2 && slices.Max(f.Shape[1:]) < f.Dim() {
		s.Notes = append(s.Notes, fmt.Sprintf("%s: shape %v is read as %d rows of %d numbers", features, f.Shape, f.Len(), f.Dim()))
	}
	if err := s.narrowed(features, f); err != nil {
		return nil, err
	}
	if labels != "" {
		var notes []string
		if s.Labels, s.Classes, notes, err = readLabels(labels, f.Len()); err != nil {
			return nil, err
		}
		s.Notes, s.LabelsFile = append(s.Notes, notes...), labels
	}
	if err := f.Unchanged(); err != nil { // while its key was computed
		return nil, err
	}
	if folder, err := cachefolder.Of(cachefolder.Neighbours); err == nil { // nothing is written beside the user's matrix
		s.Graphs = filepath.Join(folder, key)
	}
	s.Source = Source{Store: features, Key: key, Rows: f.Len(), Dim: f.Dim()}
	return s, nil
}

// Check refuses a set that is nil or has no features.
func (s *Set) Check() error {
	if s == nil {
		return errors.New("there is no set of features: make one with features.Open or features.New")
	}
	if err := matrix.Check(s.Features); err != nil {
		return fmt.Errorf("%w: make the set with features.Open or features.New", err)
	}
	return nil
}

// New makes a set of your own features, such as a matrix.Dense. Labels are class numbers (report.NoLabel for none) or nil, and paths name
// the rows, each another, and classes the labels; nil paths: by number. It reads all features once, to compute their key.
func New(f head.Features, paths []string, labels []int, classes []string) (*Set, error) {
	if err := matrix.Check(f); err != nil {
		return nil, err
	}
	if f.Len() == 0 || f.Dim() == 0 {
		return nil, fmt.Errorf("features with %d rows and %d columns: want at least one of each", f.Len(), f.Dim())
	}
	unnamed := paths == nil
	if unnamed {
		paths = rowNames(f.Len())
	}
	if len(paths) != f.Len() || labels != nil && len(labels) != f.Len() {
		return nil, fmt.Errorf("%d paths and %d labels for %d rows: want one of each per row, or nil", len(paths), len(labels), f.Len())
	}
	rows := map[string]int{}
	for i, path := range paths {
		if path == "" {
			return nil, fmt.Errorf("row %d has an empty path: give each row its own, or none at all", i)
		}
		if other, twice := rows[path]; twice {
			return nil, fmt.Errorf("rows %d and %d have the same path %q: give each row its own, or none at all", other, i, path)
		}
		rows[path] = i
	}
	for c, name := range classes {
		if other := slices.Index(classes, name); other < c {
			return nil, fmt.Errorf("classes %d and %d have the same name %q: give each class its own", other, c, name)
		}
	}
	for i, l := range labels {
		if l != report.NoLabel && (l < 0 || l >= len(classes)) {
			return nil, fmt.Errorf("label %d of row %d: want %d for none, or the number of one of %d classes", l, i, report.NoLabel, len(classes))
		}
	}
	key := identity.Matrix(f.Len(), f.Dim())
	for row, err := range Rows(f) {
		if err != nil {
			return nil, err
		}
		key.Add(row)
	}
	return &Set{
		Features: f, Paths: paths, Labels: labels, Classes: classes, Unnamed: unnamed,
		Source: Source{Key: key.String(), Rows: f.Len(), Dim: f.Dim()},
	}, nil
}

// Rows iterates over the rows of features in order, reading them in blocks. A row is valid only until the next one; an error ends the
// iteration.
func Rows(f head.Features) iter.Seq2[[]float32, error] {
	const block = 1024
	return func(yield func([]float32, error) bool) {
		x := make([]float32, block*f.Dim())
		for lo := 0; lo < f.Len(); lo += block {
			hi := min(f.Len(), lo+block)
			if err := f.Block(x[:(hi-lo)*f.Dim()], lo, hi); err != nil {
				yield(nil, err)
				return
			}
			for i := range hi - lo {
				if !yield(x[i*f.Dim():(i+1)*f.Dim()], nil) {
					return
				}
			}
		}
	}
}

// Numbered reports whether names only number rows, as those of a matrix do, so that they name no images.
func Numbered(names []string) bool {
	return len(names) > 0 && slices.Equal(names, rowNames(len(names)))
}

// rowNames replace unknown paths.
func rowNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = "row " + strconv.Itoa(i)
	}
	return names
}

// SameImages refuses two stores whose rows belong to different images; a plain matrix has no names to compare.
func SameImages(a, b *Set) error {
	if a.Encoder == nil || b.Encoder == nil {
		return nil
	}
	for i := range min(len(a.Paths), len(b.Paths)) {
		if a.Paths[i] != b.Paths[i] {
			return fmt.Errorf("row %d is %s in the first store and %s in the second: want the same images in the same order, as extracted from the same data", i, a.Paths[i], b.Paths[i])
		}
	}
	return nil
}
