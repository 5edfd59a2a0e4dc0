package dataset

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"iconic/internal/parallel"
	"iconic/internal/regular"
)

// listPaths reads a list of paths, relative to the list's folder or absolute: a text file with one a line, where a tab
// may set off a label, or a CSV or TSV file whose first two columns are path and label.
func (s *Set) listPaths(ctx context.Context, from LabelsFrom) error {
	rows, err := readList(s.Root)
	if err != nil {
		return fmt.Errorf("list %s: %w", s.Root, err)
	}
	folder := filepath.Dir(s.Root)
	names := make([]string, 0, len(rows))
	labelled := false
	for _, row := range rows {
		source := filepath.FromSlash(row.path)
		if !filepath.IsAbs(source) {
			source = filepath.Join(folder, source)
		}
		s.Items = append(s.Items, Item{Path: path.Clean(filepath.ToSlash(row.path)), Label: -1, source: source, container: -1})
		names = append(names, row.label)
		labelled = labelled || row.label != ""
	}
	if labelled && from != None {
		s.label(names, byNumber(names))
	}
	return s.stat(ctx)
}

// stat fills size and stamp of items that are files of their own. A file that has vanished since keeps zeros, and
// fails when it is read.
func (s *Set) stat(ctx context.Context) error {
	return parallel.Blocks(ctx, 0, len(s.Items), 1024, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			item := &s.Items[i]
			if stat, err := os.Stat(s.file(item)); err == nil {
				item.Size, item.modified = stat.Size(), stampOf(stat)
			}
		}
		return nil
	})
}

// row is one line of a list.
type row struct{ path, label string }

func readList(name string) (_ []row, err error) {
	r, _, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	switch strings.ToLower(filepath.Ext(name)) {
	case ".csv":
		return readTable(r, ',')
	case ".tsv":
		return readTable(r, '\t')
	}
	return readLines(r)
}

func readLines(r io.Reader) ([]row, error) {
	var rows []row
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSuffix(strings.TrimPrefix(lines.Text(), "\ufeff"), "\r")
		if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
			continue
		}
		file, label, _ := strings.Cut(line, "\t")
		if file == "" {
			return nil, fmt.Errorf("line %d has no path", n)
		}
		rows = append(rows, row{file, strings.TrimSpace(label)})
	}
	return rows, lines.Err()
}

// readTable reads CSV. A first row that names its columns says where path and label are.
func readTable(r io.Reader, comma rune) ([]row, error) {
	c := csv.NewReader(r)
	c.Comma, c.FieldsPerRecord, c.Comment = comma, -1, '#'
	var rows []row
	file, label := 0, 1
	for n := 0; ; n++ {
		record, err := c.Read()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		if n == 0 {
			record[0] = strings.TrimPrefix(record[0], "\ufeff")
			if f, l, ok := columns(record); ok {
				file, label = f, l
				continue
			}
		}
		if file >= len(record) || record[file] == "" {
			line, _ := c.FieldPos(0)
			return nil, fmt.Errorf("line %d has no path", line)
		}
		entry := row{path: record[file]}
		if label >= 0 && label < len(record) {
			entry.label = record[label]
		}
		rows = append(rows, entry)
	}
}

// columns finds path and label among the names of columns; label is −1 where there is none.
func columns(names []string) (file, label int, ok bool) {
	file, label = -1, -1
	for i, name := range names {
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "path", "file", "filename", "image":
			file = i
		case "label", "class", "target":
			label = i
		}
	}
	return file, label, file >= 0
}

// byNumber orders names by value if all are whole numbers, so that label 10 follows 9; else byte by byte.
func byNumber(names []string) func(a, b string) int {
	for _, name := range names {
		if _, err := strconv.Atoi(name); err != nil && name != "" {
			return strings.Compare
		}
	}
	return func(a, b string) int {
		x, _ := strconv.Atoi(a)
		y, _ := strconv.Atoi(b)
		return cmp.Or(cmp.Compare(x, y), strings.Compare(a, b))
	}
}
