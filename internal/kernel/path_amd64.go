//go:build amd64 && !noasm

package kernel

import (
	"math"
	"os"

	"github.com/klauspost/cpuid/v2"
)

//go:generate go run ./generate -out avx2_amd64.s -stubs avx2_amd64.go -pkg kernel

// useAVX2 is decided once, before anything runs.
var useAVX2 = os.Getenv("ICONIC_KERNEL") != "generic" && cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3)

// Path names the implementation in use: "generic" or "avx2".
func Path() string {
	if useAVX2 {
		return "avx2"
	}
	return "generic"
}

var tileFloat32 = func() tile[float32] {
	if useAVX2 {
		return tile[float32]{6, 16, multiplyTileAVX2}
	}
	return tile[float32]{4, 4, multiplyGeneric[float32]}
}()

func multiplyTileAVX2(c []float32, ldc int, a, b []float32, terms int, accumulate bool) {
	_, _, _ = c[5*ldc+15], a[6*terms-1], b[16*terms-1]
	multiplyAVX2(&c[0], ldc, &a[0], &b[0], terms, accumulate)
}

const lanes = 8

func dotFloat32(x, y []float32) float32 {
	whole := len(x) &^ (lanes - 1)
	if !useAVX2 || whole == 0 {
		return dotGeneric(x, y)
	}
	y = y[:len(x)]
	return dotAVX2(&x[0], &y[0], whole) + dotGeneric(x[whole:], y[whole:])
}

func addScaledFloat32(y []float32, a float32, x []float32) {
	whole := len(x) &^ (lanes - 1)
	if !useAVX2 || whole == 0 {
		addScaledGeneric(y, a, x)
		return
	}
	y = y[:len(x)]
	addScaledAVX2(&y[0], a, &x[0], whole)
	addScaledGeneric(y[whole:], a, x[whole:])
}

func expFloat32(dst, x []float32) {
	if !useAVX2 {
		expGeneric(dst, x)
		return
	}
	dst = dst[:len(x)]
	whole := len(x) &^ (lanes - 1)
	if whole > 0 {
		expAVX2(&dst[0], &x[0], whole)
	}
	if whole < len(x) {
		// The tail goes the same way, so that a number's exponential does not depend on its place.
		var tail [lanes]float32
		copy(tail[:], x[whole:])
		expAVX2(&tail[0], &tail[0], lanes)
		copy(dst[whole:], tail[:])
	}
}

func reciprocalFloat32(x []float32, scale, shift, numerator float32) float64 {
	whole := len(x) &^ (lanes - 1)
	if !useAVX2 || whole == 0 {
		return reciprocalGeneric(x, scale, shift, numerator)
	}
	product := [lanes]float32{1, 1, 1, 1, 1, 1, 1, 1}
	var exponent [lanes]int32
	reciprocalAVX2(&x[0], whole, scale, shift, numerator, &product, &exponent)
	log := reciprocalGeneric(x[whole:], scale, shift, numerator)
	for i, p := range product {
		log += math.Log(float64(p)) + float64(exponent[i])*math.Ln2
	}
	return log
}
