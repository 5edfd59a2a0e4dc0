package owned

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// No result replaces a file of a run, a store or a sweep, or one from which it is made, under whatever name.
func TestReplaceable(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	for name, content := range map[string]string{
		"run/config.json": `{"format":1,"training":{}}`, "store/manifest.json": `{"format":"iconic feature store"}`, "store/.partial/settings.json": "{}",
		"sweep/runs/a/config.json": "{}", "in.npy": "", "notes.txt": "",
	} {
		if err := os.MkdirAll(filepath.Dir(at(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at(name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(at("in.npy"), at("link.npy")); err != nil {
		t.Skip(err)
	}
	for name, says := range map[string]string{
		"notes.txt": "", "new/page.html": "", "run/page.html": "", "store/page.html": "", "runs/report.html": "",
		"run":                          at("run") + " is a folder: choose another name",
		"run/report.html":              "belongs to the run " + at("run"),
		"store/items.jsonl":            "belongs to the feature store " + at("store"),
		"store/.partial/settings.json": "belongs to the feature store " + at("store"),
		"sweep/sweep.html":             "belongs to the sweep in " + at("sweep"),
		"in.npy":                       at("in.npy") + " is an input, which would be replaced",
		"link.npy":                     at("link.npy") + " is an input, which would be replaced",
	} {
		err := Replaceable(at(name), "", at("nowhere"), at("in.npy"))
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", name, err, says)
		}
	}
	if err := Replaceable(""); err == nil || err.Error() != "the file to write has no name" {
		t.Errorf("no name: %v", err)
	}
}
