package densetest

import (
	"math"
	"path/filepath"
	"testing"

	"iconic/internal/npy"
)

// Files writes two matrices of 40 rows of 3 features: one is good, and row 17 of the other is not finite.
func Files(t *testing.T) (good, bad string) {
	t.Helper()
	x, dir := make([]float32, 40*3), t.TempDir()
	for i := range x {
		x[i] = float32(i * i % 17)
	}
	good, bad = filepath.Join(dir, "good.npy"), filepath.Join(dir, "bad.npy")
	for _, name := range []string{good, bad} {
		if err := npy.Write(name, []int{40, 3}, x); err != nil {
			t.Fatal(err)
		}
		x[17*3] = float32(math.NaN())
	}
	return good, bad
}
