package icon

import (
	"math"

	"iconic/internal/kernel"
)

// Power: q_ij ∝ ‖z_i−z_j‖^(−Exponent), the limit of Student's t as its scale goes to 0, with Exponent = ν+1: the kernel of the harmonic
// loss (Baek et al. 2025, arXiv 2502.01628).
//
//	s_ij = −E/2 · ln d²,   ∂s_ij/∂z_i = −E/d² · (z_i − z_j);   d² is kept above 1e-12
type Power struct{ Exponent float64 } // E > 0

// leastSquare keeps Power finite if two points coincide.
const leastSquare = 1e-12

// Validate implements Learned.
func (k Power) Validate() error { return positive("exponent", k.Exponent) }

// Score implements Scorer: d² = xx + yy − 2xy.
func (k Power) Score(xy, xx, yy float64) (s, byXY, byXX, byYY float64) {
	square := max(leastSquare, xx+yy-2*xy)
	slope := k.Exponent / square
	return -k.Exponent / 2 * math.Log(square), slope, -slope / 2, -slope / 2
}

type powerRows[T kernel.Float] struct {
	plain[T]
	Power
}

func (k powerRows[T]) scores(row []T, size T, others []T) {
	for j := range row {
		square := max(leastSquare, 2*(size+others[j]-row[j]))
		row[j] = T(-k.Exponent / 2 * math.Log(float64(square)))
	}
}

func (k powerRows[T]) spread(g, _ []T, size T, others, products []T) (own T, back []T) {
	for j := range g {
		g[j] *= T(k.Exponent) / max(leastSquare, 2*(size+others[j]-products[j]))
		own += g[j]
	}
	return own, g
}
