//go:build slow

package iconic_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestExamplesInAModuleOfTheirOwn compiles the examples as another module would: in an empty module that replaces this one, as the README
// describes, using only the module cache. It runs the first example.
func TestExamplesInAModuleOfTheirOwn(t *testing.T) {
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	examples, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	source := strings.Replace(string(examples), "package iconic_test", "package main", 1) + "\nfunc main() { ExampleCluster() }\n"
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "main.go"), []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) string {
		t.Helper()
		c := exec.Command(name, args...)
		c.Dir = folder
		c.Env = append(os.Environ(), "GOFLAGS=-trimpath -mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOWORK=off")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	module := strings.TrimSpace(run("go", "-C", root, "list", "-m"))
	run("go", "mod", "init", "example.com/photos")
	run("go", "mod", "edit", "-require", module+"@v0.0.0", "-replace", module+"="+root)
	run("go", "build", "-o", "photos", ".")
	_, want, found := strings.Cut(string(examples), "// Output: ")
	want, _, ends := strings.Cut(want, "\n")
	if !found || !ends {
		t.Fatal("the first example has no Output comment")
	}
	if got := strings.TrimSpace(run(filepath.Join(folder, "photos"))); got != want {
		t.Error(fmt.Sprintf("the example printed %q, want %q", got, want))
	}
}
