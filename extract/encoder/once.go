package encoder

import (
	"context"
	"errors"
	"fmt"

	ort "github.com/yalue/onnxruntime_go"
)

// Once runs any model with one input once, on the processor, and returns the named float32 outputs: what an exported model computes for
// some images. input is a []float32 or []uint8 of the given shape. The run ends soon after ctx does.
func Once(ctx context.Context, library, model string, input any, shape []int64, outputs ...string) (_ [][]float32, err error) {
	if err := load(ctx, library); err != nil {
		return nil, err
	}
	inputs, _, err := describe(model)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", model, explain(err))
	}
	if len(inputs) != 1 {
		return nil, fmt.Errorf("model %s has %d inputs, want one", model, len(inputs))
	}
	var x ort.Value
	switch data := input.(type) {
	case []float32:
		x, err = ort.NewTensor(ort.NewShape(shape...), data)
	case []uint8:
		x, err = ort.NewTensor(ort.NewShape(shape...), data)
	default:
		err = fmt.Errorf("input of type %T: want []float32 or []uint8", input)
	}
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", model, err)
	}
	defer x.Destroy()
	session, err := ort.NewDynamicAdvancedSession(model, []string{inputs[0].Name}, outputs, nil)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", model, explain(err))
	}
	defer session.Destroy()
	values := make([]ort.Value, len(outputs))
	defer func() {
		for _, v := range values {
			if v != nil {
				err = errors.Join(err, v.Destroy())
			}
		}
	}()
	err = ending(ctx, func(o *ort.RunOptions) error { return session.RunWithOptions([]ort.Value{x}, values, o) })
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", model, explain(err))
	}
	var all [][]float32
	for i, v := range values {
		t, ok := v.(*ort.Tensor[float32])
		if !ok {
			return nil, fmt.Errorf("model %s: output %s is not float32", model, outputs[i])
		}
		all = append(all, append([]float32(nil), t.GetData()...))
	}
	return all, nil
}
