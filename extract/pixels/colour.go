package pixels

import (
	"math"

	"iconic/internal/kernel"
)

// The colour changes are Pillow's (ImageEnhance, Blend.c, Convert.c), as torchvision applies them to PIL pictures.

func (m *Image) mirror() {
	for y := range m.Height {
		row := m.Pix[3*y*m.Width : 3*(y+1)*m.Width]
		for i, j := 0, len(row)-3; i < j; i, j = i+3, j-3 {
			for c := range 3 {
				row[i+c], row[j+c] = row[j+c], row[i+c]
			}
		}
	}
}

// brightness blends with black: factor 0 is black, 1 changes nothing.
func (m *Image) brightness(factor float64) {
	table := blendTable(0, factor)
	for i, v := range m.Pix {
		m.Pix[i] = table[v]
	}
}

// contrast blends with the mean grey: factor 0 is flat, 1 changes nothing.
func (m *Image) contrast(factor float64) {
	sum := 0
	for i := 0; i < len(m.Pix); i += 3 {
		sum += int(grey(m.Pix[i:]))
	}
	mean := uint8(float64(sum)/float64(m.Width*m.Height) + 0.5)
	table := blendTable(mean, factor)
	for i, v := range m.Pix {
		m.Pix[i] = table[v]
	}
}

// blendGrey blends each pixel with its own grey: factor 0 is grey, 1 changes nothing, larger factors increase the saturation.
func (m *Image) blendGrey(factor float64) {
	f := float32(factor)
	for i := 0; i < len(m.Pix); i += 3 {
		g := grey(m.Pix[i:])
		m.Pix[i], m.Pix[i+1], m.Pix[i+2] = blend(g, m.Pix[i], f), blend(g, m.Pix[i+1], f), blend(g, m.Pix[i+2], f)
	}
}

// grey is the luma of ITU-R 601-2 in 16-bit fixed point.
func grey(p []uint8) uint8 {
	return uint8((19595*uint32(p[0]) + 38470*uint32(p[1]) + 7471*uint32(p[2]) + 0x8000) >> 16)
}

// blend is from + f·(to − from), truncated to a whole level from 0 to 255.
func blend(from, to uint8, f float32) uint8 {
	v := float32(from) + float32(f*float32(int(to)-int(from)))
	return uint8(min(max(v, 0), 255))
}

func blendTable(from uint8, factor float64) (table [256]uint8) {
	for v := range table {
		table[v] = blend(from, uint8(v), float32(factor))
	}
	return table
}

// hue rotates the hue by a share of the colour circle, −0.5 to 0.5, in Pillow's 8-bit HSV.
func (m *Image) hue(share float64) {
	turn := uint8(int32(share * 255)) // truncate towards zero, then wrap around
	for i := 0; i < len(m.Pix); i += 3 {
		p := m.Pix[i : i+3]
		h, s, v := toHSV(p[0], p[1], p[2])
		p[0], p[1], p[2] = fromHSV(h+turn, s, v)
	}
}

func toHSV(r, g, b uint8) (h, s, v uint8) {
	v = max(r, g, b)
	low := min(r, g, b)
	if low == v {
		return 0, 0, v
	}
	span := float32(v - low)
	fromR, fromG, fromB := float32(v-r)/span, float32(v-g)/span, float32(v-b)/span
	var turn float32
	switch v {
	case r:
		turn = fromB - fromG
	case g:
		turn = float32(2 + float64(fromR) - float64(fromB))
	default:
		turn = float32(4 + float64(fromG) - float64(fromR))
	}
	around := float64(turn)/6 + 1 // from 5/6 to 11/6
	if around >= 1 {
		around--
	}
	turn = float32(around)
	return uint8(float64(turn) * 255), uint8(float64(span/float32(v)) * 255), v
}

func fromHSV(h, s, v uint8) (r, g, b uint8) {
	if s == 0 {
		return v, v, v
	}
	place := float64(h) * 6 / 255
	sector := int(place)
	f := float64(float32(place - float64(sector)))
	share := float64(float32(float64(s) / 255))
	level := func(x float64) uint8 { // rounds halves up
		exact := float64(v) * x
		whole := uint8(exact)
		if exact-float64(whole) >= 0.5 {
			whole++
		}
		return whole
	}
	p, q, t := level(1-share), level(1-float64(share*f)), level(1-float64(share*(1-f)))
	switch sector % 6 {
	case 0:
		return v, t, p
	case 1:
		return q, v, p
	case 2:
		return p, v, t
	case 3:
		return p, q, v
	case 4:
		return t, p, v
	default:
		return v, p, q
	}
}

// blurSize is the side of the blur's kernel: the odd number nearest to a tenth of the picture's side (SimCLR, appendix A).
func blurSize(side int) int { return side/20*2 + 1 }

// blur is torchvision's gaussian_blur: size weights horizontally and vertically, the border mirrored without repeating it, rounded once.
func (s *Scratch) blur(m *Image, size int, sigma float64) {
	half := min(size/2, m.Width-1, m.Height-1)
	weight := make([]float32, 2*half+1)
	sum := 0.0
	for k := range weight {
		x := float64(k-half) / sigma
		sum += exp(-0.5 * float64(x*x))
	}
	for k := range weight {
		x := float64(k-half) / sigma
		weight[k] = float32(exp(-0.5*float64(x*x)) / sum)
	}
	width := 3 * m.Width
	s.blurred = grown(s.blurred, width*(m.Height+2*half)) // with the mirrored rows above and below
	s.padded = grown(s.padded, width+6*half)
	row := func(y int) []float32 { return s.blurred[(y+half)*width:][:width] }
	for y := range m.Height {
		for x := range m.Width + 2*half {
			for c, v := range m.Pix[y*width+3*mirrored(x-half, m.Width):][:3] {
				s.padded[3*x+c] = float32(v)
			}
		}
		kernel.SumRows(row(y), s.padded, 3, weight)
	}
	for y := 1; y <= half; y++ {
		copy(row(-y), row(mirrored(-y, m.Height)))
		copy(row(m.Height-1+y), row(mirrored(m.Height-1+y, m.Height)))
	}
	s.line = grown(s.line, width)
	for y := range m.Height {
		kernel.SumRows(s.line, s.blurred[y*width:], width, weight)
		for i, v := range s.line {
			m.Pix[y*width+i] = uint8(min(max(math.RoundToEven(float64(v)), 0), 255))
		}
	}
}

// mirrored maps x ∈ (−n, 2n−1) into [0, n): … 2 1 | 0 1 2 … n−1 | n−2 …
func mirrored(x, n int) int {
	if x < 0 {
		return -x
	}
	if x >= n {
		return 2*n - 2 - x
	}
	return x
}
