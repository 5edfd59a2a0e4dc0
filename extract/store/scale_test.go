//go:build slow

package store

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// BenchmarkAMillionRows makes a store of a million rows of 384 half-precision numbers, and measures how long its readers and its next
// writer take to begin; docs/performance.md quotes it.
func BenchmarkAMillionRows(b *testing.B) {
	b.Setenv("XDG_CACHE_HOME", b.TempDir())
	const rows, dim = 1_000_000, 384
	dir := filepath.Join(b.TempDir(), "store")
	settings := Settings{Encoder: Encoder{Name: "none", SHA256: "0"}, Preprocessing: []byte("{}"), Views: 1, DType: "float16", Dim: dim, ShardRows: 1024}
	writeMillion(b, dir, settings, rows)
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			s, err := Open(dir)
			if err != nil {
				b.Fatal(err)
			}
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("items", func(b *testing.B) {
		b.ReportAllocs()
		s, err := Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		for b.Loop() {
			items, err := s.readItems()
			if err != nil || len(items) != rows || items[rows-1].Label != 999 {
				b.Fatalf("%d items, %v", len(items), err)
			}
		}
	})
	b.Run("begin", func(b *testing.B) {
		for b.Loop() {
			w, err := Begin(dir, settings, nil)
			if err != nil {
				b.Fatal(err)
			}
			if err := w.Close(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// writeMillion writes the store, with features that encode the row, and reads one back.
func writeMillion(b *testing.B, dir string, settings Settings, rows int) {
	w, err := Begin(dir, settings, nil)
	if err != nil {
		b.Fatal(err)
	}
	x := make([]float32, settings.Dim)
	for i := range rows {
		x[0] = float32(i % 1024)
		it := Item{Path: fmt.Sprintf("n%08d/%08d.JPEG", i/1000, i), Label: i / 1000, Size: 100_000, Hash: Hash{byte(i), byte(i >> 8), byte(i >> 16), 1}}
		if err := w.Append(it, "stamp", x); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := w.Commit(); err != nil {
		b.Fatal(err)
	}
	s, err := Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	view, err := s.View(0)
	if err != nil {
		b.Fatal(err)
	}
	if err := view.Gather(x, []int32{int32(rows - 1)}); err != nil || x[0] != float32((rows-1)%1024) {
		b.Fatalf("row %g, %v", x[0], err)
	}
}

// BenchmarkContents makes, opens and queries the index of as many images as in ImageNet-1k.
func BenchmarkContents(b *testing.B) {
	const images = 1_281_167
	rows, name := indexed(b, images)
	stat, err := os.Stat(name)
	if err != nil {
		b.Fatal(err)
	}
	order := make([]Hash, 0, len(rows))
	for h := range rows {
		order = append(order, h)
	}
	heap := func() float64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	b.Run("open", func(b *testing.B) {
		for b.Loop() {
			c, err := openContents(name)
			if err != nil {
				b.Fatal(err)
			}
			if err := c.close(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(stat.Size())/images, "bytes/image")
	})
	b.Run("find", func(b *testing.B) {
		before := heap()
		c, err := openContents(name)
		if err != nil {
			b.Fatal(err)
		}
		defer c.close()
		held := heap() - before
		i := 0
		for b.Loop() {
			if row, ok := c.find(order[i%images]); !ok || row != int(rows[order[i%images]]) {
				b.Fatalf("row %d, %v", row, ok)
			}
			i++
		}
		b.ReportMetric(held, "bytes-held")
	})
}
