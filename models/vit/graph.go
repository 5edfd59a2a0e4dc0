package vit

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"iconic/models/onnx"
	"iconic/models/weights"
)

// Output selects the features of an image.
type Output string

const (
	CLS   Output = "cls"   // the class token after the final norm
	Patch Output = "patch" // the mean of the patch tokens after the final norm
	Both  Output = "both"  // the class token followed by that mean: twice the width
)

// Options are the options of Import.
type Options struct {
	ImageSize int               // side in pixels, a multiple of the patch
	Output    Output            // output of the graph
	Heads     int               // attention heads; 0: derived from the weights
	Note      func(text string) // called with descriptions of tensors left out; may be nil
}

// InputName and OutputName are the names of the graph's input, batch×3×ImageSize×ImageSize normalised pixels, and of its output, batch×Dim
// features.
const (
	InputName  = "input"
	OutputName = "features"
)

const (
	opset     = 17 // the first with LayerNormalization; ONNX Runtime reads it since 1.12 (2022)
	irVersion = 8  // of the same time
)

// Dim is the number of features per image.
func (a Architecture) Dim(o Output) int {
	if o == Both {
		return 2 * a.Width
	}
	return a.Width
}

// Import builds the encoder in f as a model whose tensors are read from f when the model is written: keep f open until then. The graph
// computes in float32 and accepts batches of any size.
func Import(f *weights.File, o Options) (*onnx.Model, Architecture, error) {
	l, a, err := inspect(f, o.Heads)
	if err != nil {
		return nil, a, err
	}
	if o.ImageSize < 1 || o.ImageSize%a.Patch != 0 {
		down := max(o.ImageSize/a.Patch, 1) * a.Patch
		return nil, a, fmt.Errorf("image size %d: want a multiple of the encoder's patch of %d pixels, such as %d or %d", o.ImageSize, a.Patch, down, down+a.Patch)
	}
	if o.ImageSize > maxImageSize {
		return nil, a, fmt.Errorf("image size %d: want at most %d", o.ImageSize, maxImageSize)
	}
	if !slices.Contains([]Output{CLS, Patch, Both}, o.Output) {
		return nil, a, fmt.Errorf("output %q: want %s, %s or %s", o.Output, CLS, Patch, Both)
	}
	m := &onnx.Model{
		IRVersion: irVersion, Producer: "iconic", Opsets: map[string]int64{"": opset}, Graph: &onnx.Graph{Name: "encoder"},
		Metadata: []onnx.Entry{{Key: "architecture", Value: a.String()}, {Key: "output", Value: string(o.Output)}},
	}
	b := &builder{Builder: onnx.NewBuilder(m, ""), file: f, layout: l, arch: a, options: o, used: map[key]bool{}}
	if err := b.checkMasks(); err != nil {
		return nil, a, err
	}
	b.build()
	if err := errors.Join(b.Err(), b.allUsed()); err != nil {
		return nil, a, err
	}
	for _, note := range l.notes {
		if o.Note != nil {
			o.Note(f.Name + ": " + note)
		}
	}
	return m, a, nil
}

// maxImageSize is far beyond the size for which attention over all patches is feasible.
const maxImageSize = 4096

// builder builds an encoder; its methods return the values they compute.
type builder struct {
	onnx.Builder
	file    *weights.File
	layout  *layout
	arch    Architecture
	options Options
	used    map[key]bool
	cos     onnx.Value // cosines and sines of the rotations, once computed
	sin     onnx.Value

	// The last tensor read: in the official files, query, key and value are thirds of one tensor.
	lastName string
	last     []float32
}

func (b *builder) build() {
	a, size, batch := b.arch, int64(b.options.ImageSize), onnx.Dim{Name: "batch"}
	x := b.embed(b.Input(InputName, onnx.Float32, batch, onnx.Dim{Size: 3}, onnx.Dim{Size: size}, onnx.Dim{Size: size}))
	for i := range a.Depth {
		x = b.block(x, i, i == a.Depth-1 && b.options.Output == CLS)
	}
	b.Output(b.head(x), batch, onnx.Dim{Size: int64(a.Dim(b.options.Output))})
}

// embed is batch×3×size×size → batch×tokens×width: class token, registers, patches. The tokens that do not represent image content begin as
// zero rows and get their content with the position embedding.
func (b *builder) embed(pixels onnx.Value) onnx.Value {
	a := b.arch
	x := b.At("patches/conv").Patches(pixels, b.tensor("patches/weight", patchWeight, -1), b.tensor("patches/bias", patchBias, -1))
	x = b.At("patches/flat").Reshape(x, 0, int64(a.Width), -1)
	x = b.At("patches").Transpose(x, 0, 2, 1)
	x = b.At("tokens/padded").PadBefore(x, 1, int64(1+a.Registers))
	return b.At("tokens").Add(x, b.table())
}

// table is 1×tokens×width: class token plus its position, registers (without positions), positions of the patches.
func (b *builder) table() onnx.Value {
	a, grid := b.arch, b.options.ImageSize/b.arch.Patch
	for _, r := range []role{classToken, position, registers} {
		b.used[key{r, -1}] = true
	}
	return b.constant("tokens/table", func() ([]float32, error) {
		token, err := b.read(classToken, -1)
		if err != nil {
			return nil, err
		}
		var pos []float32
		before := b.layout.positions // class token, or class token and registers
		if a.Grid > 0 {
			if pos, err = b.read(position, -1); err != nil {
				return nil, err
			}
		}
		out := make([]float32, a.Width, (1+a.Registers+grid*grid)*a.Width)
		copy(out, token)
		if a.Registers > 0 {
			r, err := b.read(registers, -1)
			if err != nil {
				return nil, err
			}
			out = append(out, r...)
		}
		for i := range before * a.Width {
			out[i] += pos[i]
		}
		if a.Grid == 0 { // positions are rotations
			return append(out, make([]float32, grid*grid*a.Width)...), nil
		}
		return append(out, interpolate(pos[before*a.Width:], a.Grid, grid, a.Width, a.Registers > 0)...), nil
	}, 1, 1+a.Registers+grid*grid, a.Width)
}

// block is x + attention(norm(x)), then that plus feed-forward(norm of that). With first, only the first token continues; it attends to all
// tokens.
func (b *builder) block(x onnx.Value, i int, first bool) onnx.Value {
	at := fmt.Sprintf("block%d/", i)
	y := b.norm(at+"norm1", x, norm1Weight, norm1Bias, i)
	query := y
	if first {
		query = b.At(at+"query").Slice(y, 1, 0, 1)
		x = b.At(at+"residual").Slice(x, 1, 0, 1)
	}
	x = b.At(at+"attended").Add(x, b.attention(at+"attention/", query, y, i))
	y = b.norm(at+"norm2", x, norm2Weight, norm2Bias, i)
	if b.arch.Gated {
		y = b.gated(at+"feedforward/", y, i)
	} else {
		y = b.linear(at+"feedforward/in", y, part{weight: fc1Weight, bias: fc1Bias, block: i})
		y = b.linear(at+"feedforward/out", b.gelu(at+"feedforward/gelu", y), part{weight: fc2Weight, bias: fc2Bias, scale: scale2, block: i})
	}
	return b.At(at+"out").Add(x, y)
}

// attention is softmax(q·kᵀ/√d)·v for each head, followed by a linear layer on the concatenated heads.
func (b *builder) attention(at string, query, tokens onnx.Value, i int) onnx.Value {
	d := b.arch.Width / b.arch.Heads
	// heads is batch×tokens×width → batch×heads×tokens×d of queries, keys or values, the n-th of three.
	heads := func(n int, name string, x onnx.Value, w, bias role) onnx.Value {
		p := part{weight: w, bias: bias, block: i}
		if b.layout.has(qkvWeight, i) {
			p = part{weight: qkvWeight, bias: bias, block: i, third: n}
			if b.layout.has(qkvBias, i) {
				p.bias, p.biasThird = qkvBias, n
			}
		}
		y := b.linear(at+name, x, p)
		y = b.At(at+name+"/split").Reshape(y, 0, 0, int64(b.arch.Heads), int64(d))
		return b.At(at+name+"/heads").Transpose(y, 0, 2, 1, 3)
	}
	q := heads(1, "q", query, queryWeight, queryBias)
	k := heads(2, "k", tokens, keyWeight, keyBias)
	v := heads(3, "v", tokens, valueWeight, valueBias)
	if b.arch.Family == DINOv3 {
		k = b.rotate(at+"k/rotated", k)
		if query.Name == tokens.Name { // the class token alone has no position
			q = b.rotate(at+"q/rotated", q)
		}
	}
	s := b.At(at+"scores").MatMul(q, b.At(at+"k/upright").Transpose(k, 0, 1, 3, 2))
	s = b.At(at+"scaled").Mul(s, b.Float(float32(1/math.Sqrt(float64(d)))))
	y := b.At(at+"mixed").MatMul(b.At(at+"weights").Softmax(s), v)
	y = b.At(at+"mixed/tokens").Transpose(y, 0, 2, 1, 3)
	y = b.At(at+"joined").Reshape(y, 0, 0, int64(b.arch.Width))
	return b.linear(at+"proj", y, part{weight: projWeight, bias: projBias, scale: scale1, block: i})
}

// gelu is x·½(1 + erf(x/√2)), in the five nodes that ONNX Runtime fuses.
func (b *builder) gelu(name string, x onnx.Value) onnx.Value {
	y := b.At(name + "/erf").Erf(b.At(name+"/div").Div(x, b.Float(math.Sqrt2)))
	y = b.At(name+"/times").Mul(x, b.At(name+"/plus").Add(y, b.Float(1)))
	return b.At(name).Mul(y, b.Float(0.5))
}

// gated is SwiGLU: (silu(a)·b)·W with a, b the halves of one linear layer, or two (Shazeer 2020, arXiv 2002.05202).
func (b *builder) gated(at string, x onnx.Value, i int) onnx.Value {
	var gate, value onnx.Value
	if b.layout.has(siluWeight, i) {
		gate = b.linear(at+"gate", x, part{weight: siluWeight, bias: siluBias, block: i})
		value = b.linear(at+"value", x, part{weight: valWeight, bias: valBias, block: i})
	} else {
		gate, value = b.At(at + "halves").Halves(b.linear(at+"in", x, part{weight: gateWeight, bias: gateBias, block: i}))
	}
	s := b.At(at+"silu").Mul(gate, b.At(at+"sigmoid").Sigmoid(gate))
	return b.linear(at+"out", b.At(at+"product").Mul(s, value), part{weight: gatedWeight, bias: gatedBias, scale: scale2, block: i})
}

// head is the final norm and the selection of tokens: batch×tokens×width → batch×Dim.
func (b *builder) head(x onnx.Value) onnx.Value {
	a := b.arch
	classWeight, classBias := normWeight, normBias
	untied := b.layout.has(classNormW, -1)
	if untied {
		classWeight, classBias = classNormW, classNormB
	}
	for _, r := range []role{normWeight, normBias, classNormW, classNormB} { // one of the two may have no token to normalise
		b.used[key{r, -1}] = true
	}
	if b.options.Output == CLS {
		return b.norm(OutputName, b.At("head/class").Reshape(x, -1, int64(a.Width)), classWeight, classBias, -1)
	}
	normed := b.norm("head/norm", x, normWeight, normBias, -1)
	patches := b.At("head/patches").Slice(normed, 1, int64(1+a.Registers), math.MaxInt64)
	if b.options.Output == Patch {
		return b.At(OutputName).Mean(patches, 1, false)
	}
	mean := b.At("head/mean").Mean(patches, 1, false)
	if untied {
		class := b.norm("head/class/norm", b.At("head/class").Gather(x, 1, 0), classWeight, classBias, -1)
		return b.At(OutputName).Concat(1, class, mean)
	}
	return b.At(OutputName).Concat(1, b.At("head/class").Gather(normed, 1, 0), mean)
}

func (b *builder) norm(name string, x onnx.Value, weight, bias role, i int) onnx.Value {
	return b.At(name).LayerNorm(x, b.tensor(name+"/weight", weight, i), b.tensor(name+"/bias", bias, i), b.arch.epsilon())
}

// part names the weights of a linear layer.
type part struct {
	weight, bias, scale role // scale multiplies the layer's output, if the encoder has layer scale
	block               int
	third, biasThird    int // 1, 2 or 3 selects from stacked query, key and value; 0 selects all
}

// linear is x·Wᵀ + bias, with W stored as out×in as in PyTorch; the graph holds Wᵀ.
func (b *builder) linear(name string, x onnx.Value, p part) onnx.Value {
	w := b.layout.parts[key{p.weight, p.block}]
	out, in := w.Shape[0], w.Shape[1]
	if p.third > 0 {
		out /= 3
	}
	scaled := p.scale != "" && b.layout.has(p.scale, p.block)
	if p.bias == qkvBias {
		b.used[key{qkvMask, p.block}] = true
	}
	for _, r := range []role{p.weight, p.bias, p.scale} {
		b.used[key{r, p.block}] = true
	}
	load := func(r role, columns, third int) ([]float32, error) {
		x, err := b.read(r, p.block)
		if err != nil {
			return nil, err
		}
		if r == qkvBias && b.layout.has(qkvMask, p.block) {
			mask, _, err := b.mask(p.block)
			if err != nil {
				return nil, err
			}
			x = slices.Clone(x)
			for i := range x {
				x[i] *= mask[i]
			}
		}
		if third > 0 {
			x = x[(third-1)*out*columns:][:out*columns]
		}
		if !scaled {
			return x, nil
		}
		x = slices.Clone(x)
		gamma, err := b.read(p.scale, p.block)
		if err != nil {
			return nil, err
		}
		for i := range x {
			x[i] *= gamma[i/columns]
		}
		return x, nil
	}
	weight := b.constant(name+"/weight", func() ([]float32, error) {
		x, err := load(p.weight, in, p.third)
		if err != nil {
			return nil, err
		}
		return transpose(x, out, in), nil
	}, in, out)
	if !b.layout.has(p.bias, p.block) {
		return b.At(name).MatMul(x, weight)
	}
	bias := b.constant(name+"/bias", func() ([]float32, error) { return load(p.bias, 1, p.biasThird) }, out)
	return b.At(name).Add(b.At(name+"/product").MatMul(x, weight), bias)
}

// transpose transposes a rows×columns matrix, in blocks that fit the cache.
func transpose(x []float32, rows, columns int) []float32 {
	const tile = 32
	out := make([]float32, len(x))
	for r := 0; r < rows; r += tile {
		for c := 0; c < columns; c += tile {
			for i := r; i < min(r+tile, rows); i++ {
				for j := c; j < min(c+tile, columns); j++ {
					out[j*rows+i] = x[i*columns+j]
				}
			}
		}
	}
	return out
}

// read reads a part of the encoder.
func (b *builder) read(r role, block int) ([]float32, error) {
	name := b.layout.parts[key{r, block}].Name
	if name != b.lastName {
		x, err := b.file.Read(name)
		if err != nil {
			return nil, err
		}
		b.lastName, b.last = name, x
	}
	return b.last, nil
}

// tensor is a part without changes.
func (b *builder) tensor(name string, r role, block int) onnx.Value {
	b.used[key{r, block}] = true
	return b.constant(name, func() ([]float32, error) { return b.read(r, block) }, b.layout.parts[key{r, block}].Shape...)
}

// constant adds a constant whose elements are computed when the model is written.
func (b *builder) constant(name string, load func() ([]float32, error), shape ...int) onnx.Value {
	return b.Constant(lazy(name, load, shape...))
}

func lazy(name string, load func() ([]float32, error), shape ...int) *onnx.Tensor {
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	return &onnx.Tensor{Name: name, Type: onnx.Float32, Dims: dims, Load: func() ([]byte, error) {
		x, err := load()
		if err != nil {
			return nil, err
		}
		return onnx.Floats(x), nil
	}}
}

// allUsed verifies that no tensor of the file was skipped except the mask token, which only pretraining needs.
func (b *builder) allUsed() error {
	for _, k := range slices.SortedFunc(maps.Keys(b.layout.parts), compareKeys) {
		if !b.used[k] && k.role != maskToken {
			return fmt.Errorf("%s: tensor %q would not be used", b.file.Name, b.layout.parts[k].Name)
		}
	}
	return nil
}
