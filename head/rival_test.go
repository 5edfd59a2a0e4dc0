package head

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"iconic/internal/kernel"
)

// slopes compares a gradient in float32 with central differences, which float32 allows to three digits.
func slopes(t *testing.T, what string, value func() float64, x, gradient []float32) {
	t.Helper()
	const step = 2e-3
	for i, v := range x {
		x[i] = v + step
		above := value()
		x[i] = v - step
		below := value()
		x[i] = v
		if numeric := (above - below) / (2 * step); math.Abs(numeric-float64(gradient[i])) > 2e-3*(1+math.Abs(numeric)) {
			t.Fatalf("%s: gradient %d is %v, differences give %v", what, i, gradient[i], numeric)
		}
	}
}

func logitsOf(r *rand.Rand, n, k int) []float32 {
	z := make([]float32, n*k)
	for i := range z {
		z[i] = float32(r.NormFloat64())
	}
	return z
}

// softened is softmax(sharper·z) of every row.
func softened(z []float32, k int, sharper float32) []float32 {
	p := append([]float32(nil), z...)
	kernel.Scale(p, sharper)
	for lo := 0; lo < len(p); lo += k {
		kernel.Softmax(p[lo:lo+k], p[lo:lo+k])
	}
	return p
}

func TestGradientsOfRivals(t *testing.T) {
	const n, k = 6, 4
	r := rand.New(rand.NewPCG(4, 4))
	z, other := logitsOf(r, n, k), logitsOf(r, n, k)

	dz, dOther := make([]float32, n*k), make([]float32, n*k)
	scan := func() float64 {
		p, q := softened(z, k, 1), softened(other, k, 1)
		v := scanLoss(dz, dOther, p, q, n, k, 5)
		throughSoftmax(dz, p, n, k, 1)
		throughSoftmax(dOther, q, n, k, 1)
		return v
	}
	scan()
	slopes(t, "scan, anchors", scan, z, append([]float32(nil), dz...))
	scan()
	slopes(t, "scan, neighbours", scan, other, append([]float32(nil), dOther...))

	weight, mass := []float32{0.1, 0.9, 0.5, 1, 0.3, 0.7}, []float64{0.4, 0.3, 0.2, 0.1}
	temi := func() float64 {
		p := softened(z, k, 2)
		clear(dz)
		v := temiLoss(dz, p, softened(other, k, 2), weight, mass, n, k, 0.6)
		throughSoftmax(dz, p, n, k, 2)
		return v
	}
	temi()
	slopes(t, "temi", temi, z, append([]float32(nil), dz...))

	q := softened(other, k, 1)
	labels := func() float64 {
		p := softened(z, k, 1)
		v, err := turtleLoss(context.Background(), dz, p, q, n, k, 10, 1)
		if err != nil {
			t.Fatal(err)
		}
		throughSoftmax(dz, p, n, k, 1)
		return v
	}
	labels()
	slopes(t, "turtle", labels, z, append([]float32(nil), dz...))
}

// TEMI's weighted PMI is symmetric in its arguments where student and teacher are one, and largest for pairs that agree.
func TestTEMIPrefersAgreement(t *testing.T) {
	const k = 3
	mass := []float64{1. / 3, 1. / 3, 1. / 3}
	loss := func(a, b []float32) float64 {
		return temiLoss(make([]float32, k), a, b, []float32{1}, mass, 1, k, 0.6)
	}
	same := loss([]float32{0.9, 0.05, 0.05}, []float32{0.9, 0.05, 0.05})
	apart := loss([]float32{0.9, 0.05, 0.05}, []float32{0.05, 0.9, 0.05})
	if !(same < apart) {
		t.Errorf("the loss of a pair that agrees is %g, of one that does not %g", same, apart)
	}
}
