package checkpoint

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"github.com/cespare/xxhash/v2"

	"iconic/head/train"
	"iconic/internal/safetensors"
)

// format is the version of the file's layout.
const format = "2"

// errEarlier reports a file of an earlier version of the program, from which a training cannot be resumed.
var errEarlier = errors.New("it was written by an earlier version of the program, which saved less state")

// header describes the tensors of a file, in its metadata.
type header struct {
	Phases  []phase       `json:"phases"`
	History []train.Epoch `json:"history"`
	Notes   []string      `json:"notes,omitempty"`   // an earlier version saved none
	Kernels []string      `json:"kernels,omitempty"` // an earlier version saved none
}

type phase struct {
	Name    string   `json:"name"`
	Step    int      `json:"step"`
	Steps   int      `json:"steps"`
	Tensors []tensor `json:"tensors"`
}

type tensor struct {
	Name string `json:"name"`
	Kind string `json:"kind"` // float32, float64 or int64
	Len  int    `json:"len"`
}

// Save writes s to a file, atomically. Random numbers need no state: they come from (seed, epoch, item).
func Save(name string, s *train.State) error {
	tensors, metadata, err := encode(s)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return safetensors.WriteFile(name, tensors, metadata)
}

func encode(s *train.State) ([]safetensors.Tensor, map[string]string, error) {
	h := header{History: s.History, Notes: s.Notes, Kernels: s.Kernels}
	var tensors []safetensors.Tensor
	sum := xxhash.New()
	for p, ph := range s.Phases {
		out := phase{Name: ph.Name, Step: ph.Step, Steps: ph.Steps}
		for i, t := range ph.Tensors {
			kind := "float32"
			switch {
			case t.Float64 != nil:
				kind = "float64"
			case t.Int64 != nil:
				kind = "int64"
			}
			out.Tensors = append(out.Tensors, tensor{t.Name, kind, t.Len()})
			if t.Len() == 0 {
				continue
			}
			name := tensorName(p, i)
			if t.Float32 != nil {
				tensors = append(tensors, safetensors.FromFloat32(name, t.Float32, len(t.Float32)))
			} else {
				whole := wholeNumbers(t)
				tensors = append(tensors, safetensors.FromInt64(name, whole, len(whole)))
			}
			if err := add(sum, t); err != nil {
				return nil, nil, err
			}
		}
		h.Phases = append(h.Phases, out)
	}
	b, err := json.Marshal(h)
	if err != nil {
		return nil, nil, err
	}
	if _, err := sum.Write(b); err != nil {
		return nil, nil, err
	}
	return tensors, map[string]string{"format": format, "state": string(b), "checksum": fmt.Sprintf("%016x", sum.Sum64())}, nil
}

func tensorName(phase, i int) string { return fmt.Sprintf("%d.%d", phase, i) }

// wholeNumbers returns the integers of t, or the bits of its float64 numbers.
func wholeNumbers(t train.Tensor) []int64 {
	if t.Float64 == nil {
		return t.Int64
	}
	x := make([]int64, len(t.Float64))
	for i, v := range t.Float64 {
		x[i] = int64(math.Float64bits(v))
	}
	return x
}

// add adds the bytes of a tensor to a checksum.
func add(sum *xxhash.Digest, t train.Tensor) error {
	if t.Float32 != nil {
		return binary.Write(sum, binary.LittleEndian, t.Float32)
	}
	return binary.Write(sum, binary.LittleEndian, wholeNumbers(t))
}

// Load reads a file that Save wrote. It fails, naming the file, on one that is damaged or not a checkpoint.
func Load(name string) (*train.State, error) {
	f, err := safetensors.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, err := decode(f)
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", name, err)
	}
	return s, nil
}

func decode(f *safetensors.File) (*train.State, error) {
	if f.Metadata["format"] == "" && f.Metadata["heads"] != "" {
		return nil, errEarlier
	}
	if f.Metadata["format"] != format {
		return nil, fmt.Errorf("it has format %q, but this program reads %q", f.Metadata["format"], format)
	}
	var h header
	if err := json.Unmarshal([]byte(f.Metadata["state"]), &h); err != nil {
		return nil, fmt.Errorf("its state: %w", err)
	}
	s := &train.State{History: h.History, Notes: h.Notes, Kernels: h.Kernels}
	sum := xxhash.New()
	for p, in := range h.Phases {
		if in.Steps < 1 || in.Step < 0 || in.Step > in.Steps {
			return nil, fmt.Errorf("%d of %d steps of phase %q", in.Step, in.Steps, in.Name)
		}
		out := train.Phase{Name: in.Name, Step: in.Step, Steps: in.Steps}
		for i, t := range in.Tensors {
			x, err := readTensor(f, tensorName(p, i), t)
			if err != nil {
				return nil, err
			}
			if err := add(sum, x); err != nil {
				return nil, err
			}
			out.Tensors = append(out.Tensors, x)
		}
		s.Phases = append(s.Phases, out)
	}
	if len(s.Phases) == 0 {
		return nil, errors.New("it has no phase of a training")
	}
	if _, err := sum.Write([]byte(f.Metadata["state"])); err != nil {
		return nil, err
	}
	if got := fmt.Sprintf("%016x", sum.Sum64()); got != f.Metadata["checksum"] {
		return nil, fmt.Errorf("its checksum is %s but was %q when it was written: it is damaged", got, f.Metadata["checksum"])
	}
	return s, nil
}

// readTensor reads numbers and checks that they match their description and are finite.
func readTensor(f *safetensors.File, name string, t tensor) (train.Tensor, error) {
	x := train.Tensor{Name: t.Name}
	if t.Len > 0 {
		info, err := f.Lookup(name)
		if err != nil {
			return x, err
		}
		if info.Len() != t.Len {
			return x, fmt.Errorf("%d numbers in tensor %s, whose header says %d", info.Len(), t.Name, t.Len)
		}
	} else if t.Len < 0 {
		return x, fmt.Errorf("%d numbers of %s", t.Len, t.Name)
	}
	read := func() ([]int64, error) {
		if t.Len == 0 {
			return []int64{}, nil
		}
		return f.Int64(name)
	}
	var err error
	switch t.Kind {
	case "float32":
		if x.Float32 = []float32{}; t.Len > 0 {
			x.Float32, err = f.Float32(name)
		}
	case "int64":
		x.Int64, err = read()
	case "float64":
		var bits []int64
		bits, err = read()
		x.Float64 = make([]float64, len(bits))
		for i, b := range bits {
			x.Float64[i] = math.Float64frombits(uint64(b))
		}
	default:
		err = fmt.Errorf("numbers of %s are of kind %q", t.Name, t.Kind)
	}
	if err != nil {
		return x, err
	}
	for _, v := range x.Float32 {
		if v-v != 0 {
			return x, fmt.Errorf("a number of %s is %v", t.Name, v)
		}
	}
	for _, v := range x.Float64 {
		if v-v != 0 {
			return x, fmt.Errorf("a number of %s is %v", t.Name, v)
		}
	}
	return x, nil
}
