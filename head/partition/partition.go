package partition

import (
	"context"
	"fmt"
	"math"
	"slices"

	"iconic/internal/assignment"
	"iconic/internal/parallel"
)

// Agreement is the share of rows, from 0 to 1, that two partitions into k clusters assign to the same cluster under the best one-to-one
// matching of their clusters. It fails on partitions of different lengths, of no rows, or with clusters outside 0 to k−1.
func Agreement(a, b []int32, k int) (float64, error) { return Agreeing(nil, 0, a, b, k) }

// Agreeing is Agreement, and adds share to the entries of the rows that agree; nil has none. It also fails on entries of another length.
func Agreeing(to []float64, share float64, a, b []int32, k int) (float64, error) {
	match, err := Match(a, b, k)
	if err != nil {
		return 0, err
	}
	if to != nil && len(to) != len(a) {
		return 0, fmt.Errorf("agreement of two partitions of %d rows: %d entries for them", len(a), len(to))
	}
	same := 0
	for i, c := range a {
		if match[c] != int(b[i]) {
			continue
		}
		if same++; to != nil {
			to[i] += share
		}
	}
	return float64(same) / float64(len(a)), nil
}

// ByChance is the agreement, from 1/k to 1, that two partitions into k clusters are expected to have if they have nothing in common but the sizes of
// their clusters: Σ a_c·b_c over clusters matched by size, where a_c and b_c are the shares of the rows. Chance in the best matching, which adds to it in few rows, is
// not counted. It fails on clusters outside 0 to k−1 and on partitions of no rows; the partitions may be of different rows.
func ByChance(a, b []int32, k int) (mean float64, err error) {
	x, err := shares(a, k)
	if err != nil {
		return 0, err
	}
	y, err := shares(b, k)
	if err != nil {
		return 0, err
	}
	for c, v := range x {
		mean += v * y[c]
	}
	return mean, nil
}

// shares are those of the rows in each of k clusters, ascending.
func shares(cluster []int32, k int) ([]float64, error) {
	if len(cluster) == 0 {
		return nil, fmt.Errorf("sizes of clusters: no rows")
	}
	list := make([]float64, k)
	for i, c := range cluster {
		if c < 0 || int(c) >= k {
			return nil, fmt.Errorf("sizes of clusters: row %d is in cluster %d of %d", i, c, k)
		}
		list[c]++
	}
	for c := range list {
		list[c] /= float64(len(cluster))
	}
	slices.Sort(list)
	return list, nil
}

// Spread is the covariance, over k clusters, of the logarithms of their sizes in two partitions of the same rows, with the clusters matched as
// by Agreement and one row added to every cluster, so that an empty one counts. If the two err independently, their errors have no part in it: as with
// any repeated measurement (Spearman 1910), the covariance is the variance of what both measure. It is 0 for clusters of one size, and
// (ln r)²/12 for sizes that fall exponentially to one r-th. It may be slightly below 0, and fails as Agreement does.
func Spread(a, b []int32, k int) (float64, error) {
	match, err := Match(a, b, k)
	if err != nil {
		return 0, err
	}
	x, y := logSizes(a, k), logSizes(b, k)
	var meanX, meanY, product float64
	for c, partner := range match {
		meanX, meanY, product = meanX+x[c], meanY+y[partner], product+x[c]*y[partner]
	}
	n := float64(k)
	return product/n - meanX/n*meanY/n, nil
}

// logSizes is the logarithm of each cluster's number of rows, plus one.
func logSizes(p []int32, k int) []float64 {
	size := make([]float64, k)
	for _, c := range p {
		size[c]++
	}
	for c := range size {
		size[c] = math.Log1p(size[c])
	}
	return size
}

// Of returns the partition of rows that a head assigns to clusters.
func Of(cluster []int) []int32 {
	p := make([]int32, len(cluster))
	for i, c := range cluster {
		p[i] = int32(c)
	}
	return p
}

// Classes returns a partition as the classes of its rows, the inverse of Of.
func Classes(p []int32) []int {
	class := make([]int, len(p))
	for i, c := range p {
		class[i] = int(c)
	}
	return class
}

// Match returns b's cluster for each of a's k clusters under the best one-to-one matching. It fails as Agreement does.
func Match(a, b []int32, k int) ([]int, error) {
	if err := check([][]int32{a, b}, k); err != nil {
		return nil, err
	}
	match, err := matching(k, func(count func(a, b int32)) {
		for i, c := range a {
			count(c, b[i])
		}
	})
	if err != nil {
		return nil, fmt.Errorf("agreement of two partitions: %w", err)
	}
	return match, nil
}

// mostDense is the largest number of clusters whose pairs are counted in a matrix, of 32 MB.
const mostDense = 2048

// matching returns the cluster of one side for each of k of the other in the matching with the most rows in common; each reports the pair of
// clusters of every row.
func matching(k int, each func(count func(a, b int32))) ([]int, error) {
	if k <= mostDense {
		cost := make([]int64, k*k)
		each(func(a, b int32) { cost[int(a)*k+int(b)]-- })
		return assignment.Solve(cost, k, k)
	}
	var pairs []uint64
	each(func(a, b int32) { pairs = append(pairs, uint64(a)<<32|uint64(b)) })
	slices.Sort(pairs)
	var overlaps []assignment.Overlap
	for from, to := 0, 0; from < len(pairs); from = to {
		for to = from; to < len(pairs) && pairs[to] == pairs[from]; to++ {
		}
		overlaps = append(overlaps, assignment.Overlap{Row: int32(pairs[from] >> 32), Column: int32(pairs[from] & 0xffffffff), Items: int64(to - from)})
	}
	return assignment.SolveSparse(k, overlaps)
}

// Vote gives each row the cluster that most members assign it to, ties to the lowest. Members' clusters are aligned with those of the first
// member at first, and then with those of the vote, until nothing changes or ten rounds have passed. The result does not depend on the
// number of workers. It fails as Agreement does, and without members.
func Vote(ctx context.Context, members [][]int32, k, workers int) ([]int32, error) {
	if err := check(members, k); err != nil {
		return nil, err
	}
	names := make([][]int32, len(members)) // names[m][c] is the aligned number of cluster c of member m
	for m := range names {
		names[m] = identity(k)
	}
	const rounds = 10 // two or three suffice
	for round := range rounds {
		voters := members
		if round == 0 {
			voters = members[:1]
		}
		next, err := rename(ctx, members, voters, names, k, workers)
		if err != nil {
			return nil, err
		}
		settled := round > 0 && slices.EqualFunc(names, next, slices.Equal)
		if names = next; settled {
			break
		}
	}
	return most(ctx, members, names, k, workers)
}

// rename aligns the clusters of every member with the consensus of the voters: with the alignments π, cluster c of the vote and c' of a
// member share Σ_i #{m: π_m(m_i) = c}·[member_i = c'] rows.
func rename(ctx context.Context, members, voters, names [][]int32, k, workers int) ([][]int32, error) {
	next := make([][]int32, len(members))
	err := parallel.Blocks(ctx, workers, len(members), 1, func(_, m, _ int) error {
		match, err := matching(k, func(count func(a, b int32)) {
			for v, voter := range voters {
				name := names[v]
				for i, c := range voter {
					count(name[c], members[m][i])
				}
			}
		})
		if err != nil {
			return fmt.Errorf("vote of partitions: clusters of member %d: %w", m, err)
		}
		next[m] = make([]int32, k)
		for name, c := range match {
			next[m][c] = int32(name)
		}
		return nil
	})
	return next, err
}

// most counts the votes.
func most(ctx context.Context, members, names [][]int32, k, workers int) ([]int32, error) {
	const rows = 4096
	n := len(members[0])
	result := make([]int32, n)
	err := parallel.Blocks(ctx, workers, n, rows, func(_, lo, hi int) error {
		count := make([]int, k)
		for i := lo; i < hi; i++ {
			best := k
			for m, member := range members {
				c := int(names[m][member[i]])
				if count[c]++; best == k || count[c] > count[best] || count[c] == count[best] && c < best {
					best = c
				}
			}
			for m, member := range members {
				count[names[m][member[i]]] = 0
			}
			result[i] = int32(best)
		}
		return nil
	})
	return result, err
}

func identity(k int) []int32 {
	x := make([]int32, k)
	for c := range x {
		x[c] = int32(c)
	}
	return x
}

func check(members [][]int32, k int) error {
	if len(members) == 0 || len(members[0]) == 0 {
		return fmt.Errorf("partitions: want at least one, of at least one row")
	}
	for m, p := range members {
		if len(p) != len(members[0]) {
			return fmt.Errorf("partitions: number %d has %d rows, the first %d: want the same rows", m, len(p), len(members[0]))
		}
		for i, c := range p {
			if c < 0 || int(c) >= k {
				return fmt.Errorf("partitions: number %d assigns row %d to cluster %d: want 0 to %d", m, i, c, k-1)
			}
		}
	}
	return nil
}
