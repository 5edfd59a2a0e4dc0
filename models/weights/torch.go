package weights

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"iconic/internal/safetensors"
)

// storages are PyTorch's storage classes and the types of their elements.
var storages = map[string]safetensors.DType{
	"FloatStorage": safetensors.F32, "DoubleStorage": safetensors.F64, "HalfStorage": safetensors.F16,
	"BFloat16Storage": safetensors.BF16, "LongStorage": safetensors.I64, "IntStorage": safetensors.I32,
	"ShortStorage": safetensors.I16, "CharStorage": safetensors.I8, "ByteStorage": safetensors.U8,
	"BoolStorage": safetensors.Bool,
}

// openTorch reads the index of a .pth archive.
func openTorch(r io.ReaderAt, size int64) (*File, error) {
	archive, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("a .pth archive that is damaged or truncated (%w): download it again", err)
	}
	entries := map[string]*zip.File{}
	folder, found := "", false
	for _, e := range archive.File {
		if e.CompressedSize64 > uint64(size) {
			return nil, fmt.Errorf("entry %s claims %d bytes of an archive of %d: it is damaged", e.Name, e.CompressedSize64, size)
		}
		entries[e.Name] = e
		if dir, base := path.Split(e.Name); base == "data.pkl" && strings.Count(dir, "/") <= 1 {
			folder, found = dir, true
		}
	}
	if !found {
		return nil, errors.New("a zip archive without data.pkl: not a .pth file of PyTorch")
	}
	if order, ok := entries[folder+"byteorder"]; ok {
		b, err := content(order, 16)
		if err != nil {
			return nil, err
		}
		if string(b) != "little" {
			return nil, fmt.Errorf("numbers in byte order %q, want little", b)
		}
	}
	program, err := content(entries[folder+"data.pkl"], maxPickle)
	if err != nil {
		return nil, err
	}
	root, err := unpickle(program)
	if err != nil {
		return nil, err
	}
	return newFile(root, func(s storage, width int64) ([]byte, error) {
		e, ok := entries[folder+"data/"+s.key]
		if !ok {
			return nil, fmt.Errorf("the archive has no entry data/%s: it is damaged", s.key)
		}
		if s.size > int64(e.UncompressedSize64)/width || e.UncompressedSize64 > uint64(e.CompressedSize64)*1032+64 {
			return nil, fmt.Errorf("%d elements of %d bytes do not fit the %d bytes of entry data/%s", s.size, width, e.UncompressedSize64, s.key)
		}
		return content(e, int64(e.UncompressedSize64))
	})
}

// newFile is a file of the tensors below root. load reads a storage in full: at least its number of elements, width bytes each.
func newFile(root any, load func(s storage, width int64) ([]byte, error)) (*File, error) {
	c := collector{views: map[string]view{}}
	if err := c.collect(root, "", 0); err != nil {
		return nil, err
	}
	f := &File{Tensors: c.tensors}
	f.read = func(name string) ([]float32, error) {
		v, ok := c.views[name]
		if !ok {
			return nil, fmt.Errorf("no tensor %q in the file", name)
		}
		x, err := v.read(load)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		return x, nil
	}
	return f, nil
}

// collector finds the tensors of nested dictionaries; names are joined by dots, as in a state dictionary.
type collector struct {
	tensors []Tensor
	views   map[string]view
	named   int // bytes of all names
	visited int // dictionaries may contain themselves, so their number bounds nothing
}

// maxValues is a hundred times the number in the largest encoder, including everything that a training run may store beside it.
const maxValues = 1 << 17

// Names of an encoder's tensors have tens of bytes. Joined names may be far longer than the file, so both a single name and all together
// are bounded.
const (
	maxName  = 1000
	maxNames = 1 << 24
)

func (c *collector) collect(v any, name string, depth int) error {
	if c.visited++; c.visited > maxValues {
		return fmt.Errorf("more than %d values: refused", maxValues)
	}
	switch v := v.(type) {
	case view:
		if _, twice := c.views[name]; twice {
			return fmt.Errorf("tensor %q occurs twice", name)
		}
		c.views[name] = v
		c.tensors = append(c.tensors, Tensor{name, v.shape})
	case *dict:
		if depth == maxNested {
			return fmt.Errorf("dictionaries nested more than %d deep", maxNested)
		}
		for i, key := range v.keys {
			k, ok := key.(string)
			if !ok {
				if _, holds := v.values[i].(view); holds {
					return fmt.Errorf("a tensor named by %v, which is not a string", key)
				}
				continue
			}
			if name != "" {
				k = name + "." + k
			}
			if c.named += len(k); len(k) > maxName || c.named > maxNames {
				return fmt.Errorf("the name of a tensor or dictionary, %q…, has %d bytes, and all names together have %d: want at most %d and %d, so this is not a file of weights", k[:min(len(k), 40)], len(k), c.named, maxName, maxNames)
			}
			if err := c.collect(v.values[i], k, depth+1); err != nil {
				return err
			}
		}
	case nil, bool, int64, float64, string, tuple, *list, *beside: // the epoch and similar values
	case global:
		if !v.isBeside() {
			return fmt.Errorf("%q is the name %s.%s, neither a tensor nor a dictionary of tensors", name, v.module, v.name)
		}
	default:
		return fmt.Errorf("%q is neither a tensor nor a dictionary of tensors", name)
	}
	return nil
}

// read copies the view out of its storage.
func (v view) read(load func(s storage, width int64) ([]byte, error)) ([]float32, error) {
	n, err := elements(v.shape)
	if err != nil {
		return nil, err
	}
	dtype, ok := storages[v.storage.kind]
	if !ok {
		return nil, fmt.Errorf("unknown storage class %s", v.storage.kind)
	}
	if n == 0 {
		return nil, nil
	}
	b, err := load(v.storage, int64(dtype.Size()))
	if err != nil {
		return nil, err
	}
	if v.offset >= v.storage.size || n > v.storage.size {
		return nil, fmt.Errorf("shape %v from element %d reaches beyond the %d elements stored", v.shape, v.offset, v.storage.size)
	}
	last := v.offset // below 2³⁴, and each step adds less than 2⁶²
	for i, s := range v.stride {
		last += int64(v.shape[i]-1) * int64(s)
	}
	if last >= v.storage.size {
		return nil, fmt.Errorf("shape %v with strides %v from element %d reaches beyond the %d elements stored", v.shape, v.stride, v.offset, v.storage.size)
	}
	all := make([]float32, v.storage.size)
	if err := safetensors.Float32s(all, b, dtype); err != nil {
		return nil, err
	}
	if v.contiguous() {
		return all[v.offset : v.offset+n], nil
	}
	x := make([]float32, 0, n)
	return v.gather(x, all, 0, v.offset), nil
}

func (v view) contiguous() bool {
	step := 1
	for i := len(v.shape) - 1; i >= 0; i-- {
		if v.shape[i] != 1 && v.stride[i] != step {
			return false
		}
		step *= v.shape[i]
	}
	return true
}

// gather appends the elements of dimension axis and those below, starting at element at.
func (v view) gather(x, all []float32, axis int, at int64) []float32 {
	if axis == len(v.shape) {
		return append(x, all[at])
	}
	for range v.shape[axis] {
		x = v.gather(x, all, axis+1, at)
		at += int64(v.stride[axis])
	}
	return x
}

// content reads an entry, whose checksum the zip reader verifies.
func content(e *zip.File, most int64) ([]byte, error) {
	if e.UncompressedSize64 > uint64(most) {
		return nil, fmt.Errorf("entry %s claims %d bytes, more than the limit of %d", e.Name, e.UncompressedSize64, most)
	}
	r, err := e.Open()
	if err != nil {
		return nil, fmt.Errorf("entry %s: %w", e.Name, err)
	}
	defer r.Close()
	b := make([]byte, e.UncompressedSize64)
	if _, err := io.ReadFull(r, b); err != nil {
		return nil, fmt.Errorf("entry %s is damaged: %w", e.Name, err)
	}
	if _, err := r.Read(make([]byte, 1)); err != io.EOF { // the checksum is compared at the end
		return nil, fmt.Errorf("entry %s is damaged: %w", e.Name, err)
	}
	return b, nil
}
