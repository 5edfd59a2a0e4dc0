package main

import (
	"encoding/json"
	"path/filepath"

	"iconic/extract/store"
	"iconic/head"
	"iconic/report"
)

// openStore opens the plain view of a feature store's images, with their labels.
func openStore(dir string) (_ *items, err error) {
	s, err := store.Open(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.Close()
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
	it := &items{
		Features: view, close: s.Close, classes: s.Classes,
		source: head.Source{Store: dir, Key: s.Key(), Rows: s.Rows, Dim: s.Dim},
		paths:  make([]string, len(rows)),
		graphs: filepath.Join(dir, "neighbours"),
	}
	if it.encoder, err = json.Marshal(s.Settings); err != nil {
		return nil, err
	}
	for v := 1; v < s.Views; v++ {
		view, err := s.View(v)
		if err != nil {
			return nil, err
		}
		it.views = append(it.views, view)
	}
	labels, labelled := make([]int, len(rows)), false
	for i, r := range rows {
		it.paths[i], labels[i] = r.Path, report.NoLabel
		if r.Label >= 0 {
			labels[i], labelled = r.Label, true
		}
	}
	if labelled {
		it.labels = labels
	}
	return it, nil
}
