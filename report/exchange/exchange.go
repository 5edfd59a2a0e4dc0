package exchange

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"

	"iconic/internal/spreadsheet"
)

// Row is an image and its cluster.
type Row struct {
	Path       string  `json:"path" parquet:"path"`
	PathBytes  []byte  `json:"path_bytes,omitempty" parquet:"path_bytes,optional"` // set by the writers
	Label      *string `json:"label,omitempty" parquet:"label,optional"`           // the name of its true class; nil: none
	Cluster    int64   `json:"cluster" parquet:"cluster"`
	Name       *string `json:"name,omitempty" parquet:"name,optional"` // of the cluster; nil: none
	Confidence float64 `json:"confidence" parquet:"confidence"`        // 0 to 1
	Excluded   bool    `json:"excluded" parquet:"excluded"`            // left out by hand
}

var columns = []string{"path", "label", "cluster", "name", "confidence", "excluded"}

// Format is a file format.
type Format string

// The formats, named after their file extensions.
const (
	CSV     Format = "csv"
	JSONL   Format = "jsonl"
	Parquet Format = "parquet"
)

// Formats lists all formats.
var Formats = []Format{CSV, JSONL, Parquet}

// Write writes rows in a format. With safe, CSV cells that a spreadsheet would read as formulas get an apostrophe; computed counts such cells.
func (f Format) Write(w io.Writer, rows iter.Seq[Row], safe bool) (computed int, err error) {
	switch f {
	case CSV:
		return writeCSV(w, rows, safe)
	case JSONL:
		lines := json.NewEncoder(w)
		lines.SetEscapeHTML(false)
		for r := range rows {
			if err := lines.Encode(r.text()); err != nil {
				return 0, err
			}
		}
		return 0, nil
	case Parquet:
		return 0, writeParquet(w, rows)
	}
	return 0, fmt.Errorf("format %q: want one of %v", f, Formats)
}

// text converts the row's path to UTF-8.
func (r Row) text() Row {
	if !utf8.ValidString(r.Path) {
		r.PathBytes, r.Path = []byte(r.Path), strings.ToValidUTF8(r.Path, "\uFFFD")
	}
	return r
}

func writeCSV(w io.Writer, rows iter.Seq[Row], safe bool) (computed int, err error) {
	c := csv.NewWriter(w)
	if err := c.Write(columns); err != nil {
		return 0, err
	}
	for r := range rows {
		cells := []string{
			r.Path, optional(r.Label), strconv.FormatInt(r.Cluster, 10), optional(r.Name),
			strconv.FormatFloat(r.Confidence, 'g', -1, 64), strconv.FormatBool(r.Excluded),
		}
		for k, cell := range cells {
			if spreadsheet.Computed(cell) {
				computed++
				if safe {
					cells[k] = spreadsheet.Text(cell)
				}
			}
		}
		if err := c.Write(cells); err != nil {
			return computed, err
		}
	}
	c.Flush()
	return computed, c.Error()
}

func optional(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// rowGroup is the number of rows in a row group of a Parquet file, which are held in memory.
const rowGroup = 1 << 16

func writeParquet(w io.Writer, rows iter.Seq[Row]) error {
	p := parquet.NewGenericWriter[Row](w, parquet.Compression(&parquet.Zstd), parquet.MaxRowsPerRowGroup(rowGroup))
	batch := make([]Row, 0, 1024)
	flush := func() error {
		_, err := p.Write(batch)
		batch = batch[:0]
		return err
	}
	for r := range rows {
		if batch = append(batch, r.text()); len(batch) == cap(batch) {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return p.Close()
}
