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
	_, err := readList([]byte(content), ".csv", func(name string) bool { return name == "a.png" }, noFolder)
	if err == nil || !strings.Contains(err.Error(), "one line has 60002 cells") {
		t.Errorf("%v", err)
	}
	few := "a.png,1,,,,,,\n" + strings.Repeat("a.png,1\n", 50) + "a.png,2,3,4,5,6,7,8\n"
	if _, err := readList([]byte(few), ".csv", func(name string) bool { return name == "a.png" }, noFolder); err != nil {
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
		{"two columns of one name", "l.csv", "path,label,label\na.png,x,y\nb.png,x,z\n", nil, "it has 2 columns called label, which contradict each other"},
		{"two columns of paths", "l.csv", "path,path,label\nc.png,d.png,y\nc.png,e.png,z\n", nil, "it has 2 columns called path, which contradict each other"},
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

func noFolder(string) bool { return false }

// People write blanks around separators. They belong to no class, and to a path only if a file has such a name.
func TestBlanksAroundSeparators(t *testing.T) {
	want := []string{"a.png cat", "b c.png cat", "d.png dog"}
	for _, c := range []struct {
		name, file, text string
		want             []string
	}{
		{"a class first", "l.csv", "cat, a.png\ncat, b c.png\ndog, d.png\n", want},
		{"with a header", "l.csv", "label, path\ncat, a.png\ncat, b c.png\ndog, d.png\n", want},
		{"in a text", "l.txt", "label, path\ncat, a.png\ncat, b c.png\ndog, d.png\n", want},
		{"bars", "l.txt", "label | path\ncat | a.png\ncat | b c.png\ndog | d.png\n", want},
		{"bars, path first", "l.csv", "a.png | cat\nb c.png | cat\nd.png | dog\n", want},
		{"before semicolons", "l.csv", "a.png ;cat\nb c.png ;cat\nd.png ;dog\n", want},
		{"before commas", "l.csv", "a.png ,cat\nb c.png ,cat\nd.png ,dog\n", want},
		{"tabs", "l.tsv", "path\t label\na.png \tcat\nb c.png \t cat\n d.png\tdog\n", want},
		{"a split first", "l.csv", "split, label, path\ntrain, cat, a.png\ntest, cat, b c.png\ntrain, dog, d.png\n", []string{"a.png cat train", "b c.png cat test", "d.png dog train"}},
		{"quotes", "l.csv", "label, path\ncat, \"a.png\"\ncat, b c.png\ndog, \"d.png\"\n", want},
		{"one that is gone", "l.csv", "cat, a.png\ncat, gone.png\ndog, d.png\n", []string{"a.png cat", "d.png dog", "gone.png cat"}},
		{"names without extensions", "l.csv", "cat, a\ncat, b c\ndog, d\n", want},
		{"a name with a blank", "l.csv", "label,path\ncat,e.png \ncat,a.png \n", []string{"a.png cat", "e.png  cat"}},
		{"Caffe's blank", "l.txt", "a.png 0\nb c.png  1\nd.png 0 \n", []string{"a.png 0", "b c.png 1", "d.png 0"}},
		{"lines that end with blanks", "l.txt", "a.png \n b c.png\nd.png\n", []string{"a.png -", "b c.png -", "d.png -"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := tree(t, map[string]string{"a.png": "A", "b c.png": "B", "d.png": "D", "e.png ": "E", c.file: c.text})
			if diff := cmp.Diff(c.want, lines(open(t, filepath.Join(root, c.file)))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The first line of a list is data unless it can only be a header: a class may have the name of a column, and the first file may be gone.
func TestTheFirstLineOfAListIsKept(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		want             []string
		note             string
	}{
		{"a class called photo", "l.csv", "gone.png,photo\na.png,photo\nb.png,drawing\nd.png,drawing\n", []string{"a.png photo", "b.png drawing", "d.png drawing", "gone.png photo"}, ""},
		{"class first", "l.csv", "photo;gone.png\nphoto;a.png\ndrawing;b.png\n", []string{"a.png photo", "b.png drawing", "gone.png photo"}, ""},
		{"without extensions", "l.csv", "gone,photo\na,photo\nb,drawing\nd,drawing\n", []string{"a.png photo", "b.png drawing", "d.png drawing", "gone photo"}, "lacked them: 3"},
		{"without extensions, another class", "l.csv", "gone,cat\na,cat\nb,dog\nd,dog\n", []string{"a.png cat", "b.png dog", "d.png dog", "gone cat"}, "lacked them: 3"},
		{"a folder", "l.txt", "sub\na.png\nsub/c.png\n", []string{"a.png -", "sub -", "sub/c.png -"}, ""},
		{"a folder with a label", "l.csv", "sub,x\na.png,x\nb.png,y\n", []string{"a.png x", "b.png y", "sub x"}, ""},
		{"a folder called as a column", "l.txt", "images\na.png\nimages/e.png\n", []string{"a.png -", "images -", "images/e.png -"}, ""},
		{"a header called as a folder", "l.csv", "images,label\nimages/e.png,x\na.png,y\n", []string{"a.png y", "images/e.png x"}, ""},
		{"a header called as a folder, label known", "l.csv", "sub,label\nsub/c.png,x\na.png,y\n", []string{"a.png y", "sub/c.png x"}, ""},
		{"a header twice", "l.csv", "path,label\na.png,x\npath,label\nb.png,y\n", []string{"a.png x", "b.png y", "path label"}, ""},
		{"a header with a class of that name", "l.csv", "file,category\na.png,category\nb.png,other\n", []string{"a.png category", "b.png other"}, ""},
		{"an unknown header", "l.txt", "Bild\na.png\nb.png\n", []string{"a.png -", "b.png -"}, `first line taken for the name of the column: "Bild"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			content := files("a.png", "b.png", "d.png", "sub/c.png", "images/e.png")
			content[c.file] = c.text
			s := open(t, filepath.Join(tree(t, content), c.file))
			if diff := cmp.Diff(c.want, lines(s)); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(s.Note(), c.note) || c.note == "" && s.Note() != "" {
				t.Errorf("note %q, want %q", s.Note(), c.note)
			}
		})
	}
}

// A list of several columns that blanks separate is refused for that, although its files exist.
func TestListsOfColumnsBetweenBlanks(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"Caffe, several labels":     {"a.png 0 1\nb.png 1 1\n", `its lines seem to have 3 columns separated by blanks (such as "b.png 1 1")`},
		"names without extensions":  {"a 1 1 1\nb 2 1 1\n", `its lines seem to have 4 columns separated by blanks (such as "b 2 1 1")`},
		"pets whose files are away": {"#Image CLASS-ID SPECIES BREED\nAbyssinian_100 1 1 1\nBengal_3 2 1 1\n", "its lines seem to have 4 columns"},
		"in a table":                {"a.png cat train\nb.png dog test\n", "separate them by commas or tabs"},
		"wide columns":              {"a.png   0   1\nb.png   1   1\n", "its lines seem to have 3 columns"},
		"names with blanks":         {"my first photo\nmy other photo\n", "no line names an existing file"},
		"one label":                 {"away.png 0\ngone.png 1\n", "no line names an existing file"},
	} {
		t.Run(name, func(t *testing.T) {
			opened(t, filepath.Join(tree(t, map[string]string{"a.png": "A", "b.png": "B", "l.txt": c.text}), "l.txt"), Options{}, c.want)
		})
	}
	attributes := "3\nSmiling Young\n"
	for i := range 20 {
		attributes += fmt.Sprintf("%06d.jpg  1 -1\n", i)
	}
	opened(t, filepath.Join(tree(t, map[string]string{"000001.jpg": "A", "l.txt": attributes}), "l.txt"), Options{}, "its lines seem to have 3 columns")
}

// Words that belong to a class, and addresses, are not taken for paths.
func TestListsOfWhatAreNoPaths(t *testing.T) {
	for name, c := range map[string]struct{ file, text, err string }{
		"classes of several words":         {"l.txt", "a.png golden retriever\nb.png cat\n", `the line "a.png golden retriever" has several words after the path: separate the path and the class by a comma or a tab`},
		"in a line of several":             {"l.txt", "b.png\na.png a b c\n", `the line "a.png a b c" has several words`},
		"an address on the web":            {"l.csv", "path,label\na.png,x\nhttps://x.org/img/0.png?key=secret,y\n", `"https://x.org/img/0.png?…" is an address, and a list names files on disk`},
		"an object":                        {"l.txt", "a.png\ns3://data/b.png\n", `"s3://data/b.png" is an address`},
		"a file by its address":            {"l.txt", "a.png\nfile:///tmp/b.png\n", `"file:///tmp/b.png" is an address`},
		"addresses alone":                  {"l.txt", "https://x.org/0.png\nhttps://x.org/1.png\n", "is an address"},
		"addresses beside the paths":       {"l.csv", "path,url\na.png,https://x.org/0.png\nb.png,https://x.org/1.png\n", ""},
		"a file that is gone":              {"l.txt", "a.png\naway.png 7\n", ""},
		"a name with a blank that is gone": {"l.txt", "a.png\nmy other photo.png\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t, filepath.Join(tree(t, map[string]string{"a.png": "A", "b.png": "B", c.file: c.text}), c.file), Options{}, c.err)
			if s != nil && len(s.Items) != 2 {
				t.Errorf("%q", lines(s))
			}
		})
	}
}

// A list of files that exist but cannot be reached says why.
func TestListsOfFilesThatMayNotBeReached(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may enter everything")
	}
	root := tree(t, map[string]string{"secret/below/a.png": "A", "l.txt": "secret/below/a.png\n"})
	if err := os.Chmod(filepath.Join(root, "secret"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(root, "secret"), 0o700) })
	opened(t, filepath.Join(root, "l.txt"), Options{}, "files in the folder "+filepath.Join(root, "secret")+` (such as "secret/below/a.png") cannot be reached: permission denied`)
}
