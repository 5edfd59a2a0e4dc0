//go:build slow

package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkAMillionFiles lists a million files in a thousand folders; docs/performance.md quotes it.
func BenchmarkAMillionFiles(b *testing.B) {
	root := b.TempDir()
	for c := range 1000 {
		folder := filepath.Join(root, fmt.Sprintf("n%08d", c))
		if err := os.Mkdir(folder, 0o755); err != nil {
			b.Fatal(err)
		}
		for i := range 1000 {
			f, err := os.Create(filepath.Join(folder, fmt.Sprintf("%08d.JPEG", c*1000+i)))
			if err != nil {
				b.Fatal(err)
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		s, err := Open(b.Context(), root, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if len(s.Items) != 1_000_000 || len(s.Classes) != 1000 {
			b.Fatalf("%d files in %d classes", len(s.Items), len(s.Classes))
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
