package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"iconic/internal/npy"
)

// set is a training set.
type set struct {
	name  string
	given []string // arguments of train
	views bool
}

// edges joins each row with three others, without randomness.
func edges(name string, n int) error {
	var text strings.Builder
	for i := range n {
		for _, step := range []int{1, 7, 23} {
			fmt.Fprintf(&text, "%d,%d\n", i, (i+step)%n)
		}
	}
	return os.WriteFile(name, []byte(text.String()), 0o600)
}

// demo generates the demo's images and encodes two views of each.
func (o options) demo(folder string) (set, error) {
	drawn, store, graph := filepath.Join(folder, "demo"), filepath.Join(folder, "store"), filepath.Join(folder, "demo.csv")
	if _, err := o.command("demo", "--out", drawn, "-q"); err != nil {
		return set{}, err
	}
	if _, err := o.command("extract", filepath.Join(drawn, "pictures"), "--model", "tiny", "--views", "2", "--out", store, "-q"); err != nil {
		return set{}, err
	}
	given := []string{store, "--second", store, "--graph", graph}
	return set{"demo", given, true}, edges(graph, 600)
}

// subsample takes evenly spaced rows of the matrix.
func (o options) subsample(folder string) (set, error) {
	f, err := npy.Open(o.features)
	if err != nil {
		return set{}, err
	}
	defer f.Close()
	labels, err := npy.ReadInts(o.labels)
	if err != nil {
		return set{}, err
	}
	n, d := min(o.rows, f.Len()), f.Dim()
	rows, own := make([]int32, n), make([]int, n)
	for i := range rows {
		rows[i] = int32(i * f.Len() / n)
		own[i] = labels[rows[i]]
	}
	x := make([]float32, n*d)
	if err := f.Gather(x, rows); err != nil {
		return set{}, err
	}
	features, names, graph := filepath.Join(folder, "x.npy"), filepath.Join(folder, "y.npy"), filepath.Join(folder, "x.csv")
	given := []string{features, "--labels", names, "--second", features, "--graph", graph}
	return set{"features", given, false}, errors.Join(npy.Write(features, []int{n, d}, x), npy.WriteInts(names, own), edges(graph, n))
}
