package partition

import (
	"fmt"
	"math"
)

// Join joins groups of rows, two at a time, until k clusters are left, and returns the partition into them. The two with the largest
//
//	E_ab / √(n_a n_b)
//
// are joined, where E_ab is the number of edges between groups a and b in either direction, and n the number of their rows; of several pairs, the
// one with the fewest rows, then the first. Between two pieces of one dense region, E grows with their border; two separate regions have few
// edges, however large they are. Dividing by n_a n_b, as average linkage does (Sokal and Michener 1958), would penalise large clusters more.
//
// Clusters are numbered in the order of their first group. There are fewer than k if fewer groups have rows. The time grows with the cube of the
// number of groups, so there should be some hundreds at most. It fails on groups out of range and on fewer than one cluster.
func Join(group []int32, near Edges, groups, k int) ([]int32, error) {
	if err := check([][]int32{group}, groups); err != nil {
		return nil, err
	}
	if k < 1 {
		return nil, fmt.Errorf("groups joined to %d clusters: want at least 1", k)
	}
	j := &joining{groups: groups, size: make([]int, groups), edges: make([]int64, groups*groups), into: identity(groups)}
	for _, g := range group {
		j.size[g]++
	}
	for p := range countPairs(group, near, groups) {
		if p.a != p.b {
			j.edges[p.a*groups+p.b] = p.edges
		}
	}
	for j.left() > k {
		a, b := j.closest()
		j.join(a, b)
	}
	return j.clusters(group), nil
}

// joining is the state of Join: a group that has been joined to another has no rows.
type joining struct {
	groups int
	size   []int   // rows of each group
	edges  []int64 // groups×groups, symmetric, without those inside a group
	into   []int32 // the group that each was joined to
}

func (j *joining) left() (count int) {
	for _, n := range j.size {
		if n > 0 {
			count++
		}
	}
	return count
}

// closest returns the pair to join, a < b.
func (j *joining) closest() (a, b int) {
	best, rows := -1.0, 0
	for x, n := range j.size {
		for y := x + 1; y < j.groups && n > 0; y++ {
			m := j.size[y]
			if m == 0 {
				continue
			}
			score := float64(j.edges[x*j.groups+y]) / math.Sqrt(float64(n)*float64(m))
			if score > best || score == best && n+m < rows {
				best, rows, a, b = score, n+m, x, y
			}
		}
	}
	return a, b
}

// join joins b to a.
func (j *joining) join(a, b int) {
	for c := range j.groups {
		between := j.edges[b*j.groups+c]
		j.edges[b*j.groups+c], j.edges[c*j.groups+b] = 0, 0
		if c != a {
			j.edges[a*j.groups+c] += between
			j.edges[c*j.groups+a] += between
		}
	}
	j.size[a] += j.size[b]
	j.size[b] = 0
	for g, to := range j.into {
		if int(to) == b {
			j.into[g] = int32(a)
		}
	}
}

// clusters numbers the remaining groups, and returns those of the rows.
func (j *joining) clusters(group []int32) []int32 {
	number, count := make([]int32, j.groups), int32(0)
	for g, n := range j.size {
		if number[g] = count; n > 0 {
			count++
		}
	}
	cluster := make([]int32, len(group))
	for i, g := range group {
		cluster[i] = number[j.into[g]]
	}
	return cluster
}
