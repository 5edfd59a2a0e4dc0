package matrix

import "fmt"

// Dense is a matrix of Len rows of Width numbers, stored one after the other: Features in memory.
type Dense struct {
	Width int // ≥ 1
	X     []float32
}

// NewDense makes n rows of zeros.
func NewDense(n, width int) *Dense { return &Dense{width, make([]float32, n*width)} }

// Len is the number of rows; without a width there are none.
func (r *Dense) Len() int {
	if r.Width < 1 {
		return 0
	}
	return len(r.X) / r.Width
}

// Dim is the number of columns.
func (r *Dense) Dim() int { return r.Width }

// Row is row i, in the matrix's own memory.
func (r *Dense) Row(i int) []float32 { return r.X[i*r.Width : (i+1)*r.Width] }

// Block copies rows lo to hi−1 into dst, whose length must be exactly theirs.
func (r *Dense) Block(dst []float32, lo, hi int) error {
	if lo < 0 || hi < lo || hi > r.Len() || len(dst) != (hi-lo)*r.Width {
		return fmt.Errorf("rows %d to %d of %d do not fit %d numbers", lo, hi, r.Len(), len(dst))
	}
	copy(dst, r.X[lo*r.Width:])
	return nil
}

// Gather copies the listed rows into dst, in that order; dst may be longer.
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
