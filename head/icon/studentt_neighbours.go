package icon

import (
	"fmt"
	"math"
)

// StudentTNeighbours is p_ij ∝ (1 + ‖x_i−x_j‖²/ν)^(−(ν+1)/2) over all other points of x (n×d).
func StudentTNeighbours(x []float32, n, d int, freedom float64) (*Rows, error) {
	if !(freedom > 0) {
		return nil, fmt.Errorf("degrees of freedom %g: want a positive number", freedom)
	}
	return Build(n, func(i int, add func(int, float64)) {
		for e := range n - 1 {
			j := other(i, e)
			add(j, math.Pow(1+squareDistance(x, d, i, j)/freedom, -(freedom+1)/2))
		}
	}), nil
}
