package vit

import (
	"fmt"
	"math"

	"iconic/models/onnx"
)

// epsilon is that of every layer norm of the family.
func (a Architecture) epsilon() float32 {
	if a.Family == DINOv3 {
		return 1e-5
	}
	return 1e-6
}

// rotaryBase is that of all published DINOv3 encoders.
const rotaryBase = 100

// turn rotates batch×tokens×heads×d by the position of each token's patch, axis by axis (Su et al. 2021, arXiv
// 2104.09864): x∘cos + (second half, first half)∘sin, the sine of the first half being negative. Tokens without a
// place are turned by nothing: their cosine is 1.
func (b *builder) turn(name, x string) string {
	d := int64(b.arch.Width / b.arch.Heads)
	cos, sin := b.rotation()
	halves := []string{name + "/first", name + "/second"}
	b.graph.Nodes = append(b.graph.Nodes, &onnx.Node{Name: name + "/halves", Op: "Split", Inputs: []string{x, b.ints(name+"/half", d/2, d/2)},
		Outputs: halves, Attributes: []onnx.Attribute{onnx.Int("axis", -1)}})
	swapped := b.node(name+"/swapped", "Concat", []string{halves[1], halves[0]}, onnx.Int("axis", -1))
	return b.node(name, "Add", []string{
		b.node(name+"/cos", "Mul", []string{x, cos}),
		b.node(name+"/sin", "Mul", []string{swapped, sin}),
	})
}

// rotation names the tables of cosines and signed sines, 1×tokens×1×d, which all blocks share.
func (b *builder) rotation() (cos, sin string) {
	cos, sin = "rotary/cos", "rotary/sin"
	if b.rotated {
		return cos, sin
	}
	b.rotated = true
	b.used[key{periods, -1}], b.used[key{frequencies, -1}] = true, true
	grid, d := b.options.ImageSize/b.arch.Patch, b.arch.Width/b.arch.Heads
	tokens := 1 + b.arch.Registers + grid*grid
	table := func(sine bool) func() ([]float32, error) {
		return func() ([]float32, error) {
			all, err := b.periods(d / 4)
			if err != nil {
				return nil, err
			}
			return rotations(all, grid, 1+b.arch.Registers, sine), nil
		}
	}
	b.floats(cos, table(false), 1, tokens, 1, d)
	b.floats(sin, table(true), 1, tokens, 1, d)
	for _, t := range b.graph.Initializers[len(b.graph.Initializers)-2:] {
		t.Exact = true
	}
	return cos, sin
}

// periods are those of the file, or base^(i/n). Official files keep them in bfloat16, and the official code computes with what is
// left of them; timm and the transformers library make them anew in float32.
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

// rotations is (before+grid²)×4n cosines, or sines with the sign that turn wants. The centres of the patches lie in
// [−1, 1] on both axes, and one full turn is as long as a period; rows of a head are (y, x), twice.
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
