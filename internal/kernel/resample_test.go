package kernel

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// noisy is n random bytes, with nothing behind them.
func noisy(r *rand.Rand, n int) []uint8 {
	b := make([]uint8, n)
	for i := range b {
		b[i] = uint8(r.Uint32())
	}
	return b[:n:n]
}

// testResampling compares with 64-bit sums written as in the doc comments; sources end exactly where their slices do.
func testResampling(t *testing.T) {
	round := func(sum int64) uint8 { return uint8(min(max((sum+1<<(WeightBits-1))>>WeightBits, 0), 255)) }
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		noise := func(n int) []uint8 { return noisy(r, n) }
		weights := func(n int) []int32 {
			w := make([]int32, n)
			for i := range w {
				w[i] = int32((r.Float64()*2.4 - 0.8) / float64(min(n, 8)) * (1 << WeightBits))
			}
			return w
		}
		columns, rows := rapid.IntRange(0, 600).Draw(t, "columns"), rapid.IntRange(0, 9).Draw(t, "rows")
		stride := columns + rapid.IntRange(0, 20).Draw(t, "gap")
		src, weight := noise(max(0, rows-1)*stride+columns), weights(rows)
		got, want := noise(columns), make([]uint8, columns)
		for i := range want {
			sum := int64(0)
			for k, w := range weight {
				sum += int64(w) * int64(src[k*stride+i])
			}
			want[i] = round(sum)
		}
		if ResampleRows(got, src, stride, weight); !bytes.Equal(got, want) {
			t.Fatalf("%s: %d rows of %d columns, %d apart: %v, want %v", Path(), rows, columns, stride, got, want)
		}

		pixels, size := rapid.IntRange(0, 70).Draw(t, "pixels"), rapid.IntRange(0, 20).Draw(t, "size")
		src, weight = noise(3*rapid.IntRange(1, 90).Draw(t, "width")), weights(pixels*size)
		first := make([]int, pixels)
		for i := range first {
			first[i] = r.IntN(len(src) / 3)
		}
		got, want = noise(3*pixels), make([]uint8, 3*pixels)
		for i := range want {
			sum := int64(0)
			for k, w := range weight[i/3*size:][:size] {
				if at := 3*(first[i/3]+k) + i%3; at < len(src) {
					sum += int64(w) * int64(src[at])
				}
			}
			want[i] = round(sum)
		}
		if ResamplePixels(got, src, first, weight, size); !bytes.Equal(got, want) {
			t.Fatalf("%s: %d pixels, each of %d, out of %d: %v, want %v", Path(), pixels, size, len(src)/3, got, want)
		}

		floats := make([]float32, max(0, rows-1)*stride+columns)
		for i := range floats {
			floats[i] = r.Float32() * 255
		}
		by := make([]float32, rows)
		for k := range by {
			by[k] = r.Float32() - 0.3
		}
		sums := make([]float32, columns)
		SumRows(sums, floats, stride, by)
		for i, got := range sums {
			want := float32(0)
			for k, w := range by {
				want += float32(w * floats[k*stride+i])
			}
			if got != want {
				t.Fatalf("%s: column %d of %d rows, %d apart: %g, want %g", Path(), i, rows, stride, got, want)
			}
		}
	})
}
