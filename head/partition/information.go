package partition

import "math"

// Edges are the neighbours of every row, by number.
type Edges interface{ Row(i int) []int32 }

// Information is the mutual information, in nats, of the clusters at both ends of a random edge, taken in either direction, and the entropy of the
// cluster at one end:
//
//	I = Σ_ab P_ab ln(P_ab / P_a P_b),   H = −Σ_a P_a ln P_a,
//
// P_ab being the share of edges between clusters a and b of k, P_a = Σ_b P_ab. It is what debiased InfoNCE clustering maximises over soft clusters.
// Both are 0 where there is no edge.
func Information(cluster []int32, near Edges, k int) (information, entropy float64) {
	edges := make([]int64, k*k)
	for i, a := range cluster {
		for _, j := range near.Row(i) {
			b := cluster[j]
			edges[int(a)*k+int(b)]++
			edges[int(b)*k+int(a)]++
		}
	}
	ends, total := make([]int64, k), int64(0)
	for a := range k {
		for _, e := range edges[a*k : (a+1)*k] {
			ends[a] += e
		}
		total += ends[a]
	}
	if total == 0 {
		return 0, 0
	}
	for a, end := range ends {
		for b, e := range edges[a*k : (a+1)*k] {
			if e > 0 {
				information += float64(e) * math.Log(float64(e)*float64(total)/(float64(end)*float64(ends[b])))
			}
		}
		if end > 0 {
			entropy -= float64(end) * math.Log(float64(end)/float64(total))
		}
	}
	return information / float64(total), entropy / float64(total)
}
