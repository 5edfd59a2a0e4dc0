package precision

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"iconic/internal/half"
	"iconic/models/onnx"
)

// layered is x·W + b as a MatMul and as a Gemm, twice from the same x, where W comes from a Constant node once.
func layered(w []float32, rows, columns int64, opset int64) *onnx.Model {
	return &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": opset}, Graph: &onnx.Graph{
		Name: "g",
		Nodes: []*onnx.Node{
			{Name: "c", Op: "Constant", Outputs: []string{"w2"}, Attributes: []onnx.Attribute{{Name: "value", Kind: onnx.KindTensor, Tensor: onnx.Constant("", onnx.Float32, onnx.Floats(w), rows, columns)}}},
			{Name: "a", Op: "MatMul", Inputs: []string{"x", "w"}, Outputs: []string{"y"}},
			{Name: "b", Op: "Gemm", Inputs: []string{"x", "w2", "bias"}, Outputs: []string{"z"}},
		},
		Initializers: []*onnx.Tensor{onnx.Constant("w", onnx.Float32, onnx.Floats(w), rows, columns), onnx.Constant("bias", onnx.Float32, onnx.Floats(make([]float32, columns)), columns)},
		Inputs:       []onnx.Value{{Name: "x", Type: onnx.Float32, Shape: []onnx.Dim{{Name: "n"}, {Size: rows}}}},
		Outputs:      []onnx.Value{{Name: "y", Type: onnx.Float32}, {Name: "z", Type: onnx.Float32}},
	}}
}

func tensor(t interface{ Fatalf(string, ...any) }, m *onnx.Model, name string) []byte {
	for _, x := range m.Graph.Initializers {
		if x.Name == name {
			b, err := x.Load()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return b
		}
	}
	t.Fatalf("no tensor %s", name)
	return nil
}

// Each weight is off by at most half a step of its channel, and no step is wider than the channel needs.
func TestInt8WeightsAreTheNearest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows, columns := rapid.Int64Range(1, 9).Draw(t, "rows"), rapid.Int64Range(1, 9).Draw(t, "columns")
		w := rapid.SliceOfN(rapid.Float32Range(-1e3, 1e3), int(rows*columns), int(rows*columns)).Draw(t, "w")
		m := layered(w, rows, columns, 17)
		if err := Apply(m, Int8); err != nil {
			t.Fatal(err)
		}
		q, s := tensor(t, m, "w/int8"), tensor(t, m, "w/scale")
		for j := range columns {
			step := math.Float32frombits(binary.LittleEndian.Uint32(s[4*j:]))
			var largest float64
			for k := range rows {
				v, n := float64(w[k*columns+j]), float64(int8(q[k*columns+j]))
				largest = max(largest, math.Abs(v))
				if math.Abs(n) > most || math.Abs(v-n*float64(step)) > 0.5001*float64(step) {
					t.Fatalf("weight %g became %g steps of %g", v, n, step)
				}
			}
			if largest > 1e-30 && float64(step) > 1.0001*largest/most {
				t.Fatalf("step %g for weights up to %g", step, largest)
			}
		}
	})
}

func TestInt8ReplacesAndSweeps(t *testing.T) {
	for _, opset := range []int64{13, 17, 18} {
		m := layered(make([]float32, 6), 2, 3, opset)
		if err := Apply(m, Int8); err != nil {
			t.Fatal(err)
		}
		count := map[string]int{}
		for _, n := range m.Graph.Nodes {
			count[n.Op]++
			if n.Op == "ReduceMax" && (len(n.Inputs) == 2) != (opset >= 18) {
				t.Errorf("opset %d: ReduceMax with %d inputs", opset, len(n.Inputs))
			}
		}
		if count["MatMul"]+count["Gemm"]+count["Constant"] != 0 || count["MatMulInteger"] != 2 || count["QuantizeLinear"] != 1 {
			t.Errorf("opset %d: %v", opset, count)
		}
		for _, x := range m.Graph.Initializers {
			if x.Name == "w" {
				t.Error("the float32 weights are still there")
			}
		}
	}
}

func TestInt8LeavesWhatIsNoLinearLayer(t *testing.T) {
	for name, change := range map[string]func(m *onnx.Model){
		"a product of two inputs": func(m *onnx.Model) { m.Graph.Nodes[1].Inputs[1] = "x" },
		"a factor": func(m *onnx.Model) {
			m.Graph.Nodes[1].Op = "Gemm"
			m.Graph.Nodes[1].Attributes = []onnx.Attribute{onnx.Float("alpha", 2)}
		},
		"a turned x": func(m *onnx.Model) {
			m.Graph.Nodes[1].Op = "Gemm"
			m.Graph.Nodes[1].Attributes = []onnx.Attribute{onnx.Int("transA", 1)}
		},
		"another domain": func(m *onnx.Model) { m.Graph.Nodes[1].Domain = "own" },
		"weights a caller may set": func(m *onnx.Model) {
			m.Graph.Inputs = append(m.Graph.Inputs, onnx.Value{Name: "w", Type: onnx.Float32})
		},
		"three dimensions": func(m *onnx.Model) { m.Graph.Initializers[0].Dims = []int64{1, 2, 3} },
	} {
		m := layered(make([]float32, 6), 2, 3, 17)
		m.Graph.Nodes = m.Graph.Nodes[:2]
		change(m)
		if err := Apply(m, Int8); err == nil || !strings.Contains(err.Error(), "no linear layer") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Apply(layered(make([]float32, 6), 2, 3, 11), Int8); err == nil || !strings.Contains(err.Error(), "operator set 11") {
		t.Errorf("an old operator set: %v", err)
	}
}

func TestFloat16(t *testing.T) {
	w := make([]float32, 400)
	for i := range w {
		w[i] = float32(i) / 3
	}
	m := layered(w, 20, 20, 17)
	if err := Apply(m, Float16); err != nil {
		t.Fatal(err)
	}
	b := tensor(t, m, "w/float16")
	for i, v := range w {
		if got := half.Float32(binary.LittleEndian.Uint16(b[2*i:])); math.Abs(float64(got-v)) > float64(v)/2048 {
			t.Fatalf("%g became %g", v, got)
		}
	}
	if n := m.Graph.Nodes[0]; n.Op != "Cast" || n.Outputs[0] != "w" {
		t.Errorf("first node %+v", n)
	}
	w[7] = 70000
	m = layered(w, 20, 20, 17)
	if err := Apply(m, Float16); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Graph.Initializers[0].Load(); err == nil || !strings.Contains(err.Error(), `"w": element 7 is 70000`) {
		t.Errorf("a weight beyond float16: %v", err)
	}
}

func TestParse(t *testing.T) {
	for name, want := range map[string]Precision{"": Float32, "float32": Float32, "float16": Float16, "int8": Int8} {
		if p, err := Parse(name); err != nil || p != want {
			t.Errorf("%q: %v, %v", name, p, err)
		}
	}
	if _, err := Parse("int4"); err == nil {
		t.Error("int4 was accepted")
	}
}
