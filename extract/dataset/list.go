package dataset

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"iconic/internal/parallel"
	"iconic/internal/regular"
	"iconic/internal/table"
)

// listPaths reads a list of paths, relative to the list's folder or absolute, with or without labels. Its first lines decide how to parse
// it: the right reading yields names of existing files.
func (s *Set) listPaths(ctx context.Context, from LabelsFrom) error {
	content, err := regular.Read(s.Root)
	if err != nil {
		return fmt.Errorf("list: %w", err)
	}
	l, err := s.readListed(content)
	if err != nil {
		return fmt.Errorf("list %s: %w", s.Root, err)
	}
	names := make([]string, 0, len(l.rows))
	labelled := false
	for _, row := range l.rows {
		split := splitNames[strings.ToLower(row.split)]
		if split == "" && row.split != "" {
			s.pass(unknownSplits, row.split)
		}
		s.Items = append(s.Items, Item{
			Path: path.Clean(filepath.ToSlash(s.slashed(row.path))), Label: -1, Split: split, source: s.listed(row.path), container: -1,
		})
		names = append(names, row.label)
		labelled = labelled || row.label != ""
	}
	for _, line := range l.comments {
		s.pass(comments, line)
	}
	for _, name := range l.unknown {
		s.pass(unknownColumns, name)
	}
	s.classesBy, s.completed, s.header = l.classesBy, l.completed, l.header
	if s.labelled = labelled && from != None; s.labelled {
		table.WholeNumbers(names)
		s.label(names, byNumber(names))
	}
	if err := s.stat(ctx); err != nil {
		return err
	}
	return s.otherForms()
}

// readListed parses a list by looking for the files it names. If it finds none, the names may be those of images without their extensions,
// as competitions publish them, or be in another Unicode form; otherwise the list is refused, since its paths are relative to a folder other
// than its own.
func (s *Set) readListed(content []byte) (*listing, error) {
	extension := filepath.Ext(s.Root)
	there := func(name string) bool { return isFile(s.listed(name)) }
	folder := func(name string) bool { return isFolder(s.listed(name)) }
	l, err := readList(content, extension, there, folder)
	if err != nil || len(l.rows) == 0 || slices.ContainsFunc(l.rows, func(r row) bool { return there(r.path) }) {
		return l, err
	}
	known := folders{}
	byName, err := readList(content, extension, func(name string) bool {
		return known.images(s.listed(name)) != nil || known.forms(s.listed(name)) != nil
	}, folder)
	if err != nil {
		return nil, err
	}
	found := false
	for i, r := range byName.rows {
		switch full := known.images(s.listed(r.path)); len(full) {
		case 0:
			found = found || known.forms(s.listed(r.path)) != nil
		case 1:
			byName.rows[i].path = path.Join(path.Dir(s.slashed(r.path)), full[0])
			byName.completed++
		default:
			return nil, fmt.Errorf("%q may be %q or %q: write the extension", r.path, full[0], full[1])
		}
	}
	if byName.completed == 0 && !found {
		return nil, s.noneThere(l, known)
	}
	return byName, nil
}

// noneThere is the error for a list none of whose files exist. It says if that may be since blanks separate its columns, and names a folder beside the
// list that contains one of the files.
func (s *Set) noneThere(l *listing, known folders) error {
	if err := s.byBlanks(l, known); err != nil {
		return err
	}
	some := l.rows[len(l.rows)-1].path // not the first line, which may be a header
	none := fmt.Errorf("no line names an existing file (such as %q); paths are relative to the folder of the list", some)
	entries, err := os.ReadDir(filepath.Dir(s.Root))
	if err != nil || filepath.IsAbs(filepath.FromSlash(some)) {
		return none
	}
	for _, e := range entries {
		if below := path.Join(e.Name(), some); e.IsDir() && (isFile(s.listed(below)) || known.images(s.listed(below)) != nil) {
			return fmt.Errorf("%w, and this one is in the folder %q: move the list there, or write %q", none, e.Name(), below)
		}
	}
	return none
}

// byBlanks is the error for a list that seems to have several columns after the path, separated by blanks, as those of CelebA, the Oxford pets and Caffe for several labels:
// the first word of its last line is a file, or called as an image, or numbers follow it.
func (s *Set) byBlanks(l *listing, known folders) error {
	const most, above = 50, 2 // lines to look at, and lines that may stand above a table
	rows := l.rows[max(0, len(l.rows)-most):]
	end := rows[len(rows)-1]
	last := strings.TrimSpace(end.path + " " + end.label)
	cells := strings.Fields(last)
	alike := 0
	for _, r := range rows {
		if len(strings.Fields(r.path))+len(strings.Fields(r.label)) == len(cells) {
			alike++
		}
	}
	if len(cells) < 3 || alike < len(rows)-above {
		return nil
	}
	first := cells[0]
	number := func(cell string) bool { _, err := strconv.ParseFloat(cell, 64); return err == nil }
	if !isFile(s.listed(first)) && known.images(s.listed(first)) == nil && !table.IsImage(first) &&
		slices.ContainsFunc(cells[1:], func(cell string) bool { return !number(cell) }) {
		return nil
	}
	return fmt.Errorf("its lines seem to have %d columns separated by blanks (such as %q), of which only a path and one label can be read: separate them by commas or tabs, "+
		"below a header line that calls two of them path and label, or keep only those two", len(cells), last)
}

// listed is the path of the file that a list names.
func (s *Set) listed(name string) string { return s.beside(s.slashed(name)) }

// beside is a path relative to the list's folder, unless it is absolute.
func (s *Set) beside(name string) string {
	if name = filepath.FromSlash(name); filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(s.Root), name)
}

// slashed replaces backslashes, as Windows has them, by slashes if a file exists only under that name.
func (s *Set) slashed(name string) string {
	if !strings.Contains(name, `\`) || isFile(s.beside(name)) {
		return name
	}
	if other := strings.ReplaceAll(name, `\`, "/"); isFile(s.beside(other)) {
		return other
	}
	return name
}

// isFile reports whether the name exists and is not a folder.
func isFile(name string) bool {
	stat, err := os.Stat(name)
	return err == nil && !stat.IsDir()
}

func isFolder(name string) bool {
	stat, err := os.Stat(name)
	return err == nil && stat.IsDir()
}

// stat sets size and stamp of items that are files of their own. A file that has vanished since keeps zeros, and fails when it is read.
func (s *Set) stat(ctx context.Context) error {
	return parallel.Blocks(ctx, 0, len(s.Items), 1024, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			item := &s.Items[i]
			if stat, err := os.Stat(s.file(item)); err == nil {
				item.Size, item.modified = stat.Size(), stampOf(stat)
			}
		}
		return nil
	})
}

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

// reading is a way to split a line into cells.
type reading struct {
	cut   func(table.Line) ([]string, error)
	equal bool // all lines have equally many cells
}

func separated(by rune) reading {
	return reading{cut: func(l table.Line) ([]string, error) { return l.Cells(by) }, equal: true}
}

func wholeLine(l table.Line) ([]string, error) { return []string{l.Text}, nil }

// atLastBlank splits a path and a number as Caffe writes them. A blank beside a separator belongs to that.
func atLastBlank(l table.Line) ([]string, error) {
	text := strings.TrimRight(l.Text, " ")
	if i := strings.LastIndexByte(text, ' '); i > 0 {
		name, label := strings.TrimRight(text[:i], " "), text[i+1:]
		if !strings.ContainsAny(lastOf(name)+label[:1]+lastOf(label), table.Separators) {
			return []string{name, label}, nil
		}
	}
	return []string{l.Text}, nil
}

// lastOf is the last byte of a text; "" if it has none.
func lastOf(text string) string { return text[max(0, len(text)-1):] }

// readings are the ways to read a list with a given extension; among those that yield equally many files, the first is used.
func readings(extension string) []reading {
	at := separated
	whole, blank := reading{cut: wholeLine}, reading{cut: atLastBlank}
	switch strings.ToLower(extension) {
	case ".csv":
		return []reading{at(','), at(';'), at('\t'), at('|'), whole, blank}
	case ".tsv":
		return []reading{at('\t'), at(','), at(';'), at('|'), whole, blank}
	}
	return []reading{at('\t'), whole, at(','), at(';'), at('|'), blank}
}

// firstLines is the number of lines used to decide how a list is read. If none of them names a file, the next ones are used, in blocks of up
// to mostLines.
const (
	firstLines = 50
	mostLines  = 1 << 12
)

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

// trims reports whether there are blanks around a cell.
func trims(cell string) bool { return strings.TrimSpace(cell) != cell }

// rows splits lines into rows of equally many cells, apart from comments. names reports whether cells name a file.
func (r reading) rows(lines []table.Line, names func(cells []string) bool) (*listing, *table.Table, error) {
	l, t := &listing{}, &table.Table{}
	for _, line := range lines {
		cells, err := r.cut(line)
		comment := strings.HasPrefix(line.Text, "#")
		if err != nil && !comment {
			return nil, nil, err
		}
		first := len(t.Rows) == 0
		header := first && slices.ContainsFunc(cells, func(c string) bool { return table.KindOf(c) != table.Unknown })
		if comment && !header && !names(cells) {
			l.comments = append(l.comments, line.Text)
			continue
		}
		if !first && r.equal {
			if cells, err = fitted(cells, line.Number, t); err != nil {
				return nil, nil, err
			}
		}
		t.Rows, t.Line, t.Column = append(t.Rows, cells), append(t.Line, line.Number), max(t.Column, len(cells))
	}
	const most = 1 << 22 // cells, for lists in which most lines have far fewer than the longest
	if given := cellsOf(t.Rows); t.Column > max(most, 16*given)/max(1, len(t.Rows)) {
		return nil, nil, fmt.Errorf("one line has %d cells, but the %d lines together have %d: all lines must separate their cells in the same way", t.Column, len(t.Rows), given)
	}
	for i, cells := range t.Rows {
		t.Rows[i] = append(cells, make([]string, t.Column-len(cells))...)
	}
	return l, t, nil
}

// fitted refuses a line that has more or fewer cells than the table's first row. Empty cells at the end do not count; those beyond the first
// row's are removed.
func fitted(cells []string, line int, t *table.Table) ([]string, error) {
	first := t.Rows[0]
	both := min(len(cells), len(first))
	filled := func(c string) bool { return strings.TrimSpace(c) != "" }
	if slices.ContainsFunc(cells[both:], filled) || slices.ContainsFunc(first[both:], filled) {
		return nil, table.Ragged(line, len(cells), t.Line[0], len(first))
	}
	return cells[:both], nil
}

// cellsOf counts the cells of rows.
func cellsOf(rows [][]string) (n int) {
	for _, cells := range rows {
		n += len(cells)
	}
	return n
}

// choose finds the reading that yields the most existing files, and the column that names them; −1 if none exists. It looks at no more lines
// than it needs to find one.
func choose(lines []table.Line, all []reading, exists func(string) bool) (_ reading, file int, err error) {
	best, file, again := all[0], -1, -1
	for lo, n := 0, firstLines; file < 0 && lo < len(lines); lo, n = lo+n, min(2*n, mostLines) {
		best, file, again = mostFiles(lines[lo:min(lo+n, len(lines))], all, exists)
	}
	if again < 0 {
		return best, file, nil
	}
	if cells, err := best.cut(lines[0]); err == nil && file < len(cells) && again < len(cells) {
		switch first, second := table.KindOf(cells[file]) == table.Path, table.KindOf(cells[again]) == table.Path; {
		case first != second && first:
			return best, file, nil
		case first != second:
			return best, again, nil
		}
	}
	return reading{}, 0, fmt.Errorf("columns %d and %d both name files: add a header line that calls the right one \"path\"", file+1, again+1)
}

// mostFiles finds the reading and the column that yield the most existing files, and another column that yields as many; −1: there is none.
func mostFiles(lines []table.Line, all []reading, exists func(string) bool) (best reading, cut, again int) {
	best, cut, again = all[0], -1, -1
	known, most := map[string]bool{}, 0 // most readings share cells
	for _, r := range all {
		var count []int
		for _, line := range lines {
			cells, err := r.cut(line)
			if err != nil {
				continue // not the right reading, or reading all lines will report the error
			}
			for c, cell := range cells {
				if c == len(count) {
					count = append(count, 0)
				}
				there, seen := known[cell]
				if !seen && cell != "" {
					there = exists(cell)
					known[cell] = there
				}
				if there {
					count[c]++
				}
			}
		}
		for c, n := range count {
			switch {
			case n > most:
				best, cut, most, again = r, c, n, -1
			case n == most && n > 0 && again < 0 && len(count) > 1 && c != cut && sameReading(lines, r, best):
				again = c
			}
		}
	}
	return best, cut, again
}

// sameReading reports whether two readings split the first line alike.
func sameReading(lines []table.Line, a, b reading) bool {
	x, errX := a.cut(lines[0])
	y, errY := b.cut(lines[0])
	return errX == nil && errY == nil && slices.Equal(x, y)
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
	switch {
	case exists(first[file]) || table.IsImage(name):
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
