package matrix

// Stacked presents several sets of N rows each as one, one after another.
type Stacked struct {
	Sets []Features
	N    int // rows of each
}

// Len is the number of rows of all sets together.
func (s *Stacked) Len() int { return s.N * len(s.Sets) }

// Dim is the number of columns of each set.
func (s *Stacked) Dim() int { return s.Sets[0].Dim() }

// Block reads rows lo to hi−1 of the stack.
func (s *Stacked) Block(dst []float32, lo, hi int) error {
	rows := make([]int32, 0, hi-lo)
	for i := lo; i < hi; i++ {
		rows = append(rows, int32(i))
	}
	return s.Gather(dst, rows)
}

// Gather reads rows by their indices in the stack.
func (s *Stacked) Gather(dst []float32, rows []int32) error {
	d := s.Dim()
	for v, set := range s.Sets {
		var own []int32
		var places []int
		for e, r := range rows {
			if int(r)/s.N == v {
				own, places = append(own, r%int32(s.N)), append(places, e)
			}
		}
		if len(own) == 0 {
			continue
		}
		x := make([]float32, len(own)*d)
		if err := set.Gather(x, own); err != nil {
			return err
		}
		for e, place := range places {
			copy(dst[place*d:(place+1)*d], x[e*d:(e+1)*d])
		}
	}
	return nil
}
