package features

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"iconic/extract/store"
	"iconic/head"
	"iconic/internal/cachefolder"
	"iconic/internal/plural"
	"iconic/matrix"
	"iconic/report"
)

// openStore opens the plain view of a feature store's images, with their labels.
func openStore(dir string) (_ *Set, err error) {
	release := func() {}
	if store.Is(dir) { // no folder is made for a mistyped name
		if release, err = cachefolder.Hold(context.Background(), dir); err != nil {
			return nil, err
		}
	}
	s, err := store.Open(dir)
	if err != nil {
		release()
		return nil, err
	}
	shut := func() error {
		defer release()
		return s.Close()
	}
	defer func() {
		if err != nil {
			_ = shut() // err is the reason for ending
		}
	}()
	view, err := s.View(0)
	if err != nil {
		return nil, err
	}
	rows, err := s.RowItems()
	if err != nil {
		return nil, err
	}
	here := present(rows)
	set := &Set{
		Features: here.of(view), close: shut, unchanged: s.Unchanged,
		Source: Source{Store: dir, Key: s.Key(), Rows: len(here.rows), Dim: s.Dim},
		Paths:  make([]string, len(here.rows)),
		Hashes: make([][16]byte, len(here.rows)),
		Bytes:  make([]int64, len(here.rows)),
		Graphs: filepath.Join(dir, "neighbours"),
		Gone:   len(rows) - len(here.rows),
	}
	if len(here.rows) == 0 {
		return nil, noFeatures(dir, len(rows), s.Skipped)
	}
	set.Notes = notWhole(s)
	if set.Encoder, err = json.Marshal(s.Settings); err != nil {
		return nil, err
	}
	for v := 1; v < s.Views; v++ {
		view, err := s.View(v)
		if err != nil {
			return nil, err
		}
		set.Views = append(set.Views, here.of(view))
	}
	set.describe(rows, here.rows, s.Classes)
	return set, nil
}

// notWhole says what a store lacks: the other parts, or what a later extraction would have added.
func notWhole(s *store.Store) (notes []string) {
	if p := s.Part; p != nil && p.Of > 1 {
		notes = append(notes, fmt.Sprintf("%s is part %d of %d of a feature store, with %d of its %d images: merge the parts to use all", s.Dir, p.Index, p.Of, p.Count, p.Total))
	}
	if store.Unfinished(s.Dir) {
		notes = append(notes, fmt.Sprintf("a later extraction into %s was not finished: the features are those of before it; run the same extraction again to finish it", s.Dir))
	}
	return notes
}

// describe sets the images of the rows that are here, and their labels if there are any.
func (s *Set) describe(rows []store.Item, here []int32, classes []string) {
	var number []int
	s.Classes, number = classesOf(rows, classes)
	labels, labelled := make([]int, len(here)), false
	for i, row := range here {
		r := &rows[row]
		s.Paths[i], labels[i] = r.Path, report.NoLabel
		s.Hashes[i], s.Bytes[i] = r.Hash, r.Size
		if r.Label >= 0 {
			labels[i], labelled = number[r.Label], true
		}
	}
	if labelled {
		s.Labels = labels
	}
}

// noFeatures is the error for a store without features of images that its data still has: of rows images, all are gone, or, if there are none, all skipped
// ones could not be read.
func noFeatures(dir string, rows, skipped int) error {
	if rows == 0 {
		return fmt.Errorf("feature store %s has no features: %s (its items.jsonl has the reasons); give images that can be read, or another store", dir,
			plural.Word(skipped, "its only image could not be read", fmt.Sprintf("none of its %d images could be read", skipped)))
	}
	return fmt.Errorf("feature store %s: %s; extract it again once %s back", dir,
		plural.Word(rows, "its data no longer has its only image, or it could not be read", fmt.Sprintf("its data no longer has any of its %d images, or none could be read", rows)), plural.Word(rows, "it is", "they are"))
}

// selection is the rows of a store whose images are in the data set; the others stay in the store in case the images return.
type selection struct {
	rows []int32 // ascending
	all  bool
}

func present(items []store.Item) selection {
	s := selection{rows: make([]int32, 0, len(items))}
	for row := range items {
		if !items[row].Gone {
			s.rows = append(s.rows, int32(row))
		}
	}
	s.all = len(s.rows) == len(items)
	return s
}

// of is the selected rows of a view.
func (s selection) of(view *store.View) head.Features {
	if s.all {
		return view
	}
	return &matrix.Subset{Features: view, Rows: s.rows}
}

// classesOf leaves out classes none of whose images remain, and returns the new number of each other class.
func classesOf(items []store.Item, names []string) (classes []string, number []int) {
	here, gone := make([]bool, len(names)), make([]bool, len(names))
	for i := range items {
		if l := items[i].Label; l >= 0 {
			here[l] = here[l] || !items[i].Gone
			gone[l] = gone[l] || items[i].Gone
		}
	}
	number = make([]int, len(names))
	for c, name := range names {
		if gone[c] && !here[c] {
			continue
		}
		number[c] = len(classes)
		classes = append(classes, name)
	}
	return classes, number
}
