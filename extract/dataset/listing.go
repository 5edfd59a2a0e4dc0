package dataset

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"iconic/internal/table"
)

// listing is the content of a list.
type listing struct {
	rows     []row
	comments []string // lines that begin with # and do not name a file
	unknown  []string // unrecognised columns

	completed int // number of rows whose paths lacked their extension

	classesBy string // a column without a known name that can only hold classes
	header    string // the first line of a single column, dropped as its unknown name
}

// row is one image of a list.
type row struct{ path, label, split string }

// readList reads a list. file reports whether a file with that name exists, and folder whether a folder does. Blanks around a path are part
// of it only if a file has such a name.
func readList(content []byte, extension string, file, folder func(name string) bool) (*listing, error) {
	lines, err := table.Lines(content)
	if err != nil {
		return nil, err
	}
	lines = slices.DeleteFunc(lines, func(l table.Line) bool { return strings.TrimSpace(l.Text) == "" })
	lines, separator := table.Declared(lines)
	all := readings(extension)
	if separator != 0 {
		all = []reading{separated(separator)}
	}
	exists := func(cell string) bool { return file(cell) || trims(cell) && file(strings.TrimSpace(cell)) }
	r, column, err := choose(lines, all, exists)
	if err != nil {
		return nil, err
	}
	l, t, err := r.rows(lines, func(cells []string) bool { return column >= 0 && column < len(cells) && exists(cells[column]) })
	if err != nil || len(t.Rows) == 0 {
		return l, err
	}
	if column >= t.Column { // only comments had that many cells
		column = -1
	}
	if isHeader(t, column, exists, folder) {
		if t.Column == 1 && table.KindOf(t.Rows[0][0]) == table.Unknown {
			l.header = t.Rows[0][0]
		}
		t.NameColumns()
	}
	return l, l.fill(t, column, file)
}

// isHeader reports whether the first row names columns: it contains a known name, or it names no file while other rows do. The name of an
// image is no header, even if the file is gone, nor that of a folder, unless it is also a known name; and what other rows repeat is no name.
func isHeader(t *table.Table, file int, exists, folder func(string) bool) bool {
	first := t.Rows[0]
	is := func(kinds ...table.Kind) bool {
		return slices.ContainsFunc(first, func(c string) bool { return slices.Contains(kinds, table.KindOf(c)) })
	}
	if file < 0 {
		return is(table.Path, table.Label, table.Split)
	}
	name := strings.TrimSpace(first[file])
	word, _, _ := strings.Cut(name, " ") // of a path and a class of several words
	switch {
	case exists(first[file]) || table.IsImage(name) || table.IsImage(word):
		return false
	case table.KindOf(name) == table.Path: // although a folder may be called images
		return t.Column > 1 || !folder(name)
	case repeated(t):
		return false
	case folder(name):
		return is(table.Label, table.Split)
	case is(table.Path, table.Label, table.Split):
		return true
	}
	return len(t.Rows) > 1 && !strings.ContainsAny(name, `/\`)
}

// repeated reports whether a cell of the first row occurs again in its column, in another row than a copy of the first.
func repeated(t *table.Table) bool {
	first := t.Rows[0]
	return slices.ContainsFunc(t.Rows[1:], func(row []string) bool {
		same := 0
		for c, cell := range row {
			if strings.TrimSpace(cell) != "" && cell == first[c] {
				same++
			}
		}
		return same > 0 && !slices.Equal(row, first)
	})
}

// fill makes rows from the cells of a table, with paths in the given column; −1: the column with a known name, or else the first. exists
// reports whether a file has exactly that name.
func (l *listing) fill(t *table.Table, file int, exists func(name string) bool) (err error) {
	label, split := -1, -1
	if t.Header != nil {
		if file < 0 {
			if file, err = t.Find(table.Path, "path"); err != nil {
				return err
			}
		}
		if label, err = t.Find(table.Label, "label"); err != nil {
			return err
		}
		if split, err = t.Find(table.Split, "split"); err != nil {
			return err
		}
	}
	file = max(file, 0)
	if t.Header == nil && t.Column > 1 {
		switch {
		case file == 0 || t.Column == 3 && file == 2: // path and label; MXNet's number, label and path
			label = 1
		case t.Column == 2 && !counts(t, 0): // a class before a path, unless it is the row's number, as in CUB-200
			label = 0
		}
	}
	if t.Header != nil && label < 0 {
		if label = onlyClasses(t, file, split); label >= 0 {
			l.classesBy = t.Header[label]
		}
	}
	for c := range t.Column {
		if c != file && c != label && c != split && !counts(t, c) {
			name := fmt.Sprint(c + 1)
			if t.Header != nil {
				name = cmp.Or(t.Header[c], name)
			}
			l.unknown = append(l.unknown, name)
		}
	}
	for i, cells := range t.Rows {
		r := row{path: cells[file]}
		if trims(r.path) && !exists(r.path) {
			r.path = strings.TrimSpace(r.path)
		}
		if r.path == "" {
			return fmt.Errorf("line %d has no path", t.Line[i])
		}
		if label >= 0 {
			if r.label = strings.TrimSpace(cells[label]); !utf8.ValidString(r.label) {
				return fmt.Errorf("line %d: the class %q is not UTF-8: save the list as UTF-8", t.Line[i], r.label)
			}
		}
		if split >= 0 {
			r.split = strings.TrimSpace(cells[split])
		}
		l.rows = append(l.rows, r)
	}
	return nil
}

// counts reports whether a column only numbers the rows in order, from 0 or 1.
func counts(t *table.Table, column int) bool {
	for i, cells := range t.Rows {
		n, err := strconv.Atoi(strings.TrimSpace(cells[column]))
		first, _ := strconv.Atoi(strings.TrimSpace(t.Rows[0][column]))
		if err != nil || first < 0 || first > 1 || n != first+i {
			return false
		}
	}
	return len(t.Rows) > 2
}

// onlyClasses finds the only column besides path and split, if its cells are words and some of them repeat; otherwise −1.
func onlyClasses(t *table.Table, path, split int) int {
	found := -1
	for c := range t.Column {
		if c == path || c == split || counts(t, c) {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = c
	}
	if found < 0 {
		return -1
	}
	seen := map[string]bool{}
	for _, cell := range t.Cells(found) {
		if _, err := strconv.ParseFloat(cell, 64); err == nil {
			return -1
		}
		seen[cell] = true
	}
	if len(seen) < 2 || 2*len(seen) > len(t.Rows) {
		return -1
	}
	return found
}

// byNumber orders names by value if all are whole numbers, so that label 10 follows 9; otherwise byte by byte.
func byNumber(names []string) func(a, b string) int {
	for _, name := range names {
		if _, err := strconv.Atoi(name); err != nil && name != "" {
			return strings.Compare
		}
	}
	return func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
	}
}
