package dataset

import (
	"fmt"
	"slices"
	"strings"

	"iconic/internal/table"
)

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
