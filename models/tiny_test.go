package models

import (
	"bytes"
	"os"
	"testing"

	"iconic/models/onnx"
)

func TestTheBuiltInEncoderIsSmallAndWhole(t *testing.T) {
	var b bytes.Buffer
	m, err := Tiny(&b)
	if err != nil {
		t.Fatal(err)
	}
	if b.Len() >= 1<<20 {
		t.Errorf("%d bytes, want less than a megabyte", b.Len())
	}
	graph, err := onnx.Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	in, out := graph.Graph.Inputs[0].Shape, graph.Graph.Outputs[0].Shape
	if int(in[2].Size) != m.ImageSize || int(out[1].Size) != m.Dim || m.Preprocessing.Crop != m.ImageSize {
		t.Errorf("input %v and output %v of %+v", in, out, m)
	}
	resolved, err := Resolve(t.Context(), TinyName, Options{PullOptions: PullOptions{Cache: t.TempDir()}})
	if err != nil {
		t.Fatal(err)
	}
	if written, err := os.ReadFile(resolved.Path); err != nil || !bytes.Equal(written, b.Bytes()) {
		t.Errorf("Resolve writes another model than Tiny (%v)", err)
	}
}
