package pixels

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"slices"

	"iconic/internal/kernel"
)

// The decoder follows ITU-T T.81, sequential and progressive, and rounds where libjpeg rounds: the inverse transform is libjpeg's integer
// one (jidctint.c, "islow"), so the pixels are the same. Like libjpeg it continues with zeros if the data of a segment end too early; a
// file that ends too early is an error.

// jpegComponent is one plane of samples, and the state of its decoding.
type jpegComponent struct {
	id, across, down int // across and down: samples per unit, 1 to 4
	table            int // index of the quantisation table
	quant            *[64]int32
	width, height    int     // size in samples
	columns, rows    int     // size in blocks, including those that only pad units
	stride           int     // 8·columns
	plane            []uint8 // stride × 8·rows
	coefficients     []int16 // for progressive pictures: 64 per block
	dc, ac           *huffman
	last             int32    // DC of the previous block
	known            [64]bool // coefficients whose lowest bit has been received
}

type jpegReader struct {
	b                     []byte
	at                    int
	width, height         int
	progressive, sized    bool
	components            []jpegComponent
	acrossMost, downMost  int
	unitsAcross, unitRows int
	quant                 [4]*[64]int32
	huffman               [2][4]*huffman // DC, AC
	own                   [2][4]*huffman // those of the tables that do not come from a TIFF's shared tables
	restart               int
	jfif, adobe           bool
	transform             byte // transform of the Adobe segment
	bits                  bitReader
	sequential            [64]int16 // coefficients of one block
	run                   int       // remaining blocks without further data in this scan (EOBRUN)
	scans                 int
	colourSpace           string // see colours; "": as stated by the file's markers
	headersOnly           bool   // skip the scans
	tablesOnly            bool   // there is no picture, only the tables of a TIFF's tiles or strips
	mostWidth, mostHeight int    // largest tile or strip of a TIFF; 0: any
	wanted                int    // number of components; 0: any
	short, broken         bool   // a scan lacked data, or had data that no encoder writes
}

var errNoMore = fmt.Errorf("the file ends inside the picture: %w", io.ErrUnexpectedEOF)

// openJPEG reads all headers, so that both decoders refuse the same files: those with bad tables or more scans than mostScans, and those
// that end too early. Since libjpeg-turbo cannot be interrupted, it only decodes pictures that end with an end marker and take at most
// about half a second. The rest is decoded in Go.
func openJPEG(b []byte, fast bool) (*plan, error) {
	d := &jpegReader{b: b, headersOnly: true}
	err := d.read(context.Background())
	if err != nil && !errors.Is(err, errScans) && d.complete() {
		err = nil // data after the picture may look like a marker: decoding will find out
	}
	if !d.sized { // otherwise an error about the size takes precedence
		if err == nil {
			err = jpeg.FormatError("no frame header")
		}
		return nil, err
	}
	p := &plan{width: d.width, height: d.height, bytes: d.cost()}
	const quick, quickFile = 32 << 20, 16 << 20 // pixels in all scans, and bytes
	ends := err == nil && len(d.b)-d.at >= 2 && d.b[d.at] == 0xff && d.b[d.at+1] == 0xd9
	if fast && ends && len(b) <= quickFile && int64(d.scans)*int64(d.width)*int64(d.height) <= quick {
		p.decoder = LibjpegTurbo
	}
	p.decode = func(ctx context.Context, room *Image) (*Image, error) {
		if err != nil {
			return nil, err
		}
		if p.decoder == LibjpegTurbo {
			if m, err := turbo().decode(b, d.width, d.height, room); err == nil {
				return m, nil
			}
		}
		return (&jpegReader{b: b}).decode(ctx, room)
	}
	return p, nil
}

// cost is the memory of planes and coefficients, in bytes.
func (d *jpegReader) cost() int64 {
	bytes := int64(decoderBytes)
	for i := range d.components {
		c := &d.components[i]
		samples := int64(c.stride) * 8 * int64(c.rows)
		bytes += samples
		if d.progressive {
			bytes += 2 * samples
		}
	}
	if len(d.components) == 4 {
		bytes += 2 * int64(d.width) * int64(d.height) // libjpeg-turbo keeps the inks besides the result
	}
	return bytes
}

// mostScans bounds the time for a progressive file: each scan may take time proportional to the picture's size. Encoders write about ten.
const mostScans = 200

var errScans = fmt.Errorf("more than %d scans", mostScans)

// jpegLS is the marker of the frame of a JPEG-LS file, which is another format in the same segments.
const jpegLS = 0xf7

func isFrame(marker byte) bool {
	return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc
}

// segment is the next marker and its payload, nil for markers without one.
func (d *jpegReader) segment() (byte, []byte, error) {
	i := d.at
	for {
		n := bytes.IndexByte(d.b[min(i, len(d.b)):], 0xff)
		if n < 0 {
			return 0, nil, errNoMore
		}
		for i += n; i < len(d.b) && d.b[i] == 0xff; i++ {
		}
		if i >= len(d.b) {
			return 0, nil, errNoMore
		}
		if marker := d.b[i]; marker != 0 && marker != 1 && (marker < 0xd0 || marker > 0xd8) {
			i++
			if marker == 0xd9 {
				d.at = i
				return marker, nil, nil
			}
			if i+2 > len(d.b) {
				return 0, nil, errNoMore
			}
			size := int(d.b[i])<<8 | int(d.b[i+1])
			if size < 2 {
				return 0, nil, jpeg.FormatError("a segment without a size")
			}
			if i+size > len(d.b) {
				return 0, nil, errNoMore
			}
			d.at = i + size
			return marker, d.b[i+2 : i+size], nil
		}
		i++
	}
}

// read reads all segments up to the end of the picture: its end marker, or the end of the scan that completes all coefficients. A file
// without the marker is accepted if that scan is present, complete and valid.
func (d *jpegReader) read(ctx context.Context) error {
	for {
		marker, payload, err := d.segment()
		if err != nil {
			return err
		}
		switch {
		case marker == 0xd9:
			if d.scans == 0 && !d.tablesOnly {
				return jpeg.FormatError("no scan")
			}
			return nil
		case marker == 0xc4:
			err = d.readHuffman(payload)
		case d.tablesOnly && (isFrame(marker) || marker == 0xda):
			return jpeg.FormatError("a picture among the tables")
		case marker == jpegLS:
			return jpeg.UnsupportedError("JPEG-LS (ISO/IEC 14495)")
		case isFrame(marker):
			err = d.readFrame(marker, payload)
		case marker == 0xda:
			if err = d.readScan(ctx, payload); err == nil && d.complete() {
				goesOn, err := d.afterPicture()
				if !goesOn || err != nil {
					return err
				}
			}
		case marker == 0xdb:
			err = d.readQuant(payload)
		case marker == 0xdd && len(payload) >= 2:
			d.restart = int(payload[0])<<8 | int(payload[1])
		case marker == 0xe0:
			d.jfif = d.jfif || bytes.HasPrefix(payload, []byte("JFIF\x00"))
		case marker == 0xee && len(payload) >= 12 && bytes.HasPrefix(payload, []byte("Adobe")):
			d.adobe, d.transform = true, payload[11]
		}
		if err != nil {
			return err
		}
	}
}

// complete reports whether the scans have delivered every bit of every coefficient.
func (d *jpegReader) complete() bool {
	if d.scans == 0 {
		return false
	}
	for i := range d.components {
		for _, known := range d.components[i].known {
			if !known {
				return false
			}
		}
	}
	return true
}

// afterPicture inspects what follows a complete picture. It continues if that is a marker. If the next marker is not the end marker either,
// the last scan must have been valid and must not have run into a block of zeros: recovered files end in such blocks, complete or not.
func (d *jpegReader) afterPicture() (goesOn bool, err error) {
	if d.headersOnly {
		d.toMarker()
		return d.at < len(d.b) && d.b[d.at+1] != 0xd9, nil
	}
	d.at = d.bits.used()
	next := d.at
	for next < len(d.b) && d.b[next] == 0xff {
		next++
	}
	if next > d.at && next < len(d.b) && d.b[next] != 0 {
		return true, nil
	}
	scanEnd := d.at
	if d.toMarker(); d.at < len(d.b) && d.b[d.at+1] == 0xd9 {
		return false, nil
	}
	zeros := len(d.b) - len(bytes.TrimRight(d.b, "\x00"))
	const few = 8 // up to so many bytes of a valid scan may be zeros
	if d.short || d.broken || zeros > 2*few && scanEnd > len(d.b)-zeros+few {
		return false, errNoMore
	}
	return false, nil
}

// toMarker skips entropy-coded data up to the marker that ends them.
func (d *jpegReader) toMarker() {
	for i := d.at; i+1 < len(d.b); i++ {
		n := bytes.IndexByte(d.b[i:len(d.b)-1], 0xff)
		if n < 0 {
			break
		}
		i += n
		if m := d.b[i+1]; m != 0 && m != 0xff && (m < 0xd0 || m > 0xd7) {
			d.at = i
			return
		}
	}
	d.at = len(d.b)
}

func (d *jpegReader) readQuant(p []byte) error {
	for len(p) > 0 {
		wide, table := int(p[0]>>4), p[0]&15
		if wide > 1 || table > 3 || len(p) < 1+64*(1+wide) {
			return jpeg.FormatError("a bad quantisation table")
		}
		q := new([64]int32)
		for k := range q {
			if wide == 1 {
				q[zigzag[k]] = int32(p[1+2*k])<<8 | int32(p[2+2*k])
			} else {
				q[zigzag[k]] = int32(p[1+k])
			}
		}
		d.quant[table] = q
		p = p[1+64*(1+wide):]
	}
	return nil
}

func (d *jpegReader) readHuffman(p []byte) error {
	for len(p) > 0 {
		if len(p) < 17 || p[0]>>4 > 1 || p[0]&15 > 3 {
			return jpeg.FormatError("a bad Huffman table")
		}
		own := &d.own[p[0]>>4][p[0]&15]
		if *own == nil { // a file may redefine a table any number of times
			*own = &huffman{}
		}
		h := *own
		used, err := h.read(p[1:])
		if err != nil {
			return err
		}
		d.huffman[p[0]>>4][p[0]&15] = h
		p = p[1+used:]
	}
	return nil
}

func (d *jpegReader) readFrame(marker byte, p []byte) error {
	if d.sized {
		return jpeg.FormatError("a second frame")
	}
	if marker > 0xc2 {
		return jpeg.UnsupportedError("lossless, hierarchical or arithmetic coding")
	}
	if len(p) < 6 || len(p) < 6+3*int(p[5]) {
		return jpeg.FormatError("a short frame header")
	}
	if p[0] != 8 {
		return jpeg.UnsupportedError(fmt.Sprintf("%d bits per sample", p[0]))
	}
	n := int(p[5])
	if n != 1 && n != 3 && n != 4 {
		return jpeg.UnsupportedError(fmt.Sprintf("%d components", n))
	}
	d.sized, d.progressive = true, marker == 0xc2
	d.height, d.width = int(p[1])<<8|int(p[2]), int(p[3])<<8|int(p[4])
	if d.width < 1 || d.height < 1 {
		return jpeg.UnsupportedError("a picture without a size")
	}
	if d.mostWidth > 0 && (d.width > d.mostWidth || d.height > d.mostHeight) {
		return jpeg.FormatError(fmt.Sprintf("a tile or strip of %d×%d, want at most %d×%d", d.width, d.height, d.mostWidth, d.mostHeight))
	}
	if d.wanted > 0 && n != d.wanted {
		return jpeg.FormatError(fmt.Sprintf("a tile or strip with %d components, want %d", n, d.wanted))
	}
	d.components = make([]jpegComponent, n)
	for i := range d.components {
		c, f := &d.components[i], p[6+3*i:]
		c.id, c.across, c.down, c.table = int(f[0]), int(f[1]>>4), int(f[1]&15), int(f[2])
		if c.across < 1 || c.across > 4 || c.down < 1 || c.down > 4 || c.table > 3 {
			return jpeg.FormatError("bad sampling factors")
		}
		d.acrossMost, d.downMost = max(d.acrossMost, c.across), max(d.downMost, c.down)
	}
	d.unitsAcross = upTo(d.width, 8*d.acrossMost)
	d.unitRows = upTo(d.height, 8*d.downMost)
	for i := range d.components {
		c := &d.components[i]
		if d.acrossMost%c.across != 0 || d.downMost%c.down != 0 {
			return jpeg.UnsupportedError("sampling factors that do not divide each other")
		}
		c.width, c.height = upTo(d.width*c.across, d.acrossMost), upTo(d.height*c.down, d.downMost)
		c.columns, c.rows = d.unitsAcross*c.across, d.unitRows*c.down
		c.stride = 8 * c.columns
	}
	return nil
}

// allocate allocates planes and coefficients once the first scan has begun well.
func (d *jpegReader) allocate() {
	for i := range d.components {
		c := &d.components[i]
		c.plane = make([]uint8, c.stride*8*c.rows)
		if d.progressive {
			c.coefficients = make([]int16, 64*c.columns*c.rows)
		}
	}
}

// upTo is a/b rounded up.
func upTo(a, b int) int { return (a + b - 1) / b }

// scan describes which coefficients of its components one scan holds: from first to last, down to bit low, refined if high > 0.
type scan struct{ first, last, high, low int }

func (d *jpegReader) readScan(ctx context.Context, p []byte) error {
	if !d.sized {
		return jpeg.FormatError("a scan before the frame header")
	}
	if len(p) < 1 || len(p) < 4+2*int(p[0]) || p[0] < 1 || int(p[0]) > len(d.components) {
		return jpeg.FormatError("a bad scan header")
	}
	n := int(p[0])
	s := scan{int(p[1+2*n]), int(p[2+2*n]), int(p[3+2*n] >> 4), int(p[3+2*n] & 15)}
	if !d.progressive {
		s = scan{0, 63, 0, 0}
	}
	if s.first > s.last || s.last > 63 || s.low > 13 || d.progressive && (s.first == 0) != (s.last == 0) || s.first > 0 && n > 1 {
		return jpeg.FormatError("a bad scan header")
	}
	chosen, err := d.inScan(p[1:1+2*n], s)
	if err != nil {
		return err
	}
	if d.scans++; d.scans > mostScans {
		return errScans
	}
	for _, c := range chosen {
		for k := s.first; k <= s.last; k++ {
			c.known[k] = c.known[k] || s.low == 0
		}
	}
	if d.headersOnly {
		return nil
	}
	if d.scans == 1 {
		d.allocate()
	}
	d.run = 0
	d.bits = bitReader{b: d.b, at: d.at, marker: -1}
	if err := d.units(ctx, chosen, s); err != nil {
		return err
	}
	d.at = d.bits.at
	d.short, d.broken = d.short || d.bits.short(), d.broken || d.bits.broken
	return nil
}

// inScan is the components of a scan, in its order, ready to be read: p has two bytes for each, its id and its Huffman tables.
func (d *jpegReader) inScan(p []byte, s scan) (chosen []*jpegComponent, err error) {
	blocks := 0
	for ; len(p) > 0; p = p[2:] {
		var c *jpegComponent
		for k := range d.components {
			if d.components[k].id == int(p[0]) {
				c = &d.components[k]
			}
		}
		dc, ac := p[1]>>4, p[1]&15
		if c == nil || dc > 3 || ac > 3 {
			return nil, jpeg.FormatError("a bad scan header")
		}
		if slices.Contains(chosen, c) {
			return nil, jpeg.FormatError("a component twice in a scan")
		}
		if c.quant == nil {
			c.quant = d.quant[c.table]
		}
		c.dc, c.ac, c.last = d.huffman[0][dc], d.huffman[1][ac], 0
		needDC, needAC := s.first == 0 && s.high == 0, s.last > 0
		if c.quant == nil || needDC && c.dc == nil || needAC && c.ac == nil {
			return nil, jpeg.FormatError("a scan without its tables")
		}
		chosen = append(chosen, c)
		blocks += c.across * c.down
	}
	if len(chosen) > 1 && blocks > 10 {
		return nil, jpeg.FormatError("a unit of more than 10 blocks")
	}
	return chosen, nil
}

// units reads a scan's blocks: row by row for one component, interleaved by units for several.
func (d *jpegReader) units(ctx context.Context, chosen []*jpegComponent, s scan) error {
	columns, rows := d.unitsAcross, d.unitRows
	alone := len(chosen) == 1
	if alone {
		columns, rows = upTo(chosen[0].width, 8), upTo(chosen[0].height, 8)
	}
	left := d.restart
	for y := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		for x := range columns {
			if d.restart > 0 {
				if left == 0 {
					d.bits.restart()
					d.run, left = 0, d.restart
					for _, c := range chosen {
						c.last = 0
					}
				}
				left--
			}
			if alone {
				d.block(chosen[0], x, y, s)
				continue
			}
			for _, c := range chosen {
				for v := range c.down {
					for h := range c.across {
						d.block(c, x*c.across+h, y*c.down+v, s)
					}
				}
			}
		}
		if d.bits.starved() {
			return errNoMore
		}
	}
	return nil
}

func (d *jpegReader) block(c *jpegComponent, x, y int, s scan) {
	if !d.progressive {
		c.last += d.bits.number(d.bits.symbol(c.dc) & 15)
		d.sequential = [64]int16{int16(c.last)}
		d.bits.coefficients(&d.sequential, c.ac)
		kernel.InverseCosine(c.plane[8*(y*c.stride+x):], c.stride, &d.sequential, c.quant)
		return
	}
	block := (*[64]int16)(c.coefficients[64*(y*c.columns+x):])
	switch {
	case s.first == 0 && s.high == 0:
		c.last += d.bits.number(d.bits.symbol(c.dc) & 15)
		block[0] = int16(c.last << s.low)
	case s.first == 0:
		if d.bits.take(1) == 1 {
			block[0] |= 1 << s.low
		}
	case s.high == 0:
		d.firstAC(block, c, s)
	default:
		d.refineAC(block, c, s)
	}
}

func (d *jpegReader) firstAC(block *[64]int16, c *jpegComponent, s scan) {
	if d.run > 0 {
		d.run--
		return
	}
	for k := s.first; k <= s.last; k++ {
		symbol := d.bits.symbol(c.ac)
		zeros, size := int(symbol>>4), symbol&15
		if size == 0 {
			if zeros < 15 {
				d.run = 1<<zeros + int(d.bits.take(zeros)) - 1
				return
			}
			k += 15
			continue
		}
		k += zeros
		v := d.bits.number(size)
		if k < 64 {
			block[zigzag[k]] = int16(v << s.low)
		} else {
			d.bits.broken = true
		}
	}
}

// refineAC adds one bit to each coefficient: corrections of non-zero coefficients are interleaved with the new ones (T.81, G.1.2.3).
func (d *jpegReader) refineAC(block *[64]int16, c *jpegComponent, s scan) {
	k := s.first
	if d.run == 0 {
		for ; k <= s.last; k++ {
			symbol := d.bits.symbol(c.ac)
			zeros, fresh := int(symbol>>4), int16(0)
			if symbol&15 != 0 {
				fresh = -1 << s.low
				if d.bits.take(1) == 1 {
					fresh = 1 << s.low
				}
			} else if zeros < 15 {
				d.run = 1<<zeros + int(d.bits.take(zeros))
				break
			}
			k = d.correct(block, k, s, zeros)
			if fresh != 0 && k <= s.last {
				block[zigzag[k]] = fresh
			}
		}
	}
	if d.run > 0 {
		d.correct(block, k, s, 64)
		d.run--
	}
}

// correct advances from k past the given number of coefficients that are still zero, correcting the others, and stops at the next zero.
func (d *jpegReader) correct(block *[64]int16, k int, s scan, zeros int) int {
	bit := int16(1) << s.low
	for ; k <= s.last; k++ {
		v := &block[zigzag[k]]
		if *v == 0 {
			if zeros == 0 {
				break
			}
			zeros--
			continue
		}
		if d.bits.take(1) == 1 && *v&bit == 0 {
			if *v > 0 {
				*v += bit
			} else {
				*v -= bit
			}
		}
	}
	return k
}

// finish transforms the coefficients collected for a progressive picture.
func (d *jpegReader) finish(ctx context.Context) error {
	if !d.progressive {
		return nil
	}
	for i := range d.components {
		c := &d.components[i]
		if c.quant == nil {
			continue
		}
		for y := range c.rows {
			if err := ctx.Err(); err != nil {
				return err
			}
			for x := range c.columns {
				kernel.InverseCosine(c.plane[8*(y*c.stride+x):], c.stride, (*[64]int16)(c.coefficients[64*(y*c.columns+x):]), c.quant)
			}
		}
	}
	return nil
}

// colours says how the components are interpreted: "grey", "ycc", "rgb", "cmyk" or "ycck", by libjpeg's rules, or "inks", which occurs only
// in TIFF: CMYK that is not inverted.
func (d *jpegReader) colours() string {
	switch n := len(d.components); {
	case d.colourSpace != "":
		return d.colourSpace
	case n == 1:
		return "grey"
	case n == 4 && d.adobe && d.transform == 2:
		return "ycck"
	case n == 4:
		return "cmyk"
	case d.jfif:
		return "ycc"
	case d.adobe && d.transform == 0:
		return "rgb"
	case d.adobe:
		return "ycc"
	case d.components[0].id == 'R' && d.components[1].id == 'G' && d.components[2].id == 'B':
		return "rgb"
	}
	return "ycc"
}

// decode gives libjpeg's pixels without using libjpeg.
func (d *jpegReader) decode(ctx context.Context, room *Image) (*Image, error) {
	if err := d.read(ctx); err != nil {
		return nil, err
	}
	if len(d.components) == 0 {
		return nil, errors.New("no frame header")
	}
	if err := d.finish(ctx); err != nil {
		return nil, err
	}
	out := room.sized(d.width, d.height)
	up := make([]*upsampler, len(d.components))
	lines := make([][]uint8, len(d.components))
	for i, c := range d.components {
		up[i] = newUpsampler(d.acrossMost/c.across, d.downMost/c.down, c.width, c.height)
	}
	colours := d.colours()
	for y := range d.height {
		if err := each(ctx, y, d.width); err != nil {
			return nil, err
		}
		for i, c := range d.components {
			lines[i] = up[i].row(c.plane, c.stride, y)
		}
		paint(out.Pix[3*y*d.width:3*(y+1)*d.width], lines, colours)
	}
	return out, nil
}

// paint turns a row of samples of each component, at least as many as pixels, into RGB; see colours.
func paint(row []uint8, lines [][]uint8, colours string) {
	n := len(row) / 3
	switch colours {
	case "grey":
		for x, v := range lines[0][:n] {
			row[3*x], row[3*x+1], row[3*x+2] = v, v, v
		}
	case "rgb":
		interleave(row, lines)
	case "cmyk":
		interleave(row, lines)
		underBlack(row, lines[3])
	case "inks":
		interleave(row, lines)
		invert(row)
		black := slices.Clone(lines[3][:n])
		invert(black)
		underBlack(row, black)
	case "ycck": // inks are the complement of colours
		kernel.YCCToRGB(row, lines[0][:n], lines[1], lines[2])
		invert(row)
		underBlack(row, lines[3])
	default:
		kernel.YCCToRGB(row, lines[0][:n], lines[1], lines[2])
	}
}

func invert(levels []uint8) {
	for i, v := range levels {
		levels[i] = 255 - v
	}
}

func interleave(row []uint8, lines [][]uint8) {
	for x := range len(row) / 3 {
		row[3*x], row[3*x+1], row[3*x+2] = lines[0][x], lines[1][x], lines[2][x]
	}
}
