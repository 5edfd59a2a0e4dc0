package icon

import (
	"fmt"
	"math"

	"iconic/head/perplexity"
)

// Width chooses the σ of a Gaussian supervisory distribution: one Sigma for all, or by Perplexity or as given in Each one for each point.
type Width struct {
	Sigma      float64
	Perplexity float64   // 0: use Sigma or Each
	Each       []float64 // of every point; nil: use Sigma
}

// of is the σ of point i, where it is not by perplexity.
func (w Width) of(i int) float64 {
	if w.Each != nil {
		return w.Each[i]
	}
	return w.Sigma
}

// check names what cannot be the width of n points.
func (w Width) check(n int) error {
	switch {
	case w.Perplexity != 0 && !(w.Perplexity >= 1 && w.Perplexity <= float64(n)/3):
		return fmt.Errorf("perplexity %g of %d points: want 1 to %g, a third of them", w.Perplexity, n, float64(n)/3)
	case w.Perplexity != 0:
		return nil
	case w.Each == nil && !(w.Sigma > 0):
		return fmt.Errorf("sigma %g: want a positive number, or a perplexity", w.Sigma)
	case w.Each != nil && len(w.Each) != n:
		return fmt.Errorf("%d widths of %d points: want one each", len(w.Each), n)
	}
	for i, s := range w.Each {
		if !(s > 0) {
			return fmt.Errorf("sigma %g of point %d: want a positive number", s, i)
		}
	}
	return nil
}

// GaussianNeighbours is p_ij ∝ exp(−‖x_i−x_j‖²/2σ_i²) over all other points of x (n×d): SNE's p. It fails on a σ that is not
// positive, and on a perplexity above a third of the others.
func GaussianNeighbours(x []float32, n, d int, w Width) (*Rows, error) {
	if err := w.check(n); err != nil {
		return nil, err
	}
	p, squared := make([]float64, n-1), make([]float64, n-1)
	var failed error
	rows := Build(n, func(i int, add func(int, float64)) {
		least := math.Inf(1)
		for e := range squared {
			squared[e] = squareDistance(x, d, i, other(i, e))
			least = min(least, squared[e])
		}
		if w.Perplexity != 0 {
			if _, err := perplexity.Calibrate(p, squared, w.Perplexity); err != nil && failed == nil {
				failed = fmt.Errorf("point %d: %w", i, err)
			}
		} else {
			for e, s := range squared {
				p[e] = math.Exp((least - s) / (2 * w.of(i) * w.of(i)))
			}
		}
		for e, v := range p {
			add(other(i, e), v)
		}
	})
	return rows, failed
}
