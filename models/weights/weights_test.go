package weights

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iconic/internal/safetensors"
	"iconic/internal/sharedtest"
)

// Some instructions of the pickle machine, for writing programs.
const (
	proto = "\x80\x02"
	stop  = "."
)

func text(s string) string {
	return "X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s
}
func number(n int) string  { return "J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))) }
func name(s string) string { return "c" + strings.Replace(s, " ", "\n", 1) + "\n" }
func tupleOf(parts ...string) string {
	return "(" + strings.Join(parts, "") + "t"
}
func ints(n ...int) string {
	var parts []string
	for _, i := range n {
		parts = append(parts, number(i))
	}
	return tupleOf(parts...)
}

// storageOf and tensor write them as torch.save does.
func storageOf(class, key string, size int) string {
	return tupleOf(text("storage"), name("torch "+class), text(key), text("cpu"), number(size)) + "Q"
}
func tensor(storage string, offset int, shape, stride []int) string {
	return name("torch._utils _rebuild_tensor_v2") + tupleOf(storage, number(offset), ints(shape...), ints(stride...), "\x89", name("collections OrderedDict")+")R") + "R"
}
func dictOf(items ...string) string { return "}(" + strings.Join(items, "") + "u" }

// archive is a .pth file with one pickle and its storages.
func archive(t testing.TB, method uint16, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for file, content := range files {
		f, err := w.CreateHeader(&zip.FileHeader{Name: "archive/" + file, Method: method})
		if err == nil {
			_, err = f.Write([]byte(content))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func floats(x ...float32) string {
	var b []byte
	for _, v := range x {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return string(b)
}

func read(content []byte) (*File, error) {
	return Read("test.pth", bytes.NewReader(content), int64(len(content)))
}

func TestReadsViewsOfAllKinds(t *testing.T) {
	program := proto + dictOf(
		text("plain"), tensor(storageOf("FloatStorage", "0", 6), 0, []int{2, 3}, []int{3, 1}),
		text("turned"), tensor(storageOf("FloatStorage", "0", 6), 0, []int{3, 2}, []int{1, 3}),
		text("part"), tensor(storageOf("FloatStorage", "0", 6), 4, []int{2}, []int{1}),
		text("scalar"), tensor(storageOf("FloatStorage", "0", 6), 5, nil, nil),
		text("empty"), tensor(storageOf("FloatStorage", "0", 6), 0, []int{0, 3}, []int{3, 1}),
		text("half"), tensor(storageOf("HalfStorage", "1", 1), 0, []int{1}, []int{1}),
		text("bfloat"), tensor(storageOf("BFloat16Storage", "2", 1), 0, []int{1}, []int{1}),
		text("parameter"), name("torch._utils _rebuild_parameter")+tupleOf(tensor(storageOf("FloatStorage", "0", 6), 0, []int{1}, []int{1}), "\x88", name("collections OrderedDict")+")R")+"R",
		text("nested"), dictOf(text("inner"), tensor(storageOf("FloatStorage", "0", 6), 1, []int{1}, []int{1})),
		text("epoch"), number(7), text("rate"), "G\x3f\xe0\x00\x00\x00\x00\x00\x00", text("list"), "]",
	) + stop
	want := map[string][]float32{
		"plain": {1, 2, 3, 4, 5, 6}, "turned": {1, 4, 2, 5, 3, 6}, "part": {5, 6}, "scalar": {6}, "empty": nil,
		"half": {1.5}, "bfloat": {1.5}, "parameter": {1}, "nested.inner": {2},
	}
	for _, method := range []uint16{zip.Store, zip.Deflate} {
		f, err := read(archive(t, method, map[string]string{"data.pkl": program, "data/0": floats(1, 2, 3, 4, 5, 6), "data/1": "\x00\x3e", "data/2": "\xc0\x3f", "byteorder": "little"}))
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Tensors) != len(want) {
			t.Errorf("%d tensors, want %d: %v", len(f.Tensors), len(want), f.Tensors)
		}
		for name, x := range want {
			if got, err := f.Read(name); err != nil || !slices.Equal(got, x) {
				t.Errorf("%s: %v, %v; want %v", name, got, err, x)
			}
		}
	}
}

// legacyFile is a file as written by PyTorch before version 1.6, with storages of four bytes per element.
func legacyFile(version, system, state string, keys []string, storages ...string) []byte {
	list := "](" // in protocol 2, as each of the pickles
	for _, k := range keys {
		list += text(k)
	}
	file := legacyStart + proto + version + stop + proto + system + stop + proto + state + stop + proto + list + "e" + stop
	for _, s := range storages {
		file += string(binary.LittleEndian.AppendUint64(nil, uint64(len(s)/4))) + s
	}
	return []byte(file)
}

func TestFilesOfBeforeArchives(t *testing.T) {
	old := func(key string, size int) string {
		return "(" + text("storage") + name("torch FloatStorage") + text(key) + text("cpu") + number(size) + "Nt" + "Q"
	}
	const version = "M\xe9\x03"
	system := dictOf(text("protocol_version"), version, text("little_endian"), "\x88")
	state := dictOf(text("w"), tensor(old("7", 4), 1, []int{3}, []int{1}), text("b"), tensor(old("3", 2), 0, []int{2}, []int{1}))
	one, two := floats(1, 2, 3, 4), floats(5, 6)
	good := legacyFile(version, system, state, []string{"3", "7"}, two, one)
	f, err := read(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{"w": {2, 3, 4}, "b": {5, 6}} {
		if got, err := f.Read(name); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v; want %v", name, got, err, want)
		}
	}
	for _, c := range []struct {
		name, want string
		file       []byte
	}{
		{"another version", "version 1002, want 1001", legacyFile("M\xea\x03", system, state, []string{"3", "7"}, two, one)},
		{"big endian", "not little endian", legacyFile(version, dictOf(text("little_endian"), "\x89"), state, []string{"3", "7"}, two, one)},
		{"truncated in the last storage", "storage 7: the file is truncated", good[:len(good)-1]},
		{"truncated before a storage", "storage 7: the file is truncated", good[:len(good)-20]},
		{"a storage of another size", "storage 3 has 4 elements, but its tensors state 2", legacyFile(version, system, state, []string{"3", "7"}, one, two)},
		{"a storage twice", "storage 3 is not one of", legacyFile(version, system, state, []string{"3", "3"}, two, two)},
		{"a storage without tensors", "storage 9 is not one of", legacyFile(version, system, state, []string{"9"}, two)},
		{"one storage as two", `storage "3" is described in two ways`, legacyFile(version, system, dictOf(text("a"), tensor(old("3", 2), 0, []int{1}, []int{1}), text("b"), tensor(old("3", 1), 0, []int{1}, []int{1})), []string{"3"}, two)},
	} {
		if _, err := read(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	missing, err := read(legacyFile(version, system, state, []string{"3"}, two))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := missing.Read("w"); err == nil || !strings.Contains(err.Error(), "no storage 7") {
		t.Errorf("a storage that is missing: %v", err)
	}
}

// What a training run stores beside the weights is skipped, whatever it contains.
func TestPassesOverWhatLiesBesideWeights(t *testing.T) {
	weight := tensor(storageOf("FloatStorage", "0", 6), 0, []int{2}, []int{1})
	for _, c := range []struct{ name, beside string }{
		{"arguments", name("argparse Namespace") + ")\x81" + dictOf(text("lr"), number(1), text("path"), text("x")) + "b"},
		{"a score", name("numpy.core.multiarray scalar") + tupleOf(name("numpy dtype")+tupleOf(text("f8"), "\x89", "\x88")+"R", "C\x02ab") + "R"},
		{"a path", name("pathlib PosixPath") + tupleOf(text("/"), text("tmp")) + "R"},
		{"a dictionary with a default", name("collections defaultdict") + tupleOf(name("__builtin__ list")) + "R(" + text("a") + "]u"},
		{"settings in settings", name("omegaconf.dictconfig DictConfig") + ")\x81" + dictOf(text("type"), name("typing Any"), text("inner"), weight) + "b"},
		{"a type", name("builtins int")},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := read(archive(t, zip.Store, map[string]string{"data.pkl": proto + dictOf(text("args"), c.beside, text("w"), weight) + stop, "data/0": floats(1, 2, 3, 4, 5, 6)}))
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Tensors) != 1 || f.Tensors[0].Name != "w" {
				t.Errorf("tensors %v", f.Tensors)
			}
			if x, err := f.Read("w"); err != nil || !slices.Equal(x, []float32{1, 2}) {
				t.Errorf("%v, %v", x, err)
			}
		})
	}
}

// bomb is four dictionaries, each of which contains the previous one a hundred times.
func bomb() string {
	program := "}q\x00"
	for i := range byte(4) {
		program += "}(" + strings.Repeat(text("a")+"h"+string(rune(i)), 100) + "uq" + string(rune(i+1))
	}
	return program
}

func TestRefusesProgramsThatAreNotWeights(t *testing.T) {
	for _, c := range []struct{ name, program, want string }{
		{"a call of the system", proto + name("os system") + tupleOf(text("rm -rf /")) + "R" + stop, "os.system does not occur in weights"},
		{"a call by a name on the stack", "\x80\x04" + text("builtins") + text("eval") + "\x93" + stop, "builtins.eval does not"},
		{"a class of the training's own", proto + name("__main__ Net") + ")\x81" + stop, "__main__.Net does not"},
		{"a function of Python's own", proto + name("builtins getattr") + stop, "builtins.getattr does not"},
		{"the old way to name and call", proto + "ios\nsystem\n" + stop, "instruction 0x69 ('i')"},
		{"the way of classes", proto + name("collections OrderedDict") + ")\x81" + stop, "an object of collections.OrderedDict"},
		{"a storage class as a function", proto + name("torch FloatStorage") + tupleOf(number(1)) + "R" + stop, "a call of torch.FloatStorage with 1 arguments"},
		{"an ordered dictionary of something", proto + name("collections OrderedDict") + tupleOf("]") + "R" + stop, "a call of collections.OrderedDict with 1 arguments"},
		{"attributes of a tensor", proto + tensor(storageOf("FloatStorage", "0", 1), 0, []int{1}, []int{1}) + "}b" + stop, "attributes of something that is not a dictionary"},
		{"a foreign persistent id", proto + text("x") + "Q" + stop, "not a storage"},
		{"protocol 0", "\x80\x00" + stop, "protocol 0"},
		{"an end too early", proto + "}(", "truncated"},
		{"a string beyond the end", proto + "X\xff\xff\xff\x7fabc", "truncated"},
		{"a string of 2⁶⁴−1 bytes", proto + "\x8d\xff\xff\xff\xff\xff\xff\xff\xff", "truncated"},
		{"nothing on the stack", proto + "R" + stop, "stack is empty"},
		{"a tuple without a mark", proto + "t" + stop, "no mark"},
		{"a memory that was never filled", proto + "h\x05" + stop, "nothing was stored"},
		{"items for a number", proto + number(1) + text("a") + text("b") + "s" + stop, "cannot hold them"},
		{"an odd number of items", proto + "}(" + text("a") + "u" + stop, "cannot hold them"},
		{"a function in the dictionary", proto + dictOf(text("a"), name("collections OrderedDict")) + stop, `"a" is the name collections.OrderedDict, neither a tensor nor`},
		{"a shape of strings", proto + name("torch._utils _rebuild_tensor_v2") + tupleOf(storageOf("FloatStorage", "0", 1), number(0), tupleOf(text("x")), ints(1), "\x89", "N") + "R" + stop, "not described as PyTorch does"},
		{"a negative offset", proto + tensor(storageOf("FloatStorage", "0", 1), -1, []int{1}, []int{1}) + stop, "not described as PyTorch does"},
		{"few dictionaries that contain each other a million times", proto + bomb() + stop, "more than 131072 values"},
		{"dictionaries in dictionaries", proto + strings.Repeat("}("+text("a"), 10) + "}" + strings.Repeat("u", 10) + stop, "nested more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(archive(t, zip.Store, map[string]string{"data.pkl": c.program}))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestRefusesTensorsThatDoNotFit(t *testing.T) {
	for _, c := range []struct{ name, tensor, want string }{
		{"beyond the storage", tensor(storageOf("FloatStorage", "0", 4), 1, []int{4}, []int{1}), "reaches beyond the 4 elements"},
		{"by its strides", tensor(storageOf("FloatStorage", "0", 4), 0, []int{2}, []int{4}), "reaches beyond the 4 elements"},
		{"a storage larger than its entry", tensor(storageOf("FloatStorage", "0", 1<<30), 0, []int{1 << 30}, []int{1}), "do not fit"},
		{"more elements than stored, by stride 0", tensor(storageOf("FloatStorage", "0", 4), 0, []int{1 << 20}, []int{0}), "reaches beyond"},
		{"a shape whose product overflows", tensor(storageOf("FloatStorage", "0", 4), 0, []int{1 << 30, 1 << 30, 1 << 30}, []int{1, 1, 1}), "out of range"},
		{"an entry that is missing", tensor(storageOf("FloatStorage", "9", 4), 0, []int{4}, []int{1}), "no entry data/9"},
		{"integers", tensor(storageOf("LongStorage", "0", 2), 0, []int{2}, []int{1}), "floating-point"},
		{"NaN", tensor(storageOf("FloatStorage", "1", 2), 0, []int{2}, []int{1}), "element 1 is NaN"},
		{"infinity", tensor(storageOf("HalfStorage", "2", 1), 0, []int{1}, []int{1}), "element 0 is +Inf"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := read(archive(t, zip.Store, map[string]string{
				"data.pkl": proto + dictOf(text("w"), c.tensor) + stop,
				"data/0":   floats(1, 2, 3, 4), "data/1": floats(1, float32(math.NaN())), "data/2": "\x00\x7c",
			}))
			if err != nil {
				t.Fatal(err)
			}
			_, err = f.Read("w")
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `"w"`) || !strings.Contains(err.Error(), "test.pth") {
				t.Fatalf("error %v, want one with %q, the tensor and the file", err, c.want)
			}
		})
	}
}

func TestRefusesFilesThatAreNotWeights(t *testing.T) {
	legacy := "\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03."
	good := archive(t, zip.Store, map[string]string{"data.pkl": proto + "}" + stop})
	for _, c := range []struct{ name, content, want string }{
		{"empty", "", "the file is empty"},
		{"an error page", "<!DOCTYPE html><html><body>Not Found</body></html>", "an error page"},
		{"the old format, truncated", legacy, "the pickle is truncated"},
		{"a truncated archive", string(good[:len(good)-10]), "damaged or truncated"},
		{"an archive of something else", string(archive(t, zip.Store, map[string]string{"readme": "x"})), "without data.pkl"},
		{"numbers of another byte order", string(archive(t, zip.Store, map[string]string{"data.pkl": proto + "}" + stop, "byteorder": "big"})), `byte order "big"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "w.pth")
			if err := os.WriteFile(name, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Open(name)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), name) {
				t.Fatalf("error %v, want one with %q and the file", err, c.want)
			}
		})
	}
	if _, err := Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "a folder, but a file") {
		t.Errorf("a folder: %v", err)
	}
}

func TestAFlippedBitIsNoticed(t *testing.T) {
	content := archive(t, zip.Store, map[string]string{
		"data.pkl": proto + dictOf(text("w"), tensor(storageOf("FloatStorage", "0", 2), 0, []int{2}, []int{1})) + stop,
		"data/0":   floats(1, 2),
	})
	at := bytes.Index(content, []byte(floats(1, 2)))
	content[at] ^= 1
	f, err := read(content)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read("w"); err == nil || !strings.Contains(err.Error(), "data/0 is damaged") {
		t.Fatalf("error %v", err)
	}
}

// Both formats contain the same numbers, and every truncation of either is refused without a panic.
func TestOfficialFiles(t *testing.T) {
	for _, stem := range []string{"dino_v1", "dinov2", "dinov2_reg4"} {
		var all [2]*File
		for i, ext := range []string{".pth", ".safetensors"} {
			f, err := Open(sharedtest.Path(t, "vit", stem+ext))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			all[i] = f
		}
		if len(all[0].Tensors) != len(all[1].Tensors) {
			t.Fatalf("%s: %d and %d tensors", stem, len(all[0].Tensors), len(all[1].Tensors))
		}
		for _, x := range all[0].Tensors {
			a, err := all[0].Read(x.Name)
			if err != nil {
				t.Fatal(err)
			}
			b, err := all[1].Read(x.Name)
			if err != nil || !slices.Equal(a, b) {
				t.Fatalf("%s, %s: the two files differ (%v)", stem, x.Name, err)
			}
		}
	}
	content, err := os.ReadFile(sharedtest.Path(t, "vit", "dinov2.pth"))
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut < len(content); cut += 997 {
		if _, err := read(content[:cut]); err == nil {
			t.Fatalf("%d of %d bytes were accepted", cut, len(content))
		}
	}
}

// FuzzPickle: no program causes a panic, or takes more memory than its size allows.
func FuzzPickle(f *testing.F) {
	f.Add([]byte(proto + dictOf(text("w"), tensor(storageOf("FloatStorage", "0", 4), 0, []int{2, 2}, []int{2, 1})) + stop))
	f.Add([]byte("\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00}\x94\x8c\x01a\x94K\x01s" + stop))
	f.Add([]byte(proto + "(" + number(1) + "\x8a\x02\x00\xff\x85\x86\x87l" + stop))
	f.Fuzz(func(t *testing.T, program []byte) {
		root, err := unpickle(program)
		if err != nil {
			return
		}
		c := collector{views: map[string]view{}}
		if err := c.collect(root, "", 0); err != nil {
			return
		}
		for _, v := range c.views {
			if len(v.shape) != len(v.stride) || v.offset < 0 {
				t.Fatalf("a view %+v", v)
			}
		}
	})
}

// FuzzOpen: no file causes a panic, and every listed tensor can be read or fails.
func FuzzOpen(f *testing.F) {
	f.Add(archive(f, zip.Store, map[string]string{
		"data.pkl": proto + dictOf(text("w"), tensor(storageOf("FloatStorage", "0", 2), 0, []int{2}, []int{1})) + stop, "data/0": floats(1, 2)}))
	var b bytes.Buffer
	if err := safetensors.Write(&b, []safetensors.Tensor{safetensors.FromFloat32("w", []float32{1}, 1)}, nil); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(legacyFile("M\xe9\x03", dictOf(text("little_endian"), "\x88"), dictOf(text("w"), tensor(storageOf("FloatStorage", "0", 2), 0, []int{2}, []int{1})), []string{"0"}, floats(1, 2)))
	f.Fuzz(func(t *testing.T, content []byte) {
		file, err := Read("fuzz", bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return
		}
		for _, x := range file.Tensors {
			values, err := file.Read(x.Name)
			if err != nil {
				continue
			}
			n := 1
			for _, d := range x.Shape {
				n *= d
			}
			if len(values) != n {
				t.Fatalf("%q: %d values for shape %v", x.Name, len(values), x.Shape)
			}
		}
	})
}

// Names are joined, so a small file could demand all available memory.
func TestNamesAreBounded(t *testing.T) {
	for name, root := range map[string]*dict{
		"one":          {keys: []any{strings.Repeat("k", maxName+1)}, values: []any{int64(1)}},
		"two together": {keys: []any{strings.Repeat("k", maxName-1)}, values: []any{&dict{keys: []any{"ab"}, values: []any{view{}}}}},
	} {
		c := collector{views: map[string]view{}}
		if err := c.collect(root, "", 0); err == nil || !strings.Contains(err.Error(), "bytes") || len(err.Error()) > 400 {
			t.Errorf("%s: error %v", name, err)
		}
	}
	many := &dict{}
	for range maxNames/maxName + 1 {
		many.keys, many.values = append(many.keys, strings.Repeat("k", maxName)), append(many.values, int64(1))
	}
	if err := (&collector{views: map[string]view{}}).collect(many, "", 0); err == nil {
		t.Error("names that exceed the total bound were accepted")
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, []safetensors.Tensor{safetensors.FromFloat32(strings.Repeat("k", maxName+1), []float32{1}, 1)}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := Read("x", bytes.NewReader(b.Bytes()), int64(b.Len())); err == nil || !strings.Contains(err.Error(), "has 1001 bytes") || len(err.Error()) > 400 {
		t.Errorf("safetensors: error %v", err)
	}
}
