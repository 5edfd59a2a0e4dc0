package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"iconic/head"
	"iconic/internal/npy"
)

// items is what a head is trained on: features with, where there are any, labels and paths.
type items struct {
	head.Features
	source  head.Source
	paths   []string
	labels  []int           // report.NoLabel for none; nil where no item has one
	classes []string        // names of the labels
	encoder []byte          // JSON of what made the features; nil where that is not known
	views   []head.Features // augmented views of the images; nil for none
	graphs  string          // folder to keep neighbour graphs in; "" for none
	gone    int             // rows of the store that are left out, since the data set no longer has their images
	close   func() error
}

// openMatrix opens features.npy, with the labels of a file where one is named.
func openMatrix(features, labels string) (_ *items, err error) {
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
		return nil, fmt.Errorf("%s: shape %v has no columns: there is nothing in its rows", features, f.Shape)
	}
	it := &items{Features: f, close: f.Close}
	if labels != "" {
		if it.labels, it.classes, err = readLabels(labels, f.Len()); err != nil {
			return nil, err
		}
	}
	it.paths = make([]string, f.Len())
	for i := range it.paths {
		it.paths[i] = "row " + strconv.Itoa(i)
	}
	key, err := fileKey(features)
	if err != nil {
		return nil, err
	}
	if cache, err := os.UserCacheDir(); err == nil { // beside somebody's matrix nothing is left
		it.graphs = filepath.Join(cache, "iconic", "neighbours", key)
	}
	it.source = head.Source{Store: features, Key: key, Rows: f.Len(), Dim: f.Dim()}
	return it, nil
}

// fileKey is the xxhash of a file's content.
func fileKey(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := xxhash.New()
	if _, err := f.WriteTo(h); err != nil {
		return "", fmt.Errorf("%s: %w", name, err)
	}
	return fmt.Sprintf("%016x", h.Sum64()), nil
}

// isMatrix tells a features.npy from a feature store's folder.
func isMatrix(name string) bool { return filepath.Ext(name) == ".npy" }

// openItems opens what STORE names.
func openItems(store, labels string) (*items, error) {
	if isMatrix(store) {
		return openMatrix(store, labels)
	}
	if labels != "" {
		return nil, usagef("--labels is for a features.npy; the feature store %s has its own labels", store)
	}
	return openStore(store)
}
