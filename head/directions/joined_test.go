package directions

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/head/method"
	"iconic/head/partition"
	"iconic/head/train"
	"iconic/matrix"
)

// chains returns classes of the given numbers of overlapping clouds of 40 rows, each cloud a step from the last in a direction of its own.
func chains(seed uint64, d int, apart float64, clouds ...int) (*matrix.Dense, []int32) {
	r := rand.New(rand.NewPCG(seed, 3))
	z := &matrix.Dense{Width: d}
	var truth []int32
	for c, count := range clouds {
		centre := make([]float64, d)
		step(r, centre, 3)
		for range count {
			step(r, centre, apart)
			cloud(r, z, centre, 40)
		}
		truth = append(truth, slices.Repeat([]int32{int32(c)}, 40*count)...)
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
	if !strings.Contains(f.Sentence(), "joined from ") {
		t.Errorf("sentence %q", f.Sentence())
	}
	e, err := f.Expected(f.Cluster)
	if err != nil || e.Share < 0.8 || e.Halves < 0.95 {
		t.Errorf("expected accuracy %+v, %v", e, err)
	}
	// What halves join is the witness, so that a partition that they do not find is expected to be wrong.
	shuffled := slices.Clone(f.Cluster)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(shuffled), func(a, b int) { shuffled[a], shuffled[b] = shuffled[b], shuffled[a] })
	if e, err := f.Expected(shuffled); err != nil || e.Halves > 0.8 {
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
		e, err := f.Expected(f.Cluster)
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

// The method learns joined groups with a head, says so, and ends its progress at the total.
func TestLearnsJoinedGroups(t *testing.T) {
	z, truth := chains(3, 16, 0.7, 16, 2, 1, 1)
	last, whole := 0, 0
	r := mixtures{}.Recipe(4).(*Recipe)
	data := &method.Data{Features: z, Raw: z, Graph: near(t, z), Clusters: 4, Seed: 3, Run: &train.Run{Progress: func(done, total int, _ float64) { last, whole = done, total }}}
	found, err := r.Learn(context.Background(), data)
	if err != nil {
		t.Fatal(err)
	}
	own, err := found.Head.Argmaxes(context.Background(), z, 2)
	if err != nil {
		t.Fatal(err)
	}
	if right := agreement(t, partition.Of(own), truth, 4); right < 0.98 || found.Expected < 0.8 || last != whole {
		t.Errorf("%.3f of the rows are in their class's cluster, %.3f expected, %d of %d steps", right, found.Expected, last, whole)
	}
	notes := strings.Join(found.Findings, "; ")
	if !strings.Contains(notes, "joined from") || !strings.Contains(notes, "with groups joined in halves of the features") {
		t.Errorf("notes %s", notes)
	}
	d, err := found.Distributions(context.Background())
	if err != nil || !strings.Contains(d.Note, joinedName) {
		t.Errorf("distributions %+v, %v", d, err)
	}
}

// Halves of more than ten thousand rows are joined on a sample of these.
func TestProbesOfJoinedGroupsAreASample(t *testing.T) {
	if testing.Short() {
		t.Skip("only the number of rows differs from other tests")
	}
	z, truth := chains(3, 8, 0.7, 240, 20, 20)
	s := &search{options: Options{Clusters: 3, Run: &train.Run{}}, z: z}
	all := []Candidate{{Groups: 6, cluster: truth, probes: make([][]int32, mostProbes)}}
	err := s.probeJoined(context.Background(), all)
	if err == nil {
		err = s.agree(context.Background(), all)
	}
	if c := all[0]; err != nil || c.Agreement < 0.7 || len(c.agreement) != mostProbes || len(c.probes[0]) != 10_000 {
		t.Errorf("agreement %v with probes of %d rows, %v", c.agreement, len(c.probes[0]), err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.probeJoined(ctx, all); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A saved state with other numbers of groups than the search would have made is refused.
func TestKeptGroupsAreChecked(t *testing.T) {
	z, _ := chains(3, 8, 0.7, 4, 2)
	s := &search{options: Options{Clusters: 2}, z: z}
	cluster := make([]int32, z.Len())
	for groups, accepted := range map[int]bool{0: true, 4: true, 12: true, 5: false, -4: false} {
		c := Candidate{Kappa: 10, Groups: groups, Start: joinedName, cluster: cluster, agreement: make([]float64, mostProbes)}
		for range mostProbes {
			c.probes = append(c.probes, cluster)
		}
		kept, err := s.keptCandidates(keepCandidates([]Candidate{c}))
		if (err == nil) != accepted || err == nil && kept[0].Groups != groups {
			t.Errorf("%d groups: %v", groups, err)
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

// Many small groups are no candidate where they end in a cluster of a few outliers, of less than a tenth of the mean size.
func TestManyGroupsDoNotEndInOutliers(t *testing.T) {
	for outliers, want := range map[int][]int{13: {6}, 17: {6, 18}} {
		z, _ := chains(1, 8, 0.4, 4, 4, 4)
		r := rand.New(rand.NewPCG(1, 5))
		apart := make([]float64, 8)
		step(r, apart, 6)
		cloud(r, z, apart, outliers) // beside 480 rows, in three clusters
		f, err := Find(context.Background(), z, z, near(t, z), Options{Clusters: 3, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		var groups []int
		for _, c := range f.Candidates {
			if c.joined() {
				groups = append(groups, c.Groups)
			}
		}
		if !slices.Equal(groups, want) {
			t.Errorf("%d outliers: groups %v, want %v", outliers, groups, want)
		}
	}
}
