package deploy

import (
	"encoding/binary"

	"iconic/models/onnx"
)

// precision is 2 to the number of fractional bits of the resampler's weights.
const precision = 1 << 22

// prepare resizes, crops and normalises images for the encoder, whose input it makes.
func (b *builder) prepare(input string, p *Pixels) {
	shape := b.op("Shape", ImagesName)
	height, width := b.side(shape, 1), b.side(shape, 2)
	var rows, columns string // sides after resizing
	if p.Whole {
		rows, columns = b.number(float64(p.Crop)), b.number(float64(p.Crop))
	} else {
		// The shorter side becomes Resize, the other keeps the shape, cut to whole pixels; for the shorter the division is exact.
		short := b.op("Min", height, width)
		resized := func(side string) string {
			return b.op("Max", b.number(1), b.op("Floor", b.op("Div", b.op("Mul", side, b.number(float64(p.Resize))), short)))
		}
		rows, columns = resized(height), resized(width)
	}
	x := b.attributed("Transpose", []onnx.Attribute{onnx.Ints("perm", 0, 3, 1, 2)}, b.cast(ImagesName, onnx.Float64)) // batch×3×height×width
	across := b.attributed("Transpose", []onnx.Attribute{onnx.Ints("perm", 1, 0)}, b.weights(width, columns, p.Crop))
	x = b.rounded(b.op("MatMul", x, across))
	x = b.rounded(b.op("MatMul", b.weights(height, rows, p.Crop), x))
	x = b.op("Div", b.cast(x, onnx.Float32), b.floats([]float32{255}))
	x = b.op("Sub", x, b.floats(p.Mean[:], 3, 1, 1))
	b.to(input, "Div", x, b.floats(p.Std[:], 3, 1, 1))
}

// side is one entry of a shape, as a float64 scalar.
func (b *builder) side(shape string, at int64) string {
	index := b.constant(onnx.Int64, binary.LittleEndian.AppendUint64(nil, uint64(at))) // a scalar, and so is what it takes
	return b.cast(b.op("Gather", shape, index), onnx.Float64)
}

// rounded takes sums of weights of 22 fractional bits and 8-bit pixels back to 8 bits.
func (b *builder) rounded(sums string) string {
	x := b.op("Floor", b.op("Mul", b.op("Add", sums, b.number(precision/2)), b.number(1.0/precision)))
	return b.op("Max", b.number(0), b.op("Min", b.number(255), x))
}

// weights is the matrix (crop×in) that resizes a side of in pixels to out and keeps the crop in the middle, times 2²²: that of
// newTaps in the extraction's package pixels, whose order of operations it keeps. Where the resized side is shorter than
// the crop, rows beyond it are zero: black, as torchvision pads.
func (b *builder) weights(in, out string, crop int) string {
	index := b.op("Add", b.op("Range", b.number(0), b.number(float64(crop)), b.number(1)), b.offset(out, crop)) // of the resized side
	scale := b.op("Div", in, out)
	stretch := b.op("Max", scale, b.number(1))
	centre := b.op("Mul", b.op("Add", index, b.number(0.5)), scale)
	column, row := b.ints(-1, 1), b.ints(1, -1)
	pixel := b.op("Reshape", b.op("Range", b.number(0), in, b.number(1)), row)
	apart := b.op("Add", b.op("Sub", pixel, b.op("Reshape", centre, column)), b.number(0.5))
	w := b.bicubic(b.op("Abs", b.op("Mul", apart, b.op("Div", b.number(1), stretch))))
	w = b.op("Div", w, b.op("Max", b.sum(w, 1), b.number(1e-3))) // the sum is about the stretch, unless the row is beyond
	// To whole numbers, halves away from zero.
	w = b.op("Mul", b.op("Sign", w), b.op("Floor", b.op("Add", b.op("Abs", b.op("Mul", w, b.number(precision))), b.number(0.5))))
	// A row is there where index ≥ 0 and index ≤ out − 1: min(index, out−1−index) > −1.
	there := b.op("Greater", b.op("Min", index, b.op("Sub", b.op("Sub", out, b.number(1)), index)), b.number(-1))
	return b.op("Mul", w, b.op("Reshape", b.cast(there, onnx.Float64), column))
}

// offset is the index, on the resized side, of the crop's first pixel: half of what is left over, halves going to the even number;
// where the side is too short, minus what is padded before it.
func (b *builder) offset(out string, crop int) string {
	half := b.op("Div", b.op("Sub", out, b.number(float64(crop))), b.number(2))
	return b.op("Where", b.op("Less", half, b.number(0)), b.op("Ceil", half), b.op("Round", half))
}

// bicubic is the cubic convolution kernel of Keys (1981), a = −0.5, of distances x ≥ 0.
func (b *builder) bicubic(x string) string {
	const a = -0.5
	n, mul, add := b.number, func(x, y string) string { return b.op("Mul", x, y) }, func(x, y string) string { return b.op("Add", x, y) }
	near := add(mul(mul(add(mul(n(a+2), x), n(-(a+3))), x), x), n(1))
	far := mul(add(mul(add(mul(add(x, n(-5)), x), n(8)), x), n(-4)), n(a))
	far = b.op("Where", b.op("Less", x, n(2)), far, n(0))
	return b.op("Where", b.op("Less", x, n(1)), near, far)
}
