package models

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"iconic/models/deploy"
	"iconic/models/onnx"
	"iconic/models/vit"
	"iconic/option"
)

// AsIs uses the output of an ONNX file as features, one row per image, even if the file does not declare its shape.
const AsIs vit.Output = "as-is"

// chosen is what chooseOutput made of a request.
type chosen struct {
	output  vit.Output // the same request, so that it names what was found for the user
	changed bool       // whether the model was changed
	note    string     // what was found for the user; "": nothing
}

// chooseOutput reduces a given model to one output with one row per image. Of several outputs the request names one, alone or with the part
// to take of tokens, such as last_hidden_state:cls; otherwise the only one that the request fits is taken. A model that outputs tokens,
// batch×tokens×width with the class token first, gets nodes that select among them.
func chooseOutput(m *onnx.Model, request vit.Output) (c chosen, err error) {
	g := m.Graph
	if len(g.Outputs) == 0 {
		return c, fmt.Errorf("the model has no output")
	}
	at, part, named := namedOutput(g, request)
	c.output = request
	switch {
	case named && isPart(request) && len(g.Outputs) > 1: // an output that happens to be called cls
		c.output = request + ":" + part
	case named:
	case !isPart(request):
		return c, option.Errorf("Output", "it has no output %q, only %s: want one of them, or %s, %s, %s or %s", request, listed(g.Outputs), vit.CLS, vit.Patch, vit.Both, AsIs)
	case len(g.Outputs) > 1:
		if at, err = onlyFitting(m, request); err != nil {
			return c, err
		}
		c.output = inFull(g.Outputs[at], request)
		c.note = fmt.Sprintf("%d outputs, %s: using %s", len(g.Outputs), listed(g.Outputs), c.output)
	}
	several := len(g.Outputs) > 1
	g.Outputs = g.Outputs[at : at+1]
	reduced, err := reduce(m, part, several)
	c.changed = several || reduced
	return c, err
}

// isPart reports whether a request says what to take of an output, not which one.
func isPart(o vit.Output) bool {
	return o == "" || o == AsIs || o == vit.CLS || o == vit.Patch || o == vit.Both
}

// namedOutput finds the output that a request names, and what to take of it. Unless ok, part is the whole request, and the output is the first.
func namedOutput(g *onnx.Graph, request vit.Output) (at int, part vit.Output, ok bool) {
	index := func(name vit.Output) int {
		return slices.IndexFunc(g.Outputs, func(v onnx.Value) bool { return v.Name == string(name) })
	}
	if at := index(request); request != "" && at >= 0 {
		if isPart(request) && (len(g.Outputs) == 1 || rank(g.Outputs[at]) == 3) {
			return at, request, true
		}
		return at, AsIs, true
	}
	if colon := strings.LastIndexByte(string(request), ':'); colon > 0 {
		at, part := index(request[:colon]), request[colon+1:]
		if at >= 0 && part != "" && isPart(part) {
			return at, part, true
		}
	}
	return 0, request, false
}

// onlyFitting finds the output that a request without a name can only mean: the features of a file that "pipeline export" wrote, or the only
// output that can be features.
func onlyFitting(m *onnx.Model, request vit.Output) (at int, err error) {
	var fitting, tokens []int
	for i, v := range m.Graph.Outputs {
		switch r := rank(v); {
		case v.Type != onnx.Float32:
		case r == 3:
			tokens = append(tokens, i)
		case r == 2 || r == -1:
			fitting = append(fitting, i)
		}
	}
	switch request {
	case "": // tokens can be features, too, if they are chosen
		fitting = append(fitting, tokens...)
	case vit.CLS, vit.Patch, vit.Both:
		if len(tokens) > 0 || request != vit.CLS {
			fitting = tokens
		}
	}
	if i := exportedFeatures(m); i >= 0 && slices.Contains(fitting, i) {
		return i, nil
	}
	if len(fitting) == 1 {
		return fitting[0], nil
	}
	example := ""
	if len(tokens) > 0 {
		example = fmt.Sprintf(", or a part of tokens such as %s:%s", m.Graph.Outputs[tokens[0]].Name, vit.CLS)
	}
	return 0, option.Errorf("Output", "it has %d outputs, %s: choose one by its name%s", len(m.Graph.Outputs), listed(m.Graph.Outputs), example)
}

// exportedFeatures finds the features in a file that this program exported, with its clusters' probabilities; −1 in any other file.
func exportedFeatures(m *onnx.Model) int {
	exported := slices.ContainsFunc(m.Metadata, func(e onnx.Entry) bool { return e.Key == "iconic.clusters" })
	if out := m.Graph.Outputs; exported && len(out) == 2 && out[0].Name == deploy.ProbabilitiesName && out[1].Name == deploy.FeaturesName {
		return 1
	}
	return -1
}

// inFull is the request that names an output and what to take of it.
func inFull(v onnx.Value, part vit.Output) vit.Output {
	if rank(v) == 3 && part != "" {
		return vit.Output(v.Name) + ":" + part
	}
	return vit.Output(v.Name)
}

// listed describes outputs: "logits" [batch 10], "features" [batch 384].
func listed(outputs []onnx.Value) string {
	var all []string
	for _, v := range outputs {
		text := fmt.Sprintf("%q %s", v.Name, v.Describe())
		if v.Type != onnx.Float32 {
			text += " (not float32)"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

// rank is the number of dimensions of an output, without those of 1 at the end of batch×features×1×1; −1 if the model does not state them.
func rank(v onnx.Value) int {
	if v.Shape == nil {
		return -1
	}
	n := len(v.Shape)
	if n == 4 && v.Shape[2].Size == 1 && v.Shape[3].Size == 1 { // of a pooled picture; of three, the second may count tokens
		n = 2
	}
	return n
}

// reduce takes the requested part of the model's only output, one row per image, and reports whether that changed the model. The output is
// one of several in the file, or the only one.
func reduce(m *onnx.Model, part vit.Output, several bool) (changed bool, err error) {
	out := m.Graph.Outputs[0]
	if out.Type != onnx.Float32 {
		return false, option.Errorf("Output", "output %q is not float32", out.Name)
	}
	of := "" // how a request begins that names the output
	if several {
		of = out.Name + ":"
	}
	r := rank(out)
	switch {
	case part == "" || part == AsIs:
		switch {
		case r == 2, r == -1 && part == AsIs:
			return false, nil
		case r == 3:
			return false, option.Errorf("Output", "output %q is %s, tokens of an image: choose %s, %s or %s", out.Name, out.Describe(), of+string(vit.CLS), of+string(vit.Patch), of+string(vit.Both))
		case r == -1:
			return false, option.Errorf("Output", "output %q has an unknown shape: choose %s (one row per image), or %s, %s or %s of tokens", out.Name, of+string(AsIs), of+string(vit.CLS), of+string(vit.Patch), of+string(vit.Both))
		}
	case r == 3, r == -1:
		return true, fromTokens(m, part)
	case r == 2 && part == vit.CLS:
		return false, nil
	case r == 2:
		return false, option.Errorf("Output", "output %q is %s, one row per image: there are no patch tokens to take", out.Name, out.Describe())
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
