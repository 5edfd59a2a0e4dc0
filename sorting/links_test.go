package sorting

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// An original that was replaced by an image of another cluster has a link there only, whether that is noticed by the same process or a later one.
func TestReplacedOriginalsHaveOneLink(t *testing.T) {
	for _, again := range []bool{false, true} {
		set, items := pictures(t, 3)
		dir := filepath.Join(t.TempDir(), "sorted")
		var told []string
		start := func() *Folders {
			return &Folders{Dir: dir, Link: true, Clusters: &Clusters{"a", []string{"", "dogs", ""}}, Warnf: func(format string, args ...any) { told = append(told, fmt.Sprintf(format, args...)) }}
		}
		f := start()
		if err := errors.Join(f.Place(set, items[0], 0, ""), f.Place(set, items[1], 0, ""), f.Place(set, items[2], 2, "")); err != nil {
			t.Fatal(err)
		}
		own, copied, second := filepath.Join(dir, "cluster-000", "own.jpg"), filepath.Join(dir, "cluster-000", "0 (2).jpg"), filepath.Join(dir, "cluster-001 dogs", "second.jpg")
		target, err := os.Readlink(filepath.Join(dir, "cluster-000", "0.jpg"))
		if err = errors.Join(err, os.Symlink("nowhere", own), os.WriteFile(copied, nil, 0o600), os.Mkdir(filepath.Dir(second), 0o755), os.Symlink(target, second)); err != nil {
			t.Fatal(err)
		}
		if again {
			f = start()
		}
		items[0].Hash = hashOf("drawing")
		replace(t, target, "drawing")
		if err := errors.Join(f.Place(set, items[0], 1, "dogs"), f.Place(set, items[1], 0, "")); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Lstat(filepath.Join(dir, "cluster-000", "0.jpg")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("again %t: the link in the old cluster: %v", again, err)
		}
		for _, kept := range []string{"cluster-000/own.jpg", "cluster-000/0 (2).jpg", "cluster-000/1.jpg", "cluster-001 dogs/0.jpg", "cluster-001 dogs/second.jpg", "cluster-002/2.jpg"} {
			if _, err := os.Lstat(filepath.Join(dir, kept)); err != nil {
				t.Errorf("again %t: %v", again, err)
			}
		}
		if want := []string{"1 link in " + dir + " points to an image that is gone (such as cluster-000/own.jpg)"}; again && !slices.Equal(told, want) {
			t.Errorf("told %q, want %q", told, want)
		}
	}
}
