package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"slices"
)

// Tags of a TIFF directory, and their possible values.
const (
	tiffKind         = 254
	tiffOldKind      = 255
	tiffWidth        = 256
	tiffHeight       = 257
	tiffBits         = 258
	tiffCompression  = 259
	tiffPhotometric  = 262
	tiffFillOrder    = 266
	tiffStrips       = 273
	tiffOrientedAs   = 274
	tiffSamples      = 277
	tiffRowsPerStrip = 278
	tiffStripSizes   = 279
	tiffLargest      = 281 // largest value of each sample
	tiffPlanar       = 284
	tiffFaxOptions   = 292
	tiffPredictor    = 317
	tiffColours      = 320
	tiffTileWidth    = 322
	tiffTileHeight   = 323
	tiffTiles        = 324
	tiffTileSizes    = 325
	tiffInside       = 330 // subdirectories
	tiffExtraSamples = 338
	tiffFormat       = 339
	tiffJPEGTables   = 347
	tiffSubsampling  = 530
	tiffXMP          = 700
	mpfPictures      = 45058 // of a directory in a JPEG: its list of pictures
	tiffDNG          = 50706
)

// tiffTags are the tags that are read.
var tiffTags = [...]uint16{
	tiffKind, tiffOldKind, tiffWidth, tiffHeight, tiffBits, tiffCompression, tiffPhotometric, tiffFillOrder, tiffStrips, tiffOrientedAs, tiffSamples,
	tiffRowsPerStrip, tiffStripSizes, tiffLargest, tiffPlanar, tiffFaxOptions, tiffPredictor, tiffColours, tiffTileWidth, tiffTileHeight,
	tiffTiles, tiffTileSizes, tiffInside, tiffExtraSamples, tiffFormat, tiffJPEGTables, tiffSubsampling, tiffXMP, mpfPictures, tiffDNG,
}

// directory is a directory of a TIFF or BigTIFF file. Its entries are looked at once, however often tags are requested: there may be
// 65,535 of them. The numbers of an entry are read only when its tag is requested, since it may refer to any part of the file.
type directory struct {
	b       []byte
	order   binary.ByteOrder
	big     bool
	entries [len(tiffTags)][]byte // the first entry of each of tiffTags, as stored; nil: none
	visited int                   // number of entries looked at
	at      uint64                // its offset
	next    uint64                // offset of the next directory; 0: none
}

// mostEntries is the largest number of entries in a TIFF; a BigTIFF needs no more.
const mostEntries = 1<<16 - 1

func isTIFF(b []byte) bool {
	for _, start := range []string{"II*\x00", "MM\x00*", "II+\x00", "MM\x00+"} {
		if bytes.HasPrefix(b, []byte(start)) {
			return true
		}
	}
	return false
}

// readDirectory finds the first directory. Entries outside the file are left out.
func readDirectory(b []byte) (*directory, error) {
	if !isTIFF(b) {
		return nil, errors.New("no TIFF header")
	}
	d := &directory{b: b, order: binary.LittleEndian, big: b[2] == '+' || b[3] == '+'}
	if b[0] == 'M' {
		d.order = binary.BigEndian
	}
	if len(b) < d.headerSize() {
		return nil, io.ErrUnexpectedEOF
	}
	at := uint64(d.order.Uint32(b[4:]))
	if d.big {
		at = d.order.Uint64(b[8:])
	}
	return d, d.read(at)
}

// read reads the directory at an offset.
func (d *directory) read(at uint64) error {
	count := 2
	if d.big {
		count = 8
	}
	if at < uint64(d.headerSize()) || at > uint64(len(d.b)-count) {
		return errors.New("the directory lies outside the file")
	}
	n := uint64(d.order.Uint16(d.b[at:]))
	if d.big {
		n = d.order.Uint64(d.b[at:])
	}
	rest := d.b[at+uint64(count):]
	size, stated := d.entrySize(), n
	n = min(n, mostEntries, uint64(len(rest)/size))
	d.entries, d.visited, d.at, d.next = [len(tiffTags)][]byte{}, int(n), at, 0
	for range n {
		entry := rest[:size]
		rest = rest[size:]
		if i := slices.Index(tiffTags[:], d.order.Uint16(entry)); i >= 0 && d.entries[i] == nil {
			d.entries[i] = entry
		}
	}
	switch {
	case n < stated: // the rest is no offset
	case d.big && len(rest) >= 8:
		d.next = d.order.Uint64(rest)
	case !d.big && len(rest) >= 4:
		d.next = uint64(d.order.Uint32(rest))
	}
	return nil
}

func (d *directory) headerSize() int {
	if d.big {
		return 16
	}
	return 8
}

func (d *directory) entrySize() int {
	if d.big {
		return 20
	}
	return 12
}

// list holds the numbers of an entry, as stored in the file.
type list struct {
	order binary.ByteOrder
	data  []byte
	size  int // bytes per number
}

// sizes of the types that are whole numbers or bytes: BYTE, SHORT, LONG, UNDEFINED, IFD, LONG8, IFD8.
var tiffTypes = map[uint16]int{1: 1, 3: 2, 4: 4, 7: 1, 13: 4, 16: 8, 18: 8}

// list finds the numbers of one of tiffTags: none if it is missing, has another type, or lies outside the file.
func (d *directory) list(tag uint16) list {
	entry := d.entries[slices.Index(tiffTags[:], tag)]
	if entry == nil {
		return list{}
	}
	bytes := tiffTypes[d.order.Uint16(entry[2:])]
	value, count := entry[8:], uint64(d.order.Uint32(entry[4:]))
	if d.big {
		value, count = entry[12:], d.order.Uint64(entry[4:])
	}
	if bytes == 0 || count > uint64(len(d.b)/bytes) {
		return list{}
	}
	length := int(count) * bytes
	if length > len(value) {
		from := uint64(d.order.Uint32(value))
		if d.big {
			from = d.order.Uint64(value)
		}
		if from > uint64(len(d.b)-length) {
			return list{}
		}
		value = d.b[from:]
	}
	return list{d.order, value[:length], bytes}
}

func (l list) len() int {
	if l.size == 0 {
		return 0
	}
	return len(l.data) / l.size
}

// at is the i-th number; −1 for one too large for any file.
func (l list) at(i int) int {
	p := l.data[i*l.size:]
	switch l.size {
	case 1:
		return int(p[0])
	case 2:
		return int(l.order.Uint16(p))
	case 4:
		return int(l.order.Uint32(p))
	}
	if v := l.order.Uint64(p); v < 1<<62 {
		return int(v)
	}
	return -1
}

// bytes are the numbers as stored, for entries that hold a text or a file.
func (l list) bytes() []byte { return l.data }

// first is the first value of a tag, or otherwise if there is none.
func (d *directory) first(tag uint16, otherwise int) int {
	if l := d.list(tag); l.len() > 0 {
		return l.at(0)
	}
	return otherwise
}
