package matrix

// Beside presents several sets of features of the same rows as one: each row is the concatenation of the sets' rows, each multiplied by its
// own factor.
type Beside struct {
	Sets  []Features
	Scale []float32
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
