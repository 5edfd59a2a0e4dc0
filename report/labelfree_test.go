package report

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"iconic/matrix"
)

// Thirty rows in five clusters, one of them with a single row; the expected scores are from scikit-learn 1.x in float64.
func thirty() (*matrix.Dense, []int) {
	cluster := []int{4, 1, 1, 0, 1, 3, 0, 2, 2, 1, 3, 2, 1, 2, 0, 3, 0, 0, 2, 0, 3, 0, 1, 1, 0, 3, 1, 0, 2, 2}
	m := &matrix.Dense{Width: 4}
	for i, c := range cluster {
		for j := range m.Width {
			x := float64((i*37+j*j*17+i*j)%29)/7 - 1
			if c == j {
				x += 3
			}
			m.X = append(m.X, float32(x))
		}
	}
	return m, cluster
}

func TestLabelFreeScoresAgreeWithScikitLearn(t *testing.T) {
	f, cluster := thirty()
	for _, workers := range []int{1, 3} {
		l, err := ScoreFeatures(context.Background(), f, cluster, 7, LabelFreeOptions{Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "silhouette", l.Silhouette, 0.3925349289238412, 1e-9)
		near(t, "Davies-Bouldin", l.DaviesBouldin, 1.022731813023443, 1e-9)
		near(t, "Calinski-Harabasz", l.CalinskiHarabasz, 10.555895737801503, 1e-9)
		if l.SilhouetteRows != 30 || l.NeighbourAgreement.Defined() {
			t.Errorf("%+v", l)
		}
	}
}

func TestAgreementScoresAgreeWithScikitLearnOnManyItems(t *testing.T) {
	const n = 50000
	a, b := make([]int, n), make([]int, n)
	for i := range n {
		a[i] = i * 7919 % 1000003 % 37
		b[i] = a[i]
		if i%3 == 0 {
			b[i] += i % 11
		}
		b[i] %= 41
	}
	table := newContingency(a, b)
	near(t, "ami", Number(table.ami()), 0.6485639364997273, 1e-9)
	near(t, "nmi", Number(table.nmi()), 0.6499628255940418, 1e-9)
	near(t, "ari", Number(table.ari()), 0.4925839738629061, 1e-9)
}

func TestSilhouetteOfASampleIsNearThatOfAllAndRepeats(t *testing.T) {
	f, cluster := thirty()
	var first Number
	for range 2 {
		l, err := ScoreFeatures(context.Background(), f, cluster, 5, LabelFreeOptions{Rows: 20, Seed: 5})
		if err != nil {
			t.Fatal(err)
		}
		near(t, "silhouette", l.Silhouette, 0.39, 0.15)
		if l.SilhouetteRows != 20 || first != 0 && l.Silhouette != first {
			t.Errorf("%d rows, %v after %v", l.SilhouetteRows, l.Silhouette, first)
		}
		first = l.Silhouette
	}
}

func TestLabelFreeScoresOfDegenerateClusterings(t *testing.T) {
	f, cluster := thirty()
	for name, cluster := range map[string][]int{"one cluster": make([]int, 30), "every row alone": counted(30)} {
		l, err := ScoreFeatures(context.Background(), f, cluster, 30, LabelFreeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if l.Silhouette.Defined() || l.DaviesBouldin.Defined() || l.CalinskiHarabasz.Defined() {
			t.Errorf("%s: %+v", name, l)
		}
	}
	same := matrix.NewDense(f.Len(), 4) // identical rows of length 0
	l, err := ScoreFeatures(context.Background(), same, cluster, 5, LabelFreeOptions{})
	if err != nil || l.Silhouette != 0 || l.DaviesBouldin != 0 || l.CalinskiHarabasz.Defined() {
		t.Errorf("equal rows: %+v, %v", l, err)
	}
}

// Identical rows in two clusters are at distance 0 whatever the rounding, so that their silhouette is 0 and their clusters have no spread.
func TestIdenticalRowsInSeveralClusters(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		row := rapid.SliceOfN(rapid.Float32Range(-3, 3), 1, 9).Draw(rt, "row")
		n := rapid.IntRange(4, 40).Draw(rt, "rows")
		var cluster []int
		for i := range n {
			cluster = append(cluster, i*2/n)
		}
		l, err := ScoreFeatures(context.Background(), &matrix.Dense{Width: len(row), X: slices.Repeat(row, n)}, cluster, 2, LabelFreeOptions{})
		if err != nil || l.Silhouette != 0 || l.DaviesBouldin != 0 || l.CalinskiHarabasz.Defined() {
			rt.Errorf("%+v, %v", l, err)
		}
	})
}

func TestSilhouetteStaysInItsRange(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := rapid.IntRange(1, 4).Draw(rt, "dimensions")
		rows := rapid.SliceOfN(rapid.SliceOfN(rapid.Float32Range(0, 1), d, d), 1, 3).Draw(rt, "rows") // repeated, so that clusters share some
		f, n := &matrix.Dense{Width: d}, rapid.IntRange(2, 30).Draw(rt, "n")
		var cluster []int
		for range n {
			f.X = append(f.X, rapid.SampledFrom(rows).Draw(rt, "row")...)
			cluster = append(cluster, rapid.IntRange(0, 2).Draw(rt, "cluster"))
		}
		l, err := ScoreFeatures(context.Background(), f, cluster, 3, LabelFreeOptions{})
		if err != nil {
			rt.Fatal(err)
		}
		if l.Silhouette.Defined() && !(l.Silhouette >= -1 && l.Silhouette <= 1) || math.IsInf(float64(l.Silhouette), 0) {
			rt.Errorf("silhouette %v", l.Silhouette)
		}
	})
}

// A score that is infinite is as undefined in memory as once it was written and read: a page or a table says the same whoever computed it.
func TestInfiniteScoresAreUndefined(t *testing.T) {
	cross := &matrix.Dense{Width: 2, X: []float32{1, 0, -1, 0, 0, 1, 0, -1}} // both clusters have the centre 0
	l, err := ScoreFeatures(context.Background(), cross, []int{0, 0, 1, 1}, 2, LabelFreeOptions{})
	if err != nil || l.DaviesBouldin.Defined() {
		t.Errorf("%+v, %v", l, err)
	}
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if Number(x).Defined() {
			t.Errorf("%g is defined", x)
		}
		if b, err := json.Marshal(Number(x)); err != nil || string(b) != "null" {
			t.Errorf("%g is written as %s, %v", x, b, err)
		}
	}
}

func TestLabelsTooLargeToCount(t *testing.T) {
	if _, err := AdjustedRandIndex([]int{math.MaxInt, 0}, []int{0, 1}); err == nil || !strings.Contains(err.Error(), "item 0 has label 9223372036854775807: want 0 to 16777215") {
		t.Error(err)
	}
	if _, err := Match([]int{0, math.MaxInt}, []int{0, 1}, 2, 2); err == nil || !strings.Contains(err.Error(), "item 1 has cluster 9223372036854775807 of 2") {
		t.Error(err)
	}
	if _, err := Match(nil, nil, math.MaxInt, 2); err == nil || !strings.Contains(err.Error(), "want at most 16777216 of each") {
		t.Error(err)
	}
	if m, err := Match(nil, nil, 3, 0); err != nil || !slices.Equal(m, []int{-1, -1, -1}) {
		t.Errorf("no classes: %v, %v", m, err)
	}
	if _, err := NameClusters(nil, nil, math.MaxInt, nil); err == nil {
		t.Error("too many clusters were named")
	}
}

func counted(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func TestNeighbourAndSeedAgreement(t *testing.T) {
	got, err := NeighbourAgreement([]int32{1, 2, 0, 2, 1, 0}, nil, []int{0, 0, 1})
	if err != nil || math.Abs(got-2./6) > 1e-12 {
		t.Errorf("neighbour agreement %v, %v", got, err)
	}
	// For selected rows; row 2 lists itself and is left out.
	got, err = NeighbourAgreement([]int32{0, 2, 2, 2}, []int32{1, 2}, []int{0, 0, 1})
	if err != nil || math.Abs(got-1./2) > 1e-12 {
		t.Errorf("neighbour agreement of two rows %v, %v", got, err)
	}
	if _, err := NeighbourAgreement([]int32{0, 1}, []int32{3}, []int{0, 0, 1}); err == nil {
		t.Error("neighbours of a row that does not exist were accepted")
	}
	a, b := []int{0, 0, 1, 1}, []int{1, 1, 0, 0}
	if got, err := SeedAgreement([][]int{a, b, a}); err != nil || got != 1 {
		t.Errorf("seed agreement %v, %v", got, err)
	}
	if got, err := SeedAgreement([][]int{a}); err != nil || !math.IsNaN(got) {
		t.Errorf("seed agreement of one run: %v, %v", got, err)
	}
	for _, graph := range [][]int32{nil, {0}, {0, 1, 3}, {0, -1, 2}} {
		if _, err := NeighbourAgreement(graph, nil, []int{0, 0, 1}); err == nil {
			t.Errorf("graph %v was accepted", graph)
		}
	}
	if _, err := AdjustedRandIndex([]int{0}, []int{0, 1}); err == nil {
		t.Error("unequal lengths were accepted")
	}
}

func TestScoreFeaturesRefuses(t *testing.T) {
	f, cluster := thirty()
	broken := &matrix.Dense{Width: 4, X: slices.Clone(f.X)}
	broken.X[6] = float32(math.NaN())
	for want, try := range map[string]func() (*LabelFree, error){
		"30 rows and 29 assignments": func() (*LabelFree, error) {
			return ScoreFeatures(context.Background(), f, cluster[:29], 5, LabelFreeOptions{})
		},
		"in cluster 4 of 4": func() (*LabelFree, error) {
			return ScoreFeatures(context.Background(), f, cluster, 4, LabelFreeOptions{})
		},
		"clusters: want at most 16777216": func() (*LabelFree, error) {
			return ScoreFeatures(context.Background(), f, cluster, math.MaxInt, LabelFreeOptions{})
		},
		"dimension 2 holds NaN": func() (*LabelFree, error) {
			return ScoreFeatures(context.Background(), broken, cluster, 5, LabelFreeOptions{})
		},
	} {
		if _, err := try(); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}
