//go:build unix

package dataset

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/internal/regular"
	"iconic/internal/sharedtest"
)

// open opens a set until the end of the test.
func open(t *testing.T, path string) *Set {
	t.Helper()
	return opened(t, path, Options{}, "")
}

// opened opens a data set until the end of the test; nil if it is to be refused with an error that has the given words.
func opened(t *testing.T, path string, o Options, refused string) *Set {
	t.Helper()
	s, err := Open(t.Context(), path, o)
	switch {
	case refused != "" && (err == nil || !strings.Contains(err.Error(), refused)):
		t.Fatalf("error %v, want %q", err, refused)
	case refused != "":
		return nil
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestWhatIsPassedOverIsToldOf(t *testing.T) {
	for _, c := range []struct {
		name  string
		files []string
		want  []string
		note  string
	}{
		{"nothing", []string{"a.png"}, []string{"a.png -"}, ""},
		{"names", []string{"a.png", "1.dng", "2.DNG", "3.jpg_large", "4"}, []string{"a.png -"}, "4 files by their names: 2 .dng, 1 without extension, 1 .jpg_large"},
		{"names that end in blanks", []string{"a.png", "b.png ", "c.png\n"}, []string{"a.png -"}, `2 files by their names: 1 ".png\n", 1 ".png "`},
		{"folders of a NAS", []string{"a.png", "@eaDir/a.png/T.jpg", "#recycle/b.png", "$RECYCLE.BIN/c.png", "System Volume Information/d.png", "lost+found/e.png"},
			[]string{"a.png -"}, "5 system folders (such as #recycle)"},
		{"folders of cameras, servers and repairs", []string{"a.png", "LOST.DIR/a.png", "@Transcode/b.png", "@appstore/c.png", "files_trashbin/files/d.png", "x/DfsrPrivate/e.png", "FOUND.012/f.png", "found.art/g.png"},
			[]string{"a.png -", "found.art/g.png found.art"}, "6 system folders (such as @Transcode)"},
		{"folders of other systems", []string{"a.png", "~snapshot/a.png", ".Trash-1000/b.png", "__MACOSX/c.png", "@SynoEAStream/d.png", ".zfs/e.png"},
			[]string{"a.png -"}, "5 system folders (such as .Trash-1000)"},
		{"hidden ones", []string{"x/a.png", "x/._a.png", "x/.DS_Store", "y/b.png", ".git/c.png"}, []string{"x/a.png x", "y/b.png y"},
			"1 hidden folder (such as .git); 1 hidden file with the name of an image (such as x/._a.png)"},
		{"an archive beside images", []string{"x/a.png", "y/b.png", "backup.tar"}, []string{"x/a.png x", "y/b.png y"}, "1 archive beside the images (such as backup.tar)"},
		{"a picture beside splits", []string{"train/x/a.png", "val/y/b.png", "cover.png"}, []string{"cover.png -", "train/x/a.png x train", "val/y/b.png y val"},
			"images without a label (in no folder of a class): 1"},
		{"a picture beside the one folder", []string{"set/x/a.png", "set/y/b.png", "cover.png"}, []string{"cover.png -", "set/x/a.png x", "set/y/b.png y"}, "images without a label (in no folder of a class): 1"},
		{"a picture beside classes", []string{"x/a.png", "y/b.png", "cover.png"}, []string{"cover.png -", "x/a.png x", "y/b.png y"}, "images listed: 3; images without a label (in no folder of a class): 1"},
		{"a folder for images without labels", []string{"train/x/a.png", "train/y/b.png", "unlabeled/c.png"}, []string{"train/x/a.png x train", "train/y/b.png y train", "unlabeled/c.png - unlabeled"}, ""},
		{"no classes at all", []string{"a.png", "b.png"}, []string{"a.png -", "b.png -"}, ""},
		{"a file named like one of CIFAR-100", []string{"x/a.png", "y/b.png", "test.bin"}, []string{"x/a.png x", "y/b.png y"}, "1 file by their names: 1 .bin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, tree(t, files(c.files...)))
			if diff := cmp.Diff(c.want, lines(s)); diff != "" {
				t.Error(diff)
			}
			if note := s.Note(); !strings.Contains(note, c.note) || (c.note == "") != (note == "") {
				t.Errorf("note %q, want %q", note, c.note)
			}
		})
	}
}

func TestAFolderThatMayNotBeRead(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may read everything")
	}
	root := tree(t, files("x/a.png", "y/b.png", "z/c.png"))
	if err := os.Chmod(filepath.Join(root, "z"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(root, "z"), 0o700) })
	s := open(t, root)
	if diff := cmp.Diff([]string{"x/a.png x", "y/b.png y"}, lines(s)); diff != "" || !strings.Contains(s.Note(), "1 folder without read permission (such as z)") {
		t.Errorf("%s%s", diff, s.Note())
	}
	if err := s.Whole(); err == nil || !strings.Contains(err.Error(), "1 folder without read permission (such as z), so what is behind them is unknown") {
		t.Errorf("error %v", err)
	}
}

// TestABrokenLinkMayLeadToAFolder: whatever its name, unless that is an image's, nobody knows what it hid.
func TestABrokenLinkMayLeadToAFolder(t *testing.T) {
	for _, name := range []string{"z", "z.d", "x/z.parquet"} {
		root := tree(t, files("x/a.png", "y/b.png", "y/notes.txt"))
		if err := os.Symlink("nowhere", filepath.Join(root, filepath.FromSlash(name))); err != nil {
			t.Skip("no symbolic links here:", err)
		}
		s := open(t, root)
		if note := s.Note(); !strings.Contains(note, "passed over: 1 file by their names: 1 .txt; 1 link that cannot be followed (such as "+name+")") {
			t.Errorf("%s: note %q", name, note)
		}
		if err := s.Whole(); err == nil || !strings.Contains(err.Error(), "1 link that cannot be followed (such as "+name+"), so what is behind them is unknown") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if err := open(t, tree(t, files("x/a.png", "y/notes.txt"))).Whole(); err != nil {
		t.Error(err)
	}
}

func TestPipesAreNeverWaitedFor(t *testing.T) {
	root := tree(t, map[string]string{"a.png": "A", "b.png": "B", "list.txt": "a.png\npipe.png\n"})
	for _, name := range []string{"pipe.png", "pipe.tar"} {
		if err := syscall.Mkfifo(filepath.Join(root, name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := open(t, root)
	if diff := cmp.Diff([]string{"a.png -", "b.png -"}, lines(s)); diff != "" || !strings.Contains(s.Note(), "1 pipe, socket or device (such as pipe.png)") {
		t.Errorf("%s%s", diff, s.Note())
	}
	l := open(t, filepath.Join(root, "list.txt"))
	i, _ := l.Find("pipe.png")
	if _, err := l.Read(i, nil); !errors.Is(err, regular.ErrNotRegular) {
		t.Errorf("error %v", err)
	}
	if err := os.Rename(filepath.Join(root, "pipe.png"), filepath.Join(root, "list.csv")); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), filepath.Join(root, "list.csv"), Options{}); !errors.Is(err, regular.ErrNotRegular) {
		t.Errorf("error %v", err)
	}
}

// pack writes an archive of members of any kind; members without a type are files that contain their name.
func pack(t *testing.T, headers ...tar.Header) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		content := ""
		if h.Typeflag == 0 {
			h.Typeflag, content = tar.TypeReg, h.Name
		}
		h.Size, h.Mode = int64(len(content)), 0o644
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
	}
	name := filepath.Join(t.TempDir(), "set.tar")
	if err := errors.Join(w.Close(), os.WriteFile(name, b.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestLinksInAnArchive(t *testing.T) {
	s := open(t, pack(t,
		tar.Header{Name: "y/early.png", Typeflag: tar.TypeSymlink, Linkname: "link.png"},
		tar.Header{Name: "y/link.png", Typeflag: tar.TypeSymlink, Linkname: "../x/a.png"},
		tar.Header{Name: "x/a.png"},
		tar.Header{Name: "y/hard.png", Typeflag: tar.TypeLink, Linkname: "./x/a.png"},
		tar.Header{Name: "y/gone.png", Typeflag: tar.TypeSymlink, Linkname: "nowhere.png"},
		tar.Header{Name: "y/out.png", Typeflag: tar.TypeLink, Linkname: "/etc/passwd"},
		tar.Header{Name: "y/self.png", Typeflag: tar.TypeSymlink, Linkname: "self.png"},
		tar.Header{Name: "y/pipe.png", Typeflag: tar.TypeFifo},
		tar.Header{Name: "../z/a.png"},
		tar.Header{Name: "x/._a.png"},
		tar.Header{Name: "__MACOSX/x/._a.png"},
	))
	if diff := cmp.Diff([]string{"x/a.png x", "y/early.png y", "y/hard.png y", "y/link.png y"}, lines(s)); diff != "" {
		t.Error(diff)
	}
	for i := range s.Items {
		if b, err := s.Read(i, nil); err != nil || string(b) != "x/a.png" {
			t.Errorf("%s: %q, %v", s.Items[i].Path, b, err)
		}
	}
	for _, want := range []string{"3 links to no file in the archive (such as y/out.png)", "1 pipe, socket or device", "1 member whose name points outside its archive (such as ../z/a.png)",
		"1 hidden file with the name of an image (such as x/._a.png)", "1 file in a system folder (such as __MACOSX/x/._a.png)"} {
		if note := s.Note(); !strings.Contains(note, want) {
			t.Errorf("no %q in %q", want, note)
		}
	}
}

func TestClassesOfSamples(t *testing.T) {
	for _, c := range []struct {
		name    string
		members []string
		want    []string
		err     string
	}{
		{"names with dots", []string{"s.00.jpg", "", "s.00.cls", "0", "s.01.jpg", "", "s.01.cls", "1"}, []string{"s.00.jpg 0", "s.01.jpg 1"}, ""},
		{"several images of a sample", []string{"s.left.jpg", "", "s.right.jpg", "", "s.cls", "7"}, []string{"s.left.jpg 7", "s.right.jpg 7"}, ""},
		{"an image without", []string{"s.jpg", "", "s.cls", "7", "t.jpg", ""}, []string{"s.jpg 7", "t.jpg -"}, ""},
		{"byte order marks", []string{"s.jpg", "", "s.cls", "disc\n", "t.jpg", "", "t.cls", "\xef\xbb\xbfdisc", "u.jpg", "", "u.cls", "\xff\xfed\x00i\x00s\x00c\x00"},
			[]string{"s.jpg disc", "t.jpg disc", "u.jpg disc"}, ""},
		{"two that disagree about a third", []string{"s.00.cls", "0", "s.01.cls", "1", "s.02.jpg", ""}, nil, "disagree"},
		{"a sample's and an image's that disagree", []string{"s.00.cls", "0", "s.cls", "1", "s.00.jpg", ""}, nil, "disagree"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "0.tar")
			archive(t, name, c.members...)
			s := opened(t, name, Options{}, c.err)
			if s == nil {
				return
			}
			if diff := cmp.Diff(c.want, lines(s)); diff != "" {
				t.Error(diff)
			}
		})
	}
	one := t.TempDir()
	archive(t, filepath.Join(one, "000.tar"), "a.jpg", "A", "b.jpg", "B")
	if diff := cmp.Diff([]string{"000.tar/a.jpg -", "000.tar/b.jpg -"}, list(t, one, Options{})); diff != "" {
		t.Error(diff)
	}
}

func TestTheReferenceCasesAreListed(t *testing.T) {
	for path, want := range map[string]struct {
		images  int
		classes []string
		note    string
	}{
		"webdataset/dotted":                   {8, []string{"0", "1", "2", "3"}, ""},
		"webdataset/one-shard":                {8, nil, ""},
		"tar-beside-folders/data":             {6, []string{"boxes", "discs"}, "1 archive beside"},
		"tar-links/set.tar":                   {4, []string{"bars", "discs"}, ""},
		"nas-folders/photos":                  {4, nil, "2 system folders"},
		"passed-over/photos":                  {2, nil, "6 files by their names: 2 without extension, 2 .dng, 2 .jpg_large"},
		"list-headers/file_name.csv":          {6, []string{"boxes", "discs"}, ""},
		"list-headers/image_path.csv":         {6, []string{"boxes", "discs"}, ""},
		"list-dialects/caffe.txt":             {6, []string{"0", "1"}, ""},
		"list-dialects/mxnet.lst":             {6, []string{"0", "1"}, ""},
		"list-dialects/semicolon.csv":         {6, []string{"boxes", "discs"}, ""},
		"hash-in-path/list.csv":               {4, []string{"x"}, ""},
		"hash-in-path/list.txt":               {4, nil, ""},
		"attack-tar-sparse":                   {1, nil, "12 sparse members"},
		"attack-tar-file-and-folder/both.tar": {2, nil, ""},
	} {
		s := open(t, sharedtest.Path(t, "cases", filepath.FromSlash(path)))
		if len(s.Items) != want.images || !slices.Equal(s.Classes, want.classes) && path != "attack-tar-file-and-folder/both.tar" || !strings.Contains(s.Note(), want.note) {
			t.Errorf("%s: %d images, classes %q, note %q", path, len(s.Items), s.Classes, s.Note())
		}
	}
}

// Names of members may be given again, by a file or by a link; the last one counts.
func TestTheLastMemberOfANameCounts(t *testing.T) {
	link := func(name, target string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target}
	}
	hard := func(name, target string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}
	}
	file := func(name string) tar.Header { return tar.Header{Name: name} }
	for _, c := range []struct {
		name    string
		members []tar.Header
		want    []string // paths and contents
		note    string
	}{
		{"a file after a link", []tar.Header{file("b.png"), link("a.png", "b.png"), file("a.png")}, []string{"a.png a.png", "b.png b.png"}, ""},
		{"a link after a file", []tar.Header{file("a.png"), file("b.png"), link("a.png", "b.png")}, []string{"a.png b.png", "b.png b.png"}, ""},
		{"a link after a link", []tar.Header{file("b.png"), link("a.png", "b.png"), link("a.png", "c.png"), file("c.png")},
			[]string{"a.png c.png", "b.png b.png", "c.png c.png"}, ""},
		{"a hard link after a link", []tar.Header{file("b.png"), link("a.png", "b.png"), file("c.png"), hard("a.png", "c.png")},
			[]string{"a.png c.png", "b.png b.png", "c.png c.png"}, ""},
		{"a link to nothing after a file", []tar.Header{file("b.png"), file("a.png"), link("b.png", "gone.png")}, []string{"a.png a.png"},
			"1 link to no file in the archive (such as b.png)"},
		{"a pipe after a file", []tar.Header{file("b.png"), file("a.png"), {Name: "b.png", Typeflag: tar.TypeFifo}}, []string{"a.png a.png"}, "1 pipe"},
		{"a file packed twice", []tar.Header{file("a.png"), hard("a.png", "a.png")}, []string{"a.png a.png"}, ""},
		{"another name of a link", []tar.Header{file("b.png"), link("x/a.png", "../b.png"), hard("y/c.png", "x/a.png")},
			[]string{"b.png b.png", "x/a.png b.png", "y/c.png b.png"}, "images without a label (in no folder of a class): 1"},
		{"an absolute target", []tar.Header{file("b.png"), link("a/a.png", "/b.png")}, []string{"b.png b.png"}, "1 link to no file in the archive (such as a/a.png)"},
		{"a target without an image's name", []tar.Header{link("a.png", "blobs/1"), file("blobs/1"), hard("b.png", "blobs/1")},
			[]string{"a.png blobs/1", "b.png blobs/1"}, "1 file by their names: 1 without extension"},
		{"a target in a hidden folder", []tar.Header{link("a.png", ".git/annex/1"), file(".git/annex/1"), hard("b.png", ".git/annex/1")},
			[]string{"a.png .git/annex/1", "b.png .git/annex/1"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, pack(t, c.members...))
			var got []string
			for item, read := range s.All() {
				b, err := read()
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, item.Path+" "+string(b))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if note := s.Note(); !strings.Contains(note, c.note) || (c.note == "") != (note == "") {
				t.Errorf("note %q, want %q", note, c.note)
			}
		})
	}
}

// Equal .cls files are packed as links by programs that find duplicates.
func TestClassesThatAreLinks(t *testing.T) {
	s := open(t, pack(t,
		tar.Header{Name: "0.cls"}, tar.Header{Name: "0.png"},
		tar.Header{Name: "1.cls", Typeflag: tar.TypeLink, Linkname: "0.cls"}, tar.Header{Name: "1.png"},
		tar.Header{Name: "2.cls", Typeflag: tar.TypeSymlink, Linkname: "3.cls"}, tar.Header{Name: "2.png"},
		tar.Header{Name: "3.cls"}, tar.Header{Name: "3.png"},
		tar.Header{Name: ".store/x"}, tar.Header{Name: "4.cls", Typeflag: tar.TypeLink, Linkname: ".store/x"}, tar.Header{Name: "4.png"},
	))
	if diff := cmp.Diff([]string{"0.png 0.cls", "1.png 0.cls", "2.png 3.cls", "3.png 3.cls", "4.png .store/x"}, lines(s)); diff != "" || s.Note() != "" {
		t.Error(diff, s.Note())
	}
}

func TestClassesThatFitNoImage(t *testing.T) {
	for _, c := range []struct {
		name    string
		members []string
		want    []string
		note    string
	}{
		{"a stray one", []string{"disc/0.png", "", "star/0.png", "", "notes.cls", "N"}, []string{"disc/0.png disc", "star/0.png star"},
			"1 .cls member that fits no image (such as notes.cls)"},
		{"in another folder", []string{"img/0.png", "", "img/1.png", "", "lab/0.cls", "0", "lab/1.cls", "1"}, []string{"img/0.png img", "img/1.png img"},
			"2 .cls members that fit no image (such as lab/0.cls)"},
		{"for some images only", []string{"0.png", "", "1.png", "", "2.png", "", "1.cls", "1", "9.cls", "2"}, []string{"0.png -", "1.png 1", "2.png -"},
			"images without a label (none, NaN or negative): 2; passed over: 1 .cls member that fits no image (such as 9.cls)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "0.tar")
			archive(t, name, c.members...)
			s := open(t, name)
			if diff := cmp.Diff(c.want, lines(s)); diff != "" || !strings.Contains(s.Note(), c.note) {
				t.Errorf("%s%q, want %q", diff, s.Note(), c.note)
			}
			without, err := Open(t.Context(), name, Options{LabelsFrom: None})
			if err != nil || without.Note() != "" {
				t.Errorf("%v, note %q", err, without.Note())
			}
			without.Close()
		})
	}
}

// FuzzArchive: listing an archive takes no more memory than a multiple of its size, whatever it holds, and every item lies in it.
func FuzzArchive(f *testing.F) {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range []tar.Header{{Name: "x/a.png", Size: 1}, {Name: "x/a.cls", Size: 1}} {
		h.Typeflag, h.Mode = tar.TypeReg, 0o644
		if err := w.WriteHeader(&h); err != nil {
			f.Fatal(err)
		}
		if _, err := w.Write([]byte("7")); err != nil {
			f.Fatal(err)
		}
	}
	if err := errors.Join(w.WriteHeader(&tar.Header{Name: "y/b.png", Linkname: "x/a.png", Typeflag: tar.TypeLink}), w.Close()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	name := filepath.Join(f.TempDir(), "a.tar")
	f.Fuzz(func(t *testing.T, content []byte) {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := Open(t.Context(), name, Options{})
		runtime.ReadMemStats(&after)
		if took, limit := after.TotalAlloc-before.TotalAlloc, uint64(4<<20+64*len(content)); took > limit {
			t.Fatalf("%d bytes took %d of memory, more than %d", len(content), took, limit)
		}
		if err != nil {
			return
		}
		defer s.Close()
		for i := range s.Items {
			if b, err := s.Read(i, nil); err != nil || len(b) > len(content) {
				t.Fatalf("%s: %d bytes of %d, %v", s.Items[i].Path, len(b), len(content), err)
			}
		}
	})
}

func TestDialectsOfLists(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
		note       string
	}{
		{"a.txt", "img/a.png 0\nimg/b c.png 1\n", []string{"img/a.png 0", "img/b c.png 1"}, ""},
		{"b.lst", "0\t1.000\timg/a.png\n1\t0.000\timg/b c.png\n", []string{"img/a.png 1", "img/b c.png 0"}, ""},
		{"c.csv", "Bild;Klasse\nimg/a.png;x\nimg/b c.png;y\n", []string{"img/a.png -", "img/b c.png -"}, "1 unrecognised column (such as Klasse)"},
		{"d.csv", "file_name,split,label\nimg/a.png,train,x\nimg/b c.png,val,y\n", []string{"img/a.png x train", "img/b c.png y val"}, ""},
		{"e.txt", "# two\nimg/a.png\n#c.png\n", []string{"#c.png -", "img/a.png -"}, "1 comment (such as # two)"},
		{"f.csv", "x|img/a.png\ny|img/b c.png\n", []string{"img/a.png x", "img/b c.png y"}, ""},
		{"h.csv", "path,label\rimg/a.png,x\rimg/b c.png,y\r", []string{"img/a.png x", "img/b c.png y"}, ""},
		{"i.csv", "img,target\nimg/a.png,x\nimg/b c.png,y\n", []string{"img/a.png x", "img/b c.png y"}, ""}, // img is a folder, not an image
		{"j.csv", "path,label\nimg\\a.png,x\nimg\\b c.png,y\n", []string{"img/a.png x", "img/b c.png y"}, ""},
		{"k.txt", "1 img/a.png\n2 gone.png\n3 #c.png\n", []string{"#c.png -", "gone.png -", "img/a.png -"}, ""},
		{"l.csv", ",file,breed\n0,img/a.png,x\n1,img/b c.png,y\n2,gone.png,x\n3,away.png,y\n", []string{"away.png y", "gone.png x", "img/a.png x", "img/b c.png y"}, `classes by the column "breed"`},
		{"m.csv", "file,width\nimg/a.png,10\nimg/b c.png,10\ngone.png,20\naway.png,20\n", []string{"away.png -", "gone.png -", "img/a.png -", "img/b c.png -"}, "1 unrecognised column (such as width)"},
		{"n.csv", "path,label\nimg/a.png,1.0e+00\nimg/b c.png,1.0e+01\n", []string{"img/a.png 1", "img/b c.png 10"}, ""},
		{"o.csv", "path,label\nimg/a.png,1.0\nimg/b c.png,nan\n#c.png,-1\n", []string{"#c.png -", "img/a.png 1", "img/b c.png -"}, "images listed: 3; images without a label (none, NaN or negative): 2"},
		{"p.csv", "path,label\nimg/a.png,01\nimg/b c.png,1\n", []string{"img/a.png 01", "img/b c.png 1"}, ""},
		{"q.csv", "sep=;\r\npath;label\r\nimg/a.png;x\r\nimg/b c.png;y, or z\r\n", []string{"img/a.png x", "img/b c.png y, or z"}, ""},
		{"r.txt", "sep=|\nlabel|path\nx|img/a.png\ny|img/b c.png\n", []string{"img/a.png x", "img/b c.png y"}, ""},
		{"s.csv", "path,label,split\nimg/a.png,x,Dev\nimg/b c.png,y,unlabelled\n#c.png,y,eval\n", []string{"#c.png y test", "img/a.png x val", "img/b c.png y unlabeled"}, ""},
		{"t.csv", "path,label,split\nimg/a.png,x,train\nimg/b c.png,y,holdout\n#c.png,y,fold2\n", []string{"#c.png y", "img/a.png x train", "img/b c.png y"}, "2 unrecognised names of splits (such as holdout)"},
		{"g.csv", "img/gone.png,x\nimg/a.png,y\n", []string{"img/a.png y", "img/gone.png x"}, ""},
	} {
		root := tree(t, map[string]string{"img/a.png": "A", "img/b c.png": "B", "#c.png": "C", c.name: c.text})
		s := open(t, filepath.Join(root, c.name))
		if diff := cmp.Diff(c.want, lines(s)); diff != "" || !strings.Contains(s.Note(), c.note) {
			t.Errorf("%s: %s%s", c.name, diff, s.Note())
		}
	}
	splits := filepath.Join(tree(t, map[string]string{"a.png": "A", "b.png": "B", "l.csv": "path,split\na.png,train\nb.png,holdout\n"}), "l.csv")
	if _, err := Open(t.Context(), splits, Options{Splits: []string{"holdout"}}); err == nil || !strings.Contains(err.Error(), `1 unrecognised name of a split, such as "holdout"`) {
		t.Errorf("error %v", err)
	}
	root := tree(t, map[string]string{"a.png": "A", "b.png": "B", "pairs.csv": "a.png,b.png\nb.png,a.png\n"})
	if _, err := Open(t.Context(), filepath.Join(root, "pairs.csv"), Options{}); err == nil || !strings.Contains(err.Error(), "both name files") {
		t.Errorf("error %v", err)
	}
}

// Competitions publish lists of names without extensions, beside or above the folder of the images.
func TestListsOfNamesWithoutExtensions(t *testing.T) {
	for _, c := range []struct {
		name, list, file string
		want             []string
		note             string
		errs             []string
	}{
		{name: "names", list: "id,breed\na1,cat\nb2,dog\nc3,cat\nd4,dog\n", file: "l.csv",
			want: []string{"a1.jpg cat", "b2.PNG dog", "c3.jpeg cat", "d4.jpg dog"}, note: "extensions added to names that lacked them: 4"},
		{name: "names in folders", list: "sub/e5\nsub/f6\n", file: "l.txt", want: []string{"sub/e5.jpg -", "sub/f6.jpg -"}, note: "lacked them: 2"},
		{name: "one that is gone", list: "a1\nx9\n", file: "l.txt", want: []string{"a1.jpg -", "x9 -"}, note: "lacked them: 1"},
		{name: "two of a name", list: "id,breed\na1,cat\ntwo,dog\n", file: "l.csv", errs: []string{`"two" may be "two.jpg" or "two.png": write the extension`}},
		{name: "in another folder", list: "id,breed\ne5,cat\nf6,dog\n", file: "l.csv", errs: []string{`(such as "f6")`, `the folder "sub"`, `write "sub/f6"`}},
		{name: "whole names in another folder", list: "e5.jpg,cat\nf6.jpg,dog\n", file: "l.csv", errs: []string{`write "sub/f6.jpg"`}},
		{name: "nothing there", list: "x.jpg\ny.jpg\n", file: "l.txt", errs: []string{`no line names an existing file (such as "y.jpg")`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			content := files("a1.jpg", "b2.PNG", "c3.jpeg", "d4.jpg", "two.jpg", "two.png", "sub/e5.jpg", "sub/f6.jpg")
			content[c.file] = c.list
			s, err := Open(t.Context(), filepath.Join(tree(t, content), c.file), Options{})
			if len(c.errs) > 0 {
				for _, e := range c.errs {
					if err == nil || !strings.Contains(err.Error(), e) {
						t.Errorf("%v, want %q", err, e)
					}
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if diff := cmp.Diff(c.want, lines(s)); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(s.Note(), c.note) {
				t.Errorf("note %q, want %q", s.Note(), c.note)
			}
		})
	}
}

// Results show classes by their names, so different classes must have different names, which are texts.
func TestNamesOfClassesAreTexts(t *testing.T) {
	s := open(t, tree(t, files("caf\xe8/a.png", "caf\xe9/b.png", "cat/c.png")))
	if diff := cmp.Diff([]string{"caf\xe8/a.png caf\\xe8", "caf\xe9/b.png caf\\xe9", "cat/c.png cat"}, lines(s)); diff != "" {
		t.Error(diff)
	}
	if want := `classes by folders whose names are not UTF-8: 2 (such as caf\xe8)`; !strings.HasSuffix(s.Note(), want) {
		t.Errorf("note %q, want %q", s.Note(), want)
	}
	for i := range s.Items {
		if _, err := s.Read(i, nil); err != nil {
			t.Error(err)
		}
	}
	s = open(t, tree(t, files("caf\u00e9/a.png", "cafe\u0301/b.png", "cat/c.png")))
	if want := `classes whose names differ only in their Unicode form, in invisible characters or in blanks at an end: 2 (such as "cafe\u0301" and "caf\u00e9")`; len(s.Classes) == 3 && !strings.HasSuffix(s.Note(), want) {
		t.Errorf("note %q, want %q", s.Note(), want)
	}
	for _, class := range []string{"caf\xe9", "a\x00b"} {
		name := filepath.Join(t.TempDir(), "set.tar")
		archive(t, name, "1.png", "A", "1.cls", class, "2.png", "B", "2.cls", "cat")
		opened(t, name, Options{}, fmt.Sprintf("the class %q of 1.png is not a text in UTF-8", class))
		opened(t, name, Options{LabelsFrom: None}, "")
	}
	hive := filepath.Join(t.TempDir(), "label=caf%E9", "0.parquet")
	parquetFile(t, hive, []struct {
		JPG []byte `parquet:"jpg"`
	}{{[]byte("1")}})
	opened(t, filepath.Dir(filepath.Dir(hive)), Options{}, `the class "caf\xe9" of label=caf%E9/0.parquet/000000 is not a text in UTF-8`)
}

// What lies beside the binary files of a data set is counted, and so are its own that are missing; folders of images are refused.
func TestWhatLiesBesideBinaryFiles(t *testing.T) {
	cifar, stl := "\x03"+strings.Repeat("x", 3072), strings.Repeat("x", 27648)
	ten := "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n"
	for _, c := range []struct {
		name    string
		files   map[string]string
		o       Options
		first   string
		note    string
		refused string
	}{
		{"all of CIFAR-10", map[string]string{
			"data_batch_1.bin": cifar, "data_batch_2.bin": cifar, "data_batch_3.bin": cifar, "data_batch_4.bin": cifar, "data_batch_5.bin": cifar, "test_batch.bin": cifar,
			"batches.meta.txt": ten, "readme.html": "x",
		}, Options{}, "data_batch_1.bin/000000 cat train", "", ""},
		{"a part of CIFAR-10, with others", map[string]string{"data_batch_2.bin": cifar, "data_batch_4.bin": cifar, "x.png": "x", "notes.md": "x", "old/data_batch_3.bin": cifar, "a.parquet": "x"},
			Options{}, "data_batch_2.bin/000000 3 train",
			"images listed: 2; files of CIFAR-10 that are missing: 4 (data_batch_1.bin, data_batch_3.bin, data_batch_5.bin, test_batch.bin); " +
				"passed over: 2 files by their names: 1 .bin, 1 .md; 1 image beside the records (such as x.png); 1 Parquet file beside the images (such as a.parquet)", ""},
		{"CIFAR-10 beside folders of images", map[string]string{"test_batch.bin": cifar, "cat/a.png": "x", "dog/b.png": "x"}, Options{}, "", "",
			"holds both binary files of CIFAR-10 and folders of images (such as cat/a.png): give one or the other"},
		{"CIFAR-100 beside folders of images", map[string]string{"train.bin": "\x01" + cifar, "cat/a.png": "x"}, Options{}, "", "", "holds both binary files of CIFAR-100"},
		{"a class twice", map[string]string{"test_batch.bin": cifar, "batches.meta.txt": strings.Replace(ten, "dog", " cat", 1)}, Options{}, "", "", `its file of names has the class "cat" twice`},
		{"half of CIFAR-100", map[string]string{"train.bin": "\x01" + cifar, "coarse_label_names.txt": "x"}, Options{}, "train.bin/000000 3 train",
			"images listed: 1; files of CIFAR-100 that are missing: 1 (test.bin)", ""},
		{"all of STL-10", map[string]string{
			"train_X.bin": stl, "train_y.bin": "\x04", "test_X.bin": stl, "test_y.bin": "\x01", "unlabeled_X.bin": stl, "class_names.txt": "\xef\xbb\xbf" + ten, "fold_indices.txt": "0",
		}, Options{}, "test_X.bin/000000 airplane test", "", ""},
		{"STL-10 without a file of labels", map[string]string{"train_X.bin": stl + stl, "test_X.bin": stl, "test_y.bin": "\x01"}, Options{}, "test_X.bin/000000 0 test",
			"images listed: 3; images without a label (none, NaN or negative): 2; files of STL-10 that are missing: 2 (train_y.bin, unlabeled_X.bin)", ""},
		{"STL-10 without labels", map[string]string{"train_X.bin": stl, "train_y.bin": "\x01", "test_X.bin": stl, "test_y.bin": "\x01", "unlabeled_X.bin": stl}, Options{LabelsFrom: None},
			"test_X.bin/000000 - test", "", ""},
		{"a byte order mark", map[string]string{"test_batch.bin": "\x00" + cifar[1:], "batches.meta.txt": "\xef\xbb\xbf" + ten}, Options{}, "test_batch.bin/000000 airplane test", "images listed: 1; files of", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := opened(t, tree(t, c.files), c.o, c.refused)
			if s == nil {
				return
			}
			if got := lines(s); got[0] != c.first {
				t.Errorf("%q, want %q", got[0], c.first)
			}
			if note := s.Note(); !strings.Contains(note, c.note) || (c.note == "") != (note == "") {
				t.Errorf("note %q, want %q", note, c.note)
			}
		})
	}
}
