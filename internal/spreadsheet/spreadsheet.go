package spreadsheet

import (
	"encoding/csv"
	"io"
	"strconv"
	"strings"
)

// Computed tells whether a spreadsheet would take a cell for a formula. A number is none.
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

// Text is a cell that no spreadsheet computes: with an apostrophe before it where it, or what follows apostrophes in it, needs one.
func Text(cell string) string {
	if Computed(strings.TrimLeft(cell, "'")) {
		return "'" + cell
	}
	return cell
}

// Plain is the cell that Text was given.
func Plain(text string) string {
	if cell, ok := strings.CutPrefix(text, "'"); ok && Computed(strings.TrimLeft(cell, "'")) {
		return cell
	}
	return text
}

// Writer writes rows of CSV.
type Writer struct {
	Safe     bool // write cells as Text
	Computed int  // cells so far that a spreadsheet would compute, or would have computed

	csv *csv.Writer
}

// NewWriter makes a writer. What it is given is in w after Flush.
func NewWriter(w io.Writer, safe bool) *Writer { return &Writer{Safe: safe, csv: csv.NewWriter(w)} }

// Write writes a row, whose cells it may change.
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

// Flush writes out what is held back.
func (w *Writer) Flush() error {
	w.csv.Flush()
	return w.csv.Error()
}
