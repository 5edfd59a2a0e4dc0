package kernel

import (
	"fmt"
	"os"
	"strings"
)

// variable is the environment variable that selects a path other than the best one.
const variable = "ICONIC_KERNEL"

// path is one implementation of the kernels; the exported function of each field documents what it computes.
type path struct {
	name       string
	tile       tile[float32]
	dot        func(x, y []float32) float32
	addScaled  func(y []float32, a float32, x []float32)
	exp        func(dst, x []float32, shift float32)
	reciprocal func(x []float32, ld, m, n int, scale, shift, numerator float32) float64

	squaredDistance func(x, y []float32) float32

	largest     func(x []float32) float32
	largestTwo  func(at []int32, first, second, x []float32, ld int, less *[16]float32)
	sum         func(x []float32) float64
	addTo       func(sum []float64, x []float32)
	addProducts func(sum []float64, x, y []float32)
	mulSub      func(dst, x, y, z []float32)
	mulLess     func(dst, x, y []float32, a float32)
	transpose   func(dst []float32, width int, src []float32, ld, m, n int)
	widen       func(dst []float32, src []byte)

	resampleRows   func(dst, src []uint8, stride int, weight []int32)
	resamplePixels func(dst, src []uint8, first []int, weight []int32, size int)
	sumRows        func(dst, src []float32, stride int, weight []float32)

	inverseCosine func(dst []uint8, stride int, block *[64]int16, quant *[64]int32)
	yccToRGB      func(dst, luma, cb, cr []uint8)
	triangle      func(dst, near, far []uint8, even, odd int)

	spin func(turns int) // per turn, rows·columns multiply-adds of the tile
}

var plain = path{
	name:       "generic",
	tile:       tile[float32]{4, 4, multiplyGeneric[float32], nil},
	dot:        dotGeneric[float32],
	addScaled:  addScaledGeneric[float32],
	exp:        expGeneric[float32],
	reciprocal: reciprocalGeneric,

	squaredDistance: squaredDistanceGeneric,

	largest:     largestGeneric[float32],
	largestTwo:  largestTwoGeneric,
	sum:         sumGeneric[float32],
	addTo:       addToGeneric,
	addProducts: addProductsGeneric,
	mulSub:      mulSubGeneric,
	mulLess:     mulLessGeneric,
	transpose:   transposeGeneric,
	widen:       widenGeneric,

	resampleRows:   resampleRowsGeneric,
	resamplePixels: resamplePixelsGeneric,
	sumRows:        sumRowsGeneric,

	inverseCosine: inverseCosineGeneric,
	yccToRGB:      yccToRGBGeneric,
	triangle:      triangleGeneric,

	spin: spinGeneric,
}

// active is chosen once, at program start; only tests change it.
var active = choose(os.Getenv(variable), paths())

// Path names the implementation in use: "generic", "avx2", "avx512" or "neon".
func Path() string { return active.name }

// SameBits reports whether two implementations, as Path names them, give the same bits. So do avx2 and avx512: they differ only in the size of their tiles, and
// every number of a product is the same sum in the same order whatever the tile.
func SameBits(a, b string) bool {
	alike := func(name string) bool { return name == "avx2" || name == "avx512" }
	return a == b || alike(a) && alike(b)
}

// Check rejects a name in the environment that is not a path of this build on this processor. The best path is in use then.
func Check() error { return check(os.Getenv(variable), paths()) }

func check(name string, from []path) error {
	if name == "" {
		return nil
	}
	var names []string
	for _, p := range append(from, plain) {
		if p.name == name {
			return nil
		}
		names = append(names, p.name)
	}
	return fmt.Errorf("%s=%q: this machine has no kernels of that name; want %s, or leave it unset for the fastest", variable, name, strings.Join(names, " or "))
}

// choose returns the path of that name, or else the first.
func choose(name string, from []path) path {
	from = append(from, plain)
	for _, p := range from {
		if p.name == name {
			return p
		}
	}
	return from[0]
}
