package encoder

import (
	"context"
	"errors"
	"fmt"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"iconic/option"
)

// MaxBatch is the largest number of images of a run.
const MaxBatch = 1 << 14

// CheckThreads refuses a number of threads below 0, which stands for one per processor.
func CheckThreads(n int) error {
	if n < 0 {
		return option.Errorf("Threads", "threads %d: want 1 or more, or 0 for one per processor", n)
	}
	return nil
}

// chooseInput checks that the model takes images, and determines their size.
func (e *Encoder) chooseInput(inputs []ort.InputOutputInfo, size int) error {
	if len(inputs) != 1 {
		return fmt.Errorf("it has %d inputs (%s): want one, N×3×H×W", len(inputs), list(inputs))
	}
	in := inputs[0]
	if in.OrtValueType != ort.ONNXTypeTensor || in.DataType != ort.TensorElementDataTypeFloat {
		return fmt.Errorf("input %s is not a float32 tensor: export the model with float32 pixels", words(in))
	}
	if len(in.Dimensions) != 4 || in.Dimensions[1] != 3 && in.Dimensions[1] >= 0 {
		return fmt.Errorf("input %s is not N×3×H×W, so it does not take colour images", words(in))
	}
	e.input = in
	e.fixed = max(0, int(in.Dimensions[0]))
	e.height, e.width = int(in.Dimensions[2]), int(in.Dimensions[3])
	if declared := max(e.height, e.width); declared > 0 && min(e.height, e.width) < 1 { // one side determines the other, as images are prepared as squares
		if size > 0 && size != declared {
			return option.Errorf("Crop", "input %s takes squares of %d×%d pixels only, not %d×%[4]d", words(in), declared, declared, size)
		}
		size = declared
	}
	if e.height < 1 && size > 0 {
		e.height = size
	}
	if e.width < 1 && size > 0 {
		e.width = size
	}
	const mostSide, mostNumbers = 1 << 14, 1 << 30 // a batch of 4 GiB
	if e.fixed > MaxBatch || e.height > mostSide || e.width > mostSide || max(1, e.fixed)*3*max(1, e.height)*max(1, e.width) > mostNumbers {
		return fmt.Errorf("input %s is too large: want at most %d images of %d×%d pixels, and %d numbers in all", words(in), MaxBatch, mostSide, mostSide, mostNumbers)
	}
	if e.height < 1 || e.width < 1 {
		return option.Errorf("Crop", "input %s leaves the image size free: give one", words(in))
	}
	return nil
}

// chooseOutput finds the N×D output. Dimensions of 1 after D are allowed.
func (e *Encoder) chooseOutput(outputs []ort.InputOutputInfo, name string) error {
	if name == "" && len(outputs) != 1 {
		return option.Errorf("Output", "it has %d outputs (%s): choose one", len(outputs), list(outputs))
	}
	for _, out := range outputs {
		if name != "" && out.Name != name {
			continue
		}
		if out.OrtValueType != ort.ONNXTypeTensor || out.DataType != ort.TensorElementDataTypeFloat {
			return fmt.Errorf("output %s is not a float32 tensor", words(out))
		}
		d := out.Dimensions
		wide := 0
		for _, n := range d[min(1, len(d)):] {
			if n != 1 {
				wide++
			}
		}
		if len(d) < 2 || wide > 1 {
			return option.Errorf("Output", "output %s is not N×D, one vector per image: export the class token or a pooled vector, or choose another output", words(out))
		}
		e.output, e.dim = out, 1
		for _, n := range d[1:] {
			e.dim *= int(n) // at most one of these is not 1; a dimension below 1 is free, and probe determines it
		}
		return nil
	}
	return fmt.Errorf("it has no output %q, only %s", name, list(outputs))
}

// words describes an input or output: "pixels (N×3×224×224 float32)".
func words(v ort.InputOutputInfo) string {
	if v.OrtValueType != ort.ONNXTypeTensor {
		return fmt.Sprintf("%q (not a tensor)", v.Name)
	}
	var dims []string
	for i, n := range v.Dimensions {
		switch {
		case n >= 0:
			dims = append(dims, fmt.Sprint(n))
		case i == 0:
			dims = append(dims, "N")
		default:
			dims = append(dims, "?")
		}
	}
	dtype := strings.TrimPrefix(v.DataType.String(), "ONNX_TENSOR_ELEMENT_DATA_TYPE_")
	if dtype == "FLOAT" {
		dtype = "float32"
	}
	return fmt.Sprintf("%q (%s %s)", v.Name, strings.Join(dims, "×"), strings.ToLower(dtype))
}

func list(values []ort.InputOutputInfo) string {
	var s []string
	for _, v := range values {
		s = append(s, words(v))
	}
	return strings.Join(s, ", ")
}

// probe runs the model once on one black image to find out, before the work starts, what the description leaves open: a free D, and whether
// the model runs at all.
func (e *Encoder) probe(ctx context.Context) (err error) {
	n := int64(max(1, e.fixed))
	pixels, err := ort.NewEmptyTensor[float32](ort.NewShape(n, 3, int64(e.height), int64(e.width)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pixels.Destroy()) }()
	outputs := []ort.Value{nil}
	err = e.call(ctx, pixels, outputs...)
	if ctx.Err() != nil && err != nil {
		return err
	}
	if err != nil {
		return fmt.Errorf("a black image of %d×%d pixels cannot be encoded: %s", e.width, e.height, strings.Join(strings.Fields(err.Error()), " "))
	}
	defer func() { err = errors.Join(err, outputs[0].Destroy()) }()
	shape := outputs[0].GetShape()
	dim := int64(1)
	for _, d := range shape[min(1, len(shape)):] {
		dim *= d
	}
	if len(shape) != len(e.output.Dimensions) || shape[0] != n || dim < 1 || e.dim > 0 && dim != int64(e.dim) {
		return fmt.Errorf("output %s for %d images has shape %v: want one vector per image", words(e.output), n, shape)
	}
	e.dim = int(dim)
	return nil
}
