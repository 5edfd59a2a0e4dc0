package icon

import (
	"fmt"
	"math"
	"math/rand/v2"

	"iconic/internal/kernel"
)

// MLP is linear layers with GELU between them, x·Φ(x) with Φ the normal distribution function (Hendrycks and Gimpel 2016).
type MLP[T kernel.Float] struct {
	layers []*Linear[T]
	before [][]T // the input of each GELU

	// Directions and lengths of a weight-normalised last layer, from which its weights are computed; nil for an ordinary one.
	direction, length, dDirection, dLength []T
}

// NewMLP makes layers of the given widths, input first, representation last. It fails on fewer than two widths or a width below 1.
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

// Parameters returns the weights and biases of all layers.
func (m *MLP[T]) Parameters() [][]T {
	return m.gather((*Linear[T]).Parameters, m.direction, m.length)
}

// Gradients returns the gradients of Parameters, in the same order.
func (m *MLP[T]) Gradients() [][]T {
	return m.gather((*Linear[T]).Gradients, m.dDirection, m.dLength)
}

// gather collects one kind of slices from all layers, with direction and length in place of the weights computed from them.
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
