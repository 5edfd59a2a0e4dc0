package clustering

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/head/knn"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/regression"
	"iconic/head/train"
	"iconic/internal/densetest"
)

// Heads that start from imperfect clusters end with a lower loss than at the beginning, the one that starts from the true clusters with the
// lowest, with the same bits on any number of workers.
func TestRefine(t *testing.T) {
	const n, k = 400, 4
	z := densetest.Clouds(3, n, 8, k, 1.2)
	g, err := knn.Exact(context.Background(), z, knn.Options{K: 20, Metric: knn.Euclidean})
	if err != nil {
		t.Fatal(err)
	}
	weights := make([]float32, len(g.Neighbours))
	for e := range weights {
		weights[e] = 1
	}
	right, faulty := make([]int, n), make([]int, n)
	for i := range n {
		right[i] = i % k
		if faulty[i] = i % k; i%3 == 0 {
			faulty[i] = (i + 1) % k
		}
	}
	how := Refinement{Phase: "refine", Weights: weights, Anchors: 100, Steps: 60, Rate: 1e-3}
	refined := func(workers, steps int) ([]float64, []float32) {
		d := &method.Data{Features: z, Raw: z, Graph: g, Clusters: k, Workers: workers, Run: &train.Run{}}
		var heads []*linear.Head
		for _, classes := range [][]int{right, faulty} {
			l, err := regression.Clusters(context.Background(), d, "head", classes, 20)
			if err != nil {
				t.Fatal(err)
			}
			heads = append(heads, l)
		}
		own := how
		own.Steps = steps
		losses, err := Refine(context.Background(), d, heads, own)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Run.History()) != 0 {
			t.Error("the refinement's epochs are in the history")
		}
		return losses, append(append([]float32(nil), heads[0].Weight...), heads[1].Weight...)
	}
	begin, _ := refined(1, 4)
	losses, weight := refined(1, 60)
	if losses[0] >= losses[1] || losses[1] >= begin[1] {
		t.Errorf("losses %v, and %v after one epoch", losses, begin)
	}
	if _, again := refined(3, 60); !cmp.Equal(weight, again) {
		t.Error("three workers differ from one")
	}
}
