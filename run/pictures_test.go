package run

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/image/draw"

	"iconic/extract/dataset"
	"iconic/extract/pixels"
	"iconic/internal/budget"
	"iconic/report/page"
)

var errShown = errors.New("shown")

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
	p, err := OpenPictures(t.Context(), root, dataset.Options{}, []string{"a/good.png", "a/bad.png", "a/gone.png", "../../etc/passwd"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.set.Close()
	err = p.Show(t.Context(), 0, func(got image.Image) error {
		if r, g, b, a := got.At(2, 1).RGBA(); r>>8 != 10 || g>>8 != 20 || b>>8 != 30 || a != 0xffff {
			t.Errorf("pixel %d %d %d %d, want 10 20 30 opaque", r>>8, g>>8, b>>8, a>>8)
		}
		return errShown
	})
	if !errors.Is(err, errShown) {
		t.Errorf("error %v, want that of the function", err)
	}
	for row, want := range map[int]string{1: "", 2: "a/gone.png is no longer in", 3: "../../etc/passwd is no longer in"} {
		if err := p.Show(t.Context(), row, func(image.Image) error { return nil }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("row %d: error %v does not say %q", row, err, want)
		}
	}
	if _, err := OpenPictures(t.Context(), filepath.Join(root, "nowhere"), dataset.Options{}, nil, nil); err == nil {
		t.Error("a missing folder was opened")
	}
}

// A file that has other bytes than the one of which the features were made is not shown under its name; without a hash any is. A data set with none of
// the images is refused.
func TestPicturesAreThoseOfTheFeatures(t *testing.T) {
	root := t.TempDir()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 3, 2))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"same.png", "other.png", "unknown.png"} {
		if err := os.WriteFile(filepath.Join(root, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	sum := sha256.Sum256(b.Bytes())
	p, err := OpenPictures(t.Context(), root, dataset.Options{}, []string{"same.png", "other.png", "unknown.png"}, [][16]byte{[16]byte(sum[:16]), {1}, {}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	for row, want := range []error{nil, page.ErrOther, nil} {
		shown := false
		if err := p.Show(t.Context(), row, func(image.Image) error { shown = true; return nil }); !errors.Is(err, want) || shown != (want == nil) {
			t.Errorf("row %d: error %v, shown %v", row, err, shown)
		}
	}
	if _, err := OpenPictures(t.Context(), root, dataset.Options{}, []string{"a.png", "b.png"}, nil); err == nil || !strings.Contains(err.Error(), "has none of the images of the features (such as a.png)") {
		t.Errorf("a data set of other images: error %v", err)
	}
	if _, err := OpenPictures(t.Context(), root, dataset.Options{}, []string{"same.png"}, make([][16]byte, 2)); err == nil {
		t.Error("hashes of other images were taken")
	}
}

// Images that are shown at once fit into the memory together, whatever the number of goroutines; one that never fits is an error.
func TestPicturesShareTheMemory(t *testing.T) {
	root := t.TempDir()
	var paths []string
	write := func(name string, side int) int64 {
		var b bytes.Buffer
		if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, name)
		cost, err := pixels.Cost(b.Bytes(), pixels.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return int64(b.Len()) + cost
	}
	var each int64
	for i := range 12 {
		each = write(fmt.Sprintf("%02d.png", i), 600)
	}
	write("large.png", 3000)
	p, err := OpenPictures(t.Context(), root, dataset.Options{Memory: 2*each + each/2}, paths, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var now, most, shown atomic.Int64
	var wait sync.WaitGroup
	for row := range 12 {
		wait.Go(func() {
			err := p.Show(t.Context(), row, func(m image.Image) error {
				n := now.Add(1)
				defer now.Add(-1)
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				if r, _, _, _ := m.At(599, 599).RGBA(); m.Bounds().Dx() == 600 && r == 0xffff {
					shown.Add(1)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if shown.Load() != 12 || most.Load() > 2 {
		t.Errorf("%d of 12 were shown, and %d at once where the memory is that of 2", shown.Load(), most.Load())
	}
	none := func(image.Image) error { return nil }
	if err := p.Show(t.Context(), 12, none); !errors.Is(err, budget.ErrTooLarge) {
		t.Errorf("an image that never fits: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = p.Show(ctx, 0, func(image.Image) error {
		cancel()
		return p.Show(ctx, 1, none) // of a goroutine that was interrupted
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("after an interrupt: %v", err)
	}
}

// An image is scaled and compared as its copy of four bytes per pixel is.
func TestPicturesWithoutCopies(t *testing.T) {
	m := &rgb{width: 53, height: 41}
	for k := range 3 * m.width * m.height {
		m.pix = append(m.pix, uint8(k*k>>3))
	}
	copied := image.NewRGBA(m.Bounds())
	draw.Draw(copied, copied.Rect, m, image.Point{}, draw.Src)
	for y := range m.height {
		for x := range m.width {
			if want := (color.RGBA{m.pix[3*(y*m.width+x)], m.pix[3*(y*m.width+x)+1], m.pix[3*(y*m.width+x)+2], 0xff}); m.At(x, y) != want || copied.At(x, y) != want {
				t.Fatalf("pixel %d, %d: %v, copied %v, want %v", x, y, m.At(x, y), copied.At(x, y), want)
			}
		}
	}
	for name, scaler := range map[string]draw.Scaler{"bilinear": draw.BiLinear, "approximate": draw.ApproxBiLinear} {
		a, b := image.NewRGBA(image.Rect(0, 0, 16, 16)), image.NewRGBA(image.Rect(0, 0, 16, 16))
		scaler.Scale(a, a.Rect, m, m.Bounds(), draw.Over, nil)
		scaler.Scale(b, b.Rect, copied, m.Bounds(), draw.Over, nil)
		if !bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("%s scaling differs", name)
		}
	}
}
