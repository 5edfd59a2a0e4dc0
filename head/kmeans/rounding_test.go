package kmeans

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"iconic/internal/densetest"
	"iconic/matrix"
)

// distances returns that of row i to its centroid, and to the nearest, in float64, and how much the rounding of the row and the centroids to float32 may change
// them.
func distances(m *matrix.Dense, r *Result, i int, own int32) (to, nearest, rounding float64) {
	x, nearest := m.X[i*m.Width:(i+1)*m.Width], math.Inf(1)
	for c := range r.Clusters {
		square, size := 0.0, 0.0
		for e, v := range r.Centroids[c*r.Dim : (c+1)*r.Dim] {
			d := float64(x[e]) - float64(v)
			square += d * d
			size += float64(x[e])*float64(x[e]) + float64(v)*float64(v)
		}
		if distance := math.Sqrt(square); distance < nearest {
			nearest, rounding = distance, max(rounding, 0x1p-22*math.Sqrt(size))
		}
		if int32(c) == own {
			to, rounding = math.Sqrt(square), max(rounding, 0x1p-22*math.Sqrt(size))
		}
	}
	return to, nearest, rounding
}

// Rows are at their nearest centroid by the definition, whatever their offset and scale, and beside a few rows that are far from all others.
func TestExtremeRowsAreAtTheirNearestCentroid(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, d := rapid.IntRange(40, 400).Draw(t, "n"), rapid.IntRange(1, 70).Draw(t, "d")
		k := rapid.IntRange(1, min(n, 40)).Draw(t, "k")
		seed := rapid.Uint64().Draw(t, "seed")
		m := densetest.Clouds(seed, n, d, 3, 4)
		far, shifted := rapid.SampledFrom([]float64{1, 100, 1e6, 1e10}).Draw(t, "far"), rapid.IntRange(0, 3).Draw(t, "rows that are far")
		offset := rapid.SampledFrom([]float64{0, 30, 1e4}).Draw(t, "offset")
		scale := rapid.SampledFrom([]float64{1e-20, 1, 1e20}).Draw(t, "scale")
		for i, v := range m.X {
			if i/d < shifted {
				v += float32(far) // they are near one another
			}
			m.X[i] = float32((float64(v) + offset) * scale)
		}
		if rapid.Bool().Draw(t, "one is huge") {
			for e := range d {
				m.X[(n-1)*d+e] *= float32(far)
			}
		}
		for range rapid.SampledFrom([]int{0, 50}).Draw(t, "copies") {
			copy(m.X[rand.New(rand.NewPCG(seed, 1)).IntN(n)*d:], m.X[(n-2)*d:(n-1)*d])
		}
		r, err := Cluster(context.Background(), m, Options{Clusters: k, Seed: seed, Workers: 2, Starts: 1})
		if err != nil {
			t.Fatal(err)
		}
		assigned := make([]int32, n)
		if err := r.Assign(assigned, m.X, n); err != nil {
			t.Fatal(err)
		}
		inertia := 0.0
		for i := range n {
			for name, own := range map[string]int32{"Cluster": r.Assignment[i], "Assign": assigned[i]} {
				if to, nearest, rounding := distances(m, r, i, own); to > 1.001*nearest+rounding {
					t.Fatalf("%s: row %d is at distance %g from its centroid %d, and %g from the nearest", name, i, to, own, nearest)
				}
			}
			to, _, _ := distances(m, r, i, r.Assignment[i])
			inertia += to * to
		}
		if scale == 1 && offset == 0 && shifted == 0 && math.Abs(r.Inertia-inertia) > 1e-3*inertia+1e-3 && k < n {
			t.Errorf("inertia %g, want %g", r.Inertia, inertia)
		}
	})
}

// One row with huge numbers changes the clusters of no other: it is a cluster of its own.
func TestOneHugeRowLeavesTheOthers(t *testing.T) {
	const n, d, k = 600, 32, 4
	m := densetest.Clouds(3, n, d, k, 8)
	for _, far := range []float32{1e3, 1e6, 1e9, 1e15} {
		huge := &matrix.Dense{Width: d, X: slices.Clone(m.X)}
		for e := range d {
			huge.X[17*d+e] *= far
		}
		r, err := Cluster(t.Context(), huge, Options{Clusters: k + 1, Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		p := make([]float32, n*(k+1))
		if err := r.Probabilities(p, huge.X, n); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if same := r.Assignment[i] == r.Assignment[i%k]; i != 17 && !same || i == 17 && slices.Index(r.Assignment, r.Assignment[i]) != i {
				t.Errorf("%g times as large: row %d is in cluster %d", far, i, r.Assignment[i])
			}
			if v := p[i*(k+1)+int(r.Assignment[i])]; !(v > 0.99) {
				t.Errorf("%g times as large: row %d is in its cluster with probability %g", far, i, v)
			}
		}
	}
}
