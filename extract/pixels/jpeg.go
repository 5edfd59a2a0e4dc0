package pixels

// underBlack converts the inks of one row, stored inverted as Adobe does (255: none), to Pillow's RGB: each ink is multiplied by the light
// that black leaves.
func underBlack(row, black []uint8) {
	for x := range len(row) / 3 {
		left := int(black[x])
		for c, v := range row[3*x : 3*x+3] {
			t := (255-int(v))*left + 128
			row[3*x+c] = uint8(left - (t>>8+t)>>8)
		}
	}
}

// convertYCC is JFIF's YCbCr → RGB in 16-bit fixed point, as in jdcolor.c: R = Y + 1.402·Cr, G = Y − 0.34414·Cb − 0.71414·Cr, B = Y +
// 1.772·Cb.
func convertYCC(row, luma, cb, cr []uint8) {
	const half = 1 << 15
	n := len(row) / 3
	luma, cb, cr = luma[:n], cb[:n], cr[:n]
	for x, v := range luma {
		y, b, r := int32(v), int32(cb[x])-128, int32(cr[x])-128
		p := row[3*x : 3*x+3]
		p[0] = clip(y + (91881*r+half)>>16)
		p[1] = clip(y + (-22554*b-46802*r+half)>>16)
		p[2] = clip(y + (116130*b+half)>>16)
	}
}

func clip(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^(v >> 31))
	}
	return uint8(v)
}

// upsampler widens one row of chroma to the picture's width with libjpeg's triangle filter (jdsample.c, "fancy upsampling").
type upsampler struct {
	across, down  int // luma samples per chroma sample
	width, height int // size of the chroma plane
	smooth        bool
	sums          []int32
}

func newUpsampler(across, down, width, height int) *upsampler {
	u := &upsampler{across: across, down: down, width: width, height: height}
	// libjpeg repeats samples where it has no triangle filter: for factors of three and four, and for chroma two samples wide.
	u.smooth = across == 1 && down == 2 || across == 2 && down <= 2 && width > 2
	u.sums = make([]int32, width)
	return u
}

// row writes the chroma for luma row y; dst has at least across·width samples.
func (u *upsampler) row(dst, plane []uint8, stride, y int) {
	at := y / u.down
	near := plane[at*stride:][:u.width]
	if !u.smooth {
		for x := range u.width * u.across {
			dst[x] = near[x/u.across]
		}
		return
	}
	if u.down == 1 {
		u.acrossOnly(dst, near)
		return
	}
	// The other row of the triangle lies on the side of y; beyond the border, the same row is used again.
	other := at - 1
	if y%2 == 1 {
		other = at + 1
	}
	far := plane[min(max(other, 0), u.height-1)*stride:][:u.width]
	if u.across == 1 {
		bias := int32(1 + y%2)
		for x, v := range near {
			dst[x] = uint8((3*int32(v) + int32(far[x]) + bias) >> 2)
		}
		return
	}
	for x, v := range near {
		u.sums[x] = 3*int32(v) + int32(far[x])
	}
	left := u.sums[0]
	for x, s := range u.sums {
		right := u.sums[min(x+1, len(u.sums)-1)]
		pair := dst[2*x : 2*x+2]
		pair[0], pair[1] = uint8((3*s+left+8)>>4), uint8((3*s+right+7)>>4)
		left = s
	}
}

func (u *upsampler) acrossOnly(dst, near []uint8) {
	last := u.width - 1
	for x, v := range near {
		s, left, right := int32(v), int32(v), int32(v)
		if x > 0 {
			left = int32(near[x-1])
		}
		if x < last {
			right = int32(near[x+1])
		}
		dst[2*x] = uint8((3*s + left + 1) >> 2)
		dst[2*x+1] = uint8((3*s + right + 2) >> 2)
	}
}
