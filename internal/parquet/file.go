package parquet

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"iconic/internal/instead"
)

// Type is the physical type of a column's values.
type Type int

// The physical types, by their numbers in the format.
const (
	Boolean Type = iota
	Int32
	Int64
	Int96
	Float
	Double
	Bytes
	FixedBytes
)

func (t Type) String() string {
	names := [...]string{"truth values", "whole numbers", "whole numbers", "times", "numbers", "numbers", "binary values", "binary values of one length"}
	if t < 0 || int(t) >= len(names) {
		return fmt.Sprintf("values of type %d", int(t))
	}
	return names[t]
}

// Meaning is the logical type of stored values.
type Meaning int

// The meanings that this package distinguishes. All others are AsStored.
const (
	AsStored Meaning = iota
	Text             // binary values are UTF-8, including JSON
	Unsigned         // whole numbers are unsigned
	Decimal          // whole numbers or binary values are divided by a power of ten
	Time             // whole numbers count days, seconds or parts of them
	Document         // binary values have another format: BSON, a variant, a geometry
)

// String describes values by their meaning or, without one, by their physical type.
func (c *Column) String() string {
	switch {
	case c.Repeated:
		return "lists"
	case c.Meaning == Text:
		return "text"
	case c.Meaning == Decimal:
		return "decimal numbers"
	case c.Meaning == Time:
		return "times"
	case c.Meaning == Document:
		return "documents"
	}
	return c.Type.String()
}

// Column is a column of values: a leaf of the schema.
type Column struct {
	Path     []string // from the root of the schema
	Type     Type
	Meaning  Meaning // of the stored values, as stated by the file
	Repeated bool    // it is, or lies in, a list or a map, and cannot be read

	definition int // definition level at which a value exists
}

// Name is the column's path joined with dots.
func (c *Column) Name() string { return strings.Join(c.Path, ".") }

// File is an open file. Its methods may be called from several goroutines at once.
type File struct {
	Rows     int64
	Columns  []Column
	Groups   []Group
	Metadata map[string]string

	r    io.ReaderAt
	size int64
}

// Group is a row group.
type Group struct {
	Rows   int64
	chunks []chunk // chunks of the columns
}

// chunk is the position of a column's values in a row group, according to the footer.
type chunk struct {
	codec  codec
	start  int64 // offset of its first page
	bytes  int64 // approximate size of all its pages
	values int64
}

// maxFooter bounds the size of a footer in bytes: that of a million row groups is smaller.
const maxFooter = 256 << 20

// maxColumns bounds the number of columns in a file.
const maxColumns = 1 << 14

const magic = "PAR1"

// notParquet says what a file is that does not end like a Parquet file, as far as its beginning tells.
func notParquet(r io.ReaderAt, size int64) error {
	start := make([]byte, len(magic)+2)
	if _, err := r.ReadAt(start, 0); err == nil && (string(start) == "ARROW1" || string(start[:4]) == "\xff\xff\xff\xff" || string(start[:4]) == "FEA1") {
		return &instead.Error{What: "an Arrow or Feather file: convert it to Parquet first"}
	}
	return cmp.Or(instead.CheckFile(r, size), errors.New("it does not end like a Parquet file: it is truncated, or has another format"))
}

// Open reads the footer of a file of size bytes.
func Open(r io.ReaderAt, size int64) (*File, error) {
	const ends = 2*len(magic) + 4
	if size < int64(ends) {
		return nil, cmp.Or(instead.CheckFile(r, size), errors.New("it is too short for a Parquet file"))
	}
	var tail [8]byte
	if err := readFull(r, tail[:], size-8); err != nil {
		return nil, err
	}
	switch string(tail[4:]) {
	case magic:
	case "PARE":
		return nil, errors.New("its footer is encrypted, which is not supported")
	default:
		return nil, notParquet(r, size)
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	if length > size-int64(ends) || length > maxFooter {
		return nil, fmt.Errorf("its footer states an impossible length of %d bytes: it is damaged", length)
	}
	content := make([]byte, length)
	if err := readFull(r, content, size-8-length); err != nil {
		return nil, err
	}
	f := &File{Metadata: map[string]string{}, r: r, size: size}
	if err := f.parse(content); err != nil {
		return nil, fmt.Errorf("its footer is damaged: %w", err)
	}
	return f, nil
}

// readFull fills b from an offset.
func readFull(r io.ReaderAt, b []byte, offset int64) error {
	n, err := r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// element is an element of the schema, which is a tree listed from the root, each node before its children.
type element struct {
	name     string
	kind     Type
	children int64
	repeated bool
	optional bool
	meaning  Meaning
}

// converted and logical map type numbers in ConvertedType and in the union LogicalType to meanings.
var (
	converted = map[int64]Meaning{
		0: Text, 4: Text, 5: Decimal, 6: Time, 7: Time, 8: Time, 9: Time, 10: Time, 11: Unsigned, 12: Unsigned, 13: Unsigned, 14: Unsigned,
		19: Text, 20: Document, 21: Time,
	}
	logical = map[int]Meaning{1: Text, 4: Text, 5: Decimal, 6: Time, 7: Time, 8: Time, 12: Text, 13: Document, 16: Document, 17: Document, 18: Document}
)

// parse reads FileMetaData.
func (f *File) parse(footer []byte) error {
	c := &compact{b: footer}
	var schema []element
	said := int64(-1)
	c.fields(compactStruct, func(id int, kind byte) bool {
		switch id {
		case 2:
			c.list(kind, func(kind byte) { schema = append(schema, c.element(kind)) })
			if c.err == nil {
				c.err = f.leaves(schema)
			}
		case 3:
			said = c.number(kind)
		case 4:
			c.list(kind, func(kind byte) { f.group(c, kind) })
		case 5:
			c.list(kind, func(kind byte) { f.keyValue(c, kind) })
		case 8:
			c.fail(errors.New("it is encrypted, which is not supported"))
		default:
			return false
		}
		return true
	})
	if c.err != nil {
		return c.err
	}
	if f.Columns == nil {
		return errors.New("it has no columns")
	}
	if said != f.Rows {
		return fmt.Errorf("it states %d rows, but its row groups have %d", said, f.Rows)
	}
	return nil
}

// element reads a SchemaElement.
func (c *compact) element(kind byte) (e element) {
	e.kind = -1
	c.fields(kind, func(id int, kind byte) bool {
		switch id {
		case 1:
			e.kind = Type(c.number(kind))
		case 3:
			repetition := c.number(kind)
			e.optional, e.repeated = repetition == 1, repetition == 2
		case 4:
			e.name = string(c.bytes(kind))
		case 5:
			e.children = c.number(kind)
		case 6:
			e.meaning = converted[c.number(kind)]
		case 10: // the newer form
			c.fields(kind, func(id int, kind byte) bool {
				if id == integerType {
					e.meaning = c.integer(kind)
					return true
				}
				e.meaning = logical[id]
				return false
			})
		default:
			return false
		}
		return true
	})
	return e
}

// integerType is the number of IntType in LogicalType.
const integerType = 10

// integer reads an IntType.
func (c *compact) integer(kind byte) (m Meaning) {
	c.fields(kind, func(id int, kind byte) bool {
		if id == 2 && kind == compactFalse { // isSigned
			m = Unsigned
		}
		return false
	})
	return m
}

// leaves collects the columns of the schema.
func (f *File) leaves(schema []element) error {
	if len(schema) == 0 || len(schema) > maxColumns {
		return fmt.Errorf("a schema of %d elements", len(schema))
	}
	rest := schema[1:]
	var descend func(children int64, above Column) error
	descend = func(children int64, above Column) error {
		if children < 0 || len(above.Path) > maxDepth {
			return errors.New("the schema is not a tree")
		}
		for range children {
			if len(rest) == 0 {
				return errors.New("the schema is truncated")
			}
			e := rest[0]
			rest = rest[1:]
			here := Column{
				Path: append(slices.Clip(above.Path), e.name), Type: e.kind, Meaning: e.meaning,
				Repeated: above.Repeated || e.repeated, definition: above.definition,
			}
			if e.optional || e.repeated {
				here.definition++
			}
			if e.kind < 0 {
				if err := descend(e.children, here); err != nil {
					return err
				}
				continue
			}
			if e.kind > FixedBytes {
				return fmt.Errorf("column %s has type %d, which does not exist", here.Name(), e.kind)
			}
			f.Columns = append(f.Columns, here)
		}
		return nil
	}
	return descend(schema[0].children, Column{})
}

// group reads a RowGroup.
func (f *File) group(c *compact, kind byte) {
	g := Group{Rows: -1}
	c.fields(kind, func(id int, kind byte) bool {
		switch id {
		case 1:
			c.list(kind, func(kind byte) {
				if len(g.chunks) == len(f.Columns) {
					c.fail(errors.New("a row group has more chunks than there are columns"))
					return
				}
				g.chunks = append(g.chunks, f.chunk(c, kind, &f.Columns[len(g.chunks)]))
			})
		case 3:
			g.Rows = c.number(kind)
		default:
			return false
		}
		return true
	})
	switch {
	case c.err != nil:
		return
	case len(g.chunks) != len(f.Columns):
		c.fail(fmt.Errorf("row group %d has %d chunks for %d columns", len(f.Groups), len(g.chunks), len(f.Columns)))
	case g.Rows < 0 || g.Rows > f.size-f.Rows:
		c.fail(fmt.Errorf("row group %d states %d rows, more than the file has bytes", len(f.Groups), g.Rows))
	default:
		f.Groups = append(f.Groups, g)
		f.Rows += g.Rows
	}
}

// chunk reads a ColumnChunk.
func (f *File) chunk(c *compact, kind byte, column *Column) (k chunk) {
	var dictionary, data int64
	there := false
	c.fields(kind, func(id int, kind byte) bool {
		switch id {
		case 1:
			if len(c.bytes(kind)) > 0 {
				c.fail(fmt.Errorf("column %s is in another file, which is not supported", column.Name()))
			}
		case 3:
			there = true
			c.fields(kind, func(id int, kind byte) bool {
				switch id {
				case 1:
					if t := Type(c.number(kind)); c.err == nil && t != column.Type {
						c.fail(fmt.Errorf("column %s has another type in a row group", column.Name()))
					}
				case 4:
					k.codec = codec(c.number(kind))
				case 5:
					k.values = c.number(kind)
				case 7:
					k.bytes = c.number(kind)
				case 9:
					data = c.number(kind)
				case 11:
					dictionary = c.number(kind)
				default:
					return false
				}
				return true
			})
		default:
			return false
		}
		return true
	})
	if k.start = data; dictionary >= int64(len(magic)) && dictionary < data {
		k.start = dictionary
	}
	if nowhere := k.start < int64(len(magic)) || k.start > f.size; c.err == nil && (!there || k.values < 0 || k.bytes < 0 || nowhere && k.values > 0) {
		c.fail(fmt.Errorf("a chunk of column %s lies outside the file", column.Name()))
	}
	return k
}

// keyValue reads a KeyValue of the file's metadata. If a key is repeated, the last one counts.
func (f *File) keyValue(c *compact, kind byte) {
	var key, value string
	c.fields(kind, func(id int, kind byte) bool {
		switch id {
		case 1:
			key = string(c.bytes(kind))
		case 2:
			value = string(c.bytes(kind))
		default:
			return false
		}
		return true
	})
	f.Metadata[key] = value
}

// Find returns the index of the column with that path.
func (f *File) Find(path ...string) (int, bool) {
	i := slices.IndexFunc(f.Columns, func(c Column) bool { return slices.Equal(c.Path, path) })
	return i, i >= 0
}
