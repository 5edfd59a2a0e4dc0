package pixels

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"io"

	"golang.org/x/image/webp"
)

func openWebP(b []byte, _ bool) (*plan, error) {
	c, err := configWebP(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	const most = 16 // bytes a pixel: two copies of lossless pixels, or planes and alpha, and a canvas
	return &plan{
		width: c.Width, height: c.Height, bytes: most*int64(c.Width)*int64(c.Height) + 2*int64(len(b)) + decoderBytes,
		decode: func(ctx context.Context, _ *Image) (*Image, error) { return decodeWebP(ctx, b) },
	}, nil
}

// decodeWebP reads planes by golang.org/x/image and makes colours the way libwebp does.
func decodeWebP(ctx context.Context, b []byte) (*Image, error) {
	still, at, err := firstFrame(b)
	if err != nil {
		return nil, err
	}
	m, err := webp.Decode(reader{bytes.NewReader(still), ctx})
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var frame *Image
	switch m := m.(type) {
	case *image.YCbCr:
		frame = fromVP8(m)
	case *image.NYCbCrA:
		frame = fromVP8(&m.YCbCr)
	default:
		if frame, err = FromImage(m); err != nil {
			return nil, err
		}
	}
	if at == nil {
		return frame, nil
	}
	return frame.placed(at.canvas.Width, at.canvas.Height, at.x, at.y), nil
}

// place is where a frame of an animation lies on its canvas.
type place struct {
	canvas image.Config
	x, y   int
}

// configWebP also knows animations, whose canvas is the picture's size.
func configWebP(r io.Reader) (image.Config, error) {
	head := make([]byte, 30)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return image.Config{}, err
	}
	if c, ok := animated(head[:n]); ok {
		return c, nil
	}
	return webp.DecodeConfig(io.MultiReader(bytes.NewReader(head[:n]), r))
}

// animated tells an animation by the flags of its VP8X chunk (RFC 9649, section 2.7), and gives its canvas.
func animated(b []byte) (image.Config, bool) {
	if len(b) < 30 || string(b[12:16]) != "VP8X" || b[20]&2 == 0 {
		return image.Config{}, false
	}
	return image.Config{Width: 1 + uint24(b[24:]), Height: 1 + uint24(b[27:])}, true
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// firstFrame is the first frame of an animation as a file of its own, and its place; a still picture is itself, without a place.
func firstFrame(b []byte) ([]byte, *place, error) {
	canvas, ok := animated(b)
	if !ok {
		return b, nil, nil
	}
	for at := 12; at+8 <= len(b); {
		size := int(binary.LittleEndian.Uint32(b[at+4:]))
		if size < 0 || size > len(b)-at-8 {
			break
		}
		const header = 16 // place, size, duration and flags of a frame, before its own chunks
		if payload := b[at+8 : at+8+size]; string(b[at:at+4]) == "ANMF" && size > header {
			p := &place{canvas, 2 * uint24(payload), 2 * uint24(payload[3:])}
			width, height := 1+uint24(payload[6:]), 1+uint24(payload[9:])
			if p.x+width > canvas.Width || p.y+height > canvas.Height {
				return nil, nil, errors.New("the first frame lies outside of the canvas")
			}
			still := []byte("RIFF\x00\x00\x00\x00WEBP")
			if bytes.HasPrefix(payload[header:], []byte("ALPH")) {
				const hasAlpha = 0x10
				still = append(still, "VP8X\x0a\x00\x00\x00"...)
				still = append(still, hasAlpha, 0, 0, 0)
				still = append(still, payload[6:12]...)
			}
			still = append(still, payload[header:]...)
			binary.LittleEndian.PutUint32(still[4:], uint32(len(still)-8))
			if c, err := webp.DecodeConfig(bytes.NewReader(still)); err != nil || c.Width != width || c.Height != height {
				return nil, nil, errors.New("the first frame is not of the size that the animation says")
			}
			return still, p, nil
		}
		at += 8 + size + size%2
	}
	return nil, nil, errors.New("an animation without a frame")
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
