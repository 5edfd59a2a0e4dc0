package sorting

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iconic/extract/dataset"
	"iconic/extract/store"
)

// record claims a folder without making a subfolder.
func record(f *Folders) error {
	release, err := f.Clusters.claim(f.Dir, nil)
	if err != nil {
		return err
	}
	return release()
}

// A folder takes images by the clusters of the first only. One without a record is judged by the names of its folders.
func TestFoldersOfOtherClusters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "sorted")
	by := func(key string, names ...string) *Folders { return &Folders{Dir: dir, Clusters: &Clusters{key, names}} }
	first := by("a", "cats", "")
	if err := errors.Join(first.Check(), record(first), record(first), by("a", "cats", "").Check()); err != nil {
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
	if err := record(by("b", "cats", "")); !errors.Is(err, ErrOtherClusters) {
		t.Errorf("other clusters that did not ask: %v", err)
	}
	if err := os.Remove(filepath.Join(dir, clustersFile)); err != nil {
		t.Fatal(err)
	}
	if err := by("b", "cats", "").Check(); !errors.Is(err, ErrUnknownClusters) || !strings.HasSuffix(err.Error(), ": empty it, or choose another folder") {
		t.Errorf("folders of the same names, of which one is none: %v", err)
	}
	for _, names := range [][]string{{"dogs", ""}, {"cats"}, {"cats", "dogs"}} {
		if err := record(by("b", names...)); !errors.Is(err, ErrOtherClusters) {
			t.Errorf("folders of other names than %q: %v", names, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, "cluster-001")); err != nil {
		t.Fatal(err)
	}
	if err := by("b", "cats", "dogs").Check(); err != nil {
		t.Errorf("folders of the same names: %v", err)
	}
	if err := (&Folders{Dir: dir}).claim(dir); err != nil {
		t.Errorf("a folder for any clusters: %v", err)
	}
}

// A record counts for as long as there are folders of clusters. Files that a killed process left beside it are removed.
func TestEmptiedFolderTakesOtherClusters(t *testing.T) {
	dir := t.TempDir()
	by := func(key string) *Folders { return &Folders{Dir: dir, Clusters: &Clusters{key, []string{""}}} }
	if err := record(by("a")); err != nil {
		t.Fatal(err)
	}
	first := by("b")
	if err := errors.Join(first.Check(), record(first), os.Mkdir(filepath.Join(dir, "cluster-000"), 0o755), record(by("b"))); err != nil {
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
	if err := errors.Join(os.WriteFile(left, nil, 0o644), os.Chtimes(left, old, old), record(by("a"))); err != nil {
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
	if err := errors.Join(record(&Folders{Dir: dir, Clusters: &Clusters{"a", make([]string, 9)}}), os.Mkdir(filepath.Join(dir, "cluster-000"), 0o755)); err != nil {
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

// pictures are a data set of as many images, and what is known of them.
func pictures(t *testing.T, n int) (set *dataset.Set, items []store.Item) {
	t.Helper()
	dir := t.TempDir()
	for i := range n {
		name, content := fmt.Sprintf("%d.jpg", i), fmt.Sprintf("picture %d", i)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		items = append(items, store.Item{Path: name, Hash: hashOf(content)})
	}
	set, err := dataset.Open(t.Context(), dir, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = set.Close() })
	return set, items
}

// Of several that begin to put images into one empty folder at once, only those by the same clusters succeed, also if there is a record of others.
func TestOneOfManyClaims(t *testing.T) {
	set, items := pictures(t, 2)
	for round := range 12 {
		dir := filepath.Join(t.TempDir(), "sorted")
		names := []string{"", ""}
		if round%2 == 1 {
			if err := record(&Folders{Dir: dir, Clusters: &Clusters{"z", names}}); err != nil {
				t.Fatal(err)
			}
		}
		errs := make([]error, 6)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				by := &Clusters{string(rune('a' + i/2)), names}
				if i == 5 {
					content := func() ([]byte, error) { return []byte("sorted"), nil }
					_, errs[i] = (&Sorting{Folder: dir, Mode: Copy, Clusters: by, Files: []File{{To: "cluster-000/s.jpg", Read: content}}}).Run(t.Context())
					return
				}
				f := Folders{Dir: dir, Link: i%2 == 0, Clusters: by}
				errs[i] = errors.Join(f.Place(set, items[0], i%2, ""), f.Place(set, items[1], i%2, ""))
			})
		}
		all.Wait()
		done := map[int]bool{}
		for i, err := range errs {
			switch {
			case err == nil:
				done[i/2] = true
			case !errors.Is(err, ErrOtherClusters):
				t.Errorf("round %d: %v", round, err)
			}
		}
		if len(done) != 1 {
			t.Errorf("round %d: images were put in by %d clusters: %v", round, len(done), errs)
		}
	}
}

// A folder that was emptied while images are put into it one by one is claimed again, and left to others who claim it first.
func TestFolderEmptiedMeanwhile(t *testing.T) {
	set, items := pictures(t, 4)
	for _, link := range []bool{false, true} {
		for _, what := range []string{".", "cluster-001", clustersFile + " cluster-001"} {
			dir := filepath.Join(t.TempDir(), "sorted")
			by := func(key string) *Folders {
				return &Folders{Dir: dir, Link: link, Clusters: &Clusters{key, []string{"", ""}}}
			}
			empty := func() {
				for name := range strings.FieldsSeq(what) {
					if name == "." {
						name = ""
					}
					if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
						t.Fatal(err)
					}
				}
			}
			first := by("a")
			if err := first.Place(set, items[0], 1, ""); err != nil {
				t.Fatal(err)
			}
			empty()
			if err := errors.Join(first.Place(set, items[1], 1, ""), by("a").Check()); err != nil {
				t.Errorf("%s is gone: %v", what, err)
			}
			if err := by("b").Check(); !errors.Is(err, ErrOtherClusters) {
				t.Errorf("%s is gone, others: %v", what, err)
			}
			empty()
			if err := by("b").Place(set, items[2], 1, ""); err != nil {
				t.Errorf("%s is gone, others first: %v", what, err)
			}
			for _, cluster := range []int{0, 1} {
				if err := first.Place(set, items[3], cluster, ""); !errors.Is(err, ErrOtherClusters) {
					t.Errorf("%s is gone, others were first: %v", what, err)
				}
			}
		}
	}
}
