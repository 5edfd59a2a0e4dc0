package main

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/head/ensemble"
	"iconic/internal/onnxtest"
	"iconic/models/deploy"
	"iconic/models/onnx"
)

// deployed writes a model with a head behind the encoder to a file.
func deployed(t testing.TB, encoder string, change func(*onnx.Model), o deploy.Options) string {
	t.Helper()
	m, err := onnx.ReadFile(encoder)
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(m)
	}
	if err := deploy.Attach(m, o); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "deployed.onnx")
	if err := onnx.WriteFile(name, m); err != nil {
		t.Fatal(err)
	}
	return name
}

// randomLayer generates a layer.
func randomLayer(r *rand.Rand, in, out int) deploy.Layer {
	l := deploy.Layer{In: in, Out: out, Weight: make([]float32, in*out), Bias: make([]float32, out)}
	for i := range l.Weight {
		l.Weight[i] = float32(r.NormFloat64() / math.Sqrt(float64(in)))
	}
	for i := range l.Bias {
		l.Bias[i] = float32(r.NormFloat64())
	}
	return l
}

// With an encoder that outputs its input pixels, the graph's preprocessing equals that of extraction, bit for bit, for
// images of any shape.
func TestPreprocessingInTheGraphIsExact(t *testing.T) {
	lib := library(t)
	const side = 24
	identity := onnxtest.Pooling(side, 1).Write(t)
	for _, opset := range []int64{11, 13, 18} {
		for _, transform := range []pixels.Transform{
			{Resize: 24, Crop: side}, {Resize: 31, Crop: side}, {Whole: true, Crop: side},
			{Resize: 15, Crop: side}, // torchvision pads with black
		} {
			transform.Mean, transform.Std = [3]float32{0.485, 0.456, 0.406}, [3]float32{0.229, 0.224, 0.225}
			r := rand.New(rand.NewPCG(uint64(opset), uint64(transform.Resize)))
			file := deployed(t, identity, func(m *onnx.Model) { m.Opsets[""] = opset }, deploy.Options{
				Head: []deploy.Layer{randomLayer(r, 3*side*side, 4)},
				Preprocessing: &deploy.Pixels{Resize: transform.Resize, Crop: transform.Crop, Whole: transform.Whole,
					Mean: transform.Mean, Std: transform.Std},
			})
			shapes := [][2]int{{24, 24}, {1, 1}, {31, 31}, {200, 3}, {3, 200}, {97, 64}}
			for range 3 {
				shapes = append(shapes, [2]int{1 + r.IntN(150), 1 + r.IntN(150)})
			}
			for _, shape := range shapes {
				im := &pixels.Image{Width: shape[0], Height: shape[1], Pix: make([]uint8, 3*shape[0]*shape[1])}
				for i := range im.Pix {
					im.Pix[i] = uint8(r.Uint32())
				}
				want := make([]float32, 3*side*side)
				if err := transform.Apply(want, im, new(pixels.Scratch)); err != nil {
					t.Fatal(err)
				}
				got, err := encoder.Once(t.Context(), lib, file, im.Pix, []int64{1, int64(im.Height), int64(im.Width), 3}, deploy.FeaturesName)
				if err != nil {
					t.Fatal(err)
				}
				wrong, worst := 0, 0.0
				for i, v := range want {
					if d := math.Abs(float64(v - got[0][i])); d > 1e-6 {
						wrong, worst = wrong+1, max(worst, d)
					}
				}
				if wrong > 0 {
					t.Errorf("operator set %d, %+v, a picture of %d×%d: %d of %d numbers differ, by up to %g", opset, transform, im.Width, im.Height, wrong, len(want), worst)
				}
			}
		}
	}
}

// Heads with one or several layers, behind encoders that already use the names of the new graph.
func TestHeadInTheGraph(t *testing.T) {
	lib := library(t)
	model := onnxtest.Pooling(16, 8)
	for _, name := range []string{deploy.FeaturesName, deploy.ProbabilitiesName, deploy.ImagesName, "others"} {
		model.Outputs[0].Name = name
		file := model.Write(t)
		rapid.Check(t, func(rt *rapid.T) {
			r := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 1))
			layers := []deploy.Layer{randomLayer(r, 12, rapid.IntRange(2, 9).Draw(rt, "out"))}
			for range rapid.IntRange(0, 2).Draw(rt, "more") {
				layers = append(layers, randomLayer(r, layers[len(layers)-1].Out, 2+r.IntN(6)))
			}
			n := rapid.IntRange(1, 5).Draw(rt, "images")
			x := make([]float32, n*3*16*16)
			for i := range x {
				x[i] = float32(r.NormFloat64() * 3)
			}
			got, err := encoder.Once(t.Context(), lib, deployed(t, file, nil, deploy.Options{Head: layers}), x, []int64{int64(n), 3, 16, 16}, deploy.ProbabilitiesName, deploy.FeaturesName)
			if err != nil {
				rt.Fatal(err)
			}
			features := encode(t, file, x, n)
			k := layers[len(layers)-1].Out
			for i := range n {
				want := through(layers, features[i*12:(i+1)*12])
				for c, p := range want {
					if d := math.Abs(p - float64(got[0][i*k+c])); !(d < 1e-5) {
						rt.Fatalf("image %d, cluster %d: %g, want %g", i, c, got[0][i*k+c], p)
					}
				}
			}
			for i, v := range features {
				if got[1][i] != v {
					rt.Fatalf("feature %d: %g, want %g", i, got[1][i], v)
				}
			}
		})
	}
}

// through computes a head in float64.
func through(layers []deploy.Layer, features []float32) []float64 {
	x := make([]float64, len(features))
	for i, v := range features {
		x[i] = float64(v)
	}
	for at, l := range layers {
		if at > 0 {
			for i, v := range x {
				x[i] = v * (1 + math.Erf(v/math.Sqrt2)) / 2
			}
		}
		z := make([]float64, l.Out)
		for o := range z {
			z[o] = float64(l.Bias[o])
			for i, v := range x {
				z[o] += v * float64(l.Weight[o*l.In+i])
			}
		}
		x = z
	}
	top, sum := math.Inf(-1), 0.0
	for _, v := range x {
		top = max(top, v)
	}
	for i, v := range x {
		x[i] = math.Exp(v - top)
		sum += x[i]
	}
	for i := range x {
		x[i] /= sum
	}
	return x
}

// Heads that vote are in the graph what package ensemble makes of them, on operator sets of every way to write the operations, and so are their
// regrouped clusters.
func TestHeadsThatVoteInTheGraph(t *testing.T) {
	lib := library(t)
	const d = 12
	file := onnxtest.Pooling(16, 8).Write(t)
	for _, opset := range []int64{9, 18} {
		for _, members := range []int{1, 3, 8} {
			for _, shape := range []deploy.Vote{{Temperature: 1}, {Temperature: 0.5}, {Temperature: 1, Flat: 0.25}, {Temperature: 1, Flat: 0.3, Power: 0.5}, {Temperature: 0.5, Flat: 0.03, Power: 0.5}} {
				temperature := shape.Temperature
				if members == 1 && temperature != 1 {
					continue
				}
				shape.Members = members
				r := rand.New(rand.NewPCG(uint64(opset), uint64(members)))
				k := 2 + r.IntN(9)
				l := randomLayer(r, d, members*k)
				head := &ensemble.Head{Members: members, Clusters: k, Dim: d, Weight: l.Weight, Bias: l.Bias, Temperature: temperature, Flat: shape.Flat, Power: shape.Power}
				merge := deploy.Regroup{In: k, Out: k, Weight: make([]float32, k*k)}
				for c := range k {
					merge.Weight[c*k+max(1, c)] = 1
				}
				for name, o := range map[string]deploy.Options{
					"as they are": {}, "merged": {Regroup: []deploy.Regroup{merge}},
				} {
					o.Head, o.Vote = []deploy.Layer{l}, shape
					const n = 5
					x := make([]float32, n*3*16*16)
					for i := range x {
						x[i] = float32(r.NormFloat64() * 9)
					}
					model := deployed(t, file, func(m *onnx.Model) { m.Opsets[""] = opset }, o)
					got, err := encoder.Once(t.Context(), lib, model, x, []int64{n, 3, 16, 16}, deploy.ProbabilitiesName, deploy.FeaturesName)
					if err != nil {
						t.Fatalf("operator set %d: %v", opset, err)
					}
					want := make([]float32, n*k)
					if err := head.Probabilities(want, got[1], n); err != nil {
						t.Fatal(err)
					}
					for i := range n {
						if o.Regroup != nil {
							want[i*k+1] += want[i*k]
							want[i*k] = 0
						}
					}
					if len(got[0]) != len(want) {
						t.Fatalf("%d probabilities, want %d", len(got[0]), len(want))
					}
					for i, p := range want {
						if !(math.Abs(float64(p-got[0][i])) < 1e-5) {
							t.Fatalf("operator set %d, %+v, %s: probability %d is %g, want %g", opset, shape, name, i, got[0][i], p)
						}
					}
				}
			}
		}
	}
}

// The head alone computes from features what the same head computes behind an encoder that gives them.
func TestHeadAlone(t *testing.T) {
	lib := library(t)
	const n, d, k = 5, 12, 4
	r := rand.New(rand.NewPCG(3, 1))
	file := onnxtest.Pooling(16, 8).Write(t)
	split := deploy.Regroup{In: k, Out: k + 1, Weight: make([]float32, k*(k+1)), Gate: &deploy.Gate{Weight: make([]float32, d), Bias: 0.1, Moved: make([]float32, k*(k+1))}}
	for c := range k {
		split.Weight[c*(k+1)+c] = 1
	}
	split.Gate.Weight[2], split.Gate.Moved[1*(k+1)+1], split.Gate.Moved[1*(k+1)+k] = 1, -1, 1
	for name, o := range map[string]deploy.Options{
		"one head":          {Head: []deploy.Layer{randomLayer(r, d, k)}},
		"two layers":        {Head: []deploy.Layer{randomLayer(r, d, 7), randomLayer(r, 7, k)}},
		"a vote":            {Head: []deploy.Layer{randomLayer(r, d, 3*k)}, Vote: deploy.Vote{Members: 3, Temperature: 0.5, Flat: 0.1, Power: 0.5}},
		"a split by a gate": {Head: []deploy.Layer{randomLayer(r, d, k)}, Regroup: []deploy.Regroup{split}, Metadata: []onnx.Entry{{Key: "a", Value: "b"}}},
	} {
		x := make([]float32, n*3*16*16)
		for i := range x {
			x[i] = float32(r.NormFloat64() * 9)
		}
		want, err := encoder.Once(t.Context(), lib, deployed(t, file, nil, o), x, []int64{n, 3, 16, 16}, deploy.ProbabilitiesName, deploy.FeaturesName)
		if err != nil {
			t.Fatal(err)
		}
		m, err := deploy.Alone(o)
		if err != nil {
			t.Fatal(err)
		}
		alone := filepath.Join(t.TempDir(), "head.onnx")
		if err := onnx.WriteFile(alone, m); err != nil {
			t.Fatal(err)
		}
		got, err := encoder.Once(t.Context(), lib, alone, want[1], []int64{n, d}, deploy.ProbabilitiesName)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(got[0]) != len(want[0]) {
			t.Fatalf("%s: %d probabilities, want %d", name, len(got[0]), len(want[0]))
		}
		for i, p := range want[0] {
			if !(math.Abs(float64(p-got[0][i])) < 1e-6) {
				t.Errorf("%s: probability %d is %g, behind the encoder %g", name, i, got[0][i], p)
			}
		}
	}
	if _, err := deploy.Alone(deploy.Options{}); err == nil || !strings.Contains(err.Error(), "the head has no layer") {
		t.Errorf("without a layer: error %v", err)
	}
}

func TestDeployRefuses(t *testing.T) {
	file := onnxtest.Pooling(16, 8).Write(t)
	right := deploy.Options{Head: []deploy.Layer{randomLayer(rand.New(rand.NewPCG(1, 1)), 12, 3)}}
	for name, c := range map[string]struct {
		change func(*onnx.Model, *deploy.Options)
		want   string
	}{
		"no head":        {func(_ *onnx.Model, o *deploy.Options) { o.Head = nil }, "no layer"},
		"a wrong head":   {func(_ *onnx.Model, o *deploy.Options) { o.Head[0].In = 5 }, "do not fit"},
		"heads of parts": {func(_ *onnx.Model, o *deploy.Options) { o.Vote.Members = 2 }, "a vote of 2 heads"},
		"a cold vote":    {func(_ *onnx.Model, o *deploy.Options) { o.Vote.Temperature = -1 }, "temperature of -1"},
		"all flat":       {func(_ *onnx.Model, o *deploy.Options) { o.Vote.Flat = 1 }, "a flat share of 1"},
		"no such output": {func(_ *onnx.Model, o *deploy.Options) { o.Output = "else" }, `no output "else"`},
		"old operators": {func(m *onnx.Model, o *deploy.Options) {
			m.Opsets[""], o.Preprocessing = 10, &deploy.Pixels{Resize: 16, Crop: 16, Std: [3]float32{1, 1, 1}}
		}, "operator set 10"},
		"two outputs": {func(m *onnx.Model, _ *deploy.Options) { m.Graph.Outputs = append(m.Graph.Outputs, m.Graph.Outputs[0]) }, "2 outputs"},
	} {
		m, err := onnx.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		o := deploy.Options{Head: append([]deploy.Layer(nil), right.Head...)}
		c.change(m, &o)
		if err := deploy.Attach(m, o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := encoder.Once(t.Context(), library(t), filepath.Join(t.TempDir(), "none.onnx"), []float32{1}, []int64{1}, "y"); err == nil {
		t.Error("a model that is not there: no error")
	}
}
