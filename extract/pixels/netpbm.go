package pixels

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// netpbm is a picture of the kinds P1 to P6 (netpbm's manual pages pbm, pgm and ppm), with bits, grey or colours, plain or binary, or of
// the kind P7 (pam), whose header names its fields.
type netpbm struct {
	kind          byte // '1' to '7'
	width, height int
	depth         int    // samples per pixel: 1 to 4, of which the second and the fourth are opacity; 4 or 5 of inks
	tuple         string // what a PAM says of its samples; "": nothing
	most          int    // largest value, 1 to 65535
	data          []byte
	levels        []uint8 // level of each value
	brightest     brightest
}

func isNetpbm(b []byte) bool {
	return len(b) >= 3 && b[0] == 'P' && b[1] >= '1' && b[1] <= '7' && (isSpace(b[2]) || b[2] == '#')
}

func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// tokens reads numbers separated by white space and by comments, which extend from # to the end of the line.
type tokens struct {
	b  []byte
	at int
}

// skip advances to the next byte that is neither.
func (t *tokens) skip() {
	for t.at < len(t.b) {
		switch c := t.b[t.at]; {
		case c == '#':
			end := bytes.IndexAny(t.b[t.at:], "\r\n")
			if end < 0 {
				end = len(t.b) - t.at
			}
			t.at += end
		case isSpace(c):
			t.at++
		default:
			return
		}
	}
}

var errNoNumber = errors.New("a number is missing")

// number reads the next number.
func (t *tokens) number() (int, error) {
	t.skip()
	if t.at >= len(t.b) {
		return 0, io.ErrUnexpectedEOF
	}
	n, from := 0, t.at
	for ; t.at < len(t.b) && t.b[t.at] >= '0' && t.b[t.at] <= '9'; t.at++ {
		if n = 10*n + int(t.b[t.at]-'0'); n > math.MaxInt32 {
			return 0, errors.New("a number is too large")
		}
	}
	if t.at == from || t.at < len(t.b) && !isSpace(t.b[t.at]) && t.b[t.at] != '#' {
		return 0, errNoNumber
	}
	return n, nil
}

func openNetpbm(b []byte, _ bool) (*plan, error) {
	m, err := readNetpbm(b)
	if err != nil {
		return nil, err
	}
	return m.plan(), nil
}

// readNetpbm reads the header of the first picture.
func readNetpbm(b []byte) (*netpbm, error) {
	m := &netpbm{kind: b[1], most: 1, depth: 1}
	if m.kind == '7' {
		return m, m.readFields(b)
	}
	if m.kind == '3' || m.kind == '6' {
		m.depth = 3
	}
	t := &tokens{b: b, at: 2}
	fields := []*int{&m.width, &m.height, &m.most}
	if m.kind == '1' || m.kind == '4' {
		fields = fields[:2]
	}
	for _, f := range fields {
		n, err := t.number()
		if errors.Is(err, errNoNumber) {
			return nil, &Error{Reason: NotAnImage} // a text that begins like one
		}
		if err != nil {
			return nil, err
		}
		*f = n
	}
	if err := m.checkMost(); err != nil {
		return nil, err
	}
	if m.kind >= '4' {
		if t.at++; t.at > len(b) { // exactly one white-space character
			return nil, io.ErrUnexpectedEOF
		}
	}
	m.data = b[t.at:]
	return m, nil
}

// rowSize is the number of bytes of a row; of digits the least.
func (m *netpbm) rowSize() int64 {
	switch {
	case m.kind == '4':
		return (int64(m.width) + 7) / 8
	case m.kind > '4' && m.most > 255:
		return 2 * int64(m.width) * int64(m.depth)
	}
	return int64(m.width) * int64(m.depth)
}

func (m *netpbm) plan() *plan {
	p := &plan{width: m.width, height: m.height, bytes: decoderBytes, decode: m.decode}
	if m.most == deepest {
		p.brightest = &m.brightest
	}
	return p
}

// deepest is the largest value of 16-bit samples. Files that state a smaller one tell the range of theirs.
const deepest = 65535

func (m *netpbm) checkMost() error {
	if m.most < 1 || m.most > deepest {
		return fmt.Errorf("its largest value is %d: want 1 to 65535", m.most)
	}
	return nil
}

// readFields reads the header of a PAM file: one field per line, up to ENDHDR.
func (m *netpbm) readFields(b []byte) error {
	const longest = 1 << 12 // bytes of a header
	fields := map[string]*int{"WIDTH": &m.width, "HEIGHT": &m.height, "DEPTH": &m.depth, "MAXVAL": &m.most}
	for at := 3; at < min(len(b), longest); {
		end := bytes.IndexByte(b[at:], '\n')
		if end < 0 {
			break
		}
		words := bytes.Fields(b[at : at+end])
		at += end + 1
		if len(words) == 1 && string(words[0]) == "ENDHDR" {
			if len(fields) > 0 {
				return errors.New("its header lacks width, height, depth or largest value")
			}
			m.data = b[at:]
			return cmp.Or(m.checkTuple(), m.checkMost())
		}
		if len(words) > 1 && string(words[0]) == "TUPLTYPE" { // what several such lines say belongs together
			m.tuple = strings.TrimSpace(m.tuple + " " + string(bytes.Join(words[1:], []byte(" "))))
			continue
		}
		if len(words) != 2 || fields[string(words[0])] == nil {
			continue // a comment, an empty line
		}
		n, err := strconv.Atoi(string(words[1]))
		if err != nil || n < 1 || n > math.MaxInt32 {
			return errNoNumber
		}
		*fields[string(words[0])] = n
		delete(fields, string(words[0]))
	}
	return fmt.Errorf("its header has no end: %w", io.ErrUnexpectedEOF)
}

// tupleSamples is the number of samples that a PAM has for each type of them. Ghostscript and ImageMagick write those of inks.
var tupleSamples = map[string]int{
	"BLACKANDWHITE": 1, "GRAYSCALE": 1, "BLACKANDWHITE_ALPHA": 2, "GRAYSCALE_ALPHA": 2, "RGB": 3, "RGB_ALPHA": 4, "CMYK": 4, "CMYK_ALPHA": 5,
}

// inks reports whether the first four samples are cyan, magenta, yellow and black.
func (m *netpbm) inks() bool { return strings.HasPrefix(m.tuple, "CMYK") }

// colours is the number of samples per pixel without those of opacity.
func (m *netpbm) colours() int {
	if m.inks() {
		return 4
	}
	return m.depth - 1 + m.depth%2
}

// checkTuple refuses samples whose meaning is not known, and fewer than their type has.
func (m *netpbm) checkTuple() error {
	samples, known := tupleSamples[m.tuple]
	most := 4
	if m.inks() {
		most = 5
	}
	switch {
	case m.tuple != "" && !known:
		return unsupported(fmt.Sprintf("a PAM of tuple type %q", m.tuple))
	case m.depth < 1 || m.depth > most:
		return fmt.Errorf("%d samples per pixel: want 1 to %d", m.depth, most)
	case m.depth < samples:
		return fmt.Errorf("%d samples per pixel: tuple type %s has %d", m.depth, m.tuple, samples)
	}
	return nil
}

// scale makes the table of levels: v·255/most, rounded; for deep grey the high byte of v·65535/most.
func (m *netpbm) scale(ctx context.Context) error {
	m.levels = make([]uint8, m.most+1)
	for v := range m.levels {
		if v%(1<<13) == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if m.depth < 3 && m.most > 255 {
			m.levels[v] = uint8(v * 65535 / m.most >> 8)
		} else {
			m.levels[v] = uint8(math.RoundToEven(float64(v) / float64(m.most) * 255))
		}
	}
	return nil
}

func (m *netpbm) decode(ctx context.Context, room *Image) (*Image, error) {
	n, row := m.depth, m.rowSize()
	if row*int64(m.height) > int64(len(m.data)) {
		return nil, io.ErrUnexpectedEOF
	}
	out := room.sized(m.width, m.height)
	if err := m.scale(ctx); err != nil {
		return nil, err
	}
	t := &tokens{b: m.data}
	samples, black := make([]uint8, m.width*n), make([]uint8, m.width)
	for y := range m.height {
		if err := each(ctx, y, m.width); err != nil {
			return nil, err
		}
		if err := m.row(samples, t, row); err != nil {
			return nil, err
		}
		to := out.Pix[3*m.width*y:][:3*m.width]
		m.put(to, samples, black)
	}
	return out, nil
}

// put writes a row of samples as colours; black is memory for as many levels as the row has pixels.
func (m *netpbm) put(to, samples, black []uint8) {
	n := m.depth
	if n == 3 {
		copy(to, samples)
		return
	}
	for x := range m.width {
		s, p := samples[n*x:n*x+n], to[3*x:3*x+3]
		switch {
		case m.inks():
			p[0], p[1], p[2], black[x] = 255-s[0], 255-s[1], 255-s[2], 255-s[3]
		case n > 3:
			copy(p, s)
		default:
			p[0], p[1], p[2] = s[0], s[0], s[0]
		}
	}
	if m.inks() {
		underBlack(to, black)
	}
}

// row reads the levels of one row; size is its length in a binary file.
func (m *netpbm) row(dst []uint8, t *tokens, size int64) error {
	if m.kind < '4' {
		for i := range dst {
			v, err := m.plain(t)
			if err != nil {
				return err
			}
			dst[i] = v
		}
		return nil
	}
	from := t.b[t.at:][:size]
	t.at += int(size)
	switch {
	case m.kind == '4':
		unpack(dst, from, 1)
		for i, v := range dst {
			dst[i] = 255 * (1 - v) // 1 is black
		}
	case m.most > 255:
		m.brightest.see(from, binary.BigEndian, m.depth, m.colours())
		for i := range dst {
			dst[i] = m.levels[min(int(from[2*i])<<8|int(from[2*i+1]), m.most)]
		}
	default:
		for i := range dst {
			dst[i] = m.levels[min(int(from[i]), m.most)]
		}
	}
	return nil
}

// plain reads the level of a sample written in digits; bits need no space between them.
func (m *netpbm) plain(t *tokens) (uint8, error) {
	if m.kind == '1' {
		t.skip()
		if t.at >= len(t.b) {
			return 0, io.ErrUnexpectedEOF
		}
		bit := t.b[t.at] - '0'
		if bit > 1 {
			return 0, errNoNumber
		}
		t.at++
		return 255 * (1 - bit), nil
	}
	v, err := t.number()
	if err != nil {
		return 0, err
	}
	if v > m.most {
		return 0, fmt.Errorf("value %d exceeds the largest value, %d", v, m.most)
	}
	m.brightest = max(m.brightest, brightest(v)) // the plain kinds have no opacity
	return m.levels[v], nil
}
