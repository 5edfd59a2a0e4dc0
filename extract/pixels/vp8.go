package pixels

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/bits"
)

// The decoder of lossy WebP follows RFC 6386 for key frames, since a picture is one. It works row by row of macroblocks of 16×16 pixels,
// and checks its context before every row: x/image's decoder, against which it is tested, cannot be interrupted.

// vp8Bits reads the arithmetic code of a partition (section 7). While bits are read, eight more must be available beyond the last one.
type vp8Bits struct {
	b     []byte // unread bytes
	value uint64 // the lowest n bits are the window being decoded
	n     int
	span  uint32 // the coder's range, 128 to 255 between two bits
	short bool   // more data were needed than exist
}

func newVP8Bits(b []byte) vp8Bits { return vp8Bits{b: b, span: 255} }

// fill makes at least eight bits available.
func (r *vp8Bits) fill() {
	const most = 6 // bytes read at once
	switch {
	case len(r.b) >= 8:
		r.value = r.value<<(8*most) | binary.BigEndian.Uint64(r.b)>>16
		r.b, r.n = r.b[most:], r.n+8*most
	case len(r.b) > 0:
		r.value = r.value<<8 | uint64(r.b[0])
		r.b, r.n = r.b[1:], r.n+8
	default:
		r.value, r.n, r.short = r.value<<8, r.n+8, true
	}
}

// bit reads a bit that is 0 with probability p/256.
func (r *vp8Bits) bit(p uint8) int {
	if r.n < 8 {
		r.fill()
	}
	split := 1 + ((r.span-1)*uint32(p))>>8
	at := uint64(split) << (r.n - 8)
	bit := 0
	if r.value >= at {
		r.value -= at
		r.span -= split
		bit = 1
	} else {
		r.span = split
	}
	shift := bits.LeadingZeros8(uint8(r.span))
	r.span <<= shift
	r.n -= shift
	return bit
}

const vp8Even = 128 // probability of 0 for a bit that is as often 0 as 1, in 256ths

func (r *vp8Bits) flag() bool { return r.bit(vp8Even) == 1 }

// number reads a number of the given size in bits, the highest first.
func (r *vp8Bits) number(size int) int {
	v := 0
	for range size {
		v = v<<1 | r.bit(vp8Even)
	}
	return v
}

// optional reads a number of the given size and its sign, if present; otherwise it returns 0.
func (r *vp8Bits) optional(size int) int {
	if !r.flag() {
		return 0
	}
	v := r.number(size)
	if r.flag() {
		return -v
	}
	return v
}

// Modes of prediction: the first four also apply to whole macroblocks.
const (
	vp8Mean = iota // DC_PRED
	vp8Slope
	vp8Vertical
	vp8Horizontal
	vp8RightDown
	vp8VerticalRight
	vp8LeftDown
	vp8VerticalLeft
	vp8HorizontalDown
	vp8HorizontalUp
	vp8Modes
)

// vp8TokenOdds are probabilities by the kind of block, the band of the coefficient, the previous token, and the position in the token's
// tree.
type vp8TokenOdds [4][8][3][11]uint8

// Kinds of blocks.
const (
	vp8WithoutDC = iota // luma whose first coefficient comes from the separate block of first coefficients
	vp8OfDC
	vp8Chroma
	vp8Luma
)

// vp8Segment says how macroblocks of one of four segments are quantised and smoothed. The first factor of each pair is for the first
// coefficient.
type vp8Segment struct {
	luma, dc, chroma [2]int32
	whole, parted    vp8Smoothing // with one mode of prediction, or one for each block
}

// vp8Edge is what the macroblocks below or to the right need to know: whether four columns or rows of luma blocks, two of each chroma, and
// the block of first coefficients had coefficients.
type vp8Edge struct {
	modes [4]uint8
	some  [9]uint8
}

// Indices in vp8Edge.some.
const (
	vp8SomeBlue = 4
	vp8SomeRed  = 6
	vp8SomeDC   = 8
)

// vp8Plane is a plane of samples with a border: a row above, a column to the left, and as many columns to the right as prediction reads.
type vp8Plane struct {
	pix    []uint8
	stride int
	first  int // index of the first sample
}

func newVP8Plane(width, height int) vp8Plane {
	const left, right = 1, 4
	p := vp8Plane{stride: left + width + right}
	p.first = p.stride + left
	p.pix = make([]uint8, p.stride*(height+1))
	for i := range p.pix[:p.stride] { // section 12.2: 127 above the picture, 129 to its left
		p.pix[i] = 127
	}
	for y := 1; y <= height; y++ {
		p.pix[y*p.stride] = 129
	}
	return p
}

// vp8Decoder reads one frame.
type vp8Decoder struct {
	width, height int
	across, down  int // macroblocks

	modes     vp8Bits   // the first partition
	residuals []vp8Bits // the other partitions; rows of macroblocks use them in turn

	mapped      bool // macroblocks state their segment
	segmentOdds [3]uint8
	segments    [4]vp8Segment
	simple      bool // smooth only luma
	smooth      bool
	skips       bool // macroblocks state whether they have coefficients
	skipOdds    uint8
	odds        vp8TokenOdds

	above        []vp8Edge
	left         vp8Edge
	coefficients [25][16]int16 // luma, blue, red, and the first coefficients of the luma blocks
	planes       [3]vp8Plane   // luma, blue, red
	smoothings   []vp8Smoothing
}

var errVP8 = errors.New("the header of its picture is damaged")

// vp8Header reads the size of a frame.
func vp8Header(b []byte) (width, height int, err error) {
	const header = 10
	if len(b) < header {
		return 0, 0, io.ErrUnexpectedEOF
	}
	if b[0]&1 != 0 || b[3] != 0x9d || b[4] != 0x01 || b[5] != 0x2a { // not a key frame, or without its start code
		return 0, 0, errVP8
	}
	return int(binary.LittleEndian.Uint16(b[6:])) & 0x3fff, int(binary.LittleEndian.Uint16(b[8:])) & 0x3fff, nil
}

// decodeVP8 reads a frame whose header is valid.
func decodeVP8(ctx context.Context, b []byte, room *Image) (*Image, error) {
	d := &vp8Decoder{}
	if err := d.open(b); err != nil {
		return nil, err
	}
	d.planes = [3]vp8Plane{newVP8Plane(16*d.across, 16*d.down), newVP8Plane(8*d.across, 8*d.down), newVP8Plane(8*d.across, 8*d.down)}
	d.above, d.smoothings = make([]vp8Edge, d.across), make([]vp8Smoothing, d.across*d.down)
	for y := range d.down {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		residuals := &d.residuals[y%len(d.residuals)]
		d.left = vp8Edge{}
		for x := range d.across {
			d.macroblock(x, y, residuals)
		}
		if d.modes.short || residuals.short {
			return nil, io.ErrUnexpectedEOF
		}
		luma := &d.planes[0]
		end := luma.first + (16*y+15)*luma.stride + 16*d.across
		for i := range 4 { // samples to the right of the last macroblock's upper neighbour
			luma.pix[end+i] = luma.pix[end-1]
		}
	}
	if d.smooth {
		if err := d.smoothAll(ctx); err != nil {
			return nil, err
		}
	}
	return d.colours(ctx, room)
}

// open reads the headers (section 9) and locates the partitions.
func (d *vp8Decoder) open(b []byte) (err error) {
	if d.width, d.height, err = vp8Header(b); err != nil {
		return err
	}
	d.across, d.down = upTo(d.width, 16), upTo(d.height, 16)
	size := int(b[0])>>5 | int(b[1])<<3 | int(b[2])<<11
	if b = b[10:]; size > len(b) {
		return io.ErrUnexpectedEOF
	}
	d.modes = newVP8Bits(b[:size])
	r := &d.modes
	r.number(2) // colour space and clamping, each with only one defined value
	segmented := r.flag()
	var quantisers, levels [4]int
	relative := false
	d.segmentOdds = [3]uint8{255, 255, 255}
	if segmented {
		d.mapped = r.flag()
		if r.flag() {
			relative = !r.flag()
			for i := range quantisers {
				quantisers[i] = r.optional(7)
			}
			for i := range levels {
				levels[i] = r.optional(6)
			}
		}
		if d.mapped {
			for i := range d.segmentOdds {
				if r.flag() {
					d.segmentOdds[i] = uint8(r.number(8))
				}
			}
		}
	}
	d.readSmoothing(segmented, relative, levels)
	if err := d.split(b[size:], 1<<r.number(2)); err != nil {
		return err
	}
	d.readQuantisers(segmented, relative, quantisers)
	r.flag() // whether the probabilities apply to the next frame; there is none
	d.readOdds()
	if d.skips = r.flag(); d.skips {
		d.skipOdds = uint8(r.number(8))
	}
	if r.short {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// readOdds reads which odds of the coefficients differ from the defaults (section 13.4).
func (d *vp8Decoder) readOdds() {
	r := &d.modes
	d.odds = vp8DefaultOdds
	for i := range d.odds {
		for j := range d.odds[i] {
			for k := range d.odds[i][j] {
				for l := range d.odds[i][j][k] {
					if r.bit(vp8UpdateOdds[i][j][k][l]) == 1 {
						d.odds[i][j][k][l] = uint8(r.number(8))
					}
				}
			}
		}
	}
}

// split locates n partitions of coefficients: the sizes of all but the last come first.
func (d *vp8Decoder) split(b []byte, n int) error {
	sizes := 3 * (n - 1)
	if sizes > len(b) {
		return io.ErrUnexpectedEOF
	}
	rest := b[sizes:]
	for i := range n {
		size := len(rest)
		if i < n-1 {
			size = uint24(b[3*i:])
		}
		if size > len(rest) {
			return io.ErrUnexpectedEOF
		}
		d.residuals = append(d.residuals, newVP8Bits(rest[:size]))
		rest = rest[size:]
	}
	return nil
}

// readQuantisers reads indices and converts them to factors (sections 9.6 and 14.1).
func (d *vp8Decoder) readQuantisers(segmented, relative bool, of [4]int) {
	r := &d.modes
	base := r.number(7)
	var change [5]int // luma's first coefficient; the block of first coefficients, first and others; chroma, first and others
	for i := range change {
		change[i] = r.optional(4)
	}
	at := func(i int) int { return min(max(i, 0), 127) }
	for i := range d.segments {
		s, q := &d.segments[i], base
		if segmented && relative {
			q += of[i]
		} else if segmented {
			q = of[i]
		}
		s.luma = [2]int32{vp8DC[at(q+change[0])], vp8AC[at(q)]}
		s.dc = [2]int32{2 * vp8DC[at(q+change[1])], max(8, vp8AC[at(q+change[2])]*155/100)}
		s.chroma = [2]int32{min(132, vp8DC[at(q+change[3])]), vp8AC[at(q+change[4])]}
	}
}

// macroblock reads one macroblock and writes its samples into the planes.
func (d *vp8Decoder) macroblock(x, y int, residuals *vp8Bits) {
	r, above := &d.modes, &d.above[x]
	segment := &d.segments[0]
	if d.mapped {
		high := r.bit(d.segmentOdds[0])
		segment = &d.segments[2*high+r.bit(d.segmentOdds[1+high])]
	}
	empty := d.skips && r.bit(d.skipOdds) == 1
	whole := r.bit(145) == 1
	var modes [16]uint8
	if whole {
		modes[0] = vp8WholeMode(r)
		for i := range 4 {
			above.modes[i], d.left.modes[i] = modes[0], modes[0]
		}
	} else {
		for i := range modes {
			up, left := &above.modes[i%4], &d.left.modes[i/4]
			modes[i] = vp8BlockMode(r, &vp8ModeOdds[*up][*left])
			*up, *left = modes[i], modes[i]
		}
	}
	chroma := vp8ChromaMode(r)
	var some uint32 // one bit per block with coefficients
	if empty {
		dcAbove, dcLeft := above.some[vp8SomeDC], d.left.some[vp8SomeDC]
		above.some, d.left.some = [9]uint8{}, [9]uint8{}
		if !whole { // no block of first coefficients
			above.some[vp8SomeDC], d.left.some[vp8SomeDC] = dcAbove, dcLeft
		}
	} else {
		some = d.readCoefficients(residuals, segment, above, whole)
	}
	d.predict(x, y, whole, &modes, chroma, some)
	s := segment.parted
	if whole {
		s = segment.whole
		s.inner = some != 0
	}
	d.smoothings[y*d.across+x] = s
}

// vp8WholeMode reads the mode of a macroblock's luma (section 11.2).
func vp8WholeMode(r *vp8Bits) uint8 {
	if r.bit(156) == 0 {
		return [2]uint8{vp8Mean, vp8Vertical}[r.bit(163)]
	}
	return [2]uint8{vp8Horizontal, vp8Slope}[r.bit(128)]
}

func vp8ChromaMode(r *vp8Bits) uint8 {
	if r.bit(142) == 0 {
		return vp8Mean
	}
	if r.bit(114) == 0 {
		return vp8Vertical
	}
	return [2]uint8{vp8Horizontal, vp8Slope}[r.bit(183)]
}

// vp8BlockMode reads the mode of a 4×4 block.
func vp8BlockMode(r *vp8Bits, odds *[9]uint8) uint8 {
	for i, mode := range [3]uint8{vp8Mean, vp8Slope, vp8Vertical} {
		if r.bit(odds[i]) == 0 {
			return mode
		}
	}
	if r.bit(odds[3]) == 0 {
		if r.bit(odds[4]) == 0 {
			return vp8Horizontal
		}
		return [2]uint8{vp8RightDown, vp8VerticalRight}[r.bit(odds[5])]
	}
	for i, mode := range [2]uint8{vp8LeftDown, vp8VerticalLeft} {
		if r.bit(odds[6+i]) == 0 {
			return mode
		}
	}
	return [2]uint8{vp8HorizontalDown, vp8HorizontalUp}[r.bit(odds[8])]
}

// readCoefficients reads the coefficients of a macroblock (section 13), and returns which blocks have any.
func (d *vp8Decoder) readCoefficients(r *vp8Bits, s *vp8Segment, above *vp8Edge, whole bool) (some uint32) {
	d.coefficients = [25][16]int16{}
	left := &d.left
	kind := vp8Luma
	if whole {
		kind = vp8WithoutDC
		odds := &d.odds[vp8OfDC]
		n := vp8Block(r, odds, 0, above.some[vp8SomeDC]+left.some[vp8SomeDC], &s.dc, &d.coefficients[24])
		above.some[vp8SomeDC], left.some[vp8SomeDC] = n, n
		if n > 0 {
			d.firstCoefficients()
		}
	}
	read := func(block, kind, first, up, side int, factors *[2]int32) {
		c := &d.coefficients[block]
		n := vp8Block(r, &d.odds[kind], first, above.some[up]+left.some[side], factors, c)
		above.some[up], left.some[side] = n, n
		if n > 0 || c[0] != 0 {
			some |= 1 << block
		}
	}
	first := 0
	if whole {
		first = 1
	}
	for i := range 16 {
		read(i, kind, first, i%4, i/4, &s.luma)
	}
	for i := range 4 {
		read(16+i, vp8Chroma, 0, vp8SomeBlue+i%2, vp8SomeBlue+i/2, &s.chroma)
	}
	for i := range 4 {
		read(20+i, vp8Chroma, 0, vp8SomeRed+i%2, vp8SomeRed+i/2, &s.chroma)
	}
	return some
}

// vp8Bands are the bands of the coefficients and of the position after the last; vp8Zigzag is the index of each in its block.
var (
	vp8Bands  = [17]uint8{0, 1, 2, 3, 6, 4, 5, 6, 6, 6, 6, 6, 6, 6, 6, 7, 0}
	vp8Zigzag = [16]uint8{0, 1, 4, 8, 5, 2, 3, 6, 9, 12, 13, 10, 7, 11, 14, 15}
)

// vp8Extra are the probabilities of the extra bits of large values, which start at 11, 19, 35 and 67.
var vp8Extra = [4][]uint8{{173, 148, 140}, {176, 155, 140, 135}, {180, 157, 141, 134, 130}, {254, 254, 243, 230, 196, 177, 153, 140, 133, 130, 129}}

// vp8Block reads the tokens of a block, from its first coefficient, and returns 1 if there is at least one token before its end.
func vp8Block(r *vp8Bits, odds *[8][3][11]uint8, first int, context uint8, factors *[2]int32, c *[16]int16) uint8 {
	p := &odds[vp8Bands[first]][context]
	if r.bit(p[0]) == 0 {
		return 0
	}
	for n := first; n < 16; n++ {
		if r.bit(p[1]) == 0 { // a zero, which cannot be followed by the end of the block
			p = &odds[vp8Bands[n+1]][0]
			continue
		}
		v := int32(1)
		if r.bit(p[2]) == 0 {
			p = &odds[vp8Bands[n+1]][1]
		} else {
			v = vp8Value(r, p)
			p = &odds[vp8Bands[n+1]][2]
		}
		v *= factors[min(n, 1)]
		if r.flag() {
			v = -v
		}
		c[vp8Zigzag[n]] = int16(v)
		if n == 15 || r.bit(p[0]) == 0 {
			break
		}
	}
	return 1
}

// vp8Value reads a value of 2 or more.
func vp8Value(r *vp8Bits, p *[11]uint8) int32 {
	bit := func(odds uint8) int32 { return int32(r.bit(odds)) }
	if r.bit(p[3]) == 0 {
		if r.bit(p[4]) == 0 {
			return 2
		}
		return 3 + bit(p[5])
	}
	if r.bit(p[6]) == 0 {
		if r.bit(p[7]) == 0 {
			return 5 + bit(159)
		}
		high := bit(165)
		return 7 + 2*high + bit(145)
	}
	high := r.bit(p[8])
	category := 2*high + r.bit(p[9+high])
	v := int32(0)
	for _, odds := range vp8Extra[category] {
		v = v<<1 | bit(odds)
	}
	return v + 3 + 8<<category
}

// colours converts the planes to pixels: chroma is upsampled by (9a + 3b + 3c + d + 8)/16 over the four nearest samples, with libwebp's two
// roundings, and converted from BT.601's narrow range.
func (d *vp8Decoder) colours(ctx context.Context, room *Image) (*Image, error) {
	out := room.sized(d.width, d.height)
	width, height := (out.Width+1)/2, (out.Height+1)/2
	u, v := make([]uint8, out.Width), make([]uint8, out.Width)
	line := func(p *vp8Plane, y int) []uint8 { return p.pix[p.first+y*p.stride:] }
	for y := range out.Height {
		if err := each(ctx, y, out.Width); err != nil {
			return nil, err
		}
		near := y / 2
		far := min(max(near-1+2*(y%2), 0), height-1)
		upsampleVP8(u, line(&d.planes[1], near)[:width], line(&d.planes[1], far)[:width])
		upsampleVP8(v, line(&d.planes[2], near)[:width], line(&d.planes[2], far)[:width])
		row, luma := out.Pix[3*y*out.Width:][:3*out.Width], line(&d.planes[0], y)
		for x := range out.Width {
			l, cb, cr := int(luma[x])*19077>>8, int(u[x]), int(v[x])
			row[3*x] = clip6(l + cr*26149>>8 - 14234)
			row[3*x+1] = clip6(l - cb*6419>>8 - cr*13320>>8 + 8708)
			row[3*x+2] = clip6(l + cb*33050>>8 - 17685)
		}
	}
	return out, nil
}

// vp8Bytes is the memory for decoding besides the result: planes, and the smoothing settings of macroblocks.
func vp8Bytes(width, height int) int64 {
	across, down := int64(upTo(width, 16)), int64(upTo(height, 16))
	return (16*across+8)*(16*down+1) + 2*(8*across+8)*(8*down+1) + 4*across*down + 16*across + 2*int64(width)
}
