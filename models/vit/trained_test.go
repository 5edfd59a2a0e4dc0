package vit

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// Anything that training leaves around an encoder does not affect the encoder.
func TestCheckpointsAsTrained(t *testing.T) {
	want := state(small, schemes[0], "")
	renamed := func(rename func(string) string) map[string][]int {
		out := map[string][]int{}
		for name, shape := range want {
			out[rename(name)] = shape
		}
		return out
	}
	with := func(m map[string][]int, more ...string) map[string][]int {
		m = maps.Clone(m)
		for _, name := range more {
			m[name] = []int{3}
		}
		return m
	}
	both := func(a, b string) map[string][]int {
		m := state(small, schemes[0], a)
		maps.Copy(m, state(small, schemes[0], b))
		return m
	}
	for _, c := range []struct {
		name   string
		shapes map[string][]int
		prefix string
		note   string
	}{
		{"a compiled module", renamed(func(n string) string { return "_orig_mod." + n }), "", ""},
		{"data parallel", renamed(func(n string) string { return "student.module.backbone." + n }), "student.backbone.", ""},
		{"consecutive chunks", renamed(func(n string) string {
			return strings.NewReplacer("blocks.0.", "blocks.0.0.", "blocks.1.", "blocks.1.1.").Replace(n)
		}), "", ""},
		{"chunks that count from 0", renamed(func(n string) string {
			return strings.NewReplacer("blocks.0.", "blocks.0.0.", "blocks.1.", "blocks.1.0.").Replace(n)
		}), "", ""},
		{"one chunk", renamed(func(n string) string { return strings.Replace(n, "blocks.", "blocks.0.", 1) }), "", ""},
		{"heads beside it", with(state(small, schemes[0], "teacher.backbone."), "teacher.dino_head.mlp.0.weight", "teacher.ibot_head.last_layer.weight_v", "dino_loss.center"), "teacher.backbone.", "teacher.dino_head.mlp.0.weight"},
		{"a head within", with(want, "head.weight"), "", "head.weight"},
		{"a classifier behind it", with(state(small, schemes[0], "backbone."), "classifier.weight", "fc.bias"), "backbone.", "classifier.weight, fc.bias"},
		{"heads for contrastive learning", with(state(small, schemes[0], "backbone."), "projector.0.weight", "predictor.0.weight"), "backbone.", "projector.0.weight"},
		{"a generator and a queue beside it", with(state(small, schemes[0], "model."), "rng", "queue.0"), "model.", "2 tensors that do not affect the features were left out: queue.0, rng"},
		{"teacher and student", both("student.module.backbone.", "teacher.backbone."), "teacher.backbone.", `not the one under "student.backbone."`},
		{"an average over the steps", both("model.", "model_ema."), "model_ema.", "model."},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, a, err := inspect(open(t, c.shapes, nil), 2)
			if err != nil || a != small || l.prefix != c.prefix {
				t.Fatalf("%+v, %v; want %+v under %q", a, err, small, c.prefix)
			}
			if notes := strings.Join(l.notes, "; "); !strings.Contains(notes, c.note) || c.note == "" && notes != "" {
				t.Errorf("notes %q, want one with %q", notes, c.note)
			}
		})
	}
}

func TestTensorsOfAModelAreNotLeftOut(t *testing.T) {
	for _, name := range []string{"model.neck.weight", "model.blocks.0.adapter.weight", "neck.weight"} {
		prefix := "model."
		if name == "neck.weight" { // within the model, for all that is known
			prefix = "backbone."
		}
		m := state(small, schemes[0], prefix)
		m[name] = []int{3}
		if _, _, err := inspect(open(t, m, nil), 2); err == nil || !strings.Contains(err.Error(), "not part of one: "+name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// timm stores positions with the class token, without it, or with all tokens that are not patches.
func TestPositionsOfTimm(t *testing.T) {
	for positions, before := range map[int]int{9: 0, 10: 1, 11: 2} {
		shapes := state(small, schemes[0], "")
		shapes["pos_embed"] = []int{1, positions, 8}
		l, a, err := inspect(open(t, shapes, nil), 2)
		if err != nil || a != small || l.positions != before {
			t.Errorf("%d positions: %+v, %v", positions, a, err)
		}
	}
}

// The published counts of DINOv3's ViT-S, S+, B and L, in millions. All weights are counted, including the mask token, except the bias of
// the keys, which is masked and which the transformers library does not have.
func TestParametersOfDINOv3(t *testing.T) {
	for _, c := range []struct {
		width, depth, hidden int
		gated                bool
		millions             float64
	}{
		{384, 12, 1536, false, 21.6}, {384, 12, 1536, true, 28.7}, {768, 12, 3072, false, 85.7}, {1024, 24, 4096, false, 303.1},
	} {
		a := Architecture{Family: DINOv3, Width: c.width, Depth: c.depth, Heads: c.width / 64, Patch: 16, Registers: 4, Hidden: c.hidden, Gated: c.gated, Scaled: true}
		if got := float64(a.Parameters()) / 1e6; got < c.millions-0.05 || got > c.millions+0.05 {
			t.Errorf("width %d: %.2f million, want %.1f", c.width, got, c.millions)
		}
	}
}

// By hand: on a grid of 2 the centres are −½ and ½, so a period of 1 gives half a turn.
func TestRotations(t *testing.T) {
	cos, sin := rotations([]float32{1}, 2, 1, false), rotations([]float32{2}, 2, 1, true)
	if want := append([]float32{1, 1, 1, 1}, slices.Repeat([]float32{-1}, 16)...); !slices.Equal(cos, want) {
		t.Errorf("cosines %v", cos)
	}
	if want := []float32{0, 0, 0, 0, 1, 1, -1, -1, 1, -1, -1, 1}; !slices.Equal(sin[:12], want) {
		t.Errorf("sines %v, want %v", sin[:12], want)
	}
}
