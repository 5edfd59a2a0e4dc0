package safetensors

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"

	"iconic/internal/atomicfile"
)

// Tensor is one tensor to write: its elements in row-major order, little endian.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte
}

// FromFloat32 makes an F32 tensor. The product of shape must be len(x).
func FromFloat32(name string, x []float32, shape ...int) Tensor {
	b := make([]byte, 0, 4*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return Tensor{Name: name, DType: F32, Shape: shape, Data: b}
}

// FromInt64 makes an I64 tensor. The product of shape must be len(x).
func FromInt64(name string, x []int64, shape ...int) Tensor {
	b := make([]byte, 0, 8*len(x))
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return Tensor{Name: name, DType: I64, Shape: shape, Data: b}
}

// WriteFile writes tensors and metadata to the file called name, which appears completely or not at all.
func WriteFile(name string, tensors []Tensor, metadata map[string]string) error {
	return atomicfile.Write(name, func(w io.Writer) error { return Write(w, tensors, metadata) })
}

// Write writes tensors, widest elements first and then by name, so that each lies at a multiple of its element size and equal tensors give
// equal bytes. It fails, before the first byte, on a repeated name and on data that do not fit their shape.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	tensors = slices.Clone(tensors)
	slices.SortFunc(tensors, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.DType.Size(), a.DType.Size()), cmp.Compare(a.Name, b.Name))
	})
	header, err := encodeHeader(tensors, metadata)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	for _, t := range tensors {
		if _, err := w.Write(t.Data); err != nil {
			return err
		}
	}
	return nil
}

// encodeHeader writes a JSON object, padded to a multiple of eight bytes.
func encodeHeader(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	o := &object{}
	if len(metadata) > 0 {
		if err := o.add("__metadata__", metadata); err != nil {
			return nil, err
		}
	}
	type entry struct {
		DType   DType    `json:"dtype"`
		Shape   []int    `json:"shape"`
		Offsets [2]int64 `json:"data_offsets"`
	}
	seen := map[string]bool{"__metadata__": true}
	var offset int64
	for _, t := range tensors {
		if seen[t.Name] {
			return nil, fmt.Errorf("the tensor name %q is in use", t.Name)
		}
		seen[t.Name] = true
		end := offset + int64(len(t.Data))
		shape := append([]int{}, t.Shape...) // [] rather than null
		wide := make([]int64, len(shape))
		for i, n := range shape {
			wide[i] = int64(n)
		}
		if _, err := check(t.Name, t.DType, wide, []int64{offset, end}, end); err != nil {
			return nil, err
		}
		if err := o.add(t.Name, entry{t.DType, shape, [2]int64{offset, end}}); err != nil {
			return nil, err
		}
		offset = end
	}
	header := append([]byte{'{'}, append(o.members, '}')...)
	for len(header)%8 != 0 {
		header = append(header, ' ')
	}
	return header, nil
}

// object is a JSON object whose members stay in the order in which they are added.
type object struct{ members []byte }

func (o *object) add(name string, value any) error {
	key, err := json.Marshal(name)
	if err != nil {
		return err
	}
	content, err := json.Marshal(value)
	if err != nil {
		return err
	}
	if len(o.members) > 0 {
		o.members = append(o.members, ',')
	}
	o.members = append(append(append(o.members, key...), ':'), content...)
	return nil
}
