package pixels

import (
	"bytes"
	"image"

	"golang.org/x/image/webp"
)

// decodeWebP reads planes by golang.org/x/image and makes colours the way libwebp does.
func decodeWebP(b []byte) (*Image, error) {
	m, err := webp.Decode(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *image.YCbCr:
		return fromVP8(m), nil
	case *image.NYCbCrA:
		return fromVP8(&m.YCbCr), nil
	default:
		return fromStandard(m)
	}
}

// fromVP8 upsamples 4:2:0 chroma by (9a + 3b + 3c + d + 8)/16 over the four nearest samples, in libwebp's two roundings,
// and converts from BT.601's narrow range.
func fromVP8(m *image.YCbCr) *Image {
	r := m.Bounds()
	out := newImage(r.Dx(), r.Dy())
	width, height := (out.Width+1)/2, (out.Height+1)/2
	u, v := make([]uint8, out.Width), make([]uint8, out.Width)
	for y := range out.Height {
		near := y / 2
		far := near - 1 + 2*(y%2)
		far = min(max(far, 0), height-1)
		upsampleVP8(u, m.Cb[near*m.CStride:][:width], m.Cb[far*m.CStride:][:width])
		upsampleVP8(v, m.Cr[near*m.CStride:][:width], m.Cr[far*m.CStride:][:width])
		row, luma := out.Pix[3*y*out.Width:], m.Y[y*m.YStride:]
		for x := range out.Width {
			l, cb, cr := int(luma[x])*19077>>8, int(u[x]), int(v[x])
			row[3*x] = clip6(l + cr*26149>>8 - 14234)
			row[3*x+1] = clip6(l - cb*6419>>8 - cr*13320>>8 + 8708)
			row[3*x+2] = clip6(l + cb*33050>>8 - 17685)
		}
	}
	return out
}

// clip6 drops six fractional bits.
func clip6(v int) uint8 { return uint8(min(max(v>>6, 0), 255)) }

// upsampleVP8 brings a row of chroma to full width: near is the chroma row that the luma row belongs to, far its neighbour
// on the luma row's side.
func upsampleVP8(dst, near, far []uint8) {
	edge := func(x int) uint8 { return uint8((3*int(near[x]) + int(far[x]) + 2) >> 2) }
	dst[0] = edge(0)
	for x := 1; x <= (len(dst)-1)/2; x++ {
		nl, nr, fl, fr := int(near[x-1]), int(near[x]), int(far[x-1]), int(far[x])
		sum := nl + nr + fl + fr + 8
		rising := (sum + 2*(nr+fl)) >> 3
		falling := (sum + 2*(nl+fr)) >> 3
		dst[2*x-1] = uint8((rising + nl) >> 1)
		dst[2*x] = uint8((falling + nr) >> 1)
	}
	if len(dst)%2 == 0 {
		dst[len(dst)-1] = edge(len(near) - 1)
	}
}
