package npy

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"iconic/internal/instead"
)

const magic = "\x93NUMPY"

// maxHeader bounds the dictionary's length; NumPy itself refuses more than 10,000 bytes by default.
const maxHeader = 10_000

// elementSize maps the supported element types to their sizes in bytes.
var elementSize = map[string]int{
	"<f2": 2, "<f4": 4, "<f8": 8,
	"|i1": 1, "<i2": 2, "<i4": 4, "<i8": 8,
	"|u1": 1, "<u2": 2, "<u4": 4, "<u8": 8,
	"|b1": 1,
}

// dtypeName maps a type to NumPy's name for it.
var dtypeName = map[string]string{
	"<f2": "float16", "<f4": "float32", "<f8": "float64",
	"|i1": "int8", "<i2": "int16", "<i4": "int32", "<i8": "int64",
	"|u1": "uint8", "<u2": "uint16", "<u4": "uint32", "<u8": "uint64",
	"|b1": "bool",
}

// header is what precedes the elements.
type header struct {
	descr   string // "<f4", …
	fortran bool
	shape   []int
}

// notArray is the error for a file that does not begin like an array.
func notArray(content []byte) error {
	return cmp.Or(instead.Check(content), errors.New("not a .npy file"))
}

// parse reads the header at the start of content, whose length must be exactly what the header calls for, and returns the offset of the
// first element.
func parse(content []byte) (h header, offset int, err error) {
	if len(content) < 10 || string(content[:6]) != magic {
		return h, 0, notArray(content)
	}
	var length int
	switch version := content[6]; version {
	case 1:
		length, offset = int(binary.LittleEndian.Uint16(content[8:])), 10
	case 2, 3:
		if len(content) < 12 {
			return h, 0, errors.New("truncated in its header")
		}
		length, offset = int(binary.LittleEndian.Uint32(content[8:])), 12
	default:
		return h, 0, fmt.Errorf("unknown .npy format version %d: want 1, 2 or 3", version)
	}
	if length > maxHeader {
		return h, 0, fmt.Errorf("a header of %d bytes: want at most %d", length, maxHeader)
	}
	if length > len(content)-offset {
		return h, 0, errors.New("truncated in its header")
	}
	if h, err = parseDictionary(string(content[offset : offset+length])); err != nil {
		return h, 0, fmt.Errorf("header: %w", err)
	}
	offset += length
	size, err := h.check()
	if err != nil {
		return h, 0, err
	}
	if have := len(content) - offset; have != size {
		return h, 0, fmt.Errorf("%s%v needs %d bytes and has %d: truncated, or not a single array", dtypeName[h.descr], h.shape, size, have)
	}
	return h, offset, nil
}

// check refuses unsupported arrays, and returns the size of all elements in bytes.
func (h header) check() (size int, err error) {
	size, ok := elementSize[h.descr]
	switch {
	case strings.HasPrefix(h.descr, ">"):
		return 0, fmt.Errorf("elements %q are big-endian: save it little-endian, with x.astype(x.dtype.newbyteorder('<'))", h.descr)
	case strings.HasPrefix(h.descr, "<U") || strings.HasPrefix(h.descr, "|S"):
		return 0, fmt.Errorf("elements %q are text: save numbers, or, if they are labels, a text file with one name per line", h.descr)
	case strings.HasPrefix(h.descr, "<c"):
		return 0, fmt.Errorf("elements %q are complex: save real numbers, such as numpy.abs(x)", h.descr)
	case !ok:
		return 0, fmt.Errorf("elements %q are not supported: save features with x.astype('float32'), and labels with x.astype('int64')", h.descr)
	case h.fortran && len(h.shape) > 1:
		return 0, errors.New("the array is in Fortran order: save it with numpy.ascontiguousarray")
	case len(h.shape) == 0:
		return 0, errors.New("the array has no dimensions: one row is shape (1, d)")
	}
	for _, n := range h.shape {
		if n != 0 && size > math.MaxInt/n {
			return 0, fmt.Errorf("shape %v is out of range", h.shape)
		}
		size *= n
	}
	return size, nil
}

// parseDictionary reads a Python literal such as {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, with the three keys in any
// order, each once.
func parseDictionary(s string) (h header, err error) {
	p := scanner{rest: s}
	seen := map[string]bool{}
	p.expect("{")
	for p.err == nil && !p.accept("}") {
		key := p.quoted()
		if seen[key] {
			return h, fmt.Errorf("key %q occurs twice", key)
		}
		seen[key] = true
		p.expect(":")
		switch key {
		case "descr":
			if p.accept("[") {
				return h, errors.New("its elements have named fields: save one field, x['name'], or a matrix of numbers")
			}
			h.descr = p.quoted()
		case "fortran_order":
			if h.fortran = p.accept("True"); !h.fortran {
				p.expect("False")
			}
		case "shape":
			h.shape = p.tuple()
		default:
			p.fail("unknown key %q", key)
		}
		if !p.accept(",") {
			p.expect("}")
			break
		}
	}
	if p.err == nil && strings.Trim(p.rest, " \n\x00") != "" {
		p.fail("%q after its end", p.rest)
	}
	if p.err == nil && len(seen) != 3 {
		p.fail("descr, fortran_order and shape are needed")
	}
	return h, p.err
}

// scanner consumes a Python literal from the left. After the first error it does nothing more.
type scanner struct {
	rest string
	err  error
}

func (p *scanner) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf(format, args...)
	}
}

func (p *scanner) accept(token string) bool {
	rest, ok := strings.CutPrefix(strings.TrimLeft(p.rest, " "), token)
	if ok && p.err == nil {
		p.rest = rest
		return true
	}
	return false
}

func (p *scanner) expect(token string) {
	if !p.accept(token) {
		p.fail("want %q at %q", token, p.rest)
	}
}

// quoted reads a string without escapes.
func (p *scanner) quoted() string {
	quote := "'"
	if !p.accept(quote) {
		quote = `"`
		p.expect(quote)
	}
	value, rest, ok := strings.Cut(p.rest, quote)
	if !ok || strings.Contains(value, `\`) {
		p.fail("want a string at %q", p.rest)
		return ""
	}
	p.rest = rest
	return value
}

// tuple reads (), (3,), (3, 4), …
func (p *scanner) tuple() []int {
	var shape []int
	p.expect("(")
	for p.err == nil && !p.accept(")") {
		p.rest = strings.TrimLeft(p.rest, " ")
		digits := len(p.rest) - len(strings.TrimLeft(p.rest, "0123456789"))
		n, err := strconv.Atoi(p.rest[:digits])
		if err != nil {
			p.fail("want a dimension at %q", p.rest)
			return nil
		}
		p.rest = p.rest[digits:]
		p.accept("L") // as Python 2 writes some numbers
		shape = append(shape, n)
		if !p.accept(",") {
			p.expect(")")
			if len(shape) == 1 { // (3) is a number in Python, not a tuple
				p.fail("(%d) is not a tuple", n)
			}
			break
		}
	}
	return shape
}
