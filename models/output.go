package models

import (
	"fmt"
	"math"

	"iconic/models/onnx"
	"iconic/models/vit"
	"iconic/option"
)

// AsIs uses the output of an ONNX file as features, one row per image, even if the file does not declare its shape.
const AsIs vit.Output = "as-is"

// chooseOutput reduces a given model to one output with one row per image, and reports whether the model was changed. A model that outputs
// tokens, batch×tokens×width with the class token first, gets nodes that select among them.
func chooseOutput(m *onnx.Model, output vit.Output) (changed bool, err error) {
	g := m.Graph
	if len(g.Outputs) == 0 {
		return false, fmt.Errorf("the model has no output")
	}
	if len(g.Outputs) > 1 { // tokens and a pooled row, as many exporters write
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
			return false, option.Errorf("Output", "output %q is %s, tokens of an image: choose %s, %s or %s", out.Name, out.Describe(), vit.CLS, vit.Patch, vit.Both)
		case rank == -1:
			return false, option.Errorf("Output", "output %q has an unknown shape: choose %s (one row per image), or %s, %s or %s of tokens", out.Name, AsIs, vit.CLS, vit.Patch, vit.Both)
		}
	case vit.CLS, vit.Patch, vit.Both:
		switch rank {
		case 3, -1:
			return true, fromTokens(m, output)
		case 2:
			if output == vit.CLS {
				return changed, nil
			}
			return false, option.Errorf("Output", "output %q is %s, one row per image: there are no patch tokens to take", out.Name, out.Describe())
		}
	default:
		return false, fmt.Errorf("output %q: want %s, %s, %s or %s", output, vit.CLS, vit.Patch, vit.Both, AsIs)
	}
	return false, fmt.Errorf("output %q is %s, want batch×features or batch×tokens×width", out.Name, out.Describe())
}

// fromTokens appends the selection to the graph.
func fromTokens(m *onnx.Model, output vit.Output) error {
	b := onnx.NewBuilder(m, "chosen/")
	tokens := m.Graph.Outputs[0]
	batch, width := onnx.Dim{Name: "batch"}, onnx.Dim{}
	if tokens.Shape != nil {
		batch, width = tokens.Shape[0], tokens.Shape[2]
	}
	class := func() onnx.Value { return b.Gather(tokens, 1, 0) }
	mean := func() onnx.Value { return b.Mean(b.Slice(tokens, 1, 1, math.MaxInt64), 1, false) }
	m.Graph.Outputs = nil
	switch output {
	case vit.CLS:
		b.Output(class(), batch, width)
	case vit.Patch:
		b.Output(mean(), batch, width)
	case vit.Both:
		b.Output(b.Concat(1, class(), mean()), batch, onnx.Dim{Size: 2 * width.Size})
	}
	return b.Err()
}
