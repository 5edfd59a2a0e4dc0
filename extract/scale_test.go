//go:build slow

package extract

import (
	"path/filepath"
	"testing"

	"iconic/extract/dataset"
)

// BenchmarkTenThousandUnchanged lists a folder of 10,000 images, and runs a whole extraction of it after all its features exist;
// docs/performance.md quotes it.
func BenchmarkTenThousandUnchanged(b *testing.B) {
	const images = 10_000
	data := folder(b, images)
	c := config(b, data, filepath.Join(b.TempDir(), "store"))
	c.ShardRows = DefaultShardRows
	if s := extract(b, c); s.Encoded+s.Duplicates != images {
		b.Fatalf("%+v", s)
	}
	b.Run("listing", func(b *testing.B) {
		for b.Loop() {
			set, err := dataset.Open(b.Context(), data, dataset.Options{})
			if err != nil {
				b.Fatal(err)
			}
			if err := set.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("run", func(b *testing.B) {
		for b.Loop() {
			if s := extract(b, c); s.Changed || s.Encoded > 0 || s.Rows != images {
				b.Fatalf("%+v", s)
			}
		}
	})
}
