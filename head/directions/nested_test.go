package directions

import (
	"math/rand/v2"
	"slices"
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
		group := make([]float64, d)
		step(r, group, apart)
		for c := range each {
			centre := slices.Clone(group)
			step(r, centre, within)
			cloud(r, z, centre, rows)
			truth = append(truth, slices.Repeat([]int32{int32(g*each + c)}, rows)...)
		}
	}
	return z, truth
}

// Classes in groups that are far apart are found, and not the groups, for which learned proportions leave one cluster each.
func TestClassesInGroups(t *testing.T) {
	if testing.Short() {
		t.Skip("only the data differ from other tests")
	}
	for _, c := range []struct{ groups, each, rows int }{{3, 4, 100}, {6, 4, 40}} {
		for seed := range uint64(2) {
			z, truth := nested(seed, c.groups, c.each, c.rows)
			_, share := classified(t, z, truth, c.groups*c.each, method.Inputs{}, 2)
			if share < 0.85 {
				t.Errorf("%d groups of %d classes, seed %d: %.3f of the rows are in their class's cluster", c.groups, c.each, seed, share)
			}
		}
	}
}

// Where few columns show the classes, no huge cluster with some outliers is chosen, which halves of the features find again by chance.
func TestFeaturesThatHardlyShowTheClasses(t *testing.T) {
	const n, d, telling, k = 400, 200, 4, 4
	for seed := range uint64(2) {
		r, z := rand.New(rand.NewPCG(seed, 3)), matrix.NewDense(n, d)
		centres := make([]float64, k*telling)
		step(r, centres, 1)
		var truth []int32
		for i := range n {
			class := r.IntN(k)
			for e := range d {
				v := r.NormFloat64()
				if e < telling {
					v = 0.25*v + centres[class*telling+e]
				}
				z.Row(i)[e] = float32(v)
			}
			truth = append(truth, int32(class))
		}
		out, share := classified(t, z, truth, k, method.Inputs{}, 2)
		if share < 0.3 || out.Expected > share+0.25 {
			t.Errorf("seed %d: %.3f of the rows are in their class's cluster, %.3f are expected", seed, share, out.Expected)
		}
	}
}
