package dataset

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/internal/s3test"
)

// stamps are the stamps of a set's items by their paths.
func stamps(s *Set) map[string]string {
	m := map[string]string{}
	for i := range s.Items {
		m[s.Items[i].Path] = s.Stamp(i)
	}
	return m
}

// An object's stamp does not depend on the other objects, and one that an earlier version recorded, with its index in the listing, still holds.
func TestStampsOfObjects(t *testing.T) {
	server := s3test.Start(t)
	server.Put("set/b.png", []byte("B"))
	server.Put("set/c.png", []byte("C"))
	before := stamps(openSet(t, "s3://data/set", Options{}))
	server.Put("set/a.png", []byte("A"))
	server.Put("set/c.png", []byte("D"))
	s := openSet(t, "s3://data/set", Options{})
	now := stamps(s)
	if now["b.png"] != before["b.png"] || now["c.png"] == before["c.png"] {
		t.Errorf("a.png was added and c.png written: stamps %v, then %v", before, now)
	}
	i, _ := s.Find("b.png")
	for recorded, want := range map[string]bool{
		before["b.png"]: true, strings.TrimSuffix(before["b.png"], ".0") + ".1z": true, before["c.png"]: false, now["a.png"]: false,
		"": false, before["b.png"] + ".0": false, strings.TrimSuffix(before["b.png"], ".0"): false,
	} {
		if s.Unchanged(i, recorded) != want {
			t.Errorf("recorded %q, now %q: unchanged %t", recorded, now["b.png"], !want)
		}
	}
}

// A new member or row makes the stamps of all items of its file others, since their bytes are not known to be those at another place, but not those of
// other files.
func TestStampsOfItemsThatShareAFile(t *testing.T) {
	server := s3test.Start(t)
	put := func(name string, members ...string) {
		file := filepath.Join(t.TempDir(), name)
		archive(t, file, members...)
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		server.Put("set/"+name, content)
	}
	put("a.tar", "1.png", "A1", "2.png", "A2")
	put("c.tar", "1.png", "C1")
	before := stamps(openSet(t, "s3://data/set", Options{}))
	put("a.tar", "0.png", "A0", "1.png", "A1", "2.png", "A2")
	put("b.tar", "1.png", "B1")
	s := openSet(t, "s3://data/set", Options{})
	for path, want := range map[string]bool{"a.tar/1.png": false, "a.tar/2.png": false, "c.tar/1.png": true} {
		i, ok := s.Find(path)
		if !ok {
			t.Fatalf("no %s in %v", path, stamps(s))
		}
		if s.Unchanged(i, before[path]) != want {
			t.Errorf("%s: stamp %s, then %s", path, before[path], s.Stamp(i))
		}
	}
}

// Hidden objects and those in system folders are counted as in a folder.
func TestHiddenObjects(t *testing.T) {
	server := s3test.Start(t)
	for _, key := range []string{"p/a.png", "p/./dot.png", "p/../up.png", "p/.hid/x.png", "p/.dot.png", "p/.DS_Store", "p/__MACOSX/x/._a.png", "p/@eaDir/b.png", "p/x/"} {
		server.Put(key, []byte("A"))
	}
	s := openSet(t, "s3://data/p", Options{})
	if len(s.Items) != 1 || s.Items[0].Path != "a.png" {
		t.Errorf("items %q", lines(s))
	}
	for _, want := range []string{"4 hidden files with names of images (such as ../up.png)", "2 files in system folders (such as @eaDir/b.png)"} {
		if !strings.Contains(s.Note(), want) {
			t.Errorf("note %q, want %q", s.Note(), want)
		}
	}
}

// A key is a name as it is, whether it is listed below a prefix or is the whole set.
func TestNamesOfObjects(t *testing.T) {
	server := s3test.Start(t)
	names := []string{"50% off.png", "a b.png", "a#1.png", "a__0x2f__b.png", "nl\nx.png", "q?1.png"}
	for _, name := range names {
		server.Put("p/"+name, []byte(name))
	}
	if diff := cmp.Diff(names, contents(t, openSet(t, "s3://data/p", Options{}))); diff != "" {
		t.Error(diff)
	}
	for _, name := range names {
		s := openSet(t, "s3://data/p/"+name, Options{})
		if diff := cmp.Diff([]string{name}, contents(t, s)); diff != "" || s.Items[0].Path != name || s.Root != "s3://data/p/"+name {
			t.Errorf("%q: item %q of %q, %s", name, s.Items[0].Path, s.Root, diff)
		}
	}
	file := filepath.Join(t.TempDir(), "a.tar")
	archive(t, file, "1.png", "A1")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	server.Put("p/50%.tar", content)
	if diff := cmp.Diff([]string{"A1"}, contents(t, openSet(t, "s3://data/p/50%.tar", Options{}))); diff != "" {
		t.Error(diff)
	}
}
