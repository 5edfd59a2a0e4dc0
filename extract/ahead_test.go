package extract

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"iconic/extract/pixels"
	"iconic/internal/budget"
	"iconic/option"
)

// However many views, threads and pixels there are, the work in progress takes a quarter of the memory at most, or the two images without which there
// is none, and leaves enough for decoding; with much memory, it is as much as there is use for.
func TestWorkInProgressFitsTheMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Config{Views: rapid.IntRange(1, 1000).Draw(t, "views"), Transform: pixels.Transform{Crop: rapid.IntRange(1, 1<<14).Draw(t, "crop")}}
		workers := rapid.IntRange(1, 1<<16).Draw(t, "workers")
		memory := rapid.Int64Range(1, 1<<45).Draw(t, "memory")
		image := int64(12 * c.Views * c.Transform.Crop * c.Transform.Crop)
		a, err := c.ahead(workers, memory)
		if fits := memory-2*image >= min(budget.Least, memory/2); fits != (err == nil) {
			t.Fatalf("two images of %d bytes in %d: %v", image, memory, err)
		}
		if err != nil {
			return
		}
		n := int64(a.jobs + a.batches)
		switch {
		case a.jobs < 1 || a.batches < 1 || a.jobs > 4*workers || a.batches > 3 || a.bytes != n*image:
			t.Fatalf("%+v for %d workers", a, workers)
		case a.bytes > memory/4 && n > 2:
			t.Fatalf("%+v: more than a quarter of %d", a, memory)
		case memory-a.bytes < min(budget.Least, memory/2):
			t.Fatalf("%+v: nothing is left of %d", a, memory)
		case (int64(4*workers)+3)*image <= memory/4 && (a.jobs != 4*workers || a.batches != 3):
			t.Fatalf("%+v although there is memory for %d workers", a, workers)
		}
	})
}

// A store of many views is the same with hardly any memory for them, and where there is none the run is refused before it begins.
func TestManyViewsInLittleMemory(t *testing.T) {
	data := folder(t, 12)
	views := func(out string, memory int64) Config {
		c := config(t, data, filepath.Join(t.TempDir(), out))
		c.Augment, c.Views, c.Workers, c.Memory = pixels.DefaultAugmentation(), 200, 8, memory // 614 kB for an image
		return c
	}
	much, little := views("much", 0), views("little", 3<<20)
	if a, err := little.ahead(little.Workers, little.Memory); err != nil || a.jobs != 1 || a.batches != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	extract(t, much)
	extract(t, little)
	same(t, "little memory", much.Out, little.Out)

	none := views("none", 1<<20)
	_, err := Run(t.Context(), none, Hooks{})
	var wrong *option.Error
	if !errors.As(err, &wrong) || wrong.Option != "Memory" || !strings.Contains(err.Error(), "an image with 200 views of 16×16 pixels takes 614 kB") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(none.Out); err == nil {
		t.Error("a folder was made")
	}
}
