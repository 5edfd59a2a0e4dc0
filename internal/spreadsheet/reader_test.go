package spreadsheet

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// What was written is read, whatever is in the cells.
func TestCellsSurvive(t *testing.T) {
	cell := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"\r", "\n", "\r\n", `"`, ",", " ", "a", "=", "'", `\.`, "é", "\xff", "\x00", "\ufeff"}), 0, 6).Draw(t, "parts"), "")
	})
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(2, 4).Draw(t, "columns")
		rows := rapid.SliceOfN(rapid.SliceOfN(cell, columns, columns), 1, 5).Draw(t, "rows")
		safe := rapid.Bool().Draw(t, "safe")
		rows[0][0] = "path" // a table has names of columns first, so that a byte order mark before them is none of its cells
		var b bytes.Buffer
		w := NewWriter(&b, safe)
		for _, row := range rows {
			if err := w.Write(slices.Clone(row)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		for _, from := range []io.Reader{bytes.NewReader(b.Bytes()), strings.NewReader("\ufeff" + b.String()), iotest.OneByteReader(bytes.NewReader(b.Bytes()))} {
			got, err := NewReader(from).ReadAll()
			if err != nil {
				t.Fatalf("%q: %v", b.String(), err)
			}
			for _, row := range got {
				for k := range row {
					if safe {
						row[k] = Plain(row[k])
					}
				}
			}
			if !slices.EqualFunc(got, rows, slices.Equal) {
				t.Fatalf("%q became %q through %q", rows, got, b.String())
			}
		}
	})
}

// Lines of a file that another program has saved may end in a carriage return and a line feed.
func TestLinesEndAsOthersEndThem(t *testing.T) {
	got, err := NewReader(strings.NewReader("a,b\r\n\"c\r\nd\",\"e\"\r\n\r\nf,g\r")).ReadAll()
	if want := [][]string{{"a", "b"}, {"c\r\nd", "e"}, {"f", "g"}}; err != nil || !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
	broken := errors.New("broken")
	if _, err := NewReader(io.MultiReader(strings.NewReader("a,b\n"), iotest.ErrReader(broken))).ReadAll(); !errors.Is(err, broken) {
		t.Errorf("an error of the file: %v", err)
	}
}
