package partition

import (
	"cmp"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestJoin(t *testing.T) {
	// Rows 0 to 3 and 4 to 7 are two regions; each is cut into two groups of two, with rings inside and one edge between the regions.
	regions := ring{{1, 2}, {0, 3}, {3, 0}, {2, 1}, {5, 6}, {4, 7}, {7, 4}, {6, 3}}
	for _, c := range []struct {
		name   string
		group  []int32
		near   ring
		groups int
		k      int
		want   []int32
	}{
		{"pieces of a region", []int32{3, 3, 0, 0, 1, 1, 2, 2}, regions, 4, 2, []int32{0, 0, 0, 0, 1, 1, 1, 1}},
		{"the most edges first", []int32{0, 0, 1, 1, 2, 2, 3, 3}, regions, 4, 3, []int32{0, 0, 0, 0, 1, 1, 2, 2}},
		{"nothing to join", []int32{1, 1, 0, 0}, ring{{1}, {0}, {3}, {2}}, 2, 2, []int32{1, 1, 0, 0}},
		{"groups without rows", []int32{4, 4, 2, 2}, ring{{1}, {0}, {3}, {2}}, 6, 3, []int32{1, 1, 0, 0}},
		{"without edges the smallest", []int32{0, 0, 0, 1, 2, 2}, ring{{}, {}, {}, {}, {}, {}}, 3, 2, []int32{0, 0, 0, 1, 1, 1}},
		{"a small group joins rather than two large ones with as many edges", []int32{0, 0, 0, 0, 1, 1, 1, 1, 2}, ring{{4}, {}, {}, {}, {8}, {}, {}, {}, {}}, 3, 2, []int32{0, 0, 0, 0, 1, 1, 1, 1, 1}},
		{"all", []int32{0, 1, 2}, ring{{1}, {2}, {0}}, 3, 1, []int32{0, 0, 0}},
	} {
		got, err := Join(c.group, c.near, c.groups, c.k)
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v, %v", c.name, got, c.want, err)
		}
	}
	for _, c := range []struct {
		group     []int32
		groups, k int
	}{{nil, 2, 1}, {[]int32{0, 2}, 2, 1}, {[]int32{0, -1}, 2, 1}, {[]int32{0, 1}, 2, 0}} {
		if got, err := Join(c.group, ring{{1}, {0}}, c.groups, c.k); err == nil {
			t.Errorf("%d groups %v become %v", c.groups, c.group, got)
		}
	}
}

// Joining in one table gives what joining from the rows does, when edges are counted anew for every pair.
func TestJoinIsThatOfTheRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, groups := rapid.IntRange(1, 30).Draw(t, "rows"), rapid.IntRange(1, 8).Draw(t, "groups")
		k := rapid.IntRange(1, groups).Draw(t, "clusters")
		group, near := drawPartition(t, n, groups, "group"), make(ring, n)
		for i := range near {
			near[i] = rapid.SliceOfN(rapid.Int32Range(0, int32(n-1)), 0, 4).Draw(t, "neighbours")
		}
		got, err := Join(group, near, groups, k)
		if err != nil {
			t.Fatal(err)
		}
		if want := joinRows(group, near, k); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

func joinRows(group []int32, near ring, k int) []int32 {
	group = slices.Clone(group)
	for {
		names := slices.Compact(slices.Sorted(slices.Values(group)))
		if len(names) <= k {
			for i, g := range group {
				at, _ := slices.BinarySearch(names, g)
				group[i] = int32(at)
			}
			return group
		}
		type pair struct {
			a, b  int32
			score float64
			rows  int
		}
		var pairs []pair
		for x, a := range names {
			for _, b := range names[x+1:] {
				edges, rows := 0, map[int32]int{}
				for i, g := range group {
					rows[g]++
					for _, j := range near[i] {
						if h := group[j]; g == a && h == b || g == b && h == a {
							edges++
						}
					}
				}
				pairs = append(pairs, pair{a, b, float64(edges) / math.Sqrt(float64(rows[a])*float64(rows[b])), rows[a] + rows[b]})
			}
		}
		best := slices.MinFunc(pairs, func(p, q pair) int { return cmp.Or(cmp.Compare(q.score, p.score), cmp.Compare(p.rows, q.rows)) })
		for i, g := range group {
			if g == best.b {
				group[i] = best.a
			}
		}
	}
}
