package pixels

import "iconic/internal/kernel"

// firstCoefficients distributes the block of first coefficients to the luma blocks: an inverse Walsh-Hadamard transform (section 14.3).
func (d *vp8Decoder) firstCoefficients() {
	in := &d.coefficients[24]
	var m [16]int32
	for i := range 4 {
		a, b := int32(in[i])+int32(in[12+i]), int32(in[4+i])+int32(in[8+i])
		c, e := int32(in[4+i])-int32(in[8+i]), int32(in[i])-int32(in[12+i])
		m[i], m[4+i], m[8+i], m[12+i] = a+b, e+c, a-b, e-c
	}
	for i := range 4 {
		v := m[4*i:][:4]
		a, b, c, e := v[0]+v[3]+3, v[1]+v[2], v[1]-v[2], v[0]-v[3]+3
		for k, t := range [4]int32{a + b, e + c, a - b, e - c} {
			d.coefficients[4*i+k][0] = int16(t >> 3)
		}
	}
}

// addVP8 adds the inverse cosine transform of a block's coefficients (section 14.4) to its prediction.
func addVP8(p []uint8, stride int, c *[16]int16) {
	cos := func(v int32) int32 { return v + v*20091>>16 } // √2·cos(π/8), in 16 bits
	sin := func(v int32) int32 { return v * 35468 >> 16 }
	var m [16]int32
	for i := range 4 {
		v0, v1, v2, v3 := int32(c[i]), int32(c[4+i]), int32(c[8+i]), int32(c[12+i])
		a, b, e, f := v0+v2, v0-v2, sin(v1)-cos(v3), cos(v1)+sin(v3)
		m[4*i], m[4*i+1], m[4*i+2], m[4*i+3] = a+f, b+e, b-e, a-f
	}
	for y := range 4 {
		v0, v1, v2, v3 := m[y]+4, m[4+y], m[8+y], m[12+y]
		a, b, e, f := v0+v2, v0-v2, sin(v1)-cos(v3), cos(v1)+sin(v3)
		row := p[y*stride:][:4]
		row[0], row[1] = kernel.Clip(int32(row[0])+(a+f)>>3), kernel.Clip(int32(row[1])+(b+e)>>3)
		row[2], row[3] = kernel.Clip(int32(row[2])+(b-e)>>3), kernel.Clip(int32(row[3])+(a-f)>>3)
	}
}

// predict fills a macroblock from its neighbours (section 12), and adds its coefficients.
func (d *vp8Decoder) predict(x, y int, whole bool, modes *[16]uint8, chroma uint8, some uint32) {
	luma := &d.planes[0]
	at := luma.first + 16*(y*luma.stride+x)
	if whole {
		luma.fill(at, 16, modes[0], x > 0, y > 0)
	} else {
		var beyond [4]uint8 // samples to the right of the macroblock above, which the lower blocks use, too
		copy(beyond[:], luma.pix[at-luma.stride+16:])
		for i := range 16 {
			place := at + i/4*4*luma.stride + i%4*4
			if i%4 < 3 {
				copy(beyond[:], luma.pix[place-luma.stride+4:])
			} else {
				copy(beyond[:], luma.pix[at-luma.stride+16:])
			}
			luma.block(place, modes[i], &beyond)
			if some>>i&1 != 0 {
				addVP8(luma.pix[place:], luma.stride, &d.coefficients[i])
			}
		}
	}
	if whole {
		for i := range 16 {
			if some>>i&1 != 0 {
				addVP8(luma.pix[at+i/4*4*luma.stride+i%4*4:], luma.stride, &d.coefficients[i])
			}
		}
	}
	for k := range 2 {
		p := &d.planes[1+k]
		at := p.first + 8*(y*p.stride+x)
		p.fill(at, 8, chroma, x > 0, y > 0)
		for i := range 4 {
			if n := 16 + 4*k + i; some>>n&1 != 0 {
				addVP8(p.pix[at+i/2*4*p.stride+i%2*4:], p.stride, &d.coefficients[n])
			}
		}
	}
}

// fill predicts a square of samples from the row above and the column to the left. Samples outside the picture are not part of a mean.
func (p *vp8Plane) fill(at, side int, mode uint8, hasLeft, hasAbove bool) {
	above := p.pix[at-p.stride:][:side]
	switch mode {
	case vp8Mean:
		sum, n := 0, 0
		if hasAbove {
			for _, v := range above {
				sum += int(v)
			}
			n += side
		}
		if hasLeft {
			for y := range side {
				sum += int(p.pix[at+y*p.stride-1])
			}
			n += side
		}
		mean := uint8(128)
		if n > 0 {
			mean = uint8((sum + n/2) / n)
		}
		for y := range side {
			row := p.pix[at+y*p.stride:][:side]
			for x := range row {
				row[x] = mean
			}
		}
	case vp8Vertical:
		for y := range side {
			copy(p.pix[at+y*p.stride:][:side], above)
		}
	case vp8Horizontal:
		for y := range side {
			row, left := p.pix[at+y*p.stride:][:side], p.pix[at+y*p.stride-1]
			for x := range row {
				row[x] = left
			}
		}
	default:
		p.slope(at, side)
	}
}

// slope is TM_PRED: left + above − corner.
func (p *vp8Plane) slope(at, side int) {
	above, corner := p.pix[at-p.stride:][:side], int32(p.pix[at-p.stride-1])
	for y := range side {
		row, rise := p.pix[at+y*p.stride:][:side], int32(p.pix[at+y*p.stride-1])-corner
		for x, v := range above {
			row[x] = kernel.Clip(int32(v) + rise)
		}
	}
}

// vp8Directions are the modes named after a direction. A block's edge is numbered from the lower left over the corner to the upper right,
// its ends twice: L3 L3 L2 L1 L0 C A0 … A7 A7. Each sample is a mean around the k-th element of the edge: k stands for the mean of three,
// two + k for the mean of two, it and the next.
var vp8Directions = [vp8Modes][16]uint8{
	vp8Vertical:       {6, 7, 8, 9, 6, 7, 8, 9, 6, 7, 8, 9, 6, 7, 8, 9},
	vp8Horizontal:     {4, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 1},
	vp8RightDown:      {5, 6, 7, 8, 4, 5, 6, 7, 3, 4, 5, 6, 2, 3, 4, 5},
	vp8LeftDown:       {7, 8, 9, 10, 8, 9, 10, 11, 9, 10, 11, 12, 10, 11, 12, 13},
	vp8VerticalRight:  {two + 5, two + 6, two + 7, two + 8, 5, 6, 7, 8, 4, two + 5, two + 6, two + 7, 3, 5, 6, 7},
	vp8VerticalLeft:   {two + 6, two + 7, two + 8, two + 9, 7, 8, 9, 10, two + 7, two + 8, two + 9, 11, 8, 9, 10, 12},
	vp8HorizontalDown: {two + 4, 5, 6, 7, two + 3, 4, two + 4, 5, two + 2, 3, two + 3, 4, two + 1, 2, two + 2, 3},
	vp8HorizontalUp:   {two + 3, 3, two + 2, 2, two + 2, 2, two + 1, 1, two + 1, 1, two, two, two, two, two, two},
}

const two = 16

// block predicts a 4×4 block; beyond are the samples above and to the right of it.
func (p *vp8Plane) block(at int, mode uint8, beyond *[4]uint8) {
	if mode == vp8Slope {
		p.slope(at, 4)
		return
	}
	var edge [15]uint16
	for i := range 4 {
		edge[4-i] = uint16(p.pix[at+i*p.stride-1])
		edge[6+i] = uint16(p.pix[at-p.stride+i])
		edge[10+i] = uint16(beyond[i])
	}
	edge[0], edge[5], edge[14] = edge[1], uint16(p.pix[at-p.stride-1]), edge[13]
	if mode == vp8Mean {
		sum := uint16(4)
		for i := range 4 {
			sum += edge[1+i] + edge[6+i]
		}
		mean := uint8(sum >> 3)
		for y := range 4 {
			row := p.pix[at+y*p.stride:][:4]
			row[0], row[1], row[2], row[3] = mean, mean, mean, mean
		}
		return
	}
	var means [2 * two]uint8
	means[two] = uint8((edge[0] + edge[1] + 1) >> 1)
	for i := 1; i < len(edge)-1; i++ {
		means[i] = uint8((edge[i-1] + 2*edge[i] + edge[i+1] + 2) >> 2)
		means[two+i] = uint8((edge[i] + edge[i+1] + 1) >> 1)
	}
	from := &vp8Directions[mode]
	for y := range 4 {
		row, f := p.pix[at+y*p.stride:][:4], from[4*y:][:4]
		row[0], row[1], row[2], row[3] = means[f[0]&31], means[f[1]&31], means[f[2]&31], means[f[3]&31]
	}
}
