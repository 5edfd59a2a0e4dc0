package extract

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"path/filepath"
	"testing"

	"iconic/extract/store"
)

// moving is a GIF of two frames, different for each seed.
func moving(t *testing.T, seed uint8) []byte {
	t.Helper()
	frame := image.NewPaletted(image.Rect(0, 0, 20, 20), color.Palette{color.Gray{seed}, color.White})
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, &gif.GIF{Image: []*image.Paletted{frame, frame}, Delay: []int{1, 1}}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Files of several frames are counted by every extraction, whether it reads them, takes their features from another store or knows them from
// an earlier run, also an interrupted one.
func TestSeveralFramesAreCounted(t *testing.T) {
	data, base := folder(t, 20), t.TempDir()
	for i := range 10 {
		write(t, filepath.Join(data, "class1", fmt.Sprintf("moving%d.gif", i)), moving(t, uint8(20*i)))
	}
	write(t, filepath.Join(data, "class1", "moving.gif"), moving(t, 7)[:30]) // damaged
	c := reusing(t, data, filepath.Join(base, "first"))
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"at first", func() {}},
		{"with known features", func() {}},
		{"with features of another store", func() { c.Out = filepath.Join(base, "second") }},
		{"without the stamps of files", func() { t.Setenv("XDG_CACHE_HOME", t.TempDir()) }},
		{"after an interrupt", func() {
			c.Out, c.Anew, c.Batch = filepath.Join(base, "third"), true, 1
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			_, err := Run(ctx, c, Hooks{Progress: func(done, _ int) {
				if done >= 20 {
					cancel()
				}
			}})
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}},
		{"in parts", func() {
			c.Out, c.Part, c.Parts = filepath.Join(base, "parts"), 2, 2
			extract(t, c)
			c.Part = 1
			extract(t, c)
			parts := []string{filepath.Join(c.Out, store.PartName(1, 2)), filepath.Join(c.Out, store.PartName(2, 2))}
			c.Out, c.Part, c.Parts = filepath.Join(base, "merged"), 0, 0
			if _, err := Merge(t.Context(), parts, c.Out, nil); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		step.do()
		if s := extract(t, c); s.Several != 10 || s.Bad() != 1 {
			t.Errorf("%s: %d of several frames, want 10, and %d bad", step.name, s.Several, s.Bad())
		}
		same(t, step.name, filepath.Join(base, "first"), c.Out)
	}
}
