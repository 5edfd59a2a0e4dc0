package knn

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"iconic/internal/sharedtest"
	"iconic/matrix"
	"pgregory.net/rapid"
	"reflect"
	"slices"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func random(r *rand.Rand, n, d int) *matrix.Dense {
	m := matrix.NewDense(n, d)
	for i := range m.X {
		m.X[i] = float32(r.NormFloat64())
	}
	return m
}

// plain ranks all rows by distance in float64.
func plain(m *matrix.Dense, metric Metric, k int) []int32 {
	var all []int32
	for i := range m.Len() {
		var list []ranked
		for j := range m.Len() {
			if j != i {
				list = append(list, ranked{distance(metric, m.X[i*m.Width:(i+1)*m.Width], m.X[j*m.Width:(j+1)*m.Width]), int32(j)})
			}
		}
		sortRanked(list)
		for _, r := range list[:k] {
			all = append(all, r.row)
		}
	}
	return all
}

func TestExactIsTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, d := rapid.IntRange(2, 120).Draw(t, "n"), rapid.IntRange(1, 20).Draw(t, "d")
		k := rapid.IntRange(1, n-1).Draw(t, "k")
		metric := rapid.SampledFrom([]Metric{Cosine, Euclidean}).Draw(t, "metric")
		m := random(rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)), n, d)
		g, err := Exact(context.Background(), m, Options{K: k, Metric: metric})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(plain(m, metric, k), g.Neighbours); diff != "" {
			t.Fatalf("neighbours differ (-want +got):\n%s", diff)
		}
	})
}

func TestPanelsAndWorkersDoNotShow(t *testing.T) {
	m := random(rand.New(rand.NewPCG(1, 2)), 2*panelRows+333, 9)
	copy(m.X[100*9:], m.X[:50*9]) // some duplicates
	want := plain(m, Euclidean, 4)
	for _, workers := range []int{1, 2, 7} {
		g, err := Exact(context.Background(), m, Options{K: 4, Metric: Euclidean, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, g.Neighbours); diff != "" {
			t.Fatalf("%d workers (-want +got):\n%s", workers, diff)
		}
	}
}

// Each worker would otherwise fill lists of its own for every panel, and the work would grow with their number.
func TestAWorkerKeepsNoneThatThePanelRefuses(t *testing.T) {
	const n, d, k = panelRows + 2*blockRows, 6, 10
	m := random(rand.New(rand.NewPCG(5, 6)), n, d)
	s := &search{features: m, options: Options{K: k, Metric: Euclidean}, n: n, d: d, keep: k}
	if err := s.measure(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.allocate()
	panel, threshold := make([]float32, panelRows*d), slices.Repeat([]float32{0}, n) // no score of other rows reaches 0, a distance of 0
	if err := s.read(panel, 0, panelRows); err != nil {
		t.Fatal(err)
	}
	w := newWorker(s)
	for round, want := range []int{0, k * panelRows} {
		for _, from := range []int{0, panelRows, panelRows + blockRows} {
			if err := w.tile(s, panel, threshold, 0, panelRows, from, from+blockRows); err != nil {
				t.Fatal(err)
			}
		}
		kept := 0
		for _, list := range w.best {
			kept += len(list.candidates)
		}
		if kept != want {
			t.Errorf("round %d: %d candidates kept, want %d", round, kept, want)
		}
		w.merge(s, threshold, 0, panelRows)
		for i := range threshold {
			threshold[i] = worstScore
		}
	}
}

func TestDuplicatesGoToTheLowestIndex(t *testing.T) {
	m := matrix.NewDense(3000, 3)
	for i := range m.X {
		m.X[i] = float32(1 + i%3)
	}
	g, err := Exact(context.Background(), m, Options{K: 3})
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Len() {
		want := []int32{0, 1, 2}
		if i < 3 {
			want = []int32{1, 2, 3}
			copy(want, want[:i])
			for e := range i {
				want[e] = int32(e)
			}
		}
		if diff := cmp.Diff(want, g.Row(i)); i >= 3 && diff != "" {
			t.Fatalf("row %d: %v", i, g.Row(i))
		}
		for _, j := range g.Row(i) {
			if int(j) == i {
				t.Fatalf("row %d is its own neighbour", i)
			}
		}
	}
}

func TestReferenceVectors(t *testing.T) {
	data, err := os.ReadFile(sharedtest.Path(t, "vectors", "supervisory.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Kind       string
		Metric     Metric
		K          int
		X          [][]float32
		Neighbours [][]int32
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, c := range cases {
		if c.Kind != "knn" {
			continue
		}
		seen++
		m := &matrix.Dense{Width: len(c.X[0])}
		for _, row := range c.X {
			m.X = append(m.X, row...)
		}
		g, err := Exact(context.Background(), m, Options{K: c.K, Metric: c.Metric})
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range c.Neighbours {
			if diff := cmp.Diff(want, g.Row(i)); diff != "" {
				t.Errorf("%s k=%d row %d (-want +got):\n%s", c.Metric, c.K, i, diff)
			}
		}
	}
	if seen == 0 {
		t.Fatal("no cases of kind knn")
	}
}

func TestBadInput(t *testing.T) {
	m := random(rand.New(rand.NewPCG(3, 4)), 10, 4)
	bad := &matrix.Dense{Width: 4, X: slices.Clone(m.X)}
	bad.X[7*4+1] = float32(math.NaN())
	zero := &matrix.Dense{Width: 4, X: slices.Clone(m.X)}
	clear(zero.X[3*4 : 4*4])
	for _, c := range []struct {
		name string
		f    Features
		o    Options
		want string
	}{
		{"no neighbours", m, Options{K: 0}, "neighbours 0 of 10 rows"},
		{"as many neighbours as rows", m, Options{K: 10}, "neighbours 10 of 10 rows"},
		{"unknown metric", m, Options{K: 2, Metric: "hamming"}, `metric "hamming"`},
		{"NaN", bad, Options{K: 2}, "row 7 are not finite"},
	} {
		if _, err := Exact(context.Background(), c.f, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", c.name, err, c.want)
		}
	}
	if g, err := Exact(context.Background(), zero, Options{K: 2, Metric: Euclidean}); err != nil || g.Alone() != 0 {
		t.Errorf("zeros under the Euclidean metric: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Exact(ctx, m, Options{K: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// BenchmarkExact is compute-bound: n²·d multiply-adds, halved by symmetry.
func BenchmarkExact(b *testing.B) {
	m := random(rand.New(rand.NewPCG(5, 6)), 10000, 192)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Exact(context.Background(), m, Options{K: 50}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(m.Len())*float64(m.Len())*float64(m.Width)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// TestRowsWithoutDirection: rows of zeros, and rows of rounding errors, have no neighbours under Cosine, in either search, and are nobody's
// neighbours.
func TestRowsWithoutDirection(t *testing.T) {
	m := random(rand.New(rand.NewPCG(3, 4)), 300, 4)
	clear(m.X[3*4 : 4*4])
	clear(m.X[200*4 : 201*4])
	for e := range m.X[7*4 : 8*4] {
		m.X[7*4+e] *= 1e-8
	}
	for _, search := range []Search{SearchExact, SearchApproximate} {
		for _, scale := range []float32{1, 1e-20, 1e30} {
			scaled := &matrix.Dense{Width: 4, X: slices.Clone(m.X)}
			for i := range scaled.X {
				scaled.X[i] *= scale
			}
			g, err := search.Find(t.Context(), scaled, Options{K: 3})
			if err != nil {
				t.Fatalf("%s at %g: %v", search, scale, err)
			}
			if g.Alone() != 3 {
				t.Errorf("%s at %g: %d rows have no neighbours, want 3", search, scale, g.Alone())
			}
			rows := []int32{0, 2, 7, 200}
			if some, err := Some(t.Context(), scaled, rows, Options{K: 3}); err != nil || some.Alone() != 2 || search == SearchExact && !reflect.DeepEqual(g.Only(rows), some) {
				t.Errorf("%s at %g: %d of 4 rows have no neighbours, want 2, %v", search, scale, some.Alone(), err)
			}
			for _, i := range []int{3, 7, 200} {
				for e := range 3 {
					if int(g.Row(i)[e]) != i || g.Distances[i*3+e] != 0 {
						t.Errorf("%s at %g: row %d has neighbours %v", search, scale, i, g.Row(i))
					}
				}
			}
			for i := range g.N {
				for _, j := range g.Row(i) {
					if int(j) != i && (j == 3 || j == 7 || j == 200) {
						t.Errorf("%s at %g: row %d has neighbour %d, which has no direction", search, scale, i, j)
					}
				}
			}
		}
	}
}

// TestEuclideanNeighboursKeepTheirDigits: a common offset or scale of all numbers changes no neighbour.
func TestEuclideanNeighboursKeepTheirDigits(t *testing.T) {
	m := random(rand.New(rand.NewPCG(5, 4)), 200, 4)
	for i, v := range m.X {
		m.X[i] = float32(math.Round(float64(v)*64) / 64) // so that adding an offset is exact
	}
	want, err := Exact(t.Context(), m, Options{K: 5, Metric: Euclidean})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ offset, scale float64 }{{1e4, 1}, {0, 0x1p-70}, {0, 0x1p100}} {
		moved := &matrix.Dense{Width: 4, X: slices.Clone(m.X)}
		for i, v := range moved.X {
			moved.X[i] = float32((float64(v) + test.offset) * test.scale)
		}
		got, err := Exact(t.Context(), moved, Options{K: 5, Metric: Euclidean})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.Neighbours, got.Neighbours); diff != "" {
			t.Errorf("offset %g, scale %g: different neighbours", test.offset, test.scale)
		}
	}
}

// Candidates that are left out are farther than the K nearest, however the scores were rounded: rows here differ by as little as rounding does.
func TestPossibleKeepsTheNearest(t *testing.T) {
	dropped := 0
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 2))
		const n, k = 60, 5
		d := []int{3, 40, 400}[seed%3]
		metric := []Metric{Cosine, Euclidean}[seed/3%2]
		near := math.Pow(10, -float64(seed%7))
		m := random(r, n, d)
		for i := d; i < len(m.X); i++ {
			m.X[i] = m.X[i%d] + float32(near)*m.X[i]
		}
		s := &search{features: m, options: Options{K: k, Metric: metric, Workers: 1}, n: n, d: d, keep: n - 1}
		if err := s.measure(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := s.compare(context.Background()); err != nil {
			t.Fatal(err)
		}
		want := plain(m, metric, k)
		for i := range n {
			kept, all := s.possible(int32(i), s.best[i].candidates)
			if !all {
				t.Fatalf("d = %d, %s, seed %d: row %d may have other neighbours than all rows", d, metric, seed, i)
			}
			dropped += n - 1 - len(kept)
			for _, j := range want[i*k : (i+1)*k] {
				if !slices.ContainsFunc(kept, func(c candidate) bool { return c.row == j }) {
					t.Fatalf("d = %d, %s, seed %d: row %d of the nearest of %d was left out", d, metric, seed, j, i)
				}
			}
		}
	}
	if dropped < 60*60*20 {
		t.Errorf("%d candidates were left out: this test shows little", dropped)
	}
}
