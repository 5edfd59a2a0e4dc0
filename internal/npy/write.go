package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"

	"golang.org/x/sys/cpu"

	"iconic/internal/atomicfile"
	"iconic/internal/half"
)

// Write writes a float32 array; the file appears completely or not at all. The product of shape must be len(x).
func Write(name string, shape []int, x []float32) error {
	return write(name, "<f4", shape, len(x), func(w io.Writer) error { return writeFloats(w, x) })
}

// WriteRows writes an n×d float32 matrix. fill computes the rows lo to hi−1 when they are needed, block by block in order.
func WriteRows(name string, n, d int, fill func(dst []float32, lo, hi int) error) error {
	return write(name, "<f4", []int{n, d}, n*d, func(w io.Writer) error {
		rows := max(1, chunk/max(1, d))
		x := make([]float32, min(n, rows)*d)
		for lo := 0; lo < n; lo += rows {
			hi := min(n, lo+rows)
			if err := fill(x[:(hi-lo)*d], lo, hi); err != nil {
				return err
			}
			if err := writeFloats(w, x[:(hi-lo)*d]); err != nil {
				return err
			}
		}
		return nil
	})
}

// WriteHalf is Write in float16, each element rounded to the nearest.
func WriteHalf(name string, shape []int, x []float32) error {
	return write(name, "<f2", shape, len(x), func(w io.Writer) error { return writeHalves(w, x) })
}

// WriteInts writes integers as int64, in one dimension.
func WriteInts(name string, x []int) error {
	return write(name, "<i8", []int{len(x)}, len(x), func(w io.Writer) error {
		b := make([]byte, 0, 8*len(x))
		for _, v := range x {
			b = binary.LittleEndian.AppendUint64(b, uint64(v))
		}
		_, err := w.Write(b)
		return err
	})
}

// Encode writes a float32 array, or a float16 one if halves is set, to w.
func Encode(w io.Writer, shape []int, x []float32, halves bool) error {
	descr, elements := "<f4", writeFloats
	if halves {
		descr, elements = "<f2", writeHalves
	}
	if err := writeHeader(w, descr, shape, len(x)); err != nil {
		return err
	}
	return elements(w, x)
}

func write(name, descr string, shape []int, n int, elements func(w io.Writer) error) error {
	return atomicfile.Write(name, func(w io.Writer) error {
		if err := writeHeader(w, descr, shape, n); err != nil {
			return err
		}
		return elements(w)
	})
}

// writeHeader writes format version 1, padded as NumPy does: the elements start at a multiple of 64 bytes.
func writeHeader(w io.Writer, descr string, shape []int, n int) error {
	h := header{descr: descr, shape: shape}
	size, err := h.check()
	if err != nil {
		return err
	}
	if size != n*elementSize[descr] {
		return fmt.Errorf("shape %v does not fit %d elements", shape, n)
	}
	var tuple strings.Builder
	for i, d := range shape {
		if i > 0 {
			tuple.WriteByte(' ')
		}
		fmt.Fprintf(&tuple, "%d,", d)
	}
	inner := tuple.String()
	if len(shape) > 1 {
		inner = strings.TrimSuffix(inner, ",") // NumPy writes (3,) and (3, 4)
	}
	dictionary := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, inner)
	const preface = len(magic) + 4
	length := (preface+len(dictionary)+1+63)/64*64 - preface
	if length > maxHeader {
		return fmt.Errorf("a shape of %d dimensions is too long", len(shape))
	}
	b := append([]byte(magic), 1, 0)
	b = binary.LittleEndian.AppendUint16(b, uint16(length))
	b = append(b, dictionary...)
	b = append(b, strings.Repeat(" ", length-len(dictionary)-1)...)
	_, err = w.Write(append(b, '\n'))
	return err
}

// chunk is the number of elements converted at a time.
const chunk = 1 << 14

func writeFloats(w io.Writer, x []float32) error {
	if !cpu.IsBigEndian {
		_, err := w.Write(floatBytes(x))
		return err
	}
	return writeChunks(w, x, 4, func(b []byte, v float32) { binary.LittleEndian.PutUint32(b, math.Float32bits(v)) })
}

func writeHalves(w io.Writer, x []float32) error {
	return writeChunks(w, x, 2, func(b []byte, v float32) { binary.LittleEndian.PutUint16(b, half.FromFloat32(v)) })
}

func writeChunks(w io.Writer, x []float32, size int, put func(b []byte, v float32)) error {
	b := make([]byte, size*min(len(x), chunk))
	for len(x) > 0 {
		n := min(len(x), chunk)
		for i, v := range x[:n] {
			put(b[size*i:], v)
		}
		if _, err := w.Write(b[:size*n]); err != nil {
			return err
		}
		x = x[n:]
	}
	return nil
}
