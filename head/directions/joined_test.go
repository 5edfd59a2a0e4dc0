package directions

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/head/partition"
	"iconic/head/train"
	"iconic/matrix"
)

// chains returns classes of the given numbers of overlapping clouds of 40 rows, each cloud a step from the last in a direction of its own.
func chains(seed uint64, d int, step float64, clouds ...int) (*matrix.Dense, []int32) {
	r := rand.New(rand.NewPCG(seed, 3))
	z := &matrix.Dense{Width: d}
	var truth []int32
	for c, count := range clouds {
		centre := make([]float64, d)
		for e := range centre {
			centre[e] = 3 * r.NormFloat64()
		}
		for range count {
			for e := range centre {
				centre[e] += step * r.NormFloat64()
			}
			for range 40 {
				for _, m := range centre {
					z.X = append(z.X, float32(m+r.NormFloat64()))
				}
				truth = append(truth, int32(c))
			}
		}
	}
	return z, truth
}

// A class of many overlapping clouds beside small ones: mixtures of one concentration split it.
func TestGroupsAreJoinedWhereOneClassIsWide(t *testing.T) {
	z, truth := chains(3, 16, 0.7, 16, 2, 1, 1)
	f, err := Find(context.Background(), z, z, near(t, z), Options{Clusters: 4, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	if right := agreement(t, f.Cluster, truth, 4); right < 0.99 || !f.Chosen.joined() {
		t.Errorf("%.3f of the rows are in their class's cluster, joined %v", right, f.Chosen.joined())
	}
	for _, c := range f.Candidates {
		if right := agreement(t, c.cluster, truth, 4); !c.joined() && right > 0.8 {
			t.Errorf("without joined groups the set is no harder: %.3f by κ = %g from %s", right, c.Kappa, c.Start)
		}
	}
	if !strings.Contains(f.Sentence(), " small groups joined") {
		t.Errorf("sentence %q", f.Sentence())
	}
	e, err := f.Expected(context.Background(), f.Cluster)
	if err != nil || e.Share < 0.8 || e.Halves < 0.95 {
		t.Errorf("expected accuracy %+v, %v", e, err)
	}
	// What halves join is the witness, so that a partition that they do not find is expected to be wrong.
	shuffled := slices.Clone(f.Cluster)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled), func(a, b int) { shuffled[a], shuffled[b] = shuffled[b], shuffled[a] })
	if e, err := f.Expected(context.Background(), shuffled); err != nil || e.Halves > 0.8 {
		t.Errorf("expected accuracy of shuffled clusters %+v, %v", e, err)
	}
}

func agreement(t *testing.T, a, b []int32, k int) float64 {
	t.Helper()
	share, err := partition.Agreement(a, b, k)
	if err != nil {
		t.Fatal(err)
	}
	return share
}

func TestJoinedGroupsAreTheSameOnAnyNumberOfWorkersAndWhenResumed(t *testing.T) {
	z, _ := chains(3, 16, 0.7, 16, 2, 1, 1)
	graph := near(t, z)
	var kept train.State
	find := func(workers int, run *train.Run) (*Found, Expected) {
		f, err := Find(context.Background(), z, z, graph, Options{Clusters: 4, Workers: workers, Run: run})
		if err != nil {
			t.Fatal(err)
		}
		e, err := f.Expected(context.Background(), f.Cluster)
		if err != nil {
			t.Fatal(err)
		}
		return f, e
	}
	first, expected := find(1, &train.Run{Save: func(s *train.State, _ bool) error { kept = *s; return nil }})
	if !first.Chosen.joined() {
		t.Fatal("no groups were joined")
	}
	for name, run := range map[string]*train.Run{"on three workers": {}, "resumed": {Resume: &kept}} {
		again, e := find(3, run)
		if !slices.Equal(again.Cluster, first.Cluster) || !cmp.Equal(e, expected, cmp.AllowUnexported(Expected{})) || !cmp.Equal(again.Candidates, first.Candidates, cmp.AllowUnexported(Candidate{})) {
			t.Errorf("%s: %+v, %+v, want %+v, %+v", name, again.Chosen, e, first.Chosen, expected)
		}
	}
}

// Groups are joined where there are few clusters, of more than a few rows, whose sizes may differ.
func TestGroups(t *testing.T) {
	for _, c := range []struct {
		rows, clusters int
		sizes          Sizes
		want           []int
	}{
		{1000, few, SizesAuto, []int{2 * few, 6 * few}},
		{1000, 3, SizesFree, []int{6, 18}},
		{1000, 3, SizesBalanced, nil},
		{1000, few + 1, SizesAuto, nil},
		{40, 2, SizesAuto, []int{4, 10}}, // of four rows
		{16, 2, SizesAuto, []int{4}},
		{12, 2, SizesAuto, []int{3}},
		{11, 2, SizesAuto, nil},
	} {
		s := &search{options: Options{Clusters: c.clusters, Sizes: c.sizes}, z: shape{c.rows, 8}}
		if got := s.groups(); !slices.Equal(got, c.want) {
			t.Errorf("%d clusters of %d rows, sizes %s: %v, want %v", c.clusters, c.rows, c.sizes, got, c.want)
		}
	}
}
