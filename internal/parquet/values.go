package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// encoding is the encoding of a page's values, by its number in the format.
type encoding int

const (
	plain           encoding = 0
	plainDictionary encoding = 2
	rle             encoding = 3
	deltaPacked     encoding = 5
	deltaLength     encoding = 6
	deltaBytes      encoding = 7
	rleDictionary   encoding = 8
	streamSplit     encoding = 9
)

func (e encoding) dictionary() bool { return e == plainDictionary || e == rleDictionary }

func (e encoding) String() string {
	names := map[encoding]string{
		plain: "PLAIN", plainDictionary: "PLAIN_DICTIONARY", rle: "RLE", 4: "BIT_PACKED", deltaPacked: "DELTA_BINARY_PACKED",
		deltaLength: "DELTA_LENGTH_BYTE_ARRAY", deltaBytes: "DELTA_BYTE_ARRAY", rleDictionary: "RLE_DICTIONARY", streamSplit: "BYTE_STREAM_SPLIT",
	}
	if name, ok := names[e]; ok {
		return name
	}
	return fmt.Sprint(int(e))
}

// Values are the values of a page, one per row.
type Values struct {
	spans   []span  // positions of binary values in content
	words   []int64 // numbers; floating-point ones as their bits
	content []byte
	kind    Type

	unsigned bool
}

// span is the position of a value; an absent value ends before it begins.
type span struct{ from, to uint32 }

var absent = span{1, 0}

// Len is the number of rows.
func (v *Values) Len() int { return len(v.spans) }

// Has reports whether a row has a value.
func (v *Values) Has(row int) bool { return v.spans[row] != absent }

// IsText reports whether the values are binary rather than numbers.
func (v *Values) IsText() bool { return v.words == nil }

// Bytes is a binary value, which must not be modified or kept.
func (v *Values) Bytes(row int) []byte {
	s := v.spans[row]
	return v.content[s.from:s.to:s.to]
}

// Number is a number or truth value; whole is false for fractions, numbers that are not finite, floating-point numbers beyond the 53 bits
// up to which they are exact, and unsigned numbers beyond 63 bits.
func (v *Values) Number(row int) (n int64, whole bool) {
	w := v.words[row]
	switch v.kind {
	case Float, Double:
		x := math.Float64frombits(uint64(w))
		if x != math.Trunc(x) || math.Abs(x) > 1<<53 {
			return 0, false
		}
		return int64(x), true
	case Int32:
		if v.unsigned {
			w = int64(uint32(w))
		}
	case Int64:
		if v.unsigned && w < 0 {
			return 0, false
		}
	}
	return w, true
}

// IsNaN reports whether a row's number is NaN, which some writers use for missing values.
func (v *Values) IsNaN(row int) bool {
	return (v.kind == Float || v.kind == Double) && math.IsNaN(math.Float64frombits(uint64(v.words[row])))
}

// spread distributes values to the rows that have one.
func (v *Values) spread(there []uint32) *Values {
	if there == nil {
		return v
	}
	s := &Values{spans: make([]span, len(there)), content: v.content, kind: v.kind, unsigned: v.unsigned}
	if v.words != nil {
		s.words = make([]int64, len(there))
	}
	next := 0
	for i, t := range there {
		if t == 0 {
			s.spans[i] = absent
			continue
		}
		s.spans[i] = v.spans[next]
		if v.words != nil {
			s.words[i] = v.words[next]
		}
		next++
	}
	return s
}

// at selects entries of a dictionary.
func (v *Values) at(indices []uint32) (*Values, error) {
	p := &Values{spans: make([]span, len(indices)), content: v.content, kind: v.kind}
	if v.words != nil {
		p.words = make([]int64, len(indices))
	}
	for i, k := range indices {
		if int64(k) >= int64(len(v.spans)) {
			return nil, fmt.Errorf("entry %d of a dictionary of %d", k, len(v.spans))
		}
		p.spans[i] = v.spans[k]
		if v.words != nil {
			p.words[i] = v.words[k]
		}
	}
	return p, nil
}

// decode reads n values. The decoded size of DELTA_BYTE_ARRAY is bounded by limit.
func decode(t Type, e encoding, b []byte, n int, limit int64) (*Values, error) {
	v := &Values{kind: t, content: b, spans: make([]span, n)}
	if t != Bytes && t != FixedBytes {
		v.content, v.words = nil, make([]int64, n)
	}
	var err error
	switch {
	case t == Bytes && e == plain:
		err = v.lengths(b)
	case t == Bytes && e == deltaLength:
		err = v.deltaLengths(b)
	case t == Bytes && e == deltaBytes:
		err = v.deltaBytes(b, limit)
	case t == Boolean && e == plain:
		if len(b) < (n+7)/8 {
			return nil, errShort
		}
		for i := range v.words {
			v.words[i] = int64(b[i/8] >> (i % 8) & 1)
		}
	case t == Boolean && e == rle:
		err = v.truths(b)
	case (t == Int32 || t == Int64) && e == deltaPacked:
		v.words, _, err = packedDeltas(b, n)
		if t == Int32 { // 32-bit differences may wrap around
			for i, w := range v.words {
				v.words[i] = int64(int32(w))
			}
		}
	case e == plain || e == streamSplit:
		err = v.fixed(b, e == streamSplit)
	default:
		err = fmt.Errorf("%s in the encoding %s are not supported", t, e)
	}
	return v, err
}

// fixed reads numbers of 4 or 8 bytes, possibly stored plane by plane.
func (v *Values) fixed(b []byte, planes bool) error {
	width := 8
	switch v.kind {
	case Int32, Float:
		width = 4
	case Int64, Double:
	default:
		return fmt.Errorf("%s are not supported", v.kind)
	}
	n := len(v.words)
	if len(b)/width < n {
		return errShort
	}
	var cell [8]byte
	for i := range n {
		raw := b[width*i:]
		if planes {
			raw = cell[:]
			for k := range width {
				cell[k] = b[k*n+i]
			}
		}
		switch v.kind {
		case Int32:
			v.words[i] = int64(int32(binary.LittleEndian.Uint32(raw)))
		case Float:
			v.words[i] = int64(math.Float64bits(float64(math.Float32frombits(binary.LittleEndian.Uint32(raw)))))
		default:
			v.words[i] = int64(binary.LittleEndian.Uint64(raw))
		}
	}
	return nil
}

// truths reads truth values in runs, preceded by their length.
func (v *Values) truths(b []byte) error {
	if len(b) < 4 {
		return errShort
	}
	some := make([]uint32, len(v.words))
	if err := runs(some, b[4:], 1); err != nil {
		return err
	}
	for i, t := range some {
		v.words[i] = int64(t)
	}
	return nil
}

// lengths reads binary values, each preceded by its length.
func (v *Values) lengths(b []byte) error {
	at := 0
	for i := range v.spans {
		if len(b)-at < 4 {
			return errShort
		}
		n := binary.LittleEndian.Uint32(b[at:])
		at += 4
		if int64(n) > int64(len(b)-at) {
			return errShort
		}
		v.spans[i] = span{uint32(at), uint32(at) + n}
		at += int(n)
	}
	return nil
}

// deltaLengths reads binary values preceded by the list of their lengths.
func (v *Values) deltaLengths(b []byte) error {
	lengths, rest, err := packedDeltas(b, len(v.spans))
	if err != nil {
		return err
	}
	v.content = rest
	at := int64(0)
	for i, n := range lengths {
		if n < 0 || n > int64(len(rest))-at {
			return errShort
		}
		v.spans[i] = span{uint32(at), uint32(at + n)}
		at += n
	}
	return nil
}

// deltaBytes reads binary values, each of which shares a prefix with the previous one.
func (v *Values) deltaBytes(b []byte, limit int64) error {
	prefixes, rest, err := packedDeltas(b, len(v.spans))
	if err != nil {
		return err
	}
	lengths, rest, err := packedDeltas(rest, len(v.spans))
	if err != nil {
		return err
	}
	var content []byte
	before := span{}
	for i := range v.spans {
		p, n := prefixes[i], lengths[i]
		if p < 0 || n < 0 || p > int64(before.to-before.from) || n > int64(len(rest)) {
			return errShort
		}
		if int64(len(content))+p+n > min(limit, math.MaxUint32) {
			return fmt.Errorf("its values expand to %w", ErrLimit)
		}
		from := len(content)
		content = append(content, content[before.from:int64(before.from)+p]...)
		content = append(content, rest[:n]...)
		rest = rest[n:]
		before = span{uint32(from), uint32(len(content))}
		v.spans[i] = before
	}
	v.content = content
	return nil
}

// bitsOf is the number of bits for a level of at most most.
func bitsOf(most int) int { return bits.Len(uint(most)) }

// runs fills dst with numbers of width bits, stored as a mixture of runs of one number and groups of eight packed ones.
func runs(dst []uint32, b []byte, width int) error {
	whole := (width + 7) / 8
	for len(dst) > 0 {
		head, n := binary.Uvarint(b)
		if n <= 0 {
			return errShort
		}
		b = b[n:]
		count := head >> 1
		if count == 0 {
			return errors.New("an empty run")
		}
		if head&1 == 0 {
			if len(b) < whole {
				return errShort
			}
			value := uint32(0)
			for i := range whole {
				value |= uint32(b[i]) << (8 * i)
			}
			b = b[whole:]
			k := int(min(count, uint64(len(dst))))
			for i := range k {
				dst[i] = value
			}
			dst = dst[k:]
			continue
		}
		k := len(dst)
		if count < uint64(k+7)/8 {
			k = int(8 * count)
		}
		if len(b) < (k*width+7)/8 {
			return errShort
		}
		for i := range k {
			dst[i] = uint32(packed(b, i*width, width))
		}
		dst = dst[k:]
		b = b[min(uint64(len(b)), count*uint64(width)):]
	}
	return nil
}

// packed is the number of width bits, at most 64, that begins at bit at, least significant bit first.
func packed(b []byte, at, width int) (v uint64) {
	for got := 0; got < width; {
		shift := (at + got) % 8
		v |= uint64(b[(at+got)/8]>>shift) << got
		got += 8 - shift
	}
	if width < 64 {
		v &= 1<<width - 1
	}
	return v
}

// packedDeltas reads n whole numbers in DELTA_BINARY_PACKED, and returns the data after them: the first number, then blocks of differences,
// each with its smallest difference and divided into miniblocks of one width.
func packedDeltas(b []byte, n int) ([]int64, []byte, error) {
	c := &compact{b: b}
	block, pieces, total, first := c.uvarint(), c.uvarint(), c.uvarint(), c.number(compactI64)
	switch {
	case c.err != nil:
		return nil, nil, c.err
	case total != uint64(n):
		return nil, nil, fmt.Errorf("%d values, but there are %d", total, n)
	case block == 0 || block > 1<<20 || block%128 != 0 || pieces == 0 || block%pieces != 0 || block/pieces%32 != 0:
		return nil, nil, fmt.Errorf("blocks of %d differences in %d miniblocks", block, pieces)
	}
	values := make([]int64, 0, n)
	if n > 0 {
		values = append(values, first)
	}
	each := int(block / pieces)
	for len(values) < n {
		least := c.number(compactI64)
		if c.err != nil || uint64(c.left()) < pieces {
			return nil, nil, errShort
		}
		widths := c.b[c.at : c.at+int(pieces)]
		c.at += int(pieces)
		for _, width := range widths {
			if len(values) == n {
				break
			}
			length := each * int(width) / 8
			if width > 64 || c.left() < length {
				return nil, nil, errShort
			}
			for i := range min(each, n-len(values)) {
				first += least + int64(packed(c.b[c.at:], i*int(width), int(width)))
				values = append(values, first)
			}
			c.at += length
		}
	}
	return values, c.b[c.at:], nil
}
