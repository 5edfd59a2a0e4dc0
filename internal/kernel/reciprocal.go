package kernel

import "math"

// Reciprocal is q_i = scale·x[i] + shift, x[i] = numerator/q_i, and returns Σ_i ln q_i. Every q_i must be a positive normal
// number. The logarithms cost next to nothing: the q_i are multiplied up, exponents taken out after each factor, and
// eight logarithms at the end serve them all; the relative error of the product is at most len(x)/8 roundings.
func Reciprocal[T Float](x []T, scale, shift, numerator T) float64 {
	if x, ok := any(x).([]float32); ok {
		return reciprocalFloat32(x, float32(scale), float32(shift), float32(numerator))
	}
	return reciprocalGeneric(x, scale, shift, numerator)
}

func reciprocalGeneric[T Float](x []T, scale, shift, numerator T) float64 {
	const most, least = 0x1p500, 0x1p-500 // far from the ends: one more float32 factor cannot leave float64
	log, product := 0.0, 1.0
	for i, v := range x {
		q := scale*v + shift
		x[i] = numerator / q
		product *= float64(q)
		if product > most || product < least {
			log += math.Log(product)
			product = 1
		}
	}
	return log + math.Log(product)
}
