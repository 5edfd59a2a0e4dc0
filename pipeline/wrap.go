package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// Text widths in columns of a terminal: without a terminal, and the minimum and maximum on a terminal.
const (
	plainWidth  = 80
	leastWidth  = 40
	mostWidth   = 100
	leastColumn = 24 // minimum width of a wrapped table column
)

// width is the line width for text on standard output, in columns.
func (a *app) width() int {
	columns, _ := a.columns()
	return min(columns, mostWidth)
}

// columns is the width of standard output in columns, and whether it is a terminal.
func (a *app) columns() (columns int, terminal bool) {
	if s, ok := a.out.(*shown); ok {
		return columnsOf(s.to)
	}
	return plainWidth, false
}

func columnsOf(w io.Writer) (columns int, terminal bool) {
	columns, terminal = screen(w)
	return max(columns, leastWidth), terminal
}

// screen is the width of a terminal in columns, however narrow; plainWidth if w is none.
func screen(w io.Writer) (columns int, terminal bool) {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil && columns > 0 {
			return columns, true
		}
	}
	return plainWidth, false
}

// say writes a message to standard error; on a terminal it breaks lines between words.
func (a *app) say(message string) {
	if columns, terminal := columnsOf(a.err); terminal {
		message = strings.Join(fill(strings.Split(message, " "), columns), "\n")
	}
	fmt.Fprintln(a.err, message)
}

// wrap fills paragraphs to a width. Lines that begin with a space are unchanged.
func wrap(text string, width int) string {
	var out []string
	var words []string
	flush := func() {
		if len(words) > 0 {
			out = append(out, fill(words, width)...)
			words = nil
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if line == "" || strings.HasPrefix(line, " ") {
			flush()
			out = append(out, line)
			continue
		}
		words = append(words, strings.Fields(line)...)
	}
	flush()
	return strings.Join(out, "\n")
}

// fill breaks words into lines of a given width; a longer word gets its own line.
func fill(words []string, width int) []string {
	var lines []string
	line, n := "", 0
	for _, word := range words {
		w := span(word)
		switch {
		case line == "":
			line, n = word, w
		case n+1+w <= width:
			line, n = line+" "+word, n+1+w
		default:
			lines = append(lines, line)
			line, n = word, w
		}
	}
	return append(lines, line)
}

// measured splits the lines of a table into cells, and returns the widths of all columns but the last.
func (t *table) measured() (rows [][]string, widest []int, lead int) {
	rows = make([][]string, len(t.lines))
	for i, line := range t.lines {
		rows[i] = strings.Split(line, "\t")
		for k, cell := range rows[i][:len(rows[i])-1] {
			if k == len(widest) {
				widest = append(widest, 0)
			}
			widest[k] = max(widest[k], span(cell))
		}
	}
	for _, w := range widest {
		lead += w + columnGap
	}
	return rows, widest, lead
}

// fits reports whether a table fits in a width if its last column is wrapped.
func (t *table) fits(width int) bool {
	rows, widest, lead := t.measured()
	return width-lead >= t.least(rows, len(widest))
}

// least is the width that the last of a table's columns needs: that of its contents, but not more than wrapped text.
func (t *table) least(rows [][]string, last int) (need int) {
	for i, cells := range rows {
		if len(cells) <= last {
			continue
		}
		whole := []string{cells[last]}
		if i == 0 && t.headed { // its name may be wrapped
			whole = strings.Fields(cells[last])
		}
		for _, text := range whole {
			need = max(need, span(text))
		}
	}
	return min(need, leastColumn)
}

// fitted is the table with its last column wrapped to a width. If the other columns leave too little space, each row becomes a block.
func (t *table) fitted(width int) *table {
	rows, widest, lead := t.measured()
	room, least := width-lead, t.least(rows, len(widest))
	switch {
	case room < least && t.headed:
		return stacked(rows, width)
	case room < least:
		return t
	}
	fitted := &table{headed: t.headed}
	for _, cells := range rows {
		last := len(cells) - 1
		if last < len(widest) || span(cells[last]) <= room {
			fitted.row(cells...)
			continue
		}
		for i, part := range fill(strings.Fields(cells[last]), room) {
			if i == 1 {
				cells = make([]string, last+1)
			}
			cells[last] = part
			fitted.row(cells...)
		}
	}
	return fitted
}

// stacked is a table whose first row has the names of the columns as one block for each further row: its first cell, and below it the names and
// contents of the others that are not empty. A row without a first cell continues the block above it; one with a single further cell, of several
// columns, is a line, as it is no cell of that column alone.
func stacked(rows [][]string, width int) *table {
	const indent = "  "
	names, widest := rows[0], 0
	for _, name := range names[1:] {
		widest = max(widest, span(name))
	}
	room := max(leastColumn, width-len(indent)-widest-columnGap)
	t := new(table)
	if names[0] != "" {
		t.row(names[0])
	}
	for _, cells := range rows[1:] {
		if len(cells) == 2 && len(names) > 2 {
			t.row(cells[0] + indent + cells[1])
			continue
		}
		if cells[0] != "" {
			t.row(cells[0])
		}
		for k, cell := range cells[1:] {
			name := names[1+k]
			for _, part := range fill(strings.Fields(cell), room) {
				if part != "" {
					t.row(indent + padded(name, widest+columnGap) + part)
				}
				name = ""
			}
		}
	}
	return t
}
