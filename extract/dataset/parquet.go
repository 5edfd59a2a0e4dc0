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

	"iconic/internal/budget"
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

// feature is the datasets library's description of a column in a file's metadata.
type feature struct {
	Type  string     `json:"_type"`
	Names classNames `json:"names"`
}

// classNames are class names in the order of their numbers. A class with an empty name is named by its number.
type classNames []string

// UnmarshalJSON reads a list of names, or an object that maps numbers to names. Anything else is ignored.
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

// featuresOf reads the metadata of the datasets library; metadata in any other form is ignored.
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

// errNoColumn is in the chain of the error for a file without an image column.
var errNoColumn = errors.New("it has no column of images")

// imageColumn finds the image column: the named one; else one that the metadata declare as images; else a structure with binary values
// called bytes; else a binary column. Among several it takes the one with a usual name for images.
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
			return 0, option.Errorf("ImageColumn", "the columns %q may all hold images: name one of them", namesOf(p, candidates))
		}
	}
	return 0, fmt.Errorf("%w (binary values, or a structure with binary values called bytes); its columns are %s", errNoColumn, describedColumns(p))
}

// namesakes counts the columns that have a column's name, as programs that join tables write them: that one, others of the same name, and a structure beside a column.
func namesakes(p *parquet.File, column int) (n int) {
	own := &p.Columns[column]
	for i := range p.Columns {
		c := &p.Columns[i]
		if c.Name() == own.Name() || c.Path[0] == own.Path[0] && len(c.Path) != len(own.Path) && min(len(c.Path), len(own.Path)) == 1 {
			n++
		}
	}
	return n
}

// mayHoldImages reports whether a column's values are binary without a declared type.
func mayHoldImages(c *parquet.Column) bool {
	return !c.Repeated && c.Type == parquet.Bytes && c.Meaning == parquet.AsStored
}

// namedImages is the image column that a user names.
func namedImages(p *parquet.File, named string) (int, error) {
	i := slices.IndexFunc(p.Columns, func(c parquet.Column) bool {
		return c.Name() == named || c.Name() == named+".bytes"
	})
	if i < 0 {
		for _, c := range p.Columns {
			if c.Path[0] == named {
				return 0, fmt.Errorf("column %s holds %s, not images: want one image per row, as binary values or a structure with binary values called bytes", named, contentOf(p, named))
			}
		}
		return 0, fmt.Errorf("%w called %s; its columns are %s", errNoColumn, named, columnsOf(p))
	}
	if c := &p.Columns[i]; !mayHoldImages(c) {
		return 0, fmt.Errorf("column %s holds %s, not images: want one image per row, as binary values or a structure with binary values called bytes", named, c)
	}
	return i, nil
}

// labelColumn finds the label column: the named one; else one with a usual name for labels, or one that the metadata declare as classes.
// −1: there is none.
func labelColumn(p *parquet.File, features map[string]feature, images int, named string) (int, error) {
	if named != "" {
		i := slices.IndexFunc(p.Columns, func(c parquet.Column) bool { return c.Name() == named })
		switch {
		case i == images:
			return 0, fmt.Errorf("column %s holds the images, not labels: want a number or a text in each row", named)
		case i < 0 && slices.ContainsFunc(p.Columns, func(c parquet.Column) bool { return c.Path[0] == named }):
			return 0, fmt.Errorf("column %s holds %s, not labels: want a number or a text in each row", named, contentOf(p, named))
		case i < 0:
			return 0, fmt.Errorf("it has no column %s; its columns are %s", named, columnsOf(p))
		case !mayLabel(&p.Columns[i]):
			return 0, fmt.Errorf("column %s holds %s, not labels: want a number or a text in each row", named, &p.Columns[i])
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

// mayLabel reports whether a column's values can be labels.
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

// contentOf describes the content of a top-level column.
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

// describedColumns lists them with their content.
func describedColumns(p *parquet.File) string {
	names := topColumns(p)
	for i, name := range names {
		names[i] = fmt.Sprintf("%s (%s)", name, contentOf(p, name))
	}
	return listed(names)
}

// topColumns are the names of top-level columns and structures.
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
// value, by its index in texts. A missing value, an empty text, NaN and −1 mean no label, and so do
// other negative numbers if the file names no classes.
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
	if len(text) == 0 {
		return -1, nil
	}
	k, ok := known[string(text)]
	switch {
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

// agree fails if files have their images or labels in different columns, or if some name the classes, in their metadata or as labels, and
// others only number them.
func agree(all []*rowFile) error {
	first := all[0]
	var named, numbered string
	for _, t := range all {
		switch {
		case (t.names != nil || t.words()) && named == "":
			named = t.name
		case t.counted && len(t.texts) > 0 && numbered == "":
			numbered = t.name
		}
	}
	if named != "" && numbered != "" {
		return option.Errorf("LabelsFrom", "%s names its classes, and %s has only numbers, which may mean something else: give the files one by one, or leave out the labels", named, numbered)
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
