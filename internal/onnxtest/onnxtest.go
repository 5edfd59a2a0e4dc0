package onnxtest

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
)

// Dims are the dimensions of an input or output; −1 is a free dimension.
type Dims []int64

// Element types of ONNX.
const (
	Float32 = 1
	Int64   = 7
)

// Model describes a model with one input. Its outputs are computed from the input: each is the mean over cells of Cell×Cell pixels,
// flattened to N×D unless it is Raw.
type Model struct {
	Input   Dims
	Type    uint64 // type of the input; 0: Float32
	Cell    int64  // 0: 8
	Outputs []Output
	Inputs  int // number of inputs; 0: 1; further ones are called extra

	// Scale names a file of external data, beside the model, with the float32 factors of the features, one for each; "": none.
	Scale string

	Random  bool // add random numbers to the features, which are others in each run; without Scale and Common
	Endless bool // loop without end over a batch whose pixels sum to more than EndlessSum

	Single bool // reshape the features to those of one image, so that several fail, though any number is declared; without Scale, Random and Common

	Common bool // divide features by the largest one in the batch, so that images of a batch affect each other; without Scale

	Slight bool // add 1e-5 times the mean feature of the batch: the images affect each other, but hardly; without Scale, Random and Common

	// Branches multiplies the features by a matrix (see Matrix), and adds the product that the branches of an If compute once more, from the
	// input and the matrix of the graph around them; without Scale, Random and Common.
	Branches bool
}

// Matrix is the matrix of n×n numbers, row-major, by which a Model with Branches multiplies n features.
func Matrix(n int) []float32 {
	x := make([]float32, n*n)
	for i := range x {
		x[i] = float32(i*31%17)/16 - 0.5
	}
	return x
}

// EndlessSum is the sum of pixels above which a Model that is Endless does not end.
const EndlessSum = 1e6

// Output is one output of a Model.
type Output struct {
	Name string
	Raw  bool // not flattened: N×3×H×W, as pooled
	Free bool // its dimensions are not declared
}

// Pooling is a valid model for images of size×size pixels: the features are the colours of cell×cell cells.
func Pooling(size, cell int64) Model {
	return Model{Input: Dims{-1, 3, size, size}, Cell: cell, Outputs: []Output{{Name: "features"}}}
}

// Write writes the model to a file in the test's folder and returns its name.
func (m Model) Write(t testing.TB) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "model.onnx")
	if err := os.WriteFile(name, m.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Encode returns the model's bytes.
func (m Model) Encode() []byte {
	if m.Cell == 0 {
		m.Cell = 8
	}
	if m.Type == 0 {
		m.Type = Float32
	}
	var graph []byte
	pixels := "pixels"
	if m.Endless {
		graph, pixels = m.loop(graph), "looped"
	}
	for _, out := range m.Outputs {
		graph = m.output(graph, pixels, out)
	}
	if m.Scale != "" {
		graph = message(graph, 5, External("scale", m.Scale, 3*(m.Input[2]/m.Cell)*(m.Input[3]/m.Cell)))
	}
	if m.Single {
		shape := text(number(number(nil, 1, 2), 2, Int64), 8, "shape")
		shape = protowire.AppendBytes(protowire.AppendTag(shape, 9, protowire.BytesType),
			binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, 1), uint64(3*(m.Input[2]/m.Cell)*(m.Input[3]/m.Cell))))
		graph = message(graph, 5, shape)
	}
	graph = text(graph, 2, "test")
	graph = message(graph, 11, value("pixels", m.Type, m.Input))
	for range m.Inputs - 1 {
		graph = message(graph, 11, value("extra", m.Type, m.Input))
	}
	for _, out := range m.Outputs {
		graph = message(graph, 12, value(out.Name, m.Type, m.dims(out)))
	}
	model := number(nil, 1, 8)                                 // ir_version
	model = message(model, 8, number(text(nil, 1, ""), 2, 17)) // opset
	return message(model, 7, graph)
}

// output adds the nodes that compute an output from the pixels.
func (m Model) output(graph []byte, pixels string, out Output) []byte {
	pooled := out.Name
	if !out.Raw {
		pooled += "/pooled"
	}
	graph = message(graph, 1, node("AveragePool", pixels, pooled, ints("kernel_shape", m.Cell, m.Cell), ints("strides", m.Cell, m.Cell)))
	if out.Raw {
		return graph
	}
	if m.Single {
		return message(graph, 1, text(node("Reshape", pooled, out.Name), 1, "shape"))
	}
	flat := out.Name
	if m.Scale != "" || m.Common || m.Random || m.Slight || m.Branches {
		flat += "/flat"
	}
	graph = message(graph, 1, node("Flatten", pooled, flat, integer("axis", 1)))
	if m.Scale != "" {
		graph = message(graph, 1, text(node("Mul", flat, out.Name), 1, "scale"))
	}
	if m.Random {
		graph = message(graph, 1, node("RandomNormalLike", flat, out.Name+"/noise"))
		graph = message(graph, 1, text(node("Add", flat, out.Name), 1, out.Name+"/noise"))
	}
	if m.Common {
		largest := out.Name + "/largest"
		graph = message(graph, 1, node("ReduceMax", flat, largest, integer("keepdims", 0)))
		graph = message(graph, 1, text(node("Div", flat, out.Name), 1, largest))
	}
	if m.Slight {
		graph = m.slight(graph, flat, out.Name)
	}
	if m.Branches {
		graph = m.branches(graph, flat, out.Name)
	}
	return graph
}

// loop adds a loop that copies the pixels while its condition holds, which does not change.
func (m Model) loop(graph []byte) []byte {
	const boolean = 9
	limit := text(number(nil, 2, Float32), 8, "limit")
	limit = protowire.AppendBytes(protowire.AppendTag(limit, 9, protowire.BytesType), binary.LittleEndian.AppendUint32(nil, math.Float32bits(EndlessSum)))
	graph = message(graph, 5, limit)
	graph = message(graph, 1, node("ReduceSum", "pixels", "sum", integer("keepdims", 0)))
	graph = message(graph, 1, text(node("Greater", "sum", "endless"), 1, "limit"))
	body := message(nil, 1, node("Identity", "more", "more/next"))
	body = text(message(body, 1, node("Identity", "copy", "copy/next")), 2, "body")
	body = message(message(body, 11, value("step", Int64, nil)), 11, value("more", boolean, nil))
	body = message(body, 11, value("copy", m.Type, m.Input))
	body = message(message(body, 12, value("more/next", boolean, nil)), 12, value("copy/next", m.Type, m.Input))
	attribute := number(message(text(nil, 1, "body"), 6, body), 20, 5)
	loop := node("Loop", "", "looped", attribute) // without a number of steps
	return message(graph, 1, text(text(loop, 1, "endless"), 1, "pixels"))
}

// slight adds a small part of the mean of flat features to each of them.
func (m Model) slight(graph []byte, flat, out string) []byte {
	part := text(number(nil, 2, Float32), 8, out+"/part")
	part = protowire.AppendBytes(protowire.AppendTag(part, 9, protowire.BytesType), binary.LittleEndian.AppendUint32(nil, math.Float32bits(1e-5)))
	graph = message(graph, 5, part)
	graph = message(graph, 1, node("ReduceMean", flat, out+"/mean", integer("keepdims", 0)))
	graph = message(graph, 1, text(node("Mul", out+"/mean", out+"/little"), 1, out+"/part"))
	return message(graph, 1, text(node("Add", flat, out), 1, out+"/little"))
}

// branches adds the product of flat features with a matrix to the same product from an If, whose branches differ in names only.
func (m Model) branches(graph []byte, flat, out string) []byte {
	n := m.dims(Output{})[1]
	matrix := text(number(number(number(nil, 1, uint64(n)), 1, uint64(n)), 2, Float32), 8, "matrix")
	var numbers []byte
	for _, v := range Matrix(int(n)) {
		numbers = binary.LittleEndian.AppendUint32(numbers, math.Float32bits(v))
	}
	graph = message(graph, 5, protowire.AppendBytes(protowire.AppendTag(matrix, 9, protowire.BytesType), numbers))
	branch := func(name string) []byte {
		pool := node("AveragePool", "pixels", name+"/pooled", ints("kernel_shape", m.Cell, m.Cell), ints("strides", m.Cell, m.Cell))
		b := message(nil, 1, pool)
		b = message(b, 1, node("Flatten", name+"/pooled", name+"/flat", integer("axis", 1)))
		b = message(b, 1, text(node("MatMul", name+"/flat", name+"/product"), 1, "matrix"))
		b = message(text(b, 2, name), 12, value(name+"/product", Float32, Dims{m.Input[0], n}))
		return number(message(text(nil, 1, name), 6, b), 20, 5)
	}
	graph = message(graph, 1, text(node("MatMul", flat, "product"), 1, "matrix"))
	graph = message(graph, 1, node("ReduceSum", "product", "sum", integer("keepdims", 0)))
	graph = message(graph, 1, text(node("Less", "sum", "below"), 1, "sum"))
	graph = message(graph, 1, node("If", "below", "chosen", branch("then_branch"), branch("else_branch")))
	return message(graph, 1, text(node("Add", "product", out), 1, "chosen"))
}

// External is a tensor of n float32 at the beginning of a file of external data, as a message.
func External(name, location string, n int64) []byte {
	t := text(number(number(nil, 1, uint64(n)), 2, Float32), 8, name)
	for _, entry := range [][2]string{{"location", location}, {"offset", "0"}, {"length", fmt.Sprint(4 * n)}} {
		t = message(t, 13, text(text(nil, 1, entry[0]), 2, entry[1]))
	}
	return number(t, 14, 1)
}

// dims are the declared dimensions of an output.
func (m Model) dims(out Output) Dims {
	if len(m.Input) != 4 {
		return m.Input
	}
	h, w := m.Input[2]/m.Cell, m.Input[3]/m.Cell
	switch {
	case out.Raw:
		return Dims{m.Input[0], 3, h, w}
	case out.Free:
		return Dims{m.Input[0], -1}
	}
	return Dims{m.Input[0], 3 * h * w}
}

func node(op, input, output string, attributes ...[]byte) []byte {
	b := text(text(text(nil, 1, input), 2, output), 4, op)
	for _, a := range attributes {
		b = message(b, 5, a)
	}
	return b
}

func integer(name string, v int64) []byte {
	return number(number(text(nil, 1, name), 3, uint64(v)), 20, 2)
}

func ints(name string, values ...int64) []byte {
	b := text(nil, 1, name)
	for _, v := range values {
		b = number(b, 8, uint64(v))
	}
	return number(b, 20, 7)
}

func value(name string, dtype uint64, dims Dims) []byte {
	var shape []byte
	for _, d := range dims {
		dim := text(nil, 2, "n")
		if d >= 0 {
			dim = number(nil, 1, uint64(d))
		}
		shape = message(shape, 1, dim)
	}
	tensor := message(number(nil, 1, dtype), 2, shape)
	return message(text(nil, 1, name), 2, message(nil, 1, tensor))
}

func number(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func text(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func message(b []byte, field protowire.Number, m []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), m)
}
