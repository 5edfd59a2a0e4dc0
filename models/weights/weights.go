package weights

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"

	"iconic/internal/instead"
	"iconic/internal/regular"
	"iconic/internal/safetensors"
)

// Tensor describes one tensor of a file.
type Tensor struct {
	Name  string
	Shape []int
}

// File is an open file of weights. Close it after use.
type File struct {
	Name     string
	Tensors  []Tensor          // in the order of the file
	Metadata map[string]string // of a safetensors file; nil if there is none

	read  func(name string) ([]float32, error)
	close func() error
}

// Open recognises the format by content, not by name. Errors name the file.
func Open(name string) (*File, error) { return OpenAs(name, name) }

// OpenAs is Open for a file under a temporary name; name is its final name, which errors use.
func OpenAs(file, name string) (*File, error) {
	if stat, err := os.Stat(file); err == nil && stat.IsDir() {
		return nil, fmt.Errorf("%s: a folder, but a file of weights is needed (.pth or .safetensors)", name)
	}
	r, stat, err := regular.Open(file)
	if err != nil {
		return nil, err
	}
	f, err := Read(name, r, stat.Size())
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	f.close = r.Close
	return f, nil
}

// Read is Open for size bytes of r; name is for errors.
func Read(name string, r io.ReaderAt, size int64) (*File, error) {
	f, err := recognise(r, size)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	f.Name = name
	f.close = func() error { return nil }
	return f, nil
}

func recognise(r io.ReaderAt, size int64) (*File, error) {
	var start [instead.HeadSize]byte
	n, err := r.ReadAt(start[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	switch head := start[:n]; {
	case n == 0:
		return nil, errors.New("the file is empty")
	case bytes.HasPrefix(head, []byte("PK")):
		return openTorch(r, size)
	case bytes.HasPrefix(head, []byte(legacyStart)):
		return openLegacy(r, size)
	case n > 8 && head[8] == '{':
		return openSafetensors(r, size)
	}
	if err := instead.Pointer(start[:n]); err != nil {
		return nil, err
	}
	return nil, errors.New("neither a .pth archive nor a safetensors file: it may be damaged, or an error page saved in place of the weights")
}

func openSafetensors(r io.ReaderAt, size int64) (*File, error) {
	s, err := safetensors.Read(r, size)
	if err != nil {
		return nil, err
	}
	f := &File{Metadata: s.Metadata, read: s.Float32}
	for _, info := range s.Tensors {
		if n := len(info.Name); n > maxName {
			return nil, fmt.Errorf("the name of a tensor, %q…, has %d bytes: want at most %d, so this is not a file of weights", info.Name[:40], n, maxName)
		}
		f.Tensors = append(f.Tensors, Tensor{info.Name, slices.Clone(info.Shape)})
	}
	return f, nil
}

// Read reads a tensor as float32, row-major. It fails on a tensor of integers, and on NaN or infinity: an encoder with such a weight cannot
// compute anything.
func (f *File) Read(name string) ([]float32, error) {
	x, err := f.ReadRaw(name)
	if err != nil {
		return nil, err
	}
	for i, v := range x {
		if v-v != 0 { // NaN and ±Inf
			return nil, fmt.Errorf("%s: tensor %q: element %d is %g: the weights are damaged", f.Name, name, i, float64(v))
		}
	}
	return x, nil
}

// ReadRaw is Read for a tensor with arbitrary values.
func (f *File) ReadRaw(name string) ([]float32, error) {
	if f.read == nil {
		return nil, errors.New("the file of weights is not open: Open opens one")
	}
	x, err := f.read(name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	return x, nil
}

// Close closes the file.
func (f *File) Close() error {
	if f.close == nil {
		return nil
	}
	return f.close()
}

// elements is the product of shape. It fails on negative sizes and on more elements than an int32 index can reach times the widest type,
// which no encoder has.
func elements(shape []int) (int64, error) {
	n := int64(1)
	for _, d := range shape {
		if d < 0 || d > math.MaxInt32 || d > 0 && n > math.MaxInt32*8/int64(d) {
			return 0, fmt.Errorf("shape %v is out of range", shape)
		}
		n *= int64(d)
	}
	return n, nil
}
