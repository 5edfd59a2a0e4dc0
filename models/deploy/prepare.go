package deploy

import "iconic/models/onnx"

// precision is 2 to the number of fractional bits of the resampler's weights.
const precision = 1 << 22

// prepare resizes, crops and normalises images to the encoder's input.
func (b builder) prepare(images onnx.Value, input string, p *Pixels) {
	sizes := b.Shape(images)
	height, width := b.Cast(b.Gather(sizes, 0, 1), onnx.Float64), b.Cast(b.Gather(sizes, 0, 2), onnx.Float64)
	var rows, columns onnx.Value // sides after resizing
	if p.Whole {
		rows, columns = b.Double(float64(p.Crop)), b.Double(float64(p.Crop))
	} else {
		// The shorter side becomes Resize, the other keeps the aspect ratio, truncated to whole pixels; for the shorter one the division is
		// exact.
		short := b.Min(height, width)
		resized := func(side onnx.Value) onnx.Value {
			return b.Max(b.Double(1), b.Floor(b.Div(b.Mul(side, b.Double(float64(p.Resize))), short)))
		}
		rows, columns = resized(height), resized(width)
	}
	x := b.Transpose(b.Cast(images, onnx.Float64), 0, 3, 1, 2) // batch×3×height×width
	x = b.rounded(b.MatMul(x, b.Transpose(b.weights(width, columns, p.Crop), 1, 0)))
	x = b.rounded(b.MatMul(b.weights(height, rows, p.Crop), x))
	x = b.Div(b.Cast(x, onnx.Float32), b.Float(255))
	x = b.Sub(x, b.Floats(p.Mean[:], 3, 1, 1))
	b.Replacing(input).Div(x, b.Floats(p.Std[:], 3, 1, 1))
}

// rounded converts sums of 22-fractional-bit weights times 8-bit pixels back to 8 bits.
func (b builder) rounded(sums onnx.Value) onnx.Value {
	x := b.Floor(b.Mul(b.Add(sums, b.Double(precision/2)), b.Double(1.0/precision)))
	return b.Max(b.Double(0), b.Min(b.Double(255), x))
}

// weights is the matrix (crop×in) that resizes a side of in pixels to out and keeps the central crop, times 2²²: the same as newTaps in the
// extraction's package pixels, with the same order of operations. If the resized side is shorter than the crop, rows beyond it are zero:
// black, as torchvision pads.
func (b builder) weights(in, out onnx.Value, crop int) onnx.Value {
	index := b.Add(b.Range(b.Double(0), b.Double(float64(crop)), b.Double(1)), b.offset(out, crop)) // in the resized side
	scale := b.Div(in, out)
	stretch := b.Max(scale, b.Double(1))
	centre := b.Mul(b.Add(index, b.Double(0.5)), scale)
	pixel := b.Reshape(b.Range(b.Double(0), in, b.Double(1)), 1, -1)
	apart := b.Add(b.Sub(pixel, b.Reshape(centre, -1, 1)), b.Double(0.5))
	w := b.bicubic(b.Abs(b.Mul(apart, b.Div(b.Double(1), stretch))))
	w = b.Div(w, b.Max(b.Sum(w, 1, true), b.Double(1e-3))) // the sum is about the stretch factor, unless the row is outside
	// Round to whole numbers, halves away from zero.
	w = b.Mul(b.Sign(w), b.Floor(b.Add(b.Abs(b.Mul(w, b.Double(precision))), b.Double(0.5))))
	// A row is inside if index ≥ 0 and index ≤ out − 1: min(index, out−1−index) > −1.
	there := b.Greater(b.Min(index, b.Sub(b.Sub(out, b.Double(1)), index)), b.Double(-1))
	return b.Mul(w, b.Reshape(b.Cast(there, onnx.Float64), -1, 1))
}

// offset is the index, on the resized side, of the crop's first pixel: half of the remainder, halves rounded to the even number; if the
// side is too short, minus the padding before it.
func (b builder) offset(out onnx.Value, crop int) onnx.Value {
	half := b.Div(b.Sub(out, b.Double(float64(crop))), b.Double(2))
	return b.Where(b.Less(half, b.Double(0)), b.Ceil(half), b.Round(half))
}

// bicubic is the cubic convolution kernel of Keys (1981), a = −0.5, of distances x ≥ 0.
func (b builder) bicubic(x onnx.Value) onnx.Value {
	const a = -0.5
	near := b.Add(b.Mul(b.Mul(b.Add(b.Mul(b.Double(a+2), x), b.Double(-(a+3))), x), x), b.Double(1))
	far := b.Add(b.Mul(b.Add(b.Mul(b.Add(x, b.Double(-5)), x), b.Double(8)), x), b.Double(-4))
	far = b.Where(b.Less(x, b.Double(2)), b.Mul(far, b.Double(a)), b.Double(0))
	return b.Where(b.Less(x, b.Double(1)), near, far)
}
