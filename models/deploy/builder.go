package deploy

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"iconic/models/onnx"
)

// builder adds nodes to a graph, with names of their own.
type builder struct {
	graph *onnx.Graph
	opset int64
	n     int
}

// prefix of all names that a builder makes up.
const prefix = "iconic/"

func (b *builder) fresh(what string) string {
	b.n++
	return fmt.Sprintf("%s%s_%d", prefix, what, b.n)
}

// own moves a value to a name of the builder's, if the graph has it, and gives the name.
func (b *builder) own(name string) string {
	to := b.fresh("encoder")
	b.rename(name, to)
	return to
}

// rename gives a value of the graph another name, wherever it is made or used.
func (b *builder) rename(from, to string) {
	change := func(names []string) {
		for i, name := range names {
			if name == from {
				names[i] = to
			}
		}
	}
	for _, n := range b.graph.Nodes {
		change(n.Inputs)
		change(n.Outputs)
	}
	for _, t := range b.graph.Initializers {
		if t.Name == from {
			t.Name = to
		}
	}
	for _, values := range [][]onnx.Value{b.graph.Inputs, b.graph.Outputs} {
		for i := range values {
			if values[i].Name == from {
				values[i].Name = to
			}
		}
	}
}

// add appends a node whose output is called name.
func (b *builder) add(name, op string, attributes []onnx.Attribute, inputs ...string) {
	b.graph.Nodes = append(b.graph.Nodes, &onnx.Node{Name: b.fresh(op), Op: op, Inputs: inputs, Outputs: []string{name}, Attributes: attributes})
}

func (b *builder) to(name, op string, inputs ...string) { b.add(name, op, nil, inputs...) }

// attributed appends a node and gives the name of its output.
func (b *builder) attributed(op string, attributes []onnx.Attribute, inputs ...string) string {
	name := b.fresh(op)
	b.add(name, op, attributes, inputs...)
	return name
}

func (b *builder) op(op string, inputs ...string) string { return b.attributed(op, nil, inputs...) }

// first runs add and brings the nodes that it appended before all others.
func (b *builder) first(add func()) {
	before := len(b.graph.Nodes)
	add()
	b.graph.Nodes = slices.Concat(b.graph.Nodes[before:], b.graph.Nodes[:before])
}

func (b *builder) constant(kind onnx.DataType, data []byte, dims ...int64) string {
	name := b.fresh("constant")
	b.graph.Initializers = append(b.graph.Initializers, onnx.Constant(name, kind, data, dims...))
	return name
}

// floats is a constant of float32; without dims, of one dimension.
func (b *builder) floats(x []float32, dims ...int64) string {
	if len(dims) == 0 {
		dims = []int64{int64(len(x))}
	}
	return b.constant(onnx.Float32, onnx.Floats(x), dims...)
}

// ints is a row of int64.
func (b *builder) ints(x ...int64) string {
	var data []byte
	for _, v := range x {
		data = binary.LittleEndian.AppendUint64(data, uint64(v))
	}
	return b.constant(onnx.Int64, data, int64(len(x)))
}

// number is a scalar of float64.
func (b *builder) number(x float64) string {
	return b.constant(onnx.Float64, binary.LittleEndian.AppendUint64(nil, math.Float64bits(x)))
}

// cast turns numbers into another type.
func (b *builder) cast(x string, to onnx.DataType) string {
	return b.attributed("Cast", []onnx.Attribute{onnx.Int("to", int64(to))}, x)
}

// sum adds along an axis, which stays with length 1.
func (b *builder) sum(x string, axis int64) string {
	if b.opset >= 13 { // where axes became an input
		return b.op("ReduceSum", x, b.ints(axis))
	}
	return b.attributed("ReduceSum", []onnx.Attribute{onnx.Ints("axes", axis)}, x)
}
