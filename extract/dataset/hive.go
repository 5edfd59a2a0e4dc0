package dataset

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"iconic/internal/parquet"
	"iconic/internal/table"
)

// part is a column that a folder's name gives to all rows below it, as in label=disc/0.parquet: the form of Hive, which Spark and pyarrow
// write, too. Such a column is not in the files.
type part struct {
	column string
	value  string // "": missing
}

// noValue is what Hive writes for a missing value.
const noValue = "__HIVE_DEFAULT_PARTITION__"

// partsOf are the columns in the names of a file's folders, the outermost first.
func partsOf(file string) []part {
	var parts []part
	for folder := range strings.SplitSeq(path.Dir(file), "/") {
		if p, ok := partOf(folder); ok {
			parts = append(parts, p)
		}
	}
	return parts
}

// partOf reads the name of a folder. Characters that names cannot have are written as %XX.
func partOf(folder string) (part, bool) {
	column, value, ok := strings.Cut(folder, "=")
	if !ok || column == "" {
		return part{}, false
	}
	if value == noValue {
		value = ""
	}
	return part{unescaped(column), unescaped(value)}, true
}

func unescaped(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// labelPart is the folders' column of labels: the named one or, without a name, one with a usual name for labels. −1: there is none. A
// column of the file hides one of that name.
func labelPart(parts []part, p *parquet.File, named string) int {
	has := func(name string) bool {
		return slices.ContainsFunc(p.Columns, func(c parquet.Column) bool { return c.Path[0] == name })
	}
	found := -1
	for i, part := range parts {
		switch {
		case has(part.column):
		case named != "" && part.column == named, named == "" && strings.EqualFold(part.column, "label"):
			return i
		case named == "" && found < 0 && table.KindOf(part.column) == table.Label:
			found = i
		}
	}
	return found
}

// labelByPart gives all rows the label in a folder's name: the number or the name of a class if the file names its classes, otherwise the
// written value. A missing value and −1 mean no label.
func (t *rowFile) labelByPart(p part, names []string) error {
	t.names = names
	number, err := strconv.Atoi(p.value)
	t.counted = err == nil
	label := int32(-1)
	switch {
	case p.value == "" || p.value == "-1":
	case len(p.value) > maxClass:
		return fmt.Errorf("a label of %d bytes: want the name or number of a class", len(p.value))
	case names == nil:
		t.texts, label = []string{p.value}, 0
	default:
		if label = int32(slices.Index(names, p.value)); label < 0 && t.counted && number >= 0 && number < len(names) {
			label = int32(number)
		}
		if label < 0 {
			return fmt.Errorf("label %q in the folder's name is not among the %d classes that the file names", p.value, len(names))
		}
	}
	t.numbers = slices.Repeat([]int32{label}, int(t.rows.Rows))
	return nil
}

// passParts counts the columns of folders that are not read.
func (s *Set) passParts(all []*rowFile) {
	told := map[string]bool{}
	for _, t := range all {
		for _, p := range t.parts {
			read := p.column == t.partLabel || table.KindOf(p.column) == table.Split && (p.value == "" || splitOfName(p.value) != "")
			if !read && !told[p.column] {
				told[p.column] = true
				s.pass(folderColumns, p.column+"="+cmp.Or(p.value, noValue))
			}
		}
	}
}
