package sharedtest

import (
	"os"
	"path/filepath"
	"testing"
)

// Path returns the path of a file or folder of the reference data, and skips the test if it does not exist; if ICONIC_SHARED_REQUIRED is
// set, as in continuous integration, the test fails instead.
func Path(t testing.TB, elem ...string) string {
	t.Helper()
	path := filepath.Join(append([]string{root(t)}, elem...)...)
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("ICONIC_SHARED_REQUIRED") != "" {
			t.Fatalf("no reference data at %s, but ICONIC_SHARED_REQUIRED is set", path)
		}
		t.Skipf("no reference data at %s: set ICONIC_SHARED to the folder that contains it", path)
	}
	return path
}

// root is the folder of the reference data, whether it exists or not.
func root(t testing.TB) string {
	if dir := os.Getenv("ICONIC_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(filepath.Dir(dir), "shared")
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test's folder")
		}
	}
}
