package dataset

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"iconic/internal/filestat"
	"iconic/internal/sharedtest"
)

// tree writes files, given by path, into a new folder.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		full := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// list writes a set as lines "path class split".
func list(t testing.TB, path string, o Options) []string {
	t.Helper()
	s, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	return lines(s)
}

func lines(s *Set) []string {
	var all []string
	for _, it := range s.Items {
		class := "-"
		if it.Label >= 0 {
			class = s.Classes[it.Label]
		}
		all = append(all, strings.TrimSpace(it.Path+" "+class+" "+it.Split))
	}
	return all
}

func files(names ...string) map[string]string {
	m := map[string]string{}
	for _, n := range names {
		m[n] = n
	}
	return m
}

func TestFolders(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		o     Options
		want  []string
	}{
		{"a flat folder has no labels", []string{"b.jpg", "a.png"}, Options{}, []string{"a.png -", "b.jpg -"}},
		{"class folders are labels", []string{"y/b.jpg", "x/a.png"}, Options{}, []string{"x/a.png x", "y/b.jpg y"}},
		{"labels may be turned off", []string{"y/b.jpg", "x/a.png"}, Options{LabelsFrom: None}, []string{"x/a.png -", "y/b.jpg -"}},
		{"the first of nested folders", []string{"x/1/a.png", "y/1/b.jpg"}, Options{LabelsFrom: First}, []string{"x/1/a.png x", "y/1/b.jpg y"}},
		{"the last of nested folders", []string{"x/1/a.png", "y/2/b.jpg"}, Options{LabelsFrom: Last}, []string{"x/1/a.png 1", "y/2/b.jpg 2"}},
		{"a folder that all share is no label", []string{"all/x/a.png", "all/y/b.jpg"}, Options{}, []string{"all/x/a.png x", "all/y/b.jpg y"}},
		{"splits are kept apart", []string{"train/x/a.png", "val/x/b.png", "test/y/c.png"}, Options{}, []string{"test/y/c.png y test", "train/x/a.png x train", "val/x/b.png x val"}},
		{"other words for splits", []string{"Dev/x/a.png", "eval/y/b.png", "unlabelled/c.png"}, Options{}, []string{"Dev/x/a.png x val", "eval/y/b.png y test", "unlabelled/c.png - unlabeled"}},
		{"one split alone", []string{"train/x/a.png", "val/x/b.png"}, Options{Splits: []string{"val"}}, []string{"val/x/b.png x val"}},
		{"train is a class among others", []string{"train/a.png", "plane/b.png"}, Options{}, []string{"plane/b.png plane", "train/a.png train"}},
		{"hidden files are passed over", []string{".a.png", "._b.png", ".git/c.png", "__MACOSX/d.png", "e.png"}, Options{}, []string{"e.png -"}},
		{"other files are passed over", []string{"a.txt.bak", "Thumbs.db", "e.png"}, Options{}, []string{"e.png -"}},
		{"extensions of any case", []string{"a.JPG", "b.JpEg", "c.PNG", "d.WEBP"}, Options{}, []string{"a.JPG -", "b.JpEg -", "c.PNG -", "d.WEBP -"}},
		{"odd names", []string{"ünïcödé/日本 語.png", "a b/'quoted\".png", "e\u0301/x.png", "é/x.png", "#1/?*[].png"}, Options{},
			[]string{"#1/?*[].png #1", "a b/'quoted\".png a b", "e\u0301/x.png e\u0301", "é/x.png é", "ünïcödé/日本 語.png ünïcödé"}},
		{"images beside class folders have no label", []string{"x/a.png", "y/b.png", "c.png"}, Options{}, []string{"c.png -", "x/a.png x", "y/b.png y"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, list(t, tree(t, files(c.files...)), c.o)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSymbolicLinks(t *testing.T) {
	other := tree(t, files("inner/a.png"))
	root := tree(t, files("x/b.png", "y/c.png"))
	for link, target := range map[string]string{
		"x/loop": root, "y/self": filepath.Join(root, "y"), "z": filepath.Join(other, "inner"), "y/d.png": filepath.Join(root, "x", "b.png"), "y/gone.png": "nowhere",
	} {
		if err := os.Symlink(target, filepath.Join(root, filepath.FromSlash(link))); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	s, err := Open(t.Context(), root, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want := []string{"x/b.png x", "y/c.png y", "y/d.png y", "y/gone.png y", "z/a.png z"}
	if diff := cmp.Diff(want, lines(s)); diff != "" {
		t.Error(diff)
	}
	for i, it := range s.Items {
		_, err := s.Read(i, nil)
		if gone := it.Path == "y/gone.png"; gone != errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", it.Path, err)
		}
	}
}

func TestLists(t *testing.T) {
	root := tree(t, map[string]string{
		"img/a.png": "A", "img/b.png": "B",
		"plain.txt":  "\ufeffimg/b.png\r\n\n# a comment\nimg/a.png\n",
		"label.txt":  "img/a.png\tcat\nimg/b.png\tdog\n",
		"table.csv":  "img/a.png,10\nimg/b.png,9\n",
		"named.csv":  "label,width,filename\n\"a, b\",3,img/a.png\nc,4,img/b.png\n",
		"table.tsv":  "path\tlabel\nimg/a.png\tx\nimg/b.png\t\n",
		"twice.txt":  "img/a.png\nimg/./a.png\n",
		"empty.txt":  "# nothing\n",
		"broken.csv": "a,\"b\n",
	})
	for name, want := range map[string][]string{
		"plain.txt": {"img/a.png -", "img/b.png -"},
		"label.txt": {"img/a.png cat", "img/b.png dog"},
		"table.csv": {"img/a.png 10", "img/b.png 9"},
		"named.csv": {"img/a.png a, b", "img/b.png c"},
		"table.tsv": {"img/a.png x", "img/b.png -"},
	} {
		if diff := cmp.Diff(want, list(t, filepath.Join(root, name), Options{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	s, err := Open(t.Context(), filepath.Join(root, "table.csv"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if !slices.Equal(s.Classes, []string{"9", "10"}) {
		t.Errorf("numbers are ordered as %v", s.Classes)
	}
	if b, err := s.Read(1, nil); err != nil || string(b) != "B" {
		t.Errorf("read %q, %v", b, err)
	}
	for name, want := range map[string]string{"twice.txt": "lists img/a.png twice", "empty.txt": "holds no images", "broken.csv": "broken.csv"} {
		if _, err := Open(t.Context(), filepath.Join(root, name), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
}

// archive packs members, in order, as name, content, …
func archive(t testing.TB, name string, members ...string) {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(members); i += 2 {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: members[i], Size: int64(len(members[i+1])), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(members[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), os.WriteFile(name, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}

// Members have the times that their headers state, and links to them, too.
func TestTimesOfMembers(t *testing.T) {
	root := t.TempDir()
	early, late, far := time.Date(1961, 4, 12, 6, 7, 0, 0, time.UTC), time.Date(2055, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{
		{Typeflag: tar.TypeReg, Name: "a.png", Size: 1, ModTime: early}, {Typeflag: tar.TypeReg, Name: "b.png", Size: 1, ModTime: late},
		{Typeflag: tar.TypeReg, Name: "c.png", Size: 1, ModTime: time.Unix(0, 0)}, {Typeflag: tar.TypeReg, Name: "d.png", Size: 1, ModTime: far, Format: tar.FormatPAX},
		{Typeflag: tar.TypeLink, Name: "e.png", Linkname: "a.png", ModTime: late}, {Typeflag: tar.TypeSymlink, Name: "f.png", Linkname: "b.png", ModTime: early},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, "x"[:h.Size]); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(root, "a.tar")
	if err := errors.Join(w.Close(), os.WriteFile(name, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	s := openSet(t, name, Options{})
	for i, want := range []time.Time{early, late, {}, {}, early, late} {
		if got := s.Modified(i); !got.Equal(want) || got.IsZero() != want.IsZero() {
			t.Errorf("%s: %v, want %v", s.Items[i].Path, got, want)
		}
	}
	if s := openSet(t, tree(t, files("a.png")), Options{}); !s.Modified(0).IsZero() {
		t.Errorf("a file of its own: %v", s.Modified(0))
	}
}

// An item was last written when its file, or the one that contains it, was.
func TestWritten(t *testing.T) {
	root, archive := tree(t, files("a.png")), pack(t, tar.Header{Name: "b.png", ModTime: time.Unix(1e9, 0)})
	ahead := time.Now().Add(time.Hour).Truncate(time.Second) // later than the change of the times themselves
	err := errors.Join(os.Chtimes(filepath.Join(root, "a.png"), ahead, ahead), os.Chtimes(archive, ahead, ahead))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{root, archive} {
		s := openSet(t, name, Options{})
		for i := range s.Items {
			if got := s.Written(i); !got.Equal(ahead) {
				t.Errorf("%s: %v, want %v", s.Items[i].Path, got, ahead)
			}
		}
	}
}

func TestArchives(t *testing.T) {
	root := t.TempDir()
	long := strings.Repeat("long/", 60) + "name.png"
	archive(t, filepath.Join(root, "a.tar"), "./y/b.png", "B", "x/a.png", "A1", "x/a.png", "A2", "x/._a.png", "hidden", "notes.txt", "N", long, "L")
	s, err := Open(t.Context(), filepath.Join(root, "a.tar"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if diff := cmp.Diff([]string{long + " long", "x/a.png x", "y/b.png y"}, lines(s)); diff != "" {
		t.Error(diff)
	}
	for i, want := range []string{"L", "A2", "B"} { // a later member replaces an earlier one, as when unpacking
		if b, err := s.Read(i, nil); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v", s.Items[i].Path, b, err)
		}
	}
	web := t.TempDir()
	archive(t, filepath.Join(web, "0001.tar"), "k2.cls", "10", "k2.jpg", "2", "k1.jpg", "1", "k1.cls", "9\n", "k1.json", "{}")
	archive(t, filepath.Join(web, "0000.tar"), "k1.jpg", "0")
	if diff := cmp.Diff([]string{"0000.tar/k1.jpg -", "0001.tar/k1.jpg 9", "0001.tar/k2.jpg 10"}, list(t, web, Options{})); diff != "" {
		t.Error(diff)
	}
	folders := t.TempDir()
	archive(t, filepath.Join(folders, "1.tar"), "x/1.png", "1")
	archive(t, filepath.Join(folders, "2.tar"), "y/1.png", "2")
	if diff := cmp.Diff([]string{"1.tar/x/1.png x", "2.tar/y/1.png y"}, list(t, folders, Options{})); diff != "" {
		t.Error(diff)
	}
}

func TestACutArchiveIsNamed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.tar")
	archive(t, name, "x/a.png", strings.Repeat("A", 2000), "y/b.png", strings.Repeat("\x00", 1024))
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	const first, second = 512 + 2048, 512 + 1024 // bytes of the members
	for _, size := range []int{0, 1000, first, first + 512, first + second - 512, first + second, first + second + 511} {
		if err := os.WriteFile(name, whole[:size], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), name, Options{}); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "truncated") {
			t.Errorf("%d bytes: error %v", size, err)
		}
	}
	if err := os.WriteFile(name, whole[:first+second+512], 0o600); err != nil { // one block of zeros is an end
		t.Fatal(err)
	}
	if got := list(t, name, Options{}); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

func TestJoinedArchives(t *testing.T) {
	folder := t.TempDir()
	var b [3][]byte
	for i, members := range [][]string{{"x/a.png", "A", "y/b.png", "B"}, {"x/c.png", "C", "x/a.png", "A2"}, {"y/d.png", "D"}} {
		name := filepath.Join(folder, "part")
		archive(t, name, members...)
		var err error
		if b[i], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name, want, note string
		parts            [][]byte
	}{
		{"two", "x/a.png A2,x/c.png C,y/b.png B", "", [][]byte{b[0], b[1]}},
		{"three", "x/a.png A2,x/c.png C,y/b.png B,y/d.png D", "", [][]byte{b[0], b[1], b[2]}},
		{"with room between", "x/a.png A,y/b.png B,y/d.png D", "", [][]byte{b[0], make([]byte, 70*1024), b[2], make([]byte, 1<<17)}},
		{"and something else", "y/d.png D", "1 archive with bytes after its end that are no members (such as set.tar)", [][]byte{b[2], bytes.Repeat([]byte("text"), 200)}},
		{"and a little", "y/d.png D", "1 archive with bytes after its end", [][]byte{b[2], []byte("text")}},
		{"the second is cut", "", "truncated", [][]byte{b[0], b[1][:1024]}},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "set.tar")
			if err := os.WriteFile(name, bytes.Join(c.parts, nil), 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := Open(t.Context(), name, Options{})
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), c.note) {
					t.Errorf("error %v, want %q", err, c.note)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			var got []string
			for item, read := range s.All() {
				content, err := read()
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, item.Path+" "+string(content))
			}
			if strings.Join(got, ",") != c.want || !strings.Contains(s.Note(), c.note) {
				t.Errorf("%q, note %q", got, s.Note())
			}
		})
	}
}

func TestBinaryVersions(t *testing.T) {
	pixels := func(size int, seed byte) string {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(i)*7 + seed
		}
		return string(b)
	}
	t.Run("CIFAR-10", func(t *testing.T) {
		root := tree(t, map[string]string{
			"data_batch_1.bin": "\x03" + pixels(3072, 1) + "\x09" + pixels(3072, 2), "test_batch.bin": "\x00" + pixels(3072, 3),
			"batches.meta.txt": "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n",
		})
		want := []string{"data_batch_1.bin/000000 cat train", "data_batch_1.bin/000001 truck train", "test_batch.bin/000000 airplane test"}
		if diff := cmp.Diff(want, list(t, root, Options{})); diff != "" {
			t.Error(diff)
		}
		s, err := Open(t.Context(), root, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		b, err := s.Read(1, nil)
		if err != nil || string(b) != pixels(3072, 2) {
			t.Errorf("%d bytes, %v", len(b), err)
		}
		rgb := s.Raw.RGB(b)
		for _, at := range []struct{ x, y, c int }{{0, 0, 0}, {5, 2, 1}, {31, 31, 2}} {
			if got, want := rgb[3*(at.y*32+at.x)+at.c], b[at.c*1024+at.y*32+at.x]; got != want {
				t.Errorf("%+v: %d, want %d", at, got, want)
			}
		}
	})
	t.Run("CIFAR-100", func(t *testing.T) {
		root := tree(t, map[string]string{"train.bin": "\x01\x63" + pixels(3072, 1), "test.bin": "\x02\x05" + pixels(3072, 2)})
		if diff := cmp.Diff([]string{"test.bin/000000 5 test", "train.bin/000000 99 train"}, list(t, root, Options{})); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"test.bin/000000 - test", "train.bin/000000 - train"}, list(t, root, Options{LabelsFrom: None})); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("STL-10", func(t *testing.T) {
		root := tree(t, map[string]string{
			"train_X.bin": pixels(27648, 1), "train_y.bin": "\x0a", "unlabeled_X.bin": pixels(27648, 2),
			"class_names.txt": "airplane\nbird\ncar\ncat\ndeer\ndog\nhorse\nmonkey\nship\ntruck\n",
		})
		if diff := cmp.Diff([]string{"train_X.bin/000000 truck train", "unlabeled_X.bin/000000 - unlabeled"}, list(t, root, Options{})); diff != "" {
			t.Error(diff)
		}
		s, err := Open(t.Context(), root, Options{Splits: []string{"train"}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		b, err := s.Read(0, nil)
		if err != nil {
			t.Fatal(err)
		}
		if rgb := s.Raw.RGB(b); rgb[3*(7*96+3)+1] != b[96*96+3*96+7] {
			t.Error("STL-10's pixels are stored by columns")
		}
	})
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a truncated file":   {map[string]string{"train.bin": "\x01\x63" + pixels(3000, 1)}, "truncated"},
		"a label too large":  {map[string]string{"test_batch.bin": "\x0b" + pixels(3072, 1)}, "label 11, but there are 10 classes"},
		"labels that do not": {map[string]string{"train_X.bin": pixels(27648, 1), "train_y.bin": "\x01\x02"}, "1 image but 2 labels"},
		"names that do not":  {map[string]string{"test_batch.bin": "\x01" + pixels(3072, 1), "batches.meta.txt": "one\n"}, "names 1 classes, but there are 10"},
	} {
		if _, err := Open(t.Context(), tree(t, c.files), Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q", name, err, c.want)
		}
	}
}

func TestOneImageIsASet(t *testing.T) {
	root := tree(t, files("holiday/a.jpg", "holiday/b.jpg", "scan"))
	for name, want := range map[string]string{"holiday/a.jpg": "a.jpg -", "scan": "scan -"} { // the decoder decides whether it is an image
		whole := filepath.Join(root, filepath.FromSlash(name))
		if got := list(t, whole, Options{}); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		s, err := Open(t.Context(), whole, Options{})
		if err != nil {
			t.Fatal(err)
		}
		content, err := s.Read(0, nil)
		if file, own := s.File(0); err != nil || string(content) != name || !own || file != whole {
			t.Errorf("%s: %q in %s, %v", name, content, file, err)
		}
	}
	if _, err := Open(t.Context(), filepath.Join(root, "holiday", "a.jpg"), Options{Splits: []string{"train"}}); err == nil {
		t.Error("a single image has a split")
	}
}

func TestWhatIsNoDataIsSaidSo(t *testing.T) {
	root := tree(t, files("notes.md", "a.zip", "b.tar.gz", "words.md"))
	for path, want := range map[string]string{
		filepath.Join(root, "missing"):  "no data at",
		root:                            "holds no images (other files: ",
		filepath.Join(root, "a.zip"):    "is compressed",
		filepath.Join(root, "b.tar.gz"): "is compressed",
		filepath.Join(root, "notes.md"): "give the folder",
		t.TempDir():                     "holds no images",
	} {
		if _, err := Open(t.Context(), path, Options{}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: error %v, want %q", path, err, want)
		}
	}
	one := tree(t, files("train/x/a.png"))
	if _, err := Open(t.Context(), one, Options{Splits: []string{"val"}}); err == nil || !strings.Contains(err.Error(), `no split "val"; it has ["train"]`) {
		t.Errorf("error %v", err)
	}
	undivided := tree(t, files("disc/a.png", "ring/a.png"))
	if _, err := Open(t.Context(), undivided, Options{Splits: []string{"train"}}); err == nil || !strings.Contains(err.Error(), `no split "train"; it is not divided into splits`) {
		t.Errorf("error %v", err)
	}
	if got, want := splitsOf([]string{"val", "", "train"}), `it has ["train" "val"], and images in none`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, one, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// TestTheOrderIsOfTheNamesAlone: the list does not depend on the order in which the files were created.
func TestTheOrderIsOfTheNamesAlone(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-cA-C0-2_ .-]{1,3}/[a-c]{1,2}\.(png|JPG)`), 1, 12, func(s string) string { return strings.ToLower(s) }).Draw(r, "names")
		root, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			r.Fatal(err)
		}
		visible := 0
		for _, n := range names {
			if folder, _, _ := strings.Cut(n, "/"); strings.HasPrefix(folder, ".") || strings.HasPrefix(folder, " ") || strings.HasSuffix(folder, " ") {
				continue
			}
			visible++
			full := filepath.Join(root, n)
			if err := errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, nil, 0o600)); err != nil {
				r.Fatal(err)
			}
		}
		if visible == 0 {
			return
		}
		s, err := Open(t.Context(), root, Options{})
		if err != nil {
			r.Fatal(err)
		}
		defer s.Close()
		if len(s.Items) != visible || !slices.IsSortedFunc(s.Items, func(a, b Item) int { return strings.Compare(a.Path, b.Path) }) {
			r.Fatalf("%q of %q", lines(s), names)
		}
	})
}

func TestStampsTellWhatWasWritten(t *testing.T) {
	root := tree(t, files("a.png", "b.png"))
	stamps := func() [2]string {
		s, err := Open(t.Context(), root, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return [2]string{s.Stamp(0), s.Stamp(1)}
	}
	before := stamps()
	if before != stamps() {
		t.Fatal("stamps changed although no file did")
	}
	name := filepath.Join(root, "a.png")
	stat, err := os.Stat(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.WriteFile(name, []byte("b.gnp"), 0o600), os.Chtimes(name, stat.ModTime(), stat.ModTime())); err != nil {
		t.Fatal(err)
	}
	after := stamps()
	if filestat.Changed(stat) != 0 && after[0] == before[0] {
		t.Error("a file of the same size with its time set back has the same stamp")
	}
	if after[1] != before[1] {
		t.Error("another file's stamp changed")
	}
}

func TestTheCIFARArchiveOfTheReferenceData(t *testing.T) {
	s, err := Open(t.Context(), sharedtest.Path(t, "data", "cifar100-test.tar"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(s.Items) != 10_000 || len(s.Classes) != 100 {
		t.Fatalf("%d images in %d classes", len(s.Items), len(s.Classes))
	}
	b, err := s.Read(9_999, nil)
	if err != nil || !bytes.HasPrefix(b, []byte("\x89PNG")) {
		t.Errorf("%.8q, %v", b, err)
	}
}

// FuzzLists: no content of a list causes a panic, and every row has a path.
func FuzzLists(f *testing.F) {
	f.Add("path,label\na,b\n", ".csv")
	f.Add("a\tb\n#\n", ".txt")
	f.Add("0\t1.0\ta\n", ".lst")
	f.Fuzz(func(t *testing.T, content, extension string) {
		l, err := readList([]byte(content), extension, func(name string) bool { return len(name)%2 == 1 }, noFolder)
		if err != nil {
			return
		}
		for i, r := range l.rows {
			if r.path == "" {
				t.Fatalf("row %d of %q has no path", i, content)
			}
		}
	})
}

// A chosen folder that cannot name the classes is refused with the data, and so is one that is only the default with none.
func TestFoldersThatNameNoClass(t *testing.T) {
	root := tree(t, map[string]string{
		"f/x/a.png": "A", "f/y/b.png": "B", "f/list.txt": "x/a.png\ny/b.png\n", "f/labels.csv": "path,label\nx/a.png,0\ny/b.png,1\n", "c/test_batch.bin": "\x00" + strings.Repeat("x", 3072),
	})
	archive(t, filepath.Join(root, "folders.tar"), "x/a.png", "A", "y/b.png", "B")
	archive(t, filepath.Join(root, "members.tar"), "1.png", "A", "1.cls", "3")
	if err := os.Mkdir(filepath.Join(root, "p"), 0o700); err != nil {
		t.Fatal(err)
	}
	parquetFile(t, filepath.Join(root, "p", "rows.parquet"), rowsOf("A"))
	for path, named := range map[string]bool{
		"f": true, "folders.tar": true, "members.tar": false, "f/list.txt": false, "f/labels.csv": false, "f/x/a.png": false, "c": false, "p/rows.parquet": false, "p": false,
	} {
		for _, from := range []LabelsFrom{First, Last, None} {
			for _, chosen := range []bool{false, true} {
				s, err := Open(t.Context(), filepath.Join(root, path), Options{LabelsFrom: from, LabelsChosen: chosen})
				if refused := chosen && from != None && !named; refused != (err != nil) || refused && !strings.Contains(err.Error(), path+": folders name the classes") {
					t.Errorf("%s, %s, chosen %t: %v", path, from, chosen, err)
				}
				if err == nil {
					s.Close()
				}
			}
		}
	}
}
