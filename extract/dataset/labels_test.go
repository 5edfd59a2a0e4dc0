//go:build unix

package dataset

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// labelled is the set of images with these labels, in a form of data.
func labelled(t *testing.T, form string, labels ...string) *Set {
	t.Helper()
	var rows []worded
	list, pictures := "path,label\n", map[string]string{}
	var members []string
	for i, label := range labels {
		at := string(rune('a' + i))
		rows = append(rows, worded{[]byte(at), label})
		list += at + ".png," + label + "\n"
		pictures[at+".png"] = at
		members = append(members, at+".png", at, at+".cls", label)
	}
	root := t.TempDir()
	switch form {
	case "list":
		pictures["l.csv"] = list
		return open(t, filepath.Join(tree(t, pictures), "l.csv"))
	case "tar":
		archive(t, filepath.Join(root, "a.tar"), members...)
		return open(t, filepath.Join(root, "a.tar"))
	}
	return open(t, parquetFile(t, filepath.Join(root, "a.parquet"), rows))
}

// A text means the same as a label in every form of data.
func TestLabelsThatAreTexts(t *testing.T) {
	for _, c := range []struct {
		name   string
		labels string
		want   string // the classes of the images
		note   string
	}{
		{"numbers with a point", "1.0 2.0 10.0", "1 2 10", ""},
		{"no label", "1 -1 nan NaN", "1 - - -", "images without a label (none, NaN or negative): 3"},
		{"one number, written differently", "1.0 1 2 -1", "1.0 1 2 -", `classes that are one number written differently: 2 (such as "1" and "1.0")`},
		{"missing values among numbers", "0 1 NA NA", "0 1 NA NA", `images in classes called like a missing value: 2 (2 "NA"); leave the labels empty if they have no label`},
		{"missing values among words", "cat None N/A -1", "cat None N/A -1", `images in classes called like a missing value: 3 (1 "-1", 1 "N/A", 1 "None")`},
		{"words", "cat dog", "cat dog", ""},
	} {
		for _, form := range []string{"list", "tar", "parquet"} {
			s := labelled(t, form, strings.Fields(c.labels)...)
			got := make([]string, len(s.Items))
			for i, item := range s.Items {
				if got[i] = "-"; item.Label >= 0 {
					got[i] = s.Classes[item.Label]
				}
			}
			if diff := cmp.Diff(strings.Fields(c.want), got); diff != "" {
				t.Errorf("%s, %s: %s", form, c.name, diff)
			}
			if note := s.Note(); !strings.Contains(note, c.note) || strings.Contains(note, "called like") != strings.Contains(c.note, "called like") {
				t.Errorf("%s, %s: note %q, want %q", form, c.name, note, c.note)
			}
		}
	}
	s := open(t, tree(t, files("cat/a.png", "None/b.png")))
	if want := `1 (1 "None"); call the folder unlabeled if they have no label`; !strings.Contains(s.Note(), want) {
		t.Errorf("a folder: note %q, want %q", s.Note(), want)
	}
	root := t.TempDir()
	parquetFile(t, filepath.Join(root, "a.parquet"), rowsOf("A"), hubNames(strings.Replace(discsAndBoxes, "disc", "none", 1)))
	if s := open(t, root); s.Note() != "" {
		t.Errorf("a class that the file declares: note %q", s.Note())
	}
}

// Parts of a data set that write numbers differently have the same classes, or are refused.
func TestPartsThatWriteNumbersDifferently(t *testing.T) {
	for _, c := range []struct {
		texts, err string
		want       []string
	}{
		{"0.0 1.0 -1", "", []string{"a.parquet/000000 0", "a.parquet/000001 1", "b.parquet/000000 0", "b.parquet/000001 1", "b.parquet/000002 -"}},
		{"1 0 nan", "", []string{"a.parquet/000000 0", "a.parquet/000001 1", "b.parquet/000000 1", "b.parquet/000001 0", "b.parquet/000002 -"}},
		{"00 01", `a.parquet has its labels as numbers, and b.parquet as texts such as "00", which may be other classes`, nil},
		{"1 1.0", `and b.parquet as texts such as "1.0"`, nil},
		{"0.5 1", `and b.parquet as texts such as "0.5"`, nil},
		{"cat 1", "b.parquet names its classes, and a.parquet has only numbers", nil},
		{"-1 nan", "", []string{"a.parquet/000000 0", "a.parquet/000001 1", "b.parquet/000000 -", "b.parquet/000001 -"}},
	} {
		root := t.TempDir()
		parquetFile(t, filepath.Join(root, "a.parquet"), []numberedRow{{[]byte("1"), 0}, {[]byte("2"), 1}})
		var rows []worded
		for _, label := range strings.Fields(c.texts) {
			rows = append(rows, worded{[]byte(label), label})
		}
		parquetFile(t, filepath.Join(root, "b.parquet"), rows)
		if s := opened(t, root, Options{}, c.err); s != nil {
			if diff := cmp.Diff(c.want, lines(s)); diff != "" {
				t.Errorf("%s: %s", c.texts, diff)
			}
		}
	}
	root := t.TempDir()
	parquetFile(t, filepath.Join(root, "a.parquet"), rowsOf("A", "B"), hubNames(discsAndBoxes))
	parquetFile(t, filepath.Join(root, "b.parquet"), []struct {
		Image hubImage `parquet:"image,optional"`
		Label string   `parquet:"label"`
	}{{hubImage{Bytes: []byte("C")}, "-1"}})
	if diff := cmp.Diff([]string{"a.parquet/000000 disc", "a.parquet/000001 box", "b.parquet/000000 -"}, lines(open(t, root))); diff != "" {
		t.Error("beside named classes: ", diff)
	}
}
