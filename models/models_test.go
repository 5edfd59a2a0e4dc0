package models

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"iconic/internal/onnxfiles"
	"iconic/internal/onnxtest"
	"iconic/internal/safetensors"
	"iconic/models/onnx"
	"iconic/models/precision"
	"iconic/models/vit"
	"iconic/option"
)

// The published sizes: Caron et al. 2021, table 1, the state dictionaries of DINO and DINOv2, and for DINOv3 the counts of the transformers
// library in models of these sizes (21.6, 28.7, 85.7, 303.1 and 840.6 million).
func TestRegistryCountsParameters(t *testing.T) {
	want := map[string]int{
		"dino-vits16": 21_665_664, "dino-vits8": 21_670_272, "dino-vitb16": 85_798_656, "dino-vitb8": 85_807_872,
		"dinov2-small": 22_056_576, "dinov2-base": 86_580_480, "dinov2-large": 304_368_640, "dinov2-giant": 1_136_480_768,
		"dinov3-vits16": 21_596_544, "dinov3-vits16plus": 28_692_864, "dinov3-vitb16": 85_660_416, "dinov3-vitl16": 303_129_600,
		"dinov3-vitl16-sat493m": 303_129_600, "dinov3-vith16plus": 840_592_640,
	}
	seen := map[string]bool{}
	for _, e := range Registry() {
		if seen[e.Name] {
			t.Errorf("%s twice", e.Name)
		}
		seen[e.Name] = true
		n := e.Architecture.Parameters()
		if plain, ok := strings.CutSuffix(e.Name, "-reg4"); ok {
			if n != want[plain]+4*e.Architecture.Width {
				t.Errorf("%s has %d parameters", e.Name, n)
			}
		} else if n != want[e.Name] {
			t.Errorf("%s has %d parameters, want %d", e.Name, n, want[e.Name])
		}
		if e.Architecture.Width/e.Architecture.Heads != 64 || e.Repository == "" || e.Licence == "" || e.Source == "" {
			t.Errorf("%+v", e)
		}
		if v3 := e.Architecture.Family == vit.DINOv3; v3 != (e.Form != "") || v3 != (e.KNN == 0) || v3 != strings.HasPrefix(e.URL, dinov3Host) || !v3 && !(e.KNN > 70 && e.Linear > e.KNN) {
			t.Errorf("%+v", e)
		}
	}
	if len(seen) != 18 {
		t.Errorf("%d encoders, want 18", len(seen))
	}
}

func TestLookup(t *testing.T) {
	for name, want := range map[string]string{
		"dinov2-small": "dinov2-small", "facebook/dinov2-small": "dinov2-small", "dinov2_vits14": "dinov2-small", "dinov2_vits14_reg4": "dinov2-small-reg4",
		"dinov3-vits16": "dinov3-vits16", "dinov3_vits16plus": "dinov3-vits16plus", "dinov3_vitl16": "dinov3-vitl16",
		"facebook/dinov3-vitl16-pretrain-sat493m": "dinov3-vitl16-sat493m", "dinov3-vith16plus-pretrain-lvd1689m": "dinov3-vith16plus",
	} {
		if e, err := Lookup(name); err != nil || e.Name != want {
			t.Errorf("%s is %s, %v; want %s", name, e.Name, err, want)
		}
	}
	if _, err := Lookup("dinov2-huge"); err == nil || !strings.Contains(err.Error(), "dinov2-large") || strings.Contains(err.Error(), TinyName) || strings.Contains(err.Error(), "file") {
		t.Errorf("an unknown name: %v", err)
	}
	if _, err := Resolve(t.Context(), "dinov2-huge", Options{}); err == nil || !strings.HasSuffix(err.Error(), "tiny, or a file (.onnx, .pth, .safetensors)") {
		t.Errorf("an unknown name: %v", err)
	}
}

// Addresses have the spelling of the official code.
func TestAddressesOfDINOv3(t *testing.T) {
	for name, want := range map[string][2]string{
		"dinov3-vits16plus":     {"https://dinov3.llamameta.net/dinov3_vits16plus/dinov3_vits16plus_pretrain_lvd1689m-4057cbaa.pth", "facebook/dinov3-vits16plus-pretrain-lvd1689m"},
		"dinov3-vitl16-sat493m": {"https://dinov3.llamameta.net/dinov3_vitl16/dinov3_vitl16_pretrain_sat493m-eadcf0ff.pth", "facebook/dinov3-vitl16-pretrain-sat493m"},
	} {
		if e, err := Lookup(name); err != nil || e.URL != want[0] || e.Repository != want[1] {
			t.Errorf("%s: %s and %s, %v", name, e.URL, e.Repository, err)
		}
	}
}

func TestPreprocessingKeepsTheProportion(t *testing.T) {
	for size, want := range map[int]int{224: 256, 448: 512, 518: 592, 32: 37} {
		if p := preprocessing(size); p.Resize != want || p.Crop != size {
			t.Errorf("%d: %+v, want shorter side %d", size, p, want)
		}
	}
}

// weightsFile writes random weights of a small DINO encoder and returns the file's name.
func weightsFile(t *testing.T, width, grid int) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "own.safetensors")
	if err := safetensors.WriteFile(name, smallEncoder(width, grid), map[string]string{"heads": "2"}); err != nil {
		t.Fatal(err)
	}
	return name
}

// smallEncoder is random weights of a small DINO encoder of one block.
func smallEncoder(width, grid int) []safetensors.Tensor {
	const patch, hidden = 4, 32
	var tensors []safetensors.Tensor
	add := func(name string, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		x := make([]float32, n)
		for i := range x {
			x[i] = float32((i*2654435761+len(tensors))%97)/97 - 0.5
		}
		tensors = append(tensors, safetensors.FromFloat32(name, x, shape...))
	}
	add("cls_token", 1, 1, width)
	add("pos_embed", 1, 1+grid*grid, width)
	add("patch_embed.proj.weight", width, 3, patch, patch)
	add("patch_embed.proj.bias", width)
	for _, n := range []string{"norm.weight", "norm.bias", "blocks.0.norm1.weight", "blocks.0.norm1.bias", "blocks.0.norm2.weight", "blocks.0.norm2.bias", "blocks.0.attn.proj.bias", "blocks.0.mlp.fc2.bias"} {
		add(n, width)
	}
	add("blocks.0.attn.qkv.weight", 3*width, width)
	add("blocks.0.attn.qkv.bias", 3*width)
	add("blocks.0.attn.proj.weight", width, width)
	add("blocks.0.mlp.fc1.weight", hidden, width)
	add("blocks.0.mlp.fc1.bias", hidden)
	add("blocks.0.mlp.fc2.weight", width, hidden)
	return tensors
}

func TestResolveKeepsImports(t *testing.T) {
	name := weightsFile(t, 16, 8)
	cache := t.TempDir()
	paths := map[string]string{}
	for _, o := range []Options{
		{ImageSize: 32}, {ImageSize: 16}, {ImageSize: 32, Output: vit.Patch}, {ImageSize: 32, Output: vit.Both},
		{ImageSize: 32, Precision: precision.Float16}, {ImageSize: 32, Precision: precision.Int8}, {ImageSize: 32, Heads: 4},
	} {
		o.Cache = cache
		m, err := Resolve(t.Context(), name, o)
		if err != nil {
			t.Fatal(err)
		}
		key := fmt.Sprint(o.ImageSize, o.Output, o.Precision, o.Heads)
		if other, taken := paths[m.Path]; taken {
			t.Errorf("%s and %s share %s", key, other, m.Path)
		}
		paths[m.Path] = key
		before, err := os.Stat(m.Path)
		if err != nil {
			t.Fatal(err)
		}
		if m.ImageSize != o.ImageSize || m.Preprocessing.Crop != o.ImageSize || m.Bytes != before.Size() || m.Name != "own" {
			t.Errorf("%+v", m)
		}
		if _, err := Resolve(t.Context(), name, o); err != nil {
			t.Fatal(err)
		}
		if after, err := os.Stat(m.Path); err != nil || after.ModTime() != before.ModTime() {
			t.Errorf("%s was imported twice", key)
		}
	}
}

// A model in the cache that was truncated, changed or lost is made again, with a note; so is one without a record.
func TestResolveMakesAgainWhatIsNoLongerWhole(t *testing.T) {
	name := weightsFile(t, 16, 8)
	var notes []string
	o := Options{ImageSize: 32, PullOptions: PullOptions{Cache: t.TempDir(), Note: func(text string) { notes = append(notes, text) }}}
	m, err := Resolve(t.Context(), name, o)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(m.Path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Remember(o.Cache, "ab12", m.Path); err != nil {
		t.Fatal(err)
	}
	changed := append([]byte(nil), whole...)
	changed[len(changed)/2] ^= 1
	left, long := filepath.Join(filepath.Dir(m.Path), ".iconic-tmp-00000000-abc-abcdefghijkl"), time.Unix(1, 0)
	for _, c := range []struct {
		name, note string
		damage     func() error
	}{
		{"a changed byte", "is damaged: ", func() error { return os.WriteFile(m.Path, changed, 0o600) }},
		{"a truncated file", "is damaged: ", func() error { return os.Truncate(m.Path, 100) }},
		{"a missing file", "is damaged: ", func() error { return os.Remove(m.Path) }},
		{"no seal", "importing", func() error { return os.Remove(filepath.Join(filepath.Dir(m.Path), "seal.json")) }},
		{"a killed writer's files", "importing", func() error {
			return errors.Join(os.Remove(filepath.Join(filepath.Dir(m.Path), "seal.json")), os.WriteFile(left, nil, 0o600), os.Chtimes(left, long, long))
		}},
	} {
		notes = nil
		if err := c.damage(); err != nil {
			t.Fatal(err)
		}
		if _, ok := Recall(o.Cache, "ab12"); ok && c.note != "importing" {
			t.Errorf("%s: the model is recalled", c.name)
		}
		if _, err := Resolve(t.Context(), name, o); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got, err := os.ReadFile(m.Path); err != nil || string(got) != string(whole) {
			t.Errorf("%s: %d bytes, %v", c.name, len(got), err)
		}
		if !strings.Contains(strings.Join(notes, "; "), c.note) {
			t.Errorf("%s: notes %q, want one with %q", c.name, notes, c.note)
		}
		if _, err := os.Stat(left); err == nil {
			t.Errorf("%s: a killed writer's files are left", c.name)
		}
		if _, ok := Recall(o.Cache, "ab12"); !ok {
			t.Errorf("%s: the model is not recalled afterwards", c.name)
		}
	}
}

func TestResolveByNameTakesOnlyTheEncoderOfThatName(t *testing.T) {
	name := weightsFile(t, 16, 8)
	_, err := Resolve(t.Context(), "dino-vits16", Options{PullOptions: PullOptions{Cache: t.TempDir(), From: name}})
	if err == nil || !strings.Contains(err.Error(), "weights of another encoder") || !strings.Contains(err.Error(), "width 16") {
		t.Fatalf("error %v", err)
	}
}

// given writes an ONNX file with one output of the given shape; nil leaves the rank unknown.
func given(t *testing.T, input, output []onnx.Dim) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "given.onnx")
	err := onnx.WriteFile(name, &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: &onnx.Graph{
		Name:    "g",
		Nodes:   []*onnx.Node{{Name: "n", Op: "Identity", Inputs: []string{"x"}, Outputs: []string{"y"}}},
		Inputs:  []onnx.Value{{Name: "x", Type: onnx.Float32, Shape: input}},
		Outputs: []onnx.Value{{Name: "y", Type: onnx.Float32, Shape: output}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestResolveONNX(t *testing.T) {
	pictures := []onnx.Dim{{Name: "batch"}, {Size: 3}, {Size: 28}, {Size: 28}}
	pooled := []onnx.Dim{{Name: "batch"}, {Size: 8}, {Size: 1}, {Size: 1}}
	row, tokens := []onnx.Dim{{Name: "batch"}, {Size: 8}}, []onnx.Dim{{Name: "batch"}, {Size: 5}, {Size: 8}}
	for _, c := range []struct {
		name          string
		input, output []onnx.Dim
		options       Options
		want          string // of the error; "": none
		dim           int
		asItIs        bool
	}{
		{"one row per image", pictures, row, Options{}, "", 8, true},
		{"the class token of one row", pictures, row, Options{Output: vit.CLS}, "", 8, true},
		{"patches of one row", pictures, row, Options{Output: vit.Patch}, "no patch tokens", 0, false},
		{"tokens", pictures, tokens, Options{}, "choose cls, patch or both", 0, false},
		{"the class token of tokens", pictures, tokens, Options{Output: vit.CLS}, "", 8, false},
		{"patches of tokens", pictures, tokens, Options{Output: vit.Patch}, "", 8, false},
		{"both of tokens", pictures, tokens, Options{Output: vit.Both}, "", 16, false},
		{"an unknown rank", pictures, nil, Options{}, "unknown shape: choose", 0, false},
		{"an unknown rank, known to the user", pictures, nil, Options{Output: AsIs}, "", 0, true},
		{"a pooled picture", pictures, pooled, Options{}, "", 8, true},
		{"a pooled picture, as it is", pictures, pooled, Options{Output: AsIs}, "", 8, true},
		{"four dimensions", pictures, pictures, Options{}, "want batch×features", 0, false},
		{"a made-up output", pictures, row, Options{Output: "mean"}, `output "mean"`, 0, false},
		{"grey pictures", []onnx.Dim{{Name: "batch"}, {Size: 1}, {Size: 28}, {Size: 28}}, row, Options{}, "batch×3×height×width", 0, false},
		{"another size", pictures, row, Options{ImageSize: 32}, "28×28 pixels, not 32", 0, false},
		{"nothing to quantise", pictures, row, Options{Precision: precision.Int8}, "no linear layer", 0, false},
		{"nothing to narrow", pictures, row, Options{Precision: precision.Float16}, "no float32 weights", 0, false},
		{"a precision of its own", pictures, row, Options{Precision: "int4"}, `precision "int4"`, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := given(t, c.input, c.output)
			c.options.Cache = t.TempDir()
			m, err := Resolve(t.Context(), name, c.options)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("error %v, want one with %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if m.Dim != c.dim || (m.Path == name) != c.asItIs || m.ImageSize != 28 || m.Preprocessing != nil {
				t.Errorf("%+v", m)
			}
			if _, err := onnx.ReadFile(m.Path); err != nil {
				t.Error(err)
			}
		})
	}
}

// The size that an ONNX file declares is the only one; if it declares one side, that is the other, too; and if none, the file stays as it is.
func TestImageSizesOfONNXFiles(t *testing.T) {
	row := []onnx.Dim{{Name: "batch"}, {Size: 8}}
	for _, c := range []struct {
		height, width int64 // 0: free
		size          int
		out           bool
		want          int
		err           string
	}{
		{28, 28, 28, false, 28, ""}, {28, 28, 32, false, 0, "28×28 pixels, not 32×32"},
		{48, 64, 0, false, 0, ""}, {48, 64, 48, false, 0, "64×48 pixels, not 48×48"}, {48, 64, 64, false, 0, "64×48 pixels, not 64×64"},
		{48, 0, 0, false, 48, ""}, {0, 48, 48, false, 48, ""}, {48, 0, 64, false, 0, "48×48 pixels, not 64×64"}, {0, 48, 64, false, 0, "48×48 pixels, not 64×64"},
		{0, 0, 0, false, 0, ""}, {0, 0, 64, false, 0, ""}, {0, 0, 0, true, 0, ""}, {0, 0, 64, true, 0, "any size"},
	} {
		o := Options{ImageSize: c.size, PullOptions: PullOptions{Cache: t.TempDir()}}
		if c.out {
			o.Out = filepath.Join(t.TempDir(), "out.onnx")
		}
		m, err := Resolve(t.Context(), given(t, []onnx.Dim{{Name: "batch"}, {Size: 3}, {Size: c.height}, {Size: c.width}}, row), o)
		var option *option.Error
		switch {
		case c.err == "" && (err != nil || m.ImageSize != c.want):
			t.Errorf("%+v: %+v, %v", c, m, err)
		case c.err != "" && (!errors.As(err, &option) || option.Option != "ImageSize" || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%+v: error %v", c, err)
		}
	}
}

// Of several outputs one is named, or the only one that fits is taken with a note; otherwise all are listed. The same choice is the same file,
// however it was made, and no other choice is.
func TestResolveChoosesAmongOutputs(t *testing.T) {
	batch := onnx.Dim{Name: "batch"}
	row := func(name string, width int64) onnx.Value {
		return onnx.Value{Name: name, Type: onnx.Float32, Shape: []onnx.Dim{batch, {Size: width}}}
	}
	tokens := func(name string) onnx.Value {
		return onnx.Value{Name: name, Type: onnx.Float32, Shape: []onnx.Dim{batch, {Size: 5}, {Size: 8}}}
	}
	index := onnx.Value{Name: "index", Type: onnx.Int64, Shape: []onnx.Dim{batch}}
	probabilities, features := row("probabilities", 4), row("features", 8)
	logits, last, pooled := row("logits", 4), tokens("last_hidden_state"), row("pooler_output", 8)
	for _, c := range []struct {
		name     string
		outputs  []onnx.Value
		exported bool
		output   vit.Output
		want     vit.Output // with the note that says so, unless it is the request
		dim      int
		err      string
	}{
		{name: "an export of a run", outputs: []onnx.Value{probabilities, features}, exported: true, want: "features", dim: 8},
		{name: "probabilities on request", outputs: []onnx.Value{probabilities, features}, exported: true, output: "probabilities", want: "probabilities", dim: 4},
		{name: "another file with these names", outputs: []onnx.Value{probabilities, features}, err: `2 outputs, "probabilities" [batch 4], "features" [batch 8]: choose one by its name`},
		{name: "logits and features", outputs: []onnx.Value{logits, features}, err: `"logits" [batch 4], "features" [batch 8]: choose one`},
		{name: "logits and features, as they are", outputs: []onnx.Value{logits, features}, output: AsIs, err: "choose one"},
		{name: "logits and features, the class token", outputs: []onnx.Value{logits, features}, output: vit.CLS, err: "choose one"},
		{name: "logits and features, one named", outputs: []onnx.Value{logits, features}, output: "features", want: "features", dim: 8},
		{name: "tokens and a pooled row", outputs: []onnx.Value{last, pooled}, err: "choose one by its name, or a part of tokens such as last_hidden_state:cls"},
		{name: "the class token", outputs: []onnx.Value{last, pooled}, output: vit.CLS, want: "last_hidden_state:cls", dim: 8},
		{name: "the class token, though the row is first", outputs: []onnx.Value{pooled, last}, output: vit.CLS, want: "last_hidden_state:cls", dim: 8},
		{name: "both", outputs: []onnx.Value{last, pooled}, output: vit.Both, want: "last_hidden_state:both", dim: 16},
		{name: "the pooled row, as it is", outputs: []onnx.Value{last, pooled}, output: AsIs, want: "pooler_output", dim: 8},
		{name: "the pooled row by its name", outputs: []onnx.Value{last, pooled}, output: "pooler_output", want: "pooler_output", dim: 8},
		{name: "tokens by their name", outputs: []onnx.Value{last, pooled}, output: "last_hidden_state", err: "choose last_hidden_state:cls, last_hidden_state:patch or last_hidden_state:both"},
		{name: "a part of named tokens", outputs: []onnx.Value{last, tokens("earlier")}, output: "earlier:patch", want: "earlier:patch", dim: 8},
		{name: "a part of one of two", outputs: []onnx.Value{last, tokens("earlier")}, output: vit.CLS, err: "choose one"},
		{name: "the only one that is numbers", outputs: []onnx.Value{index, features}, want: "features", dim: 8},
		{name: "one that is no number", outputs: []onnx.Value{index, features}, output: "index", err: `output "index" is not float32`},
		{name: "one that is called cls", outputs: []onnx.Value{tokens("patch"), row("cls", 8)}, output: vit.CLS, want: "cls:as-is", dim: 8},
		{name: "one that is not there", outputs: []onnx.Value{logits, features}, output: "pooled", err: `no output "pooled", only "logits" [batch 4], "features" [batch 8]`},
		{name: "the single one by its name", outputs: []onnx.Value{features}, output: "features", want: "features", dim: 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "several.onnx")
			g := &onnx.Graph{Name: "g", Outputs: c.outputs, Inputs: []onnx.Value{{Name: "x", Type: onnx.Float32, Shape: []onnx.Dim{batch, {Size: 3}, {Size: 28}, {Size: 28}}}}}
			for _, v := range c.outputs {
				g.Nodes = append(g.Nodes, &onnx.Node{Name: v.Name, Op: "Identity", Inputs: []string{"x"}, Outputs: []string{v.Name}})
			}
			m := &onnx.Model{IRVersion: 8, Opsets: map[string]int64{"": 17}, Graph: g}
			if c.exported {
				m.Metadata = []onnx.Entry{{Key: "iconic.clusters", Value: "[]"}}
			}
			if err := onnx.WriteFile(file, m); err != nil {
				t.Fatal(err)
			}
			var notes []string
			o := Options{Output: c.output, PullOptions: PullOptions{Cache: t.TempDir(), Note: func(text string) { notes = append(notes, text) }}}
			got, err := Resolve(t.Context(), file, o)
			if c.err != "" {
				var choice *option.Error
				if err == nil || !strings.Contains(err.Error(), c.err) || !errors.As(err, &choice) || choice.Option != "Output" {
					t.Fatalf("error %v, want one about Output with %q", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if told := strings.Contains(strings.Join(notes, "\n"), ": using "+string(c.want)); got.Output != c.want || got.Dim != c.dim || told == (c.output == c.want || c.want == "cls:as-is") {
				t.Errorf("%+v with notes %q, want %s with %d features", got, notes, c.want, c.dim)
			}
			o.Output = c.want
			if again, err := Resolve(t.Context(), file, o); err != nil || again.Path != got.Path || (got.Path == file) != (len(c.outputs) == 1) {
				t.Errorf("%+v, %v; want %s", again, err, got.Path)
			}
			reduced, err := onnx.ReadFile(got.Path)
			if err != nil || len(reduced.Graph.Outputs) != 1 {
				t.Errorf("%d outputs, %v", len(reduced.Graph.Outputs), err)
			}
		})
	}
}

// A rewritten model is kept under a key of everything it was made from: a model whose weights are in an external file, of any name, counts
// as another one when they change, although its graph is the same.
func TestRewritesAreKeptByTheWeightsBesideTheGraph(t *testing.T) {
	m := onnxtest.Pooling(80, 8) // 300 weights: fewer are not worth narrowing
	m.Scale = "weights.bin"
	name := m.Write(t)
	o := Options{Precision: precision.Float16, PullOptions: PullOptions{Cache: t.TempDir()}}
	paths := map[string]bool{}
	for _, content := range []string{"\x00\x00\x80\x3f", "\x00\x00\x00\x40", "\x00\x00\x80\x3f"} { // 1, 2, 1
		if err := os.WriteFile(filepath.Join(filepath.Dir(name), m.Scale), []byte(strings.Repeat(content, 300)), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := Resolve(t.Context(), name, o)
		if err != nil {
			t.Fatal(err)
		}
		rewrite, err := onnx.ReadFile(got.Path)
		if err != nil {
			t.Fatal(err)
		}
		half, err := rewrite.Graph.Initializers[0].Load()
		if want := map[byte]string{0x3f: "\x00\x3c", 0x40: "\x00\x40"}[content[3]]; err != nil || string(half) != strings.Repeat(want, 300) {
			t.Errorf("the rewrite of %x holds %.8x…, %v; want %x", content, half, err, want)
		}
		paths[got.Path] = true
	}
	if len(paths) != 2 {
		t.Errorf("two encoders have %d rewrites: %v", len(paths), paths)
	}
	asItIs, err := Resolve(t.Context(), name, Options{PullOptions: PullOptions{Cache: t.TempDir()}})
	if stat, serr := os.Stat(name); err != nil || serr != nil || asItIs.Bytes != stat.Size()+4*300 {
		t.Errorf("%+v, %v: want the bytes of both files", asItIs, err)
	}
}

func TestResolveNamesWhatIsMissing(t *testing.T) {
	for _, name := range []string{"none.onnx", "none.pth", "none.safetensors"} {
		if _, err := Resolve(t.Context(), name, Options{PullOptions: PullOptions{Cache: t.TempDir()}}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Checkpoints have many endings: what counts is that a file is there, and its content.
func TestResolveTakesFilesByTheirContent(t *testing.T) {
	content, err := os.ReadFile(weightsFile(t, 16, 8))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, name := range []string{"last.ckpt", "model_best.pth.tar", "checkpoint"} {
		file := filepath.Join(folder, name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		m, err := Resolve(t.Context(), file, Options{ImageSize: 32, PullOptions: PullOptions{Cache: t.TempDir()}})
		if err != nil || m.From != file || m.Dim != 16 {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
		if err := os.WriteFile(file, []byte("something else"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = Resolve(t.Context(), file, Options{PullOptions: PullOptions{Cache: t.TempDir()}})
		wants(t, err, file, "neither a .pth archive nor a safetensors file")
		if err := os.WriteFile(file, []byte("version https://git-lfs.github.com/spec/v1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = Resolve(t.Context(), file, Options{PullOptions: PullOptions{Cache: t.TempDir()}})
		wants(t, err, file, "it is a Git LFS pointer: download the file itself with 'git lfs pull'")
	}
}

// The file that a user has named is in the error, and not the one that is written before it.
func TestErrorsOfAnImportNameTheFile(t *testing.T) {
	name := weightsFile(t, 16, 8)
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	taken := filepath.Join(t.TempDir(), "taken.onnx")
	damaged := slices.Clone(content)
	copy(damaged[len(damaged)-4:], "\x00\x00\xc0\x7f") // NaN
	for out, weights := range map[string][]byte{filepath.Join(t.TempDir(), "x.onnx"): damaged, taken: content} {
		if err := errors.Join(os.WriteFile(name, weights, 0o600), os.MkdirAll(filepath.Join(taken, "full"), 0o700)); err != nil {
			t.Fatal(err)
		}
		_, err := Resolve(t.Context(), name, Options{ImageSize: 32, Out: out, PullOptions: PullOptions{Cache: t.TempDir()}})
		if wants(t, err, out); strings.Contains(err.Error(), ".iconic-tmp") {
			t.Error(err)
		}
	}
}

func TestRemembersWhereEncodersLie(t *testing.T) {
	cache, folder := t.TempDir(), t.TempDir()
	name := filepath.Join(folder, "a.onnx")
	if _, ok := Recall(cache, "ab12"); ok {
		t.Error("recalled an encoder that was never remembered")
	}
	if err := errors.Join(os.WriteFile(name, []byte("x"), 0o600), Remember(cache, "ab12", name)); err != nil {
		t.Fatal(err)
	}
	if got, ok := Recall(cache, "ab12"); !ok || got != name {
		t.Errorf("recalled %q, %v", got, ok)
	}
	if _, ok := Recall(cache, "../encoders/ab12"); ok {
		t.Error("recalled a path for a checksum")
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if _, ok := Recall(cache, "ab12"); ok {
		t.Error("recalled a missing file")
	}
}

// An import replaces neither what it is made from nor a file of a feature store.
func TestImportsReplaceNoInput(t *testing.T) {
	weights, dir := weightsFile(t, 16, 8), t.TempDir()
	m := onnxtest.Pooling(80, 8)
	m.Scale = "weights.bin"
	graph := m.Write(t)
	external, shard := filepath.Join(filepath.Dir(graph), m.Scale), filepath.Join(dir, "features-00000.npy")
	for name, content := range map[string]string{external: strings.Repeat("\x00\x00\x80\x3f", 300), filepath.Join(dir, "manifest.json"): `{"format":"iconic feature store"}`, shard: "rows"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range [][3]string{
		{weights, weights, "is an input, which would be replaced"}, {graph, graph, "is an input, which would be replaced"},
		{graph, external, "is an input, which would be replaced"}, {TinyName, shard, "belongs to the feature store " + dir}, {TinyName, dir, "is a folder"},
	} {
		before, _ := os.ReadFile(c[1])
		_, err := Resolve(t.Context(), c[0], Options{Out: c[1]})
		wants(t, err, "import: "+c[1], c[2])
		if after, _ := os.ReadFile(c[1]); string(after) != string(before) {
			t.Errorf("%s was replaced", c[1])
		}
	}
}

// Every place of an encoder is remembered: a copy that was moved or exchanged does not hide another one.
func TestRemembersSeveralPlaces(t *testing.T) {
	cache, folder := t.TempDir(), t.TempDir()
	first, second := filepath.Join(folder, "first.onnx"), filepath.Join(folder, "second.onnx")
	var sum string
	for _, name := range []string{first, second} {
		written := onnxtest.Pooling(80, 8).Write(t)
		if err := os.Rename(written, name); err != nil {
			t.Fatal(err)
		}
		var err error
		if sum, _, err = onnxfiles.Sum(t.Context(), name); err != nil {
			t.Fatal(err)
		}
		if err := Remember(cache, sum, name); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want string) {
		t.Helper()
		if got, ok := Recall(cache, sum); !ok || got != want {
			t.Errorf("recalled %q, %v, want %s", got, ok, want)
		}
	}
	check(second)
	if err := os.WriteFile(second, []byte("another file"), 0o600); err != nil {
		t.Fatal(err)
	}
	check(first)
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	check(first)
	if err := os.WriteFile(filepath.Join(cache, "encoders", sum), []byte(first), 0o600); err != nil { // as earlier versions wrote it
		t.Fatal(err)
	}
	check(first)
	for _, other := range []string{"../../evil", "", "encoder"} {
		if err := Remember(cache, other, first); err == nil || !strings.Contains(err.Error(), "is not a SHA-256") {
			t.Errorf("%q is remembered: %v", other, err)
		}
	}
}
