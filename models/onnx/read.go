package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"iconic/internal/instead"
	"iconic/internal/onnxfiles"
	"iconic/internal/regular"
)

// ReadFile reads the model in the file called name; tensors in external data are read, from the model's folder, when they are loaded.
// Errors name the file.
func ReadFile(name string) (*Model, error) {
	b, err := regular.Read(name)
	if err != nil {
		return nil, err
	}
	m, err := parse(b, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

// Parse reads a model from memory, to which its tensors continue to refer.
func Parse(b []byte) (*Model, error) { return parse(b, "") }

// parse reads the model of a file; "" is none.
func parse(b []byte, file string) (*Model, error) {
	m := &Model{Opsets: map[string]int64{}}
	err := fields(b, func(f field) error {
		switch f.number {
		case 1:
			m.IRVersion = f.int()
		case 2:
			m.Producer = string(f.bytes)
		case 7:
			if m.Graph != nil {
				return errors.New("two graphs")
			}
			m.Graph = &Graph{}
			return m.Graph.parse(f.bytes, file)
		case 8:
			var domain string
			var version int64
			err := fields(f.bytes, func(f field) error {
				switch f.number {
				case 1:
					domain = string(f.bytes)
				case 2:
					version = f.int()
				}
				return nil
			})
			if domain == "ai.onnx" {
				domain = ""
			}
			m.Opsets[domain] = version
			return err
		case 14:
			e, err := parseEntry(f.bytes)
			m.Metadata = append(m.Metadata, e)
			return err
		default:
			m.rest = append(m.rest, f.whole...)
		}
		return nil
	})
	if err != nil || m.Graph == nil || len(m.Opsets) == 0 {
		if err == nil {
			err = errors.New("it has no graph or no operator set")
		}
		if other := instead.Check(b); other != nil {
			return nil, fmt.Errorf("not an ONNX model: %w", other)
		}
		return nil, fmt.Errorf("not an ONNX model: %w: replace it with a whole copy, or give another file", err)
	}
	return m, nil
}

func parseEntry(b []byte) (e Entry, err error) {
	err = fields(b, func(f field) error {
		switch f.number {
		case 1:
			e.Key = string(f.bytes)
		case 2:
			e.Value = string(f.bytes)
		}
		return nil
	})
	return e, err
}

func (g *Graph) parse(b []byte, file string) error {
	return fields(b, func(f field) error {
		switch f.number {
		case 1:
			n := &Node{}
			g.Nodes = append(g.Nodes, n)
			return n.parse(f.bytes, file)
		case 2:
			g.Name = string(f.bytes)
		case 5:
			t, err := parseTensor(f.bytes, file)
			g.Initializers = append(g.Initializers, t)
			return err
		case 11:
			v, err := parseValue(f.bytes)
			g.Inputs = append(g.Inputs, v)
			return err
		case 12:
			v, err := parseValue(f.bytes)
			g.Outputs = append(g.Outputs, v)
			return err
		default:
			g.rest = append(g.rest, f.whole...)
		}
		return nil
	})
}

func (n *Node) parse(b []byte, file string) error {
	return fields(b, func(f field) error {
		switch f.number {
		case 1:
			n.Inputs = append(n.Inputs, string(f.bytes))
		case 2:
			n.Outputs = append(n.Outputs, string(f.bytes))
		case 3:
			n.Name = string(f.bytes)
		case 4:
			n.Op = string(f.bytes)
		case 5:
			a, err := parseAttribute(f.bytes, file)
			n.Attributes = append(n.Attributes, a)
			return err
		case 7:
			if n.Domain = string(f.bytes); n.Domain == "ai.onnx" {
				n.Domain = ""
			}
		default:
			n.rest = append(n.rest, f.whole...)
		}
		return nil
	})
}

func parseAttribute(b []byte, file string) (a Attribute, err error) {
	err = fields(b, func(f field) (err error) {
		switch f.number {
		case 1:
			a.Name = string(f.bytes)
		case 2:
			a.Float = math.Float32frombits(uint32(f.value))
		case 3:
			a.Int = f.int()
		case 4:
			a.String = f.bytes
		case 5:
			a.Tensor, err = parseTensor(f.bytes, file)
		case 7:
			return f.packed(protowire.Fixed32Type, func(v uint64) {
				a.Floats = append(a.Floats, math.Float32frombits(uint32(v)))
			})
		case 8:
			return f.packed(protowire.VarintType, func(v uint64) { a.Ints = append(a.Ints, int64(v)) })
		case 20:
			a.Kind = AttributeKind(f.int())
		default:
			a.rest = append(a.rest, f.whole...)
		}
		return err
	})
	if err == nil && a.Kind == KindTensor && a.Tensor == nil {
		err = fmt.Errorf("attribute %q has no tensor", a.Name)
	}
	return a, err
}

func parseValue(b []byte) (v Value, err error) {
	err = fields(b, func(f field) error {
		switch f.number {
		case 1:
			v.Name = string(f.bytes)
		case 2:
			dense := false
			err := fields(f.bytes, func(f field) error {
				if f.number != 1 {
					return nil
				}
				dense = true
				return v.parseTensorType(f.bytes)
			})
			if !dense {
				v.raw = f.whole
			}
			return err
		default:
			v.rest = append(v.rest, f.whole...)
		}
		return nil
	})
	return v, err
}

func (v *Value) parseTensorType(b []byte) error {
	return fields(b, func(f field) error {
		switch f.number {
		case 1:
			v.Type = DataType(f.int())
		case 2:
			v.Shape = []Dim{}
			return fields(f.bytes, func(f field) error {
				if f.number != 1 {
					return nil
				}
				var d Dim
				err := fields(f.bytes, func(f field) error {
					switch f.number {
					case 1:
						d.Size = max(0, f.int()) // some exporters write −1 for a free dimension
					case 2:
						d.Name = string(f.bytes)
					}
					return nil
				})
				v.Shape = append(v.Shape, d)
				return err
			})
		}
		return nil
	})
}

// parseTensor makes Load read numbers however they are stored: as raw bytes, a typed list or external data.
func parseTensor(b []byte, file string) (*Tensor, error) {
	t, c := &Tensor{}, contents{}
	err := fields(b, func(f field) error {
		switch f.number {
		case 1:
			return f.packed(protowire.VarintType, func(v uint64) { t.Dims = append(t.Dims, int64(v)) })
		case 2:
			t.Type = DataType(f.int())
		case 8:
			t.Name = string(f.bytes)
		case 4, 5, 7, 9, 10, 11, 13, 14:
			c.fields = append(c.fields, f.whole...)
			return c.add(f, t.Type)
		default:
			t.rest = append(t.rest, f.whole...)
		}
		return nil
	})
	if err != nil {
		return t, err
	}
	return t, t.fill(c, file)
}

// contents are the fields of a tensor that hold its numbers or name a file with them.
type contents struct {
	fields   []byte // all of them, as stored
	list     []byte // elements of a typed list, as raw bytes
	raw      []byte
	entries  []Entry
	external bool
}

// add reads one of the fields, in a tensor of that type.
func (c *contents) add(f field, t DataType) error {
	switch f.number {
	case 9:
		c.raw = f.bytes
	case 13:
		e, err := parseEntry(f.bytes)
		c.entries = append(c.entries, e)
		return err
	case 14:
		c.external = f.int() == 1
	default:
		wire, width := listOf(f.number)
		return f.packed(wire, func(v uint64) { c.list = appendElement(c.list, v, width, t) })
	}
	return nil
}

// fill makes Load return the contents, which must be as many bytes as the shape needs.
func (t *Tensor) fill(c contents, file string) error {
	want, err := t.Bytes()
	if err != nil {
		return err
	}
	elements, _ := t.Elements()
	switch {
	case t.Type.Size() == 0: // strings, and types smaller than a byte
		t.rest = append(t.rest, c.fields...)
		return nil
	case c.external:
		return t.external(c.entries, file, want)
	case c.raw == nil && c.list == nil && elements > 0:
		return fmt.Errorf("tensor %q: shape %v, but no data", t.Name, t.Dims)
	}
	numbers := c.raw
	if numbers == nil {
		numbers = c.list
	}
	if int64(len(numbers)) != want {
		return fmt.Errorf("tensor %q: %d bytes do not fill shape %v of %d-byte elements", t.Name, len(numbers), t.Dims, t.Type.Size())
	}
	t.Load = func() ([]byte, error) { return numbers, nil }
	return nil
}

// listOf says how a typed list of numbers is encoded: float_data, int32_data, int64_data, double_data, uint64_data.
func listOf(number protowire.Number) (wire protowire.Type, width int) {
	switch number {
	case 4:
		return protowire.Fixed32Type, 4
	case 10:
		return protowire.Fixed64Type, 8
	case 5:
		return protowire.VarintType, 4
	}
	return protowire.VarintType, 8
}

// appendElement appends a number of a typed list in the tensor's own width: int32_data also holds narrower integers and the bits of
// float16. The type precedes the data in every file written by a protobuf writer.
func appendElement(b []byte, v uint64, width int, kind DataType) []byte {
	if n := int(kind.Size()); n > 0 {
		width = n
	}
	return append(b, binary.LittleEndian.AppendUint64(nil, v)[:width]...)
}

// external makes Load read a part of a file beside the model.
func (t *Tensor) external(entries []Entry, model string, want int64) error {
	var location string
	var offset int64
	length := want
	for _, e := range entries {
		var err error
		switch e.Key {
		case "location":
			location = e.Value
		case "offset":
			offset, err = strconv.ParseInt(e.Value, 10, 64)
		case "length":
			length, err = strconv.ParseInt(e.Value, 10, 64)
		}
		if err != nil || offset < 0 {
			return fmt.Errorf("tensor %q: external data with %s %q", t.Name, e.Key, e.Value)
		}
	}
	if model == "" {
		return fmt.Errorf("tensor %q: its data are in %q, which is not a file in the model's folder: read the model from its file", t.Name, location)
	}
	if length != want {
		return fmt.Errorf("tensor %q: %d bytes of external data do not fill shape %v of %d-byte elements", t.Name, length, t.Dims, t.Type.Size())
	}
	name, err := onnxfiles.Locate(model, location)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	stat, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("tensor %q: %w", t.Name, err)
	}
	if offset > stat.Size() || want > stat.Size()-offset {
		return fmt.Errorf("tensor %q: %s has %d bytes, too few for %d at %d", t.Name, name, stat.Size(), want, offset)
	}
	t.Load = func() ([]byte, error) {
		f, _, err := regular.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		b := make([]byte, want)
		if n, err := f.ReadAt(b, offset); n < len(b) {
			if err == nil || errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, fmt.Errorf("%s: tensor %q: %w", name, t.Name, err)
		}
		return b, nil
	}
	return nil
}

// field is one field of a message.
type field struct {
	number protowire.Number
	wire   protowire.Type
	value  uint64 // value of a number
	bytes  []byte // content of any field with a length
	whole  []byte // including its tag
}

func (f field) int() int64 { return int64(f.value) }

// packed calls add for each number of a repeated field, which may be stored one by one or packed.
func (f field) packed(wire protowire.Type, add func(uint64)) error {
	if f.wire == wire {
		add(f.value)
		return nil
	}
	if f.wire != protowire.BytesType {
		return fmt.Errorf("field %d has an unexpected encoding", f.number)
	}
	for b := f.bytes; len(b) > 0; {
		v, n := number(wire, b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		add(v)
		b = b[n:]
	}
	return nil
}

func number(wire protowire.Type, b []byte) (uint64, int) {
	switch wire {
	case protowire.VarintType:
		return protowire.ConsumeVarint(b)
	case protowire.Fixed32Type:
		v, n := protowire.ConsumeFixed32(b)
		return uint64(v), n
	default:
		return protowire.ConsumeFixed64(b)
	}
}

// fields calls visit for each field of a message.
func fields(b []byte, visit func(field) error) error {
	for len(b) > 0 {
		num, wire, tag := protowire.ConsumeTag(b)
		if tag < 0 {
			return protowire.ParseError(tag)
		}
		n := protowire.ConsumeFieldValue(num, wire, b[tag:])
		if n < 0 {
			return protowire.ParseError(n)
		}
		f := field{number: num, wire: wire, whole: b[:tag+n]}
		switch wire {
		case protowire.BytesType:
			f.bytes, _ = protowire.ConsumeBytes(b[tag:])
		case protowire.VarintType, protowire.Fixed32Type, protowire.Fixed64Type:
			f.value, _ = number(wire, b[tag:])
		}
		if err := visit(f); err != nil {
			return err
		}
		b = b[tag+n:]
	}
	return nil
}

// Describe formats a shape for people: [batch 3 224 224].
func (v Value) Describe() string {
	if v.Shape == nil {
		return "of unknown shape"
	}
	parts := make([]string, len(v.Shape))
	for i, d := range v.Shape {
		parts[i] = d.String()
	}
	return "[" + strings.Join(parts, " ") + "]"
}
