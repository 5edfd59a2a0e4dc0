package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Builder appends operations to a model's graph. It tracks the type and the shape of every result, as far as they can be known before a
// session runs. The first operation that does not fit its inputs becomes the builder's error: nothing is appended after it, and Err names
// the operation. So a writer is a list of calls that checks for an error once at its end.
//
// An operation, its result and its constants get the name given to At, or else a new unique name. A Builder is passed by value; all copies
// write to the same graph.
type Builder struct {
	*construction
	name string
}

// construction is the state shared by the copies of a Builder.
type construction struct {
	model     *Model
	prefix    string           // prefix of generated names
	taken     map[string]bool  // names of values
	nodes     map[string]bool  // names of operations
	constants map[string]Value // small constants, by content
	made      int              // number of names generated
	err       error
}

// NewBuilder makes a builder that appends to the graph of m, whose operator set determines how operations are written. Generated names
// begin with prefix.
func NewBuilder(m *Model, prefix string) Builder {
	c := &construction{model: m, prefix: prefix, taken: map[string]bool{}, nodes: map[string]bool{}, constants: map[string]Value{}}
	g := m.Graph
	for _, v := range slices.Concat(g.Inputs, g.Outputs) {
		c.taken[v.Name] = true
	}
	for _, t := range g.Initializers {
		c.taken[t.Name] = true
	}
	for _, n := range g.Nodes {
		c.nodes[n.Name] = true
		for _, name := range slices.Concat(n.Inputs, n.Outputs) {
			c.taken[name] = true
		}
		if err := n.Nested(func(name string) { c.taken[name] = true }); err != nil && c.err == nil {
			c.err = err
		}
	}
	return Builder{construction: c}
}

// At sets the name of the next operation or constant.
func (b Builder) At(name string) Builder {
	b.name = name
	return b
}

// Replacing gives the next operation or constant the name of a value of the graph, which it computes from now on: the caller removes the
// operation that computed it before.
func (b Builder) Replacing(name string) Builder {
	if !b.taken[name] {
		b.fail("the graph has no value %q to be replaced", name)
	}
	delete(b.taken, name)
	return b.At(name)
}

// Err is the first error; nil if everything fitted.
func (b Builder) Err() error { return b.err }

// fail keeps the first error.
func (b Builder) fail(format string, args ...any) Value {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
	return Value{}
}

// take returns the name given to At, or generates one.
func (b Builder) take(what string) string {
	if b.name == "" {
		for {
			b.made++
			if name := fmt.Sprintf("%s%s_%d", b.prefix, what, b.made); !b.taken[name] {
				b.taken[name] = true
				return name
			}
		}
	}
	if b.taken[b.name] {
		b.fail("two values are called %q", b.name)
	}
	b.taken[b.name] = true
	return b.name
}

// Known is a value of the original graph: only its type is known, unless it is an input or output.
func (b Builder) Known(name string, kind DataType) Value {
	for _, v := range slices.Concat(b.model.Graph.Inputs, b.model.Graph.Outputs) {
		if v.Name == name && v.Type == kind {
			return v
		}
	}
	if !b.taken[name] {
		return b.fail("the graph has no value %q", name)
	}
	return Value{Name: name, Type: kind}
}

// Input adds an input to the graph.
func (b Builder) Input(name string, kind DataType, shape ...Dim) Value {
	v := Value{Name: b.At(name).take(""), Type: kind, Shape: shape}
	b.model.Graph.Inputs = append(b.model.Graph.Inputs, v)
	return v
}

// Output makes a value one of the graph's outputs with the given shape, which must agree with what the builder knows.
func (b Builder) Output(v Value, shape ...Dim) {
	if v.Shape != nil && !fits(v.Shape, shape) {
		b.fail("output %q is %s, want %s", v.Name, v.Describe(), Value{Shape: shape}.Describe())
	}
	b.model.Graph.Outputs = append(b.model.Graph.Outputs, Value{Name: v.Name, Type: v.Type, Shape: shape})
}

// fits reports whether two shapes may belong to the same value.
func fits(a, b []Dim) bool {
	return slices.EqualFunc(a, b, func(a, b Dim) bool { return a.Size <= 0 || b.Size <= 0 || a.Size == b.Size })
}

// Constant adds a tensor. Its bytes may be computed when the model is written.
func (b Builder) Constant(t *Tensor) Value {
	if t.Name == "" {
		t.Name = b.take("constant")
	} else {
		b.At(t.Name).take("")
	}
	v := Value{Name: t.Name, Type: t.Type, Shape: sizes(t.Dims)}
	if b.err == nil {
		b.model.Graph.Initializers = append(b.model.Graph.Initializers, t)
	}
	return v
}

func sizes(dims []int64) []Dim {
	shape := make([]Dim, len(dims))
	for i, d := range dims {
		shape[i].Size = d
	}
	return shape
}

// Floats is a float32 constant, one-dimensional if no dims are given.
func (b Builder) Floats(x []float32, dims ...int64) Value {
	if len(dims) == 0 {
		dims = []int64{int64(len(x))}
	}
	return b.data(Float32, Floats(x), dims...)
}

// Float is a float32 scalar.
func (b Builder) Float(x float32) Value { return b.data(Float32, Floats([]float32{x})) }

// Double is a float64 scalar.
func (b Builder) Double(x float64) Value { return b.data(Float64, words(int64(math.Float64bits(x)))) }

// Integer is an int64 scalar.
func (b Builder) Integer(x int64) Value { return b.data(Int64, words(x)) }

// Row is a constant vector of int64.
func (b Builder) Row(x ...int64) Value { return b.data(Int64, words(x...), int64(len(x))) }

// Byte is a scalar of uint8.
func (b Builder) Byte(x byte) Value { return b.data(Uint8, []byte{x}) }

// data is a constant whose bytes are in memory. Equal small constants without a given name are added once.
func (b Builder) data(kind DataType, data []byte, dims ...int64) Value {
	t := Constant(b.name, kind, data, dims...)
	if n, err := t.Bytes(); err != nil || n != int64(len(data)) {
		return b.fail("a constant of shape %v has %d bytes", dims, len(data))
	}
	const small = 64
	if b.name != "" || len(data) > small {
		return b.Constant(t)
	}
	content := fmt.Sprint(kind, dims, data)
	if v, ok := b.constants[content]; ok {
		return v
	}
	v := b.Constant(t)
	b.constants[content] = v
	return v
}

func words(x ...int64) []byte {
	b := make([]byte, 0, 8*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}

// append adds an operation with one result.
func (b Builder) append(op string, kind DataType, shape []Dim, inputs []Value, attributes ...Attribute) Value {
	name := b.take(op)
	names := make([]string, len(inputs))
	for i, v := range inputs {
		names[i] = v.Name
	}
	b.node(&Node{Name: name, Op: op, Inputs: names, Outputs: []string{name}, Attributes: attributes})
	return Value{Name: name, Type: kind, Shape: shape}
}

// node adds an operation under its name, unless another one has that name: values and operations have separate names.
func (b Builder) node(n *Node) {
	for b.nodes[n.Name] {
		b.made++
		n.Name = fmt.Sprintf("%s%s_%d", b.prefix, n.Op, b.made)
	}
	b.nodes[n.Name] = true
	for _, name := range n.Inputs {
		if !b.taken[name] {
			b.fail("%s %q takes %q, which the graph does not have", n.Op, n.Name, name)
		}
	}
	if b.err == nil {
		b.model.Graph.Nodes = append(b.model.Graph.Nodes, n)
	}
}

// First runs add and moves the operations that it appends before all others.
func (b Builder) First(add func()) {
	g := b.model.Graph
	before := len(g.Nodes)
	add()
	g.Nodes = slices.Concat(g.Nodes[before:], g.Nodes[:before])
}

// Free renames a value of the graph to a generated name, wherever it is computed or used, also in nested graphs, so that its own name can be given to something
// else. It returns the new name, or an unused one if the graph has no such value.
func (b Builder) Free(name string) string {
	to := b.At("").take("value")
	delete(b.taken, name)
	rename := func(names []string) {
		for i := range names {
			if names[i] == name {
				names[i] = to
			}
		}
	}
	g := b.model.Graph
	for _, n := range g.Nodes {
		rename(n.Inputs)
		rename(n.Outputs)
		if b.err == nil {
			n.renameNested(name, to)
		}
	}
	for _, t := range g.Initializers {
		if t.Name == name {
			t.Name = to
		}
	}
	for _, values := range [][]Value{g.Inputs, g.Outputs} {
		for i := range values {
			if values[i].Name == name {
				values[i].Name = to
			}
		}
	}
	return to
}
