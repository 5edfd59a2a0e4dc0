package deploy

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"iconic/models/onnx"
)

// Layer is a linear layer of a head, z = x·Wᵀ + b. Layers are separated by GELU, and the last one is followed by softmax, or by a Vote.
type Layer struct {
	In, Out int
	Weight  []float32 // Out×In
	Bias    []float32 // Out
}

// Vote computes probabilities from a last layer with the logits of several heads, one head after the other, each for the same clusters: the mean
// of their softmaxes, p̄, and if the temperature T is not 1 softmax(ln(max(p̄, 2⁻¹²⁶))/T), mixed with a share u of the distribution p^ρ/Σp^ρ. The zero
// value is a single head.
type Vote struct {
	Members     int     // heads; 0 is 1
	Temperature float32 // above 0; 0 is 1
	Flat, Power float32 // u and ρ, from 0, below 1
}

// Pixels says how pictures are preprocessed for the encoder, as the extraction's Transform does.
type Pixels struct {
	Resize    int        // length of the shorter side after resizing, ≥ 1; unused if Whole
	Crop      int        // side of the central square, ≥ 1
	Whole     bool       // both sides become Crop
	Mean, Std [3]float32 // for red, green and blue, whose values go from 0 to 1; Std is above 0
}

// Options are the options of Attach.
type Options struct {
	Output string  // the encoder's output to use; "": its only one
	Head   []Layer // layers; the first takes the encoder's features
	Vote   Vote    // how the heads in the last layer are combined
	// Regroup converts the head's probabilities to those of other groups, one step after the other.
	Regroup []Regroup
	Batch   int // images in each run, if the encoder does not fix their number, ≥ 1; 0: any number
	// Preprocessing, unless nil, makes the graph take 8-bit pictures.
	Preprocessing *Pixels
	Metadata      []onnx.Entry // to be added
}

// Regroup is a step from the probabilities q of some groups to those of others, q' = q·W; if the gate is open for an image with features x,
// x·w + b > 0, it is q' = q·(W + M).
type Regroup struct {
	In, Out int
	Weight  []float32 // W, In×Out
	Gate    *Gate     // nil: none
}

// Gate opens depending on the features of an image.
type Gate struct {
	Weight []float32 // w, one for each feature
	Bias   float32   // b
	Moved  []float32 // M, In×Out
}

// The names of the inputs and outputs of a graph made by Attach or Alone.
const (
	PixelsName        = "pixels"        // float32 batch×3×height×width, preprocessed; without Preprocessing
	ImagesName        = "images"        // uint8 batch×height×width×3, red first, any height and width; with Preprocessing
	ProbabilitiesName = "probabilities" // float32 batch×clusters
	FeaturesName      = "features"      // float32 batch×features; the input of a head without encoder
)

// Attach adds the head behind the encoder m, which it changes. It fails without an encoder, if the head does not fit the encoder's declared features, on options out
// of range and if the operator set is too old.
func Attach(m *onnx.Model, o Options) error {
	if err := check(m, o); err != nil {
		return err
	}
	g := m.Graph
	out, err := output(g, o)
	if err != nil {
		return err
	}
	constant := map[string]bool{}
	for _, t := range g.Initializers {
		constant[t.Name] = true
	}
	in := slices.IndexFunc(g.Inputs, func(v onnx.Value) bool { return !constant[v.Name] })
	if in < 0 {
		return fmt.Errorf("the encoder has no input")
	}
	b := builder{onnx.NewBuilder(m, prefix)}
	// The encoder may use the names of the graph's inputs and outputs for other values.
	encoded, input := b.Free(g.Outputs[out].Name), b.Free(g.Inputs[in].Name)
	for _, name := range []string{PixelsName, ImagesName, ProbabilitiesName, FeaturesName} {
		b.Free(name)
	}

	batch := onnx.Dim{Name: "batch"}
	if size := g.Inputs[in].Shape; len(size) > 0 && size[0].Size > 0 {
		batch = size[0] // the encoder was made for this batch size
	} else if o.Batch > 0 {
		batch = onnx.Dim{Size: int64(o.Batch)}
	}
	width := o.Head[0].In
	features := b.At(FeaturesName).Reshape(b.Known(encoded, onnx.Float32), -1, int64(width))
	probabilities := b.probabilities(features, o)
	shape := slices.Clone(g.Inputs[in].Shape)
	if len(shape) == 4 {
		shape[0] = batch
	}
	g.Inputs = slices.DeleteFunc(g.Inputs, func(v onnx.Value) bool { return !constant[v.Name] })
	b.First(func() {
		if o.Preprocessing != nil {
			b.prepare(b.Input(ImagesName, onnx.Uint8, batch, onnx.Dim{Name: "height"}, onnx.Dim{Name: "width"}, onnx.Dim{Size: 3}), input, o.Preprocessing)
		} else {
			b.Replacing(input).Identity(b.Input(PixelsName, onnx.Float32, shape...))
		}
	})
	g.Outputs = nil
	b.Output(probabilities, batch, onnx.Dim{Size: int64(o.groups())})
	b.Output(features, batch, onnx.Dim{Size: int64(width)})
	m.Metadata = append(m.Metadata, o.Metadata...)
	return b.Err()
}

// Alone returns the head without an encoder: a graph from FeaturesName, batch×features, to ProbabilitiesName. It uses Head, Vote, Regroup and Metadata of
// the options, and fails if these do not fit each other.
func Alone(o Options) (*onnx.Model, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	const irVersion, opset = 8, 17 // of ONNX 1.12, for ONNX Runtime 1.12 and later
	m := &onnx.Model{IRVersion: irVersion, Producer: "iconic", Opsets: map[string]int64{"": opset}, Graph: &onnx.Graph{Name: "head"}, Metadata: o.Metadata}
	b, batch := builder{onnx.NewBuilder(m, prefix)}, onnx.Dim{Name: "batch"}
	features := b.Input(FeaturesName, onnx.Float32, batch, onnx.Dim{Size: int64(o.Head[0].In)})
	b.Output(b.probabilities(features, o), batch, onnx.Dim{Size: int64(o.groups())})
	return m, b.Err()
}

// probabilities converts features to the probabilities of the requested groups.
func (b builder) probabilities(features onnx.Value, o Options) onnx.Value {
	return b.regrouped(features, b.vote(b.head(features, o.Head), o), o.Regroup)
}

// builder writes the operations before and behind the encoder.
type builder struct{ onnx.Builder }

// prefix of all generated names.
const prefix = "iconic/"

// output is the number of the encoder's output to use, which has the features that the head takes as far as it is declared.
func output(g *onnx.Graph, o Options) (int, error) {
	out := 0
	if o.Output != "" {
		if out = slices.IndexFunc(g.Outputs, func(v onnx.Value) bool { return v.Name == o.Output }); out < 0 {
			return 0, fmt.Errorf("the encoder has no output %q", o.Output)
		}
	}
	v := g.Outputs[out]
	if len(v.Shape) < 2 { // unknown
		return out, nil
	}
	width := int64(1)
	for _, d := range v.Shape[1:] {
		width *= d.Size // 0: unknown
	}
	if width != 0 && width != int64(o.Head[0].In) {
		return 0, fmt.Errorf("the encoder's output %q is %s, but the head takes %d features of each image", v.Name, v.Describe(), o.Head[0].In)
	}
	return out, nil
}

// check fails if the graph cannot prepare pictures so.
func (p *Pixels) check() error {
	ok := p.Crop >= 1 && (p.Whole || p.Resize >= 1)
	for c := range 3 {
		mean, std := float64(p.Mean[c]), float64(p.Std[c])
		ok = ok && std > 0 && !math.IsInf(std, 0) && mean-mean == 0
	}
	if !ok {
		return fmt.Errorf("pictures resized to %d and cropped to %d, with a mean of %v and a standard deviation of %v: want sides of 1 or more, and standard deviations above 0", p.Resize, p.Crop, p.Mean, p.Std)
	}
	return nil
}

func check(m *onnx.Model, o Options) error {
	if m == nil || m.Graph == nil {
		return errors.New("there is no encoder to add a head to")
	}
	if o.Batch < 0 {
		return fmt.Errorf("%d images in each run: want 1 or more, or 0 for any number", o.Batch)
	}
	if o.Preprocessing != nil {
		if err := o.Preprocessing.check(); err != nil {
			return err
		}
	}
	least := int64(9) // Erf
	if o.Preprocessing != nil {
		least = 11 // Range
	}
	if have := m.Opsets[""]; have < least {
		return fmt.Errorf("the encoder uses operator set %d, but the graph needs %d: export the encoder with a later one", have, least)
	}
	if len(m.Graph.Outputs) == 0 || len(m.Graph.Outputs) > 1 && o.Output == "" {
		return fmt.Errorf("the encoder has %d outputs: name one", len(m.Graph.Outputs))
	}
	return o.check()
}

// check fails if the parts of the head do not fit each other.
func (o *Options) check() error {
	if len(o.Head) == 0 {
		return fmt.Errorf("the head has no layer")
	}
	for i, l := range o.Head {
		if l.In < 1 || l.Out < 1 || len(l.Weight) != l.In*l.Out || len(l.Bias) != l.Out || i > 0 && l.In != o.Head[i-1].Out {
			return fmt.Errorf("layer %d of the head maps %d numbers to %d with %d weights and %d biases, which do not fit", i, l.In, l.Out, len(l.Weight), len(l.Bias))
		}
	}
	if last := o.Head[len(o.Head)-1].Out; o.Vote.Members < 0 || last%o.members() != 0 || !(o.Vote.Temperature >= 0 && o.Vote.Temperature <= math.MaxFloat32) {
		return fmt.Errorf("a vote of %d heads at a temperature of %g does not fit the head's %d numbers", o.Vote.Members, o.Vote.Temperature, last)
	}
	if u, power := o.Vote.Flat, o.Vote.Power; !(u >= 0 && u < 1) || !(power >= 0 && power < 1) {
		return fmt.Errorf("a flat share of %g at a power of %g: want numbers from 0, below 1", u, power)
	}
	groups := o.clusters()
	for i, r := range o.Regroup {
		fits := r.In == groups && r.Out >= 1 && len(r.Weight) == r.In*r.Out
		if g := r.Gate; fits && g != nil {
			fits = len(g.Weight) == o.Head[0].In && len(g.Moved) == r.In*r.Out
		}
		if !fits {
			return fmt.Errorf("step %d of regrouping maps %d groups of %d to %d with %d weights, which do not fit", i, r.In, groups, r.Out, len(r.Weight))
		}
		groups = r.Out
	}
	return nil
}

// groups is the final number of probabilities.
func (o *Options) groups() int {
	if n := len(o.Regroup); n > 0 {
		return o.Regroup[n-1].Out
	}
	return o.clusters()
}

// members is the number of heads in the last layer.
func (o *Options) members() int { return max(1, o.Vote.Members) }

// clusters is the number of clusters of each head.
func (o *Options) clusters() int { return o.Head[len(o.Head)-1].Out / o.members() }

// regrouped converts the probabilities of the head's clusters to those of the requested groups.
func (b builder) regrouped(features, p onnx.Value, steps []Regroup) onnx.Value {
	for _, r := range steps {
		in, out := int64(r.In), int64(r.Out)
		q := b.MatMul(p, b.Floats(r.Weight, in, out))
		if g := r.Gate; g != nil {
			z := b.Add(b.MatMul(features, b.Floats(g.Weight, int64(len(g.Weight)), 1)), b.Float(g.Bias))
			open := b.Cast(b.Greater(z, b.Float(0)), onnx.Float32)
			q = b.Add(q, b.Mul(b.MatMul(p, b.Floats(g.Moved, in, out)), open))
		}
		p = q
	}
	return b.At(ProbabilitiesName).Identity(p)
}

// head converts features to logits.
func (b builder) head(x onnx.Value, layers []Layer) onnx.Value {
	for i, l := range layers {
		if i > 0 { // GELU: x·(1 + erf(x/√2))/2
			half := b.Mul(x, b.Float(0.5))
			x = b.Mul(half, b.Add(b.Erf(b.Mul(x, b.Float(float32(1/math.Sqrt2)))), b.Float(1)))
		}
		x = b.Linear(x, b.Floats(l.Weight, int64(l.Out), int64(l.In)), b.Floats(l.Bias))
	}
	return x
}

// vote takes the logits of all heads to the probabilities of their vote.
func (b builder) vote(z onnx.Value, o Options) onnx.Value {
	if o.members() > 1 {
		z = b.Reshape(z, -1, int64(o.members()), int64(o.clusters()))
	}
	p := b.Softmax(z)
	if o.members() > 1 {
		p = b.Mean(p, 1, false)
	}
	raised := func(power float32) onnx.Value { // p^power/Σp^power
		const floor = 0x1p-126 // of numbers whose logarithm is taken, as in the head itself
		return b.Softmax(b.Mul(b.Log(b.Max(p, b.Float(floor))), b.Float(power)))
	}
	if t := o.Vote.Temperature; t != 0 && t != 1 {
		p = raised(1 / t)
	}
	if u := o.Vote.Flat; u > 0 {
		p = b.Add(b.Mul(p, b.Float(1-u)), b.Mul(raised(o.Vote.Power), b.Float(u)))
	}
	return p
}
