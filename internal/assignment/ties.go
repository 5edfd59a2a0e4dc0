package assignment

// optimum is a pairing of least cost with the prices that prove it: c_ij − rowPrice_i − columnPrice_j ≥ 0, with equality if i and j are
// paired, and price 0 for everything left over. Pairs with equality are called tight; a pairing that covers the shorter side is optimal if
// all its pairs are tight and everything left over has price 0.
type optimum[T Number] struct {
	columnOf, rowOf       []int
	rowPrice, columnPrice []T
}

// lowestFirst exchanges tight pairs until row 0 has the lowest column that any optimum gives it, then row 1, and so on.
//
// Row i may move from its column to a lower tight one, j, if the holder of j can move on along tight pairs until some row takes the column
// that i gives up: a path in the graph whose nodes are columns. Two further moves exist. If rows outnumber columns, a row of price 0 may
// give up its column and a row without a column take it; node `cols`, "no column", stands for this. If columns outnumber rows, a row may
// take a free column if another column of price 0 becomes free instead.
func (o *optimum[T]) lowestFirst(cost []T, rows, cols int) {
	t := newTight(o, cost, rows, cols)
	nobody := cols
	from := make([]int, cols+1)  // node before each on the path
	mover := make([]int, cols+1) // row that moves into each node from the one before; Unmatched: the column is emptied
	seen := make([]int, cols+1)  // last row whose search saw the node, plus one
	queue := make([]int, 0, cols+1)
	for i := range rows {
		target := o.columnOf[i]
		if target == Unmatched {
			target = nobody
		}
		for _, candidate := range t.columns(i) {
			j := int(candidate)
			if j >= target {
				break
			}
			if seen[j] == i+1 || o.fixed(j, i) {
				continue // a dead end, or the column of an earlier row
			}
			seen[j] = i + 1
			queue = append(queue[:0], j)
			reach := func(node, via, row int) {
				if seen[node] != i+1 && (node == target || node == nobody || !o.fixed(node, i)) {
					seen[node], from[node], mover[node] = i+1, via, row
					queue = append(queue, node)
				}
			}
			for head := 0; head < len(queue) && seen[target] != i+1; head++ {
				t.successors(queue[head], i, reach)
			}
			if seen[target] == i+1 {
				o.shift(i, j, target, from, mover)
				break
			}
		}
	}
}

// fixed reports whether column j belongs to row i or an earlier one.
func (o *optimum[T]) fixed(j, i int) bool { return o.rowOf[j] != Unmatched && o.rowOf[j] <= i }

// shift moves every row on the path from j to target one node further, and row i to j.
func (o *optimum[T]) shift(i, j, target int, from, mover []int) {
	nobody := len(o.rowOf)
	if target != nobody {
		o.rowOf[target] = Unmatched
	}
	for node := target; node != j; node = from[node] {
		row := mover[node]
		switch {
		case row == Unmatched: // node stays empty
			o.rowOf[node] = Unmatched
		case node == nobody:
			o.columnOf[row] = Unmatched
		default:
			o.columnOf[row], o.rowOf[node] = node, row
		}
	}
	o.columnOf[i], o.rowOf[j] = j, i
}

// tight lists the tight pairs, row by row, columns ascending.
type tight[T Number] struct {
	*optimum[T]
	start  []int
	column []int32
	spare  []int // columns of price 0, where columns outnumber rows
	over   bool  // rows outnumber columns
	swept  int   // last row whose search has offered the spare columns, plus one
}

func newTight[T Number](o *optimum[T], cost []T, rows, cols int) *tight[T] {
	t := &tight[T]{optimum: o, start: make([]int, rows+1), over: rows > cols}
	for i := range rows {
		u := o.rowPrice[i]
		for j, c := range cost[i*cols : (i+1)*cols] {
			if c-u-o.columnPrice[j] <= 0 { // below 0 by rounding at most
				t.column = append(t.column, int32(j))
			}
		}
		t.start[i+1] = len(t.column)
	}
	if cols > rows {
		for j, v := range o.columnPrice {
			if v >= 0 {
				t.spare = append(t.spare, j)
			}
		}
	}
	return t
}

func (t *tight[T]) columns(i int) []int32 { return t.column[t.start[i]:t.start[i+1]] }

// successors calls reach for every node to which the holder of a node may move; rows up to i stay where they are.
func (t *tight[T]) successors(node, i int, reach func(node, via, row int)) {
	nobody := len(t.rowOf)
	if node == nobody {
		for row := i + 1; row < len(t.columnOf); row++ {
			if t.columnOf[row] == Unmatched {
				for _, j := range t.columns(row) {
					reach(int(j), node, row)
				}
			}
		}
		return
	}
	row := t.rowOf[node]
	if row == Unmatched {
		if t.swept != i+1 { // every empty column has the same successors
			t.swept = i + 1
			for _, j := range t.spare {
				reach(j, node, Unmatched)
			}
		}
		return
	}
	for _, j := range t.columns(row) {
		reach(int(j), node, row)
	}
	if t.over && t.rowPrice[row] >= 0 {
		reach(nobody, node, row)
	}
}
