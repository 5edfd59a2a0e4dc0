package npy

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"iconic/internal/half"
	"iconic/internal/sharedtest"
)

// content assembles a header and data as in format version 1.
func content(dictionary, data string) []byte {
	b := append([]byte(magic), 1, 0, byte(len(dictionary)), byte(len(dictionary)>>8))
	return append(b, dictionary+data...)
}

func TestRefuses(t *testing.T) {
	ok := "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n"
	for _, c := range []struct {
		name    string
		content []byte
		want    string
	}{
		{"nothing", nil, "not a .npy file"},
		{"text", []byte("hello, this is not an array"), "not a .npy file"},
		{"a Git LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\n"), "it is a Git LFS pointer"},
		{"a version from the future", append([]byte(magic), 9, 0, 1, 0, 0), "version 9"},
		{"a truncated header", content(ok, "")[:30], "truncated in its header"},
		{"truncated data", content(ok, "1234567"), "needs 8 bytes and has 7"},
		{"data to spare", content(ok, "123456789"), "needs 8 bytes and has 9"},
		{"big-endian elements", content(strings.Replace(ok, "<", ">", 1), "12345678"), "big-endian"},
		{"complex elements", content(strings.Replace(ok, "<f4", "<c8", 1), "12345678"), `"<c8" are complex: save real numbers`},
		{"text", content(strings.Replace(ok, "<f4", "<U7", 1), "12345678"), `"<U7" are text: save numbers, or, if they are labels, a text file`},
		{"pickled objects", content(strings.Replace(ok, "<f4", "|O", 1), "12345678"), `"|O" are not supported: save features with x.astype('float32'), and labels with x.astype('int64')`},
		{"Fortran order", content(strings.Replace(ok, "False", "True", 1), "12345678"), "Fortran order"},
		{"no dimensions", content(strings.Replace(ok, "(1, 2)", "()", 1), "1234"), "no dimensions"},
		{"a number for a tuple", content(strings.Replace(ok, "(1, 2)", "(2)", 1), "12345678"), "not a tuple"},
		{"a negative dimension", content(strings.Replace(ok, "(1, 2)", "(-1, 2)", 1), "12345678"), "want a dimension"},
		{"a shape that overflows", content(strings.Replace(ok, "(1, 2)", "(4611686018427387904, 4611686018427387904)", 1), "12345678"), "out of range"},
		{"a key twice", content("{'shape': (1,), 'shape': (2,), 'descr': '<f4', 'fortran_order': False}", "12345678"), "occurs twice"},
		{"a key missing", content("{'shape': (2,), 'descr': '<f4'}", "12345678"), "are needed"},
		{"a key too many", content("{'shape': (2,), 'evil': '<f4'}", "12345678"), `unknown key "evil"`},
		{"more after the dictionary", content(strings.TrimSpace(ok)+"{}", "12345678"), "after its end"},
		{"structured elements", content("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "1234"), "its elements have named fields: save one field, x['name']"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "x.npy")
			if err := os.WriteFile(name, c.content, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(name)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), name) {
				t.Fatalf("error %v, want one that names the file and contains %q", err, c.want)
			}
		})
	}
}

func TestRoundTrip(t *testing.T) {
	folder := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		shape := rapid.SliceOfN(rapid.IntRange(0, 5), 1, 3).Draw(t, "shape")
		n := 1
		for _, d := range shape {
			n *= d
		}
		x := rapid.SliceOfN(rapid.Float32(), n, n).Draw(t, "x")
		halves := rapid.Bool().Draw(t, "halves")
		name := filepath.Join(folder, "x.npy")
		write, want := Write, x
		if halves {
			write, want = WriteHalf, make([]float32, n)
			for i, v := range x {
				want[i] = half.Float32(half.FromFloat32(v))
			}
		}
		if err := write(name, shape, x); err != nil {
			t.Fatal(err)
		}
		var encoded bytes.Buffer
		if err := Encode(&encoded, shape, x, halves); err != nil {
			t.Fatal(err)
		}
		if onDisk, err := os.ReadFile(name); err != nil || !bytes.Equal(onDisk, encoded.Bytes()) {
			t.Fatalf("Encode and Write differ (%v)", err)
		}
		f, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if !slices.Equal(f.Shape, shape) || f.Len()*f.Dim() != n && f.Len() != 0 {
			t.Fatalf("shape %v came back as %v", shape, f.Shape)
		}
		got := make([]float32, f.Len()*f.Dim())
		if err := f.Block(got, 0, f.Len()); err != nil || !slices.Equal(got, want) {
			t.Fatalf("%v, %v; want %v", got, err, want)
		}
		if f.Len() == 0 {
			return
		}
		rows := rapid.SliceOf(rapid.Int32Range(0, int32(f.Len()-1))).Draw(t, "rows")
		gathered := make([]float32, len(rows)*f.Dim())
		if err := f.Gather(gathered, rows); err != nil {
			t.Fatal(err)
		}
		for i, r := range rows {
			if !slices.Equal(gathered[i*f.Dim():(i+1)*f.Dim()], want[int(r)*f.Dim():int(r+1)*f.Dim()]) {
				t.Fatalf("row %d was gathered incorrectly", r)
			}
		}
	})
}

func TestOutOfRangeIsAnError(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.npy")
	if err := Write(name, []int{3, 2}, []float32{0, 1, 2, 3, 4, 5}); err != nil {
		t.Fatal(err)
	}
	f, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for what, err := range map[string]error{
		"a row too many":      f.Block(make([]float32, 4), 2, 4),
		"a row before all":    f.Block(make([]float32, 2), -1, 0),
		"no space":            f.Block(make([]float32, 1), 0, 1),
		"gather beyond":       f.Gather(make([]float32, 2), []int32{3}),
		"gather before":       f.Gather(make([]float32, 2), []int32{-1}),
		"gather too small":    f.Gather(make([]float32, 2), []int32{0, 1}),
		"elements beyond":     f.Elements(make([]float32, 2), 5),
		"an impossible shape": Write(name, []int{3}, []float32{1}),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func TestDoublesAndMissingIntegers(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.npy")
	d := "{'descr': '<f8', 'fortran_order': False, 'shape': (3,)}"
	if err := os.WriteFile(name, content(d, "\x00\x00\x00\x00\x00\x00\xf8\x7f\x00\x00\x00\x00\x00\x00\x08\x40\x01\x00\x00\x00\x00\x00\xf0\x3f"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	x := make([]float64, 2)
	if err := f.Doubles(x, 1); err != nil || x[0] != 3 || x[1] != 1+0x1p-52 {
		t.Errorf("%v, %v", x, err)
	}
	if err := f.Doubles(x, 2); err == nil {
		t.Error("elements beyond the end were read")
	}
	if _, _, err := ReadSomeInts(name); err == nil || !strings.Contains(err.Error(), "element 2 is not a whole number") {
		t.Errorf("%v", err)
	}
	for descr, data := range map[string]string{"<f8": "\x00\x00\x00\x00\x00\x00\xf8\x7f\x00\x00\x00\x00\x00\x00\x08\x40", "<f4": "\x00\x00\xc0\x7f\x00\x00\x40\x40"} {
		d := strings.Replace(strings.Replace(d, "(3,)", "(2,)", 1), "<f8", descr, 1)
		if err := os.WriteFile(name, content(d, data), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, missing, err := ReadSomeInts(name); err != nil || !slices.Equal(missing, []bool{true, false}) || got[1] != 3 {
			t.Errorf("%v without %v, %v", got, missing, err)
		}
	}
}

func TestIntegers(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "labels.npy")
	want := []int{3, -1, 0, math.MaxInt}
	if err := WriteInts(name, want); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadInts(name); err != nil || !slices.Equal(got, want) {
		t.Fatalf("%v, %v; want %v", got, err, want)
	}
	for _, c := range []struct {
		descr, data, shape string
		want               []int
		err                string
	}{
		{"|i1", "\xff\x02", "(2,)", []int{-1, 2}, ""},
		{"|u1", "\xff\x02", "(2,)", []int{255, 2}, ""},
		{"|b1", "\x01\x00", "(2,)", []int{1, 0}, ""},
		{"<i2", "\xfe\xff\x02\x00", "(2, 1)", []int{-2, 2}, ""},
		{"<u2", "\xfe\xff\x02\x00", "(2,)", []int{65534, 2}, ""},
		{"<i4", "\xfe\xff\xff\xff", "(1,)", []int{-2}, ""},
		{"<u4", "\xfe\xff\xff\xff", "(1,)", []int{1<<32 - 2}, ""},
		{"<u8", "\xfe\xff\xff\xff\xff\xff\xff\xff", "(1,)", nil, "does not fit an int"},
		{"<f4", "\x00\x00\x40\x40\x00\x00\x80\xbf", "(2,)", []int{3, -1}, ""},
		{"<f8", "\x00\x00\x00\x00\x00\x00\x08\x40", "(1,)", []int{3}, ""},
		{"<f4", "1234", "(1,)", nil, "is not a whole number"},
		{"<f4", "\x00\x00\xc0\x7f", "(1,)", nil, "is not a whole number"},
		{"<f2", "\x00\x42\x00\xbc\x00\x00", "(3L,)", []int{3, -1, 0}, ""},
		{"<f2", "\x00\x38", "(1,)", nil, "is not a whole number"},
		{"<i2", "1234", "(1, 2)", nil, "one number per row"},
	} {
		name := filepath.Join(folder, "x.npy")
		d := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': %s}", c.descr, c.shape)
		if err := os.WriteFile(name, content(d, c.data), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadInts(name)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: error %v, want %q", d, err, c.err)
			}
		} else if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, %v; want %v", d, got, err, c.want)
		}
	}
}

func TestAFileCutWhileMappedIsAnError(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.npy")
	if err := Write(name, []int{100_000}, make([]float32, 100_000)); err != nil {
		t.Fatal(err)
	}
	f, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Truncate(name, 0); err != nil {
		t.Fatal(err)
	}
	if err := f.Block(make([]float32, 100_000), 0, 100_000); err == nil || !strings.Contains(err.Error(), "truncated") {
		t.Fatalf("error %v", err)
	}
}

// A map shows what is written into its file. Only what replaces the file, or concerns its attributes, does no harm.
func TestAFileWrittenToWhileMappedIsAnError(t *testing.T) {
	write := func(name string, first float32) {
		t.Helper()
		if err := Write(name, []int{3, 1}, []float32{first, 2, 3}); err != nil {
			t.Fatal(err)
		}
	}
	into := func(name string, at int64, b ...byte) error {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = f.WriteAt(b, at)
		return errors.Join(err, f.Close())
	}
	for what, c := range map[string]struct {
		do      func(name string) error
		changed bool
	}{
		"nothing":                  {func(string) error { return nil }, false},
		"other numbers":            {func(name string) error { return into(name, 128, 7) }, true},
		"the same bytes":           {func(name string) error { return into(name, 128, 0) }, true},
		"longer":                   {func(name string) error { return into(name, 140, 1) }, true},
		"a replacement":            {func(name string) error { write(name, 9); return nil }, false},
		"written to, and replaced": {func(name string) error { defer write(name, 1); return into(name, 128, 7) }, true},
		"removed":                  {os.Remove, false},
		"moved":                    {func(name string) error { return os.Rename(name, name+"2") }, false},
		"other permissions":        {func(name string) error { return os.Chmod(name, 0o400) }, false},
		"an old time": {func(name string) error {
			stat, err := os.Stat(name)
			return errors.Join(err, into(name, 128, 7), os.Chtimes(name, stat.ModTime(), stat.ModTime()))
		}, true},
	} {
		name := filepath.Join(t.TempDir(), "x.npy")
		write(name, 1)
		past := time.Now().Add(-time.Hour)
		if err := os.Chtimes(name, past, past); err != nil {
			t.Fatal(err)
		}
		f, err := Open(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Sum(); err != nil {
			t.Fatal(err)
		}
		if err := c.do(name); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		x := make([]float32, 3)
		for read, err := range map[string]error{"Unchanged": f.Unchanged(), "Block": f.Block(x, 0, 3), "Gather": f.Gather(x, []int32{2, 1, 0})} {
			if errors.Is(err, ErrChanged) != c.changed || !c.changed && err != nil {
				t.Errorf("%s, %s: error %v, want one: %v", what, read, err, c.changed)
			}
		}
		f.Close()
	}
}

func TestReadsWhatNumPyWrote(t *testing.T) {
	f, err := Open(sharedtest.Path(t, "features", "cifar100-train.features.npy"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Len() != 50_000 || f.Dim() != 192 || f.DType != "float16" {
		t.Fatalf("%d rows of %d %s", f.Len(), f.Dim(), f.DType)
	}
	labels, err := ReadInts(sharedtest.Path(t, "features", "cifar100-train.labels.npy"))
	if err != nil || len(labels) != f.Len() || slices.Max(labels) != 99 {
		t.Fatalf("%d labels, %v", len(labels), err)
	}
	row := make([]float32, 192)
	if err := f.Gather(row, []int32{49_999}); err != nil {
		t.Fatal(err)
	}
}

// TestNumPyMapsWhatWeWrote checks with NumPy itself, if it is installed.
func TestNumPyMapsWhatWeWrote(t *testing.T) {
	python := os.Getenv("ICONIC_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import numpy").Run(); err != nil {
		t.Skipf("%s with numpy is needed (set ICONIC_PYTHON to use another): %v", python, err)
	}
	folder := t.TempDir()
	x := []float32{1, 2.5, -3, 65504, 0, 6}
	for name, write := range map[string]func(string, []int, []float32) error{"float32": Write, "float16": WriteHalf} {
		file := filepath.Join(folder, name+".npy")
		if err := write(file, []int{3, 1, 2}, x); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(python, "-c", "import numpy,sys; x=numpy.load(sys.argv[1],mmap_mode='r'); print(x.dtype,x.shape,x.offset%64,x.ravel().tolist())", file).CombinedOutput()
		want := name + " (3, 1, 2) 0 [1.0, 2.5, -3.0, 65504.0, 0.0, 6.0]\n"
		if err != nil || string(out) != want {
			t.Errorf("NumPy read %q, %v; want %q", out, err, want)
		}
	}
}

// FuzzParse: no input causes a panic, and an accepted header accounts for every byte.
func FuzzParse(f *testing.F) {
	var b bytes.Buffer
	if err := Encode(&b, []int{2, 3}, make([]float32, 6), true); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(content("{'descr': '<f4', 'fortran_order': True, 'shape': (1,)}", "1234"))
	f.Add(append([]byte(magic), 2, 0, 255, 255, 255, 255, 0, 0))
	f.Fuzz(func(t *testing.T, content []byte) {
		h, offset, err := parse(content)
		if err != nil {
			return
		}
		size, err := h.check()
		if err != nil || size != len(content)-offset {
			t.Fatalf("%+v at %d of %d bytes, %v", h, offset, len(content), err)
		}
	})
}

func TestRowsThatAreMadeWhenTheyAreDue(t *testing.T) {
	folder := t.TempDir()
	for _, shape := range [][2]int{{7, 3}, {40000, 2}, {3, 70000}, {0, 5}} {
		n, d := shape[0], shape[1]
		x := make([]float32, n*d)
		for i := range x {
			x[i] = float32(i)
		}
		whole, parts := filepath.Join(folder, "whole.npy"), filepath.Join(folder, "parts.npy")
		if err := Write(whole, []int{n, d}, x); err != nil {
			t.Fatal(err)
		}
		err := WriteRows(parts, n, d, func(dst []float32, lo, hi int) error {
			if copy(dst, x[lo*d:hi*d]) != len(dst) {
				t.Errorf("rows %d to %d of %v in %d numbers", lo, hi, shape, len(dst))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		a, errA := os.ReadFile(whole)
		b, errB := os.ReadFile(parts)
		if err := errors.Join(errA, errB); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%v: the files differ, %v", shape, err)
		}
	}
	stop := errors.New("stop")
	name := filepath.Join(folder, "stopped.npy")
	if err := WriteRows(name, 5, 2, func([]float32, int, int) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("rows that cannot be computed: %v", err)
	}
	if _, err := os.Stat(name); err == nil {
		t.Error("a partial file was left")
	}
}
