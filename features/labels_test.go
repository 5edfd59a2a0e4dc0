package features

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iconic/internal/npy"
	"iconic/internal/sharedtest"
	"iconic/report"
)

func TestReadLabels(t *testing.T) {
	const none = report.NoLabel
	for _, c := range []struct {
		name, text string
		labels     []int
		classes    []string
		err        string
	}{
		{"numbers", "0\n2\n1\n", []int{0, 2, 1}, []string{"0", "1", "2"}, ""},
		{"no label", "0\n-1\n1", []int{0, none, 1}, []string{"0", "1"}, ""},
		{"names", "owl\r\ncat\r\nowl\r\n", []int{1, 0, 1}, []string{"cat", "owl"}, ""},
		{"names and numbers", "7\ncat\n7\n", []int{0, 1, 0}, []string{"7", "cat"}, ""},
		{"numbers below an unknown name", "animal\n0\n1\n0\n", []int{0, 1, 0}, []string{"0", "1"}, ""},
		{"an unknown name above names", "animal\nowl\ncat\nowl\n", nil, nil, "holds 4 labels for 3 rows"},
		{"an unknown name in the place of a label", "animal\nowl\nowl\n", nil, nil, "may be the name of the column"},
		{"a known name, and a row too few", "label\nowl\ncat\n", nil, nil, "holds 2 labels for 3 rows"},
		{"a class named like a column", "image\ntext\nimage\n", []int{0, 1, 0}, []string{"image", "text"}, ""},
		{"an empty line is no label", "label\nowl\n\ncat\n", []int{1, none, 0}, []string{"cat", "owl"}, ""},
		{"a byte order mark", "\ufefflabel,path\r\nowl,a.jpg\r\ncat,b.jpg\r\nowl,c.jpg\r\n", []int{1, 0, 1}, []string{"cat", "owl"}, ""},
		{"UTF-16", "\xff\xfel\x00a\x00b\x00e\x00l\x00\n\x00x\x00\n\x00y\x00\n\x00x\x00", []int{0, 1, 0}, []string{"x", "y"}, ""},
		{"UTF-16 that was cut", "\xff\xfex\x00\n\x00y\x00\n", nil, nil, "is in UTF-16 and ends within a character"},
		{"UTF-16 with zeros", "\xfe\xff\x00x\x00\n\x00\x00\x00\n\x00y", nil, nil, "it contains zero bytes"},
		{"UTF-32", "\xff\xfe\x00\x00x\x00\x00\x00\n\x00\x00\x00", nil, nil, "it is in UTF-32: save it as UTF-8"},
		{"UTF-32, the other way", "\x00\x00\xfe\xff\x00\x00\x00x", nil, nil, "it is in UTF-32: save it as UTF-8"},
		{"zeros after a byte order mark", "\xef\xbb\xbfx\x00\ny\nx\n", nil, nil, "it contains zero bytes"},
		{"another kind of file", "PK\x03\x04\x00", nil, nil, "not a text: it contains zero bytes: save labels as a text, or with numpy.save in a .npy file"},
		{"lines that end as on an old Mac", "label\rx\ry\rx\r", []int{0, 1, 0}, []string{"x", "y"}, ""},
		{"bytes of another encoding", "label\nx\n\xe9t\xe9\nx\n", nil, nil, `has a label in row 1 that is not UTF-8 ("\xe9t\xe9")`},
		{"semicolons", "path;label\na.jpg;owl\nb.jpg;cat\nc.jpg;owl\n", []int{1, 0, 1}, []string{"cat", "owl"}, ""},
		{"semicolons and decimal commas", "path;score;label\na.jpg;0,5;owl\nb.jpg;0,25;cat\nc.jpg;1,0;owl\n", []int{1, 0, 1}, []string{"cat", "owl"}, ""},
		{"tabs", "label\tpath\nowl\ta.jpg\ncat\tb.jpg\nowl\tc.jpg\n", []int{1, 0, 1}, []string{"cat", "owl"}, ""},
		{"target and split", "path,target,split\na.jpg,owl,val\nb.jpg,cat,train\nc.jpg,owl,val\n", []int{1, 0, 1}, []string{"cat", "owl"}, ""},
		{"no known column", "path,breed,size\na.jpg,owl,1\nb.jpg,cat,2\nc.jpg,owl,3\n", nil, nil, "none of the 3 columns is called \"label\""},
		{"two columns of labels", "class,target\nowl,1\ncat,1\nowl,2\n", nil, nil, "contradict each other"},
		{"two columns of one name", "label,Label\nowl,1\ncat,1\nowl,2\n", nil, nil, "it has 2 columns called label, which contradict each other: keep one"},
		{"two columns of one name that agree", "label,label\nowl,1\ncat,0\nowl,1\n", []int{1, 0, 1}, []string{"cat", "owl"}, ""},
		{"numbers of classes and their names", "class,class_id\nowl,1\ncat,0\nowl,1\n", []int{1, 0, 1}, []string{"cat", "owl"}, ""},
		{"from 1, with a gap", "1\n12\n3\n", []int{0, 2, 1}, []string{"1", "3", "12"}, ""},
		{"whole numbers with a point", "1.0\n-1.0\n2.0\n", []int{0, none, 1}, []string{"1", "2"}, ""},
		{"as NumPy writes numbers", "1.000000000000000000e+01\nnan\n1.000000000000000000e+00\n", []int{1, none, 0}, []string{"1", "10"}, ""},
		{"an underscore", "1_0\n10\n1_0\n", []int{1, 0, 1}, []string{"10", "1_0"}, ""},
		{"a leading zero", "01\n1\n2\n", []int{0, 1, 2}, []string{"01", "1", "2"}, ""},
		{"an exponent that may be a name", "1e3\n1000\n-1\n", []int{1, 0, none}, []string{"1000", "1e3"}, ""},
		{"a giant", "0\n1\n99999999999\n", []int{0, 1, 2}, []string{"0", "1", "99999999999"}, ""},
		{"a matrix by another name", "\x93NUMPY\x01\x00", nil, nil, "not a text"},
		{"the last column", "a.jpg,1\nb.jpg,0\nc.jpg,1\n", []int{1, 0, 1}, []string{"0", "1"}, ""},
		{"the column with that name", "path,Label,size\na.jpg,x,100\nb.jpg,,20\n\"c,1.jpg\",y,3\n", []int{0, none, 1}, []string{"x", "y"}, ""},
		{"too few", "0\n", nil, nil, "holds 1 label for 3 rows"},
		{"too many", "0\n1\n0\n1\n1\n", nil, nil, "holds 5 labels for 3 rows"},
		{"empty", "", nil, nil, "holds 0 labels for 3 rows"},
		{"quotes around a part of a cell", "path,caption,label\na.jpg,disc,0\nb.jpg,\"5\" disk,1\nc.jpg,disc,0\n", nil, nil, "line 3: a cell in quotes goes on after its second quote"},
		{"ragged", "a,0\nb\nc,1\n", nil, nil, "put cells that contain a separator in quotes"},
	} {
		t.Run(c.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "labels.csv")
			if err := os.WriteFile(name, []byte(c.text), 0o644); err != nil {
				t.Fatal(err)
			}
			labels, classes, err := ReadLabels(name, 3)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v, want %q", err, c.err)
				}
				return
			}
			if err != nil || !slices.Equal(labels, c.labels) || !slices.Equal(classes, c.classes) {
				t.Errorf("%v of %q, %v; want %v of %q", labels, classes, err, c.labels, c.classes)
			}
		})
	}
}

func TestALabelForEachRowIsNone(t *testing.T) {
	name := filepath.Join(t.TempDir(), "labels.csv")
	var text strings.Builder
	for i := range manyRows {
		fmt.Fprintf(&text, "img/%d.jpg %d\n", i, i%2)
	}
	if err := os.WriteFile(name, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadLabels(name, manyRows); err == nil || !strings.Contains(err.Error(), "a different label") || !strings.Contains(err.Error(), "in a column that its first line calls") {
		t.Errorf("error %v", err)
	}
	numbers := make([]float32, manyRows)
	for i := range numbers {
		numbers[i] = float32(i)
	}
	name = filepath.Join(t.TempDir(), "labels.npy")
	if err := npy.Write(name, []int{manyRows}, numbers); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ReadLabels(name, manyRows); err == nil || !strings.Contains(err.Error(), "a different label") || strings.Contains(err.Error(), "column") {
		t.Errorf("a matrix, which has no columns with names: %v", err)
	}
}

func TestTheReferenceLabelFiles(t *testing.T) {
	for file, want := range map[string]string{
		"labels_full.csv": "", "labels_bom.csv": "", "labels_target.csv": "", "labels_semicolon.csv": "",
		"labels_one_missing.csv": "holds 119 labels for 120 rows",
	} {
		_, classes, err := ReadLabels(sharedtest.Path(t, "cases", "labels-file", file), 120)
		if want == "" && (err != nil || len(classes) != 4) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: classes %q, error %v, want %q", file, classes, err, want)
		}
	}
}
