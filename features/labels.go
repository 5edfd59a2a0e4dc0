package features

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"iconic/internal/npy"
	"iconic/internal/plural"
	"iconic/internal/regular"
	tables "iconic/internal/table"
	"iconic/report"
)

// ReadLabels reads the labels of n rows from a matrix of whole numbers, or from a table with one row each. Classes are numbered from 0 in
// their order, whatever their names. An empty cell means no label, and so do NaN and a negative number if all labels are whole numbers.
//
// Rows belong to labels by their position: other columns are not used, and one that numbers the rows in another order is an error.
func ReadLabels(name string, n int) (labels []int, classes []string, err error) {
	labels, classes, _, err = readLabels(name, n)
	return labels, classes, err
}

// readLabels is ReadLabels with notes about what it does not use.
func readLabels(name string, n int) (labels []int, classes, notes []string, err error) {
	var names []string
	if IsMatrix(name) {
		names, err = readNumbers(name)
	} else if names, notes, err = readColumn(name); err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	if err != nil {
		return nil, nil, nil, fmt.Errorf("labels: %w", err)
	}
	if err := misfit(name, names, n); err != nil {
		return nil, nil, nil, err
	}
	tables.WholeNumbers(names)
	labels, classes = numbered(names)
	if k, such := tables.LookAlike(classes); k > 0 {
		notes = append(notes, fmt.Sprintf("%s has %d labels whose names differ only in their Unicode form, in invisible characters or in blanks at an end (such as %s)", name, k, such))
	}
	if k, such := tables.Missing(classes, labels); k > 0 {
		notes = append(notes, fmt.Sprintf("%s: labels called like a missing value, which count as classes: %d (%s); leave the cells empty if they have no label", name, k, such))
	}
	if k, such := tables.SameNumber(classes); k > 0 {
		notes = append(notes, fmt.Sprintf("%s: classes that are one number written differently: %d (such as %s)", name, k, such))
	}
	return labels, classes, notes, nil
}

// readNumbers reads a matrix of whole numbers; NaN gives an empty text.
func readNumbers(name string) ([]string, error) {
	values, missing, err := npy.ReadSomeInts(name)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(values))
	for i, v := range values {
		if !missing[i] {
			names[i] = strconv.Itoa(v)
		}
	}
	return names, nil
}

// misfit says why names cannot be the labels of n rows.
func misfit(name string, names []string, n int) error {
	if i := slices.IndexFunc(names, func(s string) bool { return !utf8.ValidString(s) }); i >= 0 {
		return &LabelsError{name, fmt.Sprintf("has a label in row %d that is not UTF-8 (%q): save the file as UTF-8", i, names[i])}
	}
	if len(names) != n {
		return &LabelsError{name, fmt.Sprintf("holds %s for %s of features: give the labels of these features, one row each, in their order", plural.Of(len(names), "label", "labels"), plural.Of(n, "row", "rows"))}
	}
	if n >= manyRows && distinct(names) == n {
		where := ""
		if !IsMatrix(name) {
			where = ", in a column that its first line calls \"label\""
		}
		return &LabelsError{name, fmt.Sprintf("gives each of its %d rows a different label, beginning with %q, so that they are no classes: give the classes of the images%s, or no labels", n, names[0], where)}
	}
	return nil
}

// manyRows is the number of rows from which a different label in each is considered a mistake (a column of paths, or of row numbers), and a column that has
// each row's number once a numbering, whatever its name.
const manyRows = 20

// readColumn reads the column of a table that holds labels: the one so named by its header, the only one, or the one beside the names of
// images. A note says which columns it does not use.
func readColumn(name string) (cells, notes []string, err error) {
	content, err := regular.Read(name)
	if err != nil {
		return nil, nil, err
	}
	lines, err := tables.Lines(content)
	if errors.Is(err, tables.ErrNoText) {
		err = fmt.Errorf("%w: save labels as a text, or with numpy.save in a .npy file", err)
	}
	if err != nil {
		return nil, nil, err
	}
	t, err := tables.Read(lines)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case len(t.Rows) == 0:
		return nil, nil, nil
	case t.Header == nil && t.Column == 1:
		cells, err = unnamed(t.Cells(0))
		return cells, nil, err
	}
	column, err := t.Find(tables.Label, "label")
	if err == nil && column < 0 {
		column, err = besideImages(t)
	}
	if err != nil {
		return nil, nil, err
	}
	if notes, err = unused(t, name, column); err != nil {
		return nil, nil, err
	}
	return t.Cells(column), notes, nil
}

// unused notes the columns beside that of the labels, apart from one that numbers the rows in order. It refuses a column that numbers them in
// another order, of few rows only if its name says so: whether the lines or the numbers are in the order of the features, only the user knows.
func unused(t *tables.Table, name string, label int) (notes []string, err error) {
	var others []string
	for c := range t.Column {
		header := ""
		if t.Header != nil {
			header = t.Header[c]
		}
		called := strconv.Quote(header)
		if header == "" {
			called = strconv.Itoa(c + 1)
		}
		switch numbered, inOrder := rowNumbers(t, c); {
		case c == label || inOrder:
		case numbered && (len(t.Rows) >= manyRows || numbersRows(header)):
			return nil, fmt.Errorf("its column %s numbers the rows in another order than that of the lines: sort the lines by it, or remove it if they are in the order of the features", called)
		default:
			others = append(others, called)
		}
	}
	switch n := len(others); {
	case n == 1:
		notes = append(notes, fmt.Sprintf("%s: labels belong to rows by their order; its column %s is not used", name, others[0]))
	case n > 1:
		notes = append(notes, fmt.Sprintf("%s: labels belong to rows by their order; %d columns are not used (such as %s)", name, n, others[0]))
	}
	return notes, nil
}

// numbersRows reports whether a column's name is one for row numbers; pandas leaves it empty.
func numbersRows(header string) bool {
	switch strings.ToLower(header) {
	case "", "id", "ids", "idx", "index", "row", "rows", "row_id", "rowid", "row_index", "no", "nr", "number", "unnamed: 0", "image_id", "imageid", "key", "keys", "sample", "sample_id", "order", "position", "pos":
		return true
	}
	return false
}

// rowNumbers reports whether a column has each number of a row once, from 0 or 1, and whether in order.
func rowNumbers(t *tables.Table, column int) (all, inOrder bool) {
	cells := t.Cells(column)
	numbers := make([]int, len(cells))
	for i, cell := range cells {
		v, err := strconv.Atoi(cell)
		if err != nil {
			return false, false
		}
		numbers[i] = v
	}
	first := slices.Min(numbers)
	inOrder = true
	seen := make([]bool, len(numbers))
	for i, v := range numbers {
		if first < 0 || first > 1 || v-first >= len(seen) || seen[v-first] {
			return false, false
		}
		seen[v-first] = true
		inOrder = inOrder && v-first == i
	}
	return true, inOrder
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
			return -1, fmt.Errorf("none of the %d columns is called \"label\" (the first line has %s): call the column of labels that", t.Column, some(names))
		}
		found = c
	}
	if found < 0 {
		return -1, fmt.Errorf("no column holds labels: all of them name images")
	}
	return found, nil
}

// some quotes the first few cells of a line, each cut if it is long.
func some(cells []string) string {
	const most, longest = 6, 40
	var b strings.Builder
	for i, cell := range cells[:min(most, len(cells))] {
		if runes := []rune(cell); len(runes) > longest {
			cell = string(runes[:longest]) + "…"
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Quote(cell))
	}
	if len(cells) > most {
		return fmt.Sprintf("%s and %d more", &b, len(cells)-most)
	}
	return b.String()
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
