package icon

import "iconic/internal/kernel"

// Dot: q_ij ∝ exp(z_i·z_j).
type Dot struct{}

// Validate implements Learned.
func (Dot) Validate() error { return nil }

// Score implements Scorer.
func (Dot) Score(xy, _, _ float64) (s, byXY, byXX, byYY float64) { return xy, 1, 0, 0 }

type dotRows[T kernel.Float] struct{ plain[T] }

func (dotRows[T]) scores([]T, T, []T) {}

func (dotRows[T]) spread([]T, []T, T, []T, []T) (own T, back []T) { return 0, nil }
