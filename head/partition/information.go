package partition

import (
	"math"
	"slices"
)

// Edges gives the neighbours of every row, by index.
type Edges interface{ Row(i int) []int32 }

// Information returns the mutual information, in nats, of the clusters at both ends of a random edge, taken in either direction, and the
// entropy of the cluster at one end:
//
//	I = Σ_ab P_ab ln(P_ab / P_a P_b),   H = −Σ_a P_a ln P_a,
//
// with P_ab the share of edges between clusters a and b of k, and P_a = Σ_b P_ab. Debiased InfoNCE clustering maximises I over soft clusters.
// Both are 0 if there are no edges. The memory is proportional to the edges or to the pairs of clusters, whichever are fewer.
func Information(cluster []int32, near Edges, k int) (information, entropy float64) {
	pairs := countPairs(cluster, near, k)
	ends, total := make([]int64, k), int64(0)
	for p := range pairs {
		ends[p.a] += p.edges
		total += p.edges
	}
	if total == 0 {
		return 0, 0
	}
	for p := range pairs {
		information += float64(p.edges) * math.Log(float64(p.edges)*float64(total)/(float64(ends[p.a])*float64(ends[p.b])))
	}
	for _, end := range ends {
		if end > 0 {
			entropy -= float64(end) * math.Log(float64(end)/float64(total))
		}
	}
	return information / float64(total), entropy / float64(total)
}

// Explained is the share of the entropy of a row's cluster that its neighbours' clusters explain, I/H of Information, from 0 to 1; 0 if all rows
// are in one cluster.
func Explained(cluster []int32, near Edges, k int) float64 {
	information, entropy := Information(cluster, near, k)
	if entropy == 0 {
		return 0
	}
	return information / entropy
}

// pair is two clusters joined by edges.
type pair struct {
	a, b  int
	edges int64
}

// countPairs iterates over the pairs of clusters joined by edges in either direction, ordered by a and then by b.
func countPairs(cluster []int32, near Edges, k int) func(yield func(pair) bool) {
	ends := 0
	for i := range cluster {
		ends += 2 * len(near.Row(i))
	}
	if k*k <= ends {
		return countInTable(cluster, near, k)
	}
	return countByOrder(cluster, near, k, ends)
}

// countInTable counts in a table of all k² pairs.
func countInTable(cluster []int32, near Edges, k int) func(yield func(pair) bool) {
	table := make([]int64, k*k)
	for i, a := range cluster {
		for _, j := range near.Row(i) {
			b := cluster[j]
			table[int(a)*k+int(b)]++
			table[int(b)*k+int(a)]++
		}
	}
	return func(yield func(pair) bool) {
		for at, edges := range table {
			if edges > 0 && !yield(pair{at / k, at % k, edges}) {
				return
			}
		}
	}
}

// countByOrder sorts the ends of all edges.
func countByOrder(cluster []int32, near Edges, k, ends int) func(yield func(pair) bool) {
	list := make([]int, 0, ends)
	for i, a := range cluster {
		for _, j := range near.Row(i) {
			b := cluster[j]
			list = append(list, int(a)*k+int(b), int(b)*k+int(a))
		}
	}
	slices.Sort(list)
	return func(yield func(pair) bool) {
		for lo := 0; lo < len(list); {
			hi := lo + 1
			for hi < len(list) && list[hi] == list[lo] {
				hi++
			}
			if !yield(pair{list[lo] / k, list[lo] % k, int64(hi - lo)}) {
				return
			}
			lo = hi
		}
	}
}
