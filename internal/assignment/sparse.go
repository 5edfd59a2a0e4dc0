package assignment

import (
	"cmp"
	"fmt"
	"slices"
)

// Overlap is the number of items that row and column have in common.
type Overlap struct {
	Row, Column int32
	Items       int64
}

// SolveSparse returns, for each of n rows, its column of n in a pairing with the most items in common. Pairs that are not listed have none; a
// pair that is listed twice has the sum. Memory is proportional to n and the list, where Solve needs n² costs. Of pairings with equally many
// items, which one is returned depends only on the list; rows that have nothing in common with their columns take the free columns in order. It
// fails on rows and columns out of range, and on negative numbers of items.
//
// Rows are added one by one, each along the path that loses the fewest items, found by Dijkstra's algorithm on costs reduced by the columns'
// prices (shortest augmenting paths, as in Solve). A row may also stay without a column, at no cost, so a path can end at any row.
func SolveSparse(n int, overlaps []Overlap) ([]int, error) {
	s, err := newSparse(n, overlaps)
	if err != nil {
		return nil, err
	}
	for i := range n {
		s.add(int32(i))
	}
	free := 0
	for i, j := range s.x {
		if j == Unmatched {
			for s.y[free] != Unmatched {
				free++
			}
			s.x[i], s.y[free] = free, i
		}
	}
	return s.x, nil
}

// sparse holds a partial pairing. Its invariants: a matched row holds a column of least reduced cost −items − price, which is at most 0; an
// unmatched row that has been added has no column of negative reduced cost; prices are at most 0, and 0 for free columns.
type sparse struct {
	offset []int // of each row's overlaps, n+1
	all    []Overlap
	x, y   []int // column of each row and row of each column, or Unmatched
	price  []int64

	// of the path that is being searched
	distance []int64 // of each column reached
	from     []int32 // the row from which it was reached
	reached  []int32
	settled  []bool
	queue    []step
}

// step is a column at a distance, or, with a negative column −1−i, the end of the path at row i.
type step struct {
	distance int64
	column   int32
}

func newSparse(n int, overlaps []Overlap) (*sparse, error) {
	s := &sparse{
		offset: make([]int, n+1), x: unmatched(n), y: unmatched(n), price: make([]int64, n),
		distance: make([]int64, n), from: make([]int32, n), settled: make([]bool, n),
	}
	for _, o := range overlaps {
		if o.Row < 0 || int(o.Row) >= n || o.Column < 0 || int(o.Column) >= n || o.Items < 0 {
			return nil, fmt.Errorf("assignment: %d items of row %d and column %d: want none or more, of %d rows and columns", o.Items, o.Row, o.Column, n)
		}
	}
	sorted := slices.Clone(overlaps)
	slices.SortFunc(sorted, func(a, b Overlap) int { return cmp.Or(cmp.Compare(a.Row, b.Row), cmp.Compare(a.Column, b.Column)) })
	for _, o := range sorted {
		if last := len(s.all) - 1; last >= 0 && s.all[last].Row == o.Row && s.all[last].Column == o.Column {
			s.all[last].Items += o.Items
			continue
		}
		s.all = append(s.all, o)
	}
	for _, o := range s.all {
		s.offset[o.Row+1]++
	}
	for i := range n {
		s.offset[i+1] += s.offset[i]
	}
	for j := range s.from {
		s.from[j] = Unmatched
	}
	return s, nil
}

// add gives row i a column, if that is worth it, and moves others for it.
func (s *sparse) add(i int32) {
	s.queue, s.reached = s.queue[:0], s.reached[:0]
	s.leave(i, 0)
	var end step
	for {
		end = s.pop()
		if end.column < 0 || s.y[end.column] == Unmatched {
			break
		}
		j := end.column
		if s.settled[j] || end.distance > s.distance[j] {
			continue
		}
		s.settled[j] = true
		row := int32(s.y[j])
		s.leave(row, end.distance-s.reduced(row, j))
	}
	for _, j := range s.reached {
		if s.settled[j] {
			s.price[j] += s.distance[j] - end.distance
		}
	}
	s.turn(i, end)
	for _, j := range s.reached {
		s.settled[j], s.from[j] = false, Unmatched
	}
}

// reduced is the reduced cost of a listed pair.
func (s *sparse) reduced(row, column int32) int64 {
	own := s.all[s.offset[row]:s.offset[row+1]]
	at, _ := slices.BinarySearchFunc(own, column, func(o Overlap, c int32) int { return cmp.Compare(o.Column, c) })
	return -own[at].Items - s.price[column]
}

// leave offers the ways on from a row that is reached at a distance without its column: any other column, or to stay without one.
func (s *sparse) leave(row int32, distance int64) {
	s.push(step{distance, -1 - row})
	for _, o := range s.all[s.offset[row]:s.offset[row+1]] {
		j, d := o.Column, distance-o.Items-s.price[o.Column]
		if s.settled[j] || s.from[j] != Unmatched && s.distance[j] <= d {
			continue
		}
		if s.from[j] == Unmatched {
			s.reached = append(s.reached, j)
		}
		s.distance[j], s.from[j] = d, row
		s.push(step{d, j})
	}
}

// turn gives every row on the path to its end the column by which it was left, back to row i.
func (s *sparse) turn(i int32, end step) {
	j := end.column
	if j < 0 {
		row := -1 - j
		if row == i {
			return
		}
		j = int32(s.x[row])
		s.x[row] = Unmatched
	}
	for {
		row := s.from[j]
		next := int32(s.x[row])
		s.x[row], s.y[j] = int(j), int(row)
		if row == i {
			return
		}
		j = next
	}
}

// before orders steps by distance; ends of paths come first, then the lower column.
func (a step) before(b step) bool {
	return a.distance < b.distance || a.distance == b.distance && a.column < b.column
}

// push and pop keep the queue a binary heap.
func (s *sparse) push(e step) {
	q := append(s.queue, e)
	at := len(q) - 1
	for at > 0 && q[at].before(q[(at-1)/2]) {
		q[at], q[(at-1)/2] = q[(at-1)/2], q[at]
		at = (at - 1) / 2
	}
	s.queue = q
}

func (s *sparse) pop() step {
	q := s.queue
	first, last := q[0], len(q)-1
	q[0] = q[last]
	q = q[:last]
	for at := 0; ; {
		least := at
		for child := 2*at + 1; child <= 2*at+2 && child < len(q); child++ {
			if q[child].before(q[least]) {
				least = child
			}
		}
		if least == at {
			break
		}
		q[at], q[least] = q[least], q[at]
		at = least
	}
	s.queue = q
	return first
}
