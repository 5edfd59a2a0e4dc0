package pixels

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// bmp is a Windows or OS/2 bitmap file, as described by Microsoft's BITMAPINFOHEADER and related headers.
type bmp struct {
	width, height int
	topDown       bool
	bits          int
	compression   uint32
	palette       [256][3]uint8 // black if the file has none
	masks         [3]uint32     // masks of red, green and blue, for 16 and 32 bits
	data          []byte
}

// Compressions.
const (
	bmpPlain       = 0
	bmpRLE8        = 1
	bmpRLE4        = 2
	bmpMasks       = 3
	bmpMasksAlpha  = 6
	bmpFileHeader  = 14
	bmpOldHeader   = 12 // OS/2 1.x
	bmpInfoHeader  = 40
	bmpMostHeader  = 124
	bmpWindowsMask = 52 // headers of at least this size include the masks
)

func openBMP(b []byte, _ bool) (*plan, error) {
	m, err := readBMP(b)
	if err != nil {
		return nil, err
	}
	return &plan{width: m.width, height: m.height, bytes: decoderBytes, decode: m.decode}, nil
}

func readBMP(b []byte) (*bmp, error) {
	if len(b) < bmpFileHeader+bmpOldHeader {
		return nil, io.ErrUnexpectedEOF
	}
	le := binary.LittleEndian
	start, h := int64(le.Uint32(b[10:])), b[bmpFileHeader:]
	size := int64(le.Uint32(h))
	if size > int64(len(h)) {
		return nil, io.ErrUnexpectedEOF
	}
	m := &bmp{}
	entry, colours := 4, int64(0)
	switch {
	case size == bmpOldHeader:
		m.width, m.height, m.bits, entry = int(le.Uint16(h[4:])), int(le.Uint16(h[6:])), int(le.Uint16(h[10:])), 3
	case size >= 16 && size <= bmpMostHeader:
		m.width, m.height, m.bits = int(int32(le.Uint32(h[4:]))), int(int32(le.Uint32(h[8:]))), int(le.Uint16(h[14:]))
		if size >= bmpInfoHeader {
			m.compression, colours = le.Uint32(h[16:]), int64(le.Uint32(h[32:]))
		}
	default:
		return nil, unsupported(fmt.Sprintf("a BMP header of %d bytes", size))
	}
	if m.height < 0 {
		m.topDown, m.height = true, -m.height
	}
	rest, err := m.readMasks(h, size)
	if err != nil {
		return nil, err
	}
	if err := m.known(); err != nil {
		return nil, err
	}
	if m.bits <= 8 {
		if colours == 0 || colours > 1<<m.bits {
			colours = 1 << m.bits
		}
		if start > bmpFileHeader { // the pixels may start before the palette is full
			colours = min(colours, (start-int64(len(b)-len(rest)))/int64(entry))
		}
		for i := range max(colours, 0) {
			if int64(len(rest)) < (i+1)*int64(entry) {
				return nil, io.ErrUnexpectedEOF
			}
			c := rest[i*int64(entry):]
			m.palette[i] = [3]uint8{c[2], c[1], c[0]}
		}
		rest = rest[max(colours, 0)*int64(entry):]
	}
	if start == 0 { // some writers leave the offset out: the pixels follow
		start = int64(len(b) - len(rest))
	}
	if start < bmpFileHeader+size || start > int64(len(b)) {
		return nil, errors.New("its pixels lie outside the file")
	}
	m.data = b[start:]
	return m, nil
}

// readMasks finds the bit positions of each colour, and returns what follows the header.
func (m *bmp) readMasks(h []byte, size int64) ([]byte, error) {
	rest := h[size:]
	switch m.bits {
	case 16:
		m.masks = [3]uint32{0x7c00, 0x3e0, 0x1f}
	case 32:
		m.masks = [3]uint32{0xff0000, 0xff00, 0xff}
	}
	if m.compression != bmpMasks && m.compression != bmpMasksAlpha {
		return rest, nil
	}
	if size == 64 { // OS/2 2.x numbers its compressions differently
		return nil, unsupported("an OS/2 BMP with Huffman coding")
	}
	from := h[min(int64(len(h)), bmpInfoHeader):]
	if len(from) < 12 {
		return nil, io.ErrUnexpectedEOF
	}
	given := [3]uint32{}
	for i := range given {
		given[i] = binary.LittleEndian.Uint32(from[4*i:])
	}
	if m.bits != 32 || given != [3]uint32{} { // without any, the usual ones hold
		m.masks = given
	}
	for i := range m.masks {
		run := m.masks[i] >> bits.TrailingZeros32(m.masks[i])
		if m.masks[i] == 0 || run&(run+1) != 0 {
			return nil, unsupported(fmt.Sprintf("a BMP with a colour in the bits %#x", m.masks[i]))
		}
	}
	if size < bmpWindowsMask {
		rest = rest[min(len(rest), 12):]
	}
	return rest, nil
}

// known refuses combinations that no reader supports.
func (m *bmp) known() error {
	ok := false
	switch m.compression {
	case bmpPlain:
		ok = m.bits == 1 || m.bits == 2 || m.bits == 4 || m.bits == 8 || m.bits == 16 || m.bits == 24 || m.bits == 32
	case bmpRLE8:
		ok = m.bits == 8 && !m.topDown
	case bmpRLE4:
		ok = m.bits == 4 && !m.topDown
	case bmpMasks, bmpMasksAlpha:
		ok = m.bits == 16 || m.bits == 32
	}
	if !ok {
		return unsupported(fmt.Sprintf("a BMP with %d bits per pixel and compression %d", m.bits, m.compression))
	}
	return nil
}

func (m *bmp) decode(ctx context.Context, room *Image) (*Image, error) {
	if m.compression == bmpRLE8 || m.compression == bmpRLE4 {
		return m.runs(ctx, room)
	}
	stride := (int64(m.width)*int64(m.bits) + 31) / 32 * 4
	used := (int64(m.width)*int64(m.bits) + 7) / 8 // the last row may lack its padding
	if stride*int64(m.height-1)+used > int64(len(m.data)) {
		return nil, io.ErrUnexpectedEOF
	}
	out := room.sized(m.width, m.height)
	samples := make([]uint8, m.width)
	for y := range m.height {
		if err := each(ctx, y, m.width); err != nil {
			return nil, err
		}
		from, to := m.data[int64(y)*stride:][:used], out.Pix[3*m.width*m.line(y):][:3*m.width]
		switch m.bits {
		case 24:
			for x := range m.width {
				to[3*x], to[3*x+1], to[3*x+2] = from[3*x+2], from[3*x+1], from[3*x]
			}
		case 16:
			for x := range m.width {
				m.masked(to[3*x:], uint32(binary.LittleEndian.Uint16(from[2*x:])))
			}
		case 32:
			for x := range m.width {
				m.masked(to[3*x:], binary.LittleEndian.Uint32(from[4*x:]))
			}
		default:
			unpack(samples, from, m.bits)
			for x, v := range samples {
				copy(to[3*x:3*x+3], m.palette[v][:])
			}
		}
	}
	return out, nil
}

// line is the picture's row that is stored as row y of the file.
func (m *bmp) line(y int) int {
	if m.topDown {
		return y
	}
	return m.height - 1 - y
}

// masked extracts the three colours from a pixel's bits, scaled to 0…255.
func (m *bmp) masked(to []uint8, v uint32) {
	for i, mask := range m.masks {
		shift := bits.TrailingZeros32(mask)
		to[i] = uint8(uint64(v&mask>>shift) * 255 / uint64(mask>>shift))
	}
}

// runs reads run-length coded rows from the bottom up. Pixels left out have the first colour of the palette. The data must contain an end
// marker or fill the picture.
func (m *bmp) runs(ctx context.Context, room *Image) (*Image, error) {
	out := room.sized(m.width, m.height)
	for y := range m.height {
		if err := each(ctx, y, m.width); err != nil {
			return nil, err
		}
		row := out.Pix[3*y*m.width:][:3*m.width]
		for x := range m.width {
			copy(row[3*x:3*x+3], m.palette[0][:])
		}
	}
	x, y := 0, 0
	set := func(v uint8) {
		if x < m.width && y < m.height {
			copy(out.Pix[3*((m.height-1-y)*m.width+x):][:3], m.palette[v][:])
		}
		x++
	}
	p := m.data
	for steps := 0; ; steps++ {
		if err := each(ctx, steps, 64); err != nil {
			return nil, err
		}
		if len(p) < 2 {
			if y >= m.height || y == m.height-1 && x >= m.width {
				return out, nil
			}
			return nil, io.ErrUnexpectedEOF
		}
		n, v := int(p[0]), p[1]
		p = p[2:]
		switch {
		case n > 0:
			for i := range n {
				set(m.pixel(v, i))
			}
		case v == 0:
			x, y = 0, y+1
		case v == 1:
			return out, nil
		case v == 2:
			if len(p) < 2 {
				return nil, io.ErrUnexpectedEOF
			}
			x, y, p = x+int(p[0]), y+int(p[1]), p[2:]
		default:
			size := (int(v)*m.bits + 7) / 8
			if len(p) < size {
				return nil, io.ErrUnexpectedEOF
			}
			for i := range int(v) {
				set(m.pixel(p[i*m.bits/8], i))
			}
			p = p[min(len(p), size+size%2):]
		}
	}
}

// pixel is the i-th of the pixels that a repeated byte encodes.
func (m *bmp) pixel(v uint8, i int) uint8 {
	switch {
	case m.bits == 8:
		return v
	case i%2 == 0:
		return v >> 4
	}
	return v & 15
}
