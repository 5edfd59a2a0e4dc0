//go:build !amd64 || noasm

package kernel

// Path names the implementation in use: "generic" or "avx2".
func Path() string { return "generic" }

var tileFloat32 = tile[float32]{4, 4, multiplyGeneric[float32]}

func dotFloat32(x, y []float32) float32                    { return dotGeneric(x, y) }
func addScaledFloat32(y []float32, a float32, x []float32) { addScaledGeneric(y, a, x) }
func expFloat32(dst, x []float32)                          { expGeneric(dst, x) }

func reciprocalFloat32(x []float32, scale, shift, numerator float32) float64 {
	return reciprocalGeneric(x, scale, shift, numerator)
}
