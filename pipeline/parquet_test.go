package main

import (
	"context"
	"os"
	"strconv"

	"github.com/parquet-go/parquet-go"
	"github.com/rogpeppe/go-internal/testscript"

	"iconic/extract/dataset"
	"iconic/internal/parquet/hubfile"
)

// rows writes a number of images of a data set as a Parquet file:
//
//	rows data file.parquet number
//
// With ! the file has two columns that could both hold images, left and right, and no metadata.
func rows(ts *testscript.TestScript, stereo bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("usage: rows data file.parquet number")
	}
	n, err := strconv.Atoi(args[2])
	ts.Check(err)
	set, err := dataset.Open(context.Background(), ts.MkAbs(args[0]), dataset.Options{})
	ts.Check(err)
	defer set.Close()
	var all []hubfile.Row
	for i := range min(n, len(set.Items)) {
		content, err := set.Read(i, nil)
		ts.Check(err)
		all = append(all, hubfile.Row{Content: content, Path: set.Items[i].Path, Label: set.Items[i].Label})
	}
	out, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	if stereo {
		type pair struct {
			Left  []byte `parquet:"left"`
			Right []byte `parquet:"right"`
		}
		var pairs []pair
		for _, row := range all {
			pairs = append(pairs, pair{[]byte("no picture"), row.Content})
		}
		ts.Check(parquet.Write(out, pairs))
	} else {
		ts.Check(hubfile.Write(out, set.Classes, 7, func(yield func(hubfile.Row, error) bool) {
			for _, row := range all {
				if !yield(row, nil) {
					return
				}
			}
		}))
	}
	ts.Check(out.Close())
}
