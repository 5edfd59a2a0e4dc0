//go:build slow

package store

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// TestAMillionRows makes a store of a million rows of 384 half floats, opens it, and reads its items. The times are
// logged: docs/performance.md quotes them.
func TestAMillionRows(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	const rows, dim = 1_000_000, 384
	dir := filepath.Join(t.TempDir(), "store")
	settings := Settings{Encoder: Encoder{Name: "none", SHA256: "0"}, Preprocessing: []byte("{}"), Views: 1, DType: "float16", Dim: dim, ShardRows: 1024}
	clock := time.Now()
	lap := func(what string) {
		t.Logf("%s: %v", what, time.Since(clock).Round(time.Millisecond))
		clock = time.Now()
	}
	w, err := Begin(dir, settings, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := make([]float32, dim)
	for i := range rows {
		x[0] = float32(i % 1024)
		it := Item{Path: fmt.Sprintf("n%08d/%08d.JPEG", i/1000, i), Label: i / 1000, Size: 100_000, Hash: Hash{byte(i), byte(i >> 8), byte(i >> 16), 1}}
		if err := w.Append(it, "stamp", x); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	lap("write")
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	lap("open, every checksum compared")
	labels, err := s.Labels()
	if err != nil || len(labels) != rows || labels[rows-1] != 999 {
		t.Fatalf("%d labels, %v", len(labels), err)
	}
	lap("items")
	view, err := s.View(0)
	if err != nil {
		t.Fatal(err)
	}
	if err := view.Gather(x, []int32{rows - 1}); err != nil || x[0] != (rows-1)%1024 {
		t.Fatalf("row %g, %v", x[0], err)
	}
	lap("one row")
	w, err = Begin(dir, settings, nil)
	if err != nil {
		t.Fatal(err)
	}
	lap("begin an update")
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}
