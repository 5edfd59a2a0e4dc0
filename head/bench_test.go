package head

import (
	"context"
	"testing"

	"iconic/internal/densetest"
)

// A training of 24 steps with 4,096 rows, 192 features and 100 clusters. It is compute-bound, in the loss and the products of the linear
// layer.
func BenchmarkTrainSteps(b *testing.B) {
	f := densetest.Clouds(1, 8192, 192, 100, 1)
	c, err := Preset("icon-paper", 100)
	if err != nil {
		b.Fatal(err)
	}
	change(b, &c, "epochs", 6)
	g, err := Neighbours(context.Background(), f, c, Options{})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := Train(context.Background(), f, Inputs{}, c, Options{Graph: g, Workers: 1}); err != nil {
			b.Fatal(err)
		}
	}
}
