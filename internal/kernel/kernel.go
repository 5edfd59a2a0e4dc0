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

// Max is the largest of x, −Inf for none, NaN if there is one.
func Max[T Float](x []T) T {
	m := T(math.Inf(-1))
	for _, v := range x {
		if v > m || v != v {
			m = v
			if v != v {
				return v
			}
		}
	}
	return m
}

// Exp is dst[i] = exp(x[i]) over len(x) ≤ len(dst) numbers; dst may be x.
func Exp[T Float](dst, x []T) {
	if x, ok := any(x).([]float32); ok {
		active.exp(any(dst).([]float32), x)
		return
	}
	expGeneric(dst, x)
}

// Log is dst[i] = ln(x[i]) over len(x) ≤ len(dst) numbers; dst may be x.
func Log[T Float](dst, x []T) {
	for i, v := range x {
		dst[i] = T(math.Log(float64(v)))
	}
}

// Softmax is dst[i] = exp(x[i]) / Σ_k exp(x[k]), shifted by the largest so that nothing overflows; dst may be x.
func Softmax[T Float](dst, x []T) {
	if len(x) == 0 {
		return
	}
	m := Max(x)
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = v - m
	}
	Exp(dst, dst)
	Scale(dst, T(1/Sum(dst)))
}

// LogSumExp is ln Σ_i exp(x[i]), −Inf for none.
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

func expGeneric[T Float](dst, x []T) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = T(math.Exp(float64(v)))
	}
}
