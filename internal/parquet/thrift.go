package parquet

import (
	"errors"
	"fmt"
)

// The types of Thrift's compact protocol.
const (
	compactTrue   = 1
	compactFalse  = 2
	compactByte   = 3
	compactI16    = 4
	compactI32    = 5
	compactI64    = 6
	compactDouble = 7
	compactBinary = 8
	compactList   = 9
	compactSet    = 10
	compactMap    = 11
	compactStruct = 12
)

// maxDepth bounds the nesting of structures.
const maxDepth = 32

var errShort = errors.New("it is truncated")

// compact reads the compact protocol from a slice. The first error is kept, and everything after it reads as zero. No length is accepted
// that the rest of the slice could not contain.
type compact struct {
	b     []byte
	at    int
	depth int
	err   error
}

func (c *compact) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

func (c *compact) left() int { return len(c.b) - c.at }

func (c *compact) byte() byte {
	if c.err != nil || c.left() < 1 {
		c.fail(errShort)
		return 0
	}
	c.at++
	return c.b[c.at-1]
}

func (c *compact) uvarint() (v uint64) {
	for shift := 0; shift < 64; shift += 7 {
		b := c.byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v
		}
	}
	c.fail(errors.New("a number is longer than 64 bits"))
	return 0
}

// number reads a whole number of any width.
func (c *compact) number(kind byte) int64 {
	switch kind {
	case compactByte:
		return int64(int8(c.byte()))
	case compactI16, compactI32, compactI64:
		v := c.uvarint()
		return int64(v>>1) ^ -int64(v&1)
	}
	c.fail(fmt.Errorf("a value of type %d instead of a number", kind))
	return 0
}

// bytes reads a string, which is part of the slice.
func (c *compact) bytes(kind byte) []byte {
	if kind != compactBinary {
		c.fail(fmt.Errorf("a value of type %d instead of a text", kind))
		return nil
	}
	n := c.uvarint()
	if c.err != nil || n > uint64(c.left()) {
		c.fail(errShort)
		return nil
	}
	c.at += int(n)
	return c.b[c.at-int(n) : c.at]
}

// list reads a list, calling element for each of its elements.
func (c *compact) list(kind byte, element func(kind byte)) {
	if kind != compactList {
		c.fail(fmt.Errorf("a value of type %d instead of a list", kind))
		return
	}
	c.elements(element)
}

func (c *compact) elements(element func(kind byte)) {
	head := c.byte()
	n := uint64(head >> 4)
	if n == 15 {
		n = c.uvarint()
	}
	if n > uint64(c.left()) { // no element is smaller than a byte
		c.fail(errShort)
	}
	for range n {
		if c.err != nil {
			return
		}
		element(head & 15)
	}
}

// fields reads a structure. known is called for each field, and either reads its value or returns false to have it skipped.
func (c *compact) fields(kind byte, known func(id int, kind byte) bool) {
	if kind != compactStruct {
		c.fail(fmt.Errorf("a value of type %d instead of a structure", kind))
		return
	}
	if c.depth++; c.depth > maxDepth {
		c.fail(errors.New("structures are nested too deep"))
	}
	defer func() { c.depth-- }()
	for id := 0; c.err == nil; {
		head := c.byte()
		if head == 0 {
			return
		}
		if delta := int(head >> 4); delta > 0 {
			id += delta
		} else {
			id = int(c.number(compactI16))
		}
		if c.err == nil && !known(id, head&15) {
			c.skip(head & 15)
		}
	}
}

// skip skips the value of a field.
func (c *compact) skip(kind byte) {
	switch kind {
	case compactTrue, compactFalse: // the field's header contains the value
	case compactByte:
		c.byte()
	case compactI16, compactI32, compactI64:
		c.uvarint()
	case compactDouble:
		for range 8 {
			c.byte()
		}
	case compactBinary:
		c.bytes(kind)
	case compactList, compactSet:
		c.elements(c.skipElement)
	case compactMap:
		c.skipMap()
	case compactStruct:
		c.fields(kind, func(int, byte) bool { return false })
	default:
		c.fail(fmt.Errorf("there is no type %d", kind))
	}
}

// skipElement skips an element of a list, where a truth value takes a byte. Lists in lists count towards the depth, too.
func (c *compact) skipElement(kind byte) {
	if c.depth++; c.depth > maxDepth {
		c.fail(errors.New("lists are nested too deep"))
		return
	}
	defer func() { c.depth-- }()
	if kind == compactTrue || kind == compactFalse {
		kind = compactByte
	}
	c.skip(kind)
}

func (c *compact) skipMap() {
	n := c.uvarint()
	if n == 0 {
		return
	}
	if n > uint64(c.left()) {
		c.fail(errShort)
		return
	}
	kinds := c.byte()
	for range n {
		if c.err != nil {
			return
		}
		c.skipElement(kinds >> 4)
		c.skipElement(kinds & 15)
	}
}
