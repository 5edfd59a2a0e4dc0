package models

import (
	"encoding/binary"
	"fmt"
	"math"

	"iconic/models/onnx"
	"iconic/models/vit"
)

// AsIs takes what an ONNX file puts out for features, one row an image, where the file does not say that it is.
const AsIs vit.Output = "as-is"

// chooseOutput leaves a given model with one output of one row an image, and tells whether it had to change. A
// model that puts out tokens, batch×tokens×width with the class token first, gets nodes that choose among them.
func chooseOutput(m *onnx.Model, output vit.Output) (changed bool, err error) {
	g := m.Graph
	if len(g.Outputs) == 0 {
		return false, fmt.Errorf("the model has no output")
	}
	if len(g.Outputs) > 1 { // tokens and a pooled row, as exporters like to write
		g.Outputs = g.Outputs[:1]
		changed = true
	}
	out := &g.Outputs[0]
	if out.Type != onnx.Float32 {
		return false, fmt.Errorf("output %q is not float32", out.Name)
	}
	rank := len(out.Shape)
	if out.Shape == nil {
		rank = -1
	}
	switch output {
	case "", AsIs:
		switch {
		case rank == 2, rank == -1 && output == AsIs:
			return changed, nil
		case rank == 3:
			return false, fmt.Errorf("output %q is %s, tokens of an image: say with --output which to take: %s, %s or %s", out.Name, out.Describe(), vit.CLS, vit.Patch, vit.Both)
		case rank == -1:
			return false, fmt.Errorf("output %q is of unknown shape: say with --output what it is: %s (one row an image), or %s, %s or %s of tokens", out.Name, AsIs, vit.CLS, vit.Patch, vit.Both)
		}
	case vit.CLS, vit.Patch, vit.Both:
		switch rank {
		case 3, -1:
			fromTokens(m, out, output)
			return true, nil
		case 2:
			if output == vit.CLS {
				return changed, nil
			}
			return false, fmt.Errorf("output %q is %s, one row an image: there are no patch tokens to take; leave --output out", out.Name, out.Describe())
		}
	default:
		return false, fmt.Errorf("output %q: want %s, %s, %s or %s", output, vit.CLS, vit.Patch, vit.Both, AsIs)
	}
	return false, fmt.Errorf("output %q is %s, want batch×features or batch×tokens×width", out.Name, out.Describe())
}

// fromTokens appends the choice to the graph.
func fromTokens(m *onnx.Model, out *onnx.Value, output vit.Output) {
	g, tokens := m.Graph, out.Name
	width := onnx.Dim{}
	batch := onnx.Dim{Name: "batch"}
	if out.Shape != nil {
		batch, width = out.Shape[0], out.Shape[2]
	}
	ints := func(name string, v int64, dims ...int64) string {
		g.Initializers = append(g.Initializers, onnx.Constant(name, onnx.Int64, binary.LittleEndian.AppendUint64(nil, uint64(v)), dims...))
		return name
	}
	node := func(name, op string, inputs []string, attributes ...onnx.Attribute) string {
		g.Nodes = append(g.Nodes, &onnx.Node{Name: name, Op: op, Inputs: inputs, Outputs: []string{name}, Attributes: attributes})
		return name
	}
	var class, mean string
	if output != vit.Patch {
		class = node("chosen/class", "Gather", []string{tokens, ints("chosen/zero", 0)}, onnx.Int("axis", 1))
	}
	if output != vit.CLS {
		patches := node("chosen/patches", "Slice", []string{tokens, ints("chosen/from", 1, 1), ints("chosen/to", math.MaxInt64, 1), ints("chosen/axis", 1, 1)})
		if m.Opsets[""] >= 18 { // where axes became an input
			mean = node("chosen/mean", "ReduceMean", []string{patches, "chosen/axis"}, onnx.Int("keepdims", 0))
		} else {
			mean = node("chosen/mean", "ReduceMean", []string{patches}, onnx.Ints("axes", 1), onnx.Int("keepdims", 0))
		}
	}
	name := class + mean
	if output == vit.Both {
		name = node("chosen/both", "Concat", []string{class, mean}, onnx.Int("axis", 1))
		width = onnx.Dim{Size: 2 * width.Size}
	}
	*out = onnx.Value{Name: name, Type: onnx.Float32, Shape: []onnx.Dim{batch, width}}
}
