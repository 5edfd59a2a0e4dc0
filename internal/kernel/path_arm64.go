//go:build arm64 && !noasm

package kernel

// paths lists the paths that this processor supports besides plain Go: every arm64 has NEON. Sums of products have assembly; the rest is
// plain Go.
func paths() []path {
	neon := plain
	neon.name = "neon"
	neon.tile = tile[float32]{6, 16, multiplyTileNEON, nil}
	neon.dot, neon.addScaled = dotFloat32, addScaledFloat32
	neon.spin = func(turns int) {
		if turns > 0 {
			spinNEON(turns)
		}
	}
	return []path{neon}
}

func multiplyTileNEON(c []float32, ldc int, a []float32, rowStride, termStride int, b []float32, terms int, accumulate bool) {
	_, _, _ = c[5*ldc+15], a[5*rowStride+(terms-1)*termStride], b[16*terms-1]
	multiplyNEON(&c[0], ldc, &a[0], rowStride, termStride, &b[0], terms, accumulate)
}

const lanes = 16

func dotFloat32(x, y []float32) float32 {
	y = y[:len(x)]
	whole := len(x) &^ (lanes - 1)
	if whole == 0 {
		return dotGeneric(x, y)
	}
	var sum [lanes]float32
	dotNEON(&sum, &x[0], &y[0], whole)
	for width := lanes / 2; width > 0; width /= 2 {
		for i := range width {
			sum[i] += sum[i+width]
		}
	}
	return sum[0] + dotGeneric(x[whole:], y[whole:])
}

func addScaledFloat32(y []float32, a float32, x []float32) {
	y = y[:len(x)]
	whole := len(x) &^ (lanes - 1)
	if whole > 0 {
		addScaledNEON(&y[0], a, &x[0], whole)
	}
	addScaledGeneric(y[whole:], a, x[whole:])
}
