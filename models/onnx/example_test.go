package onnx_test

import (
	"bytes"
	"fmt"
	"log"

	"iconic/models/onnx"
)

// A model of one's own: y = Softmax(x·Wᵀ + b), written and read without a file.
func Example() {
	m := &onnx.Model{IRVersion: 8, Producer: "example", Opsets: map[string]int64{"": 17}, Graph: &onnx.Graph{Name: "head"}}
	b := onnx.NewBuilder(m, "head/")
	x := b.Input("x", onnx.Float32, onnx.Dim{Name: "batch"}, onnx.Dim{Size: 2})
	weight := b.Floats([]float32{1, -1, 0.5, 2}, 2, 2)
	y := b.At("y").Softmax(b.Linear(x, weight, b.Floats([]float32{0, 0.5}, 2)))
	b.Output(y, y.Shape...)
	if err := b.Err(); err != nil {
		log.Fatal(err)
	}
	var file bytes.Buffer // or an HTTP response, an archive, ...
	if err := onnx.Write(&file, m); err != nil {
		log.Fatal(err)
	}
	read, err := onnx.Parse(file.Bytes())
	if err != nil {
		log.Fatal(err)
	}
	for _, n := range read.Graph.Nodes {
		fmt.Println(n.Op, n.Inputs, "→", n.Outputs)
	}
	// Output:
	// Gemm [x head/constant_1 head/constant_2] → [head/Gemm_3]
	// Softmax [head/Gemm_3] → [y]
}
