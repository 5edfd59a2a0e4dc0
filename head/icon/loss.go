package icon

import (
	"context"
	"fmt"
	"math"

	"iconic/head/cluster"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// Rows is a supervisory distribution as a sparse matrix: row i has neighbours and weights that sum to 1.
type Rows = matrix.Sparse

// Loss is the I-Con loss of representations under a supervisory distribution.
type Loss[T kernel.Float] struct {
	Learned     Learned
	Divergence  Divergence // KL when nil
	Alpha, Beta float64    // uniform shares of p and q, 0 to 1
	Workers     int        // goroutines; all processors when < 1
	// Sample, if not nil, is distinct points that give an unbiased estimate of the mean of ln q̃ over p's uniform share; draw a new sample
	// for each call. nil uses all points, exactly. Only for Cluster under KL in float32.
	Sample []int32
	// Buffers are reused between calls, which one goroutine at a time must then make; nil: allocated for each call.
	Buffers *Buffers
}

// Buffers is the working memory of a fused loss.
type Buffers struct{ cluster cluster.Loss }

const (
	lossRows    = 64 // rows of a block
	lossStripes = 8  // most partial sums over rows
)

// Gradient returns the loss of n points z (n×d), each compared with the others, and writes ∂L/∂z into dz. Rows of p are over the n points;
// under the softmax kernels no point may be its own neighbour.
func (l Loss[T]) Gradient(ctx context.Context, dz, z []T, n, d int, p Supervisory) (float64, error) {
	if err := l.check(len(dz), len(z), n, d, n, p); err != nil {
		return 0, err
	}
	if fused := l.fused(); fused != nil {
		return fused.Gradient(ctx, any(dz).([]float32), any(z).([]float32), n, d, listed(p))
	}
	if l.Sample != nil {
		return 0, fmt.Errorf("a sample of %d points: the uniform share is sampled only for the cluster kernel under KL in float32", len(l.Sample))
	}
	if _, ok := l.Learned.(Cluster); ok {
		return l.clusterGradient(ctx, dz, z, n, d, p)
	}
	return l.scoreGradient(ctx, dz, nil, z, z, n, n, d, p, true)
}

// GradientBetween is Gradient of n points against m others w (m×d): prototypes, another modality, a memory bank. It also writes ∂L/∂w into
// dw. Either gradient is left out if its slice is nil.
func (l Loss[T]) GradientBetween(ctx context.Context, dz, dw, z, w []T, n, m, d int, p Supervisory) (float64, error) {
	gradients := len(dz)
	if dz == nil {
		gradients = n * d
	}
	if err := l.check(gradients, len(z), n, d, m, p); err != nil {
		return 0, err
	}
	if len(w) < m*d || dw != nil && len(dw) < m*d {
		return 0, fmt.Errorf("second set: %d numbers and %d gradients do not match %d×%d", len(w), len(dw), m, d)
	}
	if _, ok := l.Learned.(Cluster); ok {
		return 0, fmt.Errorf("the cluster kernel has one set of points: use another kernel between two")
	}
	return l.scoreGradient(ctx, dz, dw, z, w, n, m, d, p, false)
}

// fused returns package cluster's form of the cluster kernel under KL in float32, which stores no n×n matrix; nil for every other loss.
func (l Loss[T]) fused() *cluster.Loss {
	_, clusters := l.Learned.(Cluster)
	_, kl := l.divergence().(KL)
	if _, single := any(*new(T)).(float32); !clusters || !kl || !single {
		return nil
	}
	f := &cluster.Loss{}
	if l.Buffers != nil {
		f = &l.Buffers.cluster
	}
	f.Alpha, f.Beta, f.Workers, f.Columns = float32(l.Alpha), float32(l.Beta), l.Workers, l.Sample
	return f
}

// listed returns p as sparse rows.
func listed(p Supervisory) *Rows {
	if r, ok := p.(*Rows); ok {
		return r
	}
	r := &Rows{Offset: make([]int, 1, p.Len()+1)}
	for i := range p.Len() {
		neighbour, share := p.Row(i)
		r.Column, r.Weight = append(r.Column, neighbour...), append(r.Weight, share...)
		r.Offset = append(r.Offset, len(r.Column))
	}
	return r
}

func (l Loss[T]) check(gradients, numbers, n, d, m int, p Supervisory) error {
	if l.Learned == nil {
		return fmt.Errorf("no learned distribution is set")
	}
	if err := l.Learned.Validate(); err != nil {
		return err
	}
	if !(l.Alpha >= 0 && l.Alpha <= 1) {
		return fmt.Errorf("alpha %g: want a number from 0 to 1", l.Alpha)
	}
	if !(l.Beta >= 0 && l.Beta <= 1) {
		return fmt.Errorf("beta %g: want a number from 0 to 1", l.Beta)
	}
	if n < 1 || d < 1 || m < 1 || numbers < n*d || gradients < n*d || p.Len() != n {
		return fmt.Errorf("loss: %d numbers, %d gradients and %d rows of p do not match %d×%d", numbers, gradients, p.Len(), n, d)
	}
	return checkRows(p, m)
}

func (l Loss[T]) divergence() Divergence {
	if l.Divergence == nil {
		return KL{}
	}
	return l.Divergence
}

// scoreGradient is the loss of a softmax kernel. With g_ij = ∂D/∂q̃_ij,
//
//	∂L/∂q_ij = (1−β) g_ij / n,    ∂L/∂s_ij = q_ij (∂L/∂q_ij − Σ_k q_ik ∂L/∂q_ik)
//
// which for KL at β = 0 is (q_ij − p_ij)/n.
func (l Loss[T]) scoreGradient(ctx context.Context, dz, dw, z, w []T, n, m, d int, p Supervisory, self bool) (float64, error) {
	k, err := rowsOf[T](l.Learned)
	if err != nil {
		return 0, err
	}
	s := scoring[T]{loss: l, kernel: k, m: m, d: d, p: p, self: self}
	if s.points, s.size, err = k.prepare(z, n, d); err != nil {
		return 0, err
	}
	s.others, s.otherSize = s.points, s.size
	if !self {
		if s.others, s.otherSize, err = k.prepare(w, m, d); err != nil {
			return 0, fmt.Errorf("second set: %w", err)
		}
	}
	stripe := parallel.Stripe(n, lossStripes, lossRows)
	back := make([][]T, parallel.Count(n, stripe))
	losses := make([]float64, len(back))
	if dz != nil {
		clear(dz[:n*d])
	}
	err = parallel.Blocks(ctx, l.Workers, n, stripe, func(b, lo, hi int) (err error) {
		if self || dw != nil {
			back[b] = make([]T, m*d)
		}
		losses[b], err = s.stripe(ctx, dz, back[b], lo, hi)
		return err
	})
	if err != nil {
		return 0, err
	}
	if self {
		dw = dz
	} else if dw != nil {
		clear(dw[:m*d])
	}
	total := 0.0
	for b := range back {
		total += losses[b]
		for e, v := range back[b] {
			dw[e] += v
		}
	}
	if dz != nil {
		k.finish(dz, s.points, s.size, d)
	}
	if !self && dw != nil {
		k.finish(dw, s.others, s.otherSize, d)
	}
	return total / float64(n), nil
}

// scoring is what the rows of a loss have in common: points and others as the kernel prepares them (n×d and m×d), and p.
type scoring[T kernel.Float] struct {
	loss              Loss[T]
	kernel            rows[T]
	points, size      []T
	others, otherSize []T
	m, d              int
	p                 Supervisory
	self              bool // others are the points
}

// stripe adds the gradients of rows lo to hi: toward the points to dz, and toward the others to back (m×d), unless these are nil. It returns
// the sum of their divergences.
func (s *scoring[T]) stripe(ctx context.Context, dz, back []T, lo, hi int) (loss float64, err error) {
	m, d := s.m, s.d
	block := newScoreBlock[T](m)
	for ; lo < hi; lo += lossRows {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		end := min(hi, lo+lossRows)
		kernel.MulTransB(block.products, m, s.points[lo*d:], d, s.others, d, end-lo, d, m, false)
		for i := lo; i < end; i++ {
			at := i - lo
			loss += s.loss.row(block, s.kernel, at, i, s.size[i], s.otherSize, s.p, s.self)
			own, toward := s.kernel.spread(block.weights[at*m:(at+1)*m], block.back, s.size[i], s.otherSize, block.products[at*m:(at+1)*m])
			if toward == nil {
				continue
			}
			if dz != nil {
				kernel.AddScaled(dz[i*d:(i+1)*d], -own, s.points[i*d:(i+1)*d])
			}
			if back != nil {
				kernel.AddScaled(block.columns, 1, toward)
			}
		}
		if dz != nil {
			kernel.Mul(dz[lo*d:], d, block.weights, m, s.others, d, end-lo, m, d, true)
		}
		if back != nil {
			kernel.MulTransA(back, d, block.weights, m, s.points[lo*d:], d, m, end-lo, d, true)
		}
	}
	if back != nil {
		for j, v := range block.columns {
			kernel.AddScaled(back[j*d:(j+1)*d], -v, s.others[j*d:(j+1)*d])
		}
	}
	return loss, nil
}

// scoreBlock is the working memory of a block of rows.
type scoreBlock[T kernel.Float] struct {
	products, weights []T       // lossRows×m: x·y, and then ∂L/∂s
	columns           []T       // sums over rows of the back terms
	back              []T       // back of one row, if it is not its weights
	q, p, g           []float64 // one row
}

func newScoreBlock[T kernel.Float](m int) *scoreBlock[T] {
	return &scoreBlock[T]{
		products: make([]T, lossRows*m), weights: make([]T, lossRows*m), columns: make([]T, m), back: make([]T, m),
		q: make([]float64, m), p: make([]float64, m), g: make([]float64, m),
	}
}

// row writes ∂L/∂s of one row into weights and returns its divergence.
func (l Loss[T]) row(b *scoreBlock[T], s rows[T], at, i int, size T, others []T, p Supervisory, self bool) float64 {
	m := len(b.q)
	row := b.weights[at*m : (at+1)*m]
	copy(row, b.products[at*m:(at+1)*m])
	s.scores(row, size, others)
	left := -1 // the excluded point
	count := m
	if self {
		left, count = i, m-1
	}
	softmax(b.q, row, left)
	l.target(b.p, p, i, count)
	divergence := l.divergence()
	value, mean := 0.0, 0.0
	for j, q := range b.q {
		if j == left {
			continue
		}
		v, slope := divergence.Term(b.p[j], (1-l.Beta)*q+l.Beta/float64(count))
		value += v
		b.g[j] = (1 - l.Beta) * slope
		mean += q * b.g[j]
	}
	n := float64(p.Len())
	for j, q := range b.q {
		row[j] = T(q * (b.g[j] - mean) / n)
	}
	if left >= 0 {
		row[left] = 0
	}
	return value
}

// target writes p̃ of row i over count candidates.
func (l Loss[T]) target(dst []float64, p Supervisory, i, count int) {
	for j := range dst {
		dst[j] = l.Alpha / float64(max(1, count))
	}
	column, weight := p.Row(i)
	for e, j := range column {
		dst[j] += (1 - l.Alpha) * float64(weight[e])
	}
}

// softmax of a row except the excluded entry left, in float64.
func softmax[T kernel.Float](q []float64, row []T, left int) {
	top := math.Inf(-1)
	for j, v := range row {
		if j != left {
			top = max(top, float64(v))
		}
	}
	sum := 0.0
	for j, v := range row {
		q[j] = 0
		if j != left {
			q[j] = math.Exp(float64(v) - top)
			sum += q[j]
		}
	}
	for j := range q {
		q[j] /= sum
	}
}
