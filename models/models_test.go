package models

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"iconic/internal/onnxtest"
	"iconic/internal/safetensors"
	"iconic/models/onnx"
	"iconic/models/precision"
	"iconic/models/vit"
)

// The published sizes: Caron et al. 2021, table 1, and the state dictionaries of both projects.
func TestRegistryCountsParameters(t *testing.T) {
	want := map[string]int{
		"dino-vits16": 21_665_664, "dino-vits8": 21_670_272, "dino-vitb16": 85_798_656, "dino-vitb8": 85_807_872,
		"dinov2-small": 22_056_576, "dinov2-base": 86_580_480, "dinov2-large": 304_368_640, "dinov2-giant": 1_136_480_768,
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
		if e.Architecture.Width/e.Architecture.Heads != 64 || !strings.HasPrefix(e.URL, host) || e.Repository == "" || e.Licence == "" || !(e.KNN > 70 && e.Linear > e.KNN) || e.Source == "" {
			t.Errorf("%+v", e)
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d encoders, want 12", len(seen))
	}
	if _, err := Lookup("dinov2-huge"); err == nil || !strings.Contains(err.Error(), "dinov2-large") || !strings.Contains(err.Error(), TinyName) {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestPreprocessingKeepsTheProportion(t *testing.T) {
	for size, want := range map[int]int{224: 256, 448: 512, 518: 592, 32: 37} {
		if p := preprocessing(size); p.Resize != want || p.Crop != size {
			t.Errorf("%d: %+v, want shorter side %d", size, p, want)
		}
	}
}

// mirror serves one file under the official path of e, with ranges, and may cut connections.
type mirror struct {
	sync.Mutex
	content []byte
	tag     string
	cut     int      // bytes after which a connection breaks; 0: never
	ranges  []string // what was asked for
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.Lock()
	defer m.Unlock()
	m.ranges = append(m.ranges, r.Header.Get("Range"))
	if m.tag != "" {
		w.Header().Set("ETag", m.tag)
	}
	if m.cut == 0 {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(m.content))
		return
	}
	start, status := 0, http.StatusOK
	if s, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes="); ok && r.Header.Get("If-Range") == m.tag {
		start, _ = strconv.Atoi(strings.TrimSuffix(s, "-"))
		status = http.StatusPartialContent
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", start, len(m.content)-1, len(m.content)))
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(m.content)-start))
	w.WriteHeader(status)
	_, _ = w.Write(m.content[start:min(start+m.cut, len(m.content))]) // then the handler ends and the connection breaks
}

func serve(t *testing.T, m *mirror) string {
	t.Helper()
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	return s.URL
}

func TestPull(t *testing.T) {
	e, err := Lookup("dinov2-small")
	if err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("0123456789abcdef"), 1000)
	t.Run("keeps and checks the checksum", func(t *testing.T) {
		m := &mirror{content: content, tag: `"1"`}
		o := PullOptions{Cache: t.TempDir(), From: serve(t, m)}
		first, err := Pull(t.Context(), e, o)
		if err != nil || !first.First || first.Bytes != int64(len(content)) || !strings.HasPrefix(first.From, o.From) {
			t.Fatalf("%+v, %v", first, err)
		}
		again, err := Pull(t.Context(), e, o)
		if err != nil || again.First || again.SHA256 != first.SHA256 || len(m.ranges) != 1 {
			t.Fatalf("%+v, %v after %d requests", again, err, len(m.ranges))
		}
		if err := os.WriteFile(first.Path, content[1:], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Pull(t.Context(), e, o); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), first.SHA256) {
			t.Fatalf("changed weights: %v", err)
		}
		if err := os.Remove(first.Path); err != nil {
			t.Fatal(err)
		}
		m.content = content[2:]
		if _, err := Pull(t.Context(), e, o); !errors.Is(err, ErrChanged) {
			t.Fatalf("weights changed at the source: %v", err)
		}
	})
	t.Run("goes on where a connection was cut", func(t *testing.T) {
		m := &mirror{content: content, tag: `"1"`, cut: 7000}
		o := PullOptions{Cache: t.TempDir(), From: serve(t, m)}
		p, err := Pull(t.Context(), e, o)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(p.Path); !bytes.Equal(got, content) {
			t.Fatal("other bytes arrived")
		}
		if want := []string{"", "bytes=7000-", "bytes=14000-"}; !slices.Equal(m.ranges, want) {
			t.Errorf("asked for %q, want %q", m.ranges, want)
		}
		if left, _ := filepath.Glob(p.Path + ".part*"); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	t.Run("in a later run", func(t *testing.T) {
		m := &mirror{content: content, tag: `"1"`, cut: 1000}
		o := PullOptions{Cache: t.TempDir(), From: serve(t, m)}
		if _, err := Pull(t.Context(), e, o); err == nil || !strings.Contains(err.Error(), "3000 of 16000 bytes") {
			t.Fatalf("a server that always cuts: %v", err)
		}
		m.cut = 0
		p, err := Pull(t.Context(), e, o)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(p.Path); !bytes.Equal(got, content) || m.ranges[len(m.ranges)-1] != "bytes=3000-" {
			t.Fatalf("asked for %q", m.ranges)
		}
	})
	t.Run("starts again when the file has changed meanwhile", func(t *testing.T) {
		m := &mirror{content: content, tag: `"1"`, cut: 1000}
		o := PullOptions{Cache: t.TempDir(), From: serve(t, m)}
		if _, err := Pull(t.Context(), e, o); err == nil {
			t.Fatal("complete?")
		}
		m.cut, m.tag, m.content = 0, `"2"`, slices.Concat([]byte("new"), content)
		p, err := Pull(t.Context(), e, o)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(p.Path); !bytes.Equal(got, m.content) {
			t.Fatal("two versions were joined")
		}
	})
	t.Run("says what to do when nothing can be reached", func(t *testing.T) {
		s := httptest.NewServer(http.NotFoundHandler())
		defer s.Close()
		cache := t.TempDir()
		_, err := Pull(t.Context(), e, PullOptions{Cache: cache, From: s.URL})
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Fatalf("error %v", err)
		}
		for _, want := range []string{"404", e.URL + " by hand", filepath.Join(cache, "weights", e.Name), "--from"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("error %q lacks %q", err, want)
			}
		}
	})
	t.Run("from a folder, a file, and by hand", func(t *testing.T) {
		folder := t.TempDir()
		name := filepath.Join(folder, "dinov2_vits14_pretrain.pth")
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, from := range []string{folder, name} {
			p, err := Pull(t.Context(), e, PullOptions{Cache: t.TempDir(), From: from})
			if err != nil || p.From != name {
				t.Errorf("%s: %+v, %v", from, p, err)
			}
		}
		cache := t.TempDir()
		hand := filepath.Join(cache, "weights", e.Name)
		if err := os.MkdirAll(hand, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(hand, "model.safetensors"), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := Pull(t.Context(), e, PullOptions{Cache: cache, From: "http://127.0.0.1:1"}); err != nil || !p.First {
			t.Errorf("by hand: %+v, %v", p, err)
		}
		if _, err := Pull(t.Context(), e, PullOptions{Cache: t.TempDir(), From: t.TempDir()}); err == nil || !strings.Contains(err.Error(), "dinov2_vits14_pretrain.pth") {
			t.Errorf("an empty folder: %v", err)
		}
	})
	t.Run("can be cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		m := &mirror{content: content, tag: `"1"`}
		o := PullOptions{Cache: t.TempDir(), From: serve(t, m), Progress: func(string, int64, int64) { cancel() }}
		if _, err := Pull(ctx, e, o); !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
	})
	t.Run("a damaged lock file is named", func(t *testing.T) {
		cache := t.TempDir()
		if err := os.WriteFile(lockFile(cache), []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
		m := &mirror{content: content}
		if _, err := Pull(t.Context(), e, PullOptions{Cache: cache, From: serve(t, m)}); err == nil || !strings.Contains(err.Error(), lockFile(cache)) {
			t.Fatalf("error %v", err)
		}
	})
}

// weightsFile writes random weights of a small DINO encoder and gives its name.
func weightsFile(t *testing.T, width, grid int) string {
	t.Helper()
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
	name := filepath.Join(t.TempDir(), "own.safetensors")
	if err := safetensors.WriteFile(name, tensors, map[string]string{"heads": "2"}); err != nil {
		t.Fatal(err)
	}
	return name
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

func TestResolveByNameTakesOnlyTheEncoderOfThatName(t *testing.T) {
	name := weightsFile(t, 16, 8)
	_, err := Resolve(t.Context(), "dino-vits16", Options{PullOptions: PullOptions{Cache: t.TempDir(), From: name}})
	if err == nil || !strings.Contains(err.Error(), "weights of another encoder") || !strings.Contains(err.Error(), "width 16") {
		t.Fatalf("error %v", err)
	}
}

// given writes an ONNX file with one output of the shape given; nil leaves the rank unknown.
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
	row, tokens := []onnx.Dim{{Name: "batch"}, {Size: 8}}, []onnx.Dim{{Name: "batch"}, {Size: 5}, {Size: 8}}
	for _, c := range []struct {
		name          string
		input, output []onnx.Dim
		options       Options
		want          string // of the error; "": none
		dim           int
		asItIs        bool
	}{
		{"one row an image", pictures, row, Options{}, "", 8, true},
		{"the class token of one row", pictures, row, Options{Output: vit.CLS}, "", 8, true},
		{"patches of one row", pictures, row, Options{Output: vit.Patch}, "no patch tokens", 0, false},
		{"tokens", pictures, tokens, Options{}, "say with --output which to take: cls, patch or both", 0, false},
		{"the class token of tokens", pictures, tokens, Options{Output: vit.CLS}, "", 8, false},
		{"patches of tokens", pictures, tokens, Options{Output: vit.Patch}, "", 8, false},
		{"both of tokens", pictures, tokens, Options{Output: vit.Both}, "", 16, false},
		{"an unknown rank", pictures, nil, Options{}, "unknown shape: say with --output", 0, false},
		{"an unknown rank, known to the user", pictures, nil, Options{Output: AsIs}, "", 0, true},
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

// A rewrite is kept by all that it was made from: a model whose weights lie beside it in a file of any name is another one when they
// change, though its graph is the same.
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

func TestRemembersWhereEncodersLie(t *testing.T) {
	cache, folder := t.TempDir(), t.TempDir()
	name := filepath.Join(folder, "a.onnx")
	if _, ok := Recall(cache, "ab12"); ok {
		t.Error("recalled what it was never told")
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
		t.Error("recalled a file that is gone")
	}
}
