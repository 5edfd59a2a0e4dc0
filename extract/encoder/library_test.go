package encoder

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iconic/internal/cachefolder"
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

// A library of the cache is in use while it is loaded: pruning must not take it, nor the providers beside it.
func TestTheLoadedLibraryIsInUse(t *testing.T) {
	path, err := Auto.FindLibrary(t.Context(), "", progress.Hooks{})
	if err != nil {
		t.Fatal(err)
	}
	if !cachefolder.Keeps(path) {
		t.Skip("the library is not in the cache")
	}
	if err := load(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if !cachefolder.Busy(filepath.Dir(path)) {
		t.Error("the loaded library can be removed")
	}
}
