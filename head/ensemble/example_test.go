package ensemble_test

import (
	"fmt"

	"iconic/head/ensemble"
	"iconic/head/linear"
)

// Two heads over two features agree on the first row, and vote about the second. A temperature above 1 makes the vote less sure.
func Example() {
	first := &linear.Head{Clusters: 2, Dim: 2, Weight: []float32{4, 0, 0, 4}, Bias: make([]float32, 2)}
	second := &linear.Head{Clusters: 2, Dim: 2, Weight: []float32{4, 2, 0, 0}, Bias: make([]float32, 2)}
	vote, err := ensemble.New([]*linear.Head{first, second})
	if err != nil {
		fmt.Println(err)
		return
	}
	rows := []float32{1, 0, 0, 1}
	p := make([]float32, 4)
	for _, vote.Temperature = range []float32{1, 2} {
		if err := vote.Probabilities(p, rows, 2); err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%.2f\n", p)
	}
	// Output:
	// [0.98 0.02 0.45 0.55]
	// [0.88 0.12 0.47 0.53]
}
