package main

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ort "github.com/yalue/onnxruntime_go"

	"iconic/extract/encoder"
	"iconic/extract/onnxruntime"
	"iconic/internal/npy"
	"iconic/internal/sharedtest"
	"iconic/models"
	"iconic/models/onnx"
	"iconic/models/precision"
	"iconic/models/vit"
)

// library finds ONNX Runtime for the tests that need a session.
func library(t testing.TB) string {
	t.Helper()
	path, err := onnxruntime.Find(t.Context(), onnxruntime.Options{})
	if err != nil {
		t.Skipf("no ONNX Runtime: %v", err)
	}
	return path
}

// encode runs a model on n images.
func encode(t testing.TB, model string, pixels []float32, n int) []float32 {
	t.Helper()
	e, err := encoder.Open(t.Context(), model, encoder.Options{Library: library(t), Provider: encoder.CPU})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	features := make([]float32, n*e.Dim())
	if err := e.Encode(t.Context(), features, pixels, n); err != nil {
		t.Fatal(err)
	}
	return features
}

// array reads a whole .npy file.
func array(t testing.TB, name string) (x []float32, shape []int) {
	t.Helper()
	f, err := npy.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x = make([]float32, f.Len()*f.Dim())
	if err := f.Block(x, 0, f.Len()); err != nil {
		t.Fatal(err)
	}
	return x, f.Shape
}

// means is the mean over the middle axis of batch×tokens×width.
func means(x []float32, shape []int) []float32 {
	out := make([]float32, shape[0]*shape[2])
	for b := range shape[0] {
		for i := range shape[1] {
			for c := range shape[2] {
				out[b*shape[2]+c] += x[(b*shape[1]+i)*shape[2]+c] / float32(shape[1])
			}
		}
	}
	return out
}

// The official code's outputs for five small random encoders, in each format in which their weights are distributed.
func TestImportedEncodersComputeWhatTheOfficialCodeDoes(t *testing.T) {
	for _, c := range []struct {
		name, forms string
		size        int
	}{
		{"dino_v1", ".pth .safetensors", 32}, {"dino_v1_same_grid", ".pth .safetensors", 32},
		{"dinov2", ".pth .safetensors _hf.safetensors", 42}, {"dinov2_reg4", ".pth .safetensors _hf.safetensors", 42},
		{"dinov2_same_grid", ".pth .safetensors _hf.safetensors", 42},
	} {
		input, shape := array(t, sharedtest.Path(t, "vit", c.name+"_input.npy"))
		class, _ := array(t, sharedtest.Path(t, "vit", c.name+"_cls.npy"))
		want := map[vit.Output][]float32{vit.CLS: class}
		if c.name[:6] == "dinov2" {
			patches, shape := array(t, sharedtest.Path(t, "vit", c.name+"_patch.npy"))
			mean := means(patches, shape)
			width := shape[2]
			var both []float32
			for b := range shape[0] {
				both = append(append(both, class[b*width:][:width]...), mean[b*width:][:width]...)
			}
			want[vit.Patch], want[vit.Both] = mean, both
		}
		for _, form := range strings.Fields(c.forms) {
			file := sharedtest.Path(t, "vit", c.name+form)
			for output, want := range want {
				t.Run(fmt.Sprintf("%s%s/%s", c.name, form, output), func(t *testing.T) {
					m, err := models.Resolve(t.Context(), file, models.Options{
						PullOptions: models.PullOptions{Cache: t.TempDir()}, ImageSize: c.size, Output: output, Heads: 4})
					if err != nil {
						t.Fatal(err)
					}
					if off := largestDifference(encode(t, m.Path, input, shape[0]), want); !(off < 1e-5) {
						t.Errorf("off by %g of the largest entry", off)
					}
				})
			}
		}
	}
}

// DINOv3 with the names of its three projects. The timm file without a query and value bias is a different
// encoder with its own output.
func TestImportedDINOv3ComputesWhatTheOfficialCodeDoes(t *testing.T) {
	for _, c := range []struct {
		name        string
		size, heads int
	}{{"dinov3", 64, 4}, {"dinov3_plus", 48, 4}, {"dinov3_untied", 80, 3}} {
		input, shape := array(t, sharedtest.Path(t, "vit_dinov3", c.name+"_input.npy"))
		class, _ := array(t, sharedtest.Path(t, "vit_dinov3", c.name+"_cls.npy"))
		mean, _ := array(t, sharedtest.Path(t, "vit_dinov3", c.name+"_patch.npy"))
		for _, form := range []string{".pth", "_hf.safetensors", "_timm.safetensors"} {
			want := map[vit.Output][]float32{vit.CLS: class, vit.Patch: mean}
			if c.name+form == "dinov3_untied_timm.safetensors" {
				own, _ := array(t, sharedtest.Path(t, "vit_dinov3", "dinov3_untied_timm_cls.npy"))
				want = map[vit.Output][]float32{vit.CLS: own}
			}
			file := sharedtest.Path(t, "vit_dinov3", c.name+form)
			for output, want := range want {
				t.Run(fmt.Sprintf("%s%s/%s", c.name, form, output), func(t *testing.T) {
					compare(t, file, models.Options{ImageSize: c.size, Output: output, Heads: c.heads}, input, shape[0], want)
				})
			}
		}
	}
}

// Checkpoints as timm saves them, and as a training run leaves them.
func TestImportedAsTrained(t *testing.T) {
	for _, c := range []struct{ file, reference, note string }{
		{"timm_reg4.safetensors", "dinov2_reg4", ""},
		{"dinov2_teacher_checkpoint.pth", "dinov2", "dino_head.mlp.0.weight"},
	} {
		t.Run(c.file, func(t *testing.T) {
			input, shape := array(t, sharedtest.Path(t, "vit", c.reference+"_input.npy"))
			class, _ := array(t, sharedtest.Path(t, "vit", c.reference+"_cls.npy"))
			var notes string
			o := models.Options{ImageSize: 42, Heads: 4, PullOptions: models.PullOptions{Note: func(s string) { notes += s }}}
			compare(t, sharedtest.Path(t, "cases", "weights-as-trained", c.file), o, input, shape[0], class)
			if !strings.Contains(notes, c.note) {
				t.Errorf("notes %q lack %q", notes, c.note)
			}
		})
	}
}

// compare imports a file and checks its features to 1e-5 of the largest entry of want.
func compare(t *testing.T, file string, o models.Options, input []float32, n int, want []float32) {
	t.Helper()
	o.Cache = t.TempDir()
	m, err := models.Resolve(t.Context(), file, o)
	if err != nil {
		t.Fatal(err)
	}
	if off := largestDifference(encode(t, m.Path, input, n), want); !(off < 1e-5) {
		t.Errorf("off by %g of the largest entry", off)
	}
}

// largestDifference is relative to the largest entry of want; NaN if the lengths differ.
func largestDifference(got, want []float32) float64 {
	if len(got) != len(want) {
		return math.NaN()
	}
	var off, largest float64
	for i := range want {
		off = max(off, math.Abs(float64(got[i]-want[i])))
		largest = max(largest, math.Abs(float64(want[i])))
	}
	return off / largest
}

// The graph as optimised by ONNX Runtime: it must recognise layer norm, GELU and SiLU, and fuse the scaling of the
// attention scores into their product.
func TestONNXRuntimeFusesTheGraph(t *testing.T) {
	const depth = 3
	for _, c := range []struct {
		folder, file string
		size         int
		activation   string
		more         map[string]int
	}{
		{"vit", "dinov2_reg4.safetensors", 42, "BiasGelu", map[string]int{"Split": 0}},
		{"vit_dinov3", "dinov3.pth", 64, "BiasGelu", map[string]int{"Split": 2*depth - 1}},
		{"vit_dinov3", "dinov3_plus.pth", 48, "QuickGelu", map[string]int{"Sigmoid": 0}},
	} {
		t.Run(c.file, func(t *testing.T) {
			m, err := models.Resolve(t.Context(), sharedtest.Path(t, c.folder, c.file), models.Options{PullOptions: models.PullOptions{Cache: t.TempDir()}, ImageSize: c.size, Heads: 4})
			if err != nil {
				t.Fatal(err)
			}
			count := optimised(t, m.Path, c.size)
			want := map[string]int{"LayerNormalization": 2*depth + 1, c.activation: depth, "FusedMatMul": depth, "Softmax": depth, "Erf": 0, "Shape": 0}
			maps.Copy(want, c.more)
			for op, want := range want {
				if count[op] != want {
					t.Errorf("%d × %s, want %d: %v", count[op], op, want, count)
				}
			}
		})
	}
}

// optimised counts the operators of a model's graph after ONNX Runtime has optimised it.
func optimised(t *testing.T, model string, size int) map[string]int {
	t.Helper()
	encode(t, model, make([]float32, 3*size*size), 1) // starts the runtime
	o, err := ort.NewSessionOptions()
	if err != nil {
		t.Fatal(err)
	}
	defer o.Destroy()
	dump := filepath.Join(t.TempDir(), "optimised.onnx")
	if err := o.SetOptimizedModelFilePath(dump); err != nil {
		t.Fatal(err)
	}
	s, err := ort.NewDynamicAdvancedSession(model, []string{vit.InputName}, []string{vit.OutputName}, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Destroy()
	graph, err := onnx.ReadFile(dump)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, n := range graph.Graph.Nodes {
		count[n.Op]++
	}
	return count
}

// Lower precision changes the features slightly, and nothing else.
func TestPrecisionsStayClose(t *testing.T) {
	file := sharedtest.Path(t, "models", "vit_tiny_patch16_224_cls.onnx")
	const n, size = 4, 3 * 224 * 224
	r := rand.New(rand.NewPCG(1, 1))
	pixels := make([]float32, n*size)
	for i := range pixels { // smooth images of different brightness: pure noise is far from what encoders see
		x := float64(i%224) / 224
		pixels[i] = float32(math.Sin(float64(i/size+1)*6*x) + 0.2*r.NormFloat64())
	}
	want := encode(t, file, pixels, n)
	dim := len(want) / n
	for p, least := range map[precision.Precision]float64{precision.Float16: 0.99999, precision.Int8: 0.99} {
		m, err := models.Resolve(t.Context(), file, models.Options{PullOptions: models.PullOptions{Cache: t.TempDir()}, Precision: p})
		if err != nil {
			t.Fatal(err)
		}
		got := encode(t, m.Path, pixels, n)
		for i := range n {
			if c := cosine(got[i*dim:][:dim], want[i*dim:][:dim]); !(c >= least) {
				t.Errorf("%s: cosine %g to the float32 features of picture %d, want at least %g", p, c, i, least)
			}
		}
		// A store can be resumed and merged only if an image's features do not depend on the rest of its batch.
		if alone := encode(t, m.Path, pixels[size:2*size], 1); !slices.Equal(alone, got[dim:2*dim]) {
			t.Errorf("%s: an image has other features alone than in a batch", p)
		}
	}
}

// The rewrites also work on the graphs built here, whose last block has one row per image.
func TestPrecisionsOfImports(t *testing.T) {
	file := sharedtest.Path(t, "vit", "dinov2_reg4.pth")
	input, shape := array(t, sharedtest.Path(t, "vit", "dinov2_reg4_input.npy"))
	want, _ := array(t, sharedtest.Path(t, "vit", "dinov2_reg4_cls.npy"))
	for _, p := range []precision.Precision{precision.Float16, precision.Int8} {
		m, err := models.Resolve(t.Context(), file, models.Options{
			PullOptions: models.PullOptions{Cache: t.TempDir()}, ImageSize: 42, Heads: 4, Precision: p})
		if err != nil {
			t.Fatal(err)
		}
		got := encode(t, m.Path, input, shape[0])
		if c := cosine(got, want); !(c > 0.999) {
			t.Errorf("%s: cosine %g to the official features", p, c)
		}
	}
}

func cosine(x, y []float32) float64 {
	var xy, xx, yy float64
	for i := range x {
		xy += float64(x[i]) * float64(y[i])
		xx += float64(x[i]) * float64(x[i])
		yy += float64(y[i]) * float64(y[i])
	}
	return xy / math.Sqrt(xx*yy)
}
