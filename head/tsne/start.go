package tsne

import (
	"context"
	"fmt"
	"math"

	"iconic/head/principal"
	"iconic/matrix"
)

// start places the points by the first two principal components of their features, scaled to a standard deviation of 1e-4 along the first:
// this preserves the large-scale structure and does not depend on chance (Kobak and Berens 2019).
func start(ctx context.Context, f matrix.Features, workers int) ([]float64, error) {
	const deviation = 1e-4
	k := min(2, f.Dim())
	c, err := principal.Find(ctx, f, k, workers)
	if err != nil {
		return nil, fmt.Errorf("map: %w", err)
	}
	y, err := c.Project(ctx, f, deviation/math.Sqrt(max(c.Variance[0], 1e-300)), workers)
	if err != nil || k == 2 {
		return y, err
	}
	plane := make([]float64, 2*len(y)) // features with one column lie on a line
	for i, v := range y {
		plane[2*i] = v
	}
	return plane, nil
}
