package knn

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"iconic/matrix"
	"pgregory.net/rapid"
)

// clouds returns rows around centres, row i around centre i mod k.
func clouds(seed uint64, n, d, k int) *matrix.Dense {
	r := rand.New(rand.NewPCG(seed, 9))
	centre := random(r, k, d)
	m := random(r, n, d)
	for i := range m.X {
		m.X[i] = 0.4*m.X[i] + centre.X[(i/d)%k*d+i%d]
	}
	return m
}

// share is the share of want's neighbours that got has, row by row.
func share(want, got *Graph) float64 {
	found := 0
	for i := range want.N {
		for _, j := range want.Row(i) {
			if slices.Contains(got.Row(i), j) {
				found++
			}
		}
	}
	return float64(found) / float64(len(want.Neighbours))
}

// The reported recall is that of all rows, up to the error of a sample: 256 rows of 10 neighbours, which are not found independently; four
// standard errors of a share of a half would be 0.125 if a row's neighbours were always found together.
func TestRecallIsWhatItSays(t *testing.T) {
	for _, metric := range []Metric{Cosine, Euclidean} {
		m := clouds(4, 6000, 12, 30)
		want, err := Exact(context.Background(), m, Options{K: 10, Metric: metric})
		if err != nil {
			t.Fatal(err)
		}
		last := 0.0
		for _, goal := range []float64{0.3, 0.9, 0.99} {
			got, err := Approximate(context.Background(), m, Options{K: 10, Metric: metric, Recall: goal, Lists: 150})
			if err != nil {
				t.Fatal(err)
			}
			truth := share(want, got)
			if math.Abs(truth-got.Recall) > 0.1 || truth < goal-0.1 {
				t.Errorf("%s, goal %g: reports %.3f, is %.3f", metric, goal, got.Recall, truth)
			}
			if truth < last {
				t.Errorf("%s: recall fell to %.3f as the goal rose to %g", metric, truth, goal)
			}
			last = truth
		}
	}
}

// If all lists are probed, nothing is missed; rows whose lists hold too few candidates are compared with all rows.
func TestApproximateOfAllListsIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 90).Draw(t, "n")
		m := random(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), n, 5)
		o := Options{
			K: rapid.IntRange(1, n-1).Draw(t, "k"), Metric: rapid.SampledFrom([]Metric{Cosine, Euclidean}).Draw(t, "metric"),
			Lists: rapid.IntRange(1, min(n, mostProbes)).Draw(t, "lists"), Recall: 1,
		}
		g, err := Approximate(context.Background(), m, o)
		if err != nil {
			t.Fatal(err)
		}
		// The sample is all rows here, so every row reaches the goal of 1.
		if diff := cmp.Diff(plain(m, o.Metric, o.K), g.Neighbours); diff != "" || g.Recall != 1 {
			t.Fatalf("recall %v, neighbours differ (-want +got):\n%s", g.Recall, diff)
		}
	})
}

func TestShortListsAreCompleted(t *testing.T) {
	m := clouds(8, 900, 6, 40)
	g, err := Approximate(context.Background(), m, Options{K: 60, Lists: 300, Recall: 1e-9}) // one probe, lists of 3
	if err != nil {
		t.Fatal(err)
	}
	for i := range g.N {
		row := slices.Sorted(slices.Values(g.Row(i)))
		if len(slices.Compact(row)) != 60 || slices.Contains(row, int32(i)) {
			t.Fatalf("row %d has neighbours %v", i, g.Row(i))
		}
	}
}

func TestApproximateHasTheSameBitsOnAnyNumberOfWorkers(t *testing.T) {
	m := clouds(5, 5000, 8, 20)
	copy(m.X[100*8:1200*8], m.X[:1100*8]) // hundreds of duplicates
	var first *Graph
	for _, workers := range []int{1, 2, 7} {
		g, err := Approximate(context.Background(), m, Options{K: 5, Workers: workers, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = g
		} else if diff := cmp.Diff(first, g); diff != "" {
			t.Fatalf("%d workers differ from one", workers)
		}
	}
}

func TestApproximateRefuses(t *testing.T) {
	m := clouds(1, 50, 4, 3)
	for want, o := range map[string]Options{
		"neighbours 50 of 50 rows": {K: 50},
		"lists 51 of 50 rows":      {K: 2, Lists: 51},
		"lists -1 of 50 rows":      {K: 2, Lists: -1},
		"recall NaN":               {K: 2, Recall: math.NaN()},
		"recall 1.5":               {K: 2, Recall: 1.5},
	} {
		if _, err := Approximate(context.Background(), m, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := Approximate(ctx, m, Options{K: 2, Progress: func(int, int) { cancel() }}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Rows without any structure: recall is kept even if lists help little, by more lists than are stored, and finally by comparing all pairs.
func TestRecallIsKeptWithoutStructure(t *testing.T) {
	for _, c := range []struct {
		lists    int
		compared bool // all pairs
	}{{400, false}, {140, true}} {
		m := random(rand.New(rand.NewPCG(3, 1)), 2400, map[bool]int{false: 50, true: 300}[c.compared])
		o := Options{K: 10, Lists: c.lists, Workers: 2}
		g, err := Approximate(context.Background(), m, o)
		if err != nil {
			t.Fatal(err)
		}
		want, err := Exact(context.Background(), m, Options{K: 10})
		if err != nil {
			t.Fatal(err)
		}
		if truth := share(want, g); truth < 0.93 || g.Recall < enough || math.Abs(truth-g.Recall) > 0.05 {
			t.Errorf("%d lists: reports %.3f, is %.3f", c.lists, g.Recall, truth)
		}
		if (g.Compared == 1) != c.compared || g.Compared <= float64(mostProbes)/float64(c.lists) {
			t.Errorf("%d lists: %.3f of the pairs were compared", c.lists, g.Compared)
		}
		if o.Probes = 3; !c.compared {
			some, err := Approximate(context.Background(), m, o)
			if err != nil || some.Compared > 0.1 || some.Recall >= enough || math.Abs(share(want, some)-some.Recall) > 0.1 {
				t.Errorf("no more than 3 lists: recall %v, compared %v, %v", some.Recall, some.Compared, err)
			}
			rows := []int32{0, 7, 2399}
			if only := some.Only(rows); only.Recall != some.Recall || only.Compared != some.Compared || only.N != 3 || only.K != 10 || !slices.Equal(only.Of, rows) || !slices.Equal(only.Row(1), some.Row(7)) {
				t.Errorf("of some of its rows: recall %v, compared %v", only.Recall, only.Compared)
			}
		}
		o = Options{K: 10, Lists: c.lists, Workers: 1}
		if again, err := Approximate(context.Background(), m, o); err != nil || cmp.Diff(g, again) != "" {
			t.Errorf("one worker finds a different graph, %v", err)
		}
	}
}

func TestLargestAgainstSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float32Range(-3, 3), 1, 40).Draw(t, "x")
		if rapid.Bool().Draw(t, "ties") {
			for e := range x {
				x[e] = float32(math.Round(float64(x[e])))
			}
		}
		k := rapid.IntRange(1, len(x)).Draw(t, "k")
		sorted := slices.Sorted(slices.Values(x))
		if got := largest(slices.Clone(x), k); got != sorted[len(x)-k] {
			t.Fatalf("number %d of %v is %v", k, x, got)
		}
	})
}

// The neighbours of some rows equal those in the whole graph.
func TestSomeAreThoseOfTheWhole(t *testing.T) {
	m := clouds(6, 1500, 7, 9)
	for _, metric := range []Metric{Cosine, Euclidean} {
		whole, err := Exact(context.Background(), m, Options{K: 4, Metric: metric})
		if err != nil {
			t.Fatal(err)
		}
		rows := []int32{0, 3, 700, 701, 1499}
		g, err := Some(context.Background(), m, rows, Options{K: 4, Metric: metric})
		if err != nil || g.N != len(rows) || !slices.Equal(g.Of, rows) {
			t.Fatalf("%+v, %v", g, err)
		}
		for e, i := range rows {
			if !slices.Equal(g.Row(e), whole.Row(int(i))) {
				t.Errorf("%s, row %d: %v, want %v", metric, i, g.Row(e), whole.Row(int(i)))
			}
		}
	}
	for _, rows := range [][]int32{{1500}, {-1}, {2, 1}, {2, 2}} {
		if _, err := Some(context.Background(), m, rows, Options{K: 4}); err == nil || !strings.Contains(err.Error(), "ascending") {
			t.Errorf("rows %v: %v", rows, err)
		}
	}
}
