package dataset

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"

	"iconic/internal/budget"
	"iconic/internal/parquet"
	"iconic/internal/table"
	"iconic/option"
)

// mostLabels bounds the memory for a page of labels in a row group with a number of rows, in bytes: longer labels would be refused one by
// one. A page has its labels twice, as stored and decompressed, and may need a dictionary of as many; 1 MiB is for small groups.
func mostLabels(rows int64) int64 { return 1<<20 + min(rows, 1<<32)*4*(maxClass+32) }

// loadLabels reads a page of labels, which takes its memory from the budget that all files share.
func (t *rowFile) loadLabels(ctx context.Context, chunk *parquet.Chunk, page int, rows int64) (*parquet.Values, func(), error) {
	need := chunk.Cost(page)
	if need > mostLabels(rows) {
		return nil, nil, option.Errorf("LabelColumn", "column %s holds values of far more than %d bytes (a page takes %s), so they are not labels", t.label, maxClass, budget.Format(need))
	}
	if err := t.memory.Take(ctx, need); err != nil {
		if errors.Is(err, budget.ErrTooLarge) {
			err = fmt.Errorf("column %s: for a page of labels %w: give more memory", t.label, err)
		}
		return nil, nil, err
	}
	free := func() { t.memory.Give(need) }
	values, err := chunk.Load(page, max(need, t.memory.Total()/int64(filesAtOnce())))
	if err != nil {
		free()
		return nil, nil, err
	}
	return values, free, nil
}

// readLabels reads the label column.
func (t *rowFile) readLabels(ctx context.Context, column int) error {
	t.numbers = make([]int32, 0, t.rows.Rows)
	known := map[string]int32{}
	if !t.counted {
		for i, name := range t.names {
			known[name] = int32(i)
		}
	}
	for group := range t.rows.Groups {
		if err := ctx.Err(); err != nil {
			return err
		}
		chunk, err := t.rows.Begin(group, column)
		if err != nil {
			return err
		}
		pages, err := chunk.Pages()
		if err != nil {
			return fmt.Errorf("row group %d: %w", group, err)
		}
		for page := range pages {
			values, free, err := t.loadLabels(ctx, chunk, page, t.rows.Groups[group].Rows)
			if err != nil {
				return err
			}
			err = t.addLabels(values, known)
			free()
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// addLabels appends the labels of a page.
func (t *rowFile) addLabels(values *parquet.Values, known map[string]int32) error {
	for i := range values.Len() {
		label, err := t.labelOf(values, i, known)
		if err != nil {
			return fmt.Errorf("row %d: %w", len(t.numbers), err)
		}
		t.numbers = append(t.numbers, label)
	}
	return nil
}

// labelOf reads one label. If the file names its classes, the value is the number or the name of one; otherwise the label is the written
// value, by its index in texts. Blanks around a text do not count, unless a class has that name. A missing value, an empty text, NaN and the number −1 mean
// no label, and so do other negative numbers if the file names no classes.
func (t *rowFile) labelOf(v *parquet.Values, i int, known map[string]int32) (int32, error) {
	if !v.Has(i) || v.IsNaN(i) {
		return -1, nil
	}
	var text []byte
	if v.IsText() {
		if text = v.Bytes(i); len(text) > maxClass {
			return 0, fmt.Errorf("a label of %d bytes: want the name or number of a class", len(text))
		}
		if !utf8.Valid(text) {
			return 0, option.Errorf("LabelColumn", "column %s holds bytes that are not text, so they are not labels", t.label)
		}
	} else {
		n, whole := v.Number(i)
		switch {
		case !whole:
			return 0, option.Errorf("LabelColumn", "column %s holds fractions or numbers out of range, so they are not labels", t.label)
		case n == -1 || n < 0 && t.names == nil:
			return -1, nil
		case t.names != nil && (n < 0 || n >= int64(len(t.names))):
			return 0, fmt.Errorf("label %d, but the file names %d classes", n, len(t.names))
		case t.names != nil:
			return int32(n), nil
		}
		var digits [20]byte
		text = strconv.AppendInt(digits[:0], n, 10)
	}
	k, ok := known[string(text)]
	if !ok {
		text = bytes.TrimSpace(text)
		k, ok = known[string(text)]
	}
	switch {
	case len(text) == 0:
		return -1, nil
	case ok:
	case t.names != nil:
		return 0, fmt.Errorf("label %q is not among the %d classes that the file names", text, len(t.names))
	default:
		k = int32(len(t.texts))
		t.texts = append(t.texts, string(text))
		known[t.texts[k]] = k
	}
	return k, nil
}

// wholeNumbers normalises labels that are texts, over all files, by the rules of every form of data.
func wholeNumbers(all []*rowFile) {
	var texts []string
	for _, t := range all {
		if t.written() {
			texts = append(texts, t.texts...)
		}
	}
	table.WholeNumbers(texts)
	for _, t := range all {
		if t.written() {
			texts = texts[copy(t.texts, texts):]
		}
	}
}

// written reports whether labels are classes as they are written, in a column of texts or in the names of folders.
func (t *rowFile) written() bool { return t.names == nil && (!t.counted || t.partLabel != "") }

// labelled reports whether a row has a label.
func (t *rowFile) labelled() bool {
	return t.numbers != nil && (t.names != nil || slices.ContainsFunc(t.texts, func(text string) bool { return text != "" }))
}

// sameNumbers fails if some files have their labels as numbers, and others as texts that write numbers differently, such as 00.
func sameNumbers(all []*rowFile) error {
	counted := slices.IndexFunc(all, func(t *rowFile) bool { return t.names == nil && !t.written() && t.labelled() })
	if counted < 0 {
		return nil
	}
	for _, t := range all {
		i := slices.IndexFunc(t.texts, func(text string) bool {
			n, err := strconv.ParseInt(text, 10, 64)
			return text != "" && (err != nil || strconv.FormatInt(n, 10) != text)
		})
		if t.written() && i >= 0 {
			return option.Errorf("LabelsFrom", "%s has its labels as numbers, and %s as texts such as %q, which may be other classes: give the files one by one, or leave out the labels", all[counted].name, t.name, t.texts[i])
		}
	}
	return nil
}

// agree fails if files have their images or labels in different columns, if some name the classes, in their metadata or as labels, and
// others only number them, or if they write the numbers of classes differently.
func agree(all []*rowFile) error {
	first := all[0]
	var named, numbered string
	for _, t := range all {
		switch {
		case (t.names != nil || t.words()) && named == "":
			named = t.name
		case t.counted && t.names == nil && t.labelled() && numbered == "":
			numbered = t.name
		}
	}
	if named != "" && numbered != "" {
		return option.Errorf("LabelsFrom", "%s names its classes, and %s has only numbers, which may mean something else: give the files one by one, or leave out the labels", named, numbered)
	}
	if err := sameNumbers(all); err != nil {
		return err
	}
	for _, t := range all[1:] {
		switch {
		case t.image != first.image:
			return option.Errorf("ImageColumn", "%s has its images in column %s, and %s in column %s: give the files one by one, or name a column", first.name, first.image, t.name, t.image)
		case t.label != first.label && t.label != "" && first.label != "":
			return option.Errorf("LabelColumn", "%s has its labels in column %s, and %s in column %s: name one", first.name, first.label, t.name, t.label)
		}
	}
	return nil
}

// words reports whether labels in a column are words, and not only numbers that are stored as texts.
func (t *rowFile) words() bool {
	return t.partLabel == "" && !t.counted && slices.ContainsFunc(t.texts, func(text string) bool {
		if text == "" { // no label
			return false
		}
		_, err := strconv.ParseFloat(text, 64)
		return err != nil
	})
}

// nameLabels sets the items' labels and the set's classes, in the order of the files' metadata if those agree, otherwise by name. Items are
// still in the order of the files.
func (s *Set) nameLabels(all []*rowFile) error {
	var names []string
	alike, labelled := true, false
	for _, t := range all {
		if t.labelled() {
			alike = alike && (!labelled || slices.Equal(names, t.names))
			names, labelled = t.names, true
		}
	}
	if !labelled {
		return nil
	}
	named := alike && names != nil
	texts := make([]string, len(s.Items))
	at := 0
	for _, t := range all {
		words := t.texts
		if t.names != nil {
			words = t.names
		}
		for i, n := range t.numbers {
			if n >= 0 && words[n] != "" {
				texts[at+i] = words[n]
				s.Items[at+i].Label = int(n)
			}
		}
		at += int(t.rows.Rows)
	}
	if !named {
		s.written = true
		s.label(texts, byNumber(texts))
		return nil
	}
	if twice := firstTwice(names); twice != "" {
		return fmt.Errorf("%s: %s names the class %s twice", s.Root, all[0].name, twice)
	}
	s.Classes = names
	return nil
}

func firstTwice(names []string) string {
	seen := map[string]bool{}
	for _, name := range names {
		if seen[name] {
			return name
		}
		seen[name] = true
	}
	return ""
}
