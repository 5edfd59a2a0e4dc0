package kmeans

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"iconic/internal/densetest"
	"iconic/matrix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFindsSeparatedClouds(t *testing.T) {
	const n, k = 3000, 7
	m := densetest.Clouds(3, n, 10, k, 20)
	r, err := Cluster(context.Background(), m, Options{Clusters: k, Seed: 5})
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range r.Assignment {
		if c != r.Assignment[i%k] {
			t.Fatalf("row %d of cloud %d is in cluster %d, others in %d", i, i%k, c, r.Assignment[i%k])
		}
	}
	p := make([]float32, n*k)
	if err := r.Probabilities(p, m.X, n); err != nil {
		t.Fatal(err)
	}
	again := make([]int32, n)
	if err := r.Assign(again, m.X, n); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Assignment, again); diff != "" {
		t.Fatalf("assigning the same rows again differs: %s", diff)
	}
	for i, c := range r.Assignment {
		if p[i*k+int(c)] < 0.5 {
			t.Fatalf("row %d has posterior %v for its own cluster", i, p[i*k+int(c)])
		}
	}
}

// A result is a fixed point: every row is assigned to its nearest centroid, and the inertia follows from the centroids.
func TestResultIsConsistent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(t, "n")
		d := rapid.IntRange(1, 9).Draw(t, "d")
		k := rapid.IntRange(1, min(n, 20)).Draw(t, "k")
		m := densetest.Clouds(rapid.Uint64().Draw(t, "seed"), n, d, 3, 2)
		if rapid.Bool().Draw(t, "duplicates") {
			for i := 1; i < n; i++ {
				copy(m.X[i*d:(i+1)*d], m.X[i%2*d:i%2*d+d])
			}
		}
		r, err := Cluster(context.Background(), m, Options{Clusters: k, Starts: 2})
		if err != nil {
			t.Fatal(err)
		}
		inertia := 0.0
		for i := range n {
			best := math.Inf(1)
			var own float64
			for c := range k {
				s := 0.0
				for e := range d {
					v := float64(m.X[i*d+e] - r.Centroids[c*d+e])
					s += v * v
				}
				best = min(best, s)
				if c == int(r.Assignment[i]) {
					own = s
				}
			}
			if own > best+1e-4*(1+best) {
				t.Fatalf("row %d is %v from its centroid and %v from another", i, own, best)
			}
			inertia += own
		}
		if math.Abs(inertia-r.Inertia) > 1e-3*(1+inertia) {
			t.Fatalf("inertia %v, want %v", r.Inertia, inertia)
		}
	})
}

func TestSameBitsOnAnyNumberOfWorkers(t *testing.T) {
	m := densetest.Clouds(9, 20000, 6, 12, 1)
	var first *Result
	for _, workers := range []int{1, 2, 7} {
		r, err := Cluster(context.Background(), m, Options{Clusters: 12, Seed: 1, Workers: workers, Starts: 1})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = r
		} else if diff := cmp.Diff(first, r); diff != "" {
			t.Fatalf("%d workers differ from one:\n%s", workers, diff)
		}
	}
}

func TestBadInput(t *testing.T) {
	m := densetest.Clouds(1, 10, 2, 2, 1)
	for _, k := range []int{0, 11} {
		if _, err := Cluster(context.Background(), m, Options{Clusters: k}); err == nil || !strings.Contains(err.Error(), "of 10 rows") {
			t.Errorf("%d clusters of 10 rows: %v", k, err)
		}
	}
	m.X[6*2] = float32(math.Inf(1))
	if _, err := Cluster(context.Background(), m, Options{Clusters: 2}); err == nil || !strings.Contains(err.Error(), "row 6 are not finite") {
		t.Errorf("infinite features: %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Cluster(ctx, densetest.Clouds(1, 10, 2, 2, 1), Options{Clusters: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// BenchmarkStep is compute-bound: n·k·d multiply-adds per iteration.
func BenchmarkStep(b *testing.B) {
	m := densetest.Clouds(1, 50000, 192, 100, 0.5)
	iterations := 0
	for b.Loop() {
		r, err := Cluster(context.Background(), m, Options{Clusters: 100, Starts: 1, MaxIterations: 10})
		if err != nil {
			b.Fatal(err)
		}
		iterations += r.Iterations + 1
	}
	b.ReportMetric(2*50000*192*100*float64(iterations)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

// Runs returns the starts from which Cluster chooses.
func TestRunsAreTheStartsOfCluster(t *testing.T) {
	m := densetest.Clouds(4, 1200, 6, 9, 0.7)
	o := Options{Clusters: 9, Starts: 4, MaxIterations: 6, Seed: 3, Workers: 2}
	want, err := Cluster(context.Background(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	o.Progress = func(done, total int) {
		if done <= last || total != 4*6 {
			t.Errorf("%d of %d after %d", done, total, last)
		}
		last = done
	}
	all, err := Runs(context.Background(), m, o)
	if err != nil {
		t.Fatal(err)
	}
	best := all[0]
	for _, r := range all[1:] {
		if r.Inertia < best.Inertia {
			best = r
		}
	}
	if diff := cmp.Diff(want, best); len(all) != 4 || last != 4*6 || diff != "" {
		t.Fatalf("of %d runs the best differs from the clustering:\n%s", len(all), diff)
	}
	if _, err := Runs(context.Background(), m, Options{Clusters: 1201}); err == nil {
		t.Error("1201 clusters of 1200 rows are not refused")
	}
}

// Rows that are read again in every step give the same bits as rows kept in memory.
func TestKeptRowsChangeNothing(t *testing.T) {
	m := densetest.Clouds(4, 1200, 6, 9, 0.7)
	o := Options{Clusters: 9, Seed: 3}.withDefaults()
	var results []*Result
	for _, keep := range []bool{true, false} {
		r, err := read(context.Background(), m, 2)
		if err != nil {
			t.Fatal(err)
		}
		if !keep {
			r.kept = nil
		}
		result, err := newLloyd(r, o).run(context.Background(), 0)
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, result)
	}
	if diff := cmp.Diff(results[0], results[1]); diff != "" {
		t.Error(diff)
	}
}

// A start ends when few enough rows move: at once if all may move, and only at a fixed point if none may.
func TestStill(t *testing.T) {
	m := densetest.Clouds(4, 3000, 6, 9, 0.7)
	iterations := func(still float64) int {
		r, err := Cluster(context.Background(), m, Options{Clusters: 9, Starts: 1, Still: still})
		if err != nil {
			t.Fatal(err)
		}
		return r.Iterations
	}
	if at, some, whole := iterations(1), iterations(0.01), iterations(0); at != 2 || some <= at || whole <= some {
		t.Errorf("%d iterations if all rows may move, %d if a hundredth may, %d if none may", at, some, whole)
	}
}

// Centroids of a sample are those of well separated clouds, and all rows are assigned to the nearest.
func TestCentroidsOfASample(t *testing.T) {
	const n, k = 3000, 7
	m := densetest.Clouds(3, n, 10, k, 20)
	for i := range m.X {
		m.X[i] = m.X[i]/8 + 100
	}
	var first *Result
	for _, workers := range []int{1, 3} {
		r, err := Cluster(context.Background(), m, Options{Clusters: k, Rows: 150, Seed: 5, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = r
		} else if diff := cmp.Diff(first, r); diff != "" {
			t.Fatalf("%d workers differ from one:\n%s", workers, diff)
		}
	}
	again, inertia := make([]int32, n), 0.0
	if err := first.Assign(again, m.X, n); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{n - 1, -1} {
		if err := errors.Join(first.Assign(again, m.X, n), first.Probabilities(make([]float32, len(again)*k), m.X, n)); err == nil || strings.Count(err.Error(), "do not match") != 2 {
			t.Errorf("as %d rows: %v", n, err)
		}
	}
	for i, c := range first.Assignment {
		if c != first.Assignment[i%k] || c != again[i] {
			t.Fatalf("row %d of cloud %d is in cluster %d", i, i%k, c)
		}
		for e, v := range m.Row(i) {
			d := float64(v) - float64(first.Centroids[int(c)*10+e])
			inertia += d * d
		}
	}
	if math.Abs(inertia-first.Inertia) > 1e-3*inertia {
		t.Errorf("inertia %v, and %v by its definition", first.Inertia, inertia)
	}
	// At least as many rows as clusters are drawn, and at most all.
	for _, rows := range []int{1, n, 2 * n} {
		if r, err := Cluster(context.Background(), m, Options{Clusters: k, Rows: rows}); err != nil || len(r.Assignment) != n {
			t.Errorf("a sample of %d rows: %v", rows, err)
		}
	}
}

// Bounds skip comparisons and change no bit: assignments, distances, movements and centroids are those of comparing every row with every
// centroid, also with equal rows, centroids that lose all rows, and data far from the origin.
func TestBoundsChangeNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, d := rapid.IntRange(2, 300).Draw(t, "n"), rapid.IntRange(1, 20).Draw(t, "d")
		k := rapid.IntRange(1, min(n, 50)).Draw(t, "k") // up to four groups
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		away := rapid.SampledFrom([]float64{0, 100}).Draw(t, "away")
		spread := rapid.SampledFrom([]float64{0, 0.05, 1}).Draw(t, "spread")
		m := matrix.NewDense(n, d)
		for i := range m.X {
			m.X[i] = float32(away + float64(i/d%5) + spread*r.NormFloat64())
		}
		x, err := read(context.Background(), m, 1)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Clusters: k, Workers: 1}.withDefaults()
		with, without := newLloyd(x, o), newLloyd(x, o)
		with.groups.cut(rapid.IntRange(1, 4).Draw(t, "spans"))
		with.bounds = newBounds(with)
		for _, l := range []*lloyd{with, without} {
			for c := range k {
				copy(l.centroids[c*d:(c+1)*d], x.kept[(c*n/k)*d:])
			}
		}
		for round := range 8 {
			for _, l := range []*lloyd{with, without} {
				if err := l.assign(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(with.assignment, without.assignment) || !slices.Equal(with.distance, without.distance) || with.moved() != without.moved() || with.total() != without.total() {
				t.Fatalf("round %d differs", round)
			}
			if err := errors.Join(with.update(), without.update()); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(with.centroids, without.centroids) {
				t.Fatalf("centroids of round %d differ", round)
			}
		}
	})
}

// On clouds that are apart, nearly all comparisons of late rounds are skipped; of the others, most are with few groups of centroids.
func TestBoundsSkip(t *testing.T) {
	m := densetest.Clouds(3, 3000, 16, 50, 8)
	x, err := read(context.Background(), m, 1)
	if err != nil {
		t.Fatal(err)
	}
	l := newLloyd(x, Options{Clusters: 50, Workers: 1}.withDefaults())
	l.bounds = newBounds(l)
	if err := l.seed(context.Background(), rand.New(rand.NewPCG(1, 0))); err != nil {
		t.Fatal(err)
	}
	for round := range 7 {
		if err := l.assign(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := l.update(); err != nil {
			t.Fatal(err)
		}
		rows, pairs := 0, 0
		for s := range l.stripes { // of its last block
			rows += len(l.stripes[s].comparison.open)
			for _, of := range l.stripes[s].comparison.of {
				pairs += len(of)
			}
		}
		switch {
		case round == 0 && pairs != rows*l.groups.spans:
			t.Errorf("at first %d rows were compared with %d groups: want all", rows, pairs)
		case round == 2 && pairs > rows*l.groups.spans*3/4:
			t.Errorf("in round %d, %d rows were compared with %d groups of %d each", round, rows, pairs, l.groups.spans)
		case round == 6 && rows > 100:
			t.Errorf("%d rows of the last blocks were compared", rows)
		}
	}
}

// unreadable is features whose rows cannot be gathered once they are lost.
type unreadable struct {
	*matrix.Dense
	lost *bool
}

func (u unreadable) Gather(dst []float32, rows []int32) error {
	if *u.lost {
		return errors.New("the disk is gone")
	}
	return u.Dense.Gather(dst, rows)
}

// If the row that an empty cluster adopts cannot be read, the clustering fails instead of going on with another one.
func TestAnEmptyClusterFailsIfItsRowCannotBeRead(t *testing.T) {
	lost := false
	r, err := read(context.Background(), unreadable{&matrix.Dense{Width: 2, X: []float32{0, 1, 1, 0, 5, 5, 6, 5}}, &lost}, 1)
	if err != nil {
		t.Fatal(err)
	}
	r.kept = nil // as if there were too many rows for memory
	l := newLloyd(r, Options{Clusters: 2}.withDefaults())
	if err := l.update(); err != nil { // no row is in a cluster
		t.Fatal(err)
	}
	lost = true
	if err := l.update(); err == nil || !strings.Contains(err.Error(), "the disk is gone") {
		t.Errorf("error %v", err)
	}
}
