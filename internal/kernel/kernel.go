package kernel

import "math"

// Float is the kind of number that the kernels accept.
type Float interface{ float32 | float64 }

// Dot is Σ_i x[i]·y[i] over len(x) ≤ len(y) numbers.
func Dot[T Float](x, y []T) T {
	if x, ok := any(x).([]float32); ok {
		return T(active.dot(x, any(y).([]float32)))
	}
	return dotGeneric(x, y)
}

// SquaredDistance is Σ_i (x[i]−y[i])² over len(x) ≤ len(y) numbers.
func SquaredDistance(x, y []float32) float32 { return active.squaredDistance(x, y) }

// AddScaled is y[i] += a·x[i] over len(x) ≤ len(y) numbers.
func AddScaled[T Float](y []T, a T, x []T) {
	if x, ok := any(x).([]float32); ok {
		active.addScaled(any(y).([]float32), float32(a), x)
		return
	}
	addScaledGeneric(y, a, x)
}

// Scale is x[i] *= a.
func Scale[T Float](x []T, a T) {
	for i := range x {
		x[i] *= a
	}
}

// SquaredNorm is Σ_i x[i]².
func SquaredNorm[T Float](x []T) T { return Dot(x, x) }

// Sum is Σ_i x[i], accumulated in float64.
func Sum[T Float](x []T) float64 {
	if x, ok := any(x).([]float32); ok {
		return active.sum(x)
	}
	return sumGeneric(x)
}

// Max is the largest of x: −Inf for an empty slice, NaN if x has one.
func Max[T Float](x []T) T {
	if x, ok := any(x).([]float32); ok {
		return T(active.largest(x))
	}
	return largestGeneric(x)
}

// LargestTwo finds, in each row of 16 numbers x[i·ld+c] − less[c], the index of the largest, the lowest on ties, that number, and the second
// largest, which is the same on ties. There are len(at) rows. The numbers may be infinite, but not NaN.
func LargestTwo(at []int32, first, second, x []float32, ld int, less *[16]float32) {
	active.largestTwo(at, first, second, x, ld, less)
}

// Exp is dst[i] = exp(x[i]) over len(x) ≤ len(dst) numbers; dst may be x.
func Exp[T Float](dst, x []T) { expShifted(dst, x, 0) }

// expShifted is dst[i] = exp(x[i] − shift).
func expShifted[T Float](dst, x []T, shift T) {
	if x, ok := any(x).([]float32); ok {
		active.exp(any(dst).([]float32), x, float32(shift))
		return
	}
	expGeneric(dst, x, shift)
}

// AddTo is sum[i] += x[i] over len(x) ≤ len(sum) numbers.
func AddTo(sum []float64, x []float32) { active.addTo(sum, x) }

// AddProducts is sum[i] += x[i]·y[i] over len(x) numbers, each product exact.
func AddProducts(sum []float64, x, y []float32) { active.addProducts(sum, x, y) }

// MulSub is dst[i] = x[i]·y[i] − z[i] over len(x) numbers; dst may be any of them.
func MulSub(dst, x, y, z []float32) { active.mulSub(dst, x, y, z) }

// MulLess is dst[i] = x[i]·(y[i] − a) over len(x) numbers; dst may be x or y.
func MulLess(dst, x, y []float32, a float32) { active.mulLess(dst, x, y, a) }

// Log is dst[i] = ln(x[i]) over len(x) ≤ len(dst) numbers; dst may be x.
func Log[T Float](dst, x []T) {
	for i, v := range x {
		dst[i] = T(math.Log(float64(v)))
	}
}

// Softmax is dst[i] = exp(x[i]) / Σ_k exp(x[k]), shifted by the maximum so that nothing overflows; dst may be x.
func Softmax[T Float](dst, x []T) {
	if len(x) == 0 {
		return
	}
	dst = dst[:len(x)]
	expShifted(dst, x, Max(x))
	Scale(dst, T(1/Sum(dst)))
}

// NormalizeRows scales rows of d numbers to length 1; rows of length 0, and those that are not finite, stay unchanged.
func NormalizeRows[T Float](x []T, d int) {
	const least, most = 0x1p-100, math.MaxFloat32 / 2 // of squared lengths that float32 sums without loss
	for ; len(x) > 0; x = x[d:] {
		row := x[:d]
		s := float64(SquaredNorm(row))
		if !(s >= least && s <= most) && withinRange(row) {
			s = float64(SquaredNorm(row))
		}
		if s > 0 && s <= math.MaxFloat64 {
			Scale(row, T(1/math.Sqrt(s)))
		}
	}
}

// withinRange multiplies a row by the power of two that brings its largest number to between ½ and 1, so that its squares neither vanish nor
// overflow. It reports whether there is one: not for a row of zeros or with a number that is not finite.
func withinRange[T Float](row []T) bool {
	largest := 0.0
	for _, v := range row {
		largest = max(largest, math.Abs(float64(v)))
	}
	if largest == 0 || !(largest <= math.MaxFloat64) {
		return false
	}
	_, exponent := math.Frexp(largest)
	for i, v := range row {
		row[i] = T(math.Ldexp(float64(v), -exponent))
	}
	return true
}

// LogSumExp is ln Σ_i exp(x[i]): −Inf for an empty slice.
func LogSumExp[T Float](x []T) float64 {
	m := float64(Max(x))
	if math.IsInf(m, 0) || math.IsNaN(m) {
		return m
	}
	s := 0.0
	for _, v := range x {
		s += math.Exp(float64(v) - m)
	}
	return m + math.Log(s)
}

func dotGeneric[T Float](x, y []T) T {
	y = y[:len(x)]
	var s0, s1, s2, s3 T
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s0 += x[i] * y[i]
		s1 += x[i+1] * y[i+1]
		s2 += x[i+2] * y[i+2]
		s3 += x[i+3] * y[i+3]
	}
	for ; i < len(x); i++ {
		s0 += x[i] * y[i]
	}
	return (s0 + s1) + (s2 + s3)
}

func addScaledGeneric[T Float](y []T, a T, x []T) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += a * v
	}
}

func expGeneric[T Float](dst, x []T, shift T) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = T(math.Exp(float64(v - shift)))
	}
}

func sumGeneric[T Float](x []T) float64 {
	var s0, s1, s2, s3 float64
	i := 0
	for ; i+4 <= len(x); i += 4 {
		s0 += float64(x[i])
		s1 += float64(x[i+1])
		s2 += float64(x[i+2])
		s3 += float64(x[i+3])
	}
	for ; i < len(x); i++ {
		s0 += float64(x[i])
	}
	return (s0 + s1) + (s2 + s3)
}

func largestGeneric[T Float](x []T) T {
	m := T(math.Inf(-1))
	for _, v := range x {
		m = max(m, v) // passes NaN on
	}
	return m
}

func largestTwoGeneric(at []int32, first, second, x []float32, ld int, less *[16]float32) {
	for i := range at {
		a, one, two := 0, float32(math.Inf(-1)), float32(math.Inf(-1))
		for c, v := range x[i*ld : i*ld+len(less)] {
			switch v -= less[c]; {
			case v > one:
				a, one, two = c, v, one
			case v > two:
				two = v
			}
		}
		at[i], first[i], second[i] = int32(a), one, two
	}
}

func squaredDistanceGeneric(x, y []float32) float32 {
	y = y[:len(x)]
	var s0, s1, s2, s3 float32 // four sums, so that one addition need not wait for the last
	i := 0
	for ; i+3 < len(x); i += 4 {
		d0, d1, d2, d3 := x[i]-y[i], x[i+1]-y[i+1], x[i+2]-y[i+2], x[i+3]-y[i+3]
		s0 += d0 * d0
		s1 += d1 * d1
		s2 += d2 * d2
		s3 += d3 * d3
	}
	for ; i < len(x); i++ {
		d := x[i] - y[i]
		s0 += d * d
	}
	return (s0 + s1) + (s2 + s3)
}

func addToGeneric(sum []float64, x []float32) {
	sum = sum[:len(x)]
	for i, v := range x {
		sum[i] += float64(v)
	}
}

func addProductsGeneric(sum []float64, x, y []float32) {
	sum, y = sum[:len(x)], y[:len(x)]
	for i, v := range x {
		sum[i] += float64(v) * float64(y[i])
	}
}

func mulSubGeneric(dst, x, y, z []float32) {
	dst, y, z = dst[:len(x)], y[:len(x)], z[:len(x)]
	for i, v := range x {
		dst[i] = v*y[i] - z[i]
	}
}

func mulLessGeneric(dst, x, y []float32, a float32) {
	dst, y = dst[:len(x)], y[:len(x)]
	for i, v := range x {
		dst[i] = v * (y[i] - a)
	}
}

func transposeGeneric(dst []float32, width int, src []float32, ld, m, n int) {
	for r := range m {
		for p, v := range src[r*ld:][:n] {
			dst[p*width+r] = v
		}
	}
}
