package cluster

import "iconic/matrix"

// symmetricRows holds p and p + pᵀ on the entries where either is nonzero, so that the row's owner alone can sum a row's gradient.
type symmetricRows struct {
	offset    []int
	column    []int32
	own, both []float32 // p_ij and p_ij + p_ji
	next      []int
}

func (s *symmetricRows) row(i int) (own, both []float32) {
	return s.own[s.offset[i]:s.offset[i+1]], s.both[s.offset[i]:s.offset[i+1]]
}

// fill sets s to p, whose columns ascend in each row. Entry (i, j) appears at most twice in row i: once for p_ij and once for p_ji; the two
// are not merged, since W adds them anyway.
func (s *symmetricRows) fill(p *matrix.Sparse) {
	n := p.Len()
	s.offset = grown(s.offset, n+1)
	s.next = grown(s.next, n)
	clear(s.offset)
	for i := range n {
		column, _ := p.Row(i)
		s.offset[i+1] += len(column)
		for _, j := range column {
			s.offset[j+1]++
		}
	}
	for i := range n {
		s.offset[i+1] += s.offset[i]
		s.next[i] = s.offset[i]
	}
	total := s.offset[n]
	s.column, s.own, s.both = grown(s.column, total), grown(s.own, total), grown(s.both, total)
	for i := range n {
		column, weight := p.Row(i)
		for e, j := range column {
			s.put(i, j, weight[e], weight[e])
			s.put(int(j), int32(i), 0, weight[e])
		}
	}
}

func (s *symmetricRows) put(i int, j int32, own, both float32) {
	at := s.next[i]
	s.next[i]++
	s.column[at], s.own[at], s.both[at] = j, own, both
}
