//go:build arm64 && !noasm

package kernel

//go:noescape
func multiplyNEON(c *float32, ldc int, a *float32, rowStride, termStride int, b *float32, terms int, accumulate bool)

//go:noescape
func dotNEON(sum *[16]float32, x, y *float32, n int)

//go:noescape
func addScaledNEON(y *float32, a float32, x *float32, n int)

func spinNEON(turns int)
