package encoder

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iconic/progress"
)

func TestProvidersOfNVIDIAsGPUsNeedTheirBuild(t *testing.T) {
	for _, p := range append(Providers(), "") {
		if want := slices.Contains([]Provider{CUDA, TensorRT}, p); p.NeedsCUDA() != want {
			t.Errorf("%q: %v, want %v", p, p.NeedsCUDA(), want)
		}
	}
	missing := filepath.Join(t.TempDir(), "lib.so")
	if path, err := Auto.FindLibrary(t.Context(), missing, progress.Hooks{}); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a library that does not exist: %q, %v", path, err)
	}
}
