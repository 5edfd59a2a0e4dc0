package owned

import (
	"os"
	"path/filepath"
	"testing"
)

// A store's files are known as its own, also if it is damaged; files of those names beside another program's manifest are not.
func TestFilesOfAStore(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"damaged/manifest.json": "{", "damaged/features-00000.npy": "", "project/manifest.json": `{"name":"of another program"}`, "plain/items.jsonl": "",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "link.npy")
	if err := os.Symlink(filepath.Join(dir, "damaged", "features-00000.npy"), link); err != nil {
		t.Skip(err)
	}
	for name, want := range map[string]bool{
		"damaged/manifest.json": true, "damaged/items.jsonl": true, "damaged/features-00000.npy": true, "damaged/features-00017.npy": true, "link.npy": true,
		"damaged/features-mine.npy": false, "damaged/report.html": false, "project/manifest.json": false, "project/items.jsonl": false,
		"plain/items.jsonl": false, "nowhere/manifest.json": false,
	} {
		if got := Store(filepath.Join(dir, name)); (got != "") != want {
			t.Errorf("%s is of %q", name, got)
		}
	}
}
