package dataset

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"iconic/internal/parquet"
	"iconic/internal/table"
	"iconic/option"
)

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
