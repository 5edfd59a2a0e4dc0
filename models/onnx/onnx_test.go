package onnx

import (
	"bytes"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/encoding/protowire"

	"iconic/internal/onnxtest"
	"iconic/internal/sharedtest"
)

// sample has one of everything that the package interprets.
func sample() *Model {
	big := make([]float32, 512)
	for i := range big {
		big[i] = float32(i)
	}
	return &Model{
		IRVersion: 8, Producer: "test", Opsets: map[string]int64{"": 17, "other": 1}, Metadata: []Entry{{"key", "value"}},
		Graph: &Graph{
			Name: "g",
			Nodes: []*Node{
				{Name: "n", Op: "Op", Domain: "other", Inputs: []string{"x", "", "w"}, Outputs: []string{"y"}, Attributes: []Attribute{
					Int("i", -3), Ints("is", 1, 0, -1), Float("f", 0.5), {Name: "s", Kind: KindString, String: []byte("text")},
					{Name: "t", Kind: KindTensor, Tensor: Constant("", Int64, []byte{1, 0, 0, 0, 0, 0, 0, 0})},
					{Name: "fs", Kind: KindFloats, Floats: []float32{1, 0}},
				}},
			},
			Initializers: []*Tensor{
				Constant("w", Float32, Floats(big), 2, 256),
				Constant("scalar", Float32, Floats([]float32{1})),
				Constant("empty", Float32, nil, 0, 4),
				Constant("big2", Float32, Floats(big[1:]), 511),
			},
			Inputs:  []Value{{Name: "x", Type: Float32, Shape: []Dim{{Name: "batch"}, {Size: 3}, {}}}, {Name: "any", Type: Int64}},
			Outputs: []Value{{Name: "y", Type: Float32, Shape: []Dim{}}},
		},
	}
}

// equal compares two models, tensors by their elements.
func equal(t *testing.T, got, want *Model) {
	t.Helper()
	content := cmp.Transformer("tensor", func(x *Tensor) any {
		if x == nil || x.Load == nil {
			return nil
		}
		b, err := x.Load()
		if err != nil {
			t.Fatal(err)
		}
		return []any{x.Name, x.Type, len(x.Dims), append([]int64{}, x.Dims...), string(b)}
	})
	if d := cmp.Diff(want, got, content, cmp.AllowUnexported(Model{}, Graph{}, Node{}, Attribute{}, Value{}), cmpopts.EquateEmpty()); d != "" {
		t.Fatalf("-want +got:\n%s", d)
	}
}

func TestRoundTrip(t *testing.T) {
	var b bytes.Buffer
	if err := Write(&b, sample()); err != nil {
		t.Fatal(err)
	}
	m, err := Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, m, sample())
}

func TestLargeModelsSendTheirTensorsToASecondFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "m.onnx")
	if err := writeFile(name, sample(), nil, 1024); err != nil {
		t.Fatal(err)
	}
	stat, err := os.Stat(name + ".data")
	if err != nil || stat.Size() != externalAlign+511*4 {
		t.Fatalf("external data: %v, %v", stat, err)
	}
	m, err := ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, m, sample())

	t.Run("written again inline", func(t *testing.T) {
		var b bytes.Buffer
		if err := Write(&b, m); err != nil {
			t.Fatal(err)
		}
		again, err := Parse(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		equal(t, again, sample())
	})
	t.Run("truncated data", func(t *testing.T) {
		if err := os.Truncate(name+".data", 5000); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(name); err == nil || !strings.Contains(err.Error(), `"big2"`) {
			t.Fatalf("error %v does not name the tensor", err)
		}
	})
	t.Run("data missing", func(t *testing.T) {
		if err := os.Remove(name + ".data"); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(name); err == nil || !strings.Contains(err.Error(), "m.onnx.data") {
			t.Fatalf("error %v does not name the file", err)
		}
	})
}

func TestAFailedWriteLeavesNothing(t *testing.T) {
	broken := errors.New("weights cannot be read")
	for _, limit := range []int64{1 << 30, 1024} {
		folder := t.TempDir()
		m := sample()
		m.Graph.Initializers = append(m.Graph.Initializers, &Tensor{Name: "late", Type: Float32, Load: func() ([]byte, error) { return nil, broken }})
		if err := writeFile(filepath.Join(folder, "m.onnx"), m, nil, limit); !errors.Is(err, broken) {
			t.Fatalf("error %v", err)
		}
		if left, _ := os.ReadDir(folder); len(left) > 0 {
			t.Fatalf("left behind: %v", left)
		}
	}
}

// A model that replaces another uses a free name for its data, and removes the earlier data once it is in place.
func TestAModelReplacesAnotherOnlyWhenItIsProved(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "m.onnx")
	files := func() map[string]string {
		found := map[string]string{}
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(folder, e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			found[e.Name()] = string(b)
		}
		return found
	}
	names := func() string { return strings.Join(slices.Sorted(maps.Keys(files())), " ") }
	right := func(file string) error {
		m, err := ReadFile(file)
		if err == nil {
			equal(t, m, sample())
		}
		return err
	}
	disproved := errors.New("it does something else")
	wrong := func(file string) error { return errors.Join(right(file), disproved) }
	for _, step := range []struct {
		limit int64
		want  string
	}{
		{1024, "m.onnx m.onnx.data"}, {1024, "m.onnx m.onnx_data"}, {1024, "m.onnx m.onnx.data"}, {1 << 30, "m.onnx"}, {1024, "m.onnx m.onnx.data"},
	} {
		before := files()
		if err := writeFile(name, sample(), wrong, step.limit); !errors.Is(err, disproved) {
			t.Fatalf("error %v", err)
		}
		if !maps.Equal(files(), before) {
			t.Fatalf("a refused model leaves %s", names())
		}
		if err := writeFile(name, sample(), right, step.limit); err != nil {
			t.Fatal(err)
		}
		if got := names(); got != step.want {
			t.Fatalf("files %s, want %s", got, step.want)
		}
		m, err := ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, m, sample())
	}
	// A file that the earlier model does not use belongs to somebody else.
	if err := os.WriteFile(name+"_data", []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := files()
	if err := writeFile(name, sample(), nil, 1024); err == nil || !strings.Contains(err.Error(), "both exist") {
		t.Fatalf("error %v", err)
	}
	if !maps.Equal(files(), before) {
		t.Fatalf("a refused model leaves %s", names())
	}
	if err := writeFile(name, sample(), nil, 1<<30); err != nil || names() != "m.onnx m.onnx_data" {
		t.Fatalf("files %s, error %v", names(), err)
	}
}

func TestATensorOfTheWrongLengthIsNotWritten(t *testing.T) {
	m := sample()
	m.Graph.Initializers[0].Dims = []int64{3}
	if err := Write(&bytes.Buffer{}, m); err == nil || !strings.Contains(err.Error(), `"w"`) {
		t.Fatalf("error %v does not name the tensor", err)
	}
}

// bytesField wraps a message in a field.
func bytesField(number protowire.Number, content ...byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
}

// withTensor is a model with one tensor, given as its message.
func withTensor(tensor []byte) []byte {
	return append(bytesField(7, bytesField(5, tensor...)...), bytesField(8, protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 17)...)...)
}

func TestParseRefuses(t *testing.T) {
	number := func(field protowire.Number, v uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, field, protowire.VarintType), v)
	}
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	external := func(entries ...string) []byte {
		out := join(number(1, 2), number(2, uint64(Float32)), bytesField(8, 'w'), number(14, 1))
		for i := 0; i < len(entries); i += 2 {
			out = append(out, bytesField(13, join(bytesField(1, []byte(entries[i])...), bytesField(2, []byte(entries[i+1])...))...)...)
		}
		return out
	}
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, "no graph or no operator set: replace it with a whole copy, or give another file"},
		{"text", []byte("<html>not found</html>"), "not an ONNX model: it is a web page"},
		{"a Git LFS pointer", []byte("version https://git-lfs.github.com/spec/v1\n"), "not an ONNX model: it is a Git LFS pointer"},
		{"two graphs", append(withTensor(nil), withTensor(nil)...), "two graphs"},
		{"a shape that overflows", withTensor(join(number(1, 1<<40), number(1, 1<<40), number(2, uint64(Float32)))), "out of range"},
		{"a negative dimension", withTensor(join(number(1, 1<<63), number(2, uint64(Float32)))), "out of range"},
		{"too few bytes", withTensor(join(number(1, 2), number(2, uint64(Float32)), bytesField(9, 1, 2, 3, 4))), "4 bytes do not fill"},
		{"no data", withTensor(join(number(1, 2), number(2, uint64(Float32)))), "no data"},
		{"external data without a folder", withTensor(external("location", "x")), "not a file in the model's folder"},
		{"external data at no number", withTensor(external("location", "x", "offset", "-1")), "offset"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Parse(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want one with %q", err, c.want)
			}
		})
	}
	t.Run("external data outside the folder", func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "m.onnx")
		if err := os.WriteFile(name, withTensor(external("location", "../../etc/passwd")), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadFile(name); err == nil || !strings.Contains(err.Error(), "not a file in the model's folder") {
			t.Fatalf("error %v", err)
		}
	})
}

// Tensors of nested graphs are preserved as read, including their locations.
func TestDataOfNestedGraphsDoNotComeAlong(t *testing.T) {
	folder := t.TempDir()
	branch := bytesField(5, bytesField(6, bytesField(5, onnxtest.External("inner", "inner.bin", 1)...)...)...) // attribute, graph, initializer
	name := filepath.Join(folder, "m.onnx")
	graph := append(bytesField(5, onnxtest.External("outer", "outer.bin", 1)...), bytesField(1, branch...)...)
	model := append(bytesField(7, graph...), bytesField(8, 2<<3, 17)...)
	for file, content := range map[string]string{"m.onnx": string(model), "inner.bin": "four", "outer.bin": "four"} {
		if err := os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, err := ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(t.TempDir(), "other.onnx")
	if err := WriteFile(other, m); err == nil || !strings.Contains(err.Error(), `"inner.bin"`) {
		t.Errorf("written without its branch's data: %v", err)
	}
	if _, err := os.Stat(other); err == nil {
		t.Error("an unreadable model is left behind")
	}
}

// Every place of a nested graph that names a value is found and renamed, and what only looks like one is not.
func TestEveryMentionInANestedGraphIsFound(t *testing.T) {
	named := func(field protowire.Number, name string) []byte { return bytesField(field, []byte(name)...) }
	places := map[string][]byte{
		"a node's input":             bytesField(1, named(1, "x")...),
		"a node's output":            bytesField(1, named(2, "x")...),
		"a tensor":                   bytesField(5, named(8, "x")...),
		"an input":                   bytesField(11, named(1, "x")...),
		"an output":                  bytesField(12, named(1, "x")...),
		"a value between":            bytesField(13, named(1, "x")...),
		"the values of a sparse one": bytesField(15, bytesField(1, named(8, "x")...)...),
		"a graph of a node's":        bytesField(1, bytesField(5, bytesField(6, bytesField(12, named(1, "x")...)...)...)...),
	}
	others := map[string][]byte{
		"a node's name": bytesField(1, named(3, "x")...), "the graph's name": named(2, "x"), "another value": bytesField(12, named(1, "xy")...), "indices": bytesField(15, bytesField(2, named(8, "x")...)...),
		"text": named(10, "x"), "a tensor's text": bytesField(5, named(12, "x")...),
	}
	count := func(n *Node, name string) (found int) {
		if err := n.Nested(func(of string) {
			if of == name {
				found++
			}
		}); err != nil {
			t.Fatal(err)
		}
		return found
	}
	for _, attribute := range []protowire.Number{6, 11} { // a graph, and graphs
		for of, want := range map[*map[string][]byte]int{&places: 1, &others: 0} {
			for place, graph := range *of {
				n := &Node{}
				if err := n.parse(bytesField(5, append(named(1, "branch"), bytesField(attribute, graph...)...)...), ""); err != nil {
					t.Fatal(err)
				}
				before := slices.Clone(n.Attributes[0].rest)
				if got := count(n, "x"); got != want {
					t.Errorf("%s in field %d: found %d times", place, attribute, got)
				}
				n.renameNested("x", "another")
				if got := count(n, "another"); got != want || count(n, "x") != 0 || want == 0 && !bytes.Equal(before, n.Attributes[0].rest) {
					t.Errorf("%s in field %d: renamed %d times", place, attribute, got)
				}
			}
		}
	}
}

func TestNestedGraphsAreSearchedOnlyAsDeepAsAnyoneReadsThem(t *testing.T) {
	node := func(depth int) *Node {
		b := bytesField(1, 'x')
		for range depth {
			b = bytesField(5, bytesField(6, bytesField(1, b...)...)...) // attribute, graph, node
		}
		n := &Node{Name: "n"}
		if err := n.parse(b, ""); err != nil {
			t.Fatal(err)
		}
		return n
	}
	var got []string
	if err := node(30).Nested(func(name string) { got = append(got, name) }); err != nil || !slices.Equal(got, []string{"x"}) {
		t.Errorf("%q, %v", got, err)
	}
	n := node(40)
	if err := n.Nested(func(string) {}); err == nil || !strings.Contains(err.Error(), "nested more than") {
		t.Error(err)
	}
	if b := NewBuilder(&Model{Graph: &Graph{Nodes: []*Node{n}}}, ""); b.Err() == nil {
		t.Error("a builder took it")
	}
	damaged := &Node{Attributes: []Attribute{{rest: bytesField(6, bytesField(1, 0xff)...)}}}
	if err := damaged.Nested(func(string) {}); err == nil {
		t.Error("a damaged graph was searched")
	}
}

// Other writers store numbers in typed lists.
func TestReadsTypedLists(t *testing.T) {
	floats := bytesField(4, append(protowire.AppendFixed32(nil, 0x3f800000), protowire.AppendFixed32(nil, 0x40000000)...)...)
	tensor := append(protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), 2), protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 1)...)
	m, err := Parse(withTensor(append(tensor, floats...)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := m.Graph.Initializers[0].Load()
	if err != nil || !bytes.Equal(b, Floats([]float32{1, 2})) {
		t.Fatalf("%v, %v", b, err)
	}
}

// A dimension below 1 is free, and stays so when the model is written.
func TestDimensionsBelowOneAreFree(t *testing.T) {
	dim := func(size int64) []byte {
		return bytesField(1, protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), uint64(size))...)
	}
	tensor := append([]byte{1 << 3, byte(Float32)}, bytesField(2, bytes.Join([][]byte{dim(-1), dim(3), dim(0), dim(-224)}, nil)...)...)
	input := append(bytesField(1, 'x'), bytesField(2, bytesField(1, tensor...)...)...)
	m, err := Parse(append(bytesField(7, bytesField(11, input...)...), bytesField(8, 2<<3, 17)...))
	for range 2 {
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]Dim{{}, {Size: 3}, {}, {}}, m.Graph.Inputs[0].Shape); d != "" {
			t.Fatalf("-want +got:\n%s", d)
		}
		var b bytes.Buffer
		if err := Write(&b, m); err != nil {
			t.Fatal(err)
		}
		m, err = Parse(b.Bytes())
	}
}

func TestWhatAnotherToolWroteSurvives(t *testing.T) {
	name := sharedtest.Path(t, "models", "vit_tiny_patch16_224_cls.onnx")
	m, err := ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if m.Opsets[""] != 14 || m.Producer != "pytorch" || m.Graph.Outputs[0].Describe() != "[batch_size 192]" {
		t.Fatalf("opsets %v, producer %q, output %s", m.Opsets, m.Producer, m.Graph.Outputs[0].Describe())
	}
	var b bytes.Buffer
	if err := Write(&b, m); err != nil {
		t.Fatal(err)
	}
	again, err := Parse(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, again, m)
}

// FuzzParse: no input causes a panic, and a readable model can be written and read again.
func FuzzParse(f *testing.F) {
	var b bytes.Buffer
	small := sample() // inputs are minimised byte by byte
	small.Graph.Initializers = small.Graph.Initializers[1:3]
	if err := Write(&b, small); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add(withTensor(nil))
	f.Fuzz(func(t *testing.T, content []byte) {
		m, err := Parse(content)
		if err != nil {
			return
		}
		var b bytes.Buffer
		if err := Write(&b, m); err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(b.Bytes()); err != nil {
			t.Fatal(err)
		}
	})
}
