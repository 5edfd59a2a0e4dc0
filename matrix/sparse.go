package matrix

import "fmt"

// Sparse is a matrix with few entries per row, in compressed sparse row form. Row i has the entries Offset[i] to Offset[i+1] of Column and
// Weight. Within a row, columns ascend and are distinct.
type Sparse struct {
	Offset []int     // length Len()+1, ascending, Offset[0] = 0
	Column []int32   // column of each entry, ≥ 0
	Weight []float32 // weight of each entry; in a distribution ≥ 0, each row summing to 1
}

// Len is the number of rows.
func (r *Sparse) Len() int { return len(r.Offset) - 1 }

// Row returns the entries of row i. The slices share memory with r.
func (r *Sparse) Row(i int) (column []int32, weight []float32) {
	lo, hi := r.Offset[i], r.Offset[i+1]
	return r.Column[lo:hi], r.Weight[lo:hi]
}

// Check returns an error for the first way in which r is not a valid matrix with the given number of columns.
func (r *Sparse) Check(columns int) error {
	if len(r.Offset) == 0 || r.Offset[0] != 0 || r.Offset[len(r.Offset)-1] != len(r.Column) || len(r.Column) != len(r.Weight) {
		return fmt.Errorf("sparse rows: %d offsets do not fit %d columns and %d weights", len(r.Offset), len(r.Column), len(r.Weight))
	}
	for i := range r.Len() {
		if r.Offset[i] > r.Offset[i+1] {
			return fmt.Errorf("sparse rows: row %d ends before it starts", i)
		}
		column, _ := r.Row(i)
		for e, c := range column {
			if c < 0 || int(c) >= columns {
				return fmt.Errorf("sparse rows: row %d has column %d of %d", i, c, columns)
			}
			if e > 0 && column[e-1] >= c {
				return fmt.Errorf("sparse rows: row %d has column %d after column %d", i, c, column[e-1])
			}
		}
	}
	return nil
}
