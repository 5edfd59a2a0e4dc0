//go:build slow

package main

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"iconic/extract"
	"iconic/extract/store"
	"iconic/internal/cachetest"
	"iconic/internal/sharedtest"
)

// A thousand of CIFAR-100's images, in another folder under other names, are encoded once: as part of the archive of all images.
func TestASubsetOfCIFAREncodesNothing(t *testing.T) {
	archive := sharedtest.Path(t, "data", "cifar100-test.tar")
	t.Setenv("XDG_CACHE_HOME", cachetest.Folder(t))
	base := t.TempDir()
	extraction := func(data, out string) (s extract.Summary, told string) {
		t.Helper()
		c := exec.Command("pipeline", "extract", data, "--model", "tiny", "--whole", "--out", out, "--json")
		var complaint strings.Builder
		c.Stderr = &complaint
		b, err := c.Output()
		if err == nil {
			err = json.Unmarshal(b, &s)
		}
		if err != nil {
			t.Fatalf("%v: %s", err, complaint.String())
		}
		return s, complaint.String()
	}
	all, some, subset := filepath.Join(base, "all"), filepath.Join(base, "some"), filepath.Join(base, "subset")
	if s, _ := extraction(archive, all); s.Encoded+s.Duplicates != 10_000 {
		t.Fatalf("%+v", s)
	}
	names := tenth(t, archive, subset)
	if s, _ := extraction(subset, some); s.Encoded != 0 || s.Rows != 1000 || s.Already != 1000 || s.Borrowed == 0 {
		t.Fatalf("%+v", s)
	}
	before, after := rowsByPath(t, all), rowsByPath(t, some)
	if len(after) != len(names) {
		t.Fatalf("%d rows of %d pictures", len(after), len(names))
	}
	for now, was := range names {
		if got, want := after[now], before[was]; fmt.Sprint(got) != fmt.Sprint(want) || len(got) == 0 {
			t.Fatalf("%s, which was %s, has other features", now, was)
		}
	}
}

// tenth writes every tenth image of an archive to a folder under another name, and returns the old names by the new ones.
func tenth(t *testing.T, archive, folder string) map[string]string {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	names, i := map[string]string{}, 0
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if i++; i%10 != 0 {
			continue
		}
		name := fmt.Sprintf("renamed/%04d%s", 10_000-i, path.Ext(h.Name))
		file := filepath.Join(folder, filepath.FromSlash(name))
		content, err := io.ReadAll(r)
		if err := errors.Join(err, os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, content, 0o600)); err != nil {
			t.Fatal(err)
		}
		names[name] = path.Clean(h.Name)
	}
}

func rowsByPath(t *testing.T, dir string) map[string][]float32 {
	t.Helper()
	s, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	items, err := s.RowItems()
	if err != nil {
		t.Fatal(err)
	}
	view, err := s.View(0)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]float32{}
	for i, it := range items {
		x := make([]float32, view.Dim())
		if err := view.Block(x, i, i+1); err != nil {
			t.Fatal(err)
		}
		rows[it.Path] = x
	}
	return rows
}
