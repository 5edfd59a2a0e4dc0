//go:build amd64 && !noasm

package kernel

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGeneratedIsCurrent runs the generator aside and compares.
func TestGeneratedIsCurrent(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the generator")
	}
	dir := t.TempDir()
	source, stubs := filepath.Join(dir, "kernel_amd64.s"), filepath.Join(dir, "kernel_amd64.go")
	if out, err := exec.Command("go", "run", "./generate", "-out", source, "-stubs", stubs, "-pkg", "kernel").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, fresh := range []string{source, stubs} {
		want, err := os.ReadFile(fresh)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Base(fresh))
		if err != nil {
			t.Fatal(err)
		}
		// Skip the first line: it has the command, with file names.
		_, want, _ = bytes.Cut(want, []byte("\n"))
		_, got, _ = bytes.Cut(got, []byte("\n"))
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the generator writes: run go generate ./internal/kernel", filepath.Base(fresh))
		}
	}
}
