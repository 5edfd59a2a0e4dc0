package matrix

import "fmt"

// Dense is a matrix of Len rows of Width numbers, one after the other. It is the Features that need no file.
type Dense struct {
	Width int // ≥ 1
	X     []float32
}

// NewDense makes n rows of zeros.
func NewDense(n, width int) *Dense { return &Dense{width, make([]float32, n*width)} }

// Len is the number of rows.
func (r *Dense) Len() int { return len(r.X) / r.Width }

// Dim is the numbers of a row.
func (r *Dense) Dim() int { return r.Width }

// Row is row i, in the matrix's own memory.
func (r *Dense) Row(i int) []float32 { return r.X[i*r.Width : (i+1)*r.Width] }

// Block copies the rows lo to hi−1 into dst, which must have just their size.
func (r *Dense) Block(dst []float32, lo, hi int) error {
	if lo < 0 || hi < lo || hi > r.Len() || len(dst) != (hi-lo)*r.Width {
		return fmt.Errorf("rows %d to %d of %d do not fit %d numbers", lo, hi, r.Len(), len(dst))
	}
	copy(dst, r.X[lo*r.Width:])
	return nil
}

// Gather copies the named rows into dst, in that order; dst may be longer than they are.
func (r *Dense) Gather(dst []float32, rows []int32) error {
	if len(dst) < len(rows)*r.Width {
		return fmt.Errorf("%d rows of %d do not fit %d numbers", len(rows), r.Width, len(dst))
	}
	for e, i := range rows {
		if i < 0 || int(i) >= r.Len() {
			return fmt.Errorf("row %d of %d", i, r.Len())
		}
		copy(dst[e*r.Width:(e+1)*r.Width], r.Row(int(i)))
	}
	return nil
}
