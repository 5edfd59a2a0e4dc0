package encoder

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	ort "github.com/yalue/onnxruntime_go"

	"iconic/internal/parallel"
)

// Encode turns n images, n×3×height×width floats in pixels, into n×Dim floats in dst. It ends soon after ctx does, also
// within a run of the model.
func (e *Encoder) Encode(ctx context.Context, dst, pixels []float32, n int) error {
	return e.encode(ctx, dst, pixels, n, e.plan)
}

// encode is Encode by a plan.
func (e *Encoder) encode(ctx context.Context, dst, pixels []float32, n int, p plan) error {
	if e.session == nil {
		return fmt.Errorf("model %s: %w", e.name, ErrClosed)
	}
	image := 3 * e.height * e.width
	if n < 1 || !holds(pixels, n, image) || !holds(dst, n, e.dim) {
		return fmt.Errorf("model %s: %d images do not fit %d pixels and %d features", e.name, n, len(pixels), len(dst))
	}
	err := parallel.Blocks(ctx, e.callers.count, n, cmp.Or(p.images, n), func(_, lo, hi int) error {
		return e.run(ctx, dst[lo*e.dim:hi*e.dim], pixels[lo*image:hi*image], cmp.Or(p.size, hi-lo))
	})
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("model %s: %w", e.name, err)
}

// holds reports whether x is n rows of width numbers. The product of the two may overflow.
func holds(x []float32, n, width int) bool { return len(x)%width == 0 && len(x)/width == n }

// run encodes at most size images in a run of size: those that are missing are black.
func (e *Encoder) run(ctx context.Context, dst, pixels []float32, size int) (err error) {
	if full := size * 3 * e.height * e.width; len(pixels) < full {
		padded, features := make([]float32, full), make([]float32, size*e.dim)
		copy(padded, pixels)
		defer func(dst []float32) { copy(dst, features) }(dst)
		pixels, dst = padded, features
	}
	in, err := ort.NewTensor(ort.NewShape(int64(size), 3, int64(e.height), int64(e.width)), pixels)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, in.Destroy()) }()
	out, err := ort.NewTensor(e.outputShape(size), dst)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Destroy()) }()
	if err := e.call(ctx, in, out); err != nil {
		return fmt.Errorf("ONNX Runtime: %w", err)
	}
	return nil
}

// call runs the session once, from one of its threads.
func (e *Encoder) call(ctx context.Context, in ort.Value, outs ...ort.Value) error {
	return e.callers.do(func() error {
		return ending(ctx, func(o *ort.RunOptions) error { return e.session.RunWithOptions([]ort.Value{in}, outs, o) })
	})
}

// outputShape is the output's shape for n images.
func (e *Encoder) outputShape(n int) ort.Shape {
	shape := e.output.Dimensions.Clone()
	shape[0] = int64(n)
	for i := range shape[1:] {
		if shape[i+1] < 1 {
			shape[i+1] = int64(e.dim)
		}
	}
	return shape
}
