package pixels

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// Tags of a TIFF directory, and their possible values.
const (
	tiffKind         = 254
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
	tiffDNG          = 50706
)

// directory is the first directory of a TIFF or BigTIFF file. An entry is read only when its tag is requested, since it may refer to any
// part of the file.
type directory struct {
	b       []byte
	order   binary.ByteOrder
	big     bool
	entries []byte // as stored, up to the last complete one
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
	header, count := 8, 2
	if d.big {
		header, count = 16, 8
	}
	if len(b) < header {
		return nil, io.ErrUnexpectedEOF
	}
	at, n := uint64(d.order.Uint32(b[4:])), uint64(0)
	if d.big {
		at = d.order.Uint64(b[8:])
	}
	if at < uint64(header) || at > uint64(len(b)-count) {
		return nil, errors.New("the directory lies outside the file")
	}
	if n = uint64(d.order.Uint16(b[at:])); d.big {
		n = d.order.Uint64(b[at:])
	}
	rest := b[at+uint64(count):]
	n = min(n, mostEntries, uint64(len(rest)/d.entrySize()))
	d.entries = rest[:int(n)*d.entrySize()]
	return d, nil
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

// list finds the numbers of a tag: none if it is missing, has another type, or lies outside the file.
func (d *directory) list(tag int) list {
	size := d.entrySize()
	for at := 0; at < len(d.entries); at += size {
		entry := d.entries[at : at+size]
		if int(d.order.Uint16(entry)) != tag {
			continue
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
	return list{}
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
func (d *directory) first(tag, otherwise int) int {
	if l := d.list(tag); l.len() > 0 {
		return l.at(0)
	}
	return otherwise
}
