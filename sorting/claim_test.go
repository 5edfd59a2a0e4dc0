package sorting

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A folder takes images by the clusters of the first only. One without a record is judged by the names of its folders.
func TestFoldersOfOtherClusters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sorted")
	by := func(key string, names ...string) *Folders { return &Folders{Dir: dir, Clusters: &Clusters{key, names}} }
	first := by("a", "cats", "")
	if err := errors.Join(first.Check(), first.claim(), first.claim(), by("a", "cats", "").Check()); err != nil {
		t.Fatal(err)
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
	for _, folder := range []string{"cluster-000 cats", "cluster-001", "cluster-zero", "mine"} {
		if err := os.Mkdir(filepath.Join(dir, folder), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := by("b", "cats", "").Check(); err != nil {
		t.Errorf("folders of the same names: %v", err)
	}
	for _, names := range [][]string{{"dogs", ""}, {"cats"}, {"cats", "dogs"}} {
		if err := by("b", names...).claim(); !errors.Is(err, ErrOtherClusters) {
			t.Errorf("folders of other names than %q: %v", names, err)
		}
	}
	if err := (&Folders{Dir: dir}).claim(); err != nil {
		t.Errorf("a folder for any clusters: %v", err)
	}
}
