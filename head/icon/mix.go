package icon

import (
	"fmt"
	"math"
)

// Mix is Σ_k shares[k]·p_k. It fails on different lengths and on shares that are negative or do not sum to 1.
func Mix(shares []float64, p ...*Rows) (*Rows, error) {
	if len(shares) != len(p) || len(p) == 0 {
		return nil, fmt.Errorf("%d shares for %d distributions: want one each", len(shares), len(p))
	}
	sum := 0.0
	for k, s := range shares {
		if !(s >= 0) {
			return nil, fmt.Errorf("share %d is %g: want 0 or more", k, s)
		}
		if p[k].Len() != p[0].Len() {
			return nil, fmt.Errorf("distribution %d has %d points, the first %d", k, p[k].Len(), p[0].Len())
		}
		sum += s
	}
	if math.Abs(sum-1) > 1e-6 {
		return nil, fmt.Errorf("shares sum to %g: want 1", sum)
	}
	return Build(p[0].Len(), func(i int, add func(int, float64)) {
		for k, rows := range p {
			column, weight := rows.Row(i)
			for e, j := range column {
				add(int(j), shares[k]*float64(weight[e]))
			}
		}
	}), nil
}
