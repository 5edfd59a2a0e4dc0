package main

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"iconic/internal/sharedtest"
)

// TestAnArchiveIsItsFolder encodes one part of CIFAR-100 from its archive and from the unpacked folder and expects the same
// images, in the same order, with the same labels and features.
func TestAnArchiveIsItsFolder(t *testing.T) {
	archive := sharedtest.Path(t, "data", "cifar100-test.tar")
	model := sharedtest.Path(t, "models", "vit_tiny_patch16_224_cls.onnx")
	folder := filepath.Join(t.TempDir(), "unpacked")
	unpack(t, archive, folder)
	var stores []string
	for _, data := range []string{archive, folder} {
		out := filepath.Join(t.TempDir(), "store")
		c := exec.Command("pipeline", "extract", data, "--anew", "--model", model, "--resize", "224", "--crop", "224", "--mean", "0.5", "--std", "0.5",
			"--batch-images", "8", "--shard", "1/400", "--out", out)
		if output, err := c.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v: %s", data, err, output)
		}
		stores = append(stores, filepath.Join(out, "part-00001-of-00400"))
	}
	for _, name := range []string{"items.jsonl", "features-00000.npy", "manifest.json"} {
		fromArchive, err := os.ReadFile(filepath.Join(stores[0], name))
		if err != nil {
			t.Fatal(err)
		}
		fromFolder, err := os.ReadFile(filepath.Join(stores[1], name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(fromArchive, fromFolder) {
			t.Errorf("%s differs between the archive's store (%d bytes) and the folder's (%d)", name, len(fromArchive), len(fromFolder))
		}
	}
}

// unpack writes the regular files of an archive to a folder.
func unpack(t *testing.T, archive, folder string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(folder, filepath.FromSlash(h.Name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
