package pixels

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zlib"
)

// The decoder follows the PNG specification, third edition (W3C, 2025). It reads what every viewer opens: files without their last chunk,
// files whose compressed stream continues after the last row, and files with damaged ancillary chunks. Rows go from the stream straight
// into the picture.

// pngHeader holds everything before the picture's data.
type pngHeader struct {
	width, height, depth int
	colour               byte
	interlaced           bool
	palette              [256][3]uint8 // black if the file has none
	data                 int           // offset of the first IDAT chunk
	size                 int64         // total size of the IDAT chunks
	brightest            brightest     // while it is decoded, if the depth is 16
}

// Colour types, and the number of samples per pixel for each.
const (
	pngGrey      = 0
	pngRGB       = 2
	pngPalette   = 3
	pngGreyAlpha = 4
	pngRGBA      = 6
)

var pngSamples = map[byte]int{pngGrey: 1, pngRGB: 3, pngPalette: 1, pngGreyAlpha: 2, pngRGBA: 4}

// adam7 are the passes of an interlaced picture: the start and the steps of each.
var adam7 = []struct{ x, y, dx, dy int }{
	{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2},
}

// pngChunk is the chunk at an offset: its name, its data as far as the file goes, and the offset of the next one. It is not sound if the
// file ends inside it or its checksum is wrong.
func pngChunk(b []byte, at int) (name string, data []byte, next int, sound bool) {
	if at < 0 || at > len(b)-8 {
		return "", nil, len(b), false
	}
	size, name := int64(binary.BigEndian.Uint32(b[at:])), string(b[at+4:at+8])
	end := int64(at) + 8 + size
	if end+4 > int64(len(b)) {
		return name, b[at+8 : min(end, int64(len(b)))], len(b), false
	}
	sum := crc32.ChecksumIEEE(b[at+4 : end])
	return name, b[at+8 : end], int(end) + 4, sum == binary.BigEndian.Uint32(b[end:])
}

const pngSignature = 8

func openPNG(b []byte, _ bool) (*plan, error) {
	h, err := readPNGHeader(b)
	if err != nil {
		return nil, err
	}
	if h.width < 1 || h.height < 1 {
		return &plan{width: h.width, height: h.height}, nil
	}
	row := int64(h.rowBytes(h.width))
	p := &plan{
		width: h.width, height: h.height, bytes: 2*row + decoderBytes,
		decode: func(ctx context.Context, room *Image) (*Image, error) {
			const most = 1032 // DEFLATE expands one byte to no more than this
			if row*int64(h.height)/most > h.size {
				return nil, io.ErrUnexpectedEOF
			}
			return h.decode(ctx, b, room)
		},
	}
	if h.depth == 16 {
		p.brightest = &h.brightest
	}
	return p, nil
}

// readPNGHeader reads the chunks up to the picture's data, and determines the data's length.
func readPNGHeader(b []byte) (*pngHeader, error) {
	name, p, at, sound := pngChunk(b, pngSignature)
	switch {
	case name == "CgBI":
		return nil, unsupported("a PNG in Apple's own format, as found in iPhone applications")
	case name != "IHDR" || len(p) != 13 || !sound:
		return nil, errors.New("its header chunk is damaged")
	}
	h := &pngHeader{width: int(int32(binary.BigEndian.Uint32(p))), height: int(int32(binary.BigEndian.Uint32(p[4:]))), depth: int(p[8]), colour: p[9], interlaced: p[12] == 1}
	deep := h.colour != pngPalette && h.depth == 16
	shallow := (h.colour == pngGrey || h.colour == pngPalette) && (h.depth == 1 || h.depth == 2 || h.depth == 4)
	if pngSamples[h.colour] == 0 || !(h.depth == 8 || deep || shallow) || p[10] != 0 || p[11] != 0 || p[12] > 1 {
		return nil, fmt.Errorf("no PNG has colour type %d with %d bits, compression %d, filter %d, interlacing %d", p[9], p[8], p[10], p[11], p[12])
	}
	hasPalette := false
	for at < len(b) {
		start := at
		name, p, at, sound = pngChunk(b, at)
		switch name {
		case "PLTE":
			if !sound || len(p)%3 != 0 || len(p) > 3*256 {
				return nil, errors.New("its palette is damaged")
			}
			for i := range len(p) / 3 {
				h.palette[i] = [3]uint8(p[3*i:])
			}
			hasPalette = true
		case "IDAT":
			if h.size == 0 {
				h.data = start
			}
			h.size += int64(len(p))
		case "IEND":
			at = len(b)
		}
	}
	if h.size == 0 {
		return h, fmt.Errorf("it has no image data: %w", io.ErrUnexpectedEOF)
	}
	if h.colour == pngPalette && !hasPalette {
		return nil, errors.New("it has no palette")
	}
	return h, nil
}

// rowBytes is the length of a row with the given number of pixels, without its filter byte.
func (h *pngHeader) rowBytes(width int) int { return (width*pngSamples[h.colour]*h.depth + 7) / 8 }

// pngData reads the contents of the IDAT chunks, one after the other.
type pngData struct {
	b    []byte
	at   int
	left []byte
}

func (d *pngData) Read(p []byte) (int, error) {
	for len(d.left) == 0 {
		if d.at >= len(d.b) {
			return 0, io.EOF
		}
		name, data, next, _ := pngChunk(d.b, d.at)
		d.at = next
		if name == "IDAT" {
			d.left = data
		} else if name == "IEND" {
			d.at = len(d.b)
		}
	}
	n := copy(p, d.left)
	d.left = d.left[n:]
	return n, nil
}

func (h *pngHeader) decode(ctx context.Context, b []byte, room *Image) (*Image, error) {
	z, err := zlib.NewReader(&pngData{b: b, at: h.data})
	if err != nil {
		return nil, err
	}
	out := room.sized(h.width, h.height)
	passes := adam7
	if !h.interlaced {
		passes = []struct{ x, y, dx, dy int }{{0, 0, 1, 1}}
	}
	rows := 0
	for _, p := range passes {
		width, height := upTo(max(h.width-p.x, 0), p.dx), upTo(max(h.height-p.y, 0), p.dy)
		if width == 0 {
			continue
		}
		above, row := make([]byte, 1+h.rowBytes(width)), make([]byte, 1+h.rowBytes(width))
		samples := make([]uint8, width*pngSamples[h.colour])
		for y := range height {
			if err := each(ctx, rows, width); err != nil {
				return nil, err
			}
			rows++
			if _, err := io.ReadFull(z, row); err != nil {
				return nil, cut(err)
			}
			if err := unfilter(row, above[1:], max(1, pngSamples[h.colour]*h.depth/8)); err != nil {
				return nil, err
			}
			if h.depth == 16 {
				n := pngSamples[h.colour]
				h.brightest.see(row[1:], binary.BigEndian, n, n-1+n%2) // the second and the fourth are opacity
			}
			unpack(samples, row[1:], h.depth)
			h.put(out.Pix[3*((p.y+y*p.dy)*h.width+p.x):], samples, p.dx)
			above, row = row, above
		}
	}
	return out, tail(ctx, z)
}

// tail reads on to the checksum and ignores data after the last row; if there is very much of it, the checksum is ignored, too. A file that
// ends before the checksum still has all its rows.
func tail(ctx context.Context, z io.Reader) error {
	const most = 64 // buffers
	var rest [1 << 14]byte
	for range most {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := z.Read(rest[:]); errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
	return nil
}

// cut turns the end of a stream that should continue into an unexpected one.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// put writes a row's samples as every dx-th pixel of dst.
func (h *pngHeader) put(dst, samples []uint8, dx int) {
	n := pngSamples[h.colour]
	if h.colour == pngRGB && dx == 1 {
		copy(dst, samples)
		return
	}
	for x := range len(samples) / n {
		s, p := samples[n*x:n*x+n], dst[3*dx*x:3*dx*x+3]
		switch h.colour {
		case pngGrey, pngGreyAlpha:
			v := s[0]
			if h.depth < 8 {
				v *= uint8(255 / (1<<h.depth - 1))
			}
			p[0], p[1], p[2] = v, v, v
		case pngPalette:
			c := h.palette[s[0]]
			p[0], p[1], p[2] = c[0], c[1], c[2]
		default:
			p[0], p[1], p[2] = s[0], s[1], s[2]
		}
	}
}

// unfilter undoes the filter named by a row's first byte; pixel is the distance to the byte on the left.
func unfilter(row, above []byte, pixel int) error {
	filter, row := row[0], row[1:]
	switch filter {
	case 0:
	case 1:
		for i := pixel; i < len(row); i++ {
			row[i] += row[i-pixel]
		}
	case 2:
		for i, v := range above {
			row[i] += v
		}
	case 3:
		for i, v := range above[:min(pixel, len(above))] {
			row[i] += v / 2
		}
		for i := pixel; i < len(row); i++ {
			row[i] += uint8((int(row[i-pixel]) + int(above[i])) / 2)
		}
	case 4:
		for i, v := range above[:min(pixel, len(above))] {
			row[i] += v
		}
		for i := pixel; i < len(row); i++ {
			row[i] += paeth(int(row[i-pixel]), int(above[i]), int(above[i-pixel]))
		}
	default:
		return fmt.Errorf("row filter %d does not exist", filter)
	}
	return nil
}

// paeth is whichever of left, up and corner is nearest to left + up − corner (section 9.4).
func paeth(left, up, corner int) uint8 {
	dl, du, dc := up-corner, left-corner, left+up-2*corner
	dl, du, dc = max(dl, -dl), max(du, -du), max(dc, -dc)
	switch {
	case dl <= du && dl <= dc:
		return uint8(left)
	case du <= dc:
		return uint8(up)
	}
	return uint8(corner)
}

// unpack spreads samples of 1, 2, 4, 8 or 16 bits, the first in the highest bits, over one byte each: small samples unchanged, 16-bit
// samples as their high byte.
func unpack(dst []uint8, src []byte, bits int) {
	switch bits {
	case 8:
		copy(dst, src)
	case 16:
		for i := range dst {
			dst[i] = src[2*i]
		}
	default:
		for i := range dst {
			dst[i] = src[i*bits/8] >> (8 - bits - i*bits%8) & (1<<bits - 1)
		}
	}
}
