package extract

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"iconic/extract/dataset"
	"iconic/extract/pixels"
)

// large is a PNG of a few hundred bytes whose pixels take 3·side² bytes.
func large(t testing.TB, side int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.Black})); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// With little memory the features are the same, images wait for each other, and an image that can never fit is skipped with a reason.
func TestMemoryIsSharedOut(t *testing.T) {
	data := folder(t, 12)
	for _, name := range []string{"a.png", "b.png", "c.png", "d.png"} {
		write(t, filepath.Join(data, "class0", name), append(large(t, 1800), name...)) // 9.7 MB each
	}
	outs := []string{filepath.Join(t.TempDir(), "much"), filepath.Join(t.TempDir(), "little")}
	for i, memory := range []int64{0, 12 << 20} {
		c := config(t, data, outs[i])
		c.Memory, c.Workers = memory, 4
		if s := extract(t, c); s.Bad() != 0 || s.Rows+s.Duplicates < 16 {
			t.Errorf("with %d bytes: %+v", memory, s)
		}
	}
	same(t, "little memory", outs[0], outs[1])

	write(t, filepath.Join(data, "class0", "e.png"), large(t, 4000))
	c := config(t, data, outs[1])
	c.Memory, c.MaxBad = 12<<20, 1
	s := extract(t, c)
	if s.Bad() != 1 || s.Skipped[0].Kind != "too large" || !strings.Contains(s.Skipped[0].Reason, "more than the memory budget") {
		t.Errorf("an image beyond the budget: %+v", s.Skipped)
	}
}

// What is left for decoding is the memory without the views of the images in progress, and without the pages of Parquet files: an image that fits into all
// of it, but not into the rest, is too large.
func TestViewsAndPagesTakeMemoryFromDecoding(t *testing.T) {
	dir, picture := t.TempDir(), large(t, 1800) // 9.7 MB
	write(t, filepath.Join(dir, "folder", "a.png"), picture)
	rows := filepath.Join(dir, "rows.parquet")
	if err := parquet.WriteFile(rows, []struct {
		Image []byte `parquet:"image"`
	}{{picture}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		data   string
		views  int
		memory int64
		fits   bool
	}{
		{"folder", 1, 11 << 20, true}, {"folder", 100, 11 << 20, false}, {"folder", 100, 16 << 20, true}, // views of 2.2 MB
		{"rows.parquet", 1, 11 << 20, false}, {"rows.parquet", 1, 22 << 20, true},
	} {
		config := config(t, filepath.Join(dir, c.data), filepath.Join(t.TempDir(), "store"))
		config.Augment, config.Views, config.Workers, config.Memory, config.MaxBad = pixels.DefaultAugmentation(), c.views, 1, c.memory, 1
		s := extract(t, config)
		if fits := s.Bad() == 0; fits != c.fits || !fits && s.Skipped[0].Kind != "too large" {
			t.Errorf("%s, %d views in %d bytes: %+v", c.data, c.views, c.memory, s.Skipped)
		}
	}
}

// A batch has as many images as have all their views in one run of the encoder, and at least one: progress is told after each.
func TestBatchesCountViews(t *testing.T) {
	for _, c := range []struct{ batch, views, images int }{{8, 1, 8}, {8, 4, 2}, {9, 4, 2}, {2, 4, 1}} {
		config := config(t, folder(t, 12), filepath.Join(t.TempDir(), "store"))
		config.Augment, config.Views, config.Batch = pixels.DefaultAugmentation(), c.views, c.batch
		before, most := 0, 0
		if _, err := Run(t.Context(), config, Hooks{Progress: func(done, _ int) { most, before = max(most, done-before), done }}); err != nil || before != 12 {
			t.Fatalf("%d images: %v", before, err)
		}
		if most != c.images {
			t.Errorf("batches of %d with %d views: %d images at once, want %d", c.batch, c.views, most, c.images)
		}
	}
}

// A file that is not a picture is read no further than its first bytes, however large it is.
func TestWhatIsNoPictureIsNotRead(t *testing.T) {
	data := folder(t, 3)
	for _, name := range []string{"a.png", "b.png", "c.png", "d.png"} {
		name = filepath.Join(data, "class0", name)
		write(t, name, nil)
		if err := os.Truncate(name, 500<<20); err != nil {
			t.Skipf("no sparse files here: %v", err)
		}
	}
	c := config(t, data, filepath.Join(t.TempDir(), "store"))
	c.MaxBad = 1
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s := extract(t, c)
	runtime.ReadMemStats(&after)
	if s.Bad() != 4 || s.Skipped[0].Kind != "not an image" {
		t.Errorf("%+v", s.Skipped)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 200<<20 {
		t.Errorf("%d bytes were allocated", took)
	}
}

// Decoding stops at an interrupt.
func TestAnInterruptEndsDecoding(t *testing.T) {
	data := t.TempDir()
	write(t, filepath.Join(data, "a", "a.png"), large(t, 12000))
	c := config(t, data, filepath.Join(t.TempDir(), "store"))
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, c, Hooks{Listed: func(*dataset.Set) error { cancel(); return nil }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
