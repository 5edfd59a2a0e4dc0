package table

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"

	"iconic/internal/instead"
)

// Line is a row of a table that has not been split into cells.
type Line struct {
	Number int // number of its first line in the file, from 1
	Text   string
}

// longest bounds a line in bytes, including a quoted cell that spans several: names and labels are much shorter.
const longest = 1 << 20

// Lines returns the lines of a text, including empty ones; a final end of line does not begin another line. A quoted cell may contain ends
// of lines, so a Line may span several lines of the text.
func Lines(content []byte) ([]Line, error) {
	text, err := Text(content)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(text, "\n") { // as some programs on a Mac still write it
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	var lines []Line
	open := false // within quotes
	number := 0
	var joined strings.Builder // the lines of a quoted cell
	for line := range strings.Lines(text) {
		number++
		whole := strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		quotes := strings.Count(whole, `"`)
		if len(whole)+joined.Len() > longest {
			return nil, fmt.Errorf("line %d is longer than %d bytes", number, longest)
		}
		if open {
			joined.WriteString("\n")
			joined.WriteString(whole)
			if open = quotes%2 == 0; !open {
				lines[len(lines)-1].Text = joined.String()
				joined.Reset()
			}
			continue
		}
		lines = append(lines, Line{number, whole})
		if open = quotes%2 == 1 && opensQuotes(whole); open {
			joined.WriteString(whole)
		}
	}
	if open {
		return nil, fmt.Errorf("line %d: a quoted cell does not end", lines[len(lines)-1].Number)
	}
	return lines, nil
}

// opensQuotes reports whether a cell of the line begins with a quote; elsewhere a quote is an ordinary character.
func opensQuotes(line string) bool {
	for i := range len(line) {
		if line[i] == '"' && (i == 0 || strings.IndexByte(string(Separators), line[i-1]) >= 0) {
			return true
		}
	}
	return false
}

// ErrNoText is in the chain of the error for content that is no text, since it has zero bytes.
var ErrNoText = errors.New("not a text: it contains zero bytes")

// Text is the content of a text file without its byte order mark, in UTF-8 if it is in UTF-16. It fails on zero bytes, which no text has, on UTF-32, and on what
// is no table but in the place of one.
func Text(content []byte) (string, error) {
	if err := instead.Check(content); err != nil {
		return "", err
	}
	content, order := bytes.TrimPrefix(content, []byte("\xef\xbb\xbf")), binary.ByteOrder(nil)
	switch {
	case bytes.HasPrefix(content, []byte("\xff\xfe\x00\x00")), bytes.HasPrefix(content, []byte("\x00\x00\xfe\xff")):
		return "", errors.New("it is in UTF-32: save it as UTF-8")
	case bytes.HasPrefix(content, []byte("\xff\xfe")):
		order = binary.LittleEndian
	case bytes.HasPrefix(content, []byte("\xfe\xff")):
		order = binary.BigEndian
	case bytes.IndexByte(content, 0) >= 0:
		return "", ErrNoText
	default:
		return string(content), nil
	}
	if len(content)%2 != 0 {
		return "", errors.New("it is in UTF-16 and ends within a character: it was cut, or changed as if it were in UTF-8; save it as UTF-8")
	}
	units := make([]uint16, len(content)/2-1)
	for i := range units {
		units[i] = order.Uint16(content[2*i+2:])
	}
	if slices.Contains(units, 0) {
		return "", ErrNoText
	}
	return string(utf16.Decode(units)), nil
}

// Separators are the possible column separators.
const Separators = ",;\t|"

// Cells splits a line at a separator. Quoted cells are as in CSV (RFC 4180).
func (l Line) Cells(separator rune) ([]string, error) {
	if !strings.Contains(l.Text, `"`) {
		return strings.Split(l.Text, string(separator)), nil
	}
	read := func(lazy bool) ([]string, error) {
		r := csv.NewReader(strings.NewReader(l.Text))
		r.Comma, r.TrimLeadingSpace, r.LazyQuotes = separator, separator != '\t', lazy
		return r.Read()
	}
	cells, err := read(false)
	switch {
	case errors.Is(err, csv.ErrQuote): // read lazily, the cell would swallow the next ones
		return nil, fmt.Errorf("line %d: a cell in quotes goes on after its second quote: put quotes around whole cells only, and write a quote in such a cell twice", l.Number)
	case err != nil: // elsewhere a quote is an ordinary character
		if cells, err = read(true); err != nil {
			return nil, fmt.Errorf("line %d: %w", l.Number, err)
		}
	}
	return cells, nil
}

// Table is a table split into cells.
type Table struct {
	Header []string   // names of the columns, trimmed; nil without a header
	Rows   [][]string // each with Column cells; an empty line is a row of empty cells
	Line   []int      // line number in the file of each row
	Column int        // number of columns
}

// Declared takes a spreadsheet's declaration of the separator, such as sep=;, from the beginning of a table; 0: there is none.
func Declared(lines []Line) (rest []Line, separator rune) {
	if len(lines) > 0 {
		if s, ok := strings.CutPrefix(lines[0].Text, "sep="); ok && len(s) == 1 {
			return lines[1:], rune(s[0])
		}
	}
	return lines, 0
}

// Read splits lines into rows. It fails if lines have different numbers of columns, or if there are two ways to split them.
func Read(lines []Line) (*Table, error) {
	lines, separator := Declared(lines)
	if separator != 0 {
		return cut(lines, separator)
	}
	var found []*Table
	var ragged error
	for _, s := range Separators {
		t, err := cut(lines, s)
		switch {
		case err != nil:
			if ragged == nil {
				ragged = err
			}
		case t.Column > 1:
			found = append(found, t)
		}
	}
	if named := slices.DeleteFunc(slices.Clone(found), func(t *Table) bool { return t.Header == nil }); len(named) == 1 {
		return named[0], nil
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(found) > 1:
		return nil, errors.New("the columns can be separated in several ways (by commas, semicolons, tabs or bars): put cells that contain one of these in quotes")
	case ragged != nil:
		return nil, ragged
	}
	return cut(lines, ',')
}

// cut splits all lines at one separator.
func cut(lines []Line, separator rune) (*Table, error) {
	t := &Table{}
	first := 0
	for _, l := range lines {
		if strings.TrimSpace(l.Text) == "" {
			t.Rows, t.Line = append(t.Rows, nil), append(t.Line, l.Number)
			continue
		}
		cells, err := l.Cells(separator)
		if err != nil {
			return nil, err
		}
		if t.Column == 0 {
			t.Column, first = len(cells), l.Number
		}
		if len(cells) != t.Column {
			return nil, Ragged(l.Number, len(cells), first, t.Column)
		}
		t.Rows, t.Line = append(t.Rows, cells), append(t.Line, l.Number)
	}
	for i, row := range t.Rows {
		if row == nil {
			t.Rows[i] = make([]string, t.Column)
		}
	}
	t.takeHeader()
	return t, nil
}

// Ragged is the error for a line with n columns after a first line with m.
func Ragged(line, n, first, m int) error {
	more := ""
	if n < m {
		more = ", and separate empty cells, too"
	}
	return fmt.Errorf("line %d has %s, but line %d has %s: put cells that contain a separator in quotes%s", line, columns(n), first, columns(m), more)
}

func columns(n int) string {
	if n == 1 {
		return "1 column"
	}
	return fmt.Sprintf("%d columns", n)
}

// takeHeader separates a first row that names columns from the others.
func (t *Table) takeHeader() {
	if len(t.Rows) == 0 {
		return
	}
	first := t.Rows[0]
	known := slices.ContainsFunc(first, func(cell string) bool { return KindOf(cell) != Unknown })
	for c, cell := range first { // a class may be called "image", but then so are other rows
		if KindOf(cell) != Unknown && slices.ContainsFunc(t.Rows[1:], func(row []string) bool { return row[c] == cell }) {
			known = false
		}
	}
	if known {
		t.NameColumns()
	}
}

// NameColumns makes the first row the header.
func (t *Table) NameColumns() {
	t.Header = make([]string, t.Column)
	for c, cell := range t.Rows[0] {
		t.Header[c] = strings.TrimSpace(cell)
	}
	t.Rows, t.Line = t.Rows[1:], t.Line[1:]
}
