package run

import (
	"bytes"
	"iconic/extract/dataset"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPicturesByThePathsOfAStore(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	m := image.NewRGBA(image.Rect(0, 0, 3, 2))
	m.Set(2, 1, color.RGBA{10, 20, 30, 255})
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"good.png": b.Bytes(), "bad.png": []byte("no picture")} {
		if err := os.WriteFile(filepath.Join(root, "a", name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p, err := OpenPictures(t.Context(), root, dataset.Options{}, []string{"a/good.png", "a/bad.png", "a/gone.png", "../../etc/passwd"})
	if err != nil {
		t.Fatal(err)
	}
	defer p.set.Close()
	got, err := p.Image(0)
	if err != nil {
		t.Fatal(err)
	}
	if r, g, b, a := got.At(2, 1).RGBA(); r>>8 != 10 || g>>8 != 20 || b>>8 != 30 || a != 0xffff {
		t.Errorf("pixel %d %d %d %d, want 10 20 30 opaque", r>>8, g>>8, b>>8, a>>8)
	}
	for row, want := range map[int]string{1: "", 2: "a/gone.png is no longer in", 3: "../../etc/passwd is no longer in"} {
		if _, err := p.Image(row); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("row %d: error %v does not say %q", row, err, want)
		}
	}
	if _, err := OpenPictures(t.Context(), filepath.Join(root, "nowhere"), dataset.Options{}, nil); err == nil {
		t.Error("a missing folder was opened")
	}
}
