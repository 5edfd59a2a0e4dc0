package precision

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"iconic/internal/half"
	"iconic/models/onnx"
)

// Precision is the number format of stored weights.
type Precision string

const (
	Float32 Precision = "float32" // as published
	Float16 Precision = "float16" // half the size
	Int8    Precision = "int8"    // a quarter of the size
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

// Apply rewrites m in place, ready to be written: its new tensors then compute their elements from the old ones. It fails if there is
// nothing to rewrite, without a model and on a precision that does not exist.
func Apply(m *onnx.Model, p Precision) error {
	p, err := Parse(string(p))
	if err != nil {
		return err
	}
	if m == nil || m.Graph == nil {
		return errors.New("there is no model to rewrite")
	}
	switch p {
	case Float16:
		return toFloat16(m)
	case Int8:
		return toInt8(m)
	}
	return nil
}

// smallest is the number of elements from which it pays to convert a tensor.
const smallest = 256

// toFloat16 stores each large float32 constant as float16 behind a Cast.
func toFloat16(m *onnx.Model) error {
	b := onnx.NewBuilder(m, "float16/")
	fixed := constants(m.Graph)
	old := m.Graph.Initializers
	m.Graph.Initializers = nil
	changed := false
	var err error
	b.First(func() {
		for _, t := range old {
			n, wrong := t.Elements()
			err = errors.Join(err, wrong)
			if t.Type != onnx.Float32 || t.Exact || t.Load == nil || n < smallest || fixed[t.Name] == nil {
				m.Graph.Initializers = append(m.Graph.Initializers, t)
				continue
			}
			changed = true
			b.Replacing(t.Name).Cast(b.Constant(narrowed(t)), onnx.Float32)
		}
	})
	if err == nil {
		err = b.Err()
	}
	if err == nil && !changed {
		err = fmt.Errorf("no float32 weights in the model to store as %s", Float16)
	}
	return err
}

// narrowed is a tensor converted to float16.
func narrowed(t *onnx.Tensor) *onnx.Tensor {
	return &onnx.Tensor{Name: t.Name + "/float16", Type: onnx.Float16, Dims: t.Dims, Load: func() ([]byte, error) {
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
}

// most is the largest quantised weight. It has seven bits rather than eight: processors without VNNI instructions add two products of an
// unsigned and a signed byte in 16 bits; 2·255·127 does not fit and would saturate silently, so the same model would give different
// features on another machine. 2·255·64 fits.
const most = 64

// oldestOpset is the first version in which QuantizeLinear supports a scale per row.
const oldestOpset = 13

// toInt8 replaces every product with a constant float32 matrix.
func toInt8(m *onnx.Model) error {
	if v := m.Opsets[""]; v < oldestOpset {
		return fmt.Errorf("the model uses operator set %d: int8 needs %d or later", v, oldestOpset)
	}
	r := &rewriter{Builder: onnx.NewBuilder(m, "int8/"), constants: constants(m.Graph), rows: map[string]rows{}, weights: map[weightKey]quantised{}, used: map[string]int{}}
	if err := r.count(m.Graph); err != nil {
		return err
	}
	old := m.Graph.Nodes
	m.Graph.Nodes = nil
	for _, n := range old {
		if w := r.weight(n); w != nil {
			r.layer(n, w)
		} else {
			m.Graph.Nodes = append(m.Graph.Nodes, n)
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	if len(r.rows) == 0 {
		return fmt.Errorf("no linear layer with constant float32 weights in the model to quantise to %s", Int8)
	}
	r.sweep(m.Graph)
	return nil
}

type rewriter struct {
	onnx.Builder
	constants map[string]*onnx.Tensor // by name: initializers, and results of Constant nodes
	one       onnx.Value              // see startOne
	rows      map[string]rows         // quantised inputs of layers, by value
	weights   map[weightKey]quantised
	used      map[string]int // how often a value is used as an input, as an output or in a nested graph
}

// count counts the uses of all values. In nested graphs, such as the branches of an If, each mention counts.
func (r *rewriter) count(g *onnx.Graph) error {
	for _, n := range g.Nodes {
		for _, in := range n.Inputs {
			r.used[in]++
		}
		if err := n.Nested(func(name string) { r.used[name]++ }); err != nil {
			return err
		}
	}
	for _, o := range g.Outputs {
		r.used[o.Name]++
	}
	return nil
}

// rows is a quantised value of shape …×width: 8-bit rows×width, their scales as rows×1, and the leading shape ….
type rows struct{ numbers, scales, leading onnx.Value }

// quantised is a constant 8-bit matrix, in×out, with the scales of its columns.
type quantised struct{ numbers, scales onnx.Value }

type weightKey struct {
	name       string
	transposed bool
}

func constants(g *onnx.Graph) map[string]*onnx.Tensor {
	all := map[string]*onnx.Tensor{}
	for _, t := range g.Initializers {
		all[t.Name] = t
	}
	for _, in := range g.Inputs { // an initializer that a caller may replace is not constant
		delete(all, in.Name)
	}
	for _, n := range g.Nodes {
		if a := n.Attribute("value"); n.Op == "Constant" && n.Domain == "" && a != nil && a.Tensor != nil {
			all[n.Outputs[0]] = a.Tensor
		}
	}
	return all
}

// weight returns the constant matrix of a linear layer: a MatMul, or a Gemm without factors.
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

// startOne adds a 1 computed as batch ÷ batch from the input x of the first layer: ONNX Runtime fuses a MatMulInteger with its scales only
// if the scale of its first operand is a scalar that is not constant. The scale of the rows is not a scalar, so this 1 takes its place, and
// the rows are scaled afterwards.
func (r *rewriter) startOne(x onnx.Value) {
	batch := r.Cast(r.Gather(r.Shape(x), 0, 0), onnx.Float32)
	r.one = r.Div(batch, batch)
}

// least keeps the scale of a row of zeros above 0.
const least = 1e-30

// quantiseRows quantises x, …×width, to 8-bit rows, once for each x.
func (r *rewriter) quantiseRows(x onnx.Value, width int64) rows {
	if q, ok := r.rows[x.Name]; ok {
		return q
	}
	if len(r.rows) == 0 {
		r.startOne(x)
	}
	flat := r.Reshape(x, -1, width)
	scale := r.Max(r.Mul(r.Maximum(r.Abs(flat), 1, false), r.Floats([]float32{1.0 / 127})), r.Floats([]float32{least}))
	offset := r.Cast(r.Add(r.Mul(scale, r.Floats([]float32{0})), r.Floats([]float32{128})), onnx.Uint8) // 128, for each row
	q := rows{
		numbers: r.Quantize(flat, scale, offset, 0),
		scales:  r.Reshape(scale, -1, 1),
		leading: r.Slice(r.Shape(x), 0, 0, -1),
	}
	r.rows[x.Name] = q
	return q
}

// layer adds the operations that replace n and computes its result under the same name.
func (r *rewriter) layer(n *onnx.Node, w *onnx.Tensor) {
	in, out, transposed := w.Dims[0], w.Dims[1], false
	if a := n.Attribute("transB"); n.Op == "Gemm" && a != nil && a.Int != 0 {
		in, out, transposed = out, in, true
	}
	x := r.quantiseRows(r.Known(n.Inputs[0], onnx.Float32), in)
	weight := r.quantise(w, n.Inputs[1], transposed)
	y := r.Cast(r.MatMulInteger(x.numbers, weight.numbers, r.Byte(128)), onnx.Float32)
	y = r.Mul(r.Mul(y, r.Mul(r.one, weight.scales)), x.scales)
	shape := r.Concat(0, x.leading, r.Row(out))
	last := r.Replacing(n.Outputs[0])
	if n.Op == "Gemm" && len(n.Inputs) > 2 && n.Inputs[2] != "" {
		last.Add(r.ReshapeTo(y, shape), r.Known(n.Inputs[2], onnx.Float32))
	} else {
		last.ReshapeTo(y, shape)
	}
	r.used[n.Inputs[1]]--
}

// quantise adds ŵ (in×out) and the scales of its columns to the graph, once for each matrix.
func (r *rewriter) quantise(w *onnx.Tensor, name string, transposed bool) quantised {
	key := weightKey{name, transposed}
	if q, ok := r.weights[key]; ok {
		return q
	}
	weight, scale := name+"/int8", name+"/scale"
	if transposed {
		weight, scale = name+"/int8ᵀ", name+"/scaleᵀ"
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
	r.weights[key] = quantised{numbers: r.Constant(q), scales: r.Constant(s)}
	return r.weights[key]
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

// sweep removes constants that are no longer used.
func (r *rewriter) sweep(g *onnx.Graph) {
	gone := func(name string) bool { n, seen := r.used[name]; return seen && n == 0 }
	initializers := g.Initializers[:0]
	for _, t := range g.Initializers {
		if !gone(t.Name) {
			initializers = append(initializers, t)
		}
	}
	g.Initializers = initializers
	nodes := g.Nodes[:0]
	for _, n := range g.Nodes {
		if n.Op != "Constant" || !gone(n.Outputs[0]) {
			nodes = append(nodes, n)
		}
	}
	g.Nodes = nodes
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
