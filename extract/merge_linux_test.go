package extract

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A merge that is refused closes the parts, whose features are mapped into memory.
func TestARefusedMergeClosesTheParts(t *testing.T) {
	c := config(t, folder(t, 9), filepath.Join(t.TempDir(), "parts"))
	for c.Part, c.Parts = 1, 3; c.Part < c.Parts; c.Part++ {
		extract(t, c)
	}
	parts, err := Parts(t.Context(), c.Out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Merge(t.Context(), parts, filepath.Join(t.TempDir(), "merged"), nil); err == nil || !strings.Contains(err.Error(), "1 of 3 parts is missing") {
		t.Fatal(err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(maps), c.Out); n > 0 {
		t.Errorf("%d files of the parts are still mapped", n)
	}
}
