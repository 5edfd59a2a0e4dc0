package dataset

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"

	"iconic/internal/sharedtest"
)

// hubImage is an image as the datasets library stores it.
type hubImage struct {
	Bytes []byte `parquet:"bytes,optional"`
	Path  string `parquet:"path,optional"`
}

type hubRow struct {
	Image hubImage `parquet:"image,optional"`
	Label *int64   `parquet:"label,optional"`
}

// hubNames is that library's metadata: the columns' features, as JSON.
func hubNames(features string) parquet.WriterOption {
	return parquet.KeyValueMetadata("huggingface", `{"info": {"features": {`+features+`}}}`)
}

const discsAndBoxes = `"image": {"_type": "Image"}, "label": {"names": ["disc", "box"], "_type": "ClassLabel"}`

// parquetFile writes rows to a file and returns its name.
func parquetFile[T any](t testing.TB, name string, rows []T, o ...parquet.WriterOption) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := parquet.WriteFile(name, rows, o...); err != nil {
		t.Fatal(err)
	}
	return name
}

// rowsOf are rows with pictures of these contents, alternating between the two classes.
func rowsOf(contents ...string) []hubRow {
	var all []hubRow
	for i, c := range contents {
		label := int64(i % 2)
		all = append(all, hubRow{Image: hubImage{Bytes: []byte(c), Path: fmt.Sprint(i, ".png")}, Label: &label})
	}
	return all
}

// contents reads all items of a set: their contents, or why they cannot be read.
func contents(t testing.TB, s *Set) []string {
	t.Helper()
	var all []string
	for i := range s.Items {
		b, err := s.Read(i, nil)
		if err != nil {
			b = []byte(err.Error())
		}
		all = append(all, string(b))
	}
	return all
}

func openSet(t testing.TB, path string, o Options) *Set {
	t.Helper()
	s, err := Open(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestParquetOfTheField(t *testing.T) {
	root := sharedtest.Path(t, "cases", "parquet")
	hub := openSet(t, filepath.Join(root, "hub"), Options{})
	splits := map[string]int{}
	for _, it := range hub.Items {
		splits[it.Split]++
	}
	if len(hub.Items) != 15 || splits["train"] != 12 || splits["test"] != 3 || !slices.Equal(hub.Classes, []string{"disc", "box", "line"}) {
		t.Errorf("%d images in classes %q, splits %v", len(hub.Items), hub.Classes, splits)
	}
	fine := openSet(t, filepath.Join(root, "fine_coarse.parquet"), Options{})
	if diff := cmp.Diff([]string{
		"fine_coarse.parquet/000000 disc", "fine_coarse.parquet/000001 box", "fine_coarse.parquet/000002 line", "fine_coarse.parquet/000003 box",
	}, lines(fine)); diff != "" {
		t.Error(diff)
	}
	if note := fine.Note(); !strings.Contains(note, "1 column beside images and labels (such as coarse_label)") {
		t.Errorf("note %q", note)
	}
	coarse := openSet(t, filepath.Join(root, "fine_coarse.parquet"), Options{LabelColumn: "coarse_label"})
	if !slices.Equal(coarse.Classes, []string{"round", "straight"}) {
		t.Errorf("classes %q", coarse.Classes)
	}
	plain := openSet(t, filepath.Join(root, "plain_binary.parquet"), Options{})
	if len(plain.Items) != 3 || !slices.Equal(plain.Classes, []string{"0", "1", "2"}) {
		t.Errorf("%d images in classes %q", len(plain.Items), plain.Classes)
	}
	for _, s := range []*Set{hub, fine, plain} {
		for i, content := range contents(t, s) {
			if !strings.HasPrefix(content, "\x89PNG") && !strings.HasPrefix(content, "\xff\xd8") {
				t.Errorf("%s is not a picture: %.20q", s.Items[i].Path, content)
			}
		}
	}
}

func TestParquetRows(t *testing.T) {
	root := t.TempDir()
	rows := rowsOf("A", "B", "C", "D")
	none := int64(-1)
	rows[1].Label, rows[2].Label, rows[3].Image.Bytes = nil, &none, nil
	parquetFile(t, filepath.Join(root, "train", "0000.parquet"), rows, hubNames(discsAndBoxes))
	parquetFile(t, filepath.Join(root, "x-validation-00000-of-00001.parquet"), rowsOf("E"), hubNames(discsAndBoxes))
	parquetFile(t, filepath.Join(root, ".cache", "hidden.parquet"), rowsOf("F"), hubNames(discsAndBoxes))
	if err := os.WriteFile(filepath.Join(root, "README.md"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := openSet(t, root, Options{})
	if diff := cmp.Diff([]string{
		"train/0000.parquet/000000 disc train", "train/0000.parquet/000001 - train", "train/0000.parquet/000002 - train",
		"train/0000.parquet/000003 box train", "x-validation-00000-of-00001.parquet/000000 disc val",
	}, lines(s)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"A", "B", "C", "its row holds no image (no bytes; a path alone is not followed)", "E"}, contents(t, s)); diff != "" {
		t.Error(diff)
	}
	if want := "passed over: 1 file by their names: 1 .md"; !strings.Contains(s.Note(), want) {
		t.Errorf("note %q, want %q", s.Note(), want)
	}
	if got := list(t, root, Options{Splits: []string{"val"}}); len(got) != 1 {
		t.Errorf("%q in split val", got)
	}
	if got := list(t, root, Options{LabelsFrom: None, Splits: []string{"val"}}); got[0] != "x-validation-00000-of-00001.parquet/000000 - val" {
		t.Errorf("%q without labels", got)
	}
	if !s.Nameless(0) || s.Stamp(0) == s.Stamp(1) {
		t.Error("rows have file names, or stamps that do not differ")
	}
	if _, own := s.File(0); own {
		t.Error("a row is given as a file")
	}
}

// worded is a row whose label is a text.
type worded struct {
	JPG   []byte `parquet:"jpg"`
	Label string `parquet:"label"`
}

// numberedRow is a row whose label is a number.
type numberedRow struct {
	JPG   []byte `parquet:"jpg"`
	Label int64  `parquet:"label"`
}

// TestParquetLabels: labels as people and libraries write them.
func TestParquetLabels(t *testing.T) {
	type text struct {
		JPG   []byte `parquet:"jpg"`
		Class string `parquet:"class"`
	}
	type number struct {
		JPG    []byte  `parquet:"jpg"`
		Target float64 `parquet:"target"`
	}
	type truth struct {
		Picture []byte `parquet:"picture"`
		Label   bool   `parquet:"label"`
		Target  int32  `parquet:"target"`
	}
	type unsigned struct {
		JPG   []byte `parquet:"jpg"`
		Label uint32 `parquet:"label"`
	}
	nan := 0.0
	nan /= nan
	root := t.TempDir()
	for _, c := range []struct {
		file string
		want []string
	}{
		{parquetFile(t, filepath.Join(root, "a.parquet"), []text{{[]byte("1"), "cat"}, {[]byte("2"), ""}, {[]byte("3"), "ape"}}), []string{"cat", "-", "ape"}},
		{parquetFile(t, filepath.Join(root, "b.parquet"), []number{{[]byte("1"), 10}, {[]byte("2"), nan}, {[]byte("3"), 9}}), []string{"10", "-", "9"}},
		{parquetFile(t, filepath.Join(root, "c.parquet"), []truth{{[]byte("1"), true, 5}, {[]byte("2"), false, 6}}), []string{"1", "0"}},
		{parquetFile(t, filepath.Join(root, "d.parquet"), []worded{{[]byte("1"), "box"}, {[]byte("2"), "disc"}}, hubNames(discsAndBoxes)), []string{"box", "disc"}},
		{parquetFile(t, filepath.Join(root, "e.parquet"), []unsigned{{[]byte("1"), 1<<32 - 1}, {[]byte("2"), 0}}), []string{"4294967295", "0"}},
		{parquetFile(t, filepath.Join(root, "f.parquet"), rowsOf("A", "B"), hubNames(`"label": {"names": {"1": "box", "0": "disc"}, "_type": "ClassLabel"}`)), []string{"disc", "box"}},
		{parquetFile(t, filepath.Join(root, "g.parquet"), rowsOf("A", "B"), hubNames(`"label": {"names": ["", "box"], "_type": "ClassLabel"}`)), []string{"0", "box"}},
		{parquetFile(t, filepath.Join(root, "h.parquet"), rowsOf("A", "B"), hubNames(`"label": {"names": 7, "_type": "ClassLabel"}`)), []string{"0", "1"}},
	} {
		var got []string
		for _, line := range list(t, c.file, Options{}) {
			got = append(got, strings.Fields(line)[1])
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Error(diff)
		}
	}
	if s := openSet(t, filepath.Join(root, "b.parquet"), Options{}); !slices.Equal(s.Classes, []string{"9", "10"}) {
		t.Errorf("numbers are ordered as %q", s.Classes)
	}
	minus, one := int64(-2), int64(1)
	negative := []hubRow{{Image: hubImage{Bytes: []byte("A")}, Label: &minus}, {Image: hubImage{Bytes: []byte("B")}, Label: &one}}
	n := openSet(t, parquetFile(t, filepath.Join(root, "n.parquet"), negative), Options{})
	if diff := cmp.Diff([]string{"n.parquet/000000 -", "n.parquet/000001 1"}, lines(n)); diff != "" || !strings.Contains(n.Note(), "images without a label (none, NaN or negative): 1") {
		t.Errorf("%s%s", diff, n.Note())
	}
	type listed struct {
		JPG    []byte  `parquet:"jpg"`
		Labels []int64 `parquet:"labels,list"`
	}
	if note := openSet(t, parquetFile(t, filepath.Join(root, "i.parquet"), []listed{{[]byte("1"), []int64{1, 2}}}), Options{}).Note(); !strings.HasSuffix(note, "passed over: 1 column named like labels that cannot hold labels (such as labels, which has lists)") {
		t.Errorf("note %q", note)
	}
	// Files that number their classes differently are joined by the class names.
	both := t.TempDir()
	parquetFile(t, filepath.Join(both, "1.parquet"), rowsOf("A", "B"), hubNames(discsAndBoxes))
	parquetFile(t, filepath.Join(both, "2.parquet"), rowsOf("C", "D"), hubNames(strings.Replace(discsAndBoxes, `"disc", "box"`, `"box", "line"`, 1)))
	if diff := cmp.Diff([]string{"1.parquet/000000 disc", "1.parquet/000001 box", "2.parquet/000000 box", "2.parquet/000001 line"}, list(t, both, Options{})); diff != "" {
		t.Error(diff)
	}
}

// Spark and pyarrow write a column by which they divide a table into the names of folders.
func TestParquetOfFolders(t *testing.T) {
	for _, c := range []struct {
		name    string
		files   []string
		options Options
		names   string // class names in the files' metadata
		want    []string
		note    string
		err     string
	}{
		{name: "labels", files: []string{"label=disc/0", "label=a%2Fstar/0", "label=__HIVE_DEFAULT_PARTITION__/0"},
			want: []string{"label=__HIVE_DEFAULT_PARTITION__/0 -", "label=a%2Fstar/0 a/star", "label=disc/0 disc"},
			note: "images without a label (none, NaN or negative): 1"},
		{name: "numbers", files: []string{"label=10/0", "label=9/0", "label=-1/0"}, want: []string{"label=-1/0 -", "label=10/0 10", "label=9/0 9"},
			note: "images without a label (none, NaN or negative): 1"},
		{name: "splits", files: []string{"split=train/class=x/0", "split=val/class=train/0"},
			want: []string{"split=train/class=x/0 x train", "split=val/class=train/0 train val"}},
		{name: "numbers of named classes", files: []string{"label=1/0", "label=0/0"}, names: discsAndBoxes, want: []string{"label=0/0 disc", "label=1/0 box"}},
		{name: "no class of those", files: []string{"label=7/0"}, names: discsAndBoxes, err: `label "7" in the folder's name is not among the 2 classes`},
		{name: "others", files: []string{"year=2024/breed=pug/0", "year=2025/breed=husky/0"}, want: []string{"year=2024/breed=pug/0 -", "year=2025/breed=husky/0 -"},
			note: "2 columns in the names of folders that are not read (such as year=2024)"},
		{name: "a named one", files: []string{"year=2024/breed=pug/0", "year=2025/breed=husky/0"}, options: Options{LabelColumn: "breed"},
			want: []string{"year=2024/breed=pug/0 pug", "year=2025/breed=husky/0 husky"}, note: "1 column in the names of folders that is not read (such as year=2024)"},
		{name: "without labels", files: []string{"label=x/0"}, options: Options{LabelsFrom: None}, want: []string{"label=x/0 -"}, note: "such as label=x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			var o []parquet.WriterOption
			if c.names != "" {
				o = append(o, hubNames(c.names))
			}
			for _, name := range c.files {
				parquetFile(t, filepath.Join(root, name+".parquet"), []struct {
					Image []byte `parquet:"image"`
				}{{[]byte("A")}}, o...)
			}
			s := opened(t, root, c.options, c.err)
			if s == nil {
				return
			}
			got := lines(s)
			for i := range got {
				got[i] = strings.Replace(got[i], ".parquet/000000", "", 1)
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

func TestParquetThatIsRefused(t *testing.T) {
	type lists struct {
		Images [][]byte `parquet:"images,list"`
		Boxes  []int64  `parquet:"boxes,list"`
		Text   string   `parquet:"text"`
		Size   int64    `parquet:"size"`
		Score  float64  `parquet:"label"`
	}
	type two struct {
		Left  []byte `parquet:"left"`
		Right []byte `parquet:"right"`
	}
	type dated struct {
		JPG   []byte `parquet:"jpg"`
		Day   int32  `parquet:"day,date"`
		Thumb []byte `parquet:"thumb"`
	}
	type located struct {
		Image struct {
			Path string `parquet:"path"`
		} `parquet:"image"`
	}
	root := t.TempDir()
	days := parquetFile(t, filepath.Join(root, "days.parquet"), []dated{{[]byte("1"), 1, []byte("\x89PNG")}})
	halfNamed := t.TempDir()
	parquetFile(t, filepath.Join(halfNamed, "a.parquet"), rowsOf("A"), hubNames(discsAndBoxes))
	parquetFile(t, filepath.Join(halfNamed, "b.parquet"), rowsOf("A"))
	whole := parquetFile(t, filepath.Join(root, "whole.parquet"), rowsOf("A", "B", "C"), hubNames(discsAndBoxes))
	content, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, b []byte) string {
		name = filepath.Join(root, name)
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	beyond := rowsOf("A")
	seven := int64(7)
	beyond[0].Label = &seven
	const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
	nested := parquetFile(t, filepath.Join(root, "nested.parquet"), []lists{{Images: [][]byte{{1}}, Text: "x", Score: 0.5}})
	stereo := parquetFile(t, filepath.Join(root, "stereo.parquet"), []two{{[]byte("L"), []byte("R")}})
	mixture := t.TempDir()
	parquetFile(t, filepath.Join(mixture, "a.parquet"), []worded{{[]byte("1"), "disc"}, {[]byte("2"), "line"}})
	parquetFile(t, filepath.Join(mixture, "b.parquet"), []numberedRow{{[]byte("1"), 0}})
	folder := t.TempDir()
	archive(t, filepath.Join(folder, "a.tar"), "x.png", "X")
	parquetFile(t, filepath.Join(folder, "b.parquet"), rowsOf("A"))
	for _, c := range []struct {
		name, path string
		o          Options
		want       string
	}{
		{"a truncated file", write("cut.parquet", content[:len(content)-20]), Options{}, "truncated, or has another format; download it again or remove it"},
		{"an empty file", write("empty.parquet", nil), Options{}, "too short for a Parquet file"},
		{"another format", write("other.parquet", bytes.Repeat([]byte("<svg>"), 100)), Options{}, "another format"},
		{"a web page", write("page.parquet", bytes.Repeat([]byte("<html>"), 100)), Options{}, "page.parquet: it is a web page: download the file again, after a log-in if the site wants one"},
		{"a short web page", write("short.parquet", []byte("<html>")), Options{}, "it is a web page"},
		{"a Git LFS pointer", write("pointer.parquet", []byte(pointer)), Options{}, "pointer.parquet: it is a Git LFS pointer: download the file itself with 'git lfs pull'"},
		{"an Arrow file", write("arrow.parquet", []byte("ARROW1\x00\x00and so on ARROW1")), Options{}, "it is an Arrow or Feather file: convert it to Parquet first"},
		{"a stream of Arrow", write("stream.parquet", []byte("\xff\xff\xff\xff\x10\x00\x00\x00 and so on")), Options{}, "convert it to Parquet first"},
		{"a pointer for an archive", write("pointer.tar", []byte(pointer)), Options{}, "pointer.tar: it is a Git LFS pointer: download the file itself with 'git lfs pull'"},
		{"a page for an archive", write("page.tar", []byte("\n<!doctype html>")), Options{}, "page.tar: it is a web page"},
		{"a pointer for a list", write("pointer.csv", []byte(pointer)), Options{}, "pointer.csv: it is a Git LFS pointer"},
		{"lists alone", nested, Options{}, "no column of images (binary values, or a structure with binary values called bytes); its columns are images (lists), boxes (lists), text (text), size (whole numbers), label (numbers)"},
		{"lists by name", nested, Options{ImageColumn: "images"}, "column images holds lists"},
		{"numbers", nested, Options{ImageColumn: "size"}, "column size holds whole numbers, not images"},
		{"text", nested, Options{ImageColumn: "text"}, "column text holds text, not images"},
		{"no such column", whole, Options{ImageColumn: "picture"}, "no column of images called picture; its columns are image, label"},
		{"no such labels", whole, Options{LabelColumn: "class"}, "it has no column class; its columns are image, label"},
		{"labels in lists", whole, Options{LabelColumn: "image"}, "column image holds structures of bytes and path, not labels"},
		{"labels in the images", whole, Options{LabelColumn: "image.bytes"}, "column image.bytes holds the images, not labels"},
		{"labels that are dates", days, Options{LabelColumn: "day"}, "column day holds times, not labels"},
		{"labels that are bytes", days, Options{LabelColumn: "thumb"}, "row 0: column thumb holds bytes that are not text"},
		{"names that the file does not know", parquetFile(t, filepath.Join(root, "unknown.parquet"), []worded{{[]byte("1"), "disc"}, {[]byte("2"), "line"}}, hubNames(discsAndBoxes)), Options{}, `row 1: label "line" is not among the 2 classes that the file names`},
		{"paths alone", parquetFile(t, filepath.Join(root, "paths.parquet"), []located{{}}, hubNames(discsAndBoxes)), Options{}, "its columns are image (structures of path)"},
		{"names in one file alone", halfNamed, Options{}, "a.parquet names its classes, and b.parquet has only numbers"},
		{"texts in one file and numbers in another", mixture, Options{}, "a.parquet names its classes, and b.parquet has only numbers"},
		{"two columns", stereo, Options{}, `the columns ["left" "right"] may all hold images: name one of them`},
		{"fractions", fractions(t, root), Options{}, "row 1: column label holds fractions"},
		{"a class that has no name", parquetFile(t, filepath.Join(root, "beyond.parquet"), beyond, hubNames(discsAndBoxes)), Options{}, "row 0: label 7, but the file names 2 classes"},
		{"tar and parquet", folder, Options{}, "holds both archives (such as a.tar) and Parquet files (such as b.parquet)"},
		{"columns of a folder", tree(t, files("a.png")), Options{ImageColumn: "image"}, "has no columns"},
		{"labels from a column and from none", whole, Options{LabelColumn: "label", LabelsFrom: None}, "leave out one of the two"},
	} {
		_, err := Open(t.Context(), c.path, c.o)
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.want)
		}
	}
	if got := list(t, stereo, Options{ImageColumn: "right"}); len(got) != 1 {
		t.Errorf("%q by name", got)
	}
	mixed := t.TempDir()
	parquetFile(t, filepath.Join(mixed, "a.parquet"), []struct {
		URL string `parquet:"url"`
	}{{"https://example.com/1.jpg"}})
	parquetFile(t, filepath.Join(mixed, "b.parquet"), rowsOf("A"), hubNames(discsAndBoxes))
	if s := openSet(t, mixed, Options{}); len(s.Items) != 1 || !strings.Contains(s.Note(), "1 Parquet file without a column of images (such as a.parquet)") {
		t.Errorf("%q, %q", lines(s), s.Note())
	}
	beside := tree(t, files("a.png"))
	parquetFile(t, filepath.Join(beside, "b.parquet"), rowsOf("A"))
	if s := openSet(t, beside, Options{}); len(s.Items) != 1 || !strings.HasSuffix(s.Note(), "passed over: 1 Parquet file beside the images (such as b.parquet)") {
		t.Errorf("%q, %q", lines(s), s.Note())
	}
}

// Blanks around a label are none of its own, as in lists, unless the file names a class so. A label of blanks is none.
func TestBlanksAroundLabelsOfParquet(t *testing.T) {
	row := func(labels ...string) (rows []worded) {
		for _, l := range labels {
			rows = append(rows, worded{[]byte(l), l})
		}
		return rows
	}
	for name, c := range map[string]struct {
		file    string
		classes []string
		labels  []int
	}{
		"texts":         {parquetFile(t, filepath.Join(t.TempDir(), "a.parquet"), row("line ", "disc", "\tline\u00a0", " ", "disc\r\n", "", "a b")), []string{"a b", "disc", "line"}, []int{2, 1, 2, -1, 1, -1, 0}},
		"named classes": {parquetFile(t, filepath.Join(t.TempDir(), "b.parquet"), row("disc ", "box", "  ", " box"), hubNames(discsAndBoxes)), []string{"disc", "box"}, []int{0, 1, -1, 1}},
	} {
		s, err := Open(t.Context(), c.file, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var labels []int
		for _, item := range s.Items {
			labels = append(labels, item.Label)
		}
		if !slices.Equal(s.Classes, c.classes) || !slices.Equal(labels, c.labels) {
			t.Errorf("%s: classes %q, labels %v, want %q and %v", name, s.Classes, labels, c.classes, c.labels)
		}
	}
}

// A page of labels takes memory from the budget, and none if its size shows that it holds no labels.
func TestParquetLabelsHaveABudget(t *testing.T) {
	root := t.TempDir()
	long := parquetFile(t, filepath.Join(root, "long.parquet"), []worded{{[]byte("1"), strings.Repeat("a", 3<<20)}}, parquet.Compression(&parquet.Zstd), parquet.SkipPageBounds("label"))
	many := make([]numberedRow, 100_000)
	for i := range many {
		many[i] = numberedRow{[]byte("1"), int64(i % 2)}
	}
	wide := parquetFile(t, filepath.Join(root, "wide.parquet"), many)
	if _, err := Open(t.Context(), long, Options{}); err == nil || !strings.Contains(err.Error(), "column label holds values of far more than 4096 bytes (a page takes ") {
		t.Errorf("%v", err)
	}
	if _, err := Open(t.Context(), wide, Options{Memory: 1000}); err == nil || !strings.Contains(err.Error(), "more than the memory budget of 1000 bytes: give more memory") {
		t.Errorf("%v", err)
	}
	if s := openSet(t, wide, Options{Memory: 16 << 20}); len(s.Items) != len(many) || len(s.Classes) != 2 {
		t.Errorf("%d items in %d classes", len(s.Items), len(s.Classes))
	}
}

func fractions(t *testing.T, root string) string {
	return parquetFile(t, filepath.Join(root, "fractions.parquet"), []struct {
		JPG   []byte  `parquet:"jpg"`
		Label float64 `parquet:"label"`
	}{{[]byte("1"), 1}, {[]byte("2"), 1.5}})
}

// TestParquetIsReadByPages: several goroutines read rows in any order, and few pages are cached.
func TestParquetIsReadByPages(t *testing.T) {
	var want []string
	for i := range 500 {
		want = append(want, strings.Repeat(fmt.Sprintf("%04d", i), 100+i%7))
	}
	file := parquetFile(t, filepath.Join(t.TempDir(), "a.parquet"), rowsOf(want...), parquet.PageBufferSize(4000), parquet.MaxRowsPerRowGroup(100), parquet.Compression(&parquet.Zstd), parquet.SkipPageBounds("label"))
	s := openSet(t, file, Options{})
	s.Share(2 * 40_000)
	var wait sync.WaitGroup
	for step := range 7 {
		wait.Go(func() {
			var buffer []byte
			for k := range s.Items {
				i := (k * (2*step + 1)) % len(s.Items)
				var err error
				if buffer, err = s.Read(i, buffer); err != nil || string(buffer) != want[i] {
					t.Errorf("row %d: %d bytes, %v", i, len(buffer), err)
					return
				}
			}
		})
	}
	wait.Wait()
	if s.kept.held > 40_000 || len(s.kept.pages) > s.kept.most {
		t.Errorf("%d bytes in %d pages are cached", s.kept.held, len(s.kept.pages))
	}
	s = openSet(t, file, Options{})
	s.Share(2 * 1000)
	if _, err := s.Read(0, nil); !errors.Is(err, ErrTooLarge) || !strings.Contains(err.Error(), "give more memory") {
		t.Errorf("a page larger than its share: %v", err)
	}
}

// TestParquetIsLookedAtFirst: the look function may refuse a row, and is given its size.
func TestParquetIsLookedAtFirst(t *testing.T) {
	s := openSet(t, parquetFile(t, filepath.Join(t.TempDir(), "a.parquet"), rowsOf("a picture")), Options{})
	no := errors.New("no")
	_, err := s.ReadIf(0, nil, 3, func(head []byte, size int64) error {
		if string(head) != "a p" || size != 9 {
			t.Errorf("%q of %d bytes", head, size)
		}
		return no
	})
	if !errors.Is(err, no) {
		t.Errorf("error %v", err)
	}
}

// Two columns of one name: whichever were used, the other would be left out unseen.
func TestParquetColumnsOfOneName(t *testing.T) {
	type row struct {
		Image []byte `parquet:"image"`
		Imago []byte `parquet:"imago"`
		Label int64  `parquet:"label"`
		Lavel int64  `parquet:"lavel"`
		Sizes int64  `parquet:"sizes"`
		Sizet int64  `parquet:"sizet"`
	}
	root := t.TempDir()
	named := func(file string, names ...string) string {
		name := parquetFile(t, filepath.Join(root, file), []row{{Image: []byte("A"), Lavel: 1}, {Image: []byte("B"), Label: 1}})
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(names); i += 2 { // of the same length
			b = bytes.ReplaceAll(b, []byte(names[i]), []byte(names[i+1]))
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	labels, images := named("labels.parquet", "lavel", "label"), named("images.parquet", "imago", "image")
	for name, c := range map[string]struct {
		path string
		o    Options
		want string
	}{
		"labels":                    {labels, Options{}, "labels.parquet: it has 2 columns called label, which may hold the labels: rename all but one"},
		"labels by name":            {labels, Options{LabelColumn: "label"}, "it has 2 columns called label"},
		"labels that are not":       {labels, Options{LabelsFrom: None}, ""},
		"another column of labels":  {labels, Options{LabelColumn: "sizes"}, ""},
		"images":                    {images, Options{}, "images.parquet: it has 2 columns called image, which may hold the images: rename all but one"},
		"images by name":            {images, Options{ImageColumn: "image"}, "it has 2 columns called image"},
		"columns that are not read": {named("others.parquet", "sizet", "sizes"), Options{}, ""},
	} {
		t.Run(name, func(t *testing.T) { opened(t, c.path, c.o, c.want) })
	}
}
