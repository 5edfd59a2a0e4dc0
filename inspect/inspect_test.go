package inspect

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/matrix"
)

// points are n rows of 16 numbers, the last three of them copies of the first, which is far from all others.
func points(n int) (*matrix.Dense, [][16]byte) {
	r := rand.New(rand.NewPCG(1, 1))
	x := &matrix.Dense{Width: 16}
	hashes := make([][16]byte, n)
	for i := range n {
		hashes[i][0], hashes[i][1] = byte(i+1), byte((i+1)>>8)
		row := make([]float32, 16)
		for k := range row {
			row[k] = float32(r.NormFloat64() * 0.1)
		}
		row[0]++
		if i == 0 {
			row[0], row[1] = 0, 1
		}
		if i >= n-3 {
			copy(row, x.X[:16])
			hashes[i] = hashes[0]
		}
		x.X = append(x.X, row...)
	}
	return x, hashes
}

func TestCopiesAreNobodysNeighbours(t *testing.T) {
	x, hashes := points(80)
	cache := t.TempDir()
	s := Set{Features: x, Hashes: hashes, Cache: cache}
	first, err := Look(context.Background(), s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(first.Groups) != 1 || len(first.Groups[0]) != 4 {
		t.Errorf("groups %v: want one of 4 copies", first.Groups)
	}
	if len(first.Unlike) == 0 || first.Unlike[0].Image != 0 {
		t.Errorf("the outliers are %v: want the image that has copies first", first.Unlike)
	}
	if kept, err := os.ReadDir(cache); err != nil || len(kept) != 1 {
		t.Errorf("%d files are cached beside the features, %v; want the neighbours", len(kept), err)
	}
	again, err := Look(context.Background(), s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("with cached neighbours (-first +second):\n%s", diff)
	}
	// Without hashes, each copy counts as a separate content, and as a near duplicate.
	s.Hashes = nil
	blind, err := Look(context.Background(), s, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if exact, near := blind.Copies(); exact != 0 || near != 3 {
		t.Errorf("without hashes there are %d exact copies and %d near duplicates, want 0 and 3", exact, near)
	}
}

func TestTypicalIsTheMeanDistance(t *testing.T) {
	x, _ := points(70)
	x.X = append(x.X, make([]float32, 16)...) // without a direction, in no pair
	want, pairs := 0.0, 0
	for i := range 70 {
		for j := range i {
			var ab, aa, bb float64
			for k := range 16 {
				a, b := float64(x.X[16*i+k]), float64(x.X[16*j+k])
				ab, aa, bb = ab+a*b, aa+a*a, bb+b*b
			}
			want, pairs = want+1-ab/math.Sqrt(aa*bb), pairs+1
		}
	}
	got, err := typical(context.Background(), x, 2)
	if err != nil || math.Abs(got-want/float64(pairs)) > 1e-9 {
		t.Errorf("%v, %v; want %v", got, err, want/float64(pairs))
	}
}
