package models

import (
	"os"
	"testing"

	"iconic/models/onnx"
)

func TestTheBuiltInEncoderIsSmallAndWhole(t *testing.T) {
	m, err := Resolve(t.Context(), TinyName, Options{PullOptions: PullOptions{Cache: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	if written, err := os.Stat(m.Path); err != nil || written.Size() >= 1<<20 {
		t.Errorf("%d bytes, want less than a megabyte (%v)", written.Size(), err)
	}
	graph, err := onnx.ReadFile(m.Path)
	if err != nil {
		t.Fatal(err)
	}
	in, out := graph.Graph.Inputs[0].Shape, graph.Graph.Outputs[0].Shape
	if int(in[2].Size) != m.ImageSize || int(out[1].Size) != m.Dim || m.Preprocessing.Crop != m.ImageSize {
		t.Errorf("input %v and output %v of %+v", in, out, m)
	}
}
