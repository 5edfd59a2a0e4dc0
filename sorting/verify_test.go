package sorting

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/extract/dataset"
	"iconic/extract/store"
)

func hashOf(content string) (h store.Hash) {
	sum := sha256.Sum256([]byte(content))
	return store.Hash(sum[:len(h)])
}

// replace puts a file with other bytes in a file's place, with the same size and time.
func replace(t *testing.T, name, content string) {
	t.Helper()
	stat, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	other := name + ".new"
	if err := errors.Join(os.WriteFile(other, []byte(content), 0o640), os.Chtimes(other, stat.ModTime(), stat.ModTime()), os.Rename(other, name)); err != nil {
		t.Fatal(err)
	}
}

// A file that is replaced after the sorting was planned is not placed: its new content may belong to another cluster. The others are.
func TestReplacedFilesAreNotPlaced(t *testing.T) {
	for _, mode := range []Mode{Copy, Link, Hardlink, Move} {
		for _, hashed := range []bool{true, false} {
			first := 2
			if hashed { // without a hash, the content is that of the plan
				first = 1
			}
			for step := first; step < 6; step++ {
				root, files := collection(t)
				for i := range files {
					if content := fmt.Sprintf("picture %d", i); hashed {
						files[i].Hash = hashOf(content)
					}
				}
				s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: mode, Files: files[1:2]}
				left := step
				s.Step = func() error {
					if left--; left == 0 {
						if replace(t, files[1].Name, "drawing 1"); !hashed {
							return os.WriteFile(files[1].Name, []byte("drawing 1"), 0o640)
						}
					}
					return nil
				}
				r, err := s.Run(t.Context())
				if err != nil || r.Placed+len(r.Failed) != 1 || left > 0 && len(r.Failed) > 0 {
					t.Fatalf("%s %t %d: %+v, %v", mode, hashed, step, r, err)
				}
				if step == 2 && len(r.Failed) == 0 || step < 4 && len(r.Failed) > 0 && !errors.Is(r.Failed[0].Err, ErrChanged) {
					t.Errorf("%s %t %d: %+v", mode, hashed, step, r)
				}
				to := filepath.Join(s.Folder, "cluster-001", "2.jpg")
				content, err := os.ReadFile(to)
				if len(r.Failed) > 0 && mode != Move && !errors.Is(err, os.ErrNotExist) || err == nil && left <= 0 && string(content) != "picture 1" {
					t.Errorf("%s %t %d: %q, %v, %+v", mode, hashed, step, content, err, r)
				}
				if now, err := os.ReadFile(files[1].Name); left <= 0 && (err != nil || string(now) != "drawing 1") {
					t.Errorf("%s %t %d: the new file is %q, %v", mode, hashed, step, now, err)
				}
			}
		}
	}
}

// A file that was touched, but has the same content, is placed. It is read only if the file system cannot tell.
func TestTouchedFilesArePlaced(t *testing.T) {
	for _, mode := range []Mode{Copy, Link, Hardlink, Move} {
		root, files := collection(t)
		read := 0
		for i := range files {
			name := files[i].Name
			files[i].Hash, files[i].Unwritten = hashOf(fmt.Sprintf("picture %d", i)), func() bool { return i > 0 }
			files[i].Read = func() ([]byte, error) { read++; return os.ReadFile(name) }
		}
		s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: mode, Files: files}
		if r, err := s.Run(t.Context()); err != nil || r.Placed != len(files) || mode != Copy && read != 1 {
			t.Errorf("%s: %+v, %v, %d were read", mode, r, err, read)
		}
	}
}

// An image that is replaced after it was classified is not put into the folder of its old cluster.
func TestReplacedImagesAreNotPlaced(t *testing.T) {
	for _, link := range []bool{false, true} {
		root, _ := collection(t)
		set, err := dataset.Open(t.Context(), filepath.Join(root, "photos"), dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		f := Folders{Dir: filepath.Join(root, "sorted"), Link: link}
		replace(t, filepath.Join(root, "photos", "a", "2.jpg"), "drawing 1")
		for name, want := range map[string]bool{"a/1.jpg": true, "a/2.jpg": false} {
			if i, ok := set.Find(name); !ok || set.Unwritten(i) != want {
				t.Errorf("%s: found %t, want unwritten %t", name, ok, want)
			}
		}
		before := tree(t, root)
		if err := f.Place(set, store.Item{Path: "a/2.jpg", Hash: hashOf("picture 1")}, 0, ""); !errors.Is(err, ErrChanged) {
			t.Errorf("link %t: %v", link, err)
		}
		if diff := cmp.Diff(before, tree(t, root)); diff != "" {
			t.Error(diff)
		}
		if err := errors.Join(f.Place(set, store.Item{Path: "a/2.jpg", Hash: hashOf("drawing 1")}, 1, ""), f.Place(set, store.Item{Path: "a/1.jpg"}, 1, ""), set.Close()); err != nil {
			t.Errorf("link %t: %v", link, err)
		}
	}
}
