package confidence

import (
	"context"
	"strings"
	"testing"

	"iconic/matrix"
)

func TestHalvesAndShapesOfNothingAreRefused(t *testing.T) {
	f := &matrix.Dense{Width: 1, X: []float32{1, 2}}
	for _, splits := range []int{0, -1} {
		if a, err := (Halves{Clusters: 2, Splits: splits}).Agreement(context.Background(), f, []int32{0, 1}); err == nil || !strings.Contains(err.Error(), "random splits of the columns: want at least 1") {
			t.Errorf("%d splits: %g, %v", splits, a, err)
		}
	}
	for _, k := range []int{-1, 0, 2} {
		if c, err := (Shape{1, 0}).Of(context.Background(), []float32{1, 2, 3}, k, 1); err == nil || !strings.Contains(err.Error(), "want whole rows") {
			t.Errorf("rows of %d: %v, %v", k, c, err)
		}
	}
}
