package matrix

import "fmt"

// Gatherer is what rows are selected from.
type Gatherer interface {
	Dim() int
	Gather(dst []float32, rows []int32) error
}

// Selected is some rows of a matrix, in the order of Rows.
type Selected struct {
	Of   Gatherer
	Rows []int32
}

// Len is the number of rows selected.
func (s *Selected) Len() int { return len(s.Rows) }

// Dim is that of the matrix.
func (s *Selected) Dim() int { return s.Of.Dim() }

// Block copies the selected rows lo to hi.
func (s *Selected) Block(dst []float32, lo, hi int) error {
	if lo < 0 || hi < lo || hi > len(s.Rows) {
		return fmt.Errorf("rows [%d, %d) of %d", lo, hi, len(s.Rows))
	}
	return s.Of.Gather(dst, s.Rows[lo:hi])
}

// Gather copies selected rows by their numbers among the selected.
func (s *Selected) Gather(dst []float32, rows []int32) error {
	of := make([]int32, len(rows))
	for i, r := range rows {
		if r < 0 || int(r) >= len(s.Rows) {
			return fmt.Errorf("row %d of %d", r, len(s.Rows))
		}
		of[i] = s.Rows[r]
	}
	return s.Of.Gather(dst, of)
}
