//go:build slow

package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"iconic/internal/parquet/hubfile"
)

// BenchmarkAMillionRows lists a million rows in a hundred Parquet files, in groups of 100 rows as the datasets library makes them;
// docs/performance.md quotes it. The pictures have 100 bytes each; none of them is read.
func BenchmarkAMillionRows(b *testing.B) {
	root := b.TempDir()
	classes := make([]string, 1000)
	for i := range classes {
		classes[i] = fmt.Sprintf("n%08d", i)
	}
	content := make([]byte, 100)
	for file := range 100 {
		f, err := os.Create(filepath.Join(root, fmt.Sprintf("train-%05d-of-00100.parquet", file)))
		if err != nil {
			b.Fatal(err)
		}
		err = hubfile.Write(f, classes, 100, func(yield func(hubfile.Row, error) bool) {
			for i := range 10_000 {
				if !yield(hubfile.Row{Content: content, Path: "x.jpg", Label: (i*7 + file) % 1000}, nil) {
					return
				}
			}
		})
		if err != nil {
			b.Fatal(err)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		s, err := Open(b.Context(), root, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if len(s.Items) != 1_000_000 || len(s.Classes) != 1000 {
			b.Fatalf("%d rows in %d classes", len(s.Items), len(s.Classes))
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
