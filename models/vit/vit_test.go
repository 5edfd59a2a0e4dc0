package vit

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"iconic/internal/safetensors"
	"iconic/models/onnx"
	"iconic/models/weights"
)

// small is an encoder that fits a test: two blocks, width 8, two heads, patches of 2, trained on 6×6.
var small = Architecture{Family: DINOv2, Width: 8, Depth: 2, Heads: 2, Patch: 2, Grid: 3, Registers: 1, Hidden: 12, Gated: true, Scaled: true}

// state is the shapes of an encoder's tensors under the names of a scheme.
func state(a Architecture, s scheme, prefix string) map[string][]int {
	l := &layout{scheme: &s, prefix: prefix, depth: a.Depth}
	out := map[string][]int{}
	for r, shape := range a.shapes() {
		switch {
		case r == registers && a.Registers == 0, r == maskToken && a.Family != DINOv2,
			(r == scale1 || r == scale2) && !a.Scaled,
			(r == gateWeight || r == gateBias || r == gatedWeight || r == gatedBias) && !a.Gated,
			(r == fc1Weight || r == fc1Bias || r == fc2Weight || r == fc2Bias) && a.Gated:
			continue
		}
		if s.once[r] != "" {
			out[l.name(r, -1)] = shape
		}
		for b := range a.Depth {
			if s.block[r] != "" {
				out[l.name(r, b)] = shape
			}
		}
	}
	return out
}

// open makes a file of weights whose elements count up from a small number.
func open(t testing.TB, shapes map[string][]int, metadata map[string]string) *weights.File {
	t.Helper()
	var tensors []safetensors.Tensor
	for name, shape := range shapes {
		n := 1
		for _, d := range shape {
			n *= d
		}
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i%7-3) / 16
		}
		tensors = append(tensors, safetensors.FromFloat32(name, x, shape...))
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, metadata); err != nil {
		t.Fatal(err)
	}
	f, err := weights.Read("test.safetensors", bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestArchitectureIsReadOffTheShapes(t *testing.T) {
	plain := Architecture{Family: DINO, Width: 64, Depth: 3, Heads: 1, Patch: 4, Grid: 2, Hidden: 128}
	scaled := Architecture{Family: DINOv2, Width: 128, Depth: 1, Heads: 2, Patch: 4, Grid: 2, Registers: 4, Hidden: 256, Scaled: true}
	for _, c := range []struct {
		name   string
		arch   Architecture
		scheme scheme
		prefix string
		heads  int
	}{
		{"official names", plain, schemes[0], "", 1},
		{"official names behind a prefix", plain, schemes[0], "teacher.backbone.", 1},
		{"transformers names of DINO", plain, schemes[2], "vit.", 1},
		{"registers and layer scale", scaled, schemes[0], "", 2},
		{"transformers names of DINOv2", scaled, schemes[1], "", 2},
		{"SwiGLU", small, schemes[0], "", 2},
		{"SwiGLU under transformers names", small, schemes[1], "dinov2.", 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := open(t, state(c.arch, c.scheme, c.prefix), nil)
			got, err := Inspect(f, c.heads)
			if err != nil || got != c.arch {
				t.Fatalf("%+v, %v; want %+v", got, err, c.arch)
			}
			n := 0
			for _, shape := range state(c.arch, c.scheme, c.prefix) {
				size := 1
				for _, d := range shape {
					size *= d
				}
				n += size
			}
			if n != c.arch.Parameters() {
				t.Errorf("Parameters() = %d, the file has %d numbers", c.arch.Parameters(), n)
			}
		})
	}
}

func TestHeadsMayStandInTheMetadata(t *testing.T) {
	shapes := state(small, schemes[0], "")
	if a, err := Inspect(open(t, shapes, map[string]string{"heads": "4"}), 0); err != nil || a.Heads != 4 {
		t.Errorf("%d heads, %v; want 4", a.Heads, err)
	}
	for _, said := range []string{"x", "0", "-1", "3"} {
		if _, err := Inspect(open(t, shapes, map[string]string{"heads": said}), 0); err == nil {
			t.Errorf("%q heads were accepted", said)
		}
	}
	var notes []string
	given := Options{ImageSize: 6, Output: CLS, Heads: 2, Note: func(text string) { notes = append(notes, text) }}
	if _, a, err := Import(open(t, shapes, map[string]string{"heads": "4"}), given); err != nil || a.Heads != 2 || len(notes) != 1 || !strings.Contains(notes[0], `"4" attention heads, and the 2 that were given`) {
		t.Errorf("%d heads, %v, notes %q; want 2 and a note", a.Heads, err, notes)
	}
	if _, err := Inspect(open(t, shapes, nil), 0); err == nil || !strings.Contains(err.Error(), "give it, such as 1") {
		t.Errorf("an unknown number of heads: %v", err)
	}
}

func TestRefusesOtherEncoders(t *testing.T) {
	change := func(edit func(m map[string][]int)) map[string][]int {
		m := state(small, schemes[0], "")
		edit(m)
		return m
	}
	for _, c := range []struct {
		name   string
		shapes map[string][]int
		want   []string
	}{
		{"a convolutional network", map[string][]int{"conv1.weight": {8, 3, 7, 7}, "fc.bias": {10}}, []string{"not the weights of a DINO", "conv1.weight"}},
		{"a missing tensor", change(func(m map[string][]int) { delete(m, "blocks.1.norm2.bias") }), []string{"missing: blocks.1.norm2.bias", "2 blocks"}},
		{"many missing tensors", change(func(m map[string][]int) {
			for b := range 2 {
				for _, n := range []string{"norm1", "norm2", "attn.proj"} {
					delete(m, "blocks."+string(rune('0'+b))+"."+n+".bias")
				}
			}
		}), []string{"and 1 more"}},
		{"an extra tensor", change(func(m map[string][]int) { m["fc_norm.weight"] = []int{8} }), []string{"not part of one: fc_norm.weight"}},
		{"layer scale only in the second block", change(func(m map[string][]int) { delete(m, "blocks.0.ls1.gamma") }), []string{"not part of one: blocks.1.ls1.gamma"}},
		{"a block left out", change(func(m map[string][]int) {
			for name, shape := range m {
				if rest, ok := strings.CutPrefix(name, "blocks.1."); ok {
					delete(m, name)
					m["blocks.2."+rest] = shape
				}
			}
		}), []string{"missing: blocks.1."}},
		{"a position embedding left out", change(func(m map[string][]int) { delete(m, "pos_embed") }), []string{"missing: pos_embed"}},
		{"one tensor twice", change(func(m map[string][]int) { m["reg_token"] = m["register_tokens"] }), []string{"reg_token", "both the registers"}},
		{"an odd shape", change(func(m map[string][]int) { m["blocks.1.attn.proj.weight"] = []int{8, 9} }), []string{"blocks.1.attn.proj.weight", "[8 9]", "want [8 8]"}},
		{"patches that do not form a square", change(func(m map[string][]int) { m["pos_embed"] = []int{1, 8, 8} }), []string{"pos_embed", "do not form a square"}},
		{"grey pictures", change(func(m map[string][]int) { m["patch_embed.proj.weight"] = []int{8, 1, 2, 2} }), []string{"patch_embed.proj.weight", "width×3×patch×patch"}},
		{"no size at all", change(func(m map[string][]int) { m["patch_embed.proj.weight"] = []int{0, 3, 0, 0} }), []string{"width×3×patch×patch"}},
		{"no blocks", change(func(m map[string][]int) {
			for name := range m {
				if strings.HasPrefix(name, "blocks.") {
					delete(m, name)
				}
			}
		}), []string{"no transformer block"}},
		{"two encoders", func() map[string][]int {
			m := state(small, schemes[0], "student.")
			for n, s := range state(small, schemes[0], "other.") {
				m[n] = s
			}
			return m
		}(), []string{"more than one encoder", "other."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Inspect(open(t, c.shapes, nil), 2)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, want := range append(c.want, "test.safetensors") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func TestImportRefusesOptions(t *testing.T) {
	f := open(t, state(small, schemes[0], ""), nil)
	for _, c := range []struct {
		options Options
		want    string
	}{
		{Options{ImageSize: 7, Output: CLS, Heads: 2}, "multiple of the encoder's patch of 2 pixels, such as 6 or 8"},
		{Options{ImageSize: 0, Output: CLS, Heads: 2}, "multiple"},
		{Options{ImageSize: -2, Output: CLS, Heads: 2}, "multiple"},
		{Options{ImageSize: 1 << 20, Output: CLS, Heads: 2}, "at most"},
		{Options{ImageSize: 6, Output: "pooled", Heads: 2}, "want cls, patch or both"},
		{Options{ImageSize: 6, Output: CLS, Heads: 3}, "3 heads do not divide the width 8"},
	} {
		if _, _, err := Import(f, c.options); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: error %v, want one with %q", c.options, err, c.want)
		}
	}
}

// Every tensor is in the graph, each initializer is used, and each value is computed before it is used.
func TestGraphIsWhole(t *testing.T) {
	for _, s := range schemes[:2] {
		for _, o := range []Output{CLS, Patch, Both} {
			m, a, err := Import(open(t, state(small, s, ""), nil), Options{ImageSize: 8, Output: o, Heads: 2})
			if err != nil {
				t.Fatal(err)
			}
			known, used := map[string]bool{InputName: true}, map[string]bool{}
			for _, x := range m.Graph.Initializers {
				if known[x.Name] {
					t.Errorf("%s twice", x.Name)
				}
				known[x.Name] = true
				b, err := x.Load()
				if want, _ := x.Bytes(); err != nil || int64(len(b)) != want {
					t.Errorf("%s: %d bytes, %v; want %d", x.Name, len(b), err, want)
				}
			}
			for _, n := range m.Graph.Nodes {
				for _, in := range n.Inputs {
					if used[in] = true; !known[in] {
						t.Errorf("node %s uses %s before it is computed", n.Name, in)
					}
				}
				for _, out := range n.Outputs {
					if known[out] {
						t.Errorf("%s computed twice", out)
					}
					known[out] = true
				}
				if n.Domain != "" {
					t.Errorf("node %s has domain %s: only standard operators are portable", n.Name, n.Domain)
				}
			}
			for _, x := range m.Graph.Initializers {
				if !used[x.Name] {
					t.Errorf("%s is not used", x.Name)
				}
			}
			if !known[OutputName] || m.Graph.Outputs[0].Shape[1].Size != int64(a.Dim(o)) {
				t.Errorf("output %v", m.Graph.Outputs)
			}
		}
	}
}

func TestAWeightThatIsNaNStopsTheImport(t *testing.T) {
	shapes := state(small, schemes[0], "")
	var tensors []safetensors.Tensor
	for name, shape := range shapes {
		n := 1
		for _, d := range shape {
			n *= d
		}
		x := make([]float32, n)
		if name == "blocks.1.mlp.w3.weight" {
			x[5] = float32(math.NaN())
		}
		tensors = append(tensors, safetensors.FromFloat32(name, x, shape...))
	}
	var b bytes.Buffer
	if err := safetensors.Write(&b, tensors, nil); err != nil {
		t.Fatal(err)
	}
	f, err := weights.Read("test.safetensors", bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := Import(f, Options{ImageSize: 6, Output: CLS, Heads: 2})
	if err != nil {
		t.Fatal(err)
	}
	if err := onnx.Write(&bytes.Buffer{}, m); err == nil || !strings.Contains(err.Error(), `"blocks.1.mlp.w3.weight": element 5 is NaN`) {
		t.Fatalf("error %v", err)
	}
}

func TestInterpolation(t *testing.T) {
	t.Run("a table of the right size is used as it is", func(t *testing.T) {
		x := []float32{1, 2, 3, 4}
		for _, antialias := range []bool{false, true} {
			if got := interpolate(x, 2, 2, 1, antialias); !slices.Equal(got, x) {
				t.Errorf("%v", got)
			}
		}
	})
	// torch.nn.functional.interpolate(arange(16).reshape(1,1,4,4)**2, mode="bicubic", …) of PyTorch 2.
	t.Run("as in PyTorch", func(t *testing.T) {
		x := make([]float32, 16)
		for i := range x {
			x[i] = float32(i * i)
		}
		for _, c := range []struct {
			size      int
			antialias bool
			want      []float32
		}{
			{2, false, []float32{4.354394, 16.25283, 103.875, 150.6851}},
			{3, false, []float32{1.500636, 4.580093, 11.63238, 33.12004, 50.60098, 72.01337, 128.3554, 160.1965, 195.9277}},
			{5, false, []float32{-1.061266, -0.9685333, 0.2514912, 3.193725, 6.518088, 5.437139, 8.900742, 14.72062, 22.10671, 29.03765, 31.80052, 39.86398, 51.96078, 65.41093, 77.26336, 85.48717, 97.9945, 116.1554, 135.4639, 152.071, 144.0423, 160.1562, 183.2386, 207.3017, 227.7675}},
			{2, true, []float32{13.01066, 27.06373, 109.2538, 149.9941}},
			{3, true, []float32{1.572344, 5.846609, 13.41393, 40.10182, 58.10631, 79.40388, 131.3201, 163.0549, 198.0827}},
			{6, true, []float32{-1.083793, -0.9752292, -0.3055521, 1.343572, 4.408675, 6.66275, 4.423376, 6.356402, 9.910131, 14.10621, 20.05537, 24.1339, 21.09795, 25.91503, 34.02778, 42.25, 52.75817, 59.72076, 52.74709, 60.11112, 72.25002, 84.02779, 98.5621, 108.0717, 107.7485, 117.9965, 134.6945, 150.4984, 169.5917, 181.9853, 147.5838, 159.6564, 179.2383, 197.5892, 219.5666, 233.7846}},
		} {
			got := interpolate(x, 4, c.size, 1, c.antialias)
			for i, w := range c.want {
				if math.Abs(float64(got[i]-w)) > 1e-4*225 {
					t.Errorf("size %d, antialias %v: %v, want %v", c.size, c.antialias, got, c.want)
					break
				}
			}
		}
	})
	t.Run("a constant stays constant", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			grid, size := rapid.IntRange(1, 12).Draw(t, "grid"), rapid.IntRange(1, 12).Draw(t, "size")
			x := slices.Repeat([]float32{2, -3}, grid*grid)
			for i, v := range interpolate(x, grid, size, 2, rapid.Bool().Draw(t, "antialias")) {
				if want := x[i%2]; math.Abs(float64(v-want)) > 1e-6 {
					t.Fatalf("element %d became %g", i, v)
				}
			}
		})
	})
}
