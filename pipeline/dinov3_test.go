package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"iconic/internal/half"
	"iconic/internal/safetensors"
	"iconic/models"
	"iconic/models/onnx"
	"iconic/models/precision"
	"iconic/models/vit"
)

// oracle holds the outputs of timm and the transformers library for small DINOv3 encoders (scripts/oracle/dinov3.py).
type oracle struct {
	Title   string                  `json:"title"`
	Size    int                     `json:"size"`
	Heads   int                     `json:"heads"`
	Tensors map[string]oracleTensor `json:"tensors"`
	CLS     []float32               `json:"cls"` // of two images
	Patch   []float32               `json:"patch"`
}

// oracleTensor is a tensor of a file: its numbers are Values, with null for NaN, or those generated for the names in Sources or Source.
type oracleTensor struct {
	Shape   []int      `json:"shape"`
	Source  string     `json:"source"`
	Sources []string   `json:"sources"`
	Values  []*float32 `json:"values"`
}

func (t oracleTensor) numbers() []float32 {
	if t.Values != nil {
		x := make([]float32, len(t.Values))
		for i, v := range t.Values {
			if x[i] = float32(math.NaN()); v != nil {
				x[i] = *v
			}
		}
		return x
	}
	if t.Sources == nil {
		return oracleNumbers(t.Source, t.Shape)
	}
	var x []float32
	for _, s := range t.Sources {
		x = append(x, oracleNumbers(s, []int{t.Shape[0] / len(t.Sources)})...)
	}
	return x
}

// oracleNumbers generates the numbers of a tensor as the script does: the finaliser of MurmurHash3 on each element's index, seeded
// with the CRC-32 of the name, in [−½, ½), then scaled to the tensor's purpose.
func oracleNumbers(name string, shape []int) []float32 {
	n := 1
	for _, d := range shape {
		n *= d
	}
	x := make([]float32, n)
	for i := range x {
		h := (uint32(i) + crc32.ChecksumIEEE([]byte(name))) * 0x9e3779b1
		h = (h ^ h>>16) * 0x85ebca6b
		h = (h ^ h>>13) * 0xc2b2ae35
		x[i] = float32((h^h>>16)>>8)/(1<<24) - 0.5
	}
	fan := float64(n / max(shape[0], 1))
	for i, v := range x {
		switch {
		case strings.Contains(name, "norm") && strings.HasSuffix(name, "weight"):
			x[i] = 1 + v*0.5
		case strings.Contains(name, "gamma"), strings.Contains(name, "lambda"):
			x[i] = 0.5 + v
		case (len(shape) == 2 || len(shape) == 4) && !strings.Contains(name, "token"):
			x[i] = v * float32(4/math.Sqrt(fan))
		}
	}
	return x
}

// readOracles reads all oracles.
func readOracles() ([]oracle, error) {
	b, err := os.ReadFile(filepath.Join("testdata", "dinov3.json"))
	if err != nil {
		return nil, err
	}
	var all struct{ Cases []oracle }
	if err := json.Unmarshal(b, &all); err != nil {
		return nil, err
	}
	if len(all.Cases) < 15 {
		return nil, fmt.Errorf("%d cases", len(all.Cases))
	}
	return all.Cases, nil
}

func oracles(t *testing.T) []oracle {
	t.Helper()
	all, err := readOracles()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// write writes the weights to a file, each tensor as encoded by encode.
func (o oracle) write(name string, encode func(name string, x []float32, shape ...int) safetensors.Tensor) error {
	var tensors []safetensors.Tensor
	for name, tensor := range o.Tensors {
		tensors = append(tensors, encode(name, tensor.numbers(), tensor.Shape...))
	}
	return safetensors.WriteFile(name, tensors, nil)
}

func (o oracle) file(t *testing.T, encode func(name string, x []float32, shape ...int) safetensors.Tensor) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "dinov3.safetensors")
	if err := o.write(name, encode); err != nil {
		t.Fatal(err)
	}
	return name
}

// dinov3 writes the weights of a small encoder with the official names, two blocks of width 32 for patches of 4×4:
//
//	dinov3 file
func dinov3(ts *testscript.TestScript, _ bool, args []string) {
	all, err := readOracles()
	ts.Check(err)
	ts.Check(all[13].write(ts.MkAbs(args[0]), safetensors.FromFloat32))
}

func (o oracle) pixels() []float32 {
	x := oracleNumbers(fmt.Sprintf("pixels of %d", o.Size), []int{2, 3, o.Size, o.Size})
	for i := range x {
		x[i] *= 4
	}
	return x
}

// both is the class token and the mean of the patch tokens of each image.
func (o oracle) both() (x []float32) {
	half := len(o.CLS) / 2
	for i := range 2 {
		x = append(append(x, o.CLS[i*half:][:half]...), o.Patch[i*half:][:half]...)
	}
	return x
}

// unlike is a selection of encoders that have little in common.
func unlike(t *testing.T) []oracle {
	all := oracles(t)
	return []oracle{all[0], all[8], all[9], all[13]}
}

// DINOv3 encoders as timm and the transformers library build and name them, including unpublished sizes.
func TestDINOv3OfEachLibrary(t *testing.T) {
	for _, o := range oracles(t) {
		t.Run(o.Title, func(t *testing.T) {
			var notes string
			options := models.Options{ImageSize: o.Size, Output: vit.Both, Heads: o.Heads, PullOptions: models.PullOptions{Note: func(text string) { notes += text }}}
			compare(t, o.file(t, safetensors.FromFloat32), options, o.pixels(), 2, o.both())
			if told := strings.Contains(notes, "2 of 2 bias masks contain only NaN"); told != strings.Contains(o.Title, "NaN") {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

// The rotary frequencies that a transformers file may contain are the inverses of the periods.
func TestDINOv3WithRotaryFrequencies(t *testing.T) {
	o := oracles(t)[0]
	frequencies := make([]*float32, 4)
	for i := range frequencies {
		f := float32(math.Pow(100, -float64(i)/4))
		frequencies[i] = &f
	}
	o.Tensors["rope_embeddings.inv_freq"] = oracleTensor{Shape: []int{4}, Values: frequencies}
	compare(t, o.file(t, safetensors.FromFloat32), models.Options{ImageSize: o.Size, Heads: o.Heads}, o.pixels(), 2, o.CLS)
	none := float32(0)
	frequencies[2] = &none
	_, err := models.Resolve(t.Context(), o.file(t, safetensors.FromFloat32), models.Options{ImageSize: o.Size, Heads: o.Heads, PullOptions: models.PullOptions{Cache: t.TempDir()}})
	if err == nil || !strings.Contains(err.Error(), `"rope_embeddings.inv_freq": element 2 is 0`) {
		t.Errorf("a frequency of zero: %v", err)
	}
}

// 16-bit weights are read exactly: the model equals that of the rounded numbers.
func TestDINOv3FromWeightsOfTwoBytes(t *testing.T) {
	for name, c := range map[string]struct {
		kind    safetensors.DType
		rounded func(v float32) (bits uint16, value float32)
	}{
		"float16": {safetensors.F16, func(v float32) (uint16, float32) { b := half.FromFloat32(v); return b, half.Float32(b) }},
		"bfloat16": {safetensors.BF16, func(v float32) (uint16, float32) {
			b := math.Float32bits(v)
			b += 0x7fff + b>>16&1 // round to nearest, ties to even
			return uint16(b >> 16), math.Float32frombits(b &^ 0xffff)
		}},
	} {
		for _, o := range unlike(t) {
			whole := o.file(t, func(name string, x []float32, shape ...int) safetensors.Tensor {
				for i, v := range x {
					_, x[i] = c.rounded(v)
				}
				return safetensors.FromFloat32(name, x, shape...)
			})
			narrow := o.file(t, func(name string, x []float32, shape ...int) safetensors.Tensor {
				var data []byte
				for _, v := range x {
					b, _ := c.rounded(v)
					data = binary.LittleEndian.AppendUint16(data, b)
				}
				return safetensors.Tensor{Name: name, DType: c.kind, Shape: shape, Data: data}
			})
			var graphs [2][]byte
			for i, file := range []string{whole, narrow} {
				m, err := models.Resolve(t.Context(), file, models.Options{ImageSize: o.Size, Heads: o.Heads, PullOptions: models.PullOptions{Cache: t.TempDir()}})
				if err != nil {
					t.Fatal(err)
				}
				if graphs[i], err = os.ReadFile(m.Path); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(graphs[0], graphs[1]) {
				t.Errorf("%s, %s: another model than of the rounded numbers", o.Title, name)
			}
		}
	}
}

// The rewritten models keep the rotation in float32 and give nearly the same features.
func TestDINOv3OfFewerBits(t *testing.T) {
	for _, o := range unlike(t) {
		for p, least := range map[precision.Precision]float64{precision.Float16: 0.9999, precision.Int8: 0.99} {
			m, err := models.Resolve(t.Context(), o.file(t, safetensors.FromFloat32), models.Options{
				ImageSize: o.Size, Heads: o.Heads, Precision: p, Output: vit.Both, PullOptions: models.PullOptions{Cache: t.TempDir()}})
			if err != nil {
				t.Fatal(err)
			}
			if c := cosine(encode(t, m.Path, o.pixels(), 2), o.both()); !(c > least) {
				t.Errorf("%s, %s: cosine %g to the features of float32, want %g", o.Title, p, c, least)
			}
			graph, err := onnx.ReadFile(m.Path)
			if err != nil {
				t.Fatal(err)
			}
			tables := 0
			for _, x := range graph.Graph.Initializers {
				if strings.HasPrefix(x.Name, "rotary/") && x.Type == onnx.Float32 {
					tables++
				}
			}
			if tables != 2 {
				t.Errorf("%s, %s: %d tables of the rotation in float32, want those of cosines and sines", o.Title, p, tables)
			}
		}
	}
}
