package sampling

import (
	"context"
	"math"
	"testing"

	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/method"
	"iconic/internal/densetest"
)

// Partners are drawn with the frequencies of Rows: from neighbours equally or by weight, from walks, and from the same class.
func TestPartnersAreDrawnFromRows(t *testing.T) {
	const n, draws = 12, 40_000
	f := densetest.Clouds(3, n, 4, 2, 1)
	g, err := knn.Exact(context.Background(), f, knn.Options{K: 4, Metric: knn.Cosine})
	if err != nil {
		t.Fatal(err)
	}
	weights := make([]float32, n*g.K)
	for e := range weights {
		weights[e] = float32(1 + e%g.K)
		if e%g.K > 0 {
			weights[e] += weights[e-1]
		}
	}
	for name, c := range map[string]struct {
		pairs   method.Pairs
		weights []float32
		classes bool
	}{
		"neighbours": {}, "weighted": {weights: weights}, "walks": {pairs: method.Pairs{Walk: 3}}, "weighted walks": {pairs: method.Pairs{Walk: 2}, weights: weights}, "classes": {classes: true},
	} {
		s := New(&method.Data{Features: f, Graph: g, Seed: 5}, c.pairs, n)
		s.Weights = c.weights
		if c.classes {
			s.Classes([]int{0, 0, 0, 1, 1, 1, 1, 2, 0, 0, 1, 1}, 3)
		}
		p, err := s.Rows()
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{0, 5} {
			var found [n]float64
			for epoch := range draws {
				found[s.partner(i, epoch)] += 1.0 / draws
			}
			column, weight := p.Row(i)
			for e, j := range column {
				if math.Abs(found[j]-float64(weight[e])) > 0.015 {
					t.Errorf("%s: %d is drawn for %d with share %.3f, want %.3f", name, j, i, found[j], weight[e])
				}
				found[j] = 0
			}
			for j, share := range found {
				if share > 0 {
					t.Errorf("%s: %d is drawn for %d with share %.3f, but p does not contain it", name, j, i, share)
				}
			}
		}
	}
	if p := Partners(4); icon.Build(4, func(i int, add func(int, float64)) { add(i^1, 1) }).Check(4) != nil || p.Check(4) != nil {
		t.Error("the partners are not a distribution")
	}
}
