package kernel

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// testJPEG compares with the definitions in the doc comments; slices end exactly where the data do.
func testJPEG(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		noise := func(n int) []uint8 { return noisy(r, n) }
		n := rapid.IntRange(0, 100).Draw(t, "n")
		luma, cb, cr := noise(n), noise(n), noise(n)
		got, want := noise(3*n), make([]uint8, 0, 3*n)
		for x := range n {
			y, b, r := int64(luma[x]), int64(cb[x])-128, int64(cr[x])-128
			for _, sum := range []int64{91881 * r, -22554*b - 46802*r, 116130 * b} {
				want = append(want, uint8(min(max(y+(sum+1<<15)>>16, 0), 255)))
			}
		}
		if YCCToRGB(got, luma, cb, cr); !bytes.Equal(got, want) {
			t.Fatalf("%s: %d pixels: %v, want %v", Path(), n, got, want)
		}

		near, far := noise(n), noise(n)
		even, odd := r.IntN(16), r.IntN(16)
		got, want = noise(2*n), want[:0]
		s := func(x int) int {
			x = min(max(x, 0), n-1)
			return 3*int(near[x]) + int(far[x])
		}
		for x := range n {
			want = append(want, uint8((3*s(x)+s(x-1)+even)/16), uint8((3*s(x)+s(x+1)+odd)/16))
		}
		if Triangle(got, near, far, even, odd); !bytes.Equal(got, want) {
			t.Fatalf("%s: %d samples, %d and %d: %v, want %v", Path(), n, even, odd, got, want)
		}

		var block [64]int16
		var quant [64]int32
		size, most := 1<<r.IntN(16), 1<<rapid.IntRange(0, 16).Draw(t, "quant") // up to what only a damaged file has
		for range r.IntN(65) {
			block[r.IntN(64)] = int16(r.IntN(2*size) - size)
		}
		for i := range quant {
			quant[i] = 1 + int32(r.IntN(most))
		}
		stride := 8 + r.IntN(9)
		got = noise(7*stride + 8)
		want = bytes.Clone(got)
		inverseCosineGeneric(want, stride, &block, &quant)
		if InverseCosine(got, stride, &block, &quant); !bytes.Equal(got, want) {
			t.Fatalf("%s: block %v, quant %v: %v, want %v", Path(), block, quant, got, want)
		}
	})
}

// The transform is that of T.81, A.3.3, within the error that IEEE 1180 allows for any sample.
func TestInverseCosineIsTheTransform(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var block [64]int16
		var quant [64]int32
		for i := range block {
			block[i], quant[i] = int16(r.IntN(41)-20), 1+int32(r.IntN(3))
		}
		var got [64]uint8
		InverseCosine(got[:], 8, &block, &quant)
		scale := func(u int) float64 {
			if u == 0 {
				return math.Sqrt2 / 2
			}
			return 1
		}
		for y := range 8 {
			for x := range 8 {
				sum := 0.0
				for v := range 8 {
					for u := range 8 {
						c := float64(int32(block[8*v+u]) * quant[8*v+u])
						sum += scale(u) * scale(v) * c * math.Cos(float64(2*x+1)*float64(u)*math.Pi/16) * math.Cos(float64(2*y+1)*float64(v)*math.Pi/16)
					}
				}
				want := min(max(sum/4+128, 0), 255)
				if off := math.Abs(float64(got[8*y+x]) - want); off > 1 {
					t.Fatalf("sample (%d, %d) is %d, want %.2f", x, y, got[8*y+x], want)
				}
			}
		}
	})
}
