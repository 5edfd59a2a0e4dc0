package npy

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime/debug"
	"unsafe"

	"github.com/edsrzf/mmap-go"
	"golang.org/x/sys/cpu"

	"iconic/internal/kernel"
	"iconic/internal/regular"
)

// File is a mapped array: Len rows of Dim elements. It may be read by several goroutines at once.
type File struct {
	Shape []int  // one dimension or more
	DType string // "float32", …, as NumPy names it

	name   string
	mapped mmap.MMap
	descr  string
	data   []byte // the elements, row-major
	dim    int

	opened *opened
}

// Open maps the array in the file called name. Close it after use. Errors name the file.
func Open(name string) (*File, error) {
	f, err := open(name)
	if err != nil {
		var path *os.PathError // it names the file itself
		if errors.As(err, &path) {
			return nil, err
		}
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return f, nil
}

func open(name string) (_ *File, err error) {
	r, stat, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }() // the map remains valid
	if stat.Size() < 10 {
		return nil, errors.New("not a .npy file")
	}
	mapped, err := mmap.Map(r, mmap.RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("map into memory: %w", err)
	}
	f := &File{name: name, mapped: mapped, opened: newOpened(stat)}
	if err := f.guard(func() error { return f.parse() }); err != nil {
		return nil, errors.Join(err, mapped.Unmap())
	}
	return f, nil
}

func (f *File) parse() error {
	h, offset, err := parse(f.mapped)
	if err != nil {
		return err
	}
	f.Shape, f.DType, f.descr, f.data = h.shape, dtypeName[h.descr], h.descr, f.mapped[offset:]
	f.dim = 1
	for _, n := range h.shape[1:] {
		f.dim *= n
	}
	return nil
}

// Close unmaps the file, which must not be read afterwards.
func (f *File) Close() error {
	f.data = nil
	return f.mapped.Unmap()
}

// WriteTo writes the whole file as stored on disk, including the header.
func (f *File) WriteTo(w io.Writer) (n int64, err error) {
	err = f.guard(func() error {
		written, err := w.Write(f.mapped)
		n = int64(written)
		return err
	})
	return n, err
}

// Len is the number of rows.
func (f *File) Len() int { return f.Shape[0] }

// Dim is the number of elements per row: the product of all dimensions except the first.
func (f *File) Dim() int { return f.dim }

// Block reads rows [lo, hi) into dst, of length (hi−lo)×Dim. Floats of any width are converted to float32; integers are refused. It fails with
// ErrChanged if the file is no longer as it was opened (see Unchanged).
func (f *File) Block(dst []float32, lo, hi int) error {
	if lo < 0 || hi < lo || hi > f.Len() || len(dst) != (hi-lo)*f.dim {
		return fmt.Errorf("%s: rows [%d, %d) of %d×%d do not fit a slice of length %d", f.name, lo, hi, f.Len(), f.dim, len(dst))
	}
	if err := f.Elements(dst, lo*f.dim); err != nil {
		return err
	}
	return f.Unchanged()
}

// Gather reads the given rows into dst, of length len(rows)×Dim, as Block does.
func (f *File) Gather(dst []float32, rows []int32) error {
	if len(dst) != len(rows)*f.dim {
		return fmt.Errorf("%s: %d rows of %d do not fit a slice of length %d", f.name, len(rows), f.dim, len(dst))
	}
	for _, r := range rows {
		if r < 0 || int(r) >= f.Len() {
			return fmt.Errorf("%s: row %d of %d", f.name, r, f.Len())
		}
	}
	err := f.guard(func() error {
		for i, r := range rows {
			if err := f.widen(dst[i*f.dim:(i+1)*f.dim], int(r)*f.dim); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return f.Unchanged()
}

// Elements reads len(dst) elements in row-major order, starting at offset.
func (f *File) Elements(dst []float32, offset int) error {
	if total := f.Len() * f.dim; offset < 0 || offset > total || len(dst) > total-offset {
		return fmt.Errorf("%s: elements [%d, %d) of %d", f.name, offset, offset+len(dst), total)
	}
	return f.guard(func() error { return f.widen(dst, offset) })
}

// Doubles reads len(dst) elements of a float64 array in row-major order, starting at offset, without rounding them.
func (f *File) Doubles(dst []float64, offset int) error {
	total := f.Len() * f.dim
	switch {
	case f.descr != "<f8":
		return fmt.Errorf("%s: elements are %s, not float64", f.name, f.DType)
	case offset < 0 || offset > total || len(dst) > total-offset:
		return fmt.Errorf("%s: elements [%d, %d) of %d", f.name, offset, offset+len(dst), total)
	}
	return f.guard(func() error {
		src := f.data[8*offset : 8*(offset+len(dst))]
		for i := range dst {
			dst[i] = math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:]))
		}
		return nil
	})
}

// guard turns the fault caused by reading a map beyond the end of its file into an error.
func (f *File) guard(read func() error) (err error) {
	if f.mapped == nil {
		return fmt.Errorf("%s: the file is closed: read it before", f.name)
	}
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if _, fault := r.(interface{ Addr() uintptr }); !fault {
				panic(r)
			}
			err = fmt.Errorf("%s: the file was truncated, or can no longer be read", f.name)
		}
	}()
	return read()
}

// widen converts len(dst) elements, starting at offset.
func (f *File) widen(dst []float32, offset int) error {
	switch f.descr {
	case "<f4":
		copyFloats(dst, f.data[4*offset:4*(offset+len(dst))])
	case "<f2":
		kernel.Widen(dst, f.data[2*offset:2*(offset+len(dst))])
	case "<f8":
		src := f.data[8*offset : 8*(offset+len(dst))]
		for i := range dst {
			dst[i] = float32(math.Float64frombits(binary.LittleEndian.Uint64(src[8*i:])))
		}
	default:
		return fmt.Errorf("%s: elements are %s, but floats are needed: save it with x.astype('float32')", f.name, f.DType)
	}
	return nil
}

// copyFloats reads little-endian floats: with a single copy if the processor has the same byte order.
func copyFloats(dst []float32, src []byte) {
	if !cpu.IsBigEndian {
		copy(floatBytes(dst), src)
		return
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(src[4*i:]))
	}
}

// floatBytes is the memory of x.
func floatBytes(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), 4*len(x))
}

// ReadInts reads an array of one dimension, or of several of which all but the first are 1: integers of any width, booleans as 0 and 1, or
// floats of any width that are whole numbers. Errors name the file.
func ReadInts(name string) (x []int, err error) {
	x, _, err = readInts(name, false)
	return x, err
}

// ReadSomeInts is ReadInts for floats of which some are NaN; missing says for which elements that is so.
func ReadSomeInts(name string) (x []int, missing []bool, err error) { return readInts(name, true) }

func readInts(name string, some bool) (x []int, missing []bool, err error) {
	f, err := Open(name)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if f.dim != 1 {
		return nil, nil, fmt.Errorf("%s: shape %v, but one number per row is needed", name, f.Shape)
	}
	at, err := f.integers()
	if err != nil {
		return nil, nil, err
	}
	x, missing = make([]int, f.Len()), make([]bool, f.Len())
	err = f.guard(func() error {
		for i := range x {
			v, ok := at(i)
			if missing[i] = some && f.isNaN(i); missing[i] {
				continue
			}
			if !ok {
				return fmt.Errorf("%s: element %d is not a whole number, or does not fit an int", name, i)
			}
			x[i] = v
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return x, missing, nil
}

// isNaN reports whether an element is not a number.
func (f *File) isNaN(i int) bool {
	switch f.descr {
	case "<f2":
		v := f.half(i)
		return v != v
	case "<f4":
		v := math.Float32frombits(binary.LittleEndian.Uint32(f.data[4*i:]))
		return v != v
	case "<f8":
		return math.IsNaN(math.Float64frombits(binary.LittleEndian.Uint64(f.data[8*i:])))
	}
	return false
}

// half is an element of a float16 array.
func (f *File) half(i int) float32 {
	var v [1]float32
	kernel.Widen(v[:], f.data[2*i:2*i+2])
	return v[0]
}

// integers returns the reader of one element; its result ok is false if the value exceeds an int.
func (f *File) integers() (at func(i int) (v int, ok bool), err error) {
	order, data := binary.LittleEndian, f.data
	switch f.descr {
	case "|i1":
		return func(i int) (int, bool) { return int(int8(data[i])), true }, nil
	case "|u1", "|b1":
		return func(i int) (int, bool) { return int(data[i]), true }, nil
	case "<i2":
		return func(i int) (int, bool) { return int(int16(order.Uint16(data[2*i:]))), true }, nil
	case "<u2":
		return func(i int) (int, bool) { return int(order.Uint16(data[2*i:])), true }, nil
	case "<i4":
		return func(i int) (int, bool) { return int(int32(order.Uint32(data[4*i:]))), true }, nil
	case "<u4":
		return func(i int) (int, bool) { v := order.Uint32(data[4*i:]); return int(v), uint64(v) <= math.MaxInt }, nil
	case "<i8":
		return func(i int) (int, bool) { v := int64(order.Uint64(data[8*i:])); return int(v), int64(int(v)) == v }, nil
	case "<f2":
		return func(i int) (int, bool) { return whole(float64(f.half(i))) }, nil
	case "<f4":
		return func(i int) (int, bool) { return whole(float64(math.Float32frombits(order.Uint32(data[4*i:])))) }, nil
	case "<f8":
		return func(i int) (int, bool) { return whole(math.Float64frombits(order.Uint64(data[8*i:]))) }, nil
	case "<u8":
		return func(i int) (int, bool) { v := order.Uint64(data[8*i:]); return int(v), v <= math.MaxInt }, nil
	}
	return nil, fmt.Errorf("%s: elements are %s, but integers are needed: save it with x.astype('int64')", f.name, f.DType)
}

// whole converts a float that is a whole number; ok is false for others, and beyond 2⁵³.
func whole(v float64) (n int, ok bool) {
	return int(v), v == math.Trunc(v) && math.Abs(v) < 1<<53
}
