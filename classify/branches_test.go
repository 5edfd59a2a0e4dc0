package classify

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"iconic/extract/encoder"
	"iconic/extract/onnxruntime"
	"iconic/internal/onnxtest"
	"iconic/models/deploy"
	"iconic/models/onnx"
	"iconic/models/precision"
)

// Branches of an If use weights of the graph around them, which therefore stay, also where a layer outside has its own form of them.
func TestWeightsOfBranchesStay(t *testing.T) {
	library, err := onnxruntime.Find(t.Context(), onnxruntime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const side = 32
	model := onnxtest.Model{Input: onnxtest.Dims{-1, 3, side, side}, Outputs: []onnxtest.Output{{Name: "features"}}, Branches: true}.Encode()
	pixels := make([]float32, 2*3*side*side)
	for i := range pixels {
		pixels[i] = float32(i%37)/37 - 0.3
	}
	var want []float32
	for _, p := range []precision.Precision{precision.Float32, precision.Float16, precision.Int8} {
		m, err := onnx.Parse(model)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(t.TempDir(), "model.onnx")
		if err := errors.Join(precision.Apply(m, p), onnx.WriteFile(name, m)); err != nil {
			t.Fatal(err)
		}
		e, err := encoder.Open(t.Context(), name, encoder.Options{Library: library, Provider: encoder.CPU, Threads: 1})
		if err != nil {
			t.Errorf("%s: %v", p, err)
			continue
		}
		defer e.Close()
		got := make([]float32, 2*e.Dim())
		if err := e.Encode(t.Context(), got, pixels, 2); err != nil {
			t.Fatal(err)
		}
		if p == precision.Float32 {
			want = got
		}
		if d := cmp.Diff(want, got, cmpopts.EquateApprox(0, 0.01)); d != "" {
			t.Errorf("%s: -want +got:\n%s", p, d)
		}
	}
}

// The encoder's input is replaced in the branches of an If, too.
func TestBranchesSeeTheNewInput(t *testing.T) {
	library, err := onnxruntime.Find(t.Context(), onnxruntime.Options{})
	if err != nil {
		t.Fatal(err)
	}
	const side, width = 32, 3 * 4 * 4
	m, err := onnx.Parse(onnxtest.Model{Input: onnxtest.Dims{-1, 3, side, side}, Outputs: []onnxtest.Output{{Name: "features"}}, Branches: true}.Encode())
	if err != nil {
		t.Fatal(err)
	}
	one := [3]float32{1, 1, 1}
	err = deploy.Attach(m, deploy.Options{
		Head:          []deploy.Layer{{In: width, Out: 2, Weight: make([]float32, 2*width), Bias: make([]float32, 2)}},
		Preprocessing: &deploy.Pixels{Resize: side, Crop: side, Std: one},
	})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "model.onnx")
	if err := onnx.WriteFile(name, m); err != nil {
		t.Fatal(err)
	}
	got, err := encoder.Once(t.Context(), library, name, make([]uint8, side*side*3), []int64{1, side, side, 3}, deploy.ProbabilitiesName)
	if err != nil {
		t.Fatal(err)
	}
	if p := got[0]; len(p) != 2 || p[0] != 0.5 || p[1] != 0.5 {
		t.Errorf("probabilities %v of a head of zeros", got)
	}
}
