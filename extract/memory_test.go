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
	_, err := Run(ctx, c, Hooks{Listed: func(int, int) error { cancel(); return nil }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
