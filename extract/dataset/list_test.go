package dataset

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// One line with very many cells does not cost every other line as many.
func TestRaggedListsAreBounded(t *testing.T) {
	content := "a.png,1" + strings.Repeat(",", 60000) + "\n" + strings.Repeat("a.png,1\n", 60000) + "a.png,1" + strings.Repeat(",x", 60000) + "\n"
	_, err := readList([]byte(content), ".csv", func(name string) bool { return name == "a.png" })
	if err == nil || !strings.Contains(err.Error(), "one line has 60002 cells") {
		t.Errorf("%v", err)
	}
	few := "a.png,1,,,,,,\n" + strings.Repeat("a.png,1\n", 50) + "a.png,2,3,4,5,6,7,8\n"
	if _, err := readList([]byte(few), ".csv", func(name string) bool { return name == "a.png" }); err != nil {
		t.Errorf("one line longer than the others: %v", err)
	}
}

// A separator or a quote in the wrong place must not move a label into another column.
func TestLinesOfAListHaveEquallyManyCells(t *testing.T) {
	const more, quote = "put cells that contain a separator in quotes", "a cell in quotes goes on after its second quote"
	for _, c := range []struct {
		name, file, text string
		want             []string
		err              string
	}{
		{"a comma in a caption", "l.csv", "path,caption,label\na.png,red disc,disc\nb.png,disc, large,disc\n", nil, "line 3 has 4 columns, but line 1 has 3 columns: " + more},
		{"without a header", "l.csv", "a.png,x\nb.png,x,y\n", nil, "line 2 has 3 columns, but line 1 has 2 columns: " + more},
		{"tabs", "l.tsv", "path\tlabel\na.png\tx\ny\tz\n\nb.png\t\ty\n", nil, "line 5 has 3 columns, but line 1 has 2 columns: " + more},
		{"a label too few", "l.csv", "path,label\na.png,x\nb.png\n", nil, "line 3 has 1 column, but line 1 has 2 columns: " + more + ", and separate empty cells, too"},
		{"a caption in quotes", "l.csv", "path,caption,label\na.png,red disc,disc\nb.png,\"disc, large\",disc\n", []string{"a.png disc", "b.png disc"}, ""},
		{"empty cells at the end", "l.csv", "path,label,\na.png,x\nb.png,y,,,\n", []string{"a.png x", "b.png y"}, ""},
		{"inches in quotes", "l.csv", "path,caption,label\na.png,disc,0\nb.png,\"5\" disk,0\n", nil, "line 3: " + quote},
		{"inches in quotes, twice", "l.csv", "path,caption,label\na.png,disc,0\nb.png,\"5\"\" disk\",1\n", []string{"a.png 0", "b.png 1"}, ""},
		{"inches", "l.csv", "path,caption,label\na.png,disc,0\nb.png,5\" disk,1\n", []string{"a.png 0", "b.png 1"}, ""},
		{"a comment", "l.csv", "# \"5\" disks, or, less\n#,\"5\" disks\na.png,0\nb.png,1\n", []string{"a.png 0", "b.png 1"}, ""},
		{"blanks", "l.txt", "a.png 0\nb.png\n", []string{"a.png 0", "b.png -"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := tree(t, map[string]string{"a.png": "A", "b.png": "B", c.file: c.text})
			s := opened(t, filepath.Join(root, c.file), Options{}, c.err)
			if s == nil {
				return
			}
			if diff := cmp.Diff(c.want, lines(s)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A list may begin with files that are gone.
func TestListsWhoseFirstFilesAreGone(t *testing.T) {
	for _, c := range []struct{ file, first, line, want string }{
		{"l.txt", "", "%s 1", "1"}, {"l.lst", "", "0\t1.0\t%s", "1"}, {"l.csv", "path;label\n", "%s;x", "x"}, {"l.csv", "", "x,%s", "x"}, {"l.csv", "sep=;\n", "%s;x", "x"},
	} {
		var text strings.Builder
		text.WriteString(c.first)
		for i := range 4000 {
			fmt.Fprintf(&text, c.line+"\n", fmt.Sprintf("gone%d.png", i))
		}
		fmt.Fprintf(&text, c.line+"\n", "star3.png")
		s, err := Open(t.Context(), filepath.Join(tree(t, map[string]string{"star3.png": "A", c.file: text.String()}), c.file), Options{})
		if err != nil {
			t.Errorf("%s%s: %v", c.first, c.line, err)
			continue
		}
		defer s.Close()
		if i, found := s.Find("star3.png"); !found || len(s.Items) != 4001 || s.Classes[s.Items[i].Label] != c.want {
			t.Errorf("%s%s: %d items, classes %q", c.first, c.line, len(s.Items), s.Classes)
		}
	}
}

// A Mac decomposes the letters of names, and a list that is typed has them composed.
func TestListsOfNamesInAnotherUnicodeForm(t *testing.T) {
	const composed, decomposed = "\u00e9t\u00e9", "e\u0301te\u0301"
	root := tree(t, files(decomposed+"/"+decomposed+"1.png", "i/"+decomposed+"2.png", "i/a.png", "i/\u00e9e\u0301.png", "i/e\u0301\u00e9.png"))
	if _, err := os.Stat(filepath.Join(root, composed)); err == nil {
		t.Skip("this file system finds names in any form")
	}
	for _, c := range []struct {
		name, text string
		want       []string
		note, err  string
	}{
		{"all", composed + "/" + composed + "1.png,x\ni/" + composed + "2.png,y\n", []string{decomposed + "/" + decomposed + "1.png x", "i/" + decomposed + "2.png y"}, "form of their names: 2", ""},
		{"some", "path,label\ni/a.png,x\ni/" + composed + "2.png,y\ni/\u00fc.png,y\n", []string{"i/a.png x", "i/" + decomposed + "2.png y", "i/\u00fc.png y"}, "form of their names: 1", ""},
		{"without extensions", "id,label\n" + composed + "/" + composed + "1,x\n", []string{decomposed + "/" + decomposed + "1.png x"}, "lacked them: 1", ""},
		{"absolute", "i/a.png,x\n" + root + "/i/" + composed + "2.png,y\n", []string{root + "/i/" + decomposed + "2.png y", "i/a.png x"}, "form of their names: 1", ""},
		{"both forms", "i/" + composed + "2.png\ni/" + decomposed + "2.png\n", nil, "", "2.png twice"},
		{"two files", "i/\u00e9\u00e9.png\n", nil, "", "whose names differ only in their Unicode form"},
		{"none", "i/\u00fc.png\n", nil, "", "no line names an existing file"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(root, "l.csv")
			if err := os.WriteFile(name, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			s := opened(t, name, Options{}, c.err)
			if s == nil {
				return
			}
			if diff := cmp.Diff(c.want, lines(s)); diff != "" || !strings.Contains(s.Note(), c.note) {
				t.Errorf("%s%s", diff, s.Note())
			}
			for i, item := range s.Items {
				if b, err := s.Read(i, nil); (err != nil || !strings.HasSuffix(item.Path, string(b))) && item.Path != "i/\u00fc.png" {
					t.Errorf("%s: %q, %v", item.Path, b, err)
				}
			}
		})
	}
}
