package vit

import (
	"fmt"
	"math"

	"iconic/models/onnx"
)

// epsilon is that of every layer norm in the family.
func (a Architecture) epsilon() float32 {
	if a.Family == DINOv3 {
		return 1e-5
	}
	return 1e-6
}

// rotaryBase is that of all published DINOv3 encoders.
const rotaryBase = 100

// rotate rotates batch×heads×tokens×d by the position of each token's patch, axis by axis (Su et al. 2021, arXiv 2104.09864): x∘cos +
// (second half, first half)∘sin, with a negative sine for the first half. Tokens without a position are not rotated: their cosine is 1. The
// tables have the layout of the heads, so that each product is over one long row.
func (b *builder) rotate(name string, x onnx.Value) onnx.Value {
	if b.cos.Name == "" {
		b.layRotations()
	}
	first, second := b.At(name + "/halves").Halves(x)
	swapped := b.At(name+"/swapped").Concat(-1, second, first)
	return b.At(name).Add(b.At(name+"/cos").Mul(x, b.cos), b.At(name+"/sin").Mul(swapped, b.sin))
}

// layRotations adds the tables of cosines and signed sines, tokens×d, which all blocks share and which stay in float32.
func (b *builder) layRotations() {
	b.used[key{periods, -1}], b.used[key{frequencies, -1}] = true, true
	grid, d := b.options.ImageSize/b.arch.Patch, b.arch.Width/b.arch.Heads
	table := func(name string, sine bool) onnx.Value {
		t := lazy(name, func() ([]float32, error) {
			all, err := b.periods(d / 4)
			if err != nil {
				return nil, err
			}
			return rotations(all, grid, 1+b.arch.Registers, sine), nil
		}, 1+b.arch.Registers+grid*grid, d)
		t.Exact = true
		return b.Constant(t)
	}
	b.cos, b.sin = table("rotary/cos", false), table("rotary/sin", true)
}

// periods are those of the file, or base^(i/n). Official files store them in bfloat16, and the official code computes with the rounded
// values; timm and the transformers library recompute them in float32.
func (b *builder) periods(n int) ([]float32, error) {
	name, inverse := key{periods, -1}, false
	if !b.layout.has(periods, -1) {
		name, inverse = key{frequencies, -1}, true
	}
	all := make([]float32, n)
	if !b.layout.has(name.role, -1) {
		for i := range all {
			all[i] = float32(math.Pow(rotaryBase, float64(i)/float64(n)))
		}
		return all, nil
	}
	x, err := b.read(name.role, -1)
	if err != nil {
		return nil, err
	}
	for i, v := range x {
		if !(v > 0) {
			return nil, fmt.Errorf("%s: tensor %q: element %d is %g, want a number above 0", b.file.Name, b.layout.parts[name].Name, i, v)
		}
		if all[i] = v; inverse {
			all[i] = 1 / v
		}
	}
	return all, nil
}

// rotations is (before+grid²)×4n cosines, or sines with the sign that rotate needs. The centres of the patches are in [−1, 1] on both axes,
// and one full turn takes one period; rows of a head are (y, x), twice.
func rotations(periods []float32, grid, before int, sine bool) []float32 {
	n := len(periods)
	out := make([]float32, (before+grid*grid)*4*n)
	if !sine {
		for i := range before * 4 * n {
			out[i] = 1
		}
	}
	for patch := range grid * grid {
		row := out[(before+patch)*4*n:][:4*n]
		for axis, at := range []int{patch / grid, patch % grid} {
			centre := (2*float64(at)+1)/float64(grid) - 1
			for i, p := range periods {
				s, c := math.Sincos(2 * math.Pi * centre / float64(p))
				first, second := float32(c), float32(c)
				if sine {
					first, second = float32(-s), float32(s)
				}
				row[axis*n+i], row[2*n+axis*n+i] = first, second
			}
		}
	}
	return out
}
