package onnx

import (
	"slices"
)

// The operators of the standard set that the writers use, as defined at https://onnx.ai/onnx/operators/. Sizes that are unknown before a
// session runs fit all others.

// Opset is the version of the model's standard operator set.
func (b Builder) Opset() int64 { return b.model.Opsets[""] }

// unary is an elementwise operation.
func (b Builder) unary(op string, x Value) Value { return b.append(op, x.Type, x.Shape, []Value{x}) }

// Abs is the absolute value.
func (b Builder) Abs(x Value) Value { return b.unary("Abs", x) }

// Ceil rounds up.
func (b Builder) Ceil(x Value) Value { return b.unary("Ceil", x) }

// Erf is the error function.
func (b Builder) Erf(x Value) Value { return b.unary("Erf", x) }

// Floor rounds down.
func (b Builder) Floor(x Value) Value { return b.unary("Floor", x) }

// Identity copies its input under another name.
func (b Builder) Identity(x Value) Value { return b.unary("Identity", x) }

// Log is the natural logarithm.
func (b Builder) Log(x Value) Value { return b.unary("Log", x) }

// Round rounds to the nearest whole number, halves to the even one.
func (b Builder) Round(x Value) Value { return b.unary("Round", x) }

// Sigmoid is 1/(1 + exp(−x)).
func (b Builder) Sigmoid(x Value) Value { return b.unary("Sigmoid", x) }

// Sign is −1, 0 or 1.
func (b Builder) Sign(x Value) Value { return b.unary("Sign", x) }

// Cast converts numbers to another type.
func (b Builder) Cast(x Value, to DataType) Value {
	return b.append("Cast", to, x.Shape, []Value{x}, Int("to", int64(to)))
}

// binary is an elementwise operation on two tensors of the same type, whose dimensions, counted from the last, are equal or 1.
func (b Builder) binary(op string, x, y Value) Value {
	if x.Type != y.Type {
		return b.fail("%s of %q and %q: element types %d and %d", op, x.Name, y.Name, x.Type, y.Type)
	}
	shape, ok := broadcast(x.Shape, y.Shape)
	if !ok {
		return b.fail("%s of %q, %s, and %q, %s: the shapes do not fit", op, x.Name, x.Describe(), y.Name, y.Describe())
	}
	return b.append(op, x.Type, shape, []Value{x, y})
}

// Add is x + y, broadcast.
func (b Builder) Add(x, y Value) Value { return b.binary("Add", x, y) }

// Sub is x − y, broadcast.
func (b Builder) Sub(x, y Value) Value { return b.binary("Sub", x, y) }

// Mul is x·y, element by element and broadcast.
func (b Builder) Mul(x, y Value) Value { return b.binary("Mul", x, y) }

// Div is x/y, element by element and broadcast.
func (b Builder) Div(x, y Value) Value { return b.binary("Div", x, y) }

// Min is the smaller element of each pair.
func (b Builder) Min(x, y Value) Value { return b.binary("Min", x, y) }

// Max is the larger element of each pair.
func (b Builder) Max(x, y Value) Value { return b.binary("Max", x, y) }

// Less reports where x is below y.
func (b Builder) Less(x, y Value) Value { return b.compare("Less", x, y) }

// Greater reports where x is above y.
func (b Builder) Greater(x, y Value) Value { return b.compare("Greater", x, y) }

func (b Builder) compare(op string, x, y Value) Value {
	v := b.binary(op, x, y)
	v.Type = Bool
	return v
}

// Where is x where a condition holds, and y elsewhere.
func (b Builder) Where(condition, x, y Value) Value {
	shape, ok := broadcast(x.Shape, y.Shape)
	all, fit := broadcast(condition.Shape, shape)
	if condition.Type != Bool || x.Type != y.Type || !ok || !fit {
		return b.fail("Where of %q, %s, between %q, %s, and %q, %s: they do not fit", condition.Name, condition.Describe(), x.Name, x.Describe(), y.Name, y.Describe())
	}
	return b.append("Where", x.Type, all, []Value{condition, x, y})
}

// broadcast is the shape of an elementwise operation: unknown if one of the two is.
func broadcast(x, y []Dim) ([]Dim, bool) {
	if x == nil || y == nil {
		return nil, true
	}
	if len(x) < len(y) {
		x, y = y, x
	}
	shape := slices.Clone(x)
	for i, d := range y {
		at := &shape[len(x)-len(y)+i]
		switch {
		case *at == d || d.Size == 1:
		case at.Size == 1, at.Size <= 0 && d.Size > 1:
			*at = d
		case at.Size > 1 && d.Size > 1:
			return nil, false
		case at.Size <= 0: // both known only at run time
			*at = Dim{}
		}
	}
	return shape, true
}

// MatMul is the matrix product in the last two dimensions; the dimensions before them are broadcast.
func (b Builder) MatMul(x, y Value) Value {
	return b.product("MatMul", x.Type, x.Type == y.Type, x, y)
}

// MatMulInteger is the product of 8-bit matrices, the first minus its offset, in int32.
func (b Builder) MatMulInteger(x, y, offset Value) Value {
	return b.product("MatMulInteger", Int32, x.Type == offset.Type && x.Type.Size() == 1 && y.Type.Size() == 1, x, y, offset)
}

func (b Builder) product(op string, kind DataType, typed bool, x, y Value, more ...Value) Value {
	shape, ok := []Dim(nil), typed
	if m, n := len(x.Shape), len(y.Shape); x.Shape != nil && y.Shape != nil {
		if ok = ok && m >= 2 && n >= 2; ok {
			var inner bool
			shape, ok = broadcast(x.Shape[:m-2], y.Shape[:n-2])
			inner = fits(x.Shape[m-1:], y.Shape[n-2:n-1])
			shape, ok = append(shape, x.Shape[m-2], y.Shape[n-1]), ok && inner
		}
	}
	if !ok {
		return b.fail("%s of %q, %s, and %q, %s: they do not fit", op, x.Name, x.Describe(), y.Name, y.Describe())
	}
	return b.append(op, kind, shape, append([]Value{x, y}, more...))
}

// Linear is x·Wᵀ + bias for rows x, with W out×in.
func (b Builder) Linear(x, w, bias Value) Value {
	if len(w.Shape) != 2 || len(bias.Shape) != 1 || x.Shape != nil && (len(x.Shape) != 2 || !fits(x.Shape[1:], w.Shape[1:])) || !fits(bias.Shape, w.Shape[:1]) {
		return b.fail("Gemm of %q, %s, with %q, %s, and %q, %s: they do not fit", x.Name, x.Describe(), w.Name, w.Describe(), bias.Name, bias.Describe())
	}
	rows := Dim{}
	if x.Shape != nil {
		rows = x.Shape[0]
	}
	return b.append("Gemm", x.Type, []Dim{rows, w.Shape[0]}, []Value{x, w, bias}, Int("transB", 1))
}

// Softmax is the softmax along the last dimension.
func (b Builder) Softmax(x Value) Value {
	axis := int64(-1)
	if x.Shape != nil && b.Opset() < 11 { // older sets have no negative axis
		axis = int64(len(x.Shape) - 1)
	}
	return b.append("Softmax", x.Type, x.Shape, []Value{x}, Int("axis", axis))
}

// LayerNorm subtracts the mean of the last dimension, divides by the standard deviation, multiplies by scale and adds bias.
func (b Builder) LayerNorm(x, scale, bias Value, epsilon float32) Value {
	if x.Shape != nil && (len(x.Shape) == 0 || !fits(x.Shape[len(x.Shape)-1:], scale.Shape)) || !fits(scale.Shape, bias.Shape) {
		return b.fail("LayerNormalization of %q, %s, by %q, %s, and %q, %s: they do not fit", x.Name, x.Describe(), scale.Name, scale.Describe(), bias.Name, bias.Describe())
	}
	return b.append("LayerNormalization", x.Type, x.Shape, []Value{x, scale, bias}, Int("axis", -1), Float("epsilon", epsilon))
}

// Patches is the convolution of batch×channels×height×width with non-overlapping out×channels×side×side filters.
func (b Builder) Patches(x, filters, bias Value) Value {
	if len(x.Shape) != 4 || len(filters.Shape) != 4 || filters.Shape[2] != filters.Shape[3] || filters.Shape[2].Size < 1 ||
		!fits(x.Shape[1:2], filters.Shape[1:2]) || !fits(bias.Shape, filters.Shape[:1]) {
		return b.fail("Conv of %q, %s, by %q, %s: they do not fit", x.Name, x.Describe(), filters.Name, filters.Describe())
	}
	side := filters.Shape[2].Size
	shape := []Dim{x.Shape[0], filters.Shape[0], {Size: x.Shape[2].Size / side}, {Size: x.Shape[3].Size / side}}
	return b.append("Conv", x.Type, shape, []Value{x, filters, bias}, Ints("kernel_shape", side, side), Ints("strides", side, side))
}

// axis is the index of a dimension, counted from the last if negative; −1 if there is no such dimension.
func axis(v Value, at int64) int {
	if at < 0 {
		at += int64(len(v.Shape))
	}
	if at < 0 || at >= int64(len(v.Shape)) {
		return -1
	}
	return int(at)
}

// Transpose permutes the dimensions.
func (b Builder) Transpose(x Value, order ...int64) Value {
	var shape []Dim
	if x.Shape != nil {
		for i := range order {
			if !slices.Contains(order, int64(i)) || len(order) != len(x.Shape) {
				return b.fail("Transpose of %q, %s, to the order %v", x.Name, x.Describe(), order)
			}
			shape = append(shape, x.Shape[order[i]])
		}
	}
	return b.append("Transpose", x.Type, shape, []Value{x}, Ints("perm", order...))
}

// Reshape gives the elements another shape: 0 keeps the size at that place, and −1, which may occur once, stands for the remaining size.
func (b Builder) Reshape(x Value, to ...int64) Value {
	shape, ok := reshaped(x.Shape, to)
	if !ok {
		return b.fail("Reshape of %q, %s, to %v", x.Name, x.Describe(), to)
	}
	return b.append("Reshape", x.Type, shape, []Value{x, b.At("").Row(to...)})
}

// ReshapeTo is Reshape to a computed shape.
func (b Builder) ReshapeTo(x, shape Value) Value {
	return b.append("Reshape", x.Type, nil, []Value{x, shape})
}

// reshaped is the shape that Reshape computes. Elements are counted as far as sizes are known; one unknown size may pass through to −1.
func reshaped(from []Dim, to []int64) ([]Dim, bool) {
	shape := make([]Dim, len(to))
	have, want := int64(1), int64(1) // elements, not counting kept and unknown sizes
	var unknown []Dim
	rest := -1
	for i, d := range from {
		switch {
		case i < len(to) && to[i] == 0:
		case d.Size > 0:
			have *= d.Size
		default:
			unknown = append(unknown, d)
		}
	}
	for i, size := range to {
		switch {
		case size == 0 && from != nil && i >= len(from), size < -1, size == -1 && rest >= 0:
			return nil, false
		case size == 0 && from != nil:
			shape[i] = from[i]
		case size == -1:
			rest = i
		case size > 0:
			want *= size
			shape[i].Size = size
		}
	}
	switch {
	case from == nil:
	case len(unknown) == 0 && (rest < 0 && have != want || have%want != 0):
		return nil, false
	case len(unknown) == 0 && rest >= 0:
		shape[rest].Size = have / want
	case len(unknown) == 1 && rest >= 0 && have == want:
		shape[rest] = unknown[0]
	}
	return shape, true
}

// Shape returns the sizes of the dimensions.
func (b Builder) Shape(x Value) Value {
	size := Dim{}
	if x.Shape != nil {
		size.Size = int64(len(x.Shape))
	}
	return b.append("Shape", Int64, []Dim{size}, []Value{x})
}

// Slice is the part of x from one index of a dimension to before another, which may exceed the size.
func (b Builder) Slice(x Value, at, from, to int64) Value {
	var shape []Dim
	if x.Shape != nil {
		i := axis(x, at)
		if i < 0 {
			return b.fail("Slice of %q, %s, in dimension %d", x.Name, x.Describe(), at)
		}
		shape = slices.Clone(x.Shape)
		if shape[i].Size > 0 && from >= 0 {
			end := min(to, shape[i].Size)
			if to < 0 {
				end = shape[i].Size + to
			}
			if end <= from {
				return b.fail("Slice of %q, %s: nothing from %d to %d in dimension %d", x.Name, x.Describe(), from, to, at)
			}
			shape[i] = Dim{Size: end - from}
		} else {
			shape[i] = Dim{}
		}
	}
	plain := b.At("")
	return b.append("Slice", x.Type, shape, []Value{x, plain.Row(from), plain.Row(to), plain.Row(at)})
}

// Gather selects one index of a dimension and removes the dimension.
func (b Builder) Gather(x Value, at, index int64) Value {
	var shape []Dim
	if x.Shape != nil {
		i := axis(x, at)
		if i < 0 || x.Shape[i].Size > 0 && index >= x.Shape[i].Size {
			return b.fail("Gather of %q, %s: index %d of dimension %d", x.Name, x.Describe(), index, at)
		}
		shape = slices.Delete(slices.Clone(x.Shape), i, i+1)
	}
	return b.append("Gather", x.Type, shape, []Value{x, b.At("").Integer(index)}, Int("axis", at))
}

// Halves splits the last dimension in two.
func (b Builder) Halves(x Value) (first, second Value) {
	n := len(x.Shape)
	if n == 0 || x.Shape[n-1].Size < 2 || x.Shape[n-1].Size%2 != 0 {
		return b.fail("Split of %q, %s, into halves", x.Name, x.Describe()), Value{}
	}
	half := x.Shape[n-1].Size / 2
	shape := append(slices.Clone(x.Shape[:n-1]), Dim{Size: half})
	name := b.take("Split")
	first = Value{Name: b.At(name + "/first").take(""), Type: x.Type, Shape: shape}
	second = Value{Name: b.At(name + "/second").take(""), Type: x.Type, Shape: shape}
	b.node(&Node{Name: name, Op: "Split", Inputs: []string{x.Name, b.At("").Row(half, half).Name}, Outputs: []string{first.Name, second.Name},
		Attributes: []Attribute{Int("axis", -1)}})
	return first, second
}

// Concat joins tensors along a dimension; all other dimensions must be equal.
func (b Builder) Concat(at int64, all ...Value) Value {
	shape := slices.Clone(all[0].Shape)
	for _, v := range all[1:] {
		if v.Type != all[0].Type {
			return b.fail("Concat of %q and %q: element types %d and %d", all[0].Name, v.Name, all[0].Type, v.Type)
		}
		if shape == nil || v.Shape == nil {
			shape = nil
			continue
		}
		i := axis(v, at)
		if i < 0 || len(shape) != len(v.Shape) || !fits(shape[:i], v.Shape[:i]) || !fits(shape[i+1:], v.Shape[i+1:]) {
			return b.fail("Concat of %q, %s, and %q, %s, in dimension %d", all[0].Name, all[0].Describe(), v.Name, v.Describe(), at)
		}
		if shape[i].Size > 0 && v.Shape[i].Size > 0 {
			shape[i].Size += v.Shape[i].Size
		} else {
			shape[i] = Dim{}
		}
	}
	return b.append("Concat", all[0].Type, shape, all, Int("axis", at))
}

// PadBefore adds n zeros before the content of a dimension of x.
func (b Builder) PadBefore(x Value, at int, n int64) Value {
	if at >= len(x.Shape) || x.Shape[at].Size <= 0 {
		return b.fail("Pad of %q, %s, in dimension %d", x.Name, x.Describe(), at)
	}
	pads := make([]int64, 2*len(x.Shape))
	pads[at] = n
	shape := slices.Clone(x.Shape)
	shape[at].Size += n
	return b.append("Pad", x.Type, shape, []Value{x, b.At("").Row(pads...)})
}

// Range counts from first to before end, in steps.
func (b Builder) Range(first, end, step Value) Value {
	if first.Type != end.Type || first.Type != step.Type {
		return b.fail("Range of %q, %q and %q: different element types", first.Name, end.Name, step.Name)
	}
	return b.append("Range", first.Type, []Dim{{}}, []Value{first, end, step})
}

// Sum is the sum along an axis, which keep leaves in place with length 1.
func (b Builder) Sum(x Value, at int64, keep bool) Value {
	return b.reduce("ReduceSum", 13, x, at, keep)
}

// Mean is the mean along an axis, which keep leaves in place with length 1.
func (b Builder) Mean(x Value, at int64, keep bool) Value {
	return b.reduce("ReduceMean", 18, x, at, keep)
}

// Maximum is the largest element along an axis, which keep leaves in place with length 1.
func (b Builder) Maximum(x Value, at int64, keep bool) Value {
	return b.reduce("ReduceMax", 18, x, at, keep)
}

// reduce passes the dimension as an input if the operator set requires it, otherwise as an attribute.
func (b Builder) reduce(op string, input int64, x Value, at int64, keep bool) Value {
	var shape []Dim
	if x.Shape != nil {
		i := axis(x, at)
		switch {
		case i < 0:
			return b.fail("%s of %q, %s, along dimension %d", op, x.Name, x.Describe(), at)
		case keep:
			shape = slices.Clone(x.Shape)
			shape[i] = Dim{Size: 1}
		default:
			shape = slices.Delete(slices.Clone(x.Shape), i, i+1)
		}
	}
	kept := Int("keepdims", 0)
	if keep {
		kept.Int = 1
	}
	if b.Opset() >= input {
		return b.append(op, x.Type, shape, []Value{x, b.At("").Row(at)}, kept)
	}
	return b.append(op, x.Type, shape, []Value{x}, Ints("axes", at), kept)
}

// Quantize is round(x/scale) + offset in the type of the offset, with a scale and an offset for each index of a dimension.
func (b Builder) Quantize(x, scale, offset Value, at int64) Value {
	if scale.Shape != nil && len(scale.Shape) != 1 || offset.Shape != nil && len(offset.Shape) != 1 || scale.Type != x.Type {
		return b.fail("QuantizeLinear of %q, %s, by %q, %s, and %q, %s: they do not fit", x.Name, x.Describe(), scale.Name, scale.Describe(), offset.Name, offset.Describe())
	}
	return b.append("QuantizeLinear", offset.Type, x.Shape, []Value{x, scale, offset}, Int("axis", at))
}
