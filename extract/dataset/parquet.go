package dataset

import (
	"context"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"

	"iconic/internal/budget"
	"iconic/internal/instead"
	"iconic/internal/parallel"
	"iconic/internal/parquet"
	"iconic/internal/table"
	"iconic/option"
)

// rows is a Parquet file whose rows are items.
type rows struct {
	*parquet.File
	image int   // index of the image column
	first []int // first row of each group, and finally the number of rows

	chunks []chunk // chunks of the image column
	kept   *pages  // page cache of the set
}

// ErrNoImage is in the chain of Read's error for a row without an image.
var ErrNoImage = errors.New("its row holds no image")

// errNoBytes is the error for a structure without bytes, whose path may name a file on another machine.
var errNoBytes = fmt.Errorf("%w (no bytes; a path alone is not followed)", ErrNoImage)

// isTable reports by its name whether a file contains rows.
func isTable(name string) bool { return strings.EqualFold(filepath.Ext(name), ".parquet") }

// rowName is the path of a row; paths sort in the order of the rows.
func rowName(b []byte, file string, row, of int) []byte {
	b = append(append(b, file...), '/')
	digits := max(6, len(strconv.Itoa(max(0, of-1))))
	for n := len(strconv.Itoa(row)); n < digits; n++ {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, int64(row), 10)
}

// listTable lists the single Parquet file that the root is.
func (s *Set) listTable(ctx context.Context, from LabelsFrom) error {
	return s.listTables(ctx, from, []holder{{name: filepath.Base(s.Root), file: s.Root}})
}

// listTables lists the rows of Parquet files, several files at a time. It reads only the footer and the label column of each; the image
// column is read with the items.
func (s *Set) listTables(ctx context.Context, from LabelsFrom, files []holder) error {
	opened := make([]*rowFile, len(files))
	memory := budget.New(s.options.Memory)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(filesAtOnce())
	for i, a := range files {
		g.Go(func() error {
			t, err := s.openTable(ctx, a, memory)
			if err != nil {
				return fmt.Errorf("%s: %w", s.address(a), err)
			}
			opened[i] = t
			return nil
		})
	}
	err := g.Wait()
	for _, t := range opened {
		if t != nil {
			s.containers = append(s.containers, t.container)
		}
	}
	if err != nil {
		return err
	}
	with := slices.DeleteFunc(slices.Clone(opened), func(t *rowFile) bool { return t.problem != nil })
	if len(with) == 0 {
		return fmt.Errorf("%s: %w", s.address(files[0]), opened[0].problem)
	}
	wholeNumbers(with)
	if err := agree(with); err != nil {
		return fmt.Errorf("%s: %w", s.Root, err)
	}
	s.kept = newPages()
	total := 0
	for _, t := range with {
		total += int(t.rows.Rows)
	}
	s.Items = make([]Item, 0, total)
	for i, t := range opened {
		if t.problem != nil {
			s.pass(noColumn, t.name)
			continue
		}
		t.rows.kept = s.kept
		s.take(t, i)
	}
	for _, name := range with[0].unfit {
		s.pass(unfitColumns, name)
	}
	for _, name := range with[0].others {
		s.pass(otherColumns, name)
	}
	s.labelled = slices.ContainsFunc(with, func(t *rowFile) bool { return t.numbers != nil })
	s.passParts(with)
	return s.nameLabels(with)
}

// filesAtOnce is the number of Parquet files that are listed at a time.
func filesAtOnce() int { return 2 * parallel.Workers(0) }

// take makes items of a file's rows.
func (s *Set) take(t *rowFile, container int) {
	n := int(t.rows.Rows)
	var names []byte
	ends := make([]int, n)
	for row := range n {
		names = rowName(names, t.name, row, n)
		ends[row] = len(names)
	}
	whole, from, split := string(names), 0, splitOfFile(t.name)
	for row := range n {
		s.Items = append(s.Items, Item{Path: whole[from:ends[row]], Label: -1, Split: split, container: container, offset: int64(row)})
		from = ends[row]
	}
}

// rowFile is what the listing learns about a Parquet file.
type rowFile struct {
	*container
	name    string   // with slashes
	problem error    // reason why it has no images
	image   string   // first name of the image column
	label   string   // first name of the label column; "": none
	others  []string // all other columns
	unfit   []string // columns named like labels that cannot hold any, with their content, if there is no label column
	names   []string // class names from the file's metadata; nil: none
	numbers []int32  // labels of rows, −1 for none, as indices into names or texts; nil: no labels
	texts   []string // labels as written, if the file names no classes
	counted bool     // the labels are numbers

	memory *budget.Budget // for pages of labels

	parts     []part // columns in the names of its folders
	partLabel string // the one that has the labels; "": none
}

// openTable opens a Parquet file and reads its labels.
func (s *Set) openTable(ctx context.Context, a holder, memory *budget.Budget) (_ *rowFile, err error) {
	o := s.options
	f, size, stamp, err := s.open(a)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close())
		}
	}()
	p, err := parquet.Open(f, size)
	var lost *SourceError
	if errors.As(err, &lost) {
		return nil, err
	}
	var other *instead.Error
	if errors.As(err, &other) { // which says what to do
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w; download it again or remove it", err)
	}
	t := &rowFile{container: &container{file: f, modified: stamp, rows: &rows{File: p}}, name: a.name, memory: memory}
	features := featuresOf(p)
	column, err := imageColumn(p, features, o.ImageColumn)
	if err != nil {
		if t.problem = err; o.ImageColumn == "" && !errors.Is(err, errNoColumn) {
			return nil, err
		}
		return t, nil
	}
	if n := namesakes(p, column); n > 1 {
		return nil, fmt.Errorf("it has %d columns called %s, which may hold the images: rename all but one", n, p.Columns[column].Path[0])
	}
	t.rows.image, t.image = column, p.Columns[column].Path[0]
	t.rows.open()
	if t.parts = partsOf(a.name); o.LabelsFrom == None {
		t.tellColumns(-1, None)
		return t, nil
	}
	return t, t.openLabels(ctx, features, o)
}

// openLabels finds the labels, in a column of the file or in the names of its folders, and reads them.
func (t *rowFile) openLabels(ctx context.Context, features map[string]feature, o Options) (err error) {
	label, part := -1, -1
	if o.LabelColumn != "" {
		part = labelPart(t.parts, t.rows.File, o.LabelColumn)
	}
	if part < 0 {
		if label, err = labelColumn(t.rows.File, features, t.rows.image, o.LabelColumn); err != nil {
			return err
		}
	}
	if label >= 0 {
		if n := namesakes(t.rows.File, label); n > 1 {
			return option.Errorf("LabelsFrom", "it has %d columns called %s, which may hold the labels: rename all but one, or leave out the labels", n, t.rows.Columns[label].Name())
		}
	}
	if label < 0 && part < 0 {
		part = labelPart(t.parts, t.rows.File, "")
	}
	switch {
	case part >= 0:
		t.label, t.partLabel = t.parts[part].column, t.parts[part].column
		t.tellColumns(-1, o.LabelsFrom)
		return t.labelByPart(t.parts[part], features[t.label].Names)
	case label < 0:
		t.tellColumns(-1, o.LabelsFrom)
		return nil
	}
	c := &t.rows.Columns[label]
	t.label, t.counted = c.Name(), c.Type != parquet.Bytes
	if len(c.Path) == 1 {
		t.names = features[c.Path[0]].Names
	}
	t.tellColumns(label, o.LabelsFrom)
	return t.readLabels(ctx, label)
}

// tellColumns records the skipped columns.
func (t *rowFile) tellColumns(label int, from LabelsFrom) {
	seen := map[string]bool{t.image: true}
	if label >= 0 {
		seen[t.rows.Columns[label].Path[0]] = true
	}
	for _, c := range t.rows.Columns {
		name := c.Path[0]
		switch {
		case seen[name]:
		case t.label == "" && from != None && table.KindOf(name) == table.Label:
			t.unfit = append(t.unfit, fmt.Sprintf("%s, which has %s", name, contentOf(t.rows.File, name)))
		default:
			t.others = append(t.others, name)
		}
		seen[name] = true
	}
}

// splitOfFile is the split named by a file or by its innermost such folder: train-00000-of-00002.parquet, test/0.parquet,
// split=test/0.parquet. A folder that gives another column's value names none.
func splitOfFile(name string) string {
	split := splitOfName(path.Base(name))
	for folder := path.Dir(name); split == "" && folder != "." && folder != "/"; folder = path.Dir(folder) {
		base := path.Base(folder)
		if p, ok := partOf(base); ok {
			if table.KindOf(p.column) != table.Split {
				continue
			}
			base = p.value
		}
		split = splitOfName(base)
	}
	return split
}

// splitOfName is the split that a word of a name names; "" if none does.
func splitOfName(name string) string {
	for _, word := range strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return r == '-' || r == '_' || r == '.' || r == ' ' }) {
		if split := splitNames[word]; split != "" {
			return split
		}
	}
	return ""
}
