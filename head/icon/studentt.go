package icon

import (
	"math"

	"iconic/internal/kernel"
)

// StudentT: q_ij ∝ (1 + ‖z_i−z_j‖²/ν)^(−(ν+1)/2), t-SNE's kernel at ν = 1.
//
//	s_ij = −(ν+1)/2 · ln(1 + d²/ν),   ∂s_ij/∂z_i = −(ν+1)/(ν + d²) · (z_i − z_j)
type StudentT struct{ Freedom float64 } // ν > 0

// Validate implements Learned.
func (k StudentT) Validate() error { return positive("degrees of freedom", k.Freedom) }

// Score implements Scorer: d² = xx + yy − 2xy.
func (k StudentT) Score(xy, xx, yy float64) (s, byXY, byXX, byYY float64) {
	square := max(0, xx+yy-2*xy)
	slope := (k.Freedom + 1) / (k.Freedom + square)
	return -(k.Freedom + 1) / 2 * math.Log1p(square/k.Freedom), slope, -slope / 2, -slope / 2
}

type studentRows[T kernel.Float] struct {
	plain[T]
	StudentT
}

func (k studentRows[T]) scores(row []T, size T, others []T) {
	for j := range row {
		square := max(0, 2*(size+others[j]-row[j]))
		row[j] = T(-(k.Freedom + 1) / 2 * math.Log1p(float64(square)/k.Freedom))
	}
}

func (k studentRows[T]) spread(g, _ []T, size T, others, products []T) (own T, back []T) {
	for j := range g {
		square := max(0, 2*(size+others[j]-products[j]))
		g[j] *= T(k.Freedom+1) / (T(k.Freedom) + square)
		own += g[j]
	}
	return own, g
}
