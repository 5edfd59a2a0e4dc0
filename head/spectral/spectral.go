package spectral

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/mat"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

const (
	degree     = 8    // degree of the filter
	fewRounds  = 10   // largest number of rounds of filtering without Options.Residual
	mostRounds = 100  // largest number of rounds with it
	settled    = 1e-3 // without Options.Residual, the iteration ends when every eigenvalue changes by less than this
	leastBound = -0.5 // of the filter, whose value at 1 is T₈(7) = 7·10⁸ then, and 7·10¹⁴ at −0.9: far beyond the digits of float32
	blockRows  = 128
	stripes    = 8
)

// Options are the settings of Leading.
type Options struct {
	Count int // number of eigenvectors, from 1 to the number of rows
	// Residual is the largest ‖Mv − λv‖ of a vector at which the iteration ends, at the latest after 100 rounds; float32 reaches about 1e-6.
	// With 0 it ends as soon as a round changes no eigenvalue by more than a thousandth, or after 10 rounds. That suffices for a start, whose
	// last vectors may have errors of the order of their length.
	Residual float64
	Seed     uint64
	Workers  int // goroutines; all processors when < 1
}

// Eigen holds eigenvectors and their values.
type Eigen struct {
	Vectors  *matrix.Dense // n×count: vector e is column e
	Values   []float64     // in descending order
	Residual float64       // largest ‖Mv − λv‖ of a vector; NaN, not measured, if Options.Residual is 0
}

// Leading returns the leading eigenvectors of m, which is symmetric with eigenvalues in [−1, 1]. The result depends only on m and the options,
// not on the number of workers. It fails on a count out of range, on an invalid matrix, and with ctx's error when ctx ends.
func Leading(ctx context.Context, m *matrix.Sparse, o Options) (*Eigen, error) {
	n := m.Len()
	if o.Count < 1 || o.Count > n {
		return nil, fmt.Errorf("%d eigenvectors of %d rows: want at least 1 and at most the number of rows", o.Count, n)
	}
	if err := m.Check(n); err != nil {
		return nil, err
	}
	width := min(n, o.Count+max(8, o.Count/8)) // a few more than requested, so that the requested ones converge
	if o.Residual > 0 && 2*width >= n {
		return dense(ctx, m, o)
	}
	s := &subspace{m: m, workers: o.Workers, x: matrix.NewDense(n, width)}
	r := rand.New(rand.NewPCG(o.Seed, 0x7370656374))
	for e := range s.x.X {
		s.x.X[e] = float32(r.NormFloat64())
	}
	rounds, found := fewRounds, &Eigen{Residual: math.NaN()}
	if o.Residual > 0 {
		rounds = mostRounds
	}
	bound := 0.0
	for round := range rounds {
		if err := s.filter(ctx, bound); err != nil {
			return nil, err
		}
		values, err := s.turn(ctx)
		if err != nil {
			return nil, err
		}
		before := found.Values
		found.Values = values[:o.Count]
		if o.Residual > 0 {
			if found.Residual, err = s.residual(ctx, found.Values); err != nil {
				return nil, err
			}
			if found.Residual <= o.Residual {
				break
			}
		} else if round > 0 && near(found.Values, before) {
			break
		}
		bound = min(0.99, max(leastBound, values[width-1]))
	}
	found.Vectors = matrix.NewDense(n, o.Count)
	for i := range n {
		copy(found.Vectors.Row(i), s.x.Row(i))
	}
	return found, nil
}

// dense is Leading by a dense solver, for a large share of all vectors: the filter cannot tell eigenvalues near −1 apart from the others, and a turn of
// half as many columns takes an eighth of the work.
func dense(ctx context.Context, m *matrix.Sparse, o Options) (*Eigen, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n := m.Len()
	sym := mat.NewSymDense(n, nil)
	for i := range n {
		column, weight := m.Row(i)
		for e, j := range column {
			if int(j) >= i {
				sym.SetSym(i, int(j), float64(weight[e]))
			}
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(sym, true) {
		return nil, errors.New("eigenvectors of a graph: its matrix has no eigenvalues: check that the features are finite")
	}
	rising := eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	found := &Eigen{Vectors: matrix.NewDense(n, o.Count), Values: make([]float64, o.Count)}
	for e := range o.Count {
		found.Values[e] = rising[n-1-e]
		for i := range n {
			found.Vectors.Row(i)[e] = float32(vectors.At(i, n-1-e))
		}
	}
	var err error
	found.Residual, err = (&subspace{m: m, workers: o.Workers, x: found.Vectors}).residual(ctx, found.Values)
	return found, err
}

// residual returns the largest ‖Mv − λv‖ of the first columns, one per value.
func (s *subspace) residual(ctx context.Context, values []float64) (float64, error) {
	rows := parallel.Stripe(s.x.Len(), stripes, blockRows)
	square, err := parallel.Sum(ctx, s.workers, s.x.Len(), rows, rows, len(values), func(sum []float64, lo, hi int) error {
		product := make([]float32, s.x.Width)
		for i := lo; i < hi; i++ {
			s.row(product, s.x, i, 1, 0)
			for e, value := range values {
				off := float64(product[e]) - value*float64(s.x.Row(i)[e])
				sum[e] += off * off
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return math.Sqrt(slices.Max(square)), nil
}

func near(a, b []float64) bool {
	for e := range a {
		if math.Abs(a[e]-b[e]) > settled {
			return false
		}
	}
	return true
}

// subspace is the block of columns.
type subspace struct {
	m       *matrix.Sparse
	workers int
	x       *matrix.Dense
}

// product computes y = scale·(M x − shift·x) − less; less is nil or of x's shape, and y may be less.
func (s *subspace) product(ctx context.Context, y, x, less *matrix.Dense, scale, shift float32) error {
	return parallel.Blocks(ctx, s.workers, x.Len(), blockRows, func(_, lo, hi int) error {
		row := make([]float32, x.Width)
		for i := lo; i < hi; i++ {
			s.row(row, x, i, scale, shift)
			if less != nil {
				kernel.AddScaled(row, -1, less.Row(i))
			}
			copy(y.Row(i), row)
		}
		return nil
	})
}

// row computes row i of scale·(M x − shift·x).
func (s *subspace) row(dst []float32, x *matrix.Dense, i int, scale, shift float32) {
	clear(dst)
	kernel.AddScaled(dst, -scale*shift, x.Row(i))
	column, weight := s.m.Row(i)
	for e, j := range column {
		kernel.AddScaled(dst, scale*weight[e], x.Row(int(j)))
	}
}

// filter applies the polynomial.
func (s *subspace) filter(ctx context.Context, bound float64) error {
	shift, scale := float32((bound-1)/2), float32(2/(bound+1))
	before := s.x
	now := matrix.NewDense(before.Len(), before.Width)
	if err := s.product(ctx, now, before, nil, scale, shift); err != nil {
		return err
	}
	for range degree - 1 {
		if err := s.product(ctx, before, now, before, 2*scale, shift); err != nil {
			return err
		}
		before, now = now, before
	}
	s.x = now
	return nil
}

// turn orthonormalises the columns and rotates them to Ritz vectors, whose values it returns in descending order.
func (s *subspace) turn(ctx context.Context) ([]float64, error) {
	s.scaleColumns()
	for range 2 { // a single pass leaves rounding errors if the block is ill-conditioned
		if err := s.orthonormalise(ctx); err != nil {
			return nil, err
		}
	}
	y := matrix.NewDense(s.x.Len(), s.x.Width)
	if err := s.product(ctx, y, s.x, nil, 1, 0); err != nil {
		return nil, err
	}
	h, err := s.between(ctx, s.x, y)
	if err != nil {
		return nil, err
	}
	k := s.x.Width
	sym := mat.NewSymDense(k, nil)
	for a := range k {
		for b := a; b < k; b++ {
			sym.SetSym(a, b, (h[a*k+b]+h[b*k+a])/2)
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(sym, true) {
		return nil, errors.New("eigenvectors of a graph: the projected matrix has no eigenvalues: check that the features are finite")
	}
	rising := eigen.Values(nil)
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	values, turned := make([]float64, k), make([]float32, k*k)
	for c := range k {
		values[c] = rising[k-1-c]
		for e := range k {
			turned[e*k+c] = float32(vectors.At(e, k-1-c))
		}
	}
	return values, s.apply(ctx, turned)
}

// scaleColumns scales the columns to length 1; a column of zeros, which has no direction, stays unchanged.
func (s *subspace) scaleColumns() {
	square := make([]float64, s.x.Width)
	for i := range s.x.Len() {
		for c, v := range s.x.Row(i) {
			square[c] += float64(v) * float64(v)
		}
	}
	for i := range s.x.Len() {
		row := s.x.Row(i)
		for c := range row {
			if square[c] > 0 {
				row[c] = float32(float64(row[c]) / math.Sqrt(square[c]))
			}
		}
	}
}

// orthonormalise computes X ← X L⁻ᵀ with LLᵀ = XᵀX (Cholesky QR), shifted slightly if that is singular.
func (s *subspace) orthonormalise(ctx context.Context) error {
	gram, err := s.between(ctx, s.x, s.x)
	if err != nil {
		return err
	}
	k := s.x.Width
	var factor mat.Cholesky
	for shift := 0.0; ; shift = max(1e-7, 10*shift) {
		sym := mat.NewSymDense(k, nil)
		for a := range k {
			for b := a; b < k; b++ {
				sym.SetSym(a, b, (gram[a*k+b]+gram[b*k+a])/2)
			}
			sym.SetSym(a, a, sym.At(a, a)+shift)
		}
		if factor.Factorize(sym) {
			break
		}
		if shift > 1 {
			return errors.New("eigenvectors of a graph: the columns have no Cholesky factor: check that the features are finite")
		}
	}
	var lower, inverse mat.TriDense
	factor.LTo(&lower)
	if err := inverse.InverseTri(&lower); err != nil && !errors.As(err, new(mat.Condition)) {
		return fmt.Errorf("eigenvectors of a graph: %w", err)
	}
	b := make([]float32, k*k)
	for e := range k {
		for c := range e + 1 {
			b[c*k+e] = float32(inverse.At(e, c))
		}
	}
	return s.apply(ctx, b)
}

// apply computes X ← X·B.
func (s *subspace) apply(ctx context.Context, b []float32) error {
	k := s.x.Width
	y := matrix.NewDense(s.x.Len(), k)
	err := parallel.Blocks(ctx, s.workers, s.x.Len(), blockRows, func(_, lo, hi int) error {
		kernel.Mul(y.X[lo*k:], k, s.x.X[lo*k:], k, b, k, hi-lo, k, k, false)
		return nil
	})
	s.x = y
	return err
}

// between computes XᵀY, in float64, over stripes that depend only on the number of rows.
func (s *subspace) between(ctx context.Context, x, y *matrix.Dense) ([]float64, error) {
	k := x.Width
	rows := max(blockRows, parallel.Count(x.Len(), stripes))
	return parallel.Sum(ctx, s.workers, x.Len(), rows, rows, k*k, func(sum []float64, lo, hi int) error {
		product := make([]float32, k*k)
		for ; lo < hi; lo += blockRows {
			m := min(blockRows, hi-lo)
			kernel.MulTransA(product, k, x.X[lo*k:], k, y.X[lo*k:], k, k, m, k, false)
			kernel.AddTo(sum, product)
		}
		return nil
	})
}
