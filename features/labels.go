package features

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"iconic/internal/npy"
	"iconic/internal/regular"
	tables "iconic/internal/table"
	"iconic/report"
)

// ReadLabels reads the labels of n rows from a matrix of whole numbers, or from a table with one row each. Classes are numbered from 0 in
// their order, whatever their names. An empty cell means no label, and so do NaN and a negative number if all labels are whole numbers.
func ReadLabels(name string, n int) (labels []int, classes []string, err error) {
	var names []string
	if IsMatrix(name) {
		var values []int
		if values, err = npy.ReadInts(name); err == nil {
			names = make([]string, len(values))
			for i, v := range values {
				names[i] = strconv.Itoa(v)
			}
		}
	} else if names, err = readColumn(name); err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("labels: %w", err)
	}
	if i := slices.IndexFunc(names, func(s string) bool { return !utf8.ValidString(s) }); i >= 0 {
		return nil, nil, &LabelsError{name, fmt.Sprintf("has a label in row %d that is not UTF-8 (%q): save the file as UTF-8", i, names[i])}
	}
	if len(names) != n {
		return nil, nil, &LabelsError{name, fmt.Sprintf("holds %d labels for %d rows of features: give the labels of these features, one row each, in their order", len(names), n)}
	}
	if n >= manyRows && distinct(names) == n {
		return nil, nil, &LabelsError{name, fmt.Sprintf("gives each of its %d rows a different label, beginning with %q: add a header line that calls the column of labels \"label\"", n, names[0])}
	}
	tables.WholeNumbers(names)
	labels, classes = numbered(names)
	return labels, classes, nil
}

// manyRows is the number of rows from which a different label in each is considered a mistake: a column of paths, or of row numbers.
const manyRows = 20

// readColumn reads the column of a table that holds labels: the one so named by its header, the only one, or the one beside the names of
// images.
func readColumn(name string) ([]string, error) {
	content, err := regular.Read(name)
	if err != nil {
		return nil, err
	}
	lines, err := tables.Lines(content)
	if err != nil {
		return nil, err
	}
	t, err := tables.Read(lines)
	if err != nil {
		return nil, err
	}
	switch {
	case len(t.Rows) == 0:
		return nil, nil
	case t.Header == nil && t.Column == 1:
		return unnamed(t.Cells(0))
	}
	column, err := t.Find(tables.Label, "label")
	if err == nil && column < 0 {
		column, err = besideImages(t)
	}
	if err != nil {
		return nil, err
	}
	return t.Cells(column), nil
}

// unnamed is a column without a known name. Its first cell may be an unknown name: that is certain if it is the only cell that is not a
// number, and possible if it is the only one that occurs once, which the user must decide.
func unnamed(cells []string) ([]string, error) {
	first, rest := cells[0], cells[1:]
	if len(rest) == 0 || first == "" || slices.Contains(rest, first) {
		return cells, nil
	}
	count, numbers := map[string]int{}, true
	for _, cell := range rest {
		count[cell]++
		numbers = numbers && (cell == "" || isNumber(cell))
	}
	if numbers && !isNumber(first) {
		return rest, nil
	}
	for cell, n := range count {
		if n == 1 && cell != "" {
			return cells, nil
		}
	}
	if isNumber(first) {
		return cells, nil
	}
	return nil, fmt.Errorf("the first line, %q, occurs nowhere else, so it may be the name of the column or the label of the first row: add the line \"label\" before it, or replace it by that", first)
}

// besideImages finds the only column that does not contain names of images.
func besideImages(t *tables.Table) (int, error) {
	found := -1
	for c := range t.Column {
		if t.Header == nil && !slices.ContainsFunc(t.Cells(c), func(cell string) bool { return !tables.IsImage(cell) }) {
			continue
		}
		if found >= 0 || t.Header != nil {
			names := t.Header
			if names == nil {
				names = t.Rows[0]
			}
			return -1, fmt.Errorf("none of the %d columns is called \"label\" (the first line has %q): call the column of labels that", t.Column, names)
		}
		found = c
	}
	if found < 0 {
		return -1, fmt.Errorf("no column holds labels: all of them name images")
	}
	return found, nil
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

func distinct(names []string) int {
	seen := make(map[string]bool, len(names))
	for _, name := range names {
		seen[name] = true
	}
	return len(seen)
}

// numbered numbers names in order: by value if all are whole numbers, otherwise byte by byte.
func numbered(names []string) (labels []int, classes []string) {
	seen := map[string]int{}
	values := true
	for _, s := range names {
		if _, ok := seen[s]; !ok && s != "" {
			_, err := strconv.ParseInt(s, 10, 64)
			values = values && err == nil
			seen[s] = 0
			classes = append(classes, s)
		}
	}
	slices.SortFunc(classes, func(a, b string) int {
		if values {
			x, _ := strconv.ParseInt(a, 10, 64)
			y, _ := strconv.ParseInt(b, 10, 64)
			return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
		}
		return strings.Compare(a, b)
	})
	for i, s := range classes {
		seen[s] = i
	}
	labels = make([]int, len(names))
	for i, s := range names {
		if labels[i] = report.NoLabel; s != "" {
			labels[i] = seen[s]
		}
	}
	return labels, classes
}
