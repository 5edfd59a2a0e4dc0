package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Model is an ONNX model.
type Model struct {
	IRVersion int64
	Producer  string
	Opsets    map[string]int64 // domain ("" is the standard one) → version
	Metadata  []Entry
	Graph     *Graph

	rest []byte // fields preserved as read
}

// Entry is one line of a model's metadata.
type Entry struct{ Key, Value string }

// Graph is a list of nodes in an order in which they can be computed, and their constant tensors.
type Graph struct {
	Name         string
	Nodes        []*Node
	Initializers []*Tensor
	Inputs       []Value
	Outputs      []Value

	rest []byte
}

// Node is one operation. An empty input name is an optional input left out.
type Node struct {
	Name       string
	Op         string
	Domain     string
	Inputs     []string
	Outputs    []string
	Attributes []Attribute

	rest []byte
}

// Attribute is a named constant of a node; Kind says which field is used.
type Attribute struct {
	Name   string
	Kind   AttributeKind
	Float  float32
	Int    int64
	String []byte
	Tensor *Tensor
	Floats []float32
	Ints   []int64

	rest []byte // graphs, lists of strings and the like
}

// AttributeKind is the format's number for the type of an attribute.
type AttributeKind int32

// The kinds that this package interprets.
const (
	KindFloat  AttributeKind = 1
	KindInt    AttributeKind = 2
	KindString AttributeKind = 3
	KindTensor AttributeKind = 4
	KindFloats AttributeKind = 6
	KindInts   AttributeKind = 7
)

// Int is an integer attribute.
func Int(name string, v int64) Attribute { return Attribute{Name: name, Kind: KindInt, Int: v} }

// Ints is an attribute of whole numbers.
func Ints(name string, v ...int64) Attribute { return Attribute{Name: name, Kind: KindInts, Ints: v} }

// Float is an attribute of one number.
func Float(name string, v float32) Attribute { return Attribute{Name: name, Kind: KindFloat, Float: v} }

// Attribute finds an attribute of a node by name; nil if there is none.
func (n *Node) Attribute(name string) *Attribute {
	for i := range n.Attributes {
		if n.Attributes[i].Name == name {
			return &n.Attributes[i]
		}
	}
	return nil
}

// Value describes an input or output of a graph.
type Value struct {
	Name  string
	Type  DataType
	Shape []Dim // nil if the model does not state it

	rest []byte
	raw  []byte // a type other than a dense tensor, as read
}

// Dim is one dimension: a size, or the name of a size known only at run time, or neither.
type Dim struct {
	Size int64 // 0 if it is not known; in a model that was read, never less
	Name string
}

func (d Dim) String() string {
	switch {
	case d.Name != "":
		return d.Name
	case d.Size > 0:
		return fmt.Sprint(d.Size)
	}
	return "?"
}

// DataType is the format's number for an element type.
type DataType int32

// The element types whose size this package knows.
const (
	Float32  DataType = 1
	Uint8    DataType = 2
	Int8     DataType = 3
	Uint16   DataType = 4
	Int16    DataType = 5
	Int32    DataType = 6
	Int64    DataType = 7
	String   DataType = 8
	Bool     DataType = 9
	Float16  DataType = 10
	Float64  DataType = 11
	Uint32   DataType = 12
	Uint64   DataType = 13
	BFloat16 DataType = 16
)

// Size is the number of bytes of an element, 0 if elements are not whole bytes or not of one size.
func (d DataType) Size() int64 {
	switch d {
	case Float64, Int64, Uint64:
		return 8
	case Float32, Int32, Uint32:
		return 4
	case Float16, BFloat16, Int16, Uint16:
		return 2
	case Int8, Uint8, Bool:
		return 1
	}
	return 0
}

// Tensor is a constant. Load returns its elements, row-major and little endian, in Bytes() bytes; it may be called more than once. A tensor
// of another kind (strings, four-bit integers) has a nil Load and is preserved as read.
type Tensor struct {
	Name  string
	Type  DataType
	Dims  []int64
	Load  func() ([]byte, error)
	Exact bool // not converted, whatever precision the weights get

	rest []byte
}

// Elements is the number of elements. It fails on a negative dimension and if the product overflows.
func (t *Tensor) Elements() (int64, error) {
	n := int64(1)
	for _, d := range t.Dims {
		if d < 0 || d > 0 && n > math.MaxInt64/16/d {
			return 0, fmt.Errorf("tensor %q: shape %v is out of range", t.Name, t.Dims)
		}
		n *= d
	}
	return n, nil
}

// Bytes is the number of bytes that Load returns.
func (t *Tensor) Bytes() (int64, error) {
	n, err := t.Elements()
	return n * t.Type.Size(), err
}

// Constant makes a tensor from bytes in memory.
func Constant(name string, kind DataType, data []byte, dims ...int64) *Tensor {
	return &Tensor{Name: name, Type: kind, Dims: dims, Load: func() ([]byte, error) { return data, nil }}
}

// Floats is the little-endian bytes of x.
func Floats(x []float32) []byte {
	b := make([]byte, 4*len(x))
	for i, v := range x {
		binary.LittleEndian.PutUint32(b[4*i:], math.Float32bits(v))
	}
	return b
}
