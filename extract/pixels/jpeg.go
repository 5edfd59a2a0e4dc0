package pixels

import (
	"bytes"
	"image"
	"image/jpeg"
)

// decodeJPEG reads coefficients by the standard library and makes colours the way libjpeg does.
func decodeJPEG(b []byte) (*Image, error) {
	m, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *image.YCbCr:
		return fromYCbCr(m), nil
	case *image.CMYK:
		return fromCMYK(m), nil
	default:
		return fromStandard(m)
	}
}

// fromCMYK is Pillow's conversion: each ink takes its share of what black leaves.
func fromCMYK(m *image.CMYK) *Image {
	r := m.Bounds()
	out := newImage(r.Dx(), r.Dy())
	for y := range out.Height {
		row := out.Pix[3*y*out.Width : 3*(y+1)*out.Width]
		for x := range out.Width {
			p := m.Pix[y*m.Stride+4*x:]
			left := 255 - int(p[3])
			for c := range 3 {
				t := int(p[c])*left + 128
				row[3*x+c] = uint8(left - (t>>8+t)>>8)
			}
		}
	}
	return out
}

// fromYCbCr upsamples chroma by libjpeg's triangle filter (jdsample.c, "fancy upsampling") and converts with its integer
// tables (jdcolor.c).
func fromYCbCr(m *image.YCbCr) *Image {
	r := m.Bounds()
	out := newImage(r.Dx(), r.Dy())
	u := newUpsampler(m.SubsampleRatio, out.Width, out.Height)
	cb, cr := make([]uint8, 2*out.Width+8), make([]uint8, 2*out.Width+8)
	for y := range out.Height {
		u.row(cb, m.Cb, m.CStride, y)
		u.row(cr, m.Cr, m.CStride, y)
		convertYCC(out.Pix[3*y*out.Width:3*(y+1)*out.Width], m.Y[y*m.YStride:], cb, cr)
	}
	return out
}

// convertYCC is JFIF's YCbCr → RGB in 16-bit fixed point: R = Y + 1.402·Cr, G = Y − 0.34414·Cb − 0.71414·Cr, B = Y + 1.772·Cb.
func convertYCC(row, luma, cb, cr []uint8) {
	const half = 1 << 15
	for x := 0; x < len(row)/3; x++ {
		y, b, r := int32(luma[x]), int32(cb[x])-128, int32(cr[x])-128
		row[3*x] = clip(y + (91881*r+half)>>16)
		row[3*x+1] = clip(y + (-22554*b-46802*r+half)>>16)
		row[3*x+2] = clip(y + (116130*b+half)>>16)
	}
}

func clip(v int32) uint8 {
	if uint32(v) > 255 {
		return uint8(^(v >> 31))
	}
	return uint8(v)
}

// upsampler brings one row of chroma to the picture's width.
type upsampler struct {
	across, down  int // luma samples a chroma sample stands for
	width, height int // of chroma
	smooth        bool
	sums          []int32
}

func newUpsampler(ratio image.YCbCrSubsampleRatio, width, height int) *upsampler {
	u := &upsampler{across: 1, down: 1}
	switch ratio {
	case image.YCbCrSubsampleRatio422:
		u.across = 2
	case image.YCbCrSubsampleRatio420:
		u.across, u.down = 2, 2
	case image.YCbCrSubsampleRatio440:
		u.down = 2
	case image.YCbCrSubsampleRatio411:
		u.across = 4
	case image.YCbCrSubsampleRatio410:
		u.across, u.down = 4, 2
	}
	u.width, u.height = (width+u.across-1)/u.across, (height+u.down-1)/u.down
	// libjpeg repeats samples where it has no triangle filter: fourfold, and chroma two samples wide.
	u.smooth = u.across == 1 && u.down == 2 || u.across == 2 && u.width > 2
	u.sums = make([]int32, u.width)
	return u
}

// row writes chroma for luma row y; dst has room for across·width samples.
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
	// The other row of the triangle lies on the side of y; beyond the border the same row stands in.
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
	last := u.width - 1
	for x, s := range u.sums {
		left, right := s, s
		if x > 0 {
			left = u.sums[x-1]
		}
		if x < last {
			right = u.sums[x+1]
		}
		dst[2*x] = uint8((3*s + left + 8) >> 4)
		dst[2*x+1] = uint8((3*s + right + 7) >> 4)
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
