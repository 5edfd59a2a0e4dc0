package vit

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"

	"iconic/models/onnx"
	"iconic/models/weights"
)

// Output says which numbers stand for an image.
type Output string

const (
	CLS   Output = "cls"   // the class token after the final norm
	Patch Output = "patch" // the mean of the patch tokens after the final norm
	Both  Output = "both"  // the class token, then that mean: twice the width
)

// Options of an import.
type Options struct {
	ImageSize int               // pixels on a side, a multiple of the patch
	Output    Output            // what the graph puts out
	Heads     int               // of attention; 0 where it follows from the weights
	Note      func(text string) // told what of the file was left out; may be nil
}

// InputName and OutputName are what the graph calls its input, batch×3×ImageSize×ImageSize normalised pixels, and
// its output, batch×Dim features.
const (
	InputName  = "input"
	OutputName = "features"
)

const (
	opset     = 17 // the first with LayerNormalization; ONNX Runtime reads it since 1.12 (2022)
	irVersion = 8  // of the same time
)

// Dim is the number of features an image.
func (a Architecture) Dim(o Output) int {
	if o == Both {
		return 2 * a.Width
	}
	return a.Width
}

// Import lays out the encoder in f as a model whose tensors are read from f when it is written: keep f open until
// then. The graph computes in float32 and takes batches of any size.
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
	b := &builder{file: f, layout: l, arch: a, options: o, used: map[key]bool{}, graph: &onnx.Graph{Name: "encoder"}}
	if err := b.checkMasks(); err != nil {
		return nil, a, err
	}
	b.build()
	if err := b.allUsed(); err != nil {
		return nil, a, err
	}
	for _, note := range l.notes {
		if o.Note != nil {
			o.Note(f.Name + ": " + note)
		}
	}
	return &onnx.Model{
		IRVersion: irVersion, Producer: "iconic", Opsets: map[string]int64{"": opset}, Graph: b.graph,
		Metadata: []onnx.Entry{{Key: "architecture", Value: a.String()}, {Key: "output", Value: string(o.Output)}},
	}, a, nil
}

// maxImageSize is far beyond what attention over all patches can bear.
const maxImageSize = 4096

// builder appends nodes; its methods return the name of what they compute.
type builder struct {
	file    *weights.File
	layout  *layout
	arch    Architecture
	options Options
	graph   *onnx.Graph
	used    map[key]bool
	rotated bool // the tables of rotations are there

	// The last tensor read: query, key and value of the official files are thirds of one.
	lastName string
	last     []float32
}

func (b *builder) build() {
	a, size := b.arch, int64(b.options.ImageSize)
	b.graph.Inputs = []onnx.Value{{Name: InputName, Type: onnx.Float32, Shape: []onnx.Dim{{Name: "batch"}, {Size: 3}, {Size: size}, {Size: size}}}}
	b.graph.Outputs = []onnx.Value{{Name: OutputName, Type: onnx.Float32, Shape: []onnx.Dim{{Name: "batch"}, {Size: int64(a.Dim(b.options.Output))}}}}
	x := b.embed()
	for i := range a.Depth {
		x = b.block(x, i, i == a.Depth-1 && b.options.Output == CLS)
	}
	b.head(x)
}

// embed is batch×3×size×size → batch×tokens×width: class token, registers, patches. The tokens that carry no image
// begin as zero rows and get their content with the position embedding.
func (b *builder) embed() string {
	a := b.arch
	p := int64(a.Patch)
	x := b.node("patches/conv", "Conv", []string{InputName, b.tensor("patches/weight", patchWeight, -1), b.tensor("patches/bias", patchBias, -1)},
		onnx.Ints("kernel_shape", p, p), onnx.Ints("strides", p, p))
	x = b.node("patches/flat", "Reshape", []string{x, b.ints("patches/shape", 0, int64(a.Width), -1)})
	x = b.node("patches", "Transpose", []string{x}, onnx.Ints("perm", 0, 2, 1))
	x = b.node("tokens/padded", "Pad", []string{x, b.ints("tokens/pads", 0, int64(1+a.Registers), 0, 0, 0, 0)})
	return b.node("tokens", "Add", []string{x, b.table()})
}

// table is 1×tokens×width: class token plus its position, registers (which have none), positions of the patches.
func (b *builder) table() string {
	a, grid := b.arch, b.options.ImageSize/b.arch.Patch
	for _, r := range []role{classToken, position, registers} {
		b.used[key{r, -1}] = true
	}
	return b.floats("tokens/table", func() ([]float32, error) {
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

// block is x + attention(norm(x)), then that plus feed-forward(norm of that). With first, only the first token
// goes on; it attends to all.
func (b *builder) block(x string, i int, first bool) string {
	at := fmt.Sprintf("block%d/", i)
	y := b.norm(at+"norm1", x, norm1Weight, norm1Bias, i)
	query := y
	if first {
		query = b.firstToken(at+"query", y)
		x = b.firstToken(at+"residual", x)
	}
	x = b.node(at+"attended", "Add", []string{x, b.attention(at+"attention/", query, y, i)})
	y = b.norm(at+"norm2", x, norm2Weight, norm2Bias, i)
	if b.arch.Gated {
		y = b.gated(at+"feedforward/", y, i)
	} else {
		y = b.linear(at+"feedforward/in", y, part{weight: fc1Weight, bias: fc1Bias, block: i})
		y = b.linear(at+"feedforward/out", b.gelu(at+"feedforward/gelu", y), part{weight: fc2Weight, bias: fc2Bias, scale: scale2, block: i})
	}
	return b.node(at+"out", "Add", []string{x, y})
}

// firstToken is batch×tokens×width → batch×1×width.
func (b *builder) firstToken(name, x string) string {
	return b.node(name, "Slice", []string{x, b.ints(name+"/from", 0), b.ints(name+"/to", 1), b.ints(name+"/axis", 1)})
}

// attention is softmax(q·kᵀ/√d)·v for each head, and a linear layer on the heads side by side.
func (b *builder) attention(at, query, tokens string, i int) string {
	heads, d := int64(b.arch.Heads), int64(b.arch.Width/b.arch.Heads)
	split := b.ints(at+"heads", 0, 0, heads, d)
	third := func(n int, name, x string, w, bias role, perm ...int64) string {
		p := part{weight: w, bias: bias, block: i}
		if b.layout.has(qkvWeight, i) {
			p = part{weight: qkvWeight, bias: bias, block: i, third: n}
			if b.layout.has(qkvBias, i) {
				p.bias, p.biasThird = qkvBias, n
			}
		}
		y := b.linear(at+name, x, p)
		y = b.node(at+name+"/split", "Reshape", []string{y, split})
		if n < 3 && x == tokens && b.arch.Family == DINOv3 { // the class token alone is not turned
			y = b.turn(at+name+"/rotated", y)
		}
		return b.node(at+name+"/turned", "Transpose", []string{y}, onnx.Ints("perm", perm...))
	}
	q := third(1, "q", query, queryWeight, queryBias, 0, 2, 1, 3)
	k := third(2, "k", tokens, keyWeight, keyBias, 0, 2, 3, 1)
	v := third(3, "v", tokens, valueWeight, valueBias, 0, 2, 1, 3)
	s := b.node(at+"scores", "MatMul", []string{q, k})
	s = b.node(at+"scaled", "Mul", []string{s, b.scalar(at+"scale", float32(1/math.Sqrt(float64(d))))})
	s = b.node(at+"weights", "Softmax", []string{s}, onnx.Int("axis", -1))
	y := b.node(at+"mixed", "MatMul", []string{s, v})
	y = b.node(at+"mixed/turned", "Transpose", []string{y}, onnx.Ints("perm", 0, 2, 1, 3))
	y = b.node(at+"joined", "Reshape", []string{y, b.ints(at+"width", 0, 0, int64(b.arch.Width))})
	return b.linear(at+"proj", y, part{weight: projWeight, bias: projBias, scale: scale1, block: i})
}

// gelu is x·½(1 + erf(x/√2)), in the five nodes that ONNX Runtime knows for one.
func (b *builder) gelu(name, x string) string {
	y := b.node(name+"/div", "Div", []string{x, b.scalar(name+"/sqrt2", math.Sqrt2)})
	y = b.node(name+"/erf", "Erf", []string{y})
	y = b.node(name+"/plus", "Add", []string{y, b.scalar(name+"/one", 1)})
	y = b.node(name+"/times", "Mul", []string{x, y})
	return b.node(name, "Mul", []string{y, b.scalar(name+"/half", 0.5)})
}

// gated is SwiGLU: (silu(a)·b)·W with a, b the halves of one linear layer (Shazeer 2020, arXiv 2002.05202).
func (b *builder) gated(at, x string, i int) string {
	if b.layout.has(siluWeight, i) {
		gate := b.linear(at+"gate", x, part{weight: siluWeight, bias: siluBias, block: i})
		value := b.linear(at+"value", x, part{weight: valWeight, bias: valBias, block: i})
		s := b.node(at+"silu", "Mul", []string{gate, b.node(at+"sigmoid", "Sigmoid", []string{gate})})
		return b.linear(at+"out", b.node(at+"product", "Mul", []string{s, value}), part{weight: gatedWeight, bias: gatedBias, scale: scale2, block: i})
	}
	y := b.linear(at+"in", x, part{weight: gateWeight, bias: gateBias, block: i})
	half := int64(b.arch.Hidden)
	b.graph.Nodes = append(b.graph.Nodes, &onnx.Node{Name: at + "halves", Op: "Split", Inputs: []string{y, b.ints(at+"half", half, half)},
		Outputs: []string{at + "gate", at + "value"}, Attributes: []onnx.Attribute{onnx.Int("axis", -1)}})
	s := b.node(at+"sigmoid", "Sigmoid", []string{at + "gate"})
	s = b.node(at+"silu", "Mul", []string{at + "gate", s})
	s = b.node(at+"product", "Mul", []string{s, at + "value"})
	return b.linear(at+"out", s, part{weight: gatedWeight, bias: gatedBias, scale: scale2, block: i})
}

// head is the final norm and the choice of tokens: batch×tokens×width → batch×Dim.
func (b *builder) head(x string) {
	a := b.arch
	classWeight, classBias := normWeight, normBias
	untied := b.layout.has(classNormW, -1)
	if untied {
		classWeight, classBias = classNormW, classNormB
	}
	for _, r := range []role{normWeight, normBias, classNormW, classNormB} { // one of two may have no token to norm
		b.used[key{r, -1}] = true
	}
	if b.options.Output == CLS {
		x = b.node("head/class", "Reshape", []string{x, b.ints("head/shape", -1, int64(a.Width))})
		b.rename(b.norm("head/norm", x, classWeight, classBias, -1))
		return
	}
	all := x
	x = b.norm("head/norm", x, normWeight, normBias, -1)
	patches := b.node("head/patches", "Slice", []string{x, b.ints("head/from", int64(1+a.Registers)), b.ints("head/to", math.MaxInt64), b.ints("head/axis", 1)})
	mean := b.node("head/mean", "ReduceMean", []string{patches}, onnx.Ints("axes", 1), onnx.Int("keepdims", 0))
	if b.options.Output == Patch {
		b.rename(mean)
		return
	}
	if untied {
		x = all
	}
	class := b.node("head/class", "Gather", []string{x, b.scalarInt("head/zero", 0)}, onnx.Int("axis", 1))
	if untied {
		class = b.norm("head/class/norm", class, classWeight, classBias, -1)
	}
	b.rename(b.node("head/both", "Concat", []string{class, mean}, onnx.Int("axis", 1)))
}

// rename makes the last node's result the graph's output.
func (b *builder) rename(last string) {
	n := b.graph.Nodes[len(b.graph.Nodes)-1]
	n.Outputs[slices.Index(n.Outputs, last)] = OutputName
}

// node appends an operation; it and its result are called name.
func (b *builder) node(name, op string, inputs []string, attributes ...onnx.Attribute) string {
	b.graph.Nodes = append(b.graph.Nodes, &onnx.Node{Name: name, Op: op, Inputs: inputs, Outputs: []string{name}, Attributes: attributes})
	return name
}

func (b *builder) norm(name, x string, weight, bias role, i int) string {
	return b.node(name, "LayerNormalization", []string{x, b.tensor(name+"/weight", weight, i), b.tensor(name+"/bias", bias, i)},
		onnx.Int("axis", -1), onnx.Float("epsilon", b.arch.epsilon()))
}

// part names the weights of a linear layer.
type part struct {
	weight, bias, scale role // scale multiplies what the layer puts out, where the encoder has layer scale
	block               int
	third, biasThird    int // 1, 2 or 3 of stacked query, key and value; 0 takes all
}

// linear is x·Wᵀ + bias, W being out×in as PyTorch keeps it; the graph holds Wᵀ.
func (b *builder) linear(name, x string, p part) string {
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
	weight := b.floats(name+"/weight", func() ([]float32, error) {
		x, err := load(p.weight, in, p.third)
		if err != nil {
			return nil, err
		}
		return transpose(x, out, in), nil
	}, in, out)
	if !b.layout.has(p.bias, p.block) {
		return b.node(name, "MatMul", []string{x, weight})
	}
	y := b.node(name+"/product", "MatMul", []string{x, weight})
	return b.node(name, "Add", []string{y, b.floats(name+"/bias", func() ([]float32, error) { return load(p.bias, 1, p.biasThird) }, out)})
}

// transpose turns rows×columns, in blocks that fit the cache.
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

// tensor is a part as it is.
func (b *builder) tensor(name string, r role, block int) string {
	b.used[key{r, block}] = true
	return b.floats(name, func() ([]float32, error) { return b.read(r, block) }, b.layout.parts[key{r, block}].Shape...)
}

// floats adds a constant whose elements are made when the model is written.
func (b *builder) floats(name string, load func() ([]float32, error), shape ...int) string {
	dims := make([]int64, len(shape))
	for i, d := range shape {
		dims[i] = int64(d)
	}
	b.graph.Initializers = append(b.graph.Initializers, &onnx.Tensor{Name: name, Type: onnx.Float32, Dims: dims, Load: func() ([]byte, error) {
		x, err := load()
		if err != nil {
			return nil, err
		}
		return onnx.Floats(x), nil
	}})
	return name
}

func (b *builder) scalar(name string, v float32) string {
	b.graph.Initializers = append(b.graph.Initializers, onnx.Constant(name, onnx.Float32, onnx.Floats([]float32{v})))
	return name
}

func (b *builder) scalarInt(name string, v int64) string {
	b.graph.Initializers = append(b.graph.Initializers, onnx.Constant(name, onnx.Int64, binary.LittleEndian.AppendUint64(nil, uint64(v))))
	return name
}

func (b *builder) ints(name string, v ...int64) string {
	var data []byte
	for _, i := range v {
		data = binary.LittleEndian.AppendUint64(data, uint64(i))
	}
	b.graph.Initializers = append(b.graph.Initializers, onnx.Constant(name, onnx.Int64, data, int64(len(v))))
	return name
}

// allUsed makes sure that nothing in the file was passed over but the mask token, which only pretraining needs.
func (b *builder) allUsed() error {
	for _, k := range slices.SortedFunc(maps.Keys(b.layout.parts), compareKeys) {
		if !b.used[k] && k.role != maskToken {
			return fmt.Errorf("%s: tensor %q would not be used", b.file.Name, b.layout.parts[k].Name)
		}
	}
	return nil
}
