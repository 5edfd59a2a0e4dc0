package icon

import (
	"fmt"
	"math"
)

// Counts is p_ij ∝ counts[i][j], for n points over m others, for use between two sets; the counts may be how often token j occurs near
// token i. It fails on rows of different lengths and on counts that are negative or not finite; a row of zeros has no neighbours.
func Counts(counts [][]float64) (*Rows, error) {
	for i, row := range counts {
		if len(row) != len(counts[0]) {
			return nil, fmt.Errorf("row %d has %d counts, the first %d", i, len(row), len(counts[0]))
		}
		for j, v := range row {
			if !(v >= 0) || math.IsInf(v, 1) {
				return nil, fmt.Errorf("count %g of point %d for %d: want 0 or more", v, i, j)
			}
		}
	}
	return Build(len(counts), func(i int, add func(int, float64)) {
		for j, v := range counts[i] {
			if v > 0 {
				add(j, v)
			}
		}
	}), nil
}
