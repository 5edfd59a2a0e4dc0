package sorting

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A folder takes images by the clusters of the first only. One without a record is judged by the names of its folders.
func TestFoldersOfOtherClusters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sorted")
	by := func(key string, names ...string) *Folders { return &Folders{Dir: dir, Clusters: &Clusters{key, names}} }
	first := by("a", "cats", "")
	if err := errors.Join(first.Check(), first.claim(), first.claim(), by("a", "cats", "").Check()); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"cluster-000 cats", "cluster-001", "cluster-zero", "mine"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := by("b", "cats", "").Check(); !errors.Is(err, ErrOtherClusters) {
		t.Errorf("other clusters: %v", err)
	}
	if err := by("b", "cats", "").claim(); !errors.Is(err, ErrOtherClusters) {
		t.Errorf("other clusters that did not ask: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, clustersFile)); err != nil {
		t.Fatal(err)
	}
	if err := by("b", "cats", "").Check(); !errors.Is(err, ErrUnknownClusters) || !strings.HasSuffix(err.Error(), ": empty it, or choose another folder") {
		t.Errorf("folders of the same names, of which one is none: %v", err)
	}
	for _, names := range [][]string{{"dogs", ""}, {"cats"}, {"cats", "dogs"}} {
		if err := by("b", names...).claim(); !errors.Is(err, ErrOtherClusters) {
			t.Errorf("folders of other names than %q: %v", names, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "cluster-001")); err != nil {
		t.Fatal(err)
	}
	if err := by("b", "cats", "dogs").Check(); err != nil {
		t.Errorf("folders of the same names: %v", err)
	}
	if err := (&Folders{Dir: dir}).claim(); err != nil {
		t.Errorf("a folder for any clusters: %v", err)
	}
}

// A record counts for as long as there are folders of clusters. Files that a killed process left beside it are removed.
func TestEmptiedFolderTakesOtherClusters(t *testing.T) {
	dir := t.TempDir()
	by := func(key string) *Folders { return &Folders{Dir: dir, Clusters: &Clusters{key, []string{""}}} }
	if err := by("a").claim(); err != nil {
		t.Fatal(err)
	}
	first := by("b")
	if err := errors.Join(first.Check(), first.claim(), os.Mkdir(filepath.Join(dir, "cluster-000"), 0o755), by("b").claim()); err != nil {
		t.Fatal(err)
	}
	if err := by("a").Check(); !errors.Is(err, ErrOtherClusters) {
		t.Errorf("the first clusters again: %v", err)
	}
	if err := os.RemoveAll(filepath.Join(dir, "cluster-000")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, clustersFile), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	left, old := filepath.Join(dir, ".iconic-tmp-00000000-1-0123456789ab"), time.Unix(1, 0)
	if err := errors.Join(os.WriteFile(left, nil, 0o644), os.Chtimes(left, old, old), by("a").claim()); err != nil {
		t.Errorf("a record without an end, and no folders: %v", err)
	}
	if _, err := os.Lstat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s was left: %v", left, err)
	}
	if key, err := recorded(dir); err != nil || key != "a" {
		t.Errorf("%q, %v", key, err)
	}
}

// Sortings and Folders see each other's clusters, and an undo takes the record back.
func TestSortingClaimsItsFolder(t *testing.T) {
	root, files := collection(t)
	before := tree(t, root)
	names := make([]string, 9)
	s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: Copy, Files: files, Clusters: &Clusters{"a", names}}
	if _, err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	to := func(key string) *Folders { return &Folders{Dir: s.Folder, Clusters: &Clusters{key, names}} }
	if err := to("a").Check(); err != nil {
		t.Errorf("the same clusters: %v", err)
	}
	if err := to("b").Check(); !errors.Is(err, ErrOtherClusters) || !strings.Contains(err.Error(), ": undo the sorting") {
		t.Errorf("other clusters: %v", err)
	}
	other := s
	other.Clusters = &Clusters{"b", names}
	if r, err := other.Run(t.Context()); !errors.Is(err, ErrOtherClusters) || r != nil {
		t.Errorf("a sorting by others to the same places: %+v, %v", r, err)
	}
	other.Files = renamed(slices.Clone(files))
	var left *EarlierError
	if _, err := other.Run(t.Context()); !errors.As(err, &left) {
		t.Errorf("a sorting by others to other places: %v", err)
	}

	// As an earlier version left it: the sorting knows its own files, and nobody else does.
	if err := os.Remove(filepath.Join(s.Folder, clustersFile)); err != nil {
		t.Fatal(err)
	}
	if err := to("a").Check(); !errors.Is(err, ErrUnknownClusters) {
		t.Errorf("without a record: %v", err)
	}
	if r, err := s.Run(t.Context()); err != nil || r.There != len(files) {
		t.Errorf("the same sorting without a record: %+v, %v", r, err)
	}
	if err := to("b").Check(); !errors.Is(err, ErrOtherClusters) {
		t.Errorf("a record made again: %v", err)
	}
	undo(t, s.Folder)
	if diff := cmp.Diff(before, tree(t, root)); diff != "" {
		t.Error(diff)
	}
}

// A sorting into a folder that took images by other clusters one by one does nothing.
func TestSortingIntoClaimedFolder(t *testing.T) {
	root, files := collection(t)
	dir := filepath.Join(root, "sorted")
	if err := errors.Join((&Folders{Dir: dir, Clusters: &Clusters{"a", make([]string, 9)}}).claim(), os.Mkdir(filepath.Join(dir, "cluster-000"), 0o755)); err != nil {
		t.Fatal(err)
	}
	before := tree(t, root)
	s := Sorting{Folder: dir, Mode: Copy, Files: files, Clusters: &Clusters{"b", make([]string, 9)}}
	if err := s.Check(); !errors.Is(err, ErrOtherClusters) {
		t.Error(err)
	}
	if r, err := s.Run(t.Context()); !errors.Is(err, ErrOtherClusters) || r != nil {
		t.Errorf("%+v, %v", r, err)
	}
	if diff := cmp.Diff(before, tree(t, root)); diff != "" {
		t.Error(diff)
	}
}
