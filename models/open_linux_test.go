package models

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"
)

// Resolve closes the weights it reads. The collector, which would close them some day, does not run.
func TestResolveClosesTheWeights(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	name := weightsFile(t, 16, 8)
	if _, err := Resolve(t.Context(), name, Options{ImageSize: 32, PullOptions: PullOptions{Cache: t.TempDir()}}); err != nil {
		t.Fatal(err)
	}
	const open = "/proc/self/fd"
	entries, err := os.ReadDir(open)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(open, e.Name())); err == nil && to == name {
			t.Errorf("%s is still open", name)
		}
	}
}
