package extract

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"path/filepath"
	"testing"
)

// dim is a PNG of 12-bit levels in 16, different for each seed.
func dim(t *testing.T, seed int) []byte {
	t.Helper()
	m := image.NewGray16(image.Rect(0, 0, 20, 20))
	for i := range 400 {
		m.SetGray16(i%20, i/20, color.Gray16{Y: uint16((i + 40*seed) % 4096)})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Pictures of which a 16-bit format loses almost all levels are counted by every extraction, whether it encodes them, takes their features from
// another store, finds them under another name or as a copy, or knows them from an earlier run.
func TestDarkPicturesAreCounted(t *testing.T) {
	data, base := folder(t, 20), t.TempDir()
	for i := range 10 {
		write(t, filepath.Join(data, "class1", fmt.Sprintf("dim%d.png", i)), dim(t, i))
	}
	c, want := reusing(t, data, filepath.Join(base, "first")), 10
	for _, step := range []struct {
		name string
		do   func()
	}{
		{"at first", func() {}},
		{"with known features", func() {}},
		{"with features of another store", func() { c.Out = filepath.Join(base, "second") }},
		{"without the stamps of files", func() { t.Setenv("XDG_CACHE_HOME", t.TempDir()) }},
		{"with copies", func() {
			want = 12
			write(t, filepath.Join(data, "class0", "again.png"), dim(t, 3))
			write(t, filepath.Join(data, "class1", "again.png"), dim(t, 4))
		}},
		{"with copies, encoded anew", func() { c.Out, c.Anew = filepath.Join(base, "third"), true }},
		{"with known copies", func() { c.Anew = false }},
	} {
		step.do()
		if s := extract(t, c); s.Dark != want || s.Bad() != 0 {
			t.Errorf("%s: %d dark pictures, want %d, and %d bad", step.name, s.Dark, want, s.Bad())
		}
	}
}
