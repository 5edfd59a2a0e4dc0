package iconic

import (
	"path/filepath"
	"runtime/debug"
	"testing"

	"iconic/extract"
	"iconic/extract/synthetic"
	"iconic/progress"
)

// The runtime's memory limit belongs to the program that calls the library.
func TestAnExtractionLeavesTheRuntimesLimitAlone(t *testing.T) {
	dir := t.TempDir()
	if err := synthetic.Write(t.Context(), filepath.Join(dir, "images"), 3, 64, 1); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOMEMLIMIT", "")
	before, noted := debug.SetMemoryLimit(-1), 0
	h := progress.Hooks{Note: func(string) {
		if noted++; debug.SetMemoryLimit(-1) != before {
			t.Errorf("the limit is %d, want %d", debug.SetMemoryLimit(-1), before)
		}
	}}
	if _, err := Extract(t.Context(), Encoding{Model: "tiny"}, extract.Config{Data: filepath.Join(dir, "images"), Out: filepath.Join(dir, "store"), Memory: 300 << 20}, h); err != nil {
		t.Fatal(err)
	}
	if noted == 0 {
		t.Error("nothing was noted")
	}
}
