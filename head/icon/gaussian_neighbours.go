package icon

import (
	"fmt"
	"math"

	"iconic/head/knn"
	"iconic/head/perplexity"
)

// Width determines the σ of a Gaussian supervisory distribution: one Sigma for all points, or one σ per point, by Perplexity or given in
// Each.
type Width struct {
	Sigma      float64
	Perplexity float64   // 0: use Sigma or Each
	Each       []float64 // σ of every point; nil: use Sigma
}

// of is the σ of point i, unless Perplexity determines it.
func (w Width) of(i int) float64 {
	if w.Each != nil {
		return w.Each[i]
	}
	return w.Sigma
}

// check returns an error if w cannot be the width of n points.
func (w Width) check(n int) error {
	switch {
	case w.Perplexity != 0 && !(w.Perplexity >= 1 && w.Perplexity <= float64(n)/3):
		return fmt.Errorf("perplexity %g of %d points: want 1 to %g, a third of them", w.Perplexity, n, float64(n)/3)
	case w.Perplexity != 0:
		return nil
	case w.Each == nil && !(w.Sigma > 0):
		return fmt.Errorf("sigma %g: want a positive number, or a perplexity", w.Sigma)
	case w.Each != nil && len(w.Each) != n:
		return fmt.Errorf("%d widths for %d points: want one each", len(w.Each), n)
	}
	for i, s := range w.Each {
		if !(s > 0) {
			return fmt.Errorf("sigma %g of point %d: want a positive number", s, i)
		}
	}
	return nil
}

// GaussianNeighbours is p_ij ∝ exp(−‖x_i−x_j‖²/2σ_i²) over all other points of x (n×d): SNE's p. It fails on a σ that is not positive, on
// a perplexity above a third of the other points, and on more than MostPairwise points.
func GaussianNeighbours(x []float32, n, d int, w Width) (*Rows, error) {
	if err := checkPairwise(x, n, d); err != nil {
		return nil, err
	}
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

// GaussianEdges is GaussianNeighbours with a perplexity, but only over the edges of a neighbour graph with Euclidean distances, for sets
// with too many pairs. With three times as many neighbours as the perplexity, as in implementations of t-SNE, the other points have almost
// no weight.
func GaussianEdges(g *knn.Graph, wanted float64) (*Rows, error) {
	return overEdges(g, func(p, squared []float64) error {
		_, err := perplexity.Calibrate(p, squared, wanted)
		return err
	})
}

// overEdges turns squared distances along a graph's edges into weights. Every point that has edges gets weights.
func overEdges(g *knn.Graph, weigh func(p, squared []float64) error) (*Rows, error) {
	edges := make([]Edge, 0, len(g.Neighbours))
	p, squared := make([]float64, g.K), make([]float64, g.K)
	for i := range g.N {
		for e := range squared {
			d := float64(g.Distances[i*g.K+e])
			squared[e] = d * d
		}
		if err := weigh(p, squared); err != nil {
			return nil, fmt.Errorf("point %d: %w", i, err)
		}
		for e, j := range g.Row(i) {
			if int(j) == i { // the point has no neighbours
				continue
			}
			edges = append(edges, Edge{From: i, To: int(j), Weight: max(p[e], least)})
		}
	}
	return Graph(g.N, edges)
}
