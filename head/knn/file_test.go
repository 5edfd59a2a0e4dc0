package knn

import (
	"context"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGraphComesBackFromItsFile(t *testing.T) {
	m := random(rand.New(rand.NewPCG(1, 1)), 60, 5)
	o := Options{K: 7}
	want, err := Exact(context.Background(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "graph")
	if err := want.Save(name, 42); err != nil {
		t.Fatal(err)
	}
	got, err := Load(name, 42)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	if _, err := Load(name, 43); !errors.Is(err, ErrOther) {
		t.Errorf("another key: %v", err)
	}
	if _, err := Load(name+"x", 42); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func TestEveryFlippedBitAndEveryCutIsNoticed(t *testing.T) {
	g := &Graph{N: 4, K: 2, Neighbours: []int32{1, 2, 0, 2, 3, 0, 1, 0}, Distances: make([]float32, 8)}
	name := filepath.Join(t.TempDir(), "graph")
	if err := g.Save(name, 1); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for bit := range 8 * len(content) {
		content[bit/8] ^= 1 << (bit % 8)
		if _, err := decode(content, 1); !errors.Is(err, ErrDamaged) {
			t.Fatalf("bit %d flipped: %v", bit, err)
		}
		content[bit/8] ^= 1 << (bit % 8)
	}
	for cut := range content {
		if _, err := decode(content[:cut], 1); !errors.Is(err, ErrDamaged) {
			t.Fatalf("cut to %d bytes: %v", cut, err)
		}
	}
	outside := *g
	outside.Neighbours = []int32{1, 2, 0, 2, 3, 4, 1, 0}
	if err := outside.Save(name, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(name, 1); !errors.Is(err, ErrDamaged) {
		t.Fatalf("a row out of range: %v", err)
	}
}

func TestCachedComputesOnceForEachFeaturesAndOptions(t *testing.T) {
	m := random(rand.New(rand.NewPCG(2, 2)), 300, 6)
	name := filepath.Join(t.TempDir(), "graph")
	computed := 0
	get := func(k int) *Graph {
		t.Helper()
		before := computed
		g, err := Cached(context.Background(), name, SearchAuto, m, Options{K: k, Progress: func(done, total int) {
			if done == total {
				computed++
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		if computed > before+1 {
			t.Fatal("computed twice in one call")
		}
		if diff := cmp.Diff(plain(m, Cosine, k), g.Neighbours); diff != "" {
			t.Fatal(diff)
		}
		return g
	}
	get(3)
	get(3)
	if computed != 1 {
		t.Fatalf("computed %d times, want once", computed)
	}
	get(4)
	m.X[17]++
	get(4)
	if computed != 3 {
		t.Fatalf("computed %d times, want 3: other options, other features", computed)
	}
	if err := os.Truncate(name, 50); err != nil {
		t.Fatal(err)
	}
	get(4)
	get(4)
	if computed != 4 {
		t.Fatalf("computed %d times, want 4: the damaged file", computed)
	}
}

func FuzzDecode(f *testing.F) {
	name := filepath.Join(f.TempDir(), "graph")
	g := &Graph{N: 3, K: 1, Neighbours: []int32{1, 2, 0}, Distances: make([]float32, 3)}
	if err := g.Save(name, 7); err != nil {
		f.Fatal(err)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Fuzz(func(t *testing.T, content []byte) {
		g, err := decode(content, 7)
		if err == nil && (len(g.Neighbours) != g.N*g.K || len(g.Distances) != g.N*g.K) {
			t.Fatalf("%d neighbours and %d distances of %d×%d", len(g.Neighbours), len(g.Distances), g.N, g.K)
		}
	})
}
