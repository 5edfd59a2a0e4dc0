package onnx

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"iconic/internal/atomicfile"
	"iconic/internal/onnxfiles"
	"iconic/internal/regular"
)

const (
	// maxMessage is what a protobuf reader accepts: 2 GiB, minus space for the graph itself.
	maxMessage = 1<<31 - 1<<24
	// externalFrom is the size from which a tensor of a large model moves to external data; smaller ones stay where ONNX Runtime's shape
	// inference can see them.
	externalFrom = 1 << 10
	// externalAlign allows readers to map tensors into memory.
	externalAlign = 4096
)

// errNothing refuses to write a model without a graph.
var errNothing = errors.New("there is no model to write")

// WriteFile writes the model to the file called name, which appears completely or not at all; until it does, an earlier file with that name
// stays unchanged. If the model's tensors exceed the limit of one file (2 GB), they go to a file of external data: name+".data", or
// name+"_data" if the first name is in use.
func WriteFile(name string, m *Model) error { return writeFile(name, m, nil, maxMessage) }

// WriteProved is WriteFile for a model that takes its name only once prove has found no fault in it. prove gets the path of the whole model
// in a temporary folder; if it fails, nothing is left of the model and an earlier file called name stays unchanged.
func WriteProved(name string, m *Model, prove func(file string) error) error {
	return writeFile(name, m, prove, maxMessage)
}

func writeFile(name string, m *Model, prove func(file string) error, limit int64) (err error) {
	if m == nil || m.Graph == nil {
		return fmt.Errorf("write %s: %w", name, errNothing)
	}
	place, err := layOut(m, limit)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	folder := filepath.Dir(name)
	// A rename cannot cross file systems, and the model refers to its data by the same name in either folder.
	temporary, remove, err := atomicfile.Folder(folder)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	defer func() { err = errors.Join(err, remove()) }()
	data := ""
	if len(place) > 0 {
		if data, err = freeData(name); err != nil {
			return err
		}
	}
	draft := filepath.Join(temporary, filepath.Base(name))
	if err := writeDraft(draft, filepath.Base(data), m, place); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if prove != nil {
		if err := prove(draft); err != nil {
			return err
		}
	}
	old := dataOf(name) // before the model that names them is replaced
	if data != "" {
		if err := atomicfile.Publish(temporary, filepath.Base(data), filepath.Base(name)); err != nil {
			return err
		}
	}
	if err := os.Rename(draft, name); err != nil {
		if link := (*os.LinkError)(nil); errors.As(err, &link) {
			err = link.Err // nobody has given the draft's name
		}
		if data != "" {
			err = errors.Join(err, os.Remove(data)) // useless alone
		}
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := atomicfile.SyncFolder(folder); err != nil {
		return err
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil {
			return fmt.Errorf("%s is written, but the data of the earlier model could not be removed: %w", name, err)
		}
	}
	return nil
}

// writeDraft writes the model to a file, and the tensors in place to the file with the base name data beside it.
func writeDraft(file, data string, m *Model, place map[*Tensor]int64) error {
	if len(place) > 0 {
		err := atomicfile.Write(filepath.Join(filepath.Dir(file), data), func(w io.Writer) error { return writeExternal(w, m, place) })
		if err != nil {
			return err
		}
	}
	e, err := encode(m, data, place)
	if err != nil {
		return err
	}
	if err := atomicfile.Write(file, e.writeTo); err != nil {
		return err
	}
	return selfContained(file, data)
}

// selfContained refuses a model that reads files other than data: those of tensors that were preserved as read, for example in nested
// graphs, and whose data stay beside the original model.
func selfContained(file, data string) error {
	f, stat, err := regular.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	locations, err := onnxfiles.Locations(f, stat.Size())
	if err != nil {
		return err
	}
	for _, location := range locations {
		if location != data {
			return fmt.Errorf("tensors in nested graphs, or of unsupported kinds, are in external data (%q): save the model with those tensors in its own file first", location)
		}
	}
	return nil
}

// dataNames are the names that this package gives to external data.
func dataNames(name string) []string { return []string{name + ".data", name + "_data"} }

// freeData is the first unused name for external data.
func freeData(name string) (string, error) {
	for _, file := range dataNames(name) {
		if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
			return file, nil
		} else if err != nil {
			return "", err
		}
	}
	return "", fmt.Errorf("%s.data and %[1]s_data both exist, but the model needs one of the names: move one away, or write the model elsewhere", name)
}

// dataOf lists the files of external data of the model called name that have a name given by this package; none if the model does not exist
// or cannot be read.
func dataOf(name string) []string {
	files, err := onnxfiles.Files(name)
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(files, func(file string) bool { return !slices.Contains(dataNames(filepath.Clean(name)), file) })
}

// Write writes the model as one message, which must not exceed 2 GB.
func Write(w io.Writer, m *Model) error {
	if m == nil || m.Graph == nil {
		return errNothing
	}
	e, err := encode(m, "", nil)
	if err != nil {
		return err
	}
	if e.size > math.MaxInt32 {
		return fmt.Errorf("a model of %d bytes exceeds the limit of one ONNX file: write it to a file, which stores its tensors in a second one", e.size)
	}
	return e.writeTo(w)
}

// layOut gives every large tensor of a model above the limit its offset in the external data.
func layOut(m *Model, limit int64) (map[*Tensor]int64, error) {
	var total, offset int64
	place := map[*Tensor]int64{}
	for _, t := range m.Graph.Initializers {
		if t.Load == nil {
			continue
		}
		n, err := t.Bytes()
		if err != nil {
			return nil, err
		}
		total += n
		if n >= externalFrom {
			place[t] = offset
			offset += (n + externalAlign - 1) / externalAlign * externalAlign
		}
	}
	if total <= limit {
		return nil, nil
	}
	return place, nil
}

func writeExternal(w io.Writer, m *Model, place map[*Tensor]int64) error {
	var at int64
	for _, t := range m.Graph.Initializers { // in the order of layOut
		offset, ok := place[t]
		if !ok {
			continue
		}
		if _, err := w.Write(make([]byte, offset-at)); err != nil {
			return err
		}
		b, err := load(t)
		if err != nil {
			return err
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		at = offset + int64(len(b))
	}
	return nil
}

// load is t.Load with the length checked: a wrong one would shift everything after it.
func load(t *Tensor) ([]byte, error) {
	want, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	b, err := t.Load()
	if err != nil {
		return nil, err
	}
	if int64(len(b)) != want {
		return nil, fmt.Errorf("tensor %q: %d bytes do not fill shape %v of %d-byte elements", t.Name, len(b), t.Dims, t.Type.Size())
	}
	return b, nil
}

// encoding is a message in pieces: bytes, and tensors whose bytes are computed when it is written.
type encoding struct {
	pieces []piece
	size   int64
}

type piece struct {
	bytes  []byte
	tensor *Tensor
}

func (e *encoding) writeTo(w io.Writer) error {
	for _, p := range e.pieces {
		b := p.bytes
		if p.tensor != nil {
			var err error
			if b, err = load(p.tensor); err != nil {
				return err
			}
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}

func (e *encoding) add(b []byte) {
	if len(b) == 0 {
		return
	}
	if n := len(e.pieces); n > 0 && e.pieces[n-1].tensor == nil {
		e.pieces[n-1].bytes = append(e.pieces[n-1].bytes, b...)
	} else {
		e.pieces = append(e.pieces, piece{bytes: slices.Clone(b)})
	}
	e.size += int64(len(b))
}

// message adds a field that is itself a message.
func (e *encoding) message(field protowire.Number, inner *encoding) {
	e.add(protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.BytesType), uint64(inner.size)))
	for _, p := range inner.pieces {
		if p.tensor == nil {
			e.add(p.bytes)
		} else {
			e.pieces = append(e.pieces, p)
		}
	}
	e.size += inner.tensorBytes()
}

func (e *encoding) tensorBytes() int64 {
	var n int64
	for _, p := range e.pieces {
		if p.tensor != nil {
			b, _ := p.tensor.Bytes() // checked when the tensor was encoded
			n += b
		}
	}
	return n
}

func (e *encoding) text(field protowire.Number, s string) {
	if s != "" {
		e.add(protowire.AppendString(protowire.AppendTag(nil, field, protowire.BytesType), s))
	}
}

// element adds an item to a list of strings; it may be empty.
func (e *encoding) element(field protowire.Number, s string) {
	e.add(protowire.AppendString(protowire.AppendTag(nil, field, protowire.BytesType), s))
}

func (e *encoding) varint(field protowire.Number, v int64) {
	e.add(protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), uint64(v)))
}

func encode(m *Model, location string, place map[*Tensor]int64) (*encoding, error) {
	e := &encoding{}
	e.varint(1, m.IRVersion)
	e.text(2, m.Producer)
	g, err := encodeGraph(m.Graph, location, place)
	if err != nil {
		return nil, err
	}
	e.message(7, g)
	for _, domain := range slices.Sorted(maps.Keys(m.Opsets)) {
		o := &encoding{}
		o.text(1, domain)
		o.varint(2, m.Opsets[domain])
		e.message(8, o)
	}
	for _, entry := range m.Metadata {
		e.message(14, encodeEntry(entry))
	}
	e.add(m.rest)
	return e, nil
}

func encodeEntry(entry Entry) *encoding {
	e := &encoding{}
	e.text(1, entry.Key)
	e.text(2, entry.Value)
	return e
}

func encodeGraph(g *Graph, location string, place map[*Tensor]int64) (*encoding, error) {
	e := &encoding{}
	for _, n := range g.Nodes {
		inner, err := encodeNode(n)
		if err != nil {
			return nil, err
		}
		e.message(1, inner)
	}
	e.text(2, g.Name)
	for _, t := range g.Initializers {
		inner, err := encodeTensor(t, location, place)
		if err != nil {
			return nil, err
		}
		e.message(5, inner)
	}
	for _, v := range g.Inputs {
		e.message(11, encodeValue(v))
	}
	for _, v := range g.Outputs {
		e.message(12, encodeValue(v))
	}
	e.add(g.rest)
	return e, nil
}

func encodeNode(n *Node) (*encoding, error) {
	e := &encoding{}
	for _, s := range n.Inputs {
		e.element(1, s)
	}
	for _, s := range n.Outputs {
		e.element(2, s)
	}
	e.text(3, n.Name)
	e.text(4, n.Op)
	for _, a := range n.Attributes {
		inner, err := encodeAttribute(a)
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", n.Name, err)
		}
		e.message(5, inner)
	}
	e.text(7, n.Domain)
	e.add(n.rest)
	return e, nil
}

func encodeAttribute(a Attribute) (*encoding, error) {
	e := &encoding{}
	e.text(1, a.Name)
	switch a.Kind {
	case KindFloat:
		e.add(protowire.AppendFixed32(protowire.AppendTag(nil, 2, protowire.Fixed32Type), math.Float32bits(a.Float)))
	case KindInt:
		e.varint(3, a.Int)
	case KindString:
		e.element(4, string(a.String))
	case KindTensor:
		t, err := encodeTensor(a.Tensor, "", nil)
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", a.Name, err)
		}
		e.message(5, t)
	case KindFloats:
		for _, f := range a.Floats {
			e.add(protowire.AppendFixed32(protowire.AppendTag(nil, 7, protowire.Fixed32Type), math.Float32bits(f)))
		}
	case KindInts:
		for _, i := range a.Ints {
			e.varint(8, i)
		}
	}
	e.varint(20, int64(a.Kind))
	e.add(a.rest)
	return e, nil
}

func encodeTensor(t *Tensor, location string, place map[*Tensor]int64) (*encoding, error) {
	e := &encoding{}
	for _, d := range t.Dims {
		e.varint(1, d)
	}
	e.varint(2, int64(t.Type))
	e.text(8, t.Name)
	e.add(t.rest)
	if t.Load == nil {
		return e, nil
	}
	size, err := t.Bytes()
	if err != nil {
		return nil, err
	}
	if offset, ok := place[t]; ok {
		for _, entry := range []Entry{{"location", location}, {"offset", fmt.Sprint(offset)}, {"length", fmt.Sprint(size)}} {
			e.message(13, encodeEntry(entry))
		}
		e.varint(14, 1)
		return e, nil
	}
	e.add(protowire.AppendVarint(protowire.AppendTag(nil, 9, protowire.BytesType), uint64(size)))
	e.pieces = append(e.pieces, piece{tensor: t})
	e.size += size
	return e, nil
}

func encodeValue(v Value) *encoding {
	e := &encoding{}
	e.text(1, v.Name)
	if v.raw != nil {
		e.add(v.raw)
	} else {
		tensor, kind := &encoding{}, &encoding{}
		tensor.varint(1, int64(v.Type))
		if v.Shape != nil {
			shape := &encoding{}
			for _, d := range v.Shape {
				dim := &encoding{}
				if d.Name != "" {
					dim.text(2, d.Name)
				} else if d.Size > 0 {
					dim.varint(1, d.Size)
				}
				shape.message(1, dim)
			}
			tensor.message(2, shape)
		}
		kind.message(1, tensor)
		e.message(2, kind)
	}
	e.add(v.rest)
	return e
}
