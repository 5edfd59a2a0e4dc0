package head_test

import (
	"context"
	"fmt"
	"slices"

	"iconic/head"
	"iconic/head/knn"
	"iconic/matrix"
)

// corners implements Features without storing them: row i is a point near one of three corners.
type corners struct{ n int }

func (r corners) Len() int { return r.n }
func (r corners) Dim() int { return 3 }

func (r corners) Block(dst []float32, lo, hi int) error {
	clear(dst)
	for i := lo; i < hi; i++ {
		row := dst[(i-lo)*3 : (i-lo+1)*3]
		row[i%3], row[(i+1)%3] = 1, 0.001*float32(i)
	}
	return nil
}

func (r corners) Gather(dst []float32, rows []int32) error {
	for e, i := range rows {
		if err := r.Block(dst[e*3:(e+1)*3], int(i), int(i)+1); err != nil {
			return err
		}
	}
	return nil
}

// Train a head on your own features and your own neighbour graph.
func ExampleTrain() {
	const n, k = 60, 2
	var features matrix.Features = corners{n}
	graph := &knn.Graph{N: n, K: k, Recall: 1}
	for i := range n {
		graph.Neighbours = append(graph.Neighbours, int32((i+3)%n), int32((i+n-3)%n)) // from the same corner
		graph.Distances = append(graph.Distances, 0.01, 0.01)
	}
	config, err := head.Preset("debiased-infonce-clustering", 3)
	if err != nil {
		fmt.Println(err)
		return
	}
	for name, value := range map[string]any{"neighbours": k, "heads": 1, "consensus": false} {
		if err := config.Set(name, value); err != nil {
			fmt.Println(err)
			return
		}
	}
	trained, err := head.Train(context.Background(), features, head.Inputs{}, config, head.Options{Graph: graph})
	if err != nil {
		fmt.Println(err)
		return
	}
	clusters, err := trained.Head.Argmaxes(context.Background(), &matrix.Dense{Width: 3, X: []float32{1, 0, 0, 0, 1, 0, 0, 0, 1}}, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	slices.Sort(clusters)
	fmt.Println(clusters)
	// Output: [0 1 2]
}
