//go:build unix

package atomicfile

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestMakeFolder(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.Symlink("nowhere", at("broken")); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := MakeFolder(at("new/below/file")); err != nil {
			t.Error(err)
		}
	}
	if stat, err := os.Stat(at("new/below")); err != nil || !stat.IsDir() {
		t.Error(err)
	}
	if err, want := MakeFolder(at("broken/file")), "write "+at("broken/file")+": "+at("broken")+" is a link to nowhere, which does not exist"; err == nil || err.Error() != want {
		t.Errorf("%v, want %q", err, want)
	}
}

func TestCheckFolder(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := errors.Join(os.Mkdir(at("folder"), 0o700), os.Mkdir(at("closed"), 0o500), os.Symlink("folder", at("link")), os.Symlink("nowhere", at("broken")), os.WriteFile(at("file"), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	cases := map[string]string{
		"folder": "", "new": "", "new/below/it": "", "link/new": "",
		"file": at("file") + " is a file, not a folder", "file/below/it": at("file") + " is a file, not a folder",
		"broken/below": at("broken") + " is a link to nowhere, which does not exist",
	}
	if os.Geteuid() != 0 { // root may write everywhere
		cases["closed/new"] = "no file can be made in " + at("closed") + ": permission denied"
	}
	for name, want := range cases {
		got := ""
		if err := CheckFolder(at(name)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if err := os.WriteFile(filepath.Join(at("folder"), newName()), nil, 0o600); err != nil { // a trial that was killed
		t.Fatal(err)
	}
	if err := CheckFolder(at("folder")); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(at("folder")); err != nil || len(entries) > 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	if _, err := os.Stat(at("new")); err == nil {
		t.Error("a folder was made")
	}
}
