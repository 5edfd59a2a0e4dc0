package dataset

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"iconic/internal/parallel"
	"iconic/internal/parquet"
	"iconic/internal/table"
	"iconic/option"
)

// rows is a Parquet file whose rows are items.
type rows struct {
	*parquet.File
	image int   // the column of the images
	first []int // row at which each group begins, and at the end how many there are

	chunks []chunk // of the column of images
	kept   *pages  // the set's
}

// ErrNoImage is in the chain of Read's error for a row that holds no image.
var ErrNoImage = errors.New("its row holds no image")

// errNoBytes says what is missing from a structure, which may name a file on another machine.
var errNoBytes = fmt.Errorf("%w (no bytes; a path alone is not followed)", ErrNoImage)

// isTable tells by its name whether a file is one of rows.
func isTable(name string) bool { return strings.EqualFold(filepath.Ext(name), ".parquet") }

// rowName is the path of a row: names sort as rows do.
func rowName(b []byte, file string, row, of int) []byte {
	b = append(append(b, file...), '/')
	digits := max(6, len(strconv.Itoa(max(0, of-1))))
	for n := len(strconv.Itoa(row)); n < digits; n++ {
		b = append(b, '0')
	}
	return strconv.AppendInt(b, int64(row), 10)
}

// listTable lists the one file of rows that the root is.
func (s *Set) listTable(ctx context.Context, from LabelsFrom) error {
	return s.listTables(ctx, from, []holder{{name: filepath.Base(s.Root), file: s.Root}})
}

// listTables lists the rows of Parquet files. Of each only the footer and the column of labels are read,
// several at a time; the column of images is read when an item is.
func (s *Set) listTables(ctx context.Context, from LabelsFrom, files []holder) error {
	opened := make([]*rowFile, len(files))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2 * parallel.Workers(0))
	for i, a := range files {
		g.Go(func() error {
			t, err := s.openTable(ctx, a)
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
	return s.nameLabels(with)
}

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

// rowFile is what listing learns of a file of rows.
type rowFile struct {
	*container
	name    string   // with slashes
	problem error    // why it has no images
	image   string   // the column of images, by its first name
	label   string   // that of labels; "": none
	others  []string // those that are neither
	unfit   []string // those that are called like labels where none has any, and what they have
	names   []string // of the classes, by the file's metadata; nil: it has none
	numbers []int32  // labels of rows, −1 for none: places in names or in texts; nil: no labels
	texts   []string // labels as they are written, where the file names no classes
	counted bool     // the labels are numbers
}

// openTable opens a file of rows and reads its labels.
func (s *Set) openTable(ctx context.Context, a holder) (_ *rowFile, err error) {
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
	if err != nil {
		return nil, fmt.Errorf("%w; fetch it again or take it away", err)
	}
	t := &rowFile{container: &container{file: f, modified: stamp, rows: &rows{File: p}}, name: a.name}
	features := featuresOf(p)
	column, err := imageColumn(p, features, o.ImageColumn)
	if err != nil {
		if t.problem = err; o.ImageColumn == "" && !errors.Is(err, errNoColumn) {
			return nil, err
		}
		return t, nil
	}
	t.rows.image, t.image = column, p.Columns[column].Path[0]
	t.rows.open()
	label := -1
	if o.LabelsFrom != None {
		if label, err = labelColumn(p, features, column, o.LabelColumn); err != nil {
			return nil, err
		}
	}
	t.tellColumns(label, o.LabelsFrom)
	if label < 0 {
		return t, nil
	}
	c := &p.Columns[label]
	t.label, t.counted = c.Name(), c.Type != parquet.Bytes
	if len(c.Path) == 1 {
		t.names = features[c.Path[0]].Names
	}
	return t, t.readLabels(ctx, label)
}

// tellColumns notes the columns that are passed over.
func (t *rowFile) tellColumns(label int, from LabelsFrom) {
	seen := map[string]bool{t.image: true}
	if label >= 0 {
		seen[t.rows.Columns[label].Path[0]] = true
	}
	for _, c := range t.rows.Columns {
		name := c.Path[0]
		switch {
		case seen[name]:
		case label < 0 && from != None && table.KindOf(name) == table.Label:
			t.unfit = append(t.unfit, fmt.Sprintf("%s, which has %s", name, contentOf(t.rows.File, name)))
		default:
			t.others = append(t.others, name)
		}
		seen[name] = true
	}
}

// feature is what the datasets library writes of a column into a file's metadata.
type feature struct {
	Type  string     `json:"_type"`
	Names classNames `json:"names"`
}

// classNames are the names of classes in the order of their numbers. A class whose name is empty bears its number.
type classNames []string

// UnmarshalJSON reads a list of names, or an object of them by their numbers. What is neither says nothing.
func (n *classNames) UnmarshalJSON(b []byte) error {
	*n = nil
	var list []string
	var numbered map[string]string
	switch {
	case json.Unmarshal(b, &list) == nil:
	case json.Unmarshal(b, &numbered) == nil:
		list = make([]string, len(numbered))
		for key, name := range numbered {
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(list) {
				return nil
			}
			list[i] = name
		}
	}
	for i, name := range list {
		if name == "" {
			list[i] = strconv.Itoa(i)
		}
	}
	*n = list
	return nil
}

// featuresOf reads the metadata of the datasets library; what is not there, or not as it writes it, says nothing.
func featuresOf(p *parquet.File) map[string]feature {
	var whole struct {
		Info struct {
			Features map[string]json.RawMessage `json:"features"`
		} `json:"info"`
	}
	if json.Unmarshal([]byte(p.Metadata["huggingface"]), &whole) != nil {
		return nil
	}
	features := map[string]feature{}
	for name, raw := range whole.Info.Features {
		var f feature
		if json.Unmarshal(raw, &f) == nil {
			features[name] = f
		}
	}
	return features
}

// errNoColumn is in the chain of the error for a file without a column of images.
var errNoColumn = errors.New("it has no column of images")

// imageColumn finds the column of images: the one named; else one that the metadata call images; else a structure with binary values
// called bytes; else a binary column. Of several the one that is called as images usually are.
func imageColumn(p *parquet.File, features map[string]feature, named string) (int, error) {
	if named != "" {
		return namedImages(p, named)
	}
	var found [3][]int
	for i, c := range p.Columns {
		inner := len(c.Path) == 2 && c.Path[1] == "bytes"
		if !mayHoldImages(&c) || len(c.Path) > 1 && !inner {
			continue
		}
		kind := 2
		if inner {
			kind = 1
		}
		if features[c.Path[0]].Type == "Image" {
			kind = 0
		}
		found[kind] = append(found[kind], i)
	}
	for _, candidates := range found {
		if len(candidates) == 1 {
			return candidates[0], nil
		}
		for _, usual := range [...]string{"image", "img", "jpg", "jpeg", "png", "webp", "picture", "photo", "images"} {
			for _, i := range candidates {
				if strings.EqualFold(p.Columns[i].Path[0], usual) {
					return i, nil
				}
			}
		}
		if len(candidates) > 1 {
			return 0, option.Errorf("ImageColumn", "the columns %q may all hold images, and none is named", namesOf(p, candidates))
		}
	}
	return 0, fmt.Errorf("%w (binary values, or a structure with binary values called bytes) among its columns %s", errNoColumn, describedColumns(p))
}

// mayHoldImages tells whether a column's values are binary, and not said to be anything in particular.
func mayHoldImages(c *parquet.Column) bool {
	return !c.Repeated && c.Type == parquet.Bytes && c.Meaning == parquet.AsStored
}

// namedImages is the column of images that a user names.
func namedImages(p *parquet.File, named string) (int, error) {
	i := slices.IndexFunc(p.Columns, func(c parquet.Column) bool {
		return c.Name() == named || c.Name() == named+".bytes"
	})
	if i < 0 {
		for _, c := range p.Columns {
			if c.Path[0] == named {
				return 0, fmt.Errorf("column %s holds %s, and no images: want one image a row, as binary values or a structure with binary values called bytes", named, contentOf(p, named))
			}
		}
		return 0, fmt.Errorf("%w called %s among its columns %s", errNoColumn, named, columnsOf(p))
	}
	if c := &p.Columns[i]; !mayHoldImages(c) {
		return 0, fmt.Errorf("column %s holds %s, and no images: want one image a row, as binary values or a structure with binary values called bytes", named, c)
	}
	return i, nil
}

// labelColumn finds the column of labels: the one named; else one that is called as labels usually are, or of which the metadata say
// that it holds classes. −1: there is none.
func labelColumn(p *parquet.File, features map[string]feature, images int, named string) (int, error) {
	if named != "" {
		i := slices.IndexFunc(p.Columns, func(c parquet.Column) bool { return c.Name() == named })
		switch {
		case i == images:
			return 0, fmt.Errorf("column %s holds the images, and no labels: want a number or a text in each row", named)
		case i < 0 && slices.ContainsFunc(p.Columns, func(c parquet.Column) bool { return c.Path[0] == named }):
			return 0, fmt.Errorf("column %s holds %s, and no labels: want a number or a text in each row", named, contentOf(p, named))
		case i < 0:
			return 0, fmt.Errorf("it has no column %s; its columns are %s", named, columnsOf(p))
		case !mayLabel(&p.Columns[i]):
			return 0, fmt.Errorf("column %s holds %s, and no labels: want a number or a text in each row", named, &p.Columns[i])
		}
		return i, nil
	}
	best, rank := -1, 0
	for i := range p.Columns {
		c := &p.Columns[i]
		if len(c.Path) != 1 || i == images || !mayLabel(c) {
			continue
		}
		r := 0
		if features[c.Path[0]].Type == "ClassLabel" {
			r = 1
		}
		if table.KindOf(c.Path[0]) == table.Label {
			r += 2
		}
		if strings.EqualFold(c.Path[0], "label") {
			r += 4
		}
		if r > rank {
			best, rank = i, r
		}
	}
	return best, nil
}

// mayLabel tells whether a column's values can be labels.
func mayLabel(c *parquet.Column) bool {
	switch {
	case c.Repeated, c.Type == parquet.Int96, c.Type == parquet.FixedBytes:
		return false
	}
	switch c.Meaning {
	case parquet.Decimal, parquet.Time, parquet.Document:
		return false
	}
	return true
}

// contentOf describes what a column of the top has.
func contentOf(p *parquet.File, name string) string {
	var parts []string
	for i := range p.Columns {
		c := &p.Columns[i]
		switch {
		case c.Path[0] != name:
		case c.Repeated:
			return "lists"
		case len(c.Path) == 1:
			return c.String()
		case !slices.Contains(parts, c.Path[1]):
			parts = append(parts, c.Path[1])
		}
	}
	return "structures of " + strings.Join(parts, " and ")
}

func namesOf(p *parquet.File, columns []int) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = p.Columns[c].Path[0]
	}
	return names
}

// columnsOf lists a file's columns for an error.
func columnsOf(p *parquet.File) string { return listed(topColumns(p)) }

// describedColumns lists them with what they have.
func describedColumns(p *parquet.File) string {
	names := topColumns(p)
	for i, name := range names {
		names[i] = fmt.Sprintf("%s (%s)", name, contentOf(p, name))
	}
	return listed(names)
}

// topColumns are the names of columns and structures.
func topColumns(p *parquet.File) []string {
	var names []string
	for _, c := range p.Columns {
		if len(names) == 0 || names[len(names)-1] != c.Path[0] {
			names = append(names, c.Path[0])
		}
	}
	return names
}

// listed joins names for an error.
func listed(names []string) string {
	const most = 12
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// maxLabels bounds the memory for a page of labels.
const maxLabels = 1 << 30

// readLabels reads the column of labels.
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
			values, err := chunk.Load(page, maxLabels)
			if err != nil {
				return err
			}
			for i := range values.Len() {
				label, err := t.labelOf(values, i, known)
				if err != nil {
					return fmt.Errorf("row %d: %w", len(t.numbers), err)
				}
				t.numbers = append(t.numbers, label)
			}
		}
	}
	return nil
}

// labelOf reads one label. Where the file names its classes, it is the number of one or its name; else it is what is written, by its place
// in texts.
// No value, an empty text, a NaN and −1 are no label.
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
			return 0, option.Errorf("LabelColumn", "column %s holds bytes that are no text, and no labels", t.label)
		}
	} else {
		n, whole := v.Number(i)
		switch {
		case !whole:
			return 0, option.Errorf("LabelColumn", "column %s holds numbers with fractions or beyond all bounds, and no labels", t.label)
		case n == -1:
			return -1, nil
		case t.names != nil && (n < 0 || n >= int64(len(t.names))):
			return 0, fmt.Errorf("label %d, where the file names %d classes", n, len(t.names))
		case t.names != nil:
			return int32(n), nil
		}
		var digits [20]byte
		text = strconv.AppendInt(digits[:0], n, 10)
	}
	if len(text) == 0 {
		return -1, nil
	}
	k, ok := known[string(text)]
	switch {
	case ok:
	case t.names != nil:
		return 0, fmt.Errorf("label %q, which is none of the %d classes that the file names", text, len(t.names))
	default:
		k = int32(len(t.texts))
		t.texts = append(t.texts, string(text))
		known[t.texts[k]] = k
	}
	return k, nil
}

// agree fails if files have their images or labels in different columns, or if some name the classes that others only number.
func agree(all []*rowFile) error {
	first := all[0]
	var named, numbered string
	for _, t := range all {
		switch {
		case t.names != nil && named == "":
			named = t.name
		case t.counted && len(t.texts) > 0 && numbered == "":
			numbered = t.name
		}
	}
	if named != "" && numbered != "" {
		return option.Errorf("LabelsFrom", "%s names its classes, and %s has numbers without names, of which nothing says that they mean the same: give the files one by one, or leave out the labels", named, numbered)
	}
	for _, t := range all[1:] {
		switch {
		case t.image != first.image:
			return option.Errorf("ImageColumn", "%s has its images in column %s, and %s in %s: give the files one by one, or name a column", first.name, first.image, t.name, t.image)
		case t.label != first.label && t.label != "" && first.label != "":
			return option.Errorf("LabelColumn", "%s has its labels in column %s, and %s in %s: name one", first.name, first.label, t.name, t.label)
		}
	}
	return nil
}

// nameLabels gives the items their labels, and the set its classes: in the order of the files' metadata where those agree, else in that
// of the names. Items are still in the order of the files.
func (s *Set) nameLabels(all []*rowFile) error {
	var names []string
	alike, labelled := true, false
	for _, t := range all {
		if t.numbers != nil {
			if t.names == nil && len(t.texts) == 0 { // its rows have no labels
				continue
			}
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
			if n >= 0 {
				texts[at+i] = words[n]
				s.Items[at+i].Label = int(n)
			}
		}
		at += int(t.rows.Rows)
	}
	if !named {
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

// splitOfFile is the split that the name of a file, or the folder nearest to it, tells: train-00000-of-00002.parquet, test/0.parquet.
func splitOfFile(name string) string {
	for name != "." && name != "/" {
		base := strings.ToLower(path.Base(name))
		for _, word := range strings.FieldsFunc(base, func(r rune) bool { return r == '-' || r == '_' || r == '.' || r == ' ' }) {
			switch split := splitNames[word]; {
			case split != "":
				return split
			case word == "dev":
				return "val"
			case word == "eval" || word == "evaluation":
				return "test"
			case word == "unlabeled" || word == "unlabelled" || word == "unsupervised":
				return "unlabeled"
			}
		}
		name = path.Dir(name)
	}
	return ""
}
