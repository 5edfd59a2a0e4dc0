package placing

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func write(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func files(t *testing.T, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(b)
	}
	return all
}

func TestCopyTouchesNothingOfOthers(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "photo.png")
	strangers := map[string]string{"photo.png.partial": "a download", ".photo.png": "hidden", "photo (2).png": "another"}
	for file, content := range strangers {
		write(t, filepath.Join(folder, file), content)
	}
	for _, c := range []struct{ content, want string }{
		{"first", "photo.png"}, {"second", "photo (3).png"}, {"first", "photo.png"}, {"another", "photo (2).png"}, {"second", "photo (3).png"},
	} {
		got, err := Copy([]string{name}, []byte(c.content), time.Time{})
		if err != nil || got != filepath.Join(folder, c.want) {
			t.Errorf("copy %q: %s, %v; want %s", c.content, got, err, c.want)
		}
	}
	strangers["photo.png"], strangers["photo (3).png"] = "first", "second"
	if got := files(t, folder); fmt.Sprint(got) != fmt.Sprint(strangers) {
		t.Errorf("the folder contains %v, want %v", got, strangers)
	}
}

// Many concurrent calls that copy different files with the same name into one folder lose none of them.
func TestCopiesAtOnceAreAllKept(t *testing.T) {
	folder := t.TempDir()
	const calls, names = 6, 20
	var running sync.WaitGroup
	for call := range calls {
		running.Go(func() {
			for n := range names {
				if _, err := Copy([]string{filepath.Join(folder, fmt.Sprintf("%d.png", n))}, fmt.Appendf(nil, "call %d", call), time.Time{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	if got := files(t, folder); len(got) != calls*names {
		t.Errorf("%d files of %d", len(got), calls*names)
	}
}

func TestCopyOfTheLongestName(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, strings.Repeat("é", 125)+"x.png")
	for _, content := range []string{"first", "second"} {
		got, err := Copy([]string{name}, []byte(content), time.Time{})
		if err != nil || len(filepath.Base(got)) > longestName || filepath.Ext(got) != ".png" || !utf8.ValidString(got) {
			t.Errorf("%s, %v", got, err)
		}
	}
	if got := files(t, folder); len(got) != 2 {
		t.Errorf("the folder contains %v", got)
	}
	if _, err := Copy([]string{filepath.Join(folder, strings.Repeat("x", 256))}, nil, time.Time{}); err == nil {
		t.Error("a name of 256 bytes was accepted")
	}
}

func TestCopyThroughAFile(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "a.png"), "a file")
	if _, err := Copy([]string{filepath.Join(folder, "a.png", "b.png")}, []byte("below it"), time.Time{}); err == nil {
		t.Error("a file was treated as a folder")
	}
	if got := files(t, folder); len(got) != 1 || got["a.png"] != "a file" {
		t.Errorf("the folder contains %v", got)
	}
}

func TestLink(t *testing.T) {
	folder := t.TempDir()
	name := filepath.Join(folder, "a.png")
	for _, c := range []struct{ target, want string }{{"/x/1", "a.png"}, {"/x/2", "a (2).png"}, {"/x/1", "a.png"}, {"/x/2", "a (2).png"}} {
		got, err := Link([]string{name}, c.target)
		if err != nil || filepath.Base(got) != c.want {
			t.Errorf("link to %s: %s, %v; want %s", c.target, got, err, c.want)
		}
	}
}

// Whatever the name of a cluster or an item, it stays below its folder, with a name that file systems accept.
func TestNamesStayInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{"..", ".", "a", "", "b.png", "\xff"}), 1, 6).Draw(t, "parts")
		for _, local := range Locals(strings.Join(parts, "/")) {
			if local != string(filepath.Separator) && !filepath.IsLocal(local) {
				t.Fatalf("%q points outside the folder", local)
			}
		}
		name := Folder(rapid.IntRange(0, 5000).Draw(t, "cluster"), rapid.String().Draw(t, "name"))
		if strings.ContainsAny(name, "/\\\x00\n") || len(name) > 120 || !strings.HasPrefix(name, "cluster-") {
			t.Fatalf("folder %q", name)
		}
	})
}

func TestWithin(t *testing.T) {
	folder := t.TempDir()
	real := filepath.Join(folder, "real")
	if err := os.MkdirAll(filepath.Join(real, "in"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, filepath.Join(folder, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, folder string
		want         bool
	}{
		{"real", "real", true}, {"real/in", "real", true}, {"link/in", "real", true}, {"link/new/deep", "real", true},
		{"real2", "real", false}, {".", "real", false}, {"real/..2", "real", true},
	} {
		if got := Within(filepath.Join(folder, c.name), filepath.Join(folder, c.folder)); got != c.want {
			t.Errorf("%s within %s: %v", c.name, c.folder, got)
		}
	}
}

// An item has the path that it has in its data set, and one from elsewhere its last element, then all of its path.
func TestLocals(t *testing.T) {
	for item, want := range map[string][]string{
		"a/b.png": {"a/b.png"}, "./a//b.png": {"a/b.png"}, "/x/y/b.png": {"b.png", "x/y/b.png"}, "../y/b.png": {"b.png", "y/b.png"}, "../../b.png": {"b.png"}, "/b.png": {"b.png"},
	} {
		for i := range want {
			want[i] = filepath.FromSlash(want[i])
		}
		if got := Locals(item); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", item, got, want)
		}
	}
}

// When all numbers of a name are taken, the next name is used. What is there already is found under either.
func TestManyEqualNames(t *testing.T) {
	folder := t.TempDir()
	for round := range 2 {
		for i := range Tries + 2 {
			target := fmt.Sprintf("/data/%d/a.png", i)
			got, err := Link([]string{filepath.Join(folder, "a.png"), filepath.Join(folder, "data", fmt.Sprint(i), "a.png")}, target)
			if to, rerr := os.Readlink(got); err != nil || rerr != nil || to != target {
				t.Fatalf("%d: %s leads to %s: %v, %v", i, got, to, err, rerr)
			}
		}
		if entries, err := os.ReadDir(folder); err != nil || len(entries) != Tries+1 {
			t.Errorf("round %d: %d names, %v", round, len(entries), err)
		}
	}
}
