package icon

import (
	"fmt"
	"math"

	"iconic/internal/kernel"
)

// Learned is a distribution over neighbours in the representation: a Scorer or Cluster.
type Learned interface {
	// Validate returns an error for a parameter out of range.
	Validate() error
}

// Scorer is a Learned whose q is a softmax of scores, q_ij = exp(s_ij)/Σ_k exp(s_ik), where s_ij depends only on the inner product of the
// two points and their squared lengths, as in every kernel of distances, angles or products. Implement it for a kernel of your own. The
// kernels of this package also have fused forms for whole rows, which the engine chooses and the tests compare with Score.
type Scorer interface {
	Learned
	// Score returns s of two points x and y, with xy = x·y, xx = ‖x‖² and yy = ‖y‖², and ∂s/∂xy, ∂s/∂xx and ∂s/∂yy. From these
	//
	//	∂s/∂x = ∂s/∂xy · y + 2 ∂s/∂xx · x,    ∂s/∂y = ∂s/∂xy · x + 2 ∂s/∂yy · y.
	Score(xy, xx, yy float64) (s, byXY, byXX, byYY float64)
}

var (
	_ Scorer = Gaussian{}
	_ Scorer = Cosine{}
	_ Scorer = Dot{}
	_ Scorer = StudentT{}
	_ Scorer = Power{}
)

func positive(name string, v float64) error {
	if !(v > 0) || math.IsInf(v, 1) {
		return fmt.Errorf("%s %g: want a positive number", name, v)
	}
	return nil
}

// rows is a Scorer by whole rows: it turns a block of products into scores, and the gradient by scores into one by points. Both sets of
// points are prepared in the same way.
type rows[T kernel.Float] interface {
	// prepare returns the points whose products are taken, n×d, and a number for each, its size.
	prepare(z []T, n, d int) (points, size []T, err error)
	// scores turns a row of products x·y_j into scores, in place.
	scores(row []T, size T, others []T)
	// spread turns a row's gradient by scores g into gradients by points: point i gets Σ_j w_j y_j − own·x_i,
	// point j gets w_j x_i − back_j·y_j. It writes w over g and returns own and back, which is nil if there are no such terms, and otherwise g itself or scratch.
	spread(g, scratch []T, size T, others, products []T) (own T, back []T)
	// finish turns a gradient by prepared points into one by representations.
	finish(dz, points, size []T, d int)
}

// rowsOf returns the fused form of a Scorer, or its plain one.
func rowsOf[T kernel.Float](l Learned) (rows[T], error) {
	switch k := l.(type) {
	case Gaussian:
		return gaussianRows[T]{Gaussian: k}, nil
	case Cosine:
		return cosineRows[T]{k}, nil
	case Dot:
		return dotRows[T]{}, nil
	case StudentT:
		return studentRows[T]{StudentT: k}, nil
	case Power:
		return powerRows[T]{Power: k}, nil
	case Scorer:
		return plainRows[T]{scorer: k}, nil
	}
	return nil, fmt.Errorf("learned distribution %T has no scores: want a Scorer, or Cluster over one set", l)
}

// plain leaves points unchanged, with half their squared lengths as sizes.
type plain[T kernel.Float] struct{}

func (plain[T]) prepare(z []T, n, d int) (points, size []T, err error) {
	size = make([]T, n)
	for i := range size {
		size[i] = kernel.SquaredNorm(z[i*d:(i+1)*d]) / 2
	}
	return z, size, nil
}

func (plain[T]) finish([]T, []T, []T, int) {}

// plainRows calls a Scorer for every pair.
type plainRows[T kernel.Float] struct {
	plain[T]
	scorer Scorer
}

func (r plainRows[T]) scores(row []T, size T, others []T) {
	for j, xy := range row {
		s, _, _, _ := r.scorer.Score(float64(xy), 2*float64(size), 2*float64(others[j]))
		row[j] = T(s)
	}
}

func (r plainRows[T]) spread(g, scratch []T, size T, others, products []T) (own T, back []T) {
	for j, slope := range g {
		if scratch[j] = 0; slope == 0 { // a point and itself, whose score may have no derivative
			continue
		}
		_, byXY, byXX, byYY := r.scorer.Score(float64(products[j]), 2*float64(size), 2*float64(others[j]))
		g[j] = slope * T(byXY)
		own -= 2 * slope * T(byXX)
		scratch[j] = -2 * slope * T(byYY)
	}
	return own, scratch
}
