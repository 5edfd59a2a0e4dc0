package matrix

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// RandomRows draws m of n rows, 0 ≤ m ≤ n, all sets alike, and returns them ascending.
func RandomRows(r *rand.Rand, n, m int) []int32 {
	rows := make([]int32, m)
	for e, i := range r.Perm(n)[:m] {
		rows[e] = int32(i)
	}
	slices.Sort(rows)
	return rows
}

// Subset is some rows of features, in the order of Rows.
type Subset struct {
	Features
	Rows []int32
}

// Len is the number of rows in the subset.
func (s *Subset) Len() int { return len(s.Rows) }

// Block implements Features. It fails on rows that s does not have.
func (s *Subset) Block(dst []float32, lo, hi int) error {
	if lo < 0 || hi < lo || hi > len(s.Rows) {
		return fmt.Errorf("rows %d to %d of %d", lo, hi, len(s.Rows))
	}
	return s.Features.Gather(dst, s.Rows[lo:hi])
}

// Gather implements Features; rows are indices into the subset. It fails on an index that s does not have.
func (s *Subset) Gather(dst []float32, rows []int32) error {
	named := make([]int32, len(rows))
	for e, i := range rows {
		if i < 0 || int(i) >= len(s.Rows) {
			return fmt.Errorf("row %d of %d", i, len(s.Rows))
		}
		named[e] = s.Rows[i]
	}
	return s.Features.Gather(dst, named)
}

// Columns is some columns of features, in the order of the field Columns.
type Columns struct {
	Features
	Columns []int
}

// Dim is the number of kept columns.
func (c *Columns) Dim() int { return len(c.Columns) }

// Block reads the kept columns of rows lo to hi.
func (c *Columns) Block(dst []float32, lo, hi int) error {
	x := make([]float32, (hi-lo)*c.Features.Dim())
	if err := c.Features.Block(x, lo, hi); err != nil {
		return err
	}
	c.pick(dst, x)
	return nil
}

// Gather reads the kept columns of the given rows.
func (c *Columns) Gather(dst []float32, rows []int32) error {
	x := make([]float32, len(rows)*c.Features.Dim())
	if err := c.Features.Gather(x, rows); err != nil {
		return err
	}
	c.pick(dst, x)
	return nil
}

func (c *Columns) check() error {
	if err := Check(c.Features); err != nil {
		return err
	}
	for _, e := range c.Columns {
		if d := c.Features.Dim(); int(e) < 0 || int(e) >= d {
			return fmt.Errorf("column %d of features with %d columns: want 0 to %d", e, d, d-1)
		}
	}
	return nil
}

func (c *Columns) pick(dst, x []float32) {
	at := 0
	for d := c.Features.Dim(); len(x) > 0; x = x[d:] {
		for _, e := range c.Columns {
			dst[at] = x[e]
			at++
		}
	}
}
