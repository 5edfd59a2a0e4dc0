package pixels

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/zlib"
	"golang.org/x/image/ccitt"

	"iconic/internal/kernel"
	"iconic/internal/plural"
)

// The reader follows TIFF 6.0 (Adobe, 1992), Adobe's supplements for DEFLATE and JPEG, and BigTIFF. Strips and tiles are read row by row,
// so that little more than a row is in memory besides the result; if every colour has its own plane, all planes are.

// Compressions.
const (
	tiffPlain      = 1
	tiffFax3       = 3
	tiffFax4       = 4
	tiffLZW        = 5
	tiffInJPEG     = 7
	tiffDeflate    = 8
	tiffDeflateOld = 32946
	tiffPackBits   = 32773
)

// Photometric interpretations.
const (
	tiffWhiteIsZero = 0
	tiffBlackIsZero = 1
	tiffRGB         = 2
	tiffPalette     = 3
	tiffInks        = 5
	tiffYCC         = 6
	tiffCamera      = 32803
	tiffLinear      = 34892
)

// tiff is a picture as described by its directory.
type tiff struct {
	*directory
	width, height int
	bits, samples int // bits per sample; samples per pixel
	used          int // number of samples of a pixel that are used, from the first
	largest       int // of 16-bit samples: 65535, or a smaller power of two less one that the file states
	compression   int
	photometric   int
	predictor     bool
	reversed      bool // the bits of each byte are in reverse order
	separate      bool // every sample has its own plane
	associated    bool // colours are multiplied by the fourth sample
	palette       list
	paletteShift  int // from the palette's numbers to levels: 8, or 0 if they are levels
	across, down  int // strips or tiles
	pieceWidth    int
	pieceHeight   int
	tiled         bool
	at, sizes     list
	brightest     brightest // while it is decoded, of 16-bit samples of the whole range
}

func openTIFF(b []byte, _ bool) (*plan, error) {
	d, err := readDirectory(b)
	if err != nil {
		return nil, err
	}
	t := &tiff{directory: d, width: d.first(tiffWidth, 0), height: d.first(tiffHeight, 0)}
	if err := t.notRaw(); err != nil {
		return nil, err
	}
	if err := t.readKind(); err != nil {
		return nil, err
	}
	const most = 1 << 31
	if t.width < 1 || t.height < 1 || t.width >= most || t.height >= most {
		return &plan{}, nil
	}
	if err := t.readPieces(); err != nil {
		return nil, err
	}
	area := int64(t.pieceWidth) * int64(t.pieceHeight)
	p := &plan{width: t.width, height: t.height, decode: t.decode}
	if t.tiled {
		p.piece = area
	}
	p.bytes = 4*int64(t.pieceWidth)*int64(t.samples) + 32*int64(t.across)*int64(t.down)*int64(t.planes()) + decoderBytes
	if t.separate {
		p.bytes += int64(t.used) * int64(t.width) * int64(t.height)
	}
	if t.bits == 16 && t.largest == 1<<16-1 {
		p.brightest = &t.brightest
	}
	if t.compression == tiffInJPEG {
		const planes = 3 * 5 // bytes per pixel: planes, coefficients, colours
		p.bytes += planes * area
	}
	return p, nil
}

// notRaw refuses a TIFF that contains only the preview of a camera's raw picture.
func (t *tiff) notRaw() error {
	camera := t.first(tiffDNG, -1) >= 0 || t.list(tiffInside).len() > 0
	switch p := t.first(tiffPhotometric, -1); {
	case p == tiffCamera || p == tiffLinear,
		len(t.b) >= 10 && string(t.b[8:10]) == "CR",
		camera && t.first(tiffKind, 0)&1 != 0:
		return unsupported("camera raw, whose TIFF holds only a preview")
	}
	return nil
}

// readSamples finds how many samples a pixel has, and of how many bits. They have to be alike, and to be numbers without a sign.
func (t *tiff) readSamples() error {
	t.samples, t.compression = t.first(tiffSamples, 1), t.first(tiffCompression, tiffPlain)
	bits := t.list(tiffBits)
	t.bits = 1
	for i := range min(bits.len(), t.samples) {
		if i == 0 {
			t.bits = bits.at(0)
		} else if bits.at(i) != t.bits {
			return unsupported("a TIFF whose samples have different numbers of bits")
		}
	}
	if t.samples < 1 || t.samples > 64 {
		return unsupported(fmt.Sprintf("a TIFF with %d samples per pixel", t.samples))
	}
	if format := t.first(tiffFormat, 1); format == 3 || format == 6 {
		return unsupported("a TIFF of floating-point numbers, whose range is unknown")
	} else if format != 1 && format != 4 {
		return unsupported("a TIFF of signed or complex numbers")
	}
	return nil
}

// readKind determines what the samples are, and refuses unsupported kinds.
func (t *tiff) readKind() error {
	if err := t.readSamples(); err != nil {
		return err
	}
	missing := tiffWhiteIsZero
	if t.compression == tiffInJPEG && t.samples == 3 {
		missing = tiffYCC
	}
	t.photometric = t.first(tiffPhotometric, missing)
	t.separate = t.first(tiffPlanar, 1) == 2 && t.samples > 1
	small := t.bits == 1 || t.bits == 2 || t.bits == 4 || t.bits == 8
	ok := false
	switch t.photometric {
	case tiffWhiteIsZero, tiffBlackIsZero:
		t.used, ok = 1, small || t.bits == 16
	case tiffPalette:
		t.used, ok = 1, small
		if ok {
			if err := t.readPalette(); err != nil {
				return err
			}
		}
	case tiffRGB:
		t.used, ok = 3, t.bits == 8 || t.bits == 16
		if t.samples > 3 && t.first(tiffExtraSamples, 0) == 1 {
			t.used, t.associated = 4, true
		}
	case tiffInks:
		t.used, ok = 4, t.bits == 8 || t.bits == 16
	case tiffYCC:
		t.used, ok = 3, t.bits == 8
		if s := t.list(tiffSubsampling); t.compression != tiffInJPEG && (s.len() < 2 || s.at(0) != 1 || s.at(1) != 1) {
			return unsupported("a TIFF with chroma at a lower resolution")
		}
	default:
		return unsupported(fmt.Sprintf("a TIFF with photometric interpretation %d", t.photometric))
	}
	if !ok || t.samples < t.used {
		return unsupported(fmt.Sprintf("a TIFF with %s of %s and photometric interpretation %d", plural.Of(t.samples, "sample", "samples"), plural.Of(t.bits, "bit", "bits"), t.photometric))
	}
	if err := t.checkBands(); err != nil {
		return err
	}
	if err := t.readLargest(); err != nil {
		return err
	}
	return t.readCompression()
}

// checkBands refuses pixels with more samples than their picture has: bands of a satellite or channels of a microscope, of which the first would be
// shown as grey. Beside grey there may be opacity, and beside colours up to three samples of any meaning, as RGBX and masks.
func (t *tiff) checkBands() error {
	extra := t.samples - t.used
	most := 3
	if t.photometric == tiffWhiteIsZero || t.photometric == tiffBlackIsZero {
		most = 0
		if kind := t.first(tiffExtraSamples, 0); kind == 1 || kind == 2 {
			most = 1
		}
	}
	if extra > most {
		return unsupported(fmt.Sprintf("a TIFF of %d bands, of which only %d would be read", t.samples, t.used))
	}
	return nil
}

// readPalette finds the palette, and whether it has 16-bit numbers, as it should, or levels, as some writers leave them. As for libtiff
// (checkcmap), it has levels if no number exceeds 255: all of them would be black otherwise.
func (t *tiff) readPalette() error {
	t.palette = t.list(tiffColours)
	if t.palette.len() < 3<<t.bits {
		return errors.New("its palette is too short")
	}
	for i := range 3 << t.bits {
		if t.palette.at(i) > 255 {
			t.paletteShift = 8
			break
		}
	}
	return nil
}

// readLargest finds the range of 16-bit samples. Microscopes state a power of two less one, such as 4095 for the 12 bits of their camera. Any
// other largest value is what happens to occur, and does not affect the picture (TIFF 6.0, MaxSampleValue), unless the picture were almost
// black by it, in less than 16 of 256 levels: then its range is unknown.
func (t *tiff) readLargest() error {
	const whole, least, black = 1<<16 - 1, 1<<8 - 1, 1 << 12
	t.largest = whole
	if t.bits != 16 {
		return nil
	}
	stated := t.list(tiffLargest)
	for i := range min(stated.len(), t.used) {
		v := stated.at(i)
		switch {
		case i > 0 && v != stated.at(0) && (t.largest < whole || v < black):
			return unsupported("a TIFF whose samples have different ranges")
		case i > 0 || v <= 0 || v >= whole:
		case v&(v+1) == 0 && v >= least:
			t.largest = v
		case v < black:
			return unsupported(fmt.Sprintf("a TIFF of 16-bit samples of at most %d, whose range is unknown", v))
		}
	}
	return nil
}

// narrow reduces 16-bit samples with a smaller range to their highest eight bits; n are interleaved in a pixel.
func (t *tiff) narrow(dst []uint8, row []byte, n int) error {
	shift := 0
	for t.largest>>shift > 255 {
		shift++
	}
	for k := range dst {
		v := int(t.order.Uint16(row[2*k:]))
		if v > t.largest && k%n < t.used {
			return fmt.Errorf("a sample of %d, but it states that the largest is %d", v, t.largest)
		}
		dst[k] = uint8(min(v, t.largest) >> shift)
	}
	return nil
}

// narrowWhole reduces 16-bit samples of the whole range to their high byte, n interleaved in a pixel, and looks at the colours of the first columns.
func (t *tiff) narrowWhole(dst []uint8, row []byte, plane, columns, n int) {
	colours := min(n, t.used)
	if t.associated { // the last used one is opacity
		colours = min(n, t.used-1-plane)
	}
	t.brightest.see(row[:2*columns*n], t.order, n, colours)
	if t.order == binary.LittleEndian {
		row = row[1:]
	}
	for k := range dst {
		dst[k] = row[2*k]
	}
}

// readCompression refuses unsupported compressions.
func (t *tiff) readCompression() error {
	t.reversed = t.first(tiffFillOrder, 1) == 2
	switch t.compression {
	case tiffPlain, tiffPackBits:
	case tiffLZW, tiffDeflate, tiffDeflateOld:
		switch p := t.first(tiffPredictor, 1); {
		case p == 2 && (t.bits == 8 || t.bits == 16):
			t.predictor = true
		case p != 1:
			return unsupported(fmt.Sprintf("a TIFF with predictor %d and %d bits", p, t.bits))
		}
	case tiffFax3, tiffFax4:
		if t.bits != 1 || t.samples != 1 || t.compression == tiffFax3 && t.first(tiffFaxOptions, 0)&1 != 0 {
			return unsupported("a TIFF with two-dimensional fax coding, or with more than one bit")
		}
	case tiffInJPEG:
		if t.bits != 8 || t.separate && t.photometric != tiffRGB || !t.separate && t.samples != t.used || t.photometric == tiffPalette {
			return unsupported("a TIFF with JPEG data of this kind")
		}
	default:
		names := map[int]string{2: "modified Huffman", 6: "old JPEG", 34712: "JPEG 2000", 34925: "LZMA", 50000: "Zstandard", 50001: "WebP", 50002: "JPEG XL", 34887: "LERC"}
		name := names[t.compression]
		if name == "" {
			name = fmt.Sprintf("kind %d", t.compression)
		}
		return unsupported("a TIFF with compression " + name)
	}
	return nil
}

// planes is the number of planes over which tiles or strips are distributed.
func (t *tiff) planes() int {
	if t.separate {
		return t.samples
	}
	return 1
}

// readPieces finds the strips or tiles. It refuses tiles that are tiny, or far larger than the picture, since they would cost more than its
// pixels.
func (t *tiff) readPieces() error {
	t.at, t.sizes = t.list(tiffStrips), t.list(tiffStripSizes)
	t.pieceWidth, t.pieceHeight = t.width, t.height
	if rows := t.first(tiffRowsPerStrip, t.height); rows > 0 {
		t.pieceHeight = min(rows, t.height)
	}
	if w := t.first(tiffTileWidth, 0); w != 0 {
		t.tiled, t.at = true, t.list(tiffTiles)
		if t.sizes = t.list(tiffTileSizes); t.at.len() == 0 { // some writers list tiles under the tags of strips
			t.at, t.sizes = t.list(tiffStrips), t.list(tiffStripSizes)
		}
		t.pieceWidth, t.pieceHeight = w, t.first(tiffTileHeight, 0)
		const most = 1 << 24
		if w < 1 || t.pieceHeight < 1 || w > most || t.pieceHeight > most {
			return fmt.Errorf("tiles of %d×%d", w, t.pieceHeight)
		}
	}
	const least = 8 // pixels per side
	if t.tiled && (t.pieceWidth < min(least, t.width) || t.pieceHeight < min(least, t.height)) ||
		t.compression == tiffInJPEG && t.pieceHeight < min(least, t.height) {
		return fmt.Errorf("tiles or strips of %d×%d are too small", t.pieceWidth, t.pieceHeight)
	}
	t.across, t.down = upTo(t.width, t.pieceWidth), upTo(t.height, t.pieceHeight)
	return nil
}

// oversized refuses a tile that is far larger than the picture.
func (t *tiff) oversized() error {
	const usual, step = 1024, 16
	if t.pieceWidth > usual && t.pieceWidth > t.width+step || t.pieceHeight > usual && t.pieceHeight > t.height+step {
		return fmt.Errorf("tiles of %d×%d in a picture of %d×%d", t.pieceWidth, t.pieceHeight, t.width, t.height)
	}
	return nil
}

// pieces are the bytes of all strips or tiles, plane after plane; they may not overlap.
func (t *tiff) pieces(ctx context.Context) ([][]byte, error) {
	n := int64(t.across) * int64(t.down) * int64(t.planes())
	if n > int64(t.at.len()) || n > int64(t.sizes.len()) && t.sizes.len() > 0 {
		return nil, fmt.Errorf("%d strips or tiles, want %d: %w", t.at.len(), n, io.ErrUnexpectedEOF)
	}
	if t.sizes.len() == 0 && t.compression != tiffPlain {
		return nil, errors.New("the lengths of its strips or tiles are missing")
	}
	pieces, order := make([][]byte, n), make([]int, n)
	for i := range pieces {
		if err := each(ctx, i, 1<<11); err != nil {
			return nil, err
		}
		order[i] = i
		at, size := t.at.at(i), 0
		if t.sizes.len() > 0 {
			size = t.sizes.at(i)
		} else {
			size = t.rowBytes() * t.rows(i)
		}
		if at < 0 || at > len(t.b) || size < 1 {
			return nil, io.ErrUnexpectedEOF
		}
		if size > len(t.b)-at {
			if t.compression == tiffInJPEG {
				return nil, io.ErrUnexpectedEOF
			}
			size = len(t.b) - at // missing rows will be noticed later
		}
		pieces[i] = t.b[at : at+size]
	}
	looks, ended := 0, false
	slices.SortFunc(order, func(i, j int) int {
		if looks++; !ended && each(ctx, looks, 1<<6) != nil {
			ended = true
		}
		if ended { // cancelled: the rest of the sort does nothing
			return 0
		}
		return cmp.Compare(t.at.at(i), t.at.at(j))
	})
	if ended {
		return nil, ctx.Err()
	}
	for k := 1; k < len(order); k++ {
		if before := order[k-1]; t.at.at(before)+len(pieces[before]) > t.at.at(order[k]) {
			return nil, errors.New("its strips or tiles overlap")
		}
	}
	return pieces, nil
}

// rows is the number of rows in a strip or tile: the last strip may be shorter.
func (t *tiff) rows(piece int) int {
	y := piece / t.across % t.down * t.pieceHeight
	if t.tiled {
		return t.pieceHeight
	}
	return min(t.pieceHeight, t.height-y)
}

// together is the number of interleaved samples per pixel in a strip or tile.
func (t *tiff) together() int {
	if t.separate {
		return 1
	}
	return t.samples
}

// rowBytes is the length of a row of a strip or tile.
func (t *tiff) rowBytes() int { return (t.pieceWidth*t.together()*t.bits + 7) / 8 }

func (t *tiff) decode(ctx context.Context, room *Image) (*Image, error) {
	if err := t.oversized(); err != nil {
		return nil, err
	}
	pieces, err := t.pieces(ctx)
	if err != nil {
		return nil, err
	}
	out := room.sized(t.width, t.height)
	c := &canvas{t: t, out: out, black: make([]uint8, t.pieceWidth)}
	if t.separate {
		c.planes = make([]uint8, t.used*t.width*t.height)
	}
	read := t.readPiece
	if t.compression == tiffInJPEG {
		if read, err = t.jpegs(); err != nil {
			return nil, err
		}
	} else if t.rowBytes() > 64*t.width+1<<16 {
		return nil, fmt.Errorf("rows of %d bytes", t.rowBytes())
	}
	for i, piece := range pieces {
		plane := i / (t.across * t.down)
		if plane >= t.used {
			break
		}
		x, y := i%t.across*t.pieceWidth, i/t.across%t.down*t.pieceHeight
		if err := read(ctx, c, piece, plane, x, y); err != nil {
			return nil, err
		}
	}
	if t.separate {
		return out, c.join(ctx)
	}
	return out, nil
}

// canvas receives the samples of strips or tiles.
type canvas struct {
	t       *tiff
	out     *Image
	planes  []uint8 // one plane for each used sample, if they are stored separately
	row     []byte
	samples []uint8
	black   []uint8
	inflate io.ReadCloser
	packed  unpacked
	lzw     lzwReader
}

// readPiece stores the rows of one strip or tile.
func (t *tiff) readPiece(ctx context.Context, c *canvas, piece []byte, plane, x, y int) error {
	rows := t.pieceHeight
	if !t.tiled {
		rows = min(rows, t.height-y)
	}
	r, err := c.open(piece, rows)
	if err != nil {
		return err
	}
	n := t.together()
	if c.row == nil {
		c.row, c.samples = make([]byte, t.rowBytes()), make([]uint8, t.pieceWidth*n)
	}
	columns := min(t.pieceWidth, t.width-x)
	for i := range min(t.pieceHeight, t.height-y) {
		if err := each(ctx, y+i, t.pieceWidth); err != nil {
			return err
		}
		if _, err := io.ReadFull(r, c.row); err != nil {
			return cut(err)
		}
		if t.predictor {
			t.sumDifferences(c.row, n)
		}
		if t.bits == 16 && t.largest < 1<<16-1 {
			if err := t.narrow(c.samples, c.row, n); err != nil {
				return err
			}
		} else if t.bits == 16 {
			t.narrowWhole(c.samples, c.row, plane, columns, n)
		} else {
			unpack(c.samples, c.row, t.bits)
		}
		if t.separate {
			copy(c.planes[(plane*t.height+y+i)*t.width+x:][:columns], c.samples)
			continue
		}
		c.put(x, y+i, c.samples[:columns*n], n)
	}
	return nil
}

// sumDifferences undoes the predictor: each sample is stored as its difference from the same sample of the previous pixel.
func (t *tiff) sumDifferences(row []byte, n int) {
	if t.bits == 8 {
		for i := n; i < len(row); i++ {
			row[i] += row[i-n]
		}
		return
	}
	for i := 2 * n; i+1 < len(row); i += 2 {
		t.order.PutUint16(row[i:], t.order.Uint16(row[i:])+t.order.Uint16(row[i-2*n:]))
	}
}

// join combines planes to pixels.
func (c *canvas) join(ctx context.Context) error {
	t, n := c.t, c.t.used
	row := make([]uint8, n*t.width)
	c.black = make([]uint8, t.width)
	for y := range t.height {
		if err := each(ctx, y, t.width); err != nil {
			return err
		}
		for k := range n {
			for x, v := range c.planes[(k*t.height+y)*t.width:][:t.width] {
				row[x*n+k] = v
			}
		}
		c.put(0, y, row, n)
	}
	return nil
}

// put writes pixels of n samples each, starting at (x, y).
func (c *canvas) put(x, y int, samples []uint8, n int) {
	t, count := c.t, len(samples)/n
	to := c.out.Pix[3*(y*t.width+x):][:3*count]
	for i := range count {
		s, p := samples[i*n:(i+1)*n], to[3*i:3*i+3]
		switch t.photometric {
		case tiffWhiteIsZero, tiffBlackIsZero:
			v := s[0]
			if t.bits < 8 {
				v *= uint8(255 / (1<<t.bits - 1))
			}
			if t.photometric == tiffWhiteIsZero {
				v = 255 - v
			}
			p[0], p[1], p[2] = v, v, v
		case tiffPalette:
			colours := 1 << t.bits
			for k := range p {
				p[k] = uint8(t.palette.at(k*colours+int(s[0])) >> t.paletteShift)
			}
		case tiffInks:
			p[0], p[1], p[2], c.black[i] = 255-s[0], 255-s[1], 255-s[2], 255-s[3]
		case tiffYCC:
			kernel.YCCToRGB(p, s[:1], s[1:2], s[2:3])
		default:
			copy(p, s)
			if t.associated && s[3] != 255 {
				for k := range p {
					p[k] = parted(s[k], s[3])
				}
			}
		}
	}
	if t.photometric == tiffInks {
		underBlack(to, c.black[:count])
	}
}

// parted is a colour divided by the alpha with which it was multiplied, rounded like Pillow.
func parted(v, alpha uint8) uint8 {
	if alpha == 0 {
		return 0
	}
	return uint8(min(int(v)*255/int(alpha), 255))
}

// open returns the uncompressed bytes of a strip or tile with the given number of rows.
func (c *canvas) open(piece []byte, rows int) (io.Reader, error) {
	t := c.t
	if t.reversed && t.compression != tiffFax3 && t.compression != tiffFax4 {
		piece = reversedBits(piece)
	}
	switch t.compression {
	case tiffPackBits:
		c.packed = unpacked{b: piece}
		return &c.packed, nil
	case tiffLZW:
		c.lzw.reset(piece)
		return &c.lzw, nil
	case tiffDeflate, tiffDeflateOld:
		if c.inflate == nil {
			z, err := zlib.NewReader(bytes.NewReader(piece))
			if err != nil {
				return nil, cut(err)
			}
			c.inflate = z
			return z, nil
		}
		return c.inflate, cut(c.inflate.(zlib.Resetter).Reset(bytes.NewReader(piece), nil))
	case tiffFax3, tiffFax4:
		order, kind := ccitt.MSB, ccitt.Group4
		if t.reversed {
			order = ccitt.LSB
		}
		if t.compression == tiffFax3 {
			kind = ccitt.Group3
		}
		return ccitt.NewReader(bytes.NewReader(piece), order, kind, t.pieceWidth, rows, &ccitt.Options{Invert: true}), nil
	}
	return bytes.NewReader(piece), nil
}

// jpegs prepares to read strips or tiles that are JPEG files without their tables; the shared tables are read once.
func (t *tiff) jpegs() (func(context.Context, *canvas, []byte, int, int, int) error, error) {
	tables := &jpegReader{b: t.list(tiffJPEGTables).bytes(), tablesOnly: true}
	if len(tables.b) > 0 {
		if err := tables.read(context.Background()); err != nil {
			return nil, err
		}
	}
	space := map[int]string{tiffRGB: "rgb", tiffYCC: "ycc", tiffInks: "inks"}[t.photometric]
	if t.together() == 1 {
		space = "grey"
	}
	return func(ctx context.Context, c *canvas, piece []byte, plane, x, y int) error {
		d := &jpegReader{b: piece, quant: tables.quant, huffman: tables.huffman, colourSpace: space, mostWidth: t.pieceWidth, mostHeight: t.pieceHeight, wanted: t.together()}
		part, err := d.decode(ctx, nil)
		if err != nil {
			return err
		}
		columns, rows := min(t.pieceWidth, t.width-x), min(t.pieceHeight, t.height-y)
		if part.Width < columns || part.Height < rows {
			return fmt.Errorf("a JPEG tile or strip is %d×%d, want %d×%d", part.Width, part.Height, columns, rows)
		}
		for r := range rows {
			if err := each(ctx, r, columns); err != nil {
				return err
			}
			from := part.Pix[3*r*part.Width:][:3*columns]
			to := c.out.Pix[3*((y+r)*t.width+x):][:3*columns]
			switch {
			case t.separate:
				for i := range columns {
					c.planes[(plane*t.height+y+r)*t.width+x+i] = from[3*i]
				}
			case t.photometric == tiffWhiteIsZero:
				for i, v := range from {
					to[i] = 255 - v
				}
			default:
				copy(to, from)
			}
		}
		return nil
	}, nil
}
