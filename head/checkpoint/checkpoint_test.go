package checkpoint

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/head/train"
	"iconic/internal/safetensors"
)

// state returns a state with every kind of number.
func state() *train.State {
	return &train.State{
		History: []train.Epoch{{Epoch: 1, Step: 3, Loss: 0.1, LearningRate: 1e-3, ClustersUsed: 2, LargestShare: 0.5}},
		Notes:   []string{"a note"}, Kernels: []string{"avx2", "generic"},
		Phases: []train.Phase{
			{Name: "round 1", Step: 6, Steps: 6, Tensors: []train.Tensor{{Name: "0.parameter0", Float32: []float32{1, -2.5}}, {Name: "losses", Float64: []float64{math.Pi}}}},
			{Name: "consensus", Step: 2, Steps: 9, Tensors: []train.Tensor{
				{Name: "0.parameter0", Float32: []float32{0.25}}, {Name: "0.steps", Int64: []int64{2}}, {Name: "bank", Float32: []float32{}},
			}},
		},
	}
}

func TestAStateIsReadAsItWasWritten(t *testing.T) {
	name := filepath.Join(t.TempDir(), "c")
	if err := Save(name, state()); err != nil {
		t.Fatal(err)
	}
	got, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(state(), got); diff != "" {
		t.Error(diff)
	}
	if _, err := Load(name + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
}

// write returns the bytes of a state with changed metadata.
func write(t testing.TB, s *train.State, change func(metadata map[string]string)) []byte {
	t.Helper()
	tensors, metadata, err := encode(s)
	if err != nil {
		t.Fatal(err)
	}
	change(metadata)
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, metadata); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read is what Load makes of a file of these bytes.
func read(b []byte) (*train.State, error) {
	f, err := safetensors.Read(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		return nil, err
	}
	return decode(f)
}

func replaced(old, new string) func(map[string]string) {
	return func(m map[string]string) { m["state"] = strings.Replace(m["state"], old, new, 1) }
}

// Anything that cannot be the state of a training is refused with one sentence, and without large allocations.
func TestDamagedCheckpointsAreRefused(t *testing.T) {
	nan := state()
	nan.Phases[0].Tensors[0].Float32[1] = float32(math.NaN())
	for _, c := range []struct {
		name, want string
		content    []byte
	}{
		{"an epoch of its own", "checksum", write(t, state(), replaced(`"epoch":1`, `"epoch":7`))},
		{"steps below 0", "-5 of 9 steps", write(t, state(), replaced(`"step":2`, `"step":-5`))},
		{"more steps than there are", "999999999 of 9 steps", write(t, state(), replaced(`"step":2`, `"step":999999999`))},
		{"a tensor of another length", "whose header says 999999999999", write(t, state(), replaced(`"len":2`, `"len":999999999999`))},
		{"a length below 0", "-1 numbers", write(t, state(), replaced(`"len":0`, `"len":-1`))},
		{"a kind that is none", `of kind "float8"`, write(t, state(), replaced("int64", "float8"))},
		{"no phase", "no phase", write(t, &train.State{}, func(map[string]string) {})},
		{"a number that is none", "is NaN", write(t, nan, func(map[string]string) {})},
		{"another checksum", "it is damaged", write(t, state(), func(m map[string]string) { m["checksum"] = "0" })},
		{"a later format", `format "3"`, write(t, state(), func(m map[string]string) { m["format"] = "3" })},
		{"an earlier format", "earlier version", write(t, state(), func(m map[string]string) { delete(m, "format"); m["heads"] = "999999999999" })},
	} {
		name := filepath.Join(t.TempDir(), "c")
		if err := os.WriteFile(name, c.content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(name); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want %q in it", c.name, err, c.want)
		}
	}
	whole := write(t, state(), func(map[string]string) {})
	for at := range whole { // flip each bit in turn
		broken := bytes.Clone(whole)
		broken[at] ^= 4
		if s, err := read(broken); err == nil && !cmp.Equal(s, state()) {
			t.Fatalf("bit of byte %d: %+v", at, s)
		}
	}
}

// Arbitrary bytes are read or refused within a bound on memory.
func FuzzRead(f *testing.F) {
	f.Add(write(f, state(), func(map[string]string) {}))
	f.Add(write(f, &train.State{}, func(map[string]string) {}))
	f.Fuzz(func(t *testing.T, b []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := read(b)
		runtime.ReadMemStats(&after)
		if took, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+100*len(b)); took > most {
			t.Errorf("%d bytes needed %d bytes of memory, more than %d", len(b), took, most)
		}
		if err == nil && len(s.Phases) == 0 {
			t.Error("a state without phases")
		}
	})
}
