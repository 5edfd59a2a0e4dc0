package icon

import (
	"errors"
	"fmt"
	"math"

	"iconic/internal/kernel"
)

// Conditional writes q(·|i) of a learned distribution into q: the probability of each of the n points as a neighbour of point i of z (n×d,
// at least 1×1). Under a Scorer i is not its own neighbour, and q[i] is 0; Cluster includes the point, and z are then logits. Conditional
// is the definition that Loss computes in blocks, for one row at a time: for inspection, not for training. It fails on a parameter out of
// range, on shapes that do not match, and on an index that is not in z.
func Conditional[T kernel.Float](q []float64, l Learned, z []T, n, d, i int) error {
	if err := conditional(q, l, z, n, d, n, i); err != nil {
		return err
	}
	if _, ok := l.(Cluster); ok {
		phi, scaled, _ := assignments(z, n, d)
		for j := range q {
			q[j] = float64(kernel.Dot(phi[i*d:(i+1)*d], scaled[j*d:(j+1)*d]))
		}
		return nil
	}
	return scored(q, l, z[i*d:(i+1)*d], z, n, d, i)
}

// ConditionalBetween is Conditional over the m points w (m×d) of another set: prototypes, another view, a memory bank. Cluster supports
// only one set.
func ConditionalBetween[T kernel.Float](q []float64, l Learned, z, w []T, n, m, d, i int) error {
	if err := conditional(q, l, z, n, d, m, i); err != nil {
		return err
	}
	if len(w) < m*d {
		return fmt.Errorf("second set: %d numbers do not match %d×%d", len(w), m, d)
	}
	return scored(q, l, z[i*d:(i+1)*d], w, m, d, -1)
}

// Debias gives every candidate of a distribution a uniform share: p ← (1−share)·p + share/m, with m the number of candidates. All points
// are candidates except left; −1 leaves none out. Loss does the same to p and q.
func Debias(p []float64, share float64, left int) {
	count := len(p)
	if left >= 0 {
		count--
	}
	for j := range p {
		if j != left {
			p[j] = (1-share)*p[j] + share/float64(max(1, count))
		}
	}
}

// conditional returns an error for arguments that do not match.
func conditional[T kernel.Float](q []float64, l Learned, z []T, n, d, m, i int) error {
	if l == nil {
		return errors.New("no learned distribution is set")
	}
	if err := l.Validate(); err != nil {
		return err
	}
	if n < 1 || d < 1 || len(z) < n*d || len(q) != m {
		return fmt.Errorf("conditional distribution: %d numbers and %d probabilities do not match %d×%d over %d points", len(z), len(q), n, d, m)
	}
	if i < 0 || i >= n {
		return fmt.Errorf("point %d: want 0 to %d", i, n-1)
	}
	return nil
}

// scored is the softmax of the scores of x with each of w except left; −1 leaves none out.
func scored[T kernel.Float](q []float64, l Learned, x, w []T, m, d, left int) error {
	s, ok := l.(Scorer)
	if !ok {
		return fmt.Errorf("learned distribution %T has no scores: want a Scorer, or Cluster over one set", l)
	}
	row := make([]float64, m)
	xx := squared(x)
	for j := range row {
		if j == left {
			continue
		}
		y := w[j*d : (j+1)*d]
		xy := 0.0
		for e, v := range x {
			xy += float64(v) * float64(y[e])
		}
		if row[j], _, _, _ = s.Score(xy, xx, squared(y)); math.IsNaN(row[j]) {
			return fmt.Errorf("score of point %d is not a number: check that the representations are finite", j)
		}
	}
	softmax(q, row, left)
	return nil
}

func squared[T kernel.Float](x []T) float64 {
	s := 0.0
	for _, v := range x {
		s += float64(v) * float64(v)
	}
	return s
}
