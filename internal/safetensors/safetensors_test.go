package safetensors

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"iconic/internal/sharedtest"
)

// file assembles a header and data as in the format.
func file(header, data string) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header+data...)
}

func TestReadRefuses(t *testing.T) {
	const ok = `{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"an empty file", nil, "0 bytes are too few"},
		{"text", []byte("hello, this is not a tensor file"), "not a safetensors file"},
		{"a header longer than the file", file(ok, "12345678")[:20], "truncated"},
		{"a header length of 2⁶⁴−1", bytes.Repeat([]byte{255}, 100), "not a safetensors file"},
		{"a truncated file", file(ok, "1234"), "truncated"},
		{"bytes after the last tensor", file(ok, "123456789"), "1 bytes after the last tensor"},
		{"an array", file(`[]`, ""), "not a JSON object"},
		{"two objects", file(`{}{}`, ""), "more than one JSON object"},
		{"an open object", file(`{"a":{"dtype":"F32"`, ""), `tensor "a"`},
		{"a name twice", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}`, "12"), `"a" occurs twice`},
		{"overlapping tensors", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, "123"), "overlap"},
		{"a gap", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, "123"), "gap"},
		{"an unknown type", file(`{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}`, "1"), `"F4" is not supported`},
		{"a wrong size", file(`{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}`, "12345678"), "needs 12 bytes, but has 8"},
		{"a negative dimension", file(`{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, "12345678"), "out of range"},
		{"a shape whose product overflows", file(`{"a":{"dtype":"U8","shape":[2147483647,2147483647,8],"data_offsets":[0,8]}}`, "12345678"), "out of range"},
		{"offsets in reverse", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}`, "1"), "do not lie within"},
		{"no offsets", file(`{"a":{"dtype":"U8","shape":[1]}}`, "1"), "do not lie within"},
		{"metadata that is not a map of strings", file(`{"__metadata__":{"a":1}}`, ""), "__metadata__"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(bytes.NewReader(c.file), int64(len(c.file)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestErrorsNameTheFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.safetensors")
	if err := os.WriteFile(name, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(name); err == nil || !strings.Contains(err.Error(), name) {
		t.Fatalf("error %v does not name %s", err, name)
	}
}

func TestAFileCutAfterOpeningIsAnError(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.safetensors")
	if err := WriteFile(name, []Tensor{FromFloat32("a", []float32{1, 2, 3}, 3)}, nil); err != nil {
		t.Fatal(err)
	}
	f, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(name, 70); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Float32("a"); err == nil || !strings.Contains(err.Error(), `"a"`) {
		t.Fatalf("error %v does not name the tensor", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	for _, c := range []struct {
		name    string
		tensors []Tensor
		want    string
	}{
		{"a name twice", []Tensor{FromInt64("a", nil, 0), FromInt64("a", nil, 0)}, "in use"},
		{"the name of the metadata", []Tensor{FromInt64("__metadata__", nil, 0)}, "in use"},
		{"a wrong shape", []Tensor{FromFloat32("a", []float32{1}, 2)}, "needs 8 bytes, but has 4"},
		{"an unknown type", []Tensor{{Name: "a", DType: "X"}}, "not supported"},
	} {
		var b bytes.Buffer
		err := Write(&b, c.tensors, nil)
		if err == nil || !strings.Contains(err.Error(), c.want) || b.Len() > 0 {
			t.Errorf("%s: error %v after %d bytes, want one with %q and none written", c.name, err, b.Len(), c.want)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfDistinct(rapid.String(), rapid.ID).Draw(t, "names")
		metadata := rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "metadata")
		var tensors []Tensor
		want := map[string][]float32{}
		for _, name := range names {
			if name == "__metadata__" {
				continue
			}
			shape := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 3).Draw(t, "shape")
			n := 1
			for _, s := range shape {
				n *= s
			}
			x := rapid.SliceOfN(rapid.Float32(), n, n).Draw(t, "x")
			tensors = append(tensors, FromFloat32(name, x, shape...))
			want[name] = x
		}
		var b bytes.Buffer
		if err := Write(&b, tensors, metadata); err != nil {
			t.Fatal(err)
		}
		f, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Tensors) != len(tensors) || len(metadata) > 0 && !cmp.Equal(f.Metadata, metadata) {
			t.Fatalf("got back %d tensors and metadata %q, want %d and %q", len(f.Tensors), f.Metadata, len(tensors), metadata)
		}
		for name, x := range want {
			if got, err := f.Float32(name); err != nil || !slices.Equal(got, x) {
				t.Fatalf("%q: %v, %v; want %v", name, got, err, x)
			}
		}
	})
}

func TestWidens(t *testing.T) {
	header := `{"h":{"dtype":"F16","shape":[1],"data_offsets":[0,2]},"b":{"dtype":"BF16","shape":[1],"data_offsets":[2,4]},` +
		`"i":{"dtype":"I8","shape":[],"data_offsets":[4,5]},"d":{"dtype":"F64","shape":[1],"data_offsets":[5,13]}}`
	data := "\x00\x3e\xc0\x3f\xff" + "\x00\x00\x00\x00\x00\x00\xf8\x3f"
	f, err := Read(bytes.NewReader(file(header, data)), int64(len(file(header, data))))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"h", "b", "d"} {
		if x, err := f.Float32(name); err != nil || len(x) != 1 || x[0] != 1.5 {
			t.Errorf("%s: %v, %v; want 1.5", name, x, err)
		}
	}
	if x, err := f.Int64("i"); err != nil || len(x) != 1 || x[0] != -1 {
		t.Errorf("i: %v, %v; want -1", x, err)
	}
	if _, err := f.Float32("i"); err == nil || !strings.Contains(err.Error(), "I8") {
		t.Errorf("reading I8 as float gave %v", err)
	}
	if _, err := f.Int64("h"); err == nil || !strings.Contains(err.Error(), "F16") {
		t.Errorf("reading F16 as integer gave %v", err)
	}
	if _, err := f.Raw("z"); err == nil || !strings.Contains(err.Error(), `"z"`) {
		t.Errorf("a missing tensor gave %v", err)
	}
}

func TestReadsWhatTheOfficialLibraryWrote(t *testing.T) {
	f, err := Open(sharedtest.Path(t, "vit", "dinov2_reg4.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Lookup("register_tokens")
	if err != nil || !slices.Equal(info.Shape, []int{1, 4, 32}) || info.DType != F32 {
		t.Fatalf("%+v, %v", info, err)
	}
	x, err := f.Float32("register_tokens")
	if err != nil || len(x) != 128 {
		t.Fatalf("%d values, %v", len(x), err)
	}
}

// FuzzRead: no input causes a panic, and a readable file can be written and read again.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, []Tensor{FromFloat32("a", []float32{1, 2}, 1, 2), FromInt64("n", []int64{3})}, map[string]string{"k": "v"}); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(file(`{}`, ""))
	f.Add(file(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}  `, ""))
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := Read(bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		var tensors []Tensor
		for _, info := range file.Tensors {
			raw, err := file.Raw(info.Name)
			if err != nil {
				t.Fatal(err)
			}
			tensors = append(tensors, Tensor{info.Name, info.DType, info.Shape, raw})
		}
		var again bytes.Buffer
		if err := Write(&again, tensors, file.Metadata); err != nil {
			t.Fatal(err)
		}
		if _, err := Read(bytes.NewReader(again.Bytes()), int64(again.Len())); err != nil {
			t.Fatal(err)
		}
	})
}
