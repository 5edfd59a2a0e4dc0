//go:build unix

package regular

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestAFolderIsNotMadeThroughALinkToNothing(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.Mkdir(at("folder"), 0o700), os.Symlink("folder", at("link")), os.Symlink("nowhere", at("broken")), os.WriteFile(at("file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"new/below": "", "folder": "", "link/below": "",
		"broken":       at("broken") + " is a link to nowhere, which does not exist",
		"broken/below": at("broken") + " is a link to nowhere, which does not exist",
		"file":         at("file") + " is a file, not a folder",
	} {
		got := ""
		if err := MakeFolder(at(name), 0o755); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
