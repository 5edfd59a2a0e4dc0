package parquet

import (
	"errors"
	"fmt"
	"io"
	"math"
	"sort"
	"sync"
)

// Chunk is a chunk of a column. Its methods may be called from several goroutines at once.
type Chunk struct {
	column *Column
	codec  codec
	rows   int64
	size   int64       // size of the file
	r      io.ReaderAt // reads the file, or the part of it already in memory
	base   int64       // offset at which r begins

	mu         sync.Mutex
	pages      []Page // known pages, in order
	dictionary *Page
	at         int64 // offset of the next page
	found      int64 // rows in the known pages
}

// Page is a page of values.
type Page struct {
	First int // first row, within the row group
	Rows  int
	Size  int // decompressed size in bytes

	offset   int64 // offset of its content
	length   int   // size as stored in the file
	encoding encoding
	levels   int  // size in bytes of the definition levels before the values; −1: stated with them (version 1)
	packed   bool // compressed with the chunk's codec
}

// header is a PageHeader.
type header struct {
	kind             int64
	unpacked, length int64
	values           int64
	encoding         encoding
	levelEncoding    encoding
	repetition       int64
	levels           int64
	packed           bool
}

// The kinds of pages.
const (
	dataPage       = 0
	indexPage      = 1
	dictionaryPage = 2
	dataPage2      = 3
)

// Begin returns a chunk without known pages, which is not read unless it is small. It fails on a column with repetition.
func (f *File) Begin(group, column int) (*Chunk, error) {
	of, k := &f.Columns[column], f.Groups[group].chunks[column]
	chunk, err := f.begin(of, k, f.Groups[group].Rows)
	if err != nil {
		return nil, fmt.Errorf("column %s, row group %d: %w", of.Name(), group, err)
	}
	return chunk, nil
}

// Pages reads the headers of all unknown pages, and returns the number of pages.
func (c *Chunk) Pages() (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.walk(c.rows)
	return len(c.pages), err
}

// Page returns the position of a page's rows. The page must be known: counted by Pages, or found by Find.
func (c *Chunk) Page(page int) Page {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pages[page]
}

// Find returns the page that contains a row of the row group. It reads the headers of unknown pages up to there.
func (c *Chunk) Find(row int) (page int, err error) {
	if int64(row) >= c.rows {
		return 0, fmt.Errorf("column %s: row %d of %d", c.column.Name(), row, c.rows)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.walk(int64(row) + 1); err != nil {
		return 0, err
	}
	return sort.Search(len(c.pages), func(i int) bool { return c.pages[i].First > row }) - 1, nil
}

// walk reads headers until the given number of rows is found.
func (c *Chunk) walk(rows int64) error {
	for c.found < rows {
		if err := c.next(); err != nil {
			return fmt.Errorf("column %s: %w", c.column.Name(), err)
		}
	}
	return nil
}

// small is the size in bytes up to which a chunk is read at once.
const small = 256 << 10

func (f *File) begin(column *Column, k chunk, rows int64) (*Chunk, error) {
	switch {
	case column.Repeated:
		return nil, errors.New("it holds lists")
	case k.values != rows:
		return nil, fmt.Errorf("%d values for %d rows: it is damaged", k.values, rows)
	}
	c := &Chunk{column: column, codec: k.codec, rows: rows, size: f.size, r: f.r, at: k.start}
	if rows == 0 { // there may be no page, and no position of the chunk
		return c, nil
	}
	if k.bytes <= small {
		b := make([]byte, min(k.bytes, f.size-k.start))
		if err := readFull(f.r, b, k.start); err != nil {
			return nil, err
		}
		c.r, c.base = memory(b), k.start
	}
	return c, nil
}

// next reads the header of the next page.
func (c *Chunk) next() error {
	h, n, err := c.header(c.at, c.size)
	if err != nil {
		return err
	}
	at := c.at + int64(n)
	if h.length < 0 || h.unpacked < 0 || h.length > c.size-at || h.values < 0 || h.unpacked > math.MaxInt32 {
		return errors.New("a page states that it is larger than the file: it is damaged")
	}
	p := Page{First: int(c.found), Rows: int(h.values), Size: int(h.unpacked), offset: at, length: int(h.length), encoding: h.encoding, levels: -1, packed: true}
	switch h.kind {
	case dictionaryPage:
		if c.dictionary != nil || len(c.pages) > 0 {
			return errors.New("there is a dictionary in the wrong place")
		}
		if h.values > h.unpacked {
			return fmt.Errorf("a dictionary of %d entries in %d bytes", h.values, h.unpacked)
		}
		c.dictionary = &p
		c.at = at + h.length
		return nil
	case indexPage:
		c.at = at + h.length
		return nil
	case dataPage:
		if c.column.definition > 0 && h.levelEncoding != rle {
			return fmt.Errorf("levels of the encoding %s are not supported", h.levelEncoding)
		}
	case dataPage2:
		if h.repetition != 0 || h.levels < 0 || h.levels > h.length || h.levels > h.unpacked {
			return errors.New("the levels of a page exceed it")
		}
		p.levels, p.packed = int(h.levels), h.packed
	default:
		return fmt.Errorf("there are no pages of kind %d", h.kind)
	}
	if h.values > c.rows-c.found {
		return errors.New("its pages have more values than it has rows")
	}
	c.pages = append(c.pages, p)
	c.at = at + h.length
	c.found += h.values
	return nil
}

// memory is the part of a file already in memory.
type memory []byte

func (m memory) ReadAt(b []byte, offset int64) (int, error) {
	if offset < 0 || offset > int64(len(m)) {
		return 0, io.EOF
	}
	n := copy(b, m[offset:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// header reads the header of the page at an offset, and returns its length.
func (c *Chunk) header(at, size int64) (h header, n int, err error) {
	const most = 4 << 20 // bytes, since it may contain statistics
	for window := int64(1 << 10); ; window *= 8 {
		b := make([]byte, max(0, min(window, size-at)))
		got, err := c.r.ReadAt(b, at-c.base)
		if err != nil && !errors.Is(err, io.EOF) {
			return h, 0, err
		}
		r := &compact{b: b[:got]}
		h = r.page()
		if r.err == nil {
			return h, r.at, nil
		}
		if !errors.Is(r.err, errShort) || got < len(b) || int64(len(b)) < window || window > most {
			return h, 0, fmt.Errorf("the header of a page is damaged: %w", r.err)
		}
	}
}

// page reads a PageHeader.
func (c *compact) page() header {
	h := header{kind: -1, packed: true}
	c.fields(compactStruct, func(id int, kind byte) bool {
		switch id {
		case 1:
			h.kind = c.number(kind)
		case 2:
			h.unpacked = c.number(kind)
		case 3:
			h.length = c.number(kind)
		case 5:
			c.fields(kind, func(id int, kind byte) bool {
				switch id {
				case 1:
					h.values = c.number(kind)
				case 2:
					h.encoding = encoding(c.number(kind))
				case 3:
					h.levelEncoding = encoding(c.number(kind))
				default:
					return false
				}
				return true
			})
		case 7:
			c.fields(kind, func(id int, kind byte) bool {
				switch id {
				case 1:
					h.values = c.number(kind)
				case 2:
					h.encoding = encoding(c.number(kind))
				default:
					return false
				}
				return true
			})
		case 8:
			c.fields(kind, h.second(c))
		default:
			return false
		}
		return true
	})
	return h
}

// second reads the fields of a DataPageHeaderV2.
func (h *header) second(c *compact) func(id int, kind byte) bool {
	return func(id int, kind byte) bool {
		switch id {
		case 1:
			h.values = c.number(kind)
		case 4:
			h.encoding = encoding(c.number(kind))
		case 5:
			h.levels = c.number(kind)
		case 6:
			h.repetition = c.number(kind)
		case 7:
			h.packed = kind == compactTrue
		default:
			return false
		}
		return true
	}
}

// ErrLimit is in the chain of Load's error for a page that exceeds the memory limit.
var ErrLimit = errors.New("more than the limit for a page")

// Cost is roughly the memory that Load needs for a page.
func (c *Chunk) Cost(page int) int64 {
	p, dictionary := c.known(page)
	n := cost(&p)
	if dictionary != nil && p.encoding.dictionary() {
		n += cost(dictionary)
	}
	return n
}

// known returns a page, and the dictionary, which comes before all pages.
func (c *Chunk) known(page int) (Page, *Page) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pages[page], c.dictionary
}

// cost is the memory for a page: as stored, decompressed, and the positions of its values.
func cost(p *Page) int64 { return int64(p.length) + int64(p.Size) + 24*int64(p.Rows) }

// Load reads a page. It takes no more than limit bytes of memory, plus a small amount.
func (c *Chunk) Load(page int, limit int64) (*Values, error) {
	if need := c.Cost(page); need > limit {
		return nil, fmt.Errorf("column %s: a page takes %d bytes, %w, %d: give more memory", c.column.Name(), need, ErrLimit, limit)
	}
	p, dictionary := c.known(page)
	v, err := c.load(&p, dictionary, limit)
	if err != nil {
		return nil, fmt.Errorf("column %s, rows %d to %d of a row group: %w", c.column.Name(), p.First, p.First+p.Rows-1, err)
	}
	return v, nil
}

func (c *Chunk) load(p, dictionary *Page, limit int64) (*Values, error) {
	content, err := c.content(p)
	if err != nil {
		return nil, err
	}
	there, content, err := c.levels(p, content)
	if err != nil {
		return nil, err
	}
	present := p.Rows
	if there != nil {
		present = 0
		for _, t := range there {
			present += int(t)
		}
	}
	var v *Values
	if p.encoding.dictionary() {
		v, err = c.fromDictionary(dictionary, content, present)
	} else {
		v, err = decode(c.column.Type, p.encoding, content, present, limit)
	}
	if err != nil {
		return nil, err
	}
	v.unsigned = c.column.Meaning == Unsigned
	return v.spread(there), nil
}

// content reads a page and decompresses it; the levels before the values of version 2 are never compressed.
func (c *Chunk) content(p *Page) ([]byte, error) {
	b := make([]byte, p.length)
	if err := readFull(c.r, b, p.offset-c.base); err != nil {
		return nil, err
	}
	if !p.packed || c.codec == uncompressed {
		if len(b) != p.Size {
			return nil, fmt.Errorf("%d bytes, but %d were stated", len(b), p.Size)
		}
		return b, nil
	}
	head := max(0, p.levels)
	whole := make([]byte, p.Size)
	copy(whole, b[:head])
	return whole, c.codec.unpack(whole[head:], b[head:])
}

// levels reads which rows have a value, as ones and zeros; nil: all of them.
func (c *Chunk) levels(p *Page, content []byte) (there []uint32, rest []byte, err error) {
	if c.column.definition == 0 {
		return nil, content[max(0, p.levels):], nil
	}
	length := p.levels
	if length < 0 {
		if len(content) < 4 {
			return nil, nil, errShort
		}
		n := uint32(content[0]) | uint32(content[1])<<8 | uint32(content[2])<<16 | uint32(content[3])<<24
		content = content[4:]
		if int64(n) > int64(len(content)) {
			return nil, nil, errShort
		}
		length = int(n)
	}
	there = make([]uint32, p.Rows)
	if err := runs(there, content[:length], bitsOf(c.column.definition)); err != nil {
		return nil, nil, fmt.Errorf("levels: %w", err)
	}
	all := true
	for i, level := range there {
		there[i] = 0
		if int(level) == c.column.definition {
			there[i] = 1
		} else {
			all = false
		}
	}
	if all {
		there = nil
	}
	return there, content[length:], nil
}

// fromDictionary returns the values to which a page of indices refers.
func (c *Chunk) fromDictionary(dictionary *Page, content []byte, n int) (*Values, error) {
	if dictionary == nil {
		return nil, errors.New("its dictionary is missing")
	}
	packed, err := c.content(dictionary)
	if err != nil {
		return nil, fmt.Errorf("dictionary: %w", err)
	}
	entries, err := decode(c.column.Type, plain, packed, dictionary.Rows, math.MaxInt64)
	if err != nil {
		return nil, fmt.Errorf("dictionary: %w", err)
	}
	indices := make([]uint32, n)
	if n > 0 {
		if len(content) == 0 || content[0] > 32 {
			return nil, errShort
		}
		if err := runs(indices, content[1:], int(content[0])); err != nil {
			return nil, fmt.Errorf("indices: %w", err)
		}
	}
	return entries.at(indices)
}
