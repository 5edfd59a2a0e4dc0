//go:build linux && slow

package main

import (
	"path/filepath"
	"syscall"
	"testing"

	"iconic/internal/onnxtest"
)

// TestMemoryGrowsByWhatIsKnownOfAnImage extracts 1,000 and 10,000 images and compares the peak memory of the two runs.
// The path, hash and row of an image are kept: less than 2 KB, doubled for the garbage collector's slack. Its bytes, pixels
// and features are not.
func TestMemoryGrowsByWhatIsKnownOfAnImage(t *testing.T) {
	model := onnxtest.Pooling(224, 56).Write(t)
	peak := func(images int) float64 {
		c := extraction{noise(t, images), model}.command(filepath.Join(t.TempDir(), "store"))
		if output, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		return float64(c.ProcessState.SysUsage().(*syscall.Rusage).Maxrss) / 1024 // MB
	}
	few, many := peak(1_000), peak(10_000)
	t.Logf("1,000 images: %.1f MB; 10,000 images: %.1f MB, %.3f times as much", few, many, many/few)
	if each := (many - few) * 1024 / 9_000; each > 2 {
		t.Errorf("%.1f MB for 10,000 images where 1,000 took %.1f: %.1f KB for each further image", many, few, each)
	}
}
