package icon

import (
	"math"

	"iconic/internal/kernel"
)

// WeightNorm writes the rows W_c = g_c v_c/‖v_c‖ of a weight-normalised layer (Salimans and Kingma 2016, eq. 2): w and v are k×d, g has k numbers.
func WeightNorm[T kernel.Float](w, v, g []T, k, d int) {
	for c := range k {
		row := v[c*d : (c+1)*d]
		copy(w[c*d:(c+1)*d], row)
		kernel.Scale(w[c*d:(c+1)*d], g[c]/T(math.Sqrt(float64(kernel.SquaredNorm(row)))))
	}
}

// ThroughWeightNorm computes the gradients by v and g from ∂L/∂W (their eq. 3):
//
//	∂L/∂g_c = ∂L/∂W_c·v_c/‖v_c‖,   ∂L/∂v_c = g_c/‖v_c‖ (∂L/∂W_c − ∂L/∂g_c v_c/‖v_c‖)
func ThroughWeightNorm[T kernel.Float](dv, dg, dw, v, g []T, k, d int) {
	for c := range k {
		row, slope, to := v[c*d:(c+1)*d], dw[c*d:(c+1)*d], dv[c*d:(c+1)*d]
		inverse := T(1 / math.Sqrt(float64(kernel.SquaredNorm(row))))
		dg[c] = kernel.Dot(slope, row) * inverse
		for e := range to {
			to[e] = g[c] * inverse * (slope[e] - dg[c]*row[e]*inverse)
		}
	}
}

// lengths returns ‖v_c‖ of each row: the g at which weight normalisation changes nothing.
func lengths[T kernel.Float](v []T, k, d int) []T {
	g := make([]T, k)
	for c := range g {
		g[c] = T(math.Sqrt(float64(kernel.SquaredNorm(v[c*d : (c+1)*d]))))
	}
	return g
}

// WeightNormalized replaces the last layer's weights by directions and lengths, with the same product.
func (m *MLP[T]) WeightNormalized() *MLP[T] {
	last := m.layers[len(m.layers)-1]
	m.direction, m.length = append([]T(nil), last.w...), lengths(last.w, last.out, last.in)
	m.dDirection, m.dLength = make([]T, len(last.w)), make([]T, last.out)
	return m
}
