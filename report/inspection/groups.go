package inspection

import (
	"cmp"
	"math"
	"slices"
)

// pair is two contents that are near duplicates, or candidates.
type pair struct {
	a, b     int // a < b
	distance float64
	ratio    float64 // of the distance to the geometric mean of the scales without lower bound
}

// candidates lists the pairs whose distance is at most ratio times their scales, with a lower bound on the scales, in ascending order.
func candidates(g Graph, ratio, least float64) []pair {
	scale := distances(g, scaleOf)
	var list []pair
	for c := range g.N {
		g.each(c, func(_, j int, d float64) bool {
			if d <= ratio*math.Sqrt(max(scale[c], least)*max(scale[j], least)) {
				p := pair{a: min(c, j), b: max(c, j), distance: d}
				if s := math.Sqrt(scale[c] * scale[j]); s > 0 {
					p.ratio = d / s
				}
				list = append(list, p)
			}
			return true
		})
	}
	slices.SortFunc(list, func(x, y pair) int { return cmp.Or(x.a-y.a, x.b-y.b) })
	return slices.CompactFunc(list, func(x, y pair) bool { return x.a == y.a && x.b == y.b })
}

// groups lists the images that are linked by the same content or as near duplicates.
func groups(pairs []pair, contents int, in Images) []Group {
	of := newForest(contents)
	nearest := make([]float64, contents) // distance to the nearest other content of the group
	for c := range nearest {
		nearest[c] = math.Inf(1)
	}
	for _, p := range pairs {
		of.join(p.a, p.b)
		nearest[p.a], nearest[p.b] = min(nearest[p.a], p.distance), min(nearest[p.b], p.distance)
	}
	members := map[int][]int{}
	for i, c := range in.Content {
		root := of.root(int(c))
		members[root] = append(members[root], i)
	}
	var list []Group
	for _, images := range members {
		if len(images) > 1 {
			list = append(list, newGroup(images, in, nearest))
		}
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a[0].Image, b[0].Image))
	})
	return list
}

// newGroup orders the files of a group by content: the content of the largest file first, then the others by distance.
func newGroup(images []int, in Images, nearest []float64) Group {
	bytes := func(i int) int64 {
		if in.Bytes == nil {
			return 0
		}
		return in.Bytes[i]
	}
	distance := func(i int) float64 {
		if d := nearest[in.Content[i]]; !math.IsInf(d, 1) {
			return d
		}
		return 0 // a group with one content
	}
	slices.SortStableFunc(images, func(a, b int) int { return cmp.Compare(bytes(b), bytes(a)) })
	kept := in.Content[images[0]]
	rank := func(i int) int {
		if in.Content[i] == kept {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(images, func(a, b int) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(distance(a), distance(b)), cmp.Compare(in.Content[a], in.Content[b]))
	})
	group := make(Group, len(images))
	for k, i := range images {
		group[k] = Member{Image: i, Exact: k > 0 && in.Content[i] == in.Content[images[k-1]], Distance: distance(i)}
	}
	return group
}

// forest is a union-find structure (Tarjan 1975); the root of each set is its least member.
type forest []int

func newForest(n int) forest {
	f := make(forest, n)
	for i := range f {
		f[i] = i
	}
	return f
}

func (f forest) root(i int) int {
	for f[i] != i {
		f[i] = f[f[i]]
		i = f[i]
	}
	return i
}

func (f forest) join(i, j int) {
	i, j = f.root(i), f.root(j)
	f[max(i, j)] = min(i, j)
}
