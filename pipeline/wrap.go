package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"
)

// Text widths in characters: without a terminal, and the minimum and maximum on a terminal.
const (
	plainWidth  = 80
	leastWidth  = 40
	mostWidth   = 100
	leastColumn = 24 // minimum width of a wrapped table column
)

// width is the line width for text on standard output, in characters.
func (a *app) width() int {
	columns, _ := a.columns()
	return min(columns, mostWidth)
}

// columns is the width of standard output in characters, and whether it is a terminal.
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

// screen is the width of a terminal in characters, however narrow; plainWidth if w is none.
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
		w := utf8.RuneCountInString(word)
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
			widest[k] = max(widest[k], utf8.RuneCountInString(cell))
		}
	}
	for _, w := range widest {
		lead += w + columnGap
	}
	return rows, widest, lead
}

// fits reports whether a table fits in a width if its last column is wrapped.
func (t *table) fits(width int) bool {
	_, _, lead := t.measured()
	return lead+leastColumn <= width
}

// fitted is the table with its last column wrapped to a width. If the other columns leave too little space, it is unchanged.
func (t *table) fitted(width int) *table {
	rows, widest, lead := t.measured()
	room := width - lead
	if room < leastColumn {
		return t
	}
	fitted := new(table)
	for _, cells := range rows {
		last := len(cells) - 1
		if last < len(widest) || utf8.RuneCountInString(cells[last]) <= room {
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
