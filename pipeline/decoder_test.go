package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"iconic/extract/pixels"
	"iconic/extract/synthetic"
)

// TestAStoreKeepsItsJPEGDecoder makes a store with one decoder and continues with the other one.
func TestAStoreKeepsItsJPEGDecoder(t *testing.T) {
	if pixels.JPEGDecoder() != pixels.LibjpegTurbo {
		t.Skip("no libjpeg-turbo here")
	}
	data, out := t.TempDir(), filepath.Join(t.TempDir(), "store")
	if err := synthetic.Write(t.Context(), data, 1, 32, 1); err != nil {
		t.Fatal(err)
	}
	run := func(decoder string) (string, error) {
		c := exec.Command("pipeline", "extract", data, "--anew", "--model", "tiny", "--out", out)
		c.Env = append(os.Environ(), "ICONIC_JPEG="+decoder)
		output, err := c.CombinedOutput()
		return string(output), err
	}
	output, err := run("")
	if err != nil || !strings.Contains(output, "JPEG files are decoded by libjpeg-turbo") {
		t.Fatalf("%v: %s", err, output)
	}
	manifest, err := os.ReadFile(filepath.Join(out, "manifest.json"))
	if err != nil || !strings.Contains(string(manifest), `"jpeg_decoder": "libjpeg-turbo"`) {
		t.Errorf("%v: %s", err, manifest)
	}
	if output, err := run("go"); err == nil || !strings.Contains(output, `JPEG decoder "go", not "libjpeg-turbo"`) || !strings.Contains(output, "ICONIC_JPEG=go") {
		t.Errorf("the other decoder: %v: %s", err, output)
	}
	if output, err := run(""); err != nil {
		t.Errorf("the same decoder: %v: %s", err, output)
	}
}
