package features

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iconic/internal/npy"
	"iconic/report"
)

// doubles writes a float64 array.
func doubles(t *testing.T, name, shape string, x ...float64) string {
	t.Helper()
	d := fmt.Sprintf("{'descr': '<f8', 'fortran_order': False, 'shape': %s}", shape)
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(d)), byte(len(d)>>8))
	b = append(b, d...)
	for _, v := range x {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	name = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// What float32 loses of a float64 matrix is said of the numbers in the file, not of those that it leaves.
func TestMatricesThatFloat32CannotHold(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	rows := func(offset, scale float64) []float64 {
		var x []float64
		for i := range 12 {
			x = append(x, offset+scale*float64(i%5), offset+scale*float64(i*i))
		}
		return x
	}
	inf := rows(0, 1)
	inf[7] = math.Inf(1)
	constant := rows(0, 1)
	for i := range 12 {
		constant[2*i] = 1 + float64(i%2)*0x1p-52
	}
	for _, c := range []struct {
		name      string
		x         []float64
		err, note string
	}{
		{"ordinary", rows(0, 1), "", ""},
		{"an offset", rows(100, 1), "", ""},
		{"a large offset", rows(1e7, 1), "", "is read as float32, which has fewer than 256 steps in the range of 2 of 2 columns (such as column 0, from 10000000 to 10000004)"},
		{"a huge offset", rows(1e12, 1), "as float32 all rows are the same, although as float64 they differ by up to 121: subtract the mean", ""},
		{"too large", rows(0, 1e40), "row 0 has the number 1e+40, and float32 holds none above 3.4e+38: divide the matrix", ""},
		{"too small", rows(0, 1e-50), "as float32 all rows are the same", ""},
		{"not finite", inf, "", ""}, // that is said when it is read
		{"a column of one number, rounded", constant, "", ""},
	} {
		x := c.x
		if c.name == "too large" {
			x[0] = 1e40
		}
		set, err := Open(doubles(t, "x.npy", "(12, 2)", x...), "")
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.err)
		}
		if err != nil {
			continue
		}
		if notes := strings.Join(set.Notes, "\n"); !strings.Contains(notes, c.note) || (notes == "") != (c.note == "") {
			t.Errorf("%s: notes %q, want %q", c.name, notes, c.note)
		}
		set.Close()
	}
}

func TestWhatIsNoMatrixIsSaidSo(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	folder := t.TempDir()
	text := filepath.Join(folder, "x.csv")
	capitals := filepath.Join(folder, "X.NPY")
	if err := os.WriteFile(text, []byte("1,2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := npy.Write(capitals, []int{2, 2, 2}, make([]float32, 8)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		text:                                     "is neither a feature store, which is a folder, nor a .npy file: save the matrix with numpy.save",
		filepath.Join(folder, "none"):            "it does not exist",
		doubles(t, "one.npy", "(1, 2, 1)", 1, 2): "shape [1 2 1] has a single row: remove the first dimension with numpy.squeeze",
	} {
		if _, err := Open(name, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", name, err, want)
		}
	}
	if _, err := Open(text, text); err == nil || !strings.Contains(err.Error(), "is neither a feature store") {
		t.Errorf("with labels: error %v", err)
	}
	set, err := Open(capitals, "")
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	if !set.Unnamed || len(set.Notes) != 1 || !strings.Contains(set.Notes[0], "shape [2 2 2] is read as 2 rows of 4 numbers") {
		t.Errorf("%v, notes %q", set.Unnamed, set.Notes)
	}
}

// A vector is no matrix: it may be labels, or one image.
func TestAVectorOfFeatures(t *testing.T) {
	name := doubles(t, "features.npy", "(4,)", 1, 2, 3, 4)
	if _, err := Open(name, ""); err == nil || !strings.Contains(err.Error(), "shape (4,) has one dimension, and features are a matrix: give one row per image, as shape (4, 1)") {
		t.Errorf("error %v", err)
	}
}

// Labels belong to rows by their order; what else a file says about that is told, or refused if it contradicts.
func TestColumnsBesideLabels(t *testing.T) {
	for _, c := range []struct{ name, text, note, err string }{
		{"a path", "path,label\nb.jpg,x\na.jpg,y\nc.jpg,x\n", `labels belong to rows by their order; its column "path" is not used`, ""},
		{"several", "path,label,split\nb.jpg,x,val\na.jpg,y,val\nc.jpg,x,val\n", `2 columns are not used (such as "path")`, ""},
		{"without a header", "b.jpg,x\na.jpg,y\nc.jpg,x\n", "its column 1 is not used", ""},
		{"numbers in order", "id,label\n1,x\n2,y\n3,x\n", "", ""},
		{"as pandas writes them", ",label\n0,x\n1,y\n2,x\n", "", ""},
		{"numbers in another order", "id,label\n2,x\n0,y\n1,x\n", "", `its column "id" numbers the rows in another order than that of the lines: sort the lines by it, or remove it`},
		{"pandas in another order", ",label\n2,x\n0,y\n1,x\n", "", `its column 1 numbers the rows in another order`},
		{"a key in another order", "key,label\n2,x\n0,y\n1,x\n", "", `its column "key" numbers the rows in another order`},
		{"numbers of something else", "id,label\n17,x\n3,y\n5,x\n", `its column "id" is not used`, ""},
		{"a rank", "rank,label\n2,x\n0,y\n1,x\n", `its column "rank" is not used`, ""},
		{"labels alone", "x\ny\nx\n", "", ""},
		{"labels that differ in what is not seen", "disc\ndi\u200bsc\n\ufeffrings\n", "2 labels whose names differ only in their Unicode form, in invisible characters or in blanks at an end (such as \"disc\" and \"di\\u200bsc\")", ""},
		{"labels that are missing values elsewhere", "NA\na\nNA\n", "labels called like a missing value, which count as classes: 2 (2 \"NA\"); leave the cells empty if they have no label", ""},
		{"several such labels", "None\na\nN/A\n", "which count as classes: 2 (1 \"N/A\", 1 \"None\"); leave", ""},
		{"one number, written differently", "01\n1\n1\n", "classes that are one number written differently: 2 (such as \"01\" and \"1\")", ""},
		{"labels that look alike", "caf\u00e9\ncafe\u0301\ncaf\u00e9\n", "2 labels whose names differ only in their Unicode form", ""},
		{"a line of many cells", strings.Repeat("cat,", 5000) + "cat\n", "", `(the first line has "cat" "cat" "cat" "cat" "cat" "cat" and 4995 more)`},
	} {
		name := filepath.Join(t.TempDir(), "labels.csv")
		if err := os.WriteFile(name, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, notes, err := readLabels(name, 3)
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.err)
		}
		if note := strings.Join(notes, "\n"); !strings.Contains(note, c.note) || (note == "") != (c.note == "") {
			t.Errorf("%s: notes %q, want %q", c.name, note, c.note)
		}
	}
	nan := math.NaN()
	labels, classes, err := ReadLabels(doubles(t, "labels.npy", "(4,)", 1, nan, 0, -1), 4)
	if err != nil || fmt.Sprint(labels, classes) != fmt.Sprint([]int{1, report.NoLabel, 0, report.NoLabel}, []string{"0", "1"}) {
		t.Errorf("%v of %q, %v", labels, classes, err)
	}
}

// Of many rows, a column that has each number once is their numbering, whatever its name.
func TestAnotherOrderOfManyRows(t *testing.T) {
	for header, want := range map[string]string{"rank,label": `column "rank" numbers the rows in another order`, ",label": "column 1 numbers the rows in another order", "score,label": ""} {
		text := header + "\n"
		for i := range manyRows {
			number := 1 + (7*i+3)%manyRows
			if strings.HasPrefix(header, "score") && i == 0 { // one is there twice
				number++
			}
			text += fmt.Sprintf("%d,%c\n", number, 'x'+rune(i%2))
		}
		name := filepath.Join(t.TempDir(), "labels.csv")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, _, notes, err := readLabels(name, manyRows)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", header, err, want)
		}
		if err == nil && !strings.Contains(strings.Join(notes, "\n"), `its column "score" is not used`) {
			t.Errorf("%q: notes %q", header, notes)
		}
	}
}

// A set that was closed cannot be read, which is an error.
func TestClosedSet(t *testing.T) {
	name := filepath.Join(t.TempDir(), "x.npy")
	if err := npy.Write(name, []int{3, 2}, []float32{1, 2, 3, 4, 5, 6}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(name, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	row := make([]float32, 2)
	for what, err := range map[string]error{"block": s.Block(row, 0, 1), "gather": s.Gather(row, []int32{1})} {
		if err == nil || !strings.Contains(err.Error(), name+": the file is closed") {
			t.Errorf("%s: error %v", what, err)
		}
	}
}
