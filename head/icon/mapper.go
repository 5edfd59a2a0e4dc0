package icon

import (
	"fmt"
	"math"
	"math/rand/v2"

	"iconic/internal/kernel"
)

// Mapper makes representations of points, and takes gradients by representations to gradients by its parameters.
type Mapper[T kernel.Float] interface {
	// Forward gives z (n×Out) of points x (n×In). It keeps what Backward needs.
	Forward(x []T, n int) (z []T)
	// Backward adds nothing: it writes ∂L/∂parameters for ∂L/∂z of the last Forward.
	Backward(dz []T)
	// Parameters and Gradients are aligned, slice by slice.
	Parameters() [][]T
	Gradients() [][]T
}

// Linear is z = x·Wᵀ + b.
type Linear[T kernel.Float] struct {
	in, out      int
	w, b, dw, db []T
	x            []T
	n            int
}

// NewLinear draws W uniformly from ±1/√in; b is zero.
func NewLinear[T kernel.Float](in, out int, r *rand.Rand) *Linear[T] {
	l := &Linear[T]{in: in, out: out, w: make([]T, in*out), b: make([]T, out), dw: make([]T, in*out), db: make([]T, out)}
	for i := range l.w {
		l.w[i] = T((2*r.Float64() - 1) / math.Sqrt(float64(in)))
	}
	return l
}

// Forward implements Mapper.
func (l *Linear[T]) Forward(x []T, n int) []T {
	l.x, l.n = x, n
	z := make([]T, n*l.out)
	for i := range n {
		copy(z[i*l.out:], l.b)
	}
	kernel.MulTransB(z, l.out, x, l.in, l.w, l.in, n, l.in, l.out, true)
	return z
}

// Backward implements Mapper: ∂L/∂W = (∂L/∂z)ᵀ·x, ∂L/∂b = Σ_i ∂L/∂z_i.
func (l *Linear[T]) Backward(dz []T) {
	kernel.MulTransA(l.dw, l.in, dz, l.out, l.x, l.in, l.out, l.n, l.in, false)
	clear(l.db)
	for i := range l.n {
		kernel.AddScaled(l.db, 1, dz[i*l.out:(i+1)*l.out])
	}
}

// input is ∂L/∂x = ∂L/∂z·W.
func (l *Linear[T]) input(dz []T) []T {
	dx := make([]T, l.n*l.in)
	kernel.Mul(dx, l.in, dz, l.out, l.w, l.in, l.n, l.out, l.in, false)
	return dx
}

func (l *Linear[T]) Parameters() [][]T { return [][]T{l.w, l.b} }
func (l *Linear[T]) Gradients() [][]T  { return [][]T{l.dw, l.db} }

// MLP is linear layers with GELU between them, x·Φ(x) with Φ the normal distribution function (Hendrycks and Gimpel 2016).
type MLP[T kernel.Float] struct {
	layers []*Linear[T]
	before [][]T // what went into each GELU

	// Of a weight-normalised last layer, whose weights they make; nil for an ordinary one.
	direction, length, dDirection, dLength []T
}

// NewMLP makes layers of the given widths, input first, representation last. It fails on fewer than two widths or one below 1.
func NewMLP[T kernel.Float](widths []int, r *rand.Rand) (*MLP[T], error) {
	m := &MLP[T]{}
	if len(widths) < 2 {
		return nil, fmt.Errorf("perceptron of %d widths: want an input and an output at least", len(widths))
	}
	for i, w := range widths {
		if w < 1 {
			return nil, fmt.Errorf("width %d of a perceptron is %d: want at least 1", i, w)
		}
		if i > 0 {
			m.layers = append(m.layers, NewLinear[T](widths[i-1], w, r))
		}
	}
	return m, nil
}

// Forward implements Mapper.
func (m *MLP[T]) Forward(x []T, n int) []T {
	m.before = m.before[:0]
	if m.direction != nil {
		last := m.layers[len(m.layers)-1]
		WeightNorm(last.w, m.direction, m.length, last.out, last.in)
	}
	for i, l := range m.layers {
		z := l.Forward(x, n)
		if i == len(m.layers)-1 {
			return z
		}
		m.before = append(m.before, z)
		x = make([]T, len(z))
		for e, v := range z {
			x[e] = T(float64(v) * normal(float64(v)))
		}
	}
	return x
}

// Backward implements Mapper. GELU'(x) = Φ(x) + x·φ(x).
func (m *MLP[T]) Backward(dz []T) {
	for i := len(m.layers) - 1; i >= 0; i-- {
		m.layers[i].Backward(dz)
		if l := m.layers[i]; m.direction != nil && i == len(m.layers)-1 {
			ThroughWeightNorm(m.dDirection, m.dLength, l.dw, m.direction, m.length, l.out, l.in)
		}
		if i == 0 {
			return
		}
		dz = m.layers[i].input(dz)
		for e, v := range m.before[i-1] {
			x := float64(v)
			dz[e] *= T(normal(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
		}
	}
}

// normal is the standard normal distribution function.
func normal(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

func (m *MLP[T]) Parameters() [][]T {
	return m.gather((*Linear[T]).Parameters, m.direction, m.length)
}

func (m *MLP[T]) Gradients() [][]T {
	return m.gather((*Linear[T]).Gradients, m.dDirection, m.dLength)
}

// gather lists what layers have, with direction and length in place of the weights they make.
func (m *MLP[T]) gather(of func(*Linear[T]) [][]T, direction, length []T) [][]T {
	var all [][]T
	for i, l := range m.layers {
		own := of(l)
		if direction != nil && i == len(m.layers)-1 {
			own = append([][]T{direction, length}, own[1:]...)
		}
		all = append(all, own...)
	}
	return all
}

// Embedding is a table: point i's representation is row i, whatever its features.
type Embedding[T kernel.Float] struct {
	table, gradient []T
}

// NewEmbedding draws an n×d table from a normal distribution of the given standard deviation.
func NewEmbedding[T kernel.Float](n, d int, deviation float64, r *rand.Rand) *Embedding[T] {
	e := &Embedding[T]{make([]T, n*d), make([]T, n*d)}
	for i := range e.table {
		e.table[i] = T(deviation * r.NormFloat64())
	}
	return e
}

// Forward implements Mapper; the features are not looked at.
func (e *Embedding[T]) Forward([]T, int) []T { return e.table }

// Backward implements Mapper.
func (e *Embedding[T]) Backward(dz []T) { copy(e.gradient, dz) }

func (e *Embedding[T]) Parameters() [][]T { return [][]T{e.table} }
func (e *Embedding[T]) Gradients() [][]T  { return [][]T{e.gradient} }
