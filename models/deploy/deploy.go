package deploy

import (
	"fmt"
	"math"
	"slices"

	"iconic/models/onnx"
)

// Layer is a linear layer of a head, z = x·Wᵀ + b. Between two layers there is a GELU, after the last a softmax.
type Layer struct {
	In, Out int
	Weight  []float32 // Out×In
	Bias    []float32 // Out
}

// Pixels says how pictures are prepared for the encoder, as the extraction's Transform does.
type Pixels struct {
	Resize    int  // the shorter side's length after resizing
	Crop      int  // side of the square in the middle
	Whole     bool // both sides become Crop
	Mean, Std [3]float32
}

// Options of Attach.
type Options struct {
	Output string  // of the encoder; "": its only one
	Head   []Layer // the first takes the encoder's features
	// Preprocessing, unless nil, makes the graph take 8-bit pictures.
	Preprocessing *Pixels
	Metadata      []onnx.Entry // to be added
}

// The names of the inputs and outputs of a graph made by Attach.
const (
	PixelsName        = "pixels"        // float32 batch×3×height×width, prepared; without Preprocessing
	ImagesName        = "images"        // uint8 batch×height×width×3, red first, any height and width; with it
	ProbabilitiesName = "probabilities" // float32 batch×clusters
	FeaturesName      = "features"      // float32 batch×features
)

// Attach puts the head behind the encoder m, which it changes. It fails on a head that does not fit and on operator sets too old.
func Attach(m *onnx.Model, o Options) error {
	if err := check(m, o); err != nil {
		return err
	}
	g := m.Graph
	out := 0
	if o.Output != "" {
		if out = slices.IndexFunc(g.Outputs, func(v onnx.Value) bool { return v.Name == o.Output }); out < 0 {
			return fmt.Errorf("the encoder has no output %q", o.Output)
		}
	}
	constant := map[string]bool{}
	for _, t := range g.Initializers {
		constant[t.Name] = true
	}
	in := slices.IndexFunc(g.Inputs, func(v onnx.Value) bool { return !constant[v.Name] })
	if in < 0 {
		return fmt.Errorf("the encoder has no input")
	}
	b := &builder{graph: g, opset: m.Opsets[""]}
	// The names that the graph is to have may be taken, by other things than those.
	encoded, input := b.own(g.Outputs[out].Name), b.own(g.Inputs[in].Name)
	for _, name := range []string{PixelsName, ImagesName, ProbabilitiesName, FeaturesName} {
		b.own(name)
	}

	batch := onnx.Dim{Name: "batch"}
	if size := g.Inputs[in].Shape; len(size) > 0 && size[0].Size > 0 {
		batch = size[0] // the encoder was made for that many
	}
	width, clusters := o.Head[0].In, o.Head[len(o.Head)-1].Out
	b.to(FeaturesName, "Reshape", encoded, b.ints(-1, int64(width)))
	b.head(o.Head)
	value := onnx.Value{Name: PixelsName, Type: onnx.Float32, Shape: g.Inputs[in].Shape}
	if len(value.Shape) == 4 {
		value.Shape = slices.Clone(value.Shape)
		value.Shape[0] = batch
	}
	if p := o.Preprocessing; p != nil {
		value = onnx.Value{Name: ImagesName, Type: onnx.Uint8, Shape: []onnx.Dim{batch, {Name: "height"}, {Name: "width"}, {Size: 3}}}
		b.first(func() { b.prepare(input, p) })
	} else {
		b.first(func() { b.to(input, "Identity", PixelsName) })
	}
	g.Inputs = append([]onnx.Value{value}, slices.DeleteFunc(g.Inputs, func(v onnx.Value) bool { return !constant[v.Name] })...)
	g.Outputs = []onnx.Value{
		{Name: ProbabilitiesName, Type: onnx.Float32, Shape: []onnx.Dim{batch, {Size: int64(clusters)}}},
		{Name: FeaturesName, Type: onnx.Float32, Shape: []onnx.Dim{batch, {Size: int64(width)}}},
	}
	m.Metadata = append(m.Metadata, o.Metadata...)
	return nil
}

func check(m *onnx.Model, o Options) error {
	least := int64(9) // Erf
	if o.Preprocessing != nil {
		least = 11 // Range
	}
	if have := m.Opsets[""]; have < least {
		return fmt.Errorf("the encoder is of operator set %d, and the graph needs %d: export the encoder with a later one", have, least)
	}
	if len(m.Graph.Outputs) == 0 || len(m.Graph.Outputs) > 1 && o.Output == "" {
		return fmt.Errorf("the encoder has %d outputs: name one", len(m.Graph.Outputs))
	}
	if len(o.Head) == 0 {
		return fmt.Errorf("the head has no layer")
	}
	for i, l := range o.Head {
		if l.In < 1 || l.Out < 1 || len(l.Weight) != l.In*l.Out || len(l.Bias) != l.Out || i > 0 && l.In != o.Head[i-1].Out {
			return fmt.Errorf("layer %d of the head takes %d numbers to %d, with %d weights and %d biases: that does not fit", i, l.In, l.Out, len(l.Weight), len(l.Bias))
		}
	}
	return nil
}

// head takes the features to probabilities.
func (b *builder) head(layers []Layer) {
	x := FeaturesName
	for i, l := range layers {
		if i > 0 { // GELU: x·(1 + erf(x/√2))/2
			half := b.op("Mul", x, b.floats([]float32{0.5}))
			x = b.op("Mul", half, b.op("Add", b.op("Erf", b.op("Mul", x, b.floats([]float32{float32(1 / math.Sqrt2)}))), b.floats([]float32{1})))
		}
		x = b.attributed("Gemm", []onnx.Attribute{onnx.Int("transB", 1)}, x,
			b.floats(l.Weight, int64(l.Out), int64(l.In)), b.floats(l.Bias, int64(l.Out)))
	}
	b.add(ProbabilitiesName, "Softmax", []onnx.Attribute{onnx.Int("axis", 1)}, x)
}
