package pixels

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// webp is the picture of a WebP file (RFC 9649): a still one, or the first frame of an animation.
type webp struct {
	width, height int // size of the frame
	lossless      bool
	data          []byte // content of its VP8 or VP8L chunk

	canvasWidth, canvasHeight int
	x, y                      int // position of the frame on the canvas
}

var errWebP = errors.New("its chunks are not those of a WebP picture")

func openWebP(b []byte, _ bool) (*plan, error) {
	w, err := readWebP(b)
	if err != nil {
		return nil, err
	}
	frame, canvas := int64(w.width)*int64(w.height), int64(w.canvasWidth)*int64(w.canvasHeight)
	p := &plan{width: w.canvasWidth, height: w.canvasHeight, piece: frame, bytes: decoderBytes}
	if canvas != frame {
		p.bytes += 3 * frame // the frame is drawn on a separate canvas
	}
	if w.lossless {
		p.bytes += vp8lBytes(w.width, w.height, len(w.data))
	} else {
		p.bytes += vp8Bytes(w.width, w.height)
	}
	p.decode = func(ctx context.Context, room *Image) (*Image, error) {
		decode := decodeVP8
		if w.lossless {
			decode = decodeVP8L
		}
		if canvas != frame {
			room = nil // the canvas will use it
		}
		m, err := decode(ctx, w.data, room)
		if err != nil {
			return nil, err
		}
		return m.placed(w.canvasWidth, w.canvasHeight, w.x, w.y), nil
	}
	return p, nil
}

// webpChunk is the first chunk of b, and what follows it. A chunk whose length exceeds the file is an error.
func webpChunk(b []byte) (name string, data, rest []byte, err error) {
	const header = 8
	if len(b) < header {
		return "", nil, nil, io.ErrUnexpectedEOF
	}
	size := int64(binary.LittleEndian.Uint32(b[4:]))
	if size > int64(len(b)-header) {
		return string(b[:4]), nil, nil, io.ErrUnexpectedEOF
	}
	end := header + int(size)
	return string(b[:4]), b[header:end], b[min(end+int(size&1), len(b)):], nil
}

const webpHeader = 12

// readWebP reads the chunks up to the first picture, and its size.
func readWebP(b []byte) (*webp, error) {
	if len(b) < webpHeader {
		return nil, io.ErrUnexpectedEOF
	}
	if size := 8 + int64(binary.LittleEndian.Uint32(b[4:])); size < int64(len(b)) {
		b = b[:max(size, webpHeader)]
	}
	w := &webp{}
	animated := false
	rest := b[webpHeader:]
	for {
		name, data, after, err := webpChunk(rest)
		if err != nil {
			return nil, err
		}
		rest = after
		switch name {
		case "VP8X":
			if w.canvasWidth > 0 || len(data) != 10 {
				return nil, errWebP
			}
			animated = data[0]&2 != 0
			w.canvasWidth, w.canvasHeight = 1+uint24(data[4:]), 1+uint24(data[7:])
		case "ANMF":
			if animated {
				return w, w.readFrame(data)
			}
		case "VP8 ", "VP8L":
			if animated {
				return nil, errWebP
			}
			if err := w.readPicture(name, data); err != nil {
				return nil, err
			}
			if w.canvasWidth == 0 {
				w.canvasWidth, w.canvasHeight = w.width, w.height
			}
			if w.canvasWidth != w.width || w.canvasHeight != w.height {
				return nil, fmt.Errorf("a picture of %d×%d, but the file says %d×%d", w.width, w.height, w.canvasWidth, w.canvasHeight)
			}
			return w, nil
		}
	}
}

// readPicture reads the size of a picture.
func (w *webp) readPicture(name string, data []byte) (err error) {
	w.data, w.lossless = data, name == "VP8L"
	if w.lossless {
		w.width, w.height, err = vp8lHeader(data)
	} else {
		w.width, w.height, err = vp8Header(data)
	}
	return err
}

// readFrame reads the frame of an animation: its position and size, and its own chunks.
func (w *webp) readFrame(data []byte) error {
	const header = 16 // position, size, duration and flags
	if len(data) < header {
		return io.ErrUnexpectedEOF
	}
	w.x, w.y = 2*uint24(data), 2*uint24(data[3:])
	width, height := 1+uint24(data[6:]), 1+uint24(data[9:])
	if w.x+width > w.canvasWidth || w.y+height > w.canvasHeight {
		return errors.New("the first frame lies outside the canvas")
	}
	for rest := data[header:]; ; {
		name, chunk, after, err := webpChunk(rest)
		if err != nil {
			return err
		}
		if rest = after; name != "VP8 " && name != "VP8L" { // for example opacity
			continue
		}
		if err := w.readPicture(name, chunk); err != nil || w.width != width || w.height != height {
			return errors.New("the first frame does not have the size that the animation states")
		}
		return nil
	}
}

func uint24(b []byte) int { return int(b[0]) | int(b[1])<<8 | int(b[2])<<16 }

// clip6 drops six fractional bits.
func clip6(v int) uint8 { return uint8(min(max(v>>6, 0), 255)) }

// upsampleVP8 widens a row of chroma to full width: near is the chroma row of the luma row, far its neighbour on the luma row's side.
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
