package icon

import "math"

// Divergence compares two distributions over the same points.
type Divergence interface {
	// Term returns one point's part of the divergence of q from p and its derivative by q; p and q are in [0, 1]. Both results must be
	// finite there.
	Term(p, q float64) (value, slope float64)
}

// least keeps logarithms and quotients finite if a distribution has no mass.
const least = 1e-30

// KL is Σ p ln(p/q), the paper's divergence. ∂/∂q = −p/q.
type KL struct{}

// Term implements Divergence.
func (KL) Term(p, q float64) (value, slope float64) {
	if p <= 0 {
		return 0, 0
	}
	q = max(q, least)
	return p * math.Log(p/q), -p / q
}

// ReverseKL is Σ q ln(q/p). ∂/∂q = ln(q/p) + 1. It needs α > 0: if q has mass where p has none, it is almost infinite.
type ReverseKL struct{}

// Term implements Divergence.
func (ReverseKL) Term(p, q float64) (value, slope float64) {
	p, q = max(p, least), max(q, least)
	l := math.Log(q / p)
	return q * l, l + 1
}

// JensenShannon is ½ Σ p ln(p/m) + ½ Σ q ln(q/m), m = (p+q)/2, at most ln 2. ∂/∂q = ½ ln(q/m): the terms through m cancel.
type JensenShannon struct{}

// Term implements Divergence.
func (JensenShannon) Term(p, q float64) (value, slope float64) {
	q = max(q, least)
	m := (p + q) / 2
	l := math.Log(q / m)
	value = q * l / 2
	if p > 0 {
		value += p * math.Log(p/m) / 2
	}
	return value, l / 2
}

// TotalVariation is ½ Σ |p−q|, at most 1. ∂/∂q = ½ sign(q−p), and 0 at the kink.
type TotalVariation struct{}

// Term implements Divergence.
func (TotalVariation) Term(p, q float64) (value, slope float64) {
	switch {
	case q > p:
		return (q - p) / 2, 0.5
	case q < p:
		return (p - q) / 2, -0.5
	}
	return 0, 0
}

// Hellinger is the squared Hellinger distance ½ Σ (√p−√q)², at most 1. ∂/∂q = ½ (1 − √(p/q)).
type Hellinger struct{}

// Term implements Divergence.
func (Hellinger) Term(p, q float64) (value, slope float64) {
	q = max(q, least)
	d := math.Sqrt(p) - math.Sqrt(q)
	return d * d / 2, (1 - math.Sqrt(p/q)) / 2
}
