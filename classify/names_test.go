package classify

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A file names some of the clusters, whichever program wrote it.
func TestNames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "names.csv")
	want := map[int]string{0: "", 2: "dogs, all"}
	for what, text := range map[string]string{
		"a header":            "cluster,name\n2,\"dogs, all\"\n0,\n",
		"no header":           "2,\"dogs, all\"\n0,\n",
		"a byte order mark":   "\xef\xbb\xbf2,\"dogs, all\"\r\n0,\r\n",
		"a mark and a header": "\xef\xbb\xbfCluster ID,Name\r\n2,\"dogs, all\"\r\n0,\r\n",
		"blanks":              " 2 , \"dogs, all\" \n\n 0 ,\n",
		"semicolons":          "2;dogs, all\n0;\n",
		"tabs":                "# cluster\tname\n2\tdogs, all\n0\t\n",
		"UTF-16":              "\xff\xfe2\x00;\x00d\x00o\x00g\x00s\x00,\x00 \x00a\x00l\x00l\x00\n\x000\x00;\x00",
	} {
		write(t, file, text)
		named, err := ReadNamed(file, 4)
		if diff := cmp.Diff(want, named); err != nil || diff != "" {
			t.Errorf("%s: %v %s", what, err, diff)
		}
	}
	write(t, file, "0,species\n1,image\n")
	if named, err := ReadNamed(file, 4); err != nil || named[0] != "species" || named[1] != "image" {
		t.Errorf("names that are columns elsewhere: %v, %v", named, err)
	}
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What names no cluster is refused with its line, the first one too.
func TestNamesThatAreRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "names.csv")
	for text, want := range map[string]string{
		"0,a\n9,b\n":        `line 2: cluster "9": want a number from 0 to 3`,
		"0,a\n1,b\x1bc\n":   `line 2: the name "b\x1bc" has control characters`,
		"0,a\nb,c\n":        `line 2: cluster "b"`,
		"1,a\n1,b\n":        "line 2: cluster 1 is named a second time",
		"0\n":               "line 1: want a cluster's number and its name, such as 3,dogs",
		"0,a,b\n":           "line 1: want a cluster's number and its name",
		"0,\"a\" b\n":       "line 1: extraneous or missing",
		"0,12\" pipes\n":    "line 1: bare",
		"0.0,x\n1,y\n":      `line 1: cluster "0.0": want a number from 0 to 3, or a header such as cluster,name`,
		"O,zero\n1,y\n":     `line 1: cluster "O"`,
		"#0,x\n1,y\n":       `line 1: cluster "#0"`,
		"cat,3\n1,y\n":      `line 1: cluster "cat"`,
		"":                  "names no cluster: want lines with a cluster's number and its name",
		"cluster,name\n\n":  "names no cluster",
		"0,caf\xe9\n":       "line 1 is not UTF-8 text: save the file as UTF-8",
		"0,a\n2,\"b\n3,c\n": "line 2: a quoted cell does not end",
		"0,a\x00\n":         "not a text",
	} {
		write(t, file, text)
		if _, err := ReadNamed(file, 4); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: %v does not say %q", text, err, want)
		}
	}
	if _, err := ReadNamed(file+"-nowhere", 4); err == nil {
		t.Error("a file that is not there is read")
	}
}
