package icon

import (
	"math"
	"math/rand/v2"

	"iconic/internal/kernel"
)

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

// input returns ∂L/∂x = ∂L/∂z·W.
func (l *Linear[T]) input(dz []T) []T {
	dx := make([]T, l.n*l.in)
	kernel.Mul(dx, l.in, dz, l.out, l.w, l.in, l.n, l.out, l.in, false)
	return dx
}

// Parameters returns the weights and the bias.
func (l *Linear[T]) Parameters() [][]T { return [][]T{l.w, l.b} }

// Gradients returns the gradients of Parameters, in the same order.
func (l *Linear[T]) Gradients() [][]T { return [][]T{l.dw, l.db} }
