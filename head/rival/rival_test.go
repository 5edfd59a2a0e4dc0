package rival

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"iconic/internal/kernel"
)

// slopes compares a gradient in float32 with central differences, which float32 computes to three digits.
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

// softmaxOf is softmax(sharper·z) of every row.
func softmaxOf(z []float32, k int, sharper float32) []float32 {
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
		p, q := softmaxOf(z, k, 1), softmaxOf(other, k, 1)
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
	temi := func() float64 { return temiOf(dz, z, other, weight, mass, 2) }
	temi()
	slopes(t, "temi", temi, z, append([]float32(nil), dz...))
	s, o, want := softmaxOf(z, k, 2), softmaxOf(other, k, 2), 0.0
	for i := range n {
		sum := 0.0
		for c, m := range mass {
			sum += math.Pow(float64(s[i*k+c])*float64(o[i*k+c]), 0.6) / m
		}
		want -= float64(weight[i]) * math.Log(sum) / n
	}
	if got := temi(); math.Abs(got-want) > 1e-5 {
		t.Errorf("temi: loss %g, want %g", got, want)
	}

	q := softmaxOf(other, k, 1)
	labels := func() float64 {
		p := softmaxOf(z, k, 1)
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

// temiOf is TEMI's loss at β = 0.6 for student's and teacher's logits at a temperature 1/sharper; it writes the gradient by the student's
// logits into dz.
func temiOf(dz, z, teacher, weight []float32, mass []float64, sharper float32) float64 {
	k := len(mass)
	n := len(z) / k
	var sides [2]softened
	for i, logits := range [][]float32{z, teacher} {
		sides[i] = newSoftened(n, k)
		copy(sides[i].p, logits)
		sides[i].soften(k, sharper, 0.6)
	}
	inverse := make([]float32, k)
	for c, m := range mass {
		inverse[c] = float32(1 / m)
	}
	clear(dz)
	return temiLoss(dz, sides[0], sides[1], weight, inverse, n, k, 0.6, sharper, 1)
}

// TEMI's weighted PMI is symmetric in its arguments if student and teacher are the same, and largest for pairs that agree.
func TestTEMIPrefersAgreement(t *testing.T) {
	mass := []float64{1. / 3, 1. / 3, 1. / 3}
	loss := func(a, b []float32) float64 { return temiOf(make([]float32, 3), a, b, []float32{1}, mass, 1) }
	same := loss([]float32{3, 0, 0}, []float32{3, 0, 0})
	apart := loss([]float32{3, 0, 0}, []float32{0, 3, 0})
	if !(same < apart) {
		t.Errorf("the loss of a pair that agrees is %g, of one that does not %g", same, apart)
	}
}
