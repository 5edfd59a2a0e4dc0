package spreadsheet

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// Computed reports whether a spreadsheet would interpret a cell as a formula. A number is not one.
func Computed(cell string) bool {
	if cell == "" || strings.IndexByte("=+-@\t\r", cell[0]) < 0 {
		return false
	}
	if strings.Trim(cell, "0123456789.eE+-") != "" {
		return true
	}
	_, err := strconv.ParseFloat(cell, 64)
	return err != nil
}

// Text is a cell that no spreadsheet computes: an apostrophe is added if the cell, without any leading apostrophes, would be computed.
func Text(cell string) string {
	if Computed(strings.TrimLeft(cell, "'")) {
		return "'" + cell
	}
	return cell
}

// Plain returns the cell from which Text was made.
func Plain(text string) string {
	if cell, ok := strings.CutPrefix(text, "'"); ok && Computed(strings.TrimLeft(cell, "'")) {
		return cell
	}
	return text
}

// Writer writes rows of CSV.
type Writer struct {
	Safe     bool // write cells as Text
	Computed int  // cells so far that a spreadsheet computes, or would compute without Text

	csv *csv.Writer
}

// NewWriter makes a writer. All rows are in w after Flush.
func NewWriter(w io.Writer, safe bool) *Writer { return &Writer{Safe: safe, csv: csv.NewWriter(w)} }

// Write writes a row, and may change its cells.
func (w *Writer) Write(cells []string) error {
	for i, cell := range cells {
		if Computed(cell) {
			w.Computed++
		}
		if w.Safe {
			cells[i] = Text(cell)
		}
	}
	return w.csv.Write(cells)
}

// Flush writes buffered rows.
func (w *Writer) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}
