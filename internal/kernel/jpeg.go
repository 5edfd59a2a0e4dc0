package kernel

// The arithmetic of JPEG's pixels is that of libjpeg, in whole numbers, so that every path gives the same bytes. Sums that exceed 32 bits, which
// only damaged files have, wrap around on every path.

// InverseCosine writes the 8×8 samples of one block, row by row stride ≥ 8 bytes apart: the inverse cosine transform of its coefficients times
// quant, both in row order, plus 128, clipped to 8 bits. It is the algorithm of Loeffler, Ligtenberg and Moschytz (1989) with 13 fractional bits
// in its constants and 2 more bits kept between the passes, rounded like libjpeg's jidctint.c.
func InverseCosine(dst []uint8, stride int, block *[64]int16, quant *[64]int32) {
	active.inverseCosine(dst, stride, block, quant)
}

// YCCToRGB converts a row of len(luma) pixels from JFIF's YCbCr to three bytes each, in 16-bit fixed point as in libjpeg's jdcolor.c:
// R = Y + 1.402·Cr, G = Y − 0.34414·Cb − 0.71414·Cr, B = Y + 1.772·Cb, where Cb and Cr are less 128.
func YCCToRGB(dst, luma, cb, cr []uint8) { active.yccToRGB(dst, luma, cb, cr) }

// Triangle doubles a row of len(near) samples with libjpeg's triangle filter (jdsample.c, "fancy upsampling"), from the rows near and far, which
// weigh 3 and 1: with s = 3·near + far,
//
//	dst[2x] = (3·s[x] + s[x−1] + even) / 16,    dst[2x+1] = (3·s[x] + s[x+1] + odd) / 16
//
// rounded down, where s[−1] = s[0] and s[n] = s[n−1]. even and odd are from 0 to 15.
func Triangle(dst, near, far []uint8, even, odd int) { active.triangle(dst, near, far, even, odd) }

const (
	cosineBits = 13 // fractional bits of the constants
	cosineKept = 2  // bits kept between the passes

	columnShift = cosineBits - cosineKept
	rowShift    = cosineBits + cosineKept + 3
)

func inverseCosineGeneric(dst []uint8, stride int, block *[64]int16, quant *[64]int32) {
	var w [64]int32
	for x := range 8 {
		if block[8+x]|block[16+x]|block[24+x]|block[32+x]|block[40+x]|block[48+x]|block[56+x] == 0 {
			dc := (int32(block[x])*quant[x]<<cosineBits + 1<<(columnShift-1)) >> columnShift
			for y := range 8 {
				w[8*y+x] = dc
			}
			continue
		}
		var v [8]int32
		for y := range 8 {
			v[y] = int32(block[8*y+x]) * quant[8*y+x]
		}
		butterfly(&v, columnShift)
		for y := range 8 {
			w[8*y+x] = v[y]
		}
	}
	for y := range 8 {
		v := (*[8]int32)(w[8*y:])
		butterfly(v, rowShift)
		row := dst[y*stride:][:8]
		for x := range 8 {
			row[x] = Clip(v[x] + 128)
		}
	}
}

// butterfly is the transform of eight numbers, times 2^(13−shift).
func butterfly(v *[8]int32, shift int) {
	half := int32(1) << (shift - 1)
	z := (v[2] + v[6]) * 4433
	e2, e3 := z-v[6]*15137, z+v[2]*6270
	e0, e1 := (v[0]+v[4])<<cosineBits+half, (v[0]-v[4])<<cosineBits+half
	a0, a3, a1, a2 := e0+e3, e0-e3, e1+e2, e1-e2

	o0, o1, o2, o3 := v[7], v[5], v[3], v[1]
	z1, z2, z3, z4 := (o0+o3)*-7373, (o1+o2)*-20995, o0+o2, o1+o3
	z5 := (z3 + z4) * 9633
	z3, z4 = z5-z3*16069, z5-z4*3196
	o0, o1 = o0*2446+z1+z3, o1*16819+z2+z4
	o2, o3 = o2*25172+z2+z3, o3*12299+z1+z4

	v[0], v[7] = (a0+o3)>>shift, (a0-o3)>>shift
	v[1], v[6] = (a1+o2)>>shift, (a1-o2)>>shift
	v[2], v[5] = (a2+o1)>>shift, (a2-o1)>>shift
	v[3], v[4] = (a3+o0)>>shift, (a3-o0)>>shift
}

func yccToRGBGeneric(dst, luma, cb, cr []uint8) {
	const half = 1 << 15
	cb, cr = cb[:len(luma)], cr[:len(luma)]
	for x, v := range luma {
		y, b, r := int32(v), int32(cb[x])-128, int32(cr[x])-128
		p := dst[3*x : 3*x+3]
		p[0] = Clip(y + (91881*r+half)>>16)
		p[1] = Clip(y + (-22554*b-46802*r+half)>>16)
		p[2] = Clip(y + (116130*b+half)>>16)
	}
}

func triangleGeneric(dst, near, far []uint8, even, odd int) {
	triangleSpan(dst, near, far, even, odd, 0, len(near))
}

// triangleSpan is Triangle for the samples from lo to hi.
func triangleSpan(dst, near, far []uint8, even, odd, lo, hi int) {
	if lo >= hi {
		return
	}
	sum := func(x int) int { return 3*int(near[x]) + int(far[x]) }
	left, s := sum(max(lo-1, 0)), sum(lo)
	for x := lo; x < hi; x++ {
		right := sum(min(x+1, len(near)-1))
		pair := dst[2*x : 2*x+2]
		pair[0], pair[1] = uint8((3*s+left+even)>>4), uint8((3*s+right+odd)>>4)
		left, s = s, right
	}
}
