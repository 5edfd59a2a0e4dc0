package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"iconic/internal/half"
	"iconic/internal/regular"
)

// DType is the format's name of an element type.
type DType string

// The element types of the format that are whole bytes.
const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
	I32  DType = "I32"
	I16  DType = "I16"
	I8   DType = "I8"
	U64  DType = "U64"
	U32  DType = "U32"
	U16  DType = "U16"
	U8   DType = "U8"
	Bool DType = "BOOL"
)

// Size is the number of bytes of one element, 0 for an unknown type.
func (d DType) Size() int {
	switch d {
	case F64, I64, U64:
		return 8
	case F32, I32, U32:
		return 4
	case F16, BF16, I16, U16:
		return 2
	case I8, U8, Bool:
		return 1
	}
	return 0
}

// Info describes one tensor of a file. A tensor of shape [] has one element.
type Info struct {
	Name  string
	DType DType
	Shape []int

	offset int64 // from the start of the file
	bytes  int64
}

// Len is the number of elements.
func (i Info) Len() int { return int(i.bytes) / i.DType.Size() }

// File is an open safetensors file. Several goroutines may read it at once.
type File struct {
	Metadata map[string]string // the header's __metadata__; nil if there is none
	Tensors  []Info            // in the order of their bytes

	reader io.ReaderAt
	index  map[string]int
	close  func() error
}

// maxHeader is the format's own bound on the JSON header.
const maxHeader = 100_000_000

// Open reads the header of the file called name. Close it after use. Errors name the file.
func Open(name string) (*File, error) {
	r, stat, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	f, err := Read(r, stat.Size())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), r.Close())
	}
	f.close = r.Close
	return f, nil
}

// Read reads the header of r, which has size bytes; the File continues to read from r.
func Read(r io.ReaderAt, size int64) (*File, error) {
	var prefix [8]byte
	if _, err := r.ReadAt(prefix[:], 0); err != nil {
		return nil, fmt.Errorf("not a safetensors file: %d bytes are too few for its header's length", size)
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > maxHeader || int64(length) > size-8 {
		return nil, fmt.Errorf("not a safetensors file, or truncated: a header of %d bytes in a file of %d", length, size)
	}
	header := make([]byte, length)
	if _, err := r.ReadAt(header, 8); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("safetensors header: %w", err)
	}
	f := &File{reader: r, index: map[string]int{}, close: func() error { return nil }}
	if err := f.parse(header, 8+int64(length), size); err != nil {
		return nil, fmt.Errorf("safetensors header: %w", err)
	}
	return f, nil
}

// Close closes what Open opened.
func (f *File) Close() error { return f.close() }

// parse sets Metadata, Tensors and index. The data occupy [begin, end) of the file.
func (f *File) parse(header []byte, begin, end int64) error {
	d := json.NewDecoder(bytes.NewReader(header))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	for d.More() { // key by key, because a map would hide duplicate names
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string) // the decoder accepts only strings as keys
		if name == "__metadata__" {
			if f.Metadata != nil {
				return errors.New("__metadata__ occurs twice")
			}
			if err := d.Decode(&f.Metadata); err != nil {
				return fmt.Errorf("__metadata__: %w", err)
			}
			continue
		}
		var entry struct {
			DType   DType   `json:"dtype"`
			Shape   []int64 `json:"shape"`
			Offsets []int64 `json:"data_offsets"`
		}
		if err := d.Decode(&entry); err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		info, err := check(name, entry.DType, entry.Shape, entry.Offsets, end-begin)
		if err != nil {
			return err
		}
		info.offset += begin
		f.Tensors = append(f.Tensors, info)
	}
	if _, err := d.Token(); err != nil {
		return err
	}
	if rest, err := io.ReadAll(d.Buffered()); err != nil || len(bytes.TrimLeft(rest, " ")) > 0 {
		return errors.New("more than one JSON object")
	}
	return f.order(begin, end)
}

// check turns one entry of the header into an Info whose offset counts from the first tensor's byte.
func check(name string, dtype DType, shape, offsets []int64, available int64) (Info, error) {
	size := int64(dtype.Size())
	if size == 0 {
		return Info{}, fmt.Errorf("tensor %q: element type %q is not supported", name, dtype)
	}
	if len(offsets) != 2 || !(0 <= offsets[0] && offsets[0] <= offsets[1] && offsets[1] <= available) {
		return Info{}, fmt.Errorf("tensor %q: data_offsets %v do not lie within the %d bytes of data: the file is damaged or truncated", name, offsets, available)
	}
	if shape == nil {
		return Info{}, fmt.Errorf("tensor %q has no shape", name)
	}
	info := Info{Name: name, DType: dtype, Shape: make([]int, len(shape)), offset: offsets[0], bytes: offsets[1] - offsets[0]}
	need := size
	for i, n := range shape {
		if n < 0 || n > math.MaxInt32 || n > 0 && need > math.MaxInt64/n {
			return Info{}, fmt.Errorf("tensor %q: shape %v is out of range", name, shape)
		}
		need *= n
		info.Shape[i] = int(n)
	}
	if need != info.bytes {
		return Info{}, fmt.Errorf("tensor %q: shape %v of %s needs %d bytes, but has %d", name, shape, dtype, need, info.bytes)
	}
	return info, nil
}

// order sorts the tensors by offset and checks that they fill [begin, end) without overlap or gap, as the format requires: a file with
// unclaimed bytes was truncated, concatenated or hides something.
func (f *File) order(begin, end int64) error {
	slices.SortFunc(f.Tensors, func(a, b Info) int {
		return cmp.Or(cmp.Compare(a.offset, b.offset), cmp.Compare(a.bytes, b.bytes), cmp.Compare(a.Name, b.Name))
	})
	for i, t := range f.Tensors {
		if _, twice := f.index[t.Name]; twice {
			return fmt.Errorf("tensor %q occurs twice", t.Name)
		}
		if t.offset != begin {
			return fmt.Errorf("tensor %q begins at byte %d, want %d: tensors overlap or leave a gap", t.Name, t.offset, begin)
		}
		f.index[t.Name] = i
		begin += t.bytes
	}
	if begin != end {
		return fmt.Errorf("%d bytes after the last tensor", end-begin)
	}
	return nil
}

// Lookup describes the tensor called name.
func (f *File) Lookup(name string) (Info, error) {
	i, ok := f.index[name]
	if !ok {
		return Info{}, fmt.Errorf("no tensor %q in the file", name)
	}
	return f.Tensors[i], nil
}

// Raw reads the bytes of a tensor as stored in the file.
func (f *File) Raw(name string) ([]byte, error) {
	info, err := f.Lookup(name)
	if err != nil {
		return nil, err
	}
	b := make([]byte, info.bytes)
	if n, err := f.reader.ReadAt(b, info.offset); n < len(b) {
		return nil, fmt.Errorf("tensor %q: %w", name, err)
	}
	return b, nil
}

// Float32 reads a tensor of F32, F16, BF16 or F64 (rounded), in row-major order.
func (f *File) Float32(name string) ([]float32, error) {
	info, err := f.Lookup(name)
	if err != nil {
		return nil, err
	}
	b, err := f.Raw(name)
	if err != nil {
		return nil, err
	}
	x := make([]float32, info.Len())
	if err := Float32s(x, b, info.DType); err != nil {
		return nil, fmt.Errorf("tensor %q: %w", name, err)
	}
	return x, nil
}

// Float32s converts the little-endian bytes of len(dst) elements to float32. It fails on types that are not floating point.
func Float32s(dst []float32, b []byte, dtype DType) error {
	switch dtype {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:])))
		}
	case F16:
		for i := range dst {
			dst[i] = half.Float32(binary.LittleEndian.Uint16(b[2*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = half.BFloat32(binary.LittleEndian.Uint16(b[2*i:]))
		}
	default:
		return fmt.Errorf("element type %s, but a floating-point type is needed", dtype)
	}
	return nil
}

// Int64 reads a tensor of I64, I32, I16, I8, U32, U16, U8 or BOOL, in row-major order.
func (f *File) Int64(name string) ([]int64, error) {
	info, err := f.Lookup(name)
	if err != nil {
		return nil, err
	}
	b, err := f.Raw(name)
	if err != nil {
		return nil, err
	}
	at := map[DType]func(i int) int64{
		I64:  func(i int) int64 { return int64(binary.LittleEndian.Uint64(b[8*i:])) },
		I32:  func(i int) int64 { return int64(int32(binary.LittleEndian.Uint32(b[4*i:]))) },
		U32:  func(i int) int64 { return int64(binary.LittleEndian.Uint32(b[4*i:])) },
		I16:  func(i int) int64 { return int64(int16(binary.LittleEndian.Uint16(b[2*i:]))) },
		U16:  func(i int) int64 { return int64(binary.LittleEndian.Uint16(b[2*i:])) },
		I8:   func(i int) int64 { return int64(int8(b[i])) },
		U8:   func(i int) int64 { return int64(b[i]) },
		Bool: func(i int) int64 { return int64(b[i]) },
	}[info.DType]
	if at == nil {
		return nil, fmt.Errorf("tensor %q: element type %s, but an integer type is needed", name, info.DType)
	}
	x := make([]int64, info.Len())
	for i := range x {
		x[i] = at(i)
	}
	return x, nil
}
