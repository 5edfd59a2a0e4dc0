package onnx

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// started is a builder with an input x, batch×3×4, and i, int64.
func started(opset int64) (b Builder, x, i Value) {
	m := &Model{IRVersion: 8, Opsets: map[string]int64{"": opset}, Graph: &Graph{Name: "g"}}
	b = NewBuilder(m, "made/")
	return b, b.Input("x", Float32, Dim{Name: "batch"}, Dim{Size: 3}, Dim{Size: 4}), b.Input("i", Int64, Dim{Size: 2})
}

// An operation that does not fit becomes the builder's error, which names operation and values, and nothing is appended after it.
func TestBuilderRefuses(t *testing.T) {
	for _, c := range []struct {
		name, want string
		call       func(b Builder, x, i Value)
	}{
		{"element types", `Add of "x" and "i": element types 1 and 7`, func(b Builder, x, i Value) { b.Add(x, i) }},
		{"sizes of pairs", `Mul of "x", [batch 3 4], and "made/constant_1", [5]`, func(b Builder, x, i Value) { b.Mul(x, b.Floats(make([]float32, 5))) }},
		{"a comparison of types", `Less of "x" and "i"`, func(b Builder, x, i Value) { b.Less(x, i) }},
		{"a condition that is not one", `Where of "x"`, func(b Builder, x, i Value) { b.Where(x, x, x) }},
		{"the inner sizes of a product", `MatMul of "x", [batch 3 4], and "made/constant_1", [3 2]`, func(b Builder, x, i Value) { b.MatMul(x, b.Floats(make([]float32, 6), 3, 2)) }},
		{"a product with a row", `MatMul of "x"`, func(b Builder, x, i Value) { b.MatMul(x, b.Floats(make([]float32, 4))) }},
		{"a product of integers that are floats", `MatMulInteger of "x"`, func(b Builder, x, i Value) { b.MatMulInteger(x, x, b.Byte(1)) }},
		{"a linear layer of three dimensions", `Gemm of "x"`, func(b Builder, x, i Value) {
			b.Linear(x, b.Floats(make([]float32, 8), 2, 4), b.Floats(make([]float32, 2)))
		}},
		{"a norm of another width", `LayerNormalization of "x"`, func(b Builder, x, i Value) {
			b.LayerNorm(x, b.Floats(make([]float32, 3)), b.Floats(make([]float32, 3)), 1e-6)
		}},
		{"patches of three dimensions", `Conv of "x"`, func(b Builder, x, i Value) {
			b.Patches(x, b.Floats(make([]float32, 8), 2, 1, 2, 2), b.Floats(make([]float32, 2)))
		}},
		{"an order that leaves one out", `Transpose of "x", [batch 3 4], to the order [0 1 1]`, func(b Builder, x, i Value) { b.Transpose(x, 0, 1, 1) }},
		{"an order of fewer", `Transpose of "x"`, func(b Builder, x, i Value) { b.Transpose(x, 1, 0) }},
		{"a shape of other elements", `Reshape of "x", [batch 3 4], to [0 3 5]`, func(b Builder, x, i Value) { b.Reshape(x, 0, 3, 5) }},
		{"a shape that does not divide", `Reshape of "x", [batch 3 4], to [0 5 -1]`, func(b Builder, x, i Value) { b.Reshape(x, 0, 5, -1) }},
		{"two sizes left open", `Reshape of "x"`, func(b Builder, x, i Value) { b.Reshape(x, -1, -1) }},
		{"a kept size that does not exist", `Reshape of "x"`, func(b Builder, x, i Value) { b.Reshape(x, 0, 3, 4, 0) }},
		{"an index beyond", `Gather of "x", [batch 3 4]: index 3 of dimension 1`, func(b Builder, x, i Value) { b.Gather(x, 1, 3) }},
		{"a dimension beyond", `Slice of "x", [batch 3 4], in dimension 3`, func(b Builder, x, i Value) { b.Slice(x, 3, 0, 1) }},
		{"a slice of nothing", `nothing from 4 to 9`, func(b Builder, x, i Value) { b.Slice(x, 2, 4, 9) }},
		{"halves of three", `Split of`, func(b Builder, x, i Value) { b.Halves(b.Gather(x, 2, 0)) }},
		{"tensors of different sides", `Concat of "x", [batch 3 4], and`, func(b Builder, x, i Value) { b.Concat(1, x, b.Transpose(x, 0, 2, 1)) }},
		{"tensors of different types", `Concat of "x" and "i"`, func(b Builder, x, i Value) { b.Concat(0, x, i) }},
		{"padding of an unknown size", `Pad of "x"`, func(b Builder, x, i Value) { b.PadBefore(x, 0, 1) }},
		{"a range of two types", `Range of "i"`, func(b Builder, x, i Value) { b.Range(i, b.Float(1), b.Float(1)) }},
		{"a mean along nothing", `ReduceMean of "x", [batch 3 4], along dimension -4`, func(b Builder, x, i Value) { b.Mean(x, -4, true) }},
		{"scales in a matrix", `QuantizeLinear of "x"`, func(b Builder, x, i Value) { b.Quantize(x, x, x, 0) }},
		{"a constant of another size", `a constant of shape [2 2] has 12 bytes`, func(b Builder, x, i Value) { b.Floats(make([]float32, 3), 2, 2) }},
		{"a name twice", `two values are called "x"`, func(b Builder, x, i Value) { b.At("x").Abs(x) }},
		{"a name of nothing", `the graph has no value "y"`, func(b Builder, x, i Value) { b.Known("y", Float32) }},
		{"replacing nothing", `the graph has no value "y" to be replaced`, func(b Builder, x, i Value) { b.Replacing("y").Abs(x) }},
		{"a value of another graph", `Abs "made/Abs_1" takes "z", which the graph does not have`, func(b Builder, x, i Value) { b.Abs(Value{Name: "z", Type: Float32}) }},
		{"an output of another rank", `output "x" is [batch 3 4], want [batch 12]`, func(b Builder, x, i Value) { b.Output(x, Dim{Name: "batch"}, Dim{Size: 12}) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, x, i := started(17)
			c.call(b, x, i)
			if b.Err() == nil || !strings.Contains(b.Err().Error(), c.want) {
				t.Fatalf("error %v, want %q", b.Err(), c.want)
			}
			first, nodes := b.Err(), len(b.model.Graph.Nodes)
			b.Add(b.Abs(x), i)
			if b.Err() != first || len(b.model.Graph.Nodes) != nodes {
				t.Errorf("continued to %d operations from %d, error %v", len(b.model.Graph.Nodes), nodes, b.Err())
			}
		})
	}
}

// What is known about the shapes of results.
func TestBuilderKnowsShapes(t *testing.T) {
	b, x, _ := started(17)
	unknown := b.Cast(b.ReshapeTo(x, b.Shape(x)), Float32)
	first, second := b.Halves(x)
	for _, c := range []struct {
		name string
		got  Value
		want string
	}{
		{"pairs", b.Add(x, b.Floats(make([]float32, 12), 3, 4)), "[batch 3 4]"},
		{"a wider partner", b.Add(b.Float(1), x), "[batch 3 4]"},
		{"an unknown partner", b.Add(x, unknown), "of unknown shape"},
		{"a product", b.MatMul(x, b.Floats(make([]float32, 20), 4, 5)), "[batch 3 5]"},
		{"a product of batches", b.MatMul(x, b.Transpose(x, 0, 2, 1)), "[batch 3 3]"},
		{"elements in a row", b.Reshape(x, 0, -1), "[batch 12]"},
		{"rows", b.Reshape(x, -1, 12), "[batch 12]"},
		{"rows of another length", b.Reshape(x, -1, 4), "[? 4]"},
		{"a slice to the end", b.Slice(x, 1, 1, 1<<62), "[batch 2 4]"},
		{"a slice without the last", b.Slice(x, -1, 0, -1), "[batch 3 3]"},
		{"an index", b.Gather(x, 1, 0), "[batch 4]"},
		{"a half", first, "[batch 3 2]"},
		{"halves side by side", b.Concat(-1, second, first), "[batch 3 4]"},
		{"padding", b.PadBefore(x, 1, 2), "[batch 5 4]"},
		{"a mean", b.Mean(x, 1, false), "[batch 4]"},
		{"a largest entry, kept", b.Maximum(x, -1, true), "[batch 3 1]"},
		{"a shape", b.Shape(x), "[3]"},
		{"of the unknown", b.Reshape(unknown, 0, 7), "[? 7]"},
	} {
		if b.Err() != nil {
			t.Fatal(b.Err())
		}
		if got := c.got.Describe(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Generated names are unique, small constants are added once, and the result is a valid model.
func TestBuilderNames(t *testing.T) {
	m := sample()
	m.Graph.Nodes[0].Outputs = append(m.Graph.Nodes[0].Outputs, "made/Abs_1")
	b := NewBuilder(m, "made/")
	x := b.Known("w", Float32)
	if y := b.Abs(x); y.Name != "made/Abs_2" {
		t.Errorf("called %q", y.Name)
	}
	if one, again := b.Float(1), b.Float(1); one.Name != again.Name {
		t.Errorf("one number gives two constants, %q and %q", one.Name, again.Name)
	}
	if f, i := b.Double(0), b.Integer(0); f.Name == i.Name {
		t.Errorf("%q has two types", f.Name)
	}
	to := b.Free("y") // the output, and the operation that computes it
	if m.Graph.Outputs[0].Name != to || m.Graph.Nodes[0].Outputs[0] != to {
		t.Errorf("%q still occurs: %+v", to, m.Graph)
	}
	b.First(func() { b.At("y").Identity(x) })
	b.At("n").Identity(x) // the name of the sample's operation
	if b.Err() != nil || m.Graph.Nodes[0].Outputs[0] != "y" {
		t.Errorf("error %v, first %+v", b.Err(), m.Graph.Nodes[0])
	}
	called := map[string]bool{}
	for _, n := range m.Graph.Nodes {
		if called[n.Name] {
			t.Errorf("two operations are called %q", n.Name)
		}
		called[n.Name] = true
	}
	var written bytes.Buffer
	if err := Write(&written, m); err != nil {
		t.Fatal(err)
	}
	read, err := Parse(written.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, read, m)
}

// In one operation, before the others, the dimension of a reduction moved from an attribute to an input.
func TestBuilderWritesForTheOperatorSet(t *testing.T) {
	for opset, want := range map[int64][]int{12: {1, 1, 1}, 13: {2, 1, 1}, 18: {2, 2, 2}} {
		b, x, _ := started(opset)
		b.Sum(x, 1, true)
		b.Mean(x, 1, true)
		b.Maximum(x, 1, true)
		var got []int
		for _, n := range b.model.Graph.Nodes {
			got = append(got, len(n.Inputs))
		}
		if !slices.Equal(got, want) || b.Err() != nil {
			t.Errorf("operator set %d: %v inputs, want %v; %v", opset, got, want, b.Err())
		}
	}
}
