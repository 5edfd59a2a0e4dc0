package onnxfiles

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// kind is an ONNX message that may contain tensors.
type kind int

const (
	model kind = iota
	training
	function
	graph
	node
	attribute
	sparse
	tensor
)

// inside lists the fields that lead to tensors, by their numbers in onnx.proto.
var inside = map[kind]map[protowire.Number]kind{
	model:     {7: graph, 20: training, 25: function},
	training:  {1: graph, 2: graph},
	function:  {7: node, 11: attribute},
	graph:     {1: node, 5: tensor, 15: sparse},
	node:      {5: attribute},
	attribute: {5: tensor, 6: graph, 10: tensor, 11: graph, 22: sparse, 23: sparse},
	sparse:    {1: tensor, 2: tensor},
}

const (
	// maxDepth bounds the nesting of messages; readers of protocol buffers commonly stop at 100.
	maxDepth = 100
	// maxEntry bounds an entry of external_data in bytes: more than any file system allows for a path.
	maxEntry = 1 << 16
)

// errForm says that the data are not a message.
var errForm = errors.New("it is not a protocol buffer message, or is truncated: replace it with a whole copy")

// Locations lists the locations of external data named by a model of size bytes, each once, in order of appearance. A location is a path
// relative to the model's folder, as written in the model; Locate says whether it may be read.
func Locations(r io.Reader, size int64) ([]string, error) {
	s := scanner{r: bufio.NewReaderSize(r, 1<<16), seen: map[string]bool{}}
	s.source, _ = r.(io.ReadSeeker)
	if err := s.walk(model, size, 0); err != nil {
		return nil, fmt.Errorf("not an ONNX model: %w", err)
	}
	return s.found, nil
}

// scanner reads messages from a stream.
type scanner struct {
	r      *bufio.Reader
	source io.ReadSeeker // the source of r if it supports seeking; otherwise nil
	at     int64         // bytes read or skipped
	found  []string
	seen   map[string]bool
}

// field is one field of a message. For a field with a length, only the length has been read.
type field struct {
	number protowire.Number
	value  uint64 // value of a varint
	end    int64  // end of a field with a length; 0 for others
}

// fields calls visit for each field of the message that ends at end. What visit does not read of a field is skipped.
func (s *scanner) fields(end int64, visit func(field) error) error {
	for s.at < end {
		tag, err := s.varint(end)
		if err != nil {
			return err
		}
		number, wire := protowire.DecodeTag(tag)
		if number < protowire.MinValidNumber {
			return errForm
		}
		f := field{number: number}
		stop := s.at
		switch wire {
		case protowire.VarintType:
			if f.value, err = s.varint(end); err != nil {
				return err
			}
			stop = s.at
		case protowire.Fixed32Type:
			stop += 4
		case protowire.Fixed64Type:
			stop += 8
		case protowire.BytesType:
			length, err := s.varint(end)
			if err != nil {
				return err
			}
			if length > uint64(end-s.at) {
				return errForm
			}
			f.end = s.at + int64(length)
			stop = f.end
		default:
			return errForm
		}
		if stop > end {
			return errForm
		}
		if err := visit(f); err != nil {
			return err
		}
		if err := s.skip(stop - s.at); err != nil {
			return err
		}
	}
	return nil
}

// varint reads a varint that ends before end.
func (s *scanner) varint(end int64) (uint64, error) {
	overflow := s.at + binary.MaxVarintLen64
	v, err := binary.ReadUvarint(s)
	if s.at > end || s.at == overflow && err != nil {
		return 0, errForm
	}
	return v, form(err)
}

// form converts the error of reading past the end of a message to errForm.
func form(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errForm
	}
	return err
}

// ReadByte reads a byte and counts it.
func (s *scanner) ReadByte() (byte, error) {
	b, err := s.r.ReadByte()
	if err == nil {
		s.at++
	}
	return b, err
}

// skip skips n bytes.
func (s *scanner) skip(n int64) error {
	s.at += n
	if unread := n - int64(s.r.Buffered()); s.source != nil && unread > 0 {
		_, err := s.source.Seek(unread, io.SeekCurrent)
		s.r.Reset(s.source)
		return err
	}
	for n > 0 {
		k, err := s.r.Discard(int(min(n, math.MaxInt32)))
		if err != nil {
			return form(err)
		}
		n -= int64(k)
	}
	return nil
}

// walk visits the tensors in a message of the given kind.
func (s *scanner) walk(k kind, end int64, depth int) error {
	if depth == maxDepth {
		return fmt.Errorf("its graphs are nested more than %d deep", maxDepth)
	}
	if k == tensor {
		return s.tensor(end)
	}
	return s.fields(end, func(f field) error {
		inner, holds := inside[k][f.number]
		if !holds || f.end == 0 {
			return nil
		}
		return s.walk(inner, f.end, depth+1)
	})
}

// tensor records the location of a tensor with external data.
func (s *scanner) tensor(end int64) error {
	location, external := "", false
	err := s.fields(end, func(f field) error {
		switch {
		case f.number == 14:
			external = f.value == 1
		case f.number == 13 && f.end > 0:
			key, value, err := s.entry(f.end)
			if key == "location" {
				location = value
			}
			return err
		}
		return nil
	})
	if err == nil && external && !s.seen[location] {
		s.seen[location] = true
		s.found = append(s.found, location)
	}
	return err
}

// entry reads a key and its value.
func (s *scanner) entry(end int64) (key, value string, err error) {
	if end-s.at > maxEntry {
		return "", "", fmt.Errorf("an entry of external data has %d bytes: want at most %d", end-s.at, maxEntry)
	}
	err = s.fields(end, func(f field) error {
		if f.end == 0 {
			return nil
		}
		b := make([]byte, f.end-s.at)
		n, err := io.ReadFull(s.r, b)
		s.at += int64(n)
		if err != nil {
			return form(err)
		}
		switch f.number {
		case 1:
			key = string(b)
		case 2:
			value = string(b)
		}
		return nil
	})
	return key, value, err
}
