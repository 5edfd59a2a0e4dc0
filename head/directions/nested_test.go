package directions

import (
	"math/rand/v2"
	"testing"

	"iconic/head/method"
	"iconic/matrix"
)

// nested returns clouds in groups: the centres of a group's clouds are much closer to each other than to those of other groups.
func nested(seed uint64, groups, each, rows int) (*matrix.Dense, []int32) {
	const d, apart, within = 64, 3, 0.6
	r, z := rand.New(rand.NewPCG(seed, 1)), &matrix.Dense{Width: d}
	var truth []int32
	for g := range groups {
		group := normals(r, d, nil, apart)
		for c := range each {
			centre := normals(r, d, group, within)
			for range rows {
				z.X = append(z.X, singles(normals(r, d, centre, 1))...)
				truth = append(truth, int32(g*each+c))
			}
		}
	}
	return z, truth
}

// Classes in groups that are far apart are found, and not the groups, for which learned proportions leave one cluster each.
func TestClassesInGroups(t *testing.T) {
	for _, c := range []struct{ groups, each, rows int }{{3, 4, 100}, {6, 4, 40}} {
		for seed := range uint64(4) {
			z, truth := nested(seed, c.groups, c.each, c.rows)
			_, share := classified(t, z, truth, c.groups*c.each, method.Inputs{}, 2)
			if share < 0.85 {
				t.Errorf("%d groups of %d classes, seed %d: %.3f of the rows are in their class's cluster", c.groups, c.each, seed, share)
			}
		}
	}
}

func normals(r *rand.Rand, n int, mean []float64, scale float64) []float64 {
	list := make([]float64, n)
	for i := range list {
		list[i] = scale * r.NormFloat64()
		if mean != nil {
			list[i] += mean[i]
		}
	}
	return list
}

func singles(x []float64) []float32 {
	list := make([]float32, len(x))
	for i, v := range x {
		list[i] = float32(v)
	}
	return list
}
