// Package precision rewrites the weights of an ONNX model in fewer bits.
//
// Float16 halves the file and computes as before: each weight is widened again, once, when a session starts.
//
// Int8 computes the linear layers in integers, which is what makes it fast. A layer y = x·W becomes
//
//	y_ij = s_i · t_j · Σ_k (x̂_ik − 128) ŵ_kj,   x̂_ik = round(x_ik / s_i) + 128,   ŵ_kj = round(w_kj / t_j)
//
// with one scale t_j = max_k |w_kj| / 64 for each output channel, known beforehand, and one scale
// s_i = max_k |x_ik| / 127 for each row of x, which is a token, found as it comes. The usual rewrite has one scale
// for all of x, batch included (DynamicQuantizeLinear). It would make the features of an image depend on which other
// images it is encoded with, and the few large activations of a vision transformer would take the resolution from
// all tokens: on ViT-Ti/16 and photographs the mean cosine to the float32 features was 0.93 with one scale and 0.997
// with one a token, for 3 % of the time.
//
// All operators are standard ones; ONNX Runtime joins the integer product with its scaling.
package precision

import (
	"encoding/binary"
	"fmt"
	"math"

	"iconic/internal/half"
	"iconic/models/onnx"
)

// Precision names what weights are stored as.
type Precision string

const (
	Float32 Precision = "float32"
	Float16 Precision = "float16"
	Int8    Precision = "int8"
)

// Parse accepts the three names, and "" for float32.
func Parse(name string) (Precision, error) {
	switch p := Precision(name); p {
	case "":
		return Float32, nil
	case Float32, Float16, Int8:
		return p, nil
	}
	return "", fmt.Errorf("precision %q: want %s, %s or %s", name, Float32, Float16, Int8)
}

// Apply rewrites m in place, to be written: its new tensors make their elements out of the old ones then. It fails
// where there is nothing to rewrite.
func Apply(m *onnx.Model, p Precision) error {
	switch p {
	case Float16:
		return toFloat16(m)
	case Int8:
		return toInt8(m)
	}
	return nil
}

// smallest is the number of elements from which a tensor is worth narrowing.
const smallest = 256

// toFloat16 stores each large float32 constant as float16 behind a Cast.
func toFloat16(m *onnx.Model) error {
	var casts []*onnx.Node
	fixed := constants(m.Graph)
	for i, t := range m.Graph.Initializers {
		n, err := t.Elements()
		if err != nil {
			return err
		}
		if t.Type != onnx.Float32 || t.Exact || t.Load == nil || n < smallest || fixed[t.Name] == nil {
			continue
		}
		narrow := &onnx.Tensor{Name: t.Name + "/float16", Type: onnx.Float16, Dims: t.Dims, Load: func() ([]byte, error) {
			x, err := values(t)
			if err != nil {
				return nil, err
			}
			b := make([]byte, 2*len(x))
			for i, v := range x {
				h := half.FromFloat32(v)
				if h&0x7fff >= 0x7c00 {
					return nil, fmt.Errorf("tensor %q: element %d is %g, beyond what float16 holds: use another precision", t.Name, i, v)
				}
				binary.LittleEndian.PutUint16(b[2*i:], h)
			}
			return b, nil
		}}
		m.Graph.Initializers[i] = narrow
		casts = append(casts, &onnx.Node{Name: t.Name + "/cast", Op: "Cast", Inputs: []string{narrow.Name}, Outputs: []string{t.Name},
			Attributes: []onnx.Attribute{onnx.Int("to", int64(onnx.Float32))}})
	}
	if len(casts) == 0 {
		return fmt.Errorf("no float32 weights in the model to store as %s", Float16)
	}
	m.Graph.Nodes = append(casts, m.Graph.Nodes...)
	return nil
}

// most is the largest quantised weight. Seven bits and not eight: processors without VNNI instructions add two
// products of an unsigned and a signed byte into 16 bits, 2·255·127 does not fit and would be cut off silently, so
// the same model would give other features on another machine. 2·255·64 fits.
const most = 64

// oldestOpset has QuantizeLinear with a scale for each row.
const oldestOpset = 13

// toInt8 replaces every product of something with a constant float32 matrix.
func toInt8(m *onnx.Model) error {
	if v := m.Opsets[""]; v < oldestOpset {
		return fmt.Errorf("the model uses operator set %d: int8 needs %d or later", v, oldestOpset)
	}
	r := &rewriter{graph: m.Graph, opset: m.Opsets[""], constants: constants(m.Graph), quantised: map[string]bool{}, used: map[string]int{}}
	for _, n := range m.Graph.Nodes {
		for _, in := range n.Inputs {
			r.used[in]++
		}
	}
	for _, o := range m.Graph.Outputs {
		r.used[o.Name]++
	}
	old := m.Graph.Nodes
	for _, n := range old {
		if w := r.weight(n); w != nil {
			r.layer(n, w)
		} else {
			r.nodes = append(r.nodes, n)
		}
	}
	if len(r.quantised) == 0 {
		return fmt.Errorf("no linear layer with constant float32 weights in the model to quantise to %s", Int8)
	}
	m.Graph.Nodes = r.nodes
	r.sweep()
	return nil
}

type rewriter struct {
	graph     *onnx.Graph
	opset     int64
	nodes     []*onnx.Node            // the new ones, in order
	constants map[string]*onnx.Tensor // by name: initializers, and what Constant nodes put out
	quantised map[string]bool         // values that have been quantised already
	used      map[string]int          // how often a value is an input or an output
}

func constants(g *onnx.Graph) map[string]*onnx.Tensor {
	all := map[string]*onnx.Tensor{}
	for _, t := range g.Initializers {
		all[t.Name] = t
	}
	for _, in := range g.Inputs { // an initializer that a caller may replace is no constant
		delete(all, in.Name)
	}
	for _, n := range g.Nodes {
		if a := n.Attribute("value"); n.Op == "Constant" && n.Domain == "" && a != nil && a.Tensor != nil {
			all[n.Outputs[0]] = a.Tensor
		}
	}
	return all
}

// weight gives the constant matrix of a linear layer: a MatMul, or a Gemm without factors.
func (r *rewriter) weight(n *onnx.Node) *onnx.Tensor {
	if n.Domain != "" || len(n.Inputs) < 2 || n.Op != "MatMul" && n.Op != "Gemm" {
		return nil
	}
	if n.Op == "Gemm" {
		for name, want := range map[string]float32{"alpha": 1, "beta": 1} {
			if a := n.Attribute(name); a != nil && a.Float != want {
				return nil
			}
		}
		if a := n.Attribute("transA"); a != nil && a.Int != 0 {
			return nil
		}
	}
	t := r.constants[n.Inputs[1]]
	if t == nil || t.Load == nil || t.Type != onnx.Float32 || len(t.Dims) != 2 || t.Dims[0] == 0 || t.Dims[1] == 0 {
		return nil
	}
	return t
}

// node appends an operation.
func (r *rewriter) node(op string, inputs []string, output string, attributes ...onnx.Attribute) {
	r.nodes = append(r.nodes, &onnx.Node{Name: output, Op: op, Inputs: inputs, Outputs: []string{output}, Attributes: attributes})
}

// constant adds a tensor and gives its name.
func (r *rewriter) constant(t *onnx.Tensor) string {
	r.constants[t.Name] = t
	r.graph.Initializers = append(r.graph.Initializers, t)
	return t.Name
}

func (r *rewriter) ints(name string, v ...int64) string {
	var b []byte
	for _, i := range v {
		b = binary.LittleEndian.AppendUint64(b, uint64(i))
	}
	return r.constant(onnx.Constant(name, onnx.Int64, b, int64(len(v))))
}

func (r *rewriter) number(name string, v float32) string {
	return r.constant(onnx.Constant(name, onnx.Float32, onnx.Floats([]float32{v}), 1))
}

// shared are the names of constants and of one value that all layers use.
const (
	perStep  = "int8/1÷127"
	least    = "int8/least"
	nothing  = "int8/0"
	middle   = "int8/128"
	middleU8 = "int8/offset"
	one      = "int8/one"
	zero     = "int8/first"
	last     = "int8/last"
)

// prologue adds what all layers share. The 1 is computed, as batch ÷ batch, from the input x of the first layer:
// ONNX Runtime joins a MatMulInteger with scales only if the scale of its first operand is a scalar that is not
// known beforehand. That of the rows cannot be it, so this stands in, and the rows are scaled afterwards.
func (r *rewriter) prologue(x string) {
	r.number(perStep, 1.0/127)
	r.number(least, 1e-30) // a row of zeros has a scale too
	r.number(nothing, 0)
	r.number(middle, 128)
	r.constant(onnx.Constant(middleU8, onnx.Uint8, []byte{128}))
	r.ints(zero, 0)
	r.ints(last, -1)
	first := r.constant(onnx.Constant("int8/axis", onnx.Int64, make([]byte, 8)))
	r.node("Shape", []string{x}, "int8/shape")
	r.node("Gather", []string{"int8/shape", first}, "int8/size")
	r.node("Cast", []string{"int8/size"}, "int8/batch", onnx.Int("to", int64(onnx.Float32)))
	r.node("Div", []string{"int8/batch", "int8/batch"}, one)
}

// rows quantises x, …×width, to x̂ as rows×width with their scales s as rows×1, and notes the shape …, once for
// each x.
func (r *rewriter) rows(x string, width int64) {
	if len(r.quantised) == 0 {
		r.prologue(x)
	}
	if r.quantised[x] {
		return
	}
	r.quantised[x] = true
	r.node("Reshape", []string{x, r.ints(x+"/int8/flat", -1, width)}, x+"/int8/rows")
	r.node("Abs", []string{x + "/int8/rows"}, x+"/int8/abs")
	if r.opset >= 18 { // where axes became an input
		r.node("ReduceMax", []string{x + "/int8/abs", r.ints(x+"/int8/axis", 1)}, x+"/int8/max", onnx.Int("keepdims", 0))
	} else {
		r.node("ReduceMax", []string{x + "/int8/abs"}, x+"/int8/max", onnx.Ints("axes", 1), onnx.Int("keepdims", 0))
	}
	r.node("Mul", []string{x + "/int8/max", perStep}, x+"/int8/step")
	r.node("Max", []string{x + "/int8/step", least}, x+"/int8/scale")
	r.node("Mul", []string{x + "/int8/scale", nothing}, x+"/int8/zeros")
	r.node("Add", []string{x + "/int8/zeros", middle}, x+"/int8/middles")
	r.node("Cast", []string{x + "/int8/middles"}, x+"/int8/offsets", onnx.Int("to", int64(onnx.Uint8)))
	r.node("QuantizeLinear", []string{x + "/int8/rows", x + "/int8/scale", x + "/int8/offsets"}, x+"/int8", onnx.Int("axis", 0))
	r.node("Reshape", []string{x + "/int8/scale", r.ints(x+"/int8/upright", -1, 1)}, x+"/int8/column")
	r.node("Shape", []string{x}, x+"/int8/shape")
	r.node("Slice", []string{x + "/int8/shape", zero, last}, x+"/int8/leading")
}

// layer makes the nodes that stand for n, whose result keeps its name.
func (r *rewriter) layer(n *onnx.Node, w *onnx.Tensor) {
	x, y := n.Inputs[0], n.Outputs[0]
	in, out, transposed := w.Dims[0], w.Dims[1], false
	if a := n.Attribute("transB"); n.Op == "Gemm" && a != nil && a.Int != 0 {
		in, out, transposed = out, in, true
	}
	r.rows(x, in)
	weight, scale := r.quantise(w, n.Inputs[1], transposed)
	r.node("MatMulInteger", []string{x + "/int8", weight, middleU8}, y+"/int32")
	r.node("Cast", []string{y + "/int32"}, y+"/float", onnx.Int("to", int64(onnx.Float32)))
	r.node("Mul", []string{one, scale}, y+"/scale")
	r.node("Mul", []string{y + "/float", y + "/scale"}, y+"/columns")
	r.node("Mul", []string{y + "/columns", x + "/int8/column"}, y+"/rows")
	r.node("Concat", []string{x + "/int8/leading", r.ints(y+"/width", out)}, y+"/shape", onnx.Int("axis", 0))
	product := y
	if n.Op == "Gemm" && len(n.Inputs) > 2 && n.Inputs[2] != "" {
		product = y + "/product"
	}
	r.node("Reshape", []string{y + "/rows", y + "/shape"}, product)
	if product != y {
		r.node("Add", []string{product, n.Inputs[2]}, y)
	}
	r.used[n.Inputs[1]]--
}

// quantise adds ŵ (in×out) and the scales of its columns to the graph, once for each matrix.
func (r *rewriter) quantise(w *onnx.Tensor, name string, transposed bool) (weight, scale string) {
	weight, scale = name+"/int8", name+"/scale"
	if transposed {
		weight, scale = name+"/int8ᵀ", name+"/scaleᵀ"
	}
	if r.constants[weight] != nil {
		return weight, scale
	}
	rows, columns := w.Dims[0], w.Dims[1]
	in, out := rows, columns
	if transposed {
		in, out = columns, rows
	}
	matrix := func() (func(k, j int64) float32, error) {
		x, err := values(w)
		if transposed {
			return func(k, j int64) float32 { return x[j*columns+k] }, err
		}
		return func(k, j int64) float32 { return x[k*columns+j] }, err
	}
	q := &onnx.Tensor{Name: weight, Type: onnx.Int8, Dims: []int64{in, out}, Load: func() ([]byte, error) {
		at, err := matrix()
		if err != nil {
			return nil, err
		}
		s := scales(at, in, out)
		b := make([]byte, in*out)
		for k := range in {
			for j := range out {
				b[k*out+j] = byte(int8(math.RoundToEven(float64(at(k, j) / s[j]))))
			}
		}
		return b, nil
	}}
	s := &onnx.Tensor{Name: scale, Type: onnx.Float32, Dims: []int64{out}, Load: func() ([]byte, error) {
		at, err := matrix()
		if err != nil {
			return nil, err
		}
		return onnx.Floats(scales(at, in, out)), nil
	}}
	r.constant(q)
	r.constant(s)
	return weight, scale
}

// scales is max_k |w_kj| / most for each column; a column of zeros gets 1.
func scales(at func(k, j int64) float32, in, out int64) []float32 {
	s := make([]float32, out)
	for k := range in {
		for j := range out {
			v := at(k, j)
			s[j] = max(s[j], v, -v)
		}
	}
	for j := range s {
		if s[j] /= most; s[j] == 0 {
			s[j] = 1
		}
	}
	return s
}

// sweep drops the constants that nothing refers to any more.
func (r *rewriter) sweep() {
	gone := func(name string) bool { n, seen := r.used[name]; return seen && n == 0 }
	initializers := r.graph.Initializers[:0]
	for _, t := range r.graph.Initializers {
		if !gone(t.Name) {
			initializers = append(initializers, t)
		}
	}
	r.graph.Initializers = initializers
	nodes := r.graph.Nodes[:0]
	for _, n := range r.graph.Nodes {
		if n.Op != "Constant" || !gone(n.Outputs[0]) {
			nodes = append(nodes, n)
		}
	}
	r.graph.Nodes = nodes
}

// values loads a float32 tensor.
func values(t *onnx.Tensor) ([]float32, error) {
	b, err := t.Load()
	if err != nil {
		return nil, err
	}
	n, err := t.Elements()
	if err != nil {
		return nil, err
	}
	if int64(len(b)) != 4*n {
		return nil, fmt.Errorf("tensor %q: %d bytes for %d elements", t.Name, len(b), n)
	}
	x := make([]float32, n)
	for i := range x {
		x[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return x, nil
}
