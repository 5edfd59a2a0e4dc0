package matrix

import "fmt"

// Beside presents several sets of features of the same rows as one: each row is the concatenation of the sets' rows, each multiplied by its
// own factor.
type Beside struct {
	Sets  []Features
	Scale []float32
}

func (b *Beside) check() error {
	if err := checkAll(b.Sets); err != nil {
		return err
	}
	if len(b.Scale) != len(b.Sets) {
		return fmt.Errorf("%d factors for %d sets of features side by side: want one for each", len(b.Scale), len(b.Sets))
	}
	for e, s := range b.Sets {
		if n := b.Sets[0].Len(); s.Len() != n {
			return fmt.Errorf("sets of features side by side have %d rows (the first) and %d (number %d): want the same rows in each", n, s.Len(), e+1)
		}
	}
	return nil
}

// Len implements Features: the number of rows, the same in each set.
func (b *Beside) Len() int { return b.Sets[0].Len() }

// Dim implements Features.
func (b *Beside) Dim() int {
	d := 0
	for _, s := range b.Sets {
		d += s.Dim()
	}
	return d
}

// Block implements Features.
func (b *Beside) Block(dst []float32, lo, hi int) error {
	return b.fill(dst, hi-lo, func(s Features, x []float32) error { return s.Block(x, lo, hi) })
}

// Gather implements Features.
func (b *Beside) Gather(dst []float32, rows []int32) error {
	return b.fill(dst, len(rows), func(s Features, x []float32) error { return s.Gather(x, rows) })
}

func (b *Beside) fill(dst []float32, n int, read func(s Features, x []float32) error) error {
	width, at := b.Dim(), 0
	for e, s := range b.Sets {
		d := s.Dim()
		x := make([]float32, n*d)
		if err := read(s, x); err != nil {
			return err
		}
		for i := range n {
			for c, v := range x[i*d : (i+1)*d] {
				dst[i*width+at+c] = b.Scale[e] * v
			}
		}
		at += d
	}
	return nil
}
