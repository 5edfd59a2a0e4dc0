package report

import (
	"fmt"
	"math"
	"slices"
)

// contingency counts the items of each (row, column) pair: clusters in rows, classes in columns.
type contingency struct {
	n          int
	rows, cols int    // one more than the largest index
	cells      []cell // only count > 0; ordered by row, then column
	rowSizes   []int
	colSizes   []int
}

type cell struct{ row, col, count int }

// newContingency counts pairs from two labellings of the same items; entries are ≥ 0.
func newContingency(row, col []int) *contingency {
	t := &contingency{n: len(row)}
	for i := range row {
		t.rows, t.cols = max(t.rows, row[i]+1), max(t.cols, col[i]+1)
	}
	t.rowSizes, t.colSizes = make([]int, t.rows), make([]int, t.cols)
	for i := range row {
		t.rowSizes[row[i]]++
		t.colSizes[col[i]]++
	}
	// Items are sorted by row with a counting sort; then each row's columns are counted in a buffer that is reset afterwards.
	place := make([]int, t.rows+1)
	for r, size := range t.rowSizes {
		place[r+1] = place[r] + size
	}
	sorted := make([]int, len(row))
	next := slices.Clone(place)
	for i, r := range row {
		sorted[next[r]] = col[i]
		next[r]++
	}
	count := make([]int, t.cols)
	var touched []int
	for r := range t.rows {
		touched = touched[:0]
		for _, c := range sorted[place[r]:place[r+1]] {
			if count[c]++; count[c] == 1 {
				touched = append(touched, c)
			}
		}
		slices.Sort(touched)
		for _, c := range touched {
			t.cells = append(t.cells, cell{r, c, count[c]})
			count[c] = 0
		}
	}
	return t
}

// majority is the number of items in the most frequent column of their row.
func (t *contingency) majority() int {
	best := make([]int, t.rows)
	for _, c := range t.cells {
		best[c.row] = max(best[c.row], c.count)
	}
	sum := 0
	for _, b := range best {
		sum += b
	}
	return sum
}

// entropy is the entropy of a partition with parts of the given sizes, in nats.
func entropy(sizes []int) float64 {
	n := 0
	for _, s := range sizes {
		n += s
	}
	var h float64
	for _, s := range sizes {
		if s > 0 {
			p := float64(s) / float64(n)
			h -= p * math.Log(p)
		}
	}
	return h
}

// mutualInformation is the mutual information of rows and columns, in nats.
func (t *contingency) mutualInformation() float64 {
	n := float64(t.n)
	var sum float64
	for _, c := range t.cells {
		sum += float64(c.count) / n * math.Log(float64(c.count)/float64(t.rowSizes[c.row])*(n/float64(t.colSizes[c.col])))
	}
	return max(0, sum) // below 0 only by rounding
}

func used(sizes []int) int {
	count := 0
	for _, s := range sizes {
		if s > 0 {
			count++
		}
	}
	return count
}

// same reports whether rows and columns are the same partition under different names. All agreement scores are then 1, even
// for one part or n parts, where their formulas would divide 0 by 0.
func (t *contingency) same() bool {
	return len(t.cells) == used(t.rowSizes) && len(t.cells) == used(t.colSizes)
}

// nmi is I(U;V) / ((H(U) + H(V))/2), in [0, 1].
func (t *contingency) nmi() float64 {
	if t.same() {
		return 1
	}
	return min(1, 2*t.mutualInformation()/(entropy(t.rowSizes)+entropy(t.colSizes)))
}

// ari is the Rand index adjusted for chance (Hubert and Arabie 1985): the number of pairs of items together in both partitions
// minus its expectation, divided by its maximum minus its expectation. At most 1, 0 by chance.
func (t *contingency) ari() float64 {
	if t.same() {
		return 1
	}
	pairs := func(m int) float64 { return float64(m) * float64(m-1) / 2 }
	var both, rows, cols float64
	for _, c := range t.cells {
		both += pairs(c.count)
	}
	for _, s := range t.rowSizes {
		rows += pairs(s)
	}
	for _, s := range t.colSizes {
		cols += pairs(s)
	}
	expected := rows / pairs(t.n) * cols
	return (both - expected) / ((rows+cols)/2 - expected)
}

// ami is (I − E[I]) / ((H(U) + H(V))/2 − E[I]) (Vinh, Epps and Bailey 2010), with the expectation over partitions with
// the same sizes: at most 1, 0 by chance.
func (t *contingency) ami() float64 {
	if t.same() {
		return 1
	}
	expected := t.expectedInformation()
	possible := (entropy(t.rowSizes)+entropy(t.colSizes))/2 - expected
	const eps = 0x1p-52
	if possible < 0 {
		possible = min(possible, -eps)
	} else {
		possible = max(possible, eps)
	}
	return (t.mutualInformation() - expected) / possible
}

// expectedInformation is E[I] over all pairs of partitions with these part sizes, exactly:
//
//	Σ_ij Σ_m P_ij(m) · m/n · log(n·m / (a_i·b_j)),     P_ij hypergeometric: m of b_j drawn items are among a_i of n.
//
// Equal pairs of sizes are computed once.
func (t *contingency) expectedInformation() float64 {
	rows, cols := multiplicities(t.rowSizes), multiplicities(t.colSizes)
	largest := 0
	for _, r := range rows {
		largest = max(largest, r.size)
	}
	logs := make([]float64, largest+1)
	for m := 1; m <= largest; m++ {
		logs[m] = math.Log(float64(m))
	}
	var sum float64
	for _, r := range rows {
		for _, c := range cols {
			sum += float64(r.times) * float64(c.times) * expectedCell(t.n, r.size, c.size, logs)
		}
	}
	return sum
}

// expectedCell is Σ_m P(m)·m/n·log(n·m/(a·b)). Starting at the mode, the weights follow from the ratio of neighbours,
//
//	P(m+1)/P(m) = (a−m)(b−m) / ((m+1)(n−a−b+m+1)),
//
// in both directions until they are negligible, and are divided by their sum: no factorial is needed and nothing overflows.
func expectedCell(n, a, b int, logs []float64) float64 {
	lowest, highest := max(0, a+b-n), min(a, b)
	mode := min(highest, max(lowest, int(float64(a+1)*float64(b+1)/float64(n+2))))
	offset := math.Log(float64(n) / float64(a) / float64(b))
	const negligible = 1e-22
	var weights, sum float64
	add := func(m int, w float64) {
		weights += w
		if m > 0 {
			sum += w * float64(m) * (offset + logs[m])
		}
	}
	add(mode, 1)
	for m, w := mode, 1.0; m < highest && w > negligible; m++ {
		w *= float64(a-m) * float64(b-m) / (float64(m+1) * float64(n-a-b+m+1))
		add(m+1, w)
	}
	for m, w := mode, 1.0; m > lowest && w > negligible; m-- {
		w *= float64(m) * float64(n-a-b+m) / (float64(a-m+1) * float64(b-m+1))
		add(m-1, w)
	}
	return sum / weights / float64(n)
}

type multiplicity struct{ size, times int }

// multiplicities lists the sizes above 0, ascending, each with the number of parts of that size.
func multiplicities(sizes []int) []multiplicity {
	sorted := slices.Sorted(slices.Values(sizes))
	var list []multiplicity
	for _, s := range sorted {
		switch {
		case s == 0:
		case len(list) > 0 && list[len(list)-1].size == s:
			list[len(list)-1].times++
		default:
			list = append(list, multiplicity{s, 1})
		}
	}
	return list
}

// AdjustedRandIndex compares two labellings of the same items: 1 if they are the same partition, 0 by chance. It
// returns an error for unequal or zero lengths and for labels below 0 or of 2²⁴ or more.
func AdjustedRandIndex(a, b []int) (float64, error) {
	if len(a) != len(b) || len(a) == 0 {
		return 0, fmt.Errorf("adjusted Rand index of %d and %d items: want the same number, at least 1", len(a), len(b))
	}
	for _, labels := range [][]int{a, b} {
		for i, y := range labels {
			if y < 0 || y >= mostClusters {
				return 0, fmt.Errorf("adjusted Rand index: item %d has label %d: want 0 to %d", i, y, mostClusters-1)
			}
		}
	}
	return newContingency(a, b).ari(), nil
}
