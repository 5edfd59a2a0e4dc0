package perplexity

import (
	"fmt"
	"math"
)

// Calibrate writes p_j ∝ exp(−d_j²/2σ²) for the squared distances d² of one point to its m ≥ 1 neighbours and returns the σ at which the
// perplexity, e to the entropy of p, is the wanted one to 1e-10. If no σ can reach it (too many neighbours at the smallest distance, or as
// many as wanted), it writes the nearest possible p and returns a σ of 0 or +Inf. It fails on a perplexity below 1 or above m, and on
// distances that are negative or not finite.
func Calibrate(p, squared []float64, wanted float64) (sigma float64, err error) {
	m := len(squared)
	if !(wanted >= 1 && wanted <= float64(m)) {
		return 0, fmt.Errorf("perplexity %g of %d neighbours: want a number from 1 to their number", wanted, m)
	}
	least := math.Inf(1)
	for j, d := range squared {
		if !(d >= 0) || math.IsInf(d, 0) {
			return 0, fmt.Errorf("squared distance %d is %g: want a finite number, 0 or more", j, d)
		}
		least = min(least, d)
	}
	goal := math.Log(wanted)
	low, high := 0.0, math.Inf(1) // bounds of the precision 1/2σ²
	precision := 1.0
	if scale := mean(squared) - least; scale > 0 {
		precision = 1 / scale
	}
	for range 200 {
		entropy := weigh(p, squared, least, precision)
		if math.Abs(entropy-goal) < 1e-10 {
			break
		}
		if entropy > goal {
			low = precision
			if math.IsInf(high, 1) {
				precision *= 2
			} else {
				precision = (low + high) / 2
			}
		} else {
			high = precision
			precision = (low + high) / 2
		}
		if precision > 1e300 || precision < 1e-300 {
			break
		}
	}
	return math.Sqrt(1 / (2 * precision)), nil
}

// weigh writes the distribution at a precision and returns its entropy in nats.
func weigh(p, squared []float64, least, precision float64) float64 {
	sum, moment := 0.0, 0.0
	for j, d := range squared {
		e := (d - least) * precision
		p[j] = math.Exp(-e)
		sum += p[j]
		if p[j] > 0 {
			moment += p[j] * e
		}
	}
	for j := range squared {
		p[j] /= sum
	}
	return math.Log(sum) + moment/sum
}

func mean(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s / float64(len(x))
}
