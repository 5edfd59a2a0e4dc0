package kernel

import "math"

// Reciprocal is q_ij = scale·x_ij + shift, x_ij = numerator/q_ij over an m×n matrix of leading dimension ld, and returns Σ_ij ln q_ij.
// Every q_ij must be a positive normal number. The logarithms cost almost nothing: the q_ij are multiplied, with exponents taken out after
// each factor, and a few logarithms at the end cover the whole product. Each factor rounds its product once, so the sum is within m·n·2⁻²³
// of the exact one.
func Reciprocal(x []float32, ld, m, n int, scale, shift, numerator float32) float64 {
	return active.reciprocal(x, ld, m, n, scale, shift, numerator)
}

func reciprocalGeneric(x []float32, ld, m, n int, scale, shift, numerator float32) float64 {
	const most, least = 0x1p500, 0x1p-500 // far from the limits: one more float32 factor cannot overflow or underflow float64
	log, product := 0.0, 1.0
	for i := range m {
		row := x[i*ld : i*ld+n]
		for j, v := range row {
			q := scale*v + shift
			row[j] = numerator / q
			product *= float64(q)
			if product > most || product < least {
				log += math.Log(product)
				product = 1
			}
		}
	}
	return log + math.Log(product)
}
