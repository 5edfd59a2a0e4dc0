package icon

import (
	"fmt"
	"slices"
)

// Supervisory is p, a given distribution over neighbours. Rows is the usual one, and Build makes it; a type of your own may compute rows on
// request.
type Supervisory interface {
	// Len is the number of points.
	Len() int
	// Row returns the neighbours of i, ascending, each once, and their shares, which are nonnegative and sum to 1. A point without
	// neighbours has only the uniform part of p̃. Several goroutines may call it at once, for the same row too, and none modifies the
	// slices.
	Row(i int) (neighbour []int32, share []float32)
}

var _ Supervisory = (*Rows)(nil)

// checkRows returns an error for the first row of p that is not distinct points below m in ascending order.
func checkRows(p Supervisory, m int) error {
	if r, ok := p.(*Rows); ok {
		return r.Check(m)
	}
	for i := range p.Len() {
		neighbour, share := p.Row(i)
		if len(neighbour) != len(share) {
			return fmt.Errorf("supervisory distribution: row %d has %d neighbours and %d shares", i, len(neighbour), len(share))
		}
		for e, j := range neighbour {
			if j < 0 || int(j) >= m || e > 0 && neighbour[e-1] >= j {
				return fmt.Errorf("supervisory distribution: row %d has point %d of %d: want each once, ascending", i, j, m)
			}
		}
	}
	return nil
}

// Build makes a supervisory distribution of n points: it calls row for each, which adds weights to that point's neighbours. The weights of
// a row, added up by point, are scaled to sum to 1; if all are 0, the shares are equal.
func Build(n int, row func(i int, add func(j int, weight float64))) *Rows {
	r := &Rows{Offset: make([]int, 1, n+1)}
	var entries []entry // of one row
	add := func(j int, w float64) { entries = append(entries, entry{j, w}) }
	for i := range n {
		entries = entries[:0]
		row(i, add)
		entries = merged(entries)
		if free := cap(r.Column) - len(r.Column); free < len(entries) {
			more := grown(len(r.Column), len(entries), i, n)
			r.Column, r.Weight = slices.Grow(r.Column, more), slices.Grow(r.Weight, more)
		}
		sum := 0.0
		for _, e := range entries {
			sum += e.weight
		}
		for _, e := range entries {
			w := 1 / float64(len(entries))
			if sum > 0 {
				w = e.weight / sum
			}
			r.Column, r.Weight = append(r.Column, int32(e.point)), append(r.Weight, float32(w))
		}
		r.Offset = append(r.Offset, len(r.Column))
	}
	return r
}

// grown is the room to make for the entries of row i of n: for as many in each of the other rows as there are on average, but at most twice as many as there are.
// Grown as append does, by a quarter, a dense distribution would be copied a dozen times.
func grown(before, entries, i, n int) int {
	all := before + entries
	return entries + min(all, all/(i+1)*(n-i-1))
}

// entry is a weight of a point.
type entry struct {
	point  int
	weight float64
}

// merged returns one entry per point, ascending, with the sum of its weights in the order given; it overwrites entries.
func merged(entries []entry) []entry {
	slices.SortStableFunc(entries, func(a, b entry) int { return a.point - b.point })
	kept := entries[:0]
	for _, e := range entries {
		if last := len(kept) - 1; last >= 0 && kept[last].point == e.point {
			kept[last].weight += e.weight
		} else {
			kept = append(kept, e)
		}
	}
	return kept
}

// MostPairwise is the largest number of points for which a distribution over all pairs is computed; its weights need 3.2 GB.
const MostPairwise = 20_000

// checkPairwise returns an error unless x is n points of d numbers, few enough to store all their pairs.
func checkPairwise(x []float32, n, d int) error {
	switch {
	case n < 1 || d < 1 || len(x) < n*d:
		return fmt.Errorf("%d points of %d numbers: want at least one of each; there are %d numbers in total", n, d, len(x))
	case n > MostPairwise:
		return fmt.Errorf("all pairs of %d points need too much memory: want at most %d points; a distribution over the edges of a neighbour graph accepts more", n, MostPairwise)
	}
	return nil
}

// other returns the e-th point that is not i.
func other(i, e int) int {
	if e >= i {
		return e + 1
	}
	return e
}

func squareDistance(x []float32, d, i, j int) float64 {
	s := 0.0
	for e, v := range x[i*d : (i+1)*d] {
		c := float64(v) - float64(x[j*d+e])
		s += c * c
	}
	return s
}
