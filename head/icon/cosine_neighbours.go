package icon

import (
	"math"

	"iconic/internal/kernel"
)

// CosineNeighbours is p_ij ∝ exp(cos(x_i, x_j)/τ) over all other points of x (n×d): the targets of X-Sample (Sobal et al. 2025). A point
// without a direction is equally similar to all others. It stores all pairs, and fails on more than MostPairwise points and on a temperature τ
// that is not positive.
func CosineNeighbours(x []float32, n, d int, temperature float64) (*Rows, error) {
	if err := checkPairwise(x, n, d); err != nil {
		return nil, err
	}
	if err := positive("temperature", temperature); err != nil {
		return nil, err
	}
	u := append([]float32(nil), x[:n*d]...)
	kernel.NormalizeRows(u, d)
	p := &Rows{Offset: make([]int, n+1), Column: make([]int32, 0, n*(n-1)), Weight: make([]float32, 0, n*(n-1))}
	row := make([]float32, n)
	for i := range n {
		kernel.MulTransB(row, n, u[i*d:], d, u, d, 1, d, n, false)
		kernel.Scale(row, float32(1/temperature))
		row[i] = float32(math.Inf(-1))
		kernel.Softmax(row, row)
		for j, w := range row {
			if j != i {
				p.Column, p.Weight = append(p.Column, int32(j)), append(p.Weight, w)
			}
		}
		p.Offset[i+1] = len(p.Column)
	}
	return p, nil
}
