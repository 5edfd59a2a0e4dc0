package densetest

import (
	"math/rand/v2"

	"iconic/matrix"
)

// Clouds is k Gaussian clouds of unit width whose centres are about apart·√(2d) from each other, with row i in cloud i mod k.
func Clouds(seed uint64, n, d, k int, apart float64) *matrix.Dense {
	r := rand.New(rand.NewPCG(seed, 1))
	centre := make([]float64, k*d)
	for i := range centre {
		centre[i] = apart * r.NormFloat64()
	}
	m := matrix.NewDense(n, d)
	for i := range m.X {
		m.X[i] = float32(centre[i/d%k*d+i%d] + r.NormFloat64())
	}
	return m
}
