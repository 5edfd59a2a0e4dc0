package head

import (
	"context"
	"errors"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"iconic/head/checkpoint"
	"iconic/head/knn"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/methods"
	"iconic/head/partition"
	"iconic/internal/densetest"
	"iconic/matrix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clouds returns k Gaussian clouds, row i in cloud i mod k, with features of very different scales.
func clouds(seed uint64, n, d, k int, apart float64) *matrix.Dense {
	m := densetest.Clouds(seed, n, d, k, apart)
	for i := range m.X {
		m.X[i] = float32(math.Pow(10, float64(i%d%3-1)))*m.X[i] + 5
	}
	return m
}

// change sets settings, given as alternating names and values.
func change(t testing.TB, c *Config, pairs ...any) {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if err := c.Set(pairs[i].(string), pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
}

// iconClustering returns a configuration of the method whose steps, batches and heads these tests examine.
func iconClustering(t testing.TB, clusters int) Config {
	t.Helper()
	c, err := Preset("debiased-infonce-clustering", clusters)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func small(t testing.TB, clusters int, pairs ...any) Config {
	t.Helper()
	c := iconClustering(t, clusters)
	change(t, &c, "batch", 128, "epochs", 30, "lr", 1e-2)
	change(t, &c, pairs...)
	return c
}

// learn trains, and fails the test if the training fails.
func learn(t testing.TB, f Features, c Config, o Options) *Result {
	t.Helper()
	r, err := Train(context.Background(), f, Inputs{}, c, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// purity is the share of rows that belong to the most frequent cloud of their cluster.
func purity(t *testing.T, l *Ensemble, m *matrix.Dense, k int) float64 {
	t.Helper()
	p := make([]float32, m.Len()*l.Clusters)
	if err := l.Probabilities(p, m.X, m.Len()); err != nil {
		t.Fatal(err)
	}
	count := make([]int, l.Clusters*k)
	for i := range m.Len() {
		at := 0
		for c := range l.Clusters {
			if p[i*l.Clusters+c] > p[i*l.Clusters+at] {
				at = c
			}
		}
		count[at*k+i%k]++
	}
	total := 0
	for c := range l.Clusters {
		most := 0
		for _, v := range count[c*k : (c+1)*k] {
			most = max(most, v)
		}
		total += most
	}
	return float64(total) / float64(m.Len())
}

func TestTrainFindsClouds(t *testing.T) {
	const k = 6
	m := clouds(1, 900, 12, k, 3)
	for _, c := range []struct {
		name   string
		change []any
	}{
		{"default", nil},
		{"refined", []any{"refine", 1}},
		{"average", []any{"ema", 0.9}},
		{"several heads", []any{"heads", 3}},
		{"no debiasing of p", []any{"alpha", 0, "beta", 0.1}},
	} {
		r := learn(t, m, small(t, k, c.change...), Options{})
		if p := purity(t, r.Head, m, k); p < 0.95 {
			t.Errorf("%s: purity %v", c.name, p)
		}
		if first, last := r.History[0].Loss, r.Loss; last >= first {
			t.Errorf("%s: loss went from %v to %v", c.name, first, last)
		}
		if len(r.Warnings) > 0 {
			t.Errorf("%s: warnings %q", c.name, r.Warnings)
		}
	}
}

// The default finds clouds of equal and of very different sizes, and the accuracy it expects is about the one it reaches.
func TestDefaultFindsCloudsOfAnySize(t *testing.T) {
	for name, sizes := range map[string][]int{"alike": {100, 100, 100, 100}, "uneven": {200, 120, 60, 30}, "two": {300, 40}} {
		r := rand.New(rand.NewPCG(5, 6))
		m := &Matrix{Width: 12}
		var truth []int32
		for c, size := range sizes {
			for range size {
				for e := range m.Width {
					v := r.NormFloat64()
					if e%len(sizes) == c {
						v += 4
					}
					m.X = append(m.X, float32(v))
				}
				truth = append(truth, int32(c))
			}
		}
		done, total := 0, 0
		got, err := Train(context.Background(), m, Inputs{}, Default(len(sizes)), Options{Progress: func(step, steps int, _ float64) { done, total = step, steps }})
		if err != nil {
			t.Fatal(err)
		}
		if done != total || total == 0 {
			t.Errorf("%s: progress ends at %d of %d", name, done, total)
		}
		found, err := got.Head.Argmaxes(context.Background(), m, 0)
		if err != nil {
			t.Fatal(err)
		}
		own := make([]int32, len(found))
		for i, c := range found {
			own[i] = int32(c)
		}
		same, err := partition.Agreement(own, truth, len(sizes))
		if err != nil || same < 0.97 || math.Abs(same-got.Expected) > 0.1 {
			t.Errorf("%s: %.3f of the rows are in their cloud's cluster, %.3f are expected; %q, %v", name, same, got.Expected, got.Notes, err)
		}
	}
}

// A second set of features of the same images, in which the clouds are well separated, helps the default, whose head still sees only the
// first set.
func TestDefaultLooksForClustersInASecondSet(t *testing.T) {
	first, second := densetest.Clouds(11, 400, 24, 5, 0.45), densetest.Clouds(12, 400, 10, 5, 4)
	truth := make([]int32, 400)
	for i := range truth {
		truth[i] = int32(i % 5)
	}
	share := func(in Inputs) float64 {
		r, err := Train(context.Background(), first, in, Default(5), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Head.Dim != 24 {
			t.Errorf("a head of %d numbers", r.Head.Dim)
		}
		found, err := r.Head.Argmaxes(context.Background(), first, 0)
		if err != nil {
			t.Fatal(err)
		}
		own := make([]int32, len(found))
		for i, c := range found {
			own[i] = int32(c)
		}
		same, err := partition.Agreement(own, truth, 5)
		if err != nil {
			t.Fatal(err)
		}
		return same
	}
	if alone, both := share(Inputs{}), share(Inputs{Second: second}); both < alone+0.1 {
		t.Errorf("%.3f of the rows are in their cloud's cluster with the first set, %.3f with both", alone, both)
	}
	if testing.Short() {
		return // the same goroutines on other numbers
	}
	noise, r := &Matrix{Width: 24}, rand.New(rand.NewPCG(13, 14))
	for range first.Len() * noise.Width {
		noise.X = append(noise.X, float32(r.NormFloat64()))
	}
	if alone, both := share(Inputs{}), share(Inputs{Second: noise}); both < alone {
		t.Errorf("%.3f of the rows are in their cloud's cluster with the first set, %.3f with noise added", alone, both)
	}
	// Nor does it harm clouds that only the second set shows, as far as a head on noise can learn them at all.
	clear(first.X)
	for i := range first.X {
		first.X[i] = float32(r.NormFloat64())
	}
	if alone, both := share(Inputs{}), share(Inputs{Second: second}); both < alone+0.05 {
		t.Errorf("%.3f of the rows are in their cloud's cluster with noise, %.3f with clouds added", alone, both)
	}
}

// Extreme but valid sets also get a head, with a confidence between 0 and 1.
func TestDefaultAtTheEdges(t *testing.T) {
	for _, c := range []struct {
		name    string
		n, d, k int
		change  func(m *matrix.Dense)
	}{
		{"two rows", 2, 3, 2, nil},
		{"three rows", 3, 8, 2, nil},
		{"one row more than clusters", 21, 16, 20, nil},
		{"more columns than rows", 40, 300, 4, nil},
		{"one column", 60, 1, 2, nil},
		{"many clusters of few rows", 120, 8, 50, nil},
		{"duplicates", 90, 8, 6, func(m *matrix.Dense) {
			for i := range m.Len() {
				copy(m.Row(i), m.Row(i%5))
			}
		}},
		{"constant columns", 90, 8, 3, func(m *matrix.Dense) {
			for i := range m.Len() {
				clear(m.Row(i)[2:7])
			}
		}},
		{"one row apart", 90, 8, 2, func(m *matrix.Dense) { m.Row(7)[3] += 1e6 }},
		{"huge", 90, 8, 3, func(m *matrix.Dense) {
			for i := range m.X {
				m.X[i] *= 1e15
			}
		}},
	} {
		m := clouds(9, c.n, c.d, 3, 3)
		if c.change != nil {
			c.change(m)
		}
		every := []string{"auto", "balanced", "free"}
		if testing.Short() {
			every = every[:1]
		}
		for _, sizes := range every {
			config := Default(c.k)
			change(t, &config, "sizes", sizes)
			r, err := Train(context.Background(), m, Inputs{}, config, Options{})
			if err != nil {
				t.Errorf("%s, %s: %v", c.name, sizes, err)
				continue
			}
			if !(r.Expected > 0 && r.Expected <= 1) || !r.Head.Finite() {
				t.Errorf("%s, %s: %g expected, finite %v", c.name, sizes, r.Expected, r.Head.Finite())
			}
		}
	}
}

func TestSameBitsOnAnyNumberOfWorkers(t *testing.T) {
	m := clouds(2, 1500, 8, 4, 2)
	for _, consensus := range []bool{false, true} {
		config := small(t, 4, "epochs", 3, "refine", 1, "ema", 0.5, "heads", 3, "consensus", consensus)
		var first *Result
		for _, workers := range []int{1, 2, 7} {
			r := learn(t, m, config, Options{Workers: workers})
			if first == nil {
				first = r
			} else if diff := cmp.Diff(first, r); diff != "" {
				t.Fatalf("consensus %t: %d workers differ from one:\n%s", consensus, workers, diff)
			}
		}
	}
}

// The confidence of a head that is kept of several is set by an expected accuracy, also if it was refined; that of a head that was trained or chosen alone is as
// trained, and a note says so.
func TestConfidenceOfOneHead(t *testing.T) {
	m := clouds(3, 300, 8, 4, 0.7)
	for _, c := range []struct {
		heads, refine    int
		consensus, given bool
	}{{1, 0, true, false}, {1, 1, true, false}, {3, 0, false, false}, {3, 1, false, false}, {3, 1, true, true}, {2, 2, true, true}} {
		r := learn(t, m, small(t, 4, "epochs", 10, "heads", c.heads, "refine", c.refine, "consensus", c.consensus), Options{})
		p := make([]float32, m.Len()*4)
		if err := r.Head.Probabilities(p, m.X, m.Len()); err != nil {
			t.Fatal(err)
		}
		_, confidence := densetest.Assigned(p, 4)
		if c.given != (r.Expected > 0) || c.given && math.Abs(confidence-r.Expected) > 0.02 {
			t.Errorf("%d heads, consensus %t, refined %d times: expected accuracy %.3f, mean confidence %.3f", c.heads, c.consensus, c.refine, r.Expected, confidence)
		}
		if noted := strings.Contains(strings.Join(r.Notes, "; "), "as trained"); noted == c.given {
			t.Errorf("%d heads, consensus %t, refined %d times: notes %q", c.heads, c.consensus, c.refine, r.Notes)
		}
	}
}

// Heads that know nothing of their own errors get an expected accuracy: those of k-means, of clusters that a linear head learns, and of k-means on a
// representation. A head that has learnt labels keeps its confidence.
func TestConfidenceOfClustersThatAHeadLearns(t *testing.T) {
	const k = 4
	m := clouds(3, 300, 8, k, 0.7)
	for _, name := range []string{"kmeans", "probabilistic-kmeans", "spectral", "pca", "simclr", "scan", "supcon"} {
		c, err := Preset(name, k)
		if err != nil {
			t.Fatal(err)
		}
		some(t, &c, "epochs", 3)
		r, err := Train(context.Background(), m, inputs(m, k), c, Options{})
		if err != nil {
			t.Fatal(err)
		}
		p := make([]float32, m.Len()*k)
		if err := r.Head.Probabilities(p, m.X, m.Len()); err != nil {
			t.Fatal(err)
		}
		_, sure := densetest.Assigned(p, k)
		said := strings.Contains(strings.Join(r.Findings, "; "), "expected accuracy: ")
		if labelled := name == "supcon"; labelled == (r.Expected > 0) || labelled == said || !labelled && math.Abs(sure-r.Expected) > 0.02 {
			t.Errorf("%s: expected accuracy %.3f, mean confidence %.3f, findings %q", name, r.Expected, sure, r.Findings)
		}
	}
}

// A method tells clouds on a line apart, and so does the head that learns its clusters, even of a small set.
func TestHeadKeepsTheClustersOfARepresentation(t *testing.T) {
	const k, each = 5, 60
	r := rand.New(rand.NewPCG(8, 8))
	m := &Matrix{Width: 8}
	var truth []int32
	for c := range k {
		for range each {
			for range m.Width {
				m.X = append(m.X, float32(4*float64(c)+r.NormFloat64()))
			}
			truth = append(truth, int32(c))
		}
	}
	c, err := Preset("spectral", k)
	if err != nil {
		t.Fatal(err)
	}
	some(t, &c, "metric", "euclidean")
	found, err := Train(context.Background(), m, Inputs{}, c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	p := make([]float32, m.Len()*k)
	if err := found.Head.Probabilities(p, m.X, m.Len()); err != nil {
		t.Fatal(err)
	}
	own, _ := densetest.Assigned(p, k)
	if right, err := partition.Agreement(own, truth, k); err != nil || right < 0.99 {
		t.Errorf("the head has %.3f of the images in their cloud's cluster, %v, warnings %q", right, err, found.Warnings)
	}
}

// A training stopped after a step, in any of its phases, and resumed gives the same bits.
func TestResumeEndsInTheSameBits(t *testing.T) {
	m := clouds(3, 300, 8, 4, 2)
	for _, c := range []struct {
		name          string
		heads, refine int
		consensus     bool
	}{
		{"the best of two, refined twice", 2, 2, false},
		{"three heads' consensus", 3, 0, true},
		{"two heads' consensus, refined", 2, 1, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := small(t, 4, "epochs", 4, "ema", 0.5, "heads", c.heads, "refine", c.refine, "consensus", c.consensus)
			steps := 0
			whole := learn(t, m, config, Options{Progress: func(int, int, float64) { steps++ }})
			for stop := 1; stop < steps; stop += 3 {
				r := interrupted(t, m, Inputs{}, config, stop)
				if diff := cmp.Diff(whole, r); diff != "" {
					t.Fatalf("stopped after step %d (-whole +resumed):\n%s", stop, diff)
				}
			}
		})
	}
}

// interrupted trains, is cancelled after so many steps, and resumes from the checkpoint.
func interrupted(t testing.TB, f Features, in Inputs, c Config, after int) *Result {
	t.Helper()
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	steps := 0
	_, err := Train(ctx, f, in, c, Options{
		Progress: func(int, int, float64) {
			if steps++; steps == after {
				cancel()
			}
		},
		Save: func(s *State, now bool) error {
			if !now {
				return nil
			}
			return checkpoint.Save(filepath.Join(dir, "checkpoint.safetensors"), s)
		},
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped after step %d: %v", after, err)
	}
	state, err := checkpoint.Load(filepath.Join(dir, "checkpoint.safetensors"))
	if errors.Is(err, fs.ErrNotExist) {
		state, err = nil, nil // it was stopped between two phases, or has no phases
	}
	if err != nil {
		t.Fatal(err)
	}
	r, err := Train(context.Background(), f, in, c, Options{Resume: state})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestFoldingTheScaleChangesNothing(t *testing.T) {
	m := clouds(4, 50, 6, 2, 2)
	moments, err := matrix.Measure(context.Background(), m, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := matrix.Standardize(m, moments)
	x := make([]float32, m.Len()*m.Width)
	if err := s.Block(x, 0, m.Len()); err != nil {
		t.Fatal(err)
	}
	for e := range m.Width {
		var sum, square float64
		for i := range m.Len() {
			sum += float64(x[i*m.Width+e])
			square += float64(x[i*m.Width+e]) * float64(x[i*m.Width+e])
		}
		if math.Abs(sum/float64(m.Len())) > 1e-5 || math.Abs(square/float64(m.Len())-1) > 1e-5 {
			t.Fatalf("feature %d has mean %v and square %v", e, sum/float64(m.Len()), square/float64(m.Len()))
		}
	}
	l := linear.New(3, m.Width, rand.New(rand.NewPCG(1, 1)))
	l.Bias[1] = 0.5
	want, got := make([]float32, m.Len()*3), make([]float32, m.Len()*3)
	l.Assignments(want, x, m.Len())
	l.Fold(s).Assignments(got, m.X, m.Len())
	for i := range want {
		if math.Abs(float64(want[i]-got[i])) > 1e-5 {
			t.Fatalf("probability %d: %v, want %v", i, got[i], want[i])
		}
	}
}

func TestBadInput(t *testing.T) {
	m := clouds(6, 40, 4, 2, 2)
	nan := clouds(6, 40, 4, 2, 2)
	nan.X[9*4+2] = float32(math.NaN())
	same := matrix.NewDense(40, 4)
	for _, c := range []struct {
		name     string
		f        Features
		clusters int
		change   []any
		want     string
	}{
		{"one cluster", m, 1, nil, "clusters 1: want at least 2"},
		{"more clusters than images", m, 41, nil, "clusters 41 of 40 images"},
		{"alpha", m, 4, []any{"alpha", 1.5}, "alpha 1.5: want a number from 0 to 1"},
		{"alpha NaN", m, 4, []any{"alpha", math.NaN()}, "alpha NaN"},
		{"beta", m, 4, []any{"beta", -1}, "beta -1"},
		{"neighbours", m, 4, []any{"neighbours", 0}, "neighbours 0: want 1 or more"},
		{"batch", m, 4, []any{"batch", 1}, "batch 1"},
		{"rate", m, 4, []any{"lr", math.Inf(1)}, "lr +Inf"},
		{"average", m, 4, []any{"ema", 1}, "ema 1"},
		{"search", m, 4, []any{"neighbour-search", "fast"}, `neighbour-search "fast"`},
		{"NaN", nan, 4, nil, "row 9 are not finite"},
		{"all the same", same, 4, nil, "are the same"},
	} {
		config := small(t, 4, c.change...)
		config.Clusters = c.clusters
		if _, err := Train(context.Background(), c.f, Inputs{}, config, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", c.name, err, c.want)
		}
	}
	for _, one := range methods.All() { // that read views
		c, err := Preset(one.About().Name, 4)
		if err != nil || one.About().Needs != method.NeedsViews && c.Text("use-views") == "" {
			continue
		}
		if c.Text("use-views") != "" {
			if err := c.Set("use-views", true); err != nil {
				t.Fatal(err)
			}
		}
		for want, views := range map[string][]Features{
			"view 1 has rows of 3 numbers, the features of 4":       {m, clouds(6, 40, 3, 2, 2)},
			"view 0 has rows of 5 numbers, the features of 4":       {clouds(6, 40, 5, 2, 2)},
			"view 0 has 39 rows, the features 40":                   {clouds(6, 39, 4, 2, 2)},
			"view 1: there are no features":                         {m, nil},
			"view 0: there are no features":                         {(*matrix.Dense)(nil)},
			"view 1: features of row 9 are not finite (number 2 is": {m, nan},
		} {
			if _, err := Train(context.Background(), m, Inputs{Views: views, Labels: make([]int, m.Len())}, c, Options{}); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v, want %q in it", c.Method, err, want)
			}
		}
	}
	c := iconClustering(t, 4)
	err := c.Set("temperature", 1)
	if err == nil || !strings.Contains(err.Error(), "does not read the setting temperature: these do: infonce, simclr") {
		t.Errorf("a setting of other methods: %v", err)
	}
	c.Settings["colour"] = "red"
	if err := c.Validate(40); err == nil || !strings.Contains(err.Error(), "has no setting colour") {
		t.Errorf("a setting that no method has: %v", err)
	}
}

// A batch and a number of neighbours larger than the set shrink, with a note to the user.
func TestBatchAndNeighboursShrink(t *testing.T) {
	c, notes, err := iconClustering(t, 4).Resolve(100)
	if err != nil || c.Text("batch") != "200" || len(notes) != 1 || !strings.Contains(notes[0], "a batch of 4096 rows is larger than the set: using all 100 images") {
		t.Errorf("batch %s, notes %q, %v", c.Text("batch"), notes, err)
	}
	if c.Text("epochs") != "240" {
		t.Errorf("epochs %s: one step each, so min-steps of them", c.Text("epochs"))
	}
	odd := iconClustering(t, 4)
	change(t, &odd, "batch", 33)
	if odd, notes, err = odd.Resolve(100); err != nil || len(notes) != 1 || notes[0] != "a batch has a neighbour for each anchor: 32 of 33 rows are used" {
		t.Errorf("batch %s, notes %q, %v", odd.Text("batch"), notes, err)
	}
	change(t, &odd, "batch-anchors", true)
	if odd, notes, err = odd.Resolve(100); err != nil || odd.Text("batch") != "33" || len(notes) != 0 {
		t.Errorf("batch %s of anchors, notes %q, %v", odd.Text("batch"), notes, err)
	}
	r := learn(t, clouds(6, 8, 4, 2, 2), small(t, 2, "epochs", 2), Options{})
	if !strings.Contains(strings.Join(r.Notes, "\n"), "neighbours 10 of 8 images: reduced to 7") {
		t.Errorf("notes %q", r.Notes)
	}
}

func TestPresetSuggestsTheNearestName(t *testing.T) {
	if _, err := Preset("infonce-clusterin", 10); err == nil || !strings.Contains(err.Error(), `"infonce-clustering"`) {
		t.Errorf("error %v", err)
	}
}

// A second training on the same features takes the graph from the cache; a graph that cannot be cached is reported and does no harm.
func TestGraphsAreKept(t *testing.T) {
	m := clouds(5, 300, 6, 3, 3)
	c := small(t, 3, "epochs", 2)
	cache := filepath.Join(t.TempDir(), "graphs")
	searched := 0
	o := Options{Cache: cache, GraphProgress: func(done, total int) {
		if done == total {
			searched++
		}
	}}
	first, err := Train(context.Background(), m, Inputs{}, c, o)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Train(context.Background(), m, Inputs{}, c, o)
	if err != nil {
		t.Fatal(err)
	}
	if searched != 1 || !cmp.Equal(first, again) {
		t.Errorf("searched %d times: %s", searched, cmp.Diff(first, again))
	}
	if err := os.WriteFile(cache+"file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o.Cache = filepath.Join(cache+"file", "no folder")
	unkept, err := Train(context.Background(), m, Inputs{}, c, o)
	if err != nil || searched != 2 || !strings.Contains(strings.Join(unkept.Notes, "\n"), "could not be cached") {
		t.Errorf("a cache that cannot be: searched %d times, %q, %v", searched, unkept.Notes, err)
	}
}

func TestApproximateNeighboursTellTheirRecall(t *testing.T) {
	r := learn(t, clouds(6, 2000, 12, 4, 1), small(t, 4, "epochs", 2, "neighbour-search", "approximate"), Options{})
	if r.Graph.Recall < 1 && !strings.Contains(strings.Join(r.Notes, "\n"), "of the true neighbours") || r.Graph.Recall < 0.8 {
		t.Errorf("recall %g, notes %q", r.Graph.Recall, r.Notes)
	}
}

// sampler is a k-means method that declares that it learns from a sample of the rows.
type sampler struct {
	method.Recipe
	seen **knn.Graph
}

func (s sampler) About() method.About { return method.About{Name: "sampler"} }
func (s sampler) Sampled(n int) int   { return min(n, 100) }
func (s sampler) Learn(ctx context.Context, d *method.Data) (*method.Outcome, error) {
	*s.seen = d.Graph
	return s.Recipe.Learn(ctx, d)
}

type ofSampler struct{ sampler }

func (o ofSampler) Recipe(int) method.Recipe { return o.sampler }

// A method that learns from a sample gets the neighbours of some rows among all, and no graph of all rows is computed; of an existing graph of all
// rows it uses the same rows, unless that was an approximate search, or one of other rows.
func TestNeighboursOfSomeRowsAreEnoughForASample(t *testing.T) {
	const n = 2500
	f := clouds(3, n, 4, 3, 2)
	kmeans, err := methods.Find("kmeans")
	if err != nil {
		t.Fatal(err)
	}
	var seen *knn.Graph
	m := ofSampler{sampler{kmeans.Recipe(3), &seen}}
	r, err := TrainMethod(context.Background(), m, f, Inputs{}, PresetOf(m, 3), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(seen.Of) != judged || seen.N != judged || r.Graph != seen || seen.K != 10 {
		t.Errorf("%d of %d rows have neighbours", seen.N, n)
	}
	whole, err := knn.Exact(context.Background(), f, knn.Options{K: 12})
	if err != nil {
		t.Fatal(err)
	}
	own := seen
	approximate, err := knn.Approximate(context.Background(), f, knn.Options{K: 12, Probes: 1})
	if err != nil || approximate.Compared == 1 {
		t.Fatal(approximate, err)
	}
	others, err := knn.Some(context.Background(), f, []int32{3, 5, 8}, knn.Options{K: 12})
	if err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]*knn.Graph{"all rows": whole, "all rows, approximately": approximate, "other rows": others, "these rows": own} {
		if _, err := TrainMethod(context.Background(), m, f, Inputs{}, PresetOf(m, 3), Options{Graph: g}); err != nil || !reflect.DeepEqual(seen, own) {
			t.Errorf("with an existing graph of %s: %d rows with %d neighbours, %v", name, seen.N, seen.K, err)
		}
	}
	// A method that needs neighbours of all rows does not accept a graph of some.
	if r, err = Train(context.Background(), f, Inputs{}, small(t, 3, "epochs", 1), Options{Graph: r.Graph}); err != nil || r.Graph.Of != nil || r.Graph.N != n {
		t.Errorf("%d rows have neighbours, %v", r.Graph.N, err)
	}
}

// A graph serves a training if that finds the same one itself.
func TestGraphsServeTrainingsThatFindTheSame(t *testing.T) {
	exact := Wanted{Neighbours: 10, Metric: knn.Cosine, Search: knn.SearchExact, Standardized: true}
	for _, c := range []struct {
		name         string
		made, wanted func(w *Wanted)
		serves       bool
	}{
		{"the same", func(*Wanted) {}, func(*Wanted) {}, true},
		{"fewer neighbours", func(*Wanted) {}, func(w *Wanted) { w.Neighbours = 5 }, true},
		{"more neighbours", func(*Wanted) {}, func(w *Wanted) { w.Neighbours = 11 }, false},
		{"another metric", func(*Wanted) {}, func(w *Wanted) { w.Metric = knn.Euclidean }, false},
		{"another search", func(*Wanted) {}, func(w *Wanted) { w.Search = knn.SearchApproximate }, false},
		{"other features", func(*Wanted) {}, func(w *Wanted) { w.Standardized = false }, false},
		{"some rows", func(*Wanted) {}, func(w *Wanted) { w.Some = true }, false},
		{"all rows", func(w *Wanted) { w.Some = true }, func(*Wanted) {}, false},
		{"the same, approximately", func(w *Wanted) { w.Search = knn.SearchApproximate }, func(w *Wanted) { w.Search = knn.SearchApproximate }, true},
		{"fewer neighbours, approximately", func(w *Wanted) { w.Search = knn.SearchApproximate }, func(w *Wanted) { w.Search, w.Neighbours = knn.SearchApproximate, 5 }, false},
	} {
		made, wanted := exact, exact
		c.made(&made)
		c.wanted(&wanted)
		if made.Serves(wanted) != c.serves {
			t.Errorf("%s: %v", c.name, !c.serves)
		}
	}
	for _, c := range []struct {
		method string
		n      int
		want   Wanted
	}{
		{"kmeans", 100, Wanted{10, knn.Cosine, knn.SearchExact, true, false}},
		{"kmeans", 7, Wanted{6, knn.Cosine, knn.SearchExact, true, false}},
		{"kmeans", 300_000, Wanted{10, knn.Cosine, knn.SearchApproximate, true, false}},
		{"direction-mixture", 100, Wanted{10, knn.Cosine, knn.SearchExact, true, false}},
		{"direction-mixture", 300_000, Wanted{10, knn.Cosine, knn.SearchExact, true, true}},
	} {
		config, err := Preset(c.method, 4)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := config.Wanted(c.n); err != nil || got.Neighbours < c.want.Neighbours {
			t.Errorf("%s of %d rows: %+v, %v", c.method, c.n, got, err)
		} else if got.Neighbours = c.want.Neighbours; got != c.want {
			t.Errorf("%s of %d rows: %+v, want %+v", c.method, c.n, got, c.want)
		}
	}
}
