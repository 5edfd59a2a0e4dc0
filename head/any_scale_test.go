package head

import (
	"context"
	"testing"

	"iconic/head/methods"
	"iconic/internal/densetest"
	"iconic/internal/kernel"
)

// The head of a method that does not standardise learns the clusters found, whatever the unit of the features.
func TestTheHeadLearnsClustersOfAnyScale(t *testing.T) {
	for _, scale := range []float32{1e-6, 1, 1e6} {
		f := densetest.Clouds(4, 240, 12, 12, 2)
		kernel.Scale(f.X, scale)
		c, err := Preset("pca", 12)
		if err != nil {
			t.Fatal(err)
		}
		m, err := methods.Find(c.Method)
		if err != nil {
			t.Fatal(err)
		}
		r, found, err := trainMethod(context.Background(), m, f, Inputs{}, c, Options{})
		if err != nil {
			t.Fatal(err)
		}
		own, err := r.Head.Argmaxes(context.Background(), f, 1)
		if err != nil {
			t.Fatal(err)
		}
		kept := 0
		for i, c := range own {
			if c == found.Cluster[i] {
				kept++
			}
		}
		if kept < len(own)*95/100 {
			t.Errorf("scale %g: %d of %d rows keep their cluster", scale, kept, len(own))
		}
	}
}

// Clusters are evaluated on the same neighbours, however many a training has.
func TestTheGraphOfAnEvaluationIsFixed(t *testing.T) {
	f := densetest.Clouds(4, 120, 8, 3, 2)
	var first []int32
	for _, neighbours := range []int{3, 10, 30} {
		e := learn(t, f, small(t, 3, "epochs", 1, "neighbours", neighbours), Options{}).Evaluation
		if first == nil {
			first = e.Neighbours
		}
		if e.K != 10 || len(e.Neighbours) != len(first) {
			t.Fatalf("%d neighbours: %d rows with %d each", neighbours, len(e.Neighbours)/e.K, e.K)
		}
		for i, n := range e.Neighbours {
			if n != first[i] {
				t.Fatalf("%d neighbours: neighbour %d of row %d is %d, was %d", neighbours, i%10, i/10, n, first[i])
			}
		}
	}
}
