package onnx

import (
	"bytes"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
)

// Graphs nested in a node, such as the branches of an If, are preserved as read. They may use every value of the graph around them by its
// name, so these names are looked up, and changed, in their bytes.

// message is a kind of message on the way from an attribute to the names of values.
type message int

const (
	elsewhere message = iota // anything without names of values
	nameOfValue
	inAttribute
	inGraph
	inNode
	inTensor
	inSparseTensor
	inValue
)

// within says what a field of a message holds.
var within = map[message]map[protowire.Number]message{
	inAttribute:    {6: inGraph, 11: inGraph},
	inGraph:        {1: inNode, 5: inTensor, 11: inValue, 12: inValue, 13: inValue, 15: inSparseTensor},
	inNode:         {1: nameOfValue, 2: nameOfValue, 5: inAttribute},
	inTensor:       {8: nameOfValue},
	inSparseTensor: {1: inTensor},
	inValue:        {1: nameOfValue},
}

// deepest is how many messages may lie in one another: protobuf's own limit, beyond which no runtime reads a model.
const deepest = 100

// Nested calls visit with the names of all values in graphs nested in the node: their own, and those that they use of the graph around
// them, once for each mention. It fails if they are damaged.
func (n *Node) Nested(visit func(name string)) error {
	for _, a := range n.Attributes {
		if err := mentions(a.rest, inAttribute, deepest, visit); err != nil {
			return fmt.Errorf("node %q: attribute %q: %w", n.Name, a.Name, err)
		}
	}
	return nil
}

func mentions(b []byte, m message, depth int, visit func(name string)) error {
	if depth == 0 {
		return fmt.Errorf("graphs nested more than %d messages deep", deepest)
	}
	return fields(b, func(f field) error {
		switch inner := within[m][f.number]; {
		case inner == elsewhere || f.wire != protowire.BytesType:
			return nil
		case inner == nameOfValue:
			visit(string(f.bytes))
			return nil
		default:
			return mentions(f.bytes, inner, depth-1, visit)
		}
	})
}

// renameNested changes a name in all nested graphs of a node on which Nested succeeds.
func (n *Node) renameNested(from, to string) {
	for i := range n.Attributes {
		if a := &n.Attributes[i]; bytes.Contains(a.rest, []byte(from)) {
			a.rest = renamed(a.rest, inAttribute, from, to)
		}
	}
}

func renamed(b []byte, m message, from, to string) []byte {
	out := make([]byte, 0, len(b))
	_ = fields(b, func(f field) error { // the caller knows that they can be read
		inner := within[m][f.number]
		switch {
		case inner == elsewhere || f.wire != protowire.BytesType, inner == nameOfValue && string(f.bytes) != from:
			out = append(out, f.whole...)
			return nil
		case inner == nameOfValue:
			f.bytes = []byte(to)
		default:
			f.bytes = renamed(f.bytes, inner, from, to)
		}
		out = protowire.AppendBytes(protowire.AppendTag(out, f.number, protowire.BytesType), f.bytes)
		return nil
	})
	return out
}
