//go:build amd64 && !noasm

package kernel

import (
	"math"

	"github.com/klauspost/cpuid/v2"
)

//go:generate go run ./generate -out kernel_amd64.s -stubs kernel_amd64.go -pkg kernel

// paths lists the paths that this processor supports besides plain Go, best first.
func paths() []path {
	var list []path
	if !cpuid.CPU.Supports(cpuid.AVX2, cpuid.FMA3) {
		return list
	}
	avx2 := path{
		name:       "avx2",
		tile:       tile[float32]{6, 16, multiplyTileAVX2, nil},
		dot:        dotFloat32,
		addScaled:  addScaledFloat32,
		exp:        expFloat32,
		reciprocal: reciprocalFloat32,

		squaredDistance: squaredDistanceFloat32,

		largest:     largestFloat32,
		largestTwo:  largestTwoFloat32,
		sum:         sumFloat32,
		addTo:       addToFloat32,
		addProducts: addProductsFloat32,
		mulSub:      mulSubFloat32,
		mulLess:     mulLessFloat32,
		transpose:   transposeFloat32,
		widen:       widenGeneric,

		resampleRows:   resampleRows,
		resamplePixels: resamplePixels,
		sumRows:        sumRows,

		inverseCosine: inverseCosine,
		yccToRGB:      yccToRGB,
		triangle:      triangle,

		spin: spinAVX2,
	}
	if cpuid.CPU.Supports(cpuid.F16C) {
		avx2.widen = widenFloat16
	}
	if cpuid.CPU.Supports(cpuid.AVX512F) {
		avx512 := avx2
		avx512.name, avx512.tile, avx512.spin = "avx512", tile[float32]{12, 32, multiplyTileAVX512, multiplyHalfTileAVX512}, spinAVX512
		list = append(list, avx512)
	}
	return append(list, avx2)
}

func multiplyTileAVX2(c []float32, ldc int, a []float32, rowStride, termStride int, b []float32, terms int, accumulate bool) {
	_, _, _ = c[5*ldc+15], a[5*rowStride+(terms-1)*termStride], b[16*terms-1]
	multiplyAVX2(&c[0], ldc, &a[0], rowStride, termStride, &b[0], terms, accumulate)
}

func multiplyTileAVX512(c []float32, ldc int, a []float32, rowStride, termStride int, b []float32, terms int, accumulate bool) {
	_, _, _ = c[11*ldc+31], a[11*rowStride+(terms-1)*termStride], b[32*terms-1]
	multiplyAVX512(&c[0], ldc, &a[0], rowStride, termStride, &b[0], terms, accumulate)
}

func multiplyHalfTileAVX512(c []float32, ldc int, a []float32, rowStride, termStride int, b []float32, terms int, accumulate bool) {
	_, _, _ = c[11*ldc+15], a[11*rowStride+(terms-1)*termStride], b[32*terms-17]
	multiplyAVX512Half(&c[0], ldc, &a[0], rowStride, termStride, &b[0], terms, accumulate)
}

const lanes = 8

func dotFloat32(x, y []float32) float32 {
	whole := len(x) &^ (lanes - 1)
	if whole == 0 {
		return dotGeneric(x, y)
	}
	y = y[:len(x)]
	return dotAVX2(&x[0], &y[0], whole) + dotGeneric(x[whole:], y[whole:])
}

func largestTwoFloat32(at []int32, first, second, x []float32, ld int, less *[16]float32) {
	if len(at) == 0 {
		return
	}
	_, _, _ = first[len(at)-1], second[len(at)-1], x[(len(at)-1)*ld+len(less)-1]
	largestTwoAVX2(&at[0], &first[0], &second[0], &x[0], ld, &less[0], len(at))
}

func squaredDistanceFloat32(x, y []float32) float32 {
	whole := len(x) &^ (lanes - 1)
	if whole == 0 {
		return squaredDistanceGeneric(x, y)
	}
	y = y[:len(x)]
	return squaredDistanceAVX2(&x[0], &y[0], whole) + squaredDistanceGeneric(x[whole:], y[whole:])
}

func addScaledFloat32(y []float32, a float32, x []float32) {
	whole := len(x) &^ (lanes - 1)
	if whole == 0 {
		addScaledGeneric(y, a, x)
		return
	}
	y = y[:len(x)]
	addScaledAVX2(&y[0], a, &x[0], whole)
	addScaledGeneric(y[whole:], a, x[whole:])
}

func expFloat32(dst, x []float32, shift float32) {
	dst = dst[:len(x)]
	whole := len(x) &^ (lanes - 1)
	if whole > 0 {
		expAVX2(&dst[0], &x[0], shift, whole)
	}
	if whole < len(x) {
		// The tail uses the same code, so that a number's exponential does not depend on its position.
		var tail [lanes]float32
		copy(tail[:], x[whole:])
		expAVX2(&tail[0], &tail[0], shift, lanes)
		copy(dst[whole:], tail[:])
	}
}

func reciprocalFloat32(x []float32, ld, m, n int, scale, shift, numerator float32) float64 {
	whole := n &^ (lanes - 1)
	if whole == 0 || m == 0 {
		return reciprocalGeneric(x, ld, m, n, scale, shift, numerator)
	}
	product := [lanes]float32{1, 1, 1, 1, 1, 1, 1, 1}
	var exponent [lanes]int32
	for i := range m {
		row := x[i*ld : i*ld+n]
		reciprocalAVX2(&row[0], whole, scale, shift, numerator, &product, &exponent)
	}
	log := reciprocalGeneric(x[whole:], ld, m, n-whole, scale, shift, numerator)
	for i, p := range product {
		log += math.Log(float64(p)) + float64(exponent[i])*math.Ln2
	}
	return log
}

func largestFloat32(x []float32) float32 {
	whole := len(x) &^ (lanes - 1)
	if whole == 0 {
		return largestGeneric(x)
	}
	return max(maxAVX2(&x[0], whole), largestGeneric(x[whole:])) // Go's max propagates NaN
}

func sumFloat32(x []float32) float64 {
	whole := len(x) &^ (lanes - 1)
	if whole == 0 {
		return sumGeneric(x)
	}
	return sumAVX2(&x[0], whole) + sumGeneric(x[whole:])
}

func addToFloat32(sum []float64, x []float32) {
	sum = sum[:len(x)]
	whole := len(x) &^ (lanes - 1)
	if whole > 0 {
		addToAVX2(&sum[0], &x[0], whole)
	}
	addToGeneric(sum[whole:], x[whole:])
}

func addProductsFloat32(sum []float64, x, y []float32) {
	sum, y = sum[:len(x)], y[:len(x)]
	whole := len(x) &^ (lanes - 1)
	if whole > 0 {
		addProductsAVX2(&sum[0], &x[0], &y[0], whole)
	}
	addProductsGeneric(sum[whole:], x[whole:], y[whole:])
}

func mulSubFloat32(dst, x, y, z []float32) {
	dst, y, z = dst[:len(x)], y[:len(x)], z[:len(x)]
	whole := len(x) &^ (lanes - 1)
	if whole > 0 {
		mulSubAVX2(&dst[0], &x[0], &y[0], &z[0], whole)
	}
	mulSubGeneric(dst[whole:], x[whole:], y[whole:], z[whole:])
}

func mulLessFloat32(dst, x, y []float32, a float32) {
	dst, y = dst[:len(x)], y[:len(x)]
	whole := len(x) &^ (lanes - 1)
	if whole > 0 {
		mulLessAVX2(&dst[0], &x[0], &y[0], a, whole)
	}
	mulLessGeneric(dst[whole:], x[whole:], y[whole:], a)
}

func transposeFloat32(dst []float32, width int, src []float32, ld, m, n int) {
	tall, whole := m&^(lanes-1), n&^(lanes-1)
	if whole == 0 {
		tall = 0
	}
	for r := 0; r < tall; r += lanes {
		_, _ = dst[r+(whole-1)*width+lanes-1], src[(r+lanes-1)*ld+whole-1]
		transposeAVX2(&dst[r], width, &src[r*ld], ld, whole)
	}
	if tall > 0 && whole < n {
		transposeGeneric(dst[whole*width:], width, src[whole:], ld, tall, n-whole)
	}
	if tall < m {
		transposeGeneric(dst[tall:], width, src[tall*ld:], ld, m-tall, n)
	}
}

func widenFloat16(dst []float32, src []byte) {
	src = src[:2*len(dst)]
	whole := len(dst) &^ (lanes - 1)
	if whole > 0 {
		widenAVX2(&dst[0], &src[0], whole)
	}
	widenGeneric(dst[whole:], src[2*whole:])
}

func resampleRows(dst, src []uint8, stride int, weight []int32) {
	const columns = 16
	whole := len(dst) &^ (columns - 1)
	if whole > 0 && len(weight) > 0 {
		_ = src[(len(weight)-1)*stride+whole-1]
		resampleRowsAVX2(&dst[0], &src[0], stride, &weight[0], len(weight), whole)
	} else {
		whole = 0
	}
	if whole < len(dst) {
		resampleRowsGeneric(dst[whole:], src[whole:], stride, weight)
	}
}

func resamplePixels(dst, src []uint8, first []int, weight []int32, size int) {
	_, _ = dst[:3*len(first)], weight[:len(first)*size]
	const beyond = 2 // bytes that are read and ignored
	inside := 0
	for inside < len(first) && first[inside] >= 0 && 3*(first[inside]+size)+beyond <= len(src) {
		inside++
	}
	if inside > 0 && size > 0 && size%2 == 0 {
		resamplePixelsAVX2(&dst[0], &src[0], &first[0], &weight[0], size, inside)
	} else {
		inside = 0
	}
	resamplePixelsGeneric(dst[3*inside:], src, first[inside:], weight[inside*size:], size)
}

func sumRows(dst, src []float32, stride int, weight []float32) {
	const columns = 32
	whole := len(dst) &^ (columns - 1)
	if whole > 0 && len(weight) > 0 {
		_ = src[(len(weight)-1)*stride+whole-1]
		sumRowsAVX2(&dst[0], &src[0], stride, &weight[0], len(weight), whole)
	} else {
		whole = 0
	}
	if whole < len(dst) {
		sumRowsGeneric(dst[whole:], src[whole:], stride, weight)
	}
}

func inverseCosine(dst []uint8, stride int, block *[64]int16, quant *[64]int32) {
	_ = dst[7*stride+7]
	inverseCosineAVX2(&dst[0], stride, &block[0], &quant[0])
}

func yccToRGB(dst, luma, cb, cr []uint8) {
	n := len(luma)
	dst, cb, cr = dst[:3*n], cb[:n], cr[:n]
	const step, beyond = 8, 2 // pixels, and those of which bytes are overwritten
	whole := max(0, n-beyond) &^ (step - 1)
	if whole > 0 {
		yccToRGBAVX2(&dst[0], &luma[0], &cb[0], &cr[0], whole)
	}
	yccToRGBGeneric(dst[3*whole:], luma[whole:], cb[whole:], cr[whole:])
}

func triangle(dst, near, far []uint8, even, odd int) {
	n := len(near)
	dst, far = dst[:2*n], far[:n]
	const step = 16
	whole := max(0, n-2) &^ (step - 1)
	if whole == 0 {
		triangleGeneric(dst, near, far, even, odd)
		return
	}
	triangleSpan(dst, near, far, even, odd, 0, 1)
	triangleAVX2(&dst[2], &near[1], &far[1], even, odd, whole)
	triangleSpan(dst, near, far, even, odd, 1+whole, n)
}
