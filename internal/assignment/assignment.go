package assignment

import (
	"fmt"
	"math"
)

// Number is a type of cost. Integers are computed exactly.
type Number interface{ int | int64 | float64 }

// Unmatched is the column of a row that has none.
const Unmatched = -1

// Solve returns, for each row of cost (rows×cols, row-major), its column in the pairing of least total cost, or Unmatched if rows outnumber
// columns. Ties go to the lowest column of the lowest row; with fractional float64 costs, totals that differ only by rounding may count as
// different. To maximise, negate the costs.
//
// It fails on a length other than rows·cols, on NaN and on costs, infinite ones included, so large that path lengths would overflow.
func Solve[T Number](cost []T, rows, cols int) ([]int, error) {
	if rows < 0 || cols < 0 || len(cost) != rows*cols {
		return nil, fmt.Errorf("assignment: %d costs, want %d rows × %d columns", len(cost), rows, cols)
	}
	if err := checkRange(cost, rows, cols); err != nil {
		return nil, err
	}
	if rows == 0 || cols == 0 {
		return unmatched(rows), nil
	}
	var o optimum[T]
	if rows <= cols {
		s := solve(cost, rows, cols)
		o = optimum[T]{columnOf: s.x, rowOf: s.y, rowPrice: s.rowPrices(), columnPrice: s.v}
	} else { // the solver gives every row a column, so the shorter side must be the rows
		s := solve(transposed(cost, rows, cols), cols, rows)
		o = optimum[T]{columnOf: s.y, rowOf: s.x, rowPrice: s.v, columnPrice: s.rowPrices()}
	}
	o.lowestFirst(cost, rows, cols)
	return o.columnOf, nil
}

// checkRange rejects costs whose sums along a path of rows+cols steps could overflow T.
func checkRange[T Number](cost []T, rows, cols int) error {
	steps := float64(4 * (rows + cols + 1))
	limit := math.MaxFloat64 / steps
	var zero T
	if _, fractional := any(zero).(float64); !fractional {
		limit = math.MaxInt64 / steps
	}
	for k, c := range cost {
		if !(math.Abs(float64(c)) <= limit) { // written so that NaN fails too
			return fmt.Errorf("assignment: cost %v of row %d, column %d: want a number of size at most %.3g", c, k/cols, k%cols, limit)
		}
	}
	return nil
}

func transposed[T Number](a []T, rows, cols int) []T {
	const tile = 32 // a tile of both matrices fits the L1 cache
	t := make([]T, len(a))
	for i0 := 0; i0 < rows; i0 += tile {
		for j0 := 0; j0 < cols; j0 += tile {
			for i := i0; i < min(i0+tile, rows); i++ {
				for j := j0; j < min(j0+tile, cols); j++ {
					t[j*rows+i] = a[i*cols+j]
				}
			}
		}
	}
	return t
}

func unmatched(n int) []int {
	x := make([]int, n)
	for i := range x {
		x[i] = Unmatched
	}
	return x
}

// solver holds a partial pairing of m rows with n ≥ m columns and the columns' prices. Its invariants: a matched row
// holds a column of least reduced cost c_ij − v_j; v ≤ 0 and a free column has v = 0, unless m = n.
type solver[T Number] struct {
	cost []T
	m, n int
	x    []int // column of each row, or Unmatched
	y    []int // row of each column, or Unmatched
	v    []T   // price of each column
}

func solve[T Number](cost []T, m, n int) *solver[T] {
	s := &solver[T]{cost: cost, m: m, n: n, x: unmatched(m), y: unmatched(n), v: make([]T, n)}
	if m == n {
		s.reduceColumns()
	}
	free := make([]int, 0, m)
	for i, j := range s.x {
		if j == Unmatched {
			free = append(free, i)
		}
	}
	if n > 1 {
		for range 2 {
			free = s.reduceRows(free)
		}
	}
	s.augment(free)
	return s
}

func (s *solver[T]) row(i int) []T { return s.cost[i*s.n : (i+1)*s.n] }

// rowPrices are the dual values u_i = c_ij − v_j, j the column of i, so that c_ij − u_i − v_j ≥ 0 everywhere.
func (s *solver[T]) rowPrices() []T {
	u := make([]T, s.m)
	for i, j := range s.x {
		u[i] = s.cost[i*s.n+j] - s.v[j]
	}
	return u
}

// reduceColumns sets every price to the column's least cost and assigns the column to that row if the row is free. If a row was the
// cheapest of exactly one column, the price of that column then falls by the row's advantage over its second choice.
func (s *solver[T]) reduceColumns() {
	cheapest := make([]int, s.n) // row of least cost in each column
	copy(s.v, s.row(0))
	for i := 1; i < s.m; i++ {
		for j, c := range s.row(i) {
			if c < s.v[j] {
				s.v[j], cheapest[j] = c, i
			}
		}
	}
	wanted := make([]int, s.m)
	for j := s.n - 1; j >= 0; j-- {
		i := cheapest[j]
		if wanted[i]++; wanted[i] == 1 {
			s.x[i], s.y[j] = j, i
		}
	}
	for i, count := range wanted {
		if count != 1 || s.n == 1 {
			continue
		}
		own := s.x[i]
		first := true
		var second T
		for j, c := range s.row(i) {
			if j != own && (first || c-s.v[j] < second) {
				second, first = c-s.v[j], false
			}
		}
		s.v[own] -= second - (s.row(i)[own] - s.v[own])
	}
}

// reduceRows lets each free row take its cheapest column, displacing any holder, and returns the rows left free. The price of the column
// falls by the row's advantage over its second choice, so that both become equally good for the row.
func (s *solver[T]) reduceRows(free []int) (left []int) {
	budget := 8*s.m + 64 // leaves long runs of tiny bids to the augmentation
	for k := 0; k < len(free); {
		i := free[k]
		k++
		j1, j2, least, second := s.twoCheapest(i)
		price := s.v[j1] - (second - least)
		lower := price < s.v[j1] // also false if rounding absorbs the step
		if lower {
			s.v[j1] = price
		} else if s.y[j1] != Unmatched {
			j1 = j2
		}
		loser := s.y[j1]
		s.x[i], s.y[j1] = j1, i
		if loser == Unmatched {
			continue
		}
		s.x[loser] = Unmatched
		if budget--; lower && budget > 0 {
			k--
			free[k] = loser // bids again at once
		} else {
			left = append(left, loser)
		}
	}
	return left
}

// twoCheapest returns the columns of least and second least reduced cost of row i, the lower index first on ties.
func (s *solver[T]) twoCheapest(i int) (j1, j2 int, least, second T) {
	row, v := s.row(i), s.v[:s.n]
	j1, j2 = 0, 1
	least, second = row[0]-v[0], row[1]-v[1]
	if second < least {
		j1, j2, least, second = 1, 0, second, least
	}
	for j := 2; j < len(row); j++ {
		if h := row[j] - v[j]; h < second {
			if h < least {
				j1, j2, least, second = j, j1, h, least
			} else {
				j2, second = j, h
			}
		}
	}
	return j1, j2, least, second
}

// augment gives each free row a column along a shortest path of reassignments. One list holds the columns: first those done, then those at
// the current least distance, from low to up, then the rest.
func (s *solver[T]) augment(free []int) {
	distance := make([]T, s.n)
	previous := make([]int, s.n) // row from which each column is reached
	list := make([]int, s.n)
	for _, start := range free {
		row := s.row(start)
		for j := range list {
			list[j], previous[j], distance[j] = j, start, row[j]-s.v[j]
		}
		low, up, done := 0, 0, 0
		var least T
		end := Unmatched
		for end == Unmatched {
			if low == up {
				done = low
				least, up = nearest(list, distance, low)
				end = s.freeAmong(list[low:up])
				continue
			}
			i := s.y[list[low]]
			offset := s.row(i)[list[low]] - s.v[list[low]] - least
			low++
			row := s.row(i)
			for k := up; k < s.n; k++ {
				j := list[k]
				h := row[j] - s.v[j] - offset
				if !(h < distance[j]) {
					continue
				}
				distance[j], previous[j] = h, i
				if h > least {
					continue
				}
				if s.y[j] == Unmatched {
					end = j
					break
				}
				list[k], list[up] = list[up], j
				up++
			}
		}
		for _, j := range list[:done] {
			s.v[j] += distance[j] - least
		}
		for j := end; ; {
			i := previous[j]
			s.y[j] = i
			j, s.x[i] = s.x[i], j
			if i == start {
				break
			}
		}
	}
}

// nearest moves the columns of least distance among list[low:] to its front and returns that distance and their end.
func nearest[T Number](list []int, distance []T, low int) (least T, up int) {
	least = distance[list[low]]
	up = low + 1
	for k := up; k < len(list); k++ {
		j := list[k]
		h := distance[j]
		if h > least {
			continue
		}
		if h < least {
			least, up = h, low
		}
		list[k], list[up] = list[up], j
		up++
	}
	return least, up
}

// freeAmong returns the lowest free column of a list, or Unmatched.
func (s *solver[T]) freeAmong(columns []int) int {
	lowest := Unmatched
	for _, j := range columns {
		if s.y[j] == Unmatched && (lowest == Unmatched || j < lowest) {
			lowest = j
		}
	}
	return lowest
}
