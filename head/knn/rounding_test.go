package knn

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"iconic/matrix"
)

// extreme are rows on which float32 products lose the distances: a common offset, numbers of any size, one row far from all others, and rows that occur often.
func extreme(seed uint64, n, d int, offset, scale, far float64, copies int) *matrix.Dense {
	r := rand.New(rand.NewPCG(seed, 7))
	m := matrix.NewDense(n, d)
	large := r.IntN(n)
	for i := range m.X {
		v := r.NormFloat64() + offset
		if i/d == large {
			v *= far
		}
		m.X[i] = float32(v * scale)
	}
	for range copies {
		copy(m.X[r.IntN(n)*d:], m.X[:d])
	}
	return m
}

// directed reports whether all rows clearly have a direction.
func directed(m *matrix.Dense) bool {
	var squares []float64
	for row := range slices.Chunk(m.X, m.Width) {
		square := 0.0
		for _, v := range row {
			square += float64(v) * float64(v)
		}
		squares = append(squares, square)
	}
	slices.Sort(squares)
	return squares[0] > 4*directionless*directionless*squares[len(squares)/2]
}

// Exact is the definition on any rows, and so is Some.
func TestExactIsTheDefinitionOnExtremeRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, d := rapid.IntRange(2, 150).Draw(t, "n"), rapid.IntRange(1, 70).Draw(t, "d")
		k := rapid.IntRange(1, min(n-1, 20)).Draw(t, "k")
		metric := rapid.SampledFrom([]Metric{Cosine, Euclidean}).Draw(t, "metric")
		m := extreme(rapid.Uint64().Draw(t, "seed"), n, d,
			rapid.SampledFrom([]float64{0, 1, 30, 300, 1000, 1e4}).Draw(t, "offset"),
			rapid.SampledFrom([]float64{1e-20, 1e-3, 1, 1e20}).Draw(t, "scale"),
			rapid.SampledFrom([]float64{1, 100, 1e6, 1e12}).Draw(t, "far"),
			rapid.SampledFrom([]int{0, 0, 30, 100}).Draw(t, "copies"))
		if metric == Cosine && !directed(m) {
			metric = Euclidean
		}
		want := plain(m, metric, k)
		o := Options{K: k, Metric: metric, Workers: 2}
		g, err := Exact(context.Background(), m, o)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, g.Neighbours); diff != "" {
			t.Fatalf("neighbours differ (-want +got):\n%s", diff)
		}
		row := int32(rapid.IntRange(0, n-1).Draw(t, "row"))
		some, err := Some(context.Background(), m, []int32{row}, o)
		if err != nil {
			t.Fatal(err)
		}
		if at := int(row) * k; !slices.Equal(some.Neighbours, want[at:at+k]) || !slices.Equal(some.Distances, g.Distances[at:at+k]) {
			t.Fatalf("row %d has neighbours %v alone, want %v", row, some.Neighbours, want[at:at+k])
		}
	})
}

// More rows than a block, some of which need all others, have the same neighbours with any number of workers.
func TestExtremeRowsInManyBlocks(t *testing.T) {
	for _, c := range []struct {
		metric      Metric
		offset, far float64
		copies      int
	}{{Cosine, 1000, 1, 0}, {Euclidean, 0, 1e6, 0}, {Cosine, 0, 1, 500}, {Euclidean, 3, 1, 500}} {
		t.Run(fmt.Sprintf("%s at %g, %g times, %d copies", c.metric, c.offset, c.far, c.copies), func(t *testing.T) {
			m := extreme(3, memberRows+500, 16, c.offset, 1, c.far, c.copies)
			want := plain(m, c.metric, 5)
			for _, workers := range []int{1, 3} {
				g, err := Exact(t.Context(), m, Options{K: 5, Metric: c.metric, Workers: workers})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(want, g.Neighbours); diff != "" {
					t.Fatalf("%d workers (-want +got):\n%s", workers, diff)
				}
			}
		})
	}
}

// Ordinary rows, even beside one a hundred times as long, are told apart by the spare candidates: none is compared with all others again.
func TestOrdinaryRowsAreSure(t *testing.T) {
	for _, metric := range []Metric{Cosine, Euclidean} {
		const n, d, k = 3000, 64, 10
		m := extreme(5, n, d, 0, 1, 100, 0)
		s := &search{features: m, options: Options{K: k, Metric: metric}, n: n, d: d, keep: k + spare}
		if err := s.measure(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.compare(t.Context()); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if _, all := s.possible(int32(i), s.best[i].candidates); !all {
				t.Errorf("%s: row %d", metric, i)
			}
		}
	}
}
