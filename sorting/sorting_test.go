package sorting

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iconic/internal/placing"
	"iconic/option"
)

// collection is a tree of files with old times, and the files to sort into a folder beside it.
func collection(t *testing.T) (root string, files []File) {
	t.Helper()
	root = t.TempDir()
	for i, name := range []string{"a/1.jpg", "a/2.jpg", "a/b/1.jpg", "c/" + strings.Repeat("é", 125) + ".jpg", "c/caf\xe9.jpg", "c/(x) [y] $z.jpg"} {
		file := filepath.Join(root, "photos", name)
		content := fmt.Appendf(nil, "picture %d", i)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, content, 0o640)); err != nil {
			t.Fatal(err)
		}
		files = append(files, File{
			Name: file, To: filepath.Join(fmt.Sprintf("cluster-%03d", i%2), filepath.Base(name)), Size: int64(len(content)),
			Read: func() ([]byte, error) { return os.ReadFile(file) },
		})
	}
	age(t, root)
	return root, files
}

// age gives everything below root a different time, long ago.
func age(t *testing.T, root string) {
	t.Helper()
	var names []string
	if err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error { names = append(names, name); return err }); err != nil {
		t.Fatal(err)
	}
	for i, name := range names {
		when := time.Date(2001, 2, 3, 4, 5, i, 678_000_000+i, time.UTC)
		if err := os.Chtimes(name, when, when); err != nil {
			t.Fatal(err)
		}
	}
}

// tree is everything below root: kinds, permissions, times, contents.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		stat, err := d.Info()
		if err != nil {
			return err
		}
		content := ""
		switch {
		case stat.Mode().IsRegular():
			b, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			content = string(b)
		case stat.Mode()&fs.ModeSymlink != 0:
			content, err = os.Readlink(name)
		}
		relative, _ := filepath.Rel(root, name)
		all[relative] = fmt.Sprintf("%v %v %q", stat.Mode(), stat.ModTime().UnixNano(), content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func undo(t *testing.T, folder string) *Undone {
	t.Helper()
	u, err := Undo(t.Context(), folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestSortAndUndo(t *testing.T) {
	for _, mode := range []Mode{Copy, Link, Hardlink, Move} {
		for _, there := range []bool{false, true} { // whether the folder exists before, with somebody's file in it
			t.Run(fmt.Sprint(mode, there), func(t *testing.T) {
				root, files := collection(t)
				folder := filepath.Join(root, "sorted")
				if there {
					mine := filepath.Join(folder, "cluster-000", "1.jpg")
					if err := errors.Join(os.MkdirAll(filepath.Dir(mine), 0o755), os.WriteFile(mine, []byte("mine"), 0o600)); err != nil {
						t.Fatal(err)
					}
					age(t, root)
				}
				before := tree(t, root)
				s := Sorting{Folder: folder, Mode: mode, Files: files}
				r, err := s.Run(t.Context())
				if err != nil || r.Placed != len(files) || len(r.Failed) > 0 {
					t.Fatalf("%+v, %v", r, err)
				}
				for name, was := range before { // nothing was overwritten, and only a move takes originals away
					if now, kept := tree(t, root)[name]; strings.HasPrefix(was, "-") && now != was && (mode != Move || kept) {
						t.Errorf("%s was %s and is now %s", name, was, now)
					}
				}
				stat, err := os.Stat(filepath.Join(folder, "cluster-001", "2.jpg"))
				if err != nil || stat.ModTime().Year() != 2001 {
					t.Errorf("%v, %v: the time was not preserved", stat, err)
				}
				if r, err = s.Run(t.Context()); err != nil || r.Placed != 0 || r.There != len(files) {
					t.Errorf("a second time: %+v, %v", r, err)
				}
				if u := undo(t, folder); u.Back != len(files) || len(u.Failed) > 0 {
					t.Errorf("%+v", u)
				}
				if diff := cmp.Diff(before, tree(t, root)); diff != "" {
					t.Errorf("the tree differs: %s", diff)
				}
				if _, err := Undo(t.Context(), folder, nil); !errors.Is(err, ErrNoJournal) {
					t.Errorf("undone twice: %v", err)
				}
			})
		}
	}
}

// Wherever a sorting stops, and wherever undoing it stops then, the tree is the same in the end.
func TestStoppedAnywhere(t *testing.T) {
	stop := errors.New("stopped")
	after := func(n int) func() error {
		return func() error {
			if n--; n < 0 {
				return stop
			}
			return nil
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, mode := range []Mode{Copy, Move} {
		for n := range 20 {
			root, files := collection(t)
			before := tree(t, root)
			s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: mode, Files: files, Clusters: &Clusters{Key: "a"}, Step: after(n)}
			_, err := s.Run(t.Context())
			ended := err == nil
			if err != nil && !errors.Is(err, stop) {
				t.Fatal(err)
			}
			if ended && n == 0 {
				t.Fatal("no step was counted")
			}
			if n > 0 { // otherwise nothing was begun
				if n%3 == 1 { // while the next batch was being recorded
					j, err := os.OpenFile(filepath.Join(s.Folder, Journal), os.O_APPEND|os.O_WRONLY, 0)
					if err != nil {
						t.Fatal(err)
					}
					if _, err := j.WriteString(`{"format":1,"step":"mo`); err != nil {
						t.Fatal(err)
					}
					j.Close()
				}
				for {
					u, err := Undo(t.Context(), s.Folder, after(r.IntN(9)))
					if err == nil && len(u.Failed) > 0 {
						t.Fatalf("%+v", u.Failed)
					}
					if err == nil {
						break
					}
					if !errors.Is(err, stop) {
						t.Fatal(err)
					}
				}
			}
			if diff := cmp.Diff(before, tree(t, root)); diff != "" {
				t.Fatalf("%s stopped before step %d: the tree differs: %s", mode, n, diff)
			}
		}
	}
}

// An interrupted sorting is completed by the same call.
func TestStoppedGoesOn(t *testing.T) {
	for n := 1; n < 14; n++ {
		root, files := collection(t)
		before := tree(t, root)
		s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: Move, Files: files}
		left := n
		s.Step = func() error {
			if left--; left < 0 {
				return errors.New("stopped")
			}
			return nil
		}
		_, _ = s.Run(t.Context())
		s.Step = nil
		if r, err := s.Run(t.Context()); err != nil || r.Placed+r.There != len(files) || len(r.Failed) > 0 {
			t.Fatalf("%d: %+v, %v", n, r, err)
		}
		undo(t, s.Folder)
		if diff := cmp.Diff(before, tree(t, root)); diff != "" {
			t.Fatalf("%d: %s", n, diff)
		}
	}
}

// Undoing does not touch files that were changed since.
func TestUndoLeavesWhatChanged(t *testing.T) {
	for mode, change := range map[Mode]func(root, sorted string) error{
		Copy:     func(_, sorted string) error { return os.WriteFile(sorted, []byte("painted over"), 0o600) },
		Hardlink: func(root, _ string) error { return os.Remove(filepath.Join(root, "photos", "a", "2.jpg")) },
		Link: func(root, sorted string) error {
			return errors.Join(os.Remove(sorted), os.Symlink(root, sorted))
		},
		Move: func(root, _ string) error {
			return os.WriteFile(filepath.Join(root, "photos", "a", "2.jpg"), []byte("a new one"), 0o600)
		},
	} {
		root, files := collection(t)
		s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: mode, Files: files}
		if _, err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		sorted := filepath.Join(s.Folder, "cluster-001", "2.jpg")
		if err := change(root, sorted); err != nil {
			t.Fatal(err)
		}
		u := undo(t, s.Folder)
		if len(u.Failed) != 1 || u.Back != len(files)-1 {
			t.Errorf("%s: %+v", mode, u)
		}
		if _, err := os.Lstat(sorted); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
		if _, err := os.Lstat(filepath.Join(s.Folder, Journal)); err != nil {
			t.Errorf("%s: the journal is gone, although not everything was undone", mode)
		}
	}
}

func TestMoveRefusesLinks(t *testing.T) {
	root, files := collection(t)
	link := filepath.Join(root, "photos", "link.jpg")
	if err := os.Symlink("a/1.jpg", link); err != nil {
		t.Fatal(err)
	}
	s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: Move, Files: append(files, File{Name: link, To: "x.jpg"}, File{To: "y.jpg"}, File{Name: link, To: "../z.jpg"})}
	r, err := s.Run(t.Context())
	if err != nil || len(r.Failed) != 3 || r.Placed != len(files) {
		t.Errorf("%+v, %v", r, err)
	}
}

// Between file systems a file is copied, with its time and permissions, before the original is removed.
func TestAcross(t *testing.T) {
	root, files := collection(t)
	to := filepath.Join(root, "copy.jpg")
	want, err := os.Stat(files[0].Name)
	if err != nil {
		t.Fatal(err)
	}
	if err := across(files[0].Name, to); err != nil {
		t.Fatal(err)
	}
	got, err := os.Stat(to)
	if err != nil || !got.ModTime().Equal(want.ModTime()) || got.Mode() != want.Mode() || got.Size() != want.Size() {
		t.Errorf("%v, %v", got, err)
	}
	if err := across(files[1].Name, to); !errors.Is(err, fs.ErrExist) {
		t.Errorf("another file was replaced: %v", err)
	}
}

func TestJournalsOfOthers(t *testing.T) {
	for content, want := range map[string]string{
		`{"format":9}` + "\n": "format 9", "x\n": "line 1", `{"format":1,"step":"move","to":"Li4veA=="}` + "\n": "points outside",
	} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, Journal), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Undo(t.Context(), folder, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", content, err)
		}
	}
}

// A copy is removed only if its original is still there with the same bytes: it may be the only one.
func TestUndoKeepsOnlyCopies(t *testing.T) {
	for name, c := range map[string]struct {
		mode   Mode
		change func(original, sorted string) error
	}{
		"gone":        {Copy, func(original, _ string) error { return os.Remove(original) }},
		"folder gone": {Copy, func(original, _ string) error { return os.RemoveAll(filepath.Dir(original)) }},
		"edited":      {Copy, func(original, _ string) error { return os.WriteFile(original, []byte("picture X"), 0o600) }},
		"copy linked": {Copy, func(original, sorted string) error {
			return errors.Join(os.Remove(original), os.Symlink(sorted, original))
		}},
		"hard link linked": {Hardlink, func(original, sorted string) error {
			return errors.Join(os.Remove(original), os.Symlink(sorted, original))
		}},
		"moved, then linked": {Move, func(original, sorted string) error { return os.Symlink(sorted, original) }},
	} {
		t.Run(name, func(t *testing.T) {
			root, files := collection(t)
			s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: c.mode, Files: files}
			if _, err := s.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			sorted := filepath.Join(s.Folder, "cluster-001", "2.jpg")
			if err := c.change(files[1].Name, sorted); err != nil {
				t.Fatal(err)
			}
			u := undo(t, s.Folder)
			if len(u.Failed) == 0 || u.Back+len(u.Failed) != len(files) {
				t.Errorf("%+v", u)
			}
			if got, err := os.ReadFile(sorted); err != nil || string(got) != "picture 1" {
				t.Errorf("%q, %v", got, err)
			}
			if _, err := os.Lstat(filepath.Join(s.Folder, Journal)); err != nil {
				t.Errorf("the journal is gone, although not everything was undone: %v", err)
			}
		})
	}
}

// Copies from an archive are removed only while the archive is as it was.
func TestUndoLooksAtArchives(t *testing.T) {
	for name, change := range map[string]func(archive string) error{
		"": func(string) error { return nil }, "gone": os.Remove, "other": func(archive string) error { return os.WriteFile(archive, []byte("other"), 0o600) },
	} {
		root, _ := collection(t)
		archive := filepath.Join(root, "pictures.tar")
		if err := os.WriteFile(archive, []byte("archive"), 0o600); err != nil {
			t.Fatal(err)
		}
		s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: Copy, Files: []File{
			{To: "c/1.jpg", Holder: archive, Size: 1, Modified: time.Date(1961, 4, 12, 6, 7, 0, 0, time.UTC), Read: func() ([]byte, error) { return []byte("1"), nil }},
			{To: "c/2.jpg", Size: 1, Read: func() ([]byte, error) { return []byte("2"), nil }}, // in a bucket
		}}
		if r, err := s.Run(t.Context()); err != nil || r.Placed != 2 {
			t.Fatalf("%+v, %v", r, err)
		}
		if stat, err := os.Stat(filepath.Join(s.Folder, "c", "1.jpg")); err != nil || !stat.ModTime().Equal(s.Files[0].Modified) {
			t.Errorf("the copy was modified %v, %v", stat.ModTime(), err)
		}
		if err := change(archive); err != nil {
			t.Fatal(err)
		}
		if u := undo(t, s.Folder); (name == "") != (len(u.Failed) == 0) || name != "" && !strings.Contains(u.Failed[0].Err.Error(), archive) {
			t.Errorf("%s: %+v", name, u)
		}
	}
}

// A journal of an earlier version does not name the archive: whether the copies are the only ones is not known then, and they stay.
func TestUndoKeepsCopiesOfUnknownArchives(t *testing.T) {
	root, _ := collection(t)
	archive := filepath.Join(root, "pictures.tar")
	if err := os.WriteFile(archive, []byte("archive"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: Copy, Files: []File{{To: "c/1.jpg", Holder: archive, Size: 1, Read: func() ([]byte, error) { return []byte("1"), nil }}}}
	if r, err := s.Run(t.Context()); err != nil || r.Placed != 1 {
		t.Fatalf("%+v, %v", r, err)
	}
	journal := filepath.Join(s.Folder, Journal)
	content, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	earlier := regexp.MustCompile(`"holder[a-z_]*":("[^"]*"|[0-9]+),`).ReplaceAll(content, nil)
	if err := errors.Join(os.WriteFile(journal, earlier, 0o600), os.Remove(archive)); err != nil {
		t.Fatal(err)
	}
	if u := undo(t, s.Folder); len(earlier) == len(content) || len(u.Failed) != 1 || !strings.Contains(u.Failed[0].Err.Error(), "the journal does not say which archive") {
		t.Errorf("%+v", u)
	}
	if _, err := os.Lstat(filepath.Join(s.Folder, "c", "1.jpg")); err != nil {
		t.Error(err)
	}
}

// Without one of the modes, or without a folder, nothing is done.
func TestUnknownSettings(t *testing.T) {
	t.Chdir(t.TempDir())
	root, files := collection(t)
	before := tree(t, root)
	for field, s := range map[string][]Sorting{
		"Mode":   {{Folder: filepath.Join(root, "sorted"), Files: files}, {Folder: filepath.Join(root, "sorted"), Mode: "Copy", Files: files}, {Folder: filepath.Join(root, "s"), Mode: "mv", Files: files}},
		"Folder": {{Mode: Copy, Files: files}},
	} {
		for _, s := range s {
			var o *option.Error
			if r, err := s.Run(t.Context()); !errors.As(err, &o) || o.Option != field || r != nil {
				t.Errorf("%q into %q: %+v, %v", s.Mode, s.Folder, r, err)
			}
		}
	}
	if _, err := Undo(t.Context(), "", nil); err == nil {
		t.Error("the working directory was undone")
	}
	if entries, err := os.ReadDir("."); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
	s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: Copy, Files: []File{{Name: "a/1.jpg", To: "1.jpg", Read: files[0].Read}, {Name: files[0].Name, To: "2.jpg"}}}
	if r, err := s.Run(t.Context()); err != nil || len(r.Failed) != 2 {
		t.Errorf("a relative name, and no Read: %+v, %v", r, err)
	}
	undo(t, s.Folder)
	if diff := cmp.Diff(before, tree(t, root)); diff != "" {
		t.Error(diff)
	}
}

// A journal may say that a file was placed by an unknown step: Undo leaves it and says so, and undoes the others.
func TestUndoNamesUnknownSteps(t *testing.T) {
	for _, step := range []string{"", `"step":"mv",`} {
		root, files := collection(t)
		s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: Move, Files: files[:2]}
		if _, err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(s.Folder, Journal)
		journal, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(strings.Replace(string(journal), `"step":"move",`, step, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		if u := undo(t, s.Folder); len(u.Failed) != 1 || u.Back != 1 || !strings.Contains(u.Failed[0].Err.Error(), "unknown step") {
			t.Errorf("%q: %+v", step, u)
		}
		if _, err := os.Lstat(name); err != nil {
			t.Errorf("%q: %v", step, err)
		}
	}
}

// Files of an earlier sorting that would be left among those of a new one are counted, and nothing is done.
func TestEarlierFilesAreNotMixed(t *testing.T) {
	for name, c := range map[string]struct {
		first, second Mode
		files         func(files []File) []File
		left          int
		prepare       func(t *testing.T, files []File) // between the two; nil: nothing
	}{
		"left out":   {Copy, Copy, func(files []File) []File { return files[1:] }, 1, nil},
		"elsewhere":  {Link, Link, func(files []File) []File { files[0].To = "cluster-001/1.jpg"; return files }, 1, nil},
		"moved":      {Move, Move, func(files []File) []File { files[0].To = "cluster-001/1.jpg"; return files }, 1, nil},
		"renamed":    {Copy, Copy, func(files []File) []File { return renamed(files) }, 6, nil},
		"renamed by": {Hardlink, Hardlink, func(files []File) []File { return renamed(files) }, 6, nil},
		"other mode": {Copy, Link, func(files []File) []File { return files }, 6, nil},
		"moves":      {Move, Copy, func(files []File) []File { return files }, 6, nil},
		"nothing":    {Copy, Copy, func([]File) []File { return nil }, 6, nil},
		"more": {Copy, Copy, func(files []File) []File {
			return append(files, File{Name: files[0].Name, To: "cluster-009/1.jpg", Read: files[0].Read})
		}, 0, nil},
		"copied, to be moved": {Copy, Move, func(files []File) []File { return files }, 6, nil},
		"edited": {Copy, Copy, func(files []File) []File { return files }, 1, func(t *testing.T, files []File) {
			if err := os.WriteFile(files[2].Name, []byte("drawing 2"), 0o600); err != nil { // of the same size
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			root, files := collection(t)
			s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: c.first, Files: files}
			if _, err := s.Run(t.Context()); err != nil {
				t.Fatal(err)
			}
			if c.prepare != nil {
				c.prepare(t, files)
			}
			before := tree(t, root)
			s.Mode, s.Files = c.second, c.files(slices.Clone(files))
			left, err := s.Left(t.Context())
			if err != nil || (left == nil) != (c.left == 0) || left != nil && left.Files != c.left {
				t.Errorf("a dry run knows of %+v, %v", left, err)
			}
			r, err := s.Run(t.Context())
			if c.left == 0 {
				if err != nil || r.There != len(files) || r.Placed != 1 {
					t.Errorf("%+v, %v", r, err)
				}
				return
			}
			var e *EarlierError
			if !errors.As(err, &e) || e.Files != c.left || r != nil {
				t.Errorf("%+v, %v", r, err)
			}
			if s.Mode = ""; c.first == c.second {
				if left, err := s.Left(t.Context()); err != nil || left == nil || left.Files != c.left {
					t.Errorf("a dry run without a mode knows of %+v, %v", left, err)
				}
			}
			if diff := cmp.Diff(before, tree(t, root)); diff != "" {
				t.Error(diff)
			}
			if c.prepare != nil {
				return
			}
			undo(t, s.Folder)
			s.Mode, s.Files = c.second, files
			if r, err := s.Run(t.Context()); err != nil || r.Placed != len(files) {
				t.Errorf("after undoing: %+v, %v", r, err)
			}
		})
	}
}

// A link to an image that is gone stays where it is, and does not keep a sorting from being repeated. It is the same if the image was a link to one.
func TestLinksToNothingStay(t *testing.T) {
	for _, linked := range []bool{false, true} {
		root, files := collection(t)
		target := files[0].Name
		if linked {
			target = filepath.Join(root, "target.jpg")
			if err := errors.Join(os.Rename(files[0].Name, target), os.Symlink(target, files[0].Name)); err != nil {
				t.Fatal(err)
			}
		}
		s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: Link, Files: files}
		if _, err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(target); err != nil {
			t.Fatal(err)
		}
		before, err := readEarlier(s.Folder)
		if err != nil {
			t.Fatal(err)
		}
		look := lookup{before: before}
		f, where, err := look.file(filepath.Base(files[0].To), filepath.Dir(files[0].To))
		if err != nil || where != broken || f.Name != files[0].Name || f.Size != 0 {
			t.Fatalf("%+v is %d, %v", f, where, err)
		}
		s.Files = append([]File{f}, files[1:]...)
		if left, err := s.Left(t.Context()); left != nil || err != nil {
			t.Errorf("%v, %v", left, err)
		}
		if r, err := s.Run(t.Context()); err != nil || r.There != len(files) || r.Failed != nil {
			t.Errorf("%+v, %v", r, err)
		}
		undo(t, s.Folder)
	}
}

func renamed(files []File) []File {
	for i := range files {
		files[i].To = filepath.Join(filepath.Dir(files[i].To)+" name", filepath.Base(files[i].To))
	}
	return files
}

// Files with equal names have numbers, which they keep although an earlier file is gone from the folder and from the files.
func TestNumbersAreKept(t *testing.T) {
	for _, mode := range []Mode{Copy, Link, Hardlink, Move} {
		root, files := collection(t)
		files = files[:3]
		for i := range files {
			files[i].To = "c/1.jpg"
		}
		s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: mode, Files: files}
		if r, err := s.Run(t.Context()); err != nil || r.Placed != 3 {
			t.Fatalf("%+v, %v", r, err)
		}
		if err := os.Remove(filepath.Join(s.Folder, "c", "1.jpg")); err != nil {
			t.Fatal(err)
		}
		s.Files = files[1:]
		if r, err := s.Run(t.Context()); err != nil || r.There != 2 {
			t.Errorf("%s: %+v, %v", mode, r, err)
		}
	}
}

// A move that was killed between its two steps is completed, also between file systems.
func TestHalfMoved(t *testing.T) {
	for _, across := range []bool{false, true} {
		root, files := collection(t)
		before := tree(t, root)
		s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: Move, Files: files}
		if _, err := s.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		to := filepath.Join(s.Folder, "cluster-001", "2.jpg")
		err := os.Link(to, files[1].Name)
		if across {
			err = errors.Join(os.Rename(to, files[1].Name), os.WriteFile(to, []byte("picture 1"), 0o600), os.Chtimes(to, time.Time{}, time.Unix(1, 0)))
		}
		if err != nil {
			t.Fatal(err)
		}
		if r, err := s.Run(t.Context()); err != nil || r.There != len(files)-1 || r.Placed != 1 {
			t.Errorf("%+v, %v", r, err)
		}
		if stat, err := os.Lstat(to); err != nil || stat.Mode().Perm() != 0o640 {
			t.Errorf("%v, %v", stat, err)
		}
		undo(t, s.Folder)
		if now := tree(t, root); !across && !cmp.Equal(before, now) {
			t.Error(cmp.Diff(before, now))
		}
	}
}

// Names that a file system may take for one get numbers, on every file system: a sorting has the same names everywhere, and can be copied anywhere.
func TestNamesThatDifferInCaseAreNumbered(t *testing.T) {
	names := []string{"a/IMG.jpg", "a/img.JPG", "A/img.jpg", "a/Café.jpg", "a/cafe\u0301.jpg", "a/caf\xe9.jpg", "a/Straße.jpg", "a/STRASSE.jpg", "a/img (2).jpg"}
	want := []string{"a/IMG.jpg", "a/img (2).JPG", "A/img (3).jpg", "a/Café.jpg", "a/cafe\u0301 (2).jpg", "a/caf\xe9.jpg", "a/Straße.jpg", "a/STRASSE (2).jpg", "a/img (2) (2).jpg"}
	for _, mode := range []Mode{Copy, Link, Hardlink, Move} {
		root := t.TempDir()
		s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: mode}
		for i, name := range names {
			file := filepath.Join(root, "photos", strconv.Itoa(i))
			content := fmt.Appendf(nil, "picture %d", i)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, content, 0o640)); err != nil {
				t.Fatal(err)
			}
			s.Files = append(s.Files, File{Name: file, To: name, Size: int64(len(content)), Read: func() ([]byte, error) { return content, nil }})
		}
		age(t, root)
		before := tree(t, root)
		if r, err := s.Run(t.Context()); err != nil || r.Placed != len(names) {
			t.Fatalf("%s: %+v, %v", mode, r, err)
		}
		for i, name := range want {
			if content, err := os.ReadFile(filepath.Join(s.Folder, name)); string(content) != fmt.Sprintf("picture %d", i) {
				t.Errorf("%s: %s holds %q, %v", mode, name, content, err)
			}
		}
		if r, err := s.Run(t.Context()); err != nil || r.There != len(names) {
			t.Errorf("%s, again: %+v, %v", mode, r, err)
		}
		if mode == Copy { // the number of a name from an earlier sorting does not depend on the order
			more := Sorting{Folder: s.Folder, Mode: mode, Files: slices.Clone(s.Files)}
			more.Files = slices.Insert(more.Files, 0, File{To: "A/IMG.JPG", Size: 3, Read: func() ([]byte, error) { return []byte("new"), nil }})
			if r, err := more.Run(t.Context()); err != nil || r.There != len(names) || r.Placed != 1 {
				t.Errorf("%s, with one more: %+v, %v", mode, r, err)
			}
			if content, err := os.ReadFile(filepath.Join(s.Folder, "A/IMG (4).JPG")); string(content) != "new" {
				t.Errorf("%s: %q, %v", mode, content, err)
			}
		}
		if mode == Move {
			known, err := readEarlier(s.Folder)
			if err != nil {
				t.Fatal(err)
			}
			for i, name := range names {
				if f, broken, found := known.gone(File{To: name}); !found || broken || f.Name != s.Files[i].Name {
					t.Errorf("%s is found as %s, %t, %t", name, f.Name, broken, found)
				}
			}
		}
		undo(t, s.Folder)
		if diff := cmp.Diff(before, tree(t, root)); diff != "" {
			t.Error(diff)
		}
	}
}

// A list may have any number of images whose paths end alike: those for which no numbered name is left have their whole path, and are found there.
func TestManyEqualNames(t *testing.T) {
	for _, mode := range []Mode{Copy, Link, Move} {
		root := t.TempDir()
		s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: mode}
		for i := range placing.Tries + 3 {
			file := filepath.Join(root, "photos", strconv.Itoa(i), "slice.png")
			content := fmt.Appendf(nil, "picture %d", i)
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, content, 0o600)); err != nil {
				t.Fatal(err)
			}
			s.Files = append(s.Files, File{Name: file, To: "c/slice.png", Else: filepath.Join("c", file[1:]), Size: int64(len(content)), Read: func() ([]byte, error) { return os.ReadFile(file) }})
		}
		last := s.Files[len(s.Files)-1]
		before := tree(t, root)
		if r, err := s.Run(t.Context()); err != nil || r.Placed != len(s.Files) {
			t.Fatalf("%s: %d placed, %v", mode, r.Placed, err)
		}
		if content, err := os.ReadFile(filepath.Join(s.Folder, last.Else)); err != nil || string(content) != fmt.Sprintf("picture %d", placing.Tries+2) {
			t.Errorf("%s: %q, %v", mode, content, err)
		}
		if r, err := s.Run(t.Context()); err != nil || r.There != len(s.Files) {
			t.Errorf("%s again: %+v, %v", mode, r, err)
		}
		if mode == Move {
			known, err := readEarlier(s.Folder)
			if err != nil {
				t.Fatal(err)
			}
			known.taken = map[string]bool{}
			for range s.Files {
				if f, broken, found := known.gone(File{To: last.To, Else: last.Else}); found && f.Name == last.Name {
					if broken || f.To != last.To || f.Else != last.Else {
						t.Errorf("%+v, %t", f, broken)
					}
					known = nil
					break
				}
			}
			if known != nil {
				t.Errorf("%s was not found where it was moved", last.Name)
			}
		}
		undo(t, s.Folder)
		if diff := cmp.Diff(before, tree(t, root)); diff != "" {
			t.Error(diff)
		}
	}
}

// A file that is reached under two names, through a link to its folder, is moved once, and can be moved back.
func TestMovedOnce(t *testing.T) {
	root, files := collection(t)
	if err := os.Symlink("a", filepath.Join(root, "photos", "z")); err != nil {
		t.Fatal(err)
	}
	before := tree(t, root)
	second := filepath.Join(root, "photos", "z", "1.jpg")
	s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: Move, Files: append(files, File{Name: second, To: "cluster-000/z.jpg"})}
	r, err := s.Run(t.Context())
	if err != nil || r.Placed != len(files) || len(r.Failed) != 1 || !strings.Contains(r.Failed[0].Err.Error(), "it is "+files[0].Name) {
		t.Errorf("%+v, %v", r, err)
	}
	if u := undo(t, s.Folder); u.Back != len(files) || u.Before != 0 || u.Failed != nil {
		t.Errorf("%+v", u)
	}
	if diff := cmp.Diff(before, tree(t, root)); diff != "" {
		t.Error(diff)
	}
}

// What could not be made, since its name is too long or leads through a file, needs no undoing.
func TestUndoOfImpossibleNames(t *testing.T) {
	for _, mode := range []Mode{Copy, Link, Hardlink, Move} {
		root, files := collection(t)
		before := tree(t, root)
		files[3].To = filepath.Join("cluster-000", "new", strings.Repeat("x", 256), "1.jpg")
		files[4].To, files[5].To = "cluster-001/d.jpg", "cluster-001/d.jpg/e.jpg"
		s := Sorting{Folder: filepath.Join(root, "sorted"), Mode: mode, Files: files}
		if r, err := s.Run(t.Context()); err != nil || r.Placed != 4 || len(r.Failed) != 2 {
			t.Errorf("%s: %+v, %v", mode, r, err)
		}
		if u := undo(t, s.Folder); u.Back != 4 || u.Before != 2 || u.Failed != nil {
			t.Errorf("%s: %+v", mode, u)
		}
		if diff := cmp.Diff(before, tree(t, root)); diff != "" {
			t.Errorf("%s: %s", mode, diff)
		}
	}
}

// Images in archives can only be copied: another mode is refused before a folder is made.
func TestArchivesAreOnlyCopied(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "sorted")
	for _, mode := range []Mode{Link, Hardlink, Move} {
		s := Sorting{Folder: folder, Mode: mode, Files: []File{{To: "c/1.jpg"}, {To: "c/2.jpg"}}}
		for _, err := range []error{s.Check(), func() error { _, err := s.Run(t.Context()); return err }()} {
			var o *option.Error
			if !errors.As(err, &o) || o.Option != "Mode" {
				t.Errorf("%s: %v", mode, err)
			}
		}
	}
	if _, err := os.Lstat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
