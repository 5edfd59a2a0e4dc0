package head

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"iconic/head/cluster"
	"iconic/head/knn"
	"iconic/head/optim"
	"iconic/internal/dense"
	"iconic/internal/densetest"
	"iconic/internal/sharedtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clouds is k Gaussian clouds, row i in cloud i mod k, with features of very different scale.
func clouds(seed uint64, n, d, k int, apart float64) *dense.Rows {
	m := densetest.Clouds(seed, n, d, k, apart)
	for i := range m.X {
		m.X[i] = float32(math.Pow(10, float64(i%d%3-1)))*m.X[i] + 5
	}
	return m
}

func small(clusters int) Config {
	c := Default(clusters)
	c.Batch, c.Epochs, c.LearningRate = 128, 30, 1e-2
	return c
}

// purity is the share of rows whose cluster's commonest cloud is their own.
func purity(t *testing.T, l *Linear, m *dense.Rows, k int) float64 {
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
		change func(*Config)
	}{
		{"default", func(*Config) {}},
		{"refined", func(c *Config) { c.Refine = 1 }},
		{"average", func(c *Config) { c.EMA = 0.9 }},
		{"several heads", func(c *Config) { c.Heads = 3 }},
		{"no debiasing of p", func(c *Config) { c.Alpha = 0 }},
	} {
		config := small(k)
		c.change(&config)
		r, err := Train(context.Background(), m, config, Options{})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
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

func TestSameBitsOnAnyNumberOfWorkers(t *testing.T) {
	m := clouds(2, 1500, 8, 4, 2)
	for _, consensus := range []bool{false, true} {
		config := small(4)
		config.Epochs, config.Refine, config.EMA, config.Heads, config.Consensus = 3, 1, 0.5, 3, consensus
		var first *Result
		for _, workers := range []int{1, 2, 7} {
			r, err := Train(context.Background(), m, config, Options{Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = r
			} else if diff := cmp.Diff(first, r); diff != "" {
				t.Fatalf("consensus %t: %d workers differ from one:\n%s", consensus, workers, diff)
			}
		}
	}
}

// A training stopped after any epoch and taken up again ends in the same bits.
func TestResumeEndsInTheSameBits(t *testing.T) {
	for _, c := range []struct {
		name                  string
		heads, refine, epochs int // epochs over all rounds
		consensus             bool
	}{
		{"the best of two, refined twice", 2, 2, 8, false},
		{"three heads' consensus", 3, 0, 4, true},
		{"two heads' consensus, refined", 2, 1, 6, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := small(4)
			config.Epochs, config.EMA, config.Heads, config.Refine, config.Consensus = 4, 0.5, c.heads, c.refine, c.consensus
			resumeEverywhere(t, config, c.epochs)
		})
	}
}

// resumeEverywhere stops a training after each of its epochs, and takes it up again.
func resumeEverywhere(t *testing.T, config Config, epochs int) {
	t.Helper()
	m := clouds(3, 300, 8, 4, 2)
	whole, err := Train(context.Background(), m, config, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for stop := 1; stop <= epochs; stop++ {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(context.Background())
		_, err := Train(ctx, m, config, Options{Epoch: func(e Epoch, s *State) error {
			if e.Epoch == stop {
				defer cancel()
				return SaveCheckpoint(dir, s)
			}
			return nil
		}})
		cancel()
		if stop < epochs && err == nil {
			t.Fatal("the training was not stopped")
		}
		state, err := LoadCheckpoint(dir)
		if err != nil {
			t.Fatal(err)
		}
		r, err := Train(context.Background(), m, config, Options{Resume: state})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(whole.Head, r.Head); diff != "" {
			t.Fatalf("stopped after epoch %d (-whole +resumed):\n%s", stop, diff)
		}
		if whole.Loss != r.Loss {
			t.Fatalf("stopped after epoch %d: loss %v, want %v", stop, r.Loss, whole.Loss)
		}
	}
}

func TestFoldingTheScaleChangesNothing(t *testing.T) {
	m := clouds(4, 50, 6, 2, 2)
	mean, variance, err := moments(context.Background(), m, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := standardize(m, mean, variance)
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
	l := newLinear(3, m.Width, rand.New(rand.NewPCG(1, 1)))
	l.Bias[1] = 0.5
	want, got := make([]float32, m.Len()*3), make([]float32, m.Len()*3)
	l.probabilities(want, x, m.Len())
	s.fold(l).probabilities(got, m.X, m.Len())
	for i := range want {
		if math.Abs(float64(want[i]-got[i])) > 1e-5 {
			t.Fatalf("probability %d: %v, want %v", i, got[i], want[i])
		}
	}
}

// The gradient of a step, by central differences through the whole of linear layer and loss, in float32: steps of 1e-2 leave
// rounding of order 1e-7/1e-2 = 1e-5 of a loss of order 1.
func TestStepGradientAgainstFiniteDifferences(t *testing.T) {
	const n, d, k = 24, 5, 4
	r := rand.New(rand.NewPCG(5, 5))
	x := make([]float32, n*d)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	l := newLinear(k, d, r)
	tr := &training{target: partners(n), loss: &cluster.Loss{Alpha: 0.3, Beta: 0.3}, z: make([]float32, n*k), dz: make([]float32, n*k)}
	loss := func() float64 {
		if err := l.Logits(context.Background(), tr.z, x, n, 1); err != nil {
			t.Fatal(err)
		}
		v, err := tr.loss.Gradient(context.Background(), tr.dz, tr.z, n, k, tr.target)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	loss()
	dw, db := make([]float32, k*d), make([]float32, k)
	if err := l.backward(context.Background(), dw, db, tr.dz, x, n, 1); err != nil {
		t.Fatal(err)
	}
	for _, p := range []struct {
		value, gradient []float32
	}{{l.Weight, dw}, {l.Bias, db}} {
		for i, v := range p.value {
			p.value[i] = v + 1e-2
			up := loss()
			p.value[i] = v - 1e-2
			numeric := (up - loss()) / 2e-2
			p.value[i] = v
			if math.Abs(numeric-float64(p.gradient[i])) > 1e-4 {
				t.Errorf("gradient %d is %v, differences give %v", i, p.gradient[i], numeric)
			}
		}
	}
}

func TestReferenceTrajectories(t *testing.T) {
	data, err := os.ReadFile(sharedtest.Path(t, "vectors", "trajectory.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		D, C        int
		Steps       int
		Alpha, Beta float32
		LR          float64 `json:"lr"`
		HalveEvery  int     `json:"halve_every"`
		EMA         float64
		X           [][]float32
		W0          [][]float32
		B0          []float32
		Batches     [][]int32
		Loss        []float64
		W           [][]float32
		B           []float32
		WEMA        [][]float32 `json:"w_ema"`
		BEMA        []float32   `json:"b_ema"`
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		m := &dense.Rows{Width: c.D, X: flat(c.X)}
		rows := len(c.Batches[0])
		tr := &training{
			config: Config{EMA: c.EMA, Schedule: optim.Schedule{Kind: "step", Parts: c.Steps / c.HalveEvery, Factor: 0.5}},
			target: partners(rows), loss: &cluster.Loss{Alpha: c.Alpha, Beta: c.Beta},
			z: make([]float32, rows*c.C), dz: make([]float32, rows*c.C), dWeight: make([]float32, c.C*c.D), dBias: make([]float32, c.C),
		}
		one := &Trainee{Linear: &Linear{c.C, c.D, flat(c.W0), append([]float32(nil), c.B0...)}}
		one.Average = one.Linear.clone()
		x := make([]float32, rows*c.D)
		for step, batch := range c.Batches {
			if err := m.Gather(x, batch); err != nil {
				t.Fatal(err)
			}
			loss, err := tr.step(context.Background(), one, x, c.LR*tr.config.Schedule.At(step, c.Steps))
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(loss-c.Loss[step]) > 1e-5 {
				t.Errorf("step %d: loss %v, want %v", step, loss, c.Loss[step])
			}
		}
		for _, pair := range []struct {
			name      string
			got, want []float32
		}{
			{"W", one.Linear.Weight, flat(c.W)}, {"b", one.Linear.Bias, c.B},
			{"W's average", one.Average.Weight, flat(c.WEMA)}, {"b's average", one.Average.Bias, c.BEMA},
		} {
			for i, want := range pair.want {
				if math.Abs(float64(pair.got[i]-want)) > 1e-3 {
					t.Errorf("%s %d: %v, want %v", pair.name, i, pair.got[i], want)
				}
			}
		}
	}
}

func flat(rows [][]float32) []float32 {
	var x []float32
	for _, r := range rows {
		x = append(x, r...)
	}
	return x
}

func TestBadInput(t *testing.T) {
	m := clouds(6, 40, 4, 2, 2)
	nan := clouds(6, 40, 4, 2, 2)
	nan.X[9*4+2] = float32(math.NaN())
	same := dense.New(40, 4)
	for _, c := range []struct {
		name   string
		f      Features
		change func(*Config)
		want   string
	}{
		{"one cluster", m, func(c *Config) { c.Clusters = 1 }, "clusters 1: want at least 2"},
		{"more clusters than images", m, func(c *Config) { c.Clusters = 41 }, "clusters 41 of 40 images"},
		{"alpha", m, func(c *Config) { c.Alpha = 1.5 }, "alpha 1.5: want a number from 0 to 1"},
		{"alpha NaN", m, func(c *Config) { c.Alpha = math.NaN() }, "alpha NaN"},
		{"beta", m, func(c *Config) { c.Beta = -1 }, "beta -1"},
		{"neighbours", m, func(c *Config) { c.Neighbours = 40 }, "neighbours 40 of 40 images"},
		{"batch", m, func(c *Config) { c.Batch = 1 }, "batch 1"},
		{"rate", m, func(c *Config) { c.LearningRate = math.Inf(1) }, "lr +Inf"},
		{"average", m, func(c *Config) { c.EMA = 1 }, "ema 1"},
		{"NaN", nan, func(*Config) {}, "row 9 are not finite"},
		{"all the same", same, func(*Config) {}, "are the same"},
	} {
		config := small(4)
		c.change(&config)
		if _, err := Train(context.Background(), c.f, config, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want %q in it", c.name, err, c.want)
		}
	}
}

func TestBatchShrinks(t *testing.T) {
	c, notes := Default(4).Resolve(100)
	if c.Batch != 200 || len(notes) != 1 || !strings.Contains(notes[0], "batch 4096 is larger than the set of 100 images") {
		t.Errorf("batch %d, notes %q", c.Batch, notes)
	}
	if c.Epochs != 240 {
		t.Errorf("epochs %d: one step each, so MinSteps of them", c.Epochs)
	}
}

func TestPresetSuggestsTheNearestName(t *testing.T) {
	if _, err := Preset("infonce-clusterin", 10); err == nil || !strings.Contains(err.Error(), `"infonce-clustering"`) {
		t.Errorf("error %v", err)
	}
}

// A second training on the same features takes the graph from the cache; one that is not kept is told of and does no harm.
func TestGraphsAreKept(t *testing.T) {
	m := clouds(5, 300, 6, 3, 3)
	c := small(3)
	c.Epochs = 2
	cache := filepath.Join(t.TempDir(), "graphs")
	searched := 0
	o := Options{Cache: cache, GraphProgress: func(done, total int) {
		if done == total {
			searched++
		}
	}}
	first, err := Train(context.Background(), m, c, o)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Train(context.Background(), m, c, o)
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
	unkept, err := Train(context.Background(), m, c, o)
	if err != nil || searched != 2 || !strings.Contains(strings.Join(unkept.Notes, "\n"), "is not kept") {
		t.Errorf("a cache that cannot be: searched %d times, %q, %v", searched, unkept.Notes, err)
	}
}

func TestApproximateNeighboursTellTheirRecall(t *testing.T) {
	c := small(4)
	c.Epochs, c.Search = 2, knn.SearchApproximate
	r, err := Train(context.Background(), clouds(6, 2000, 12, 4, 1), c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Graph.Recall < 1 && !strings.Contains(strings.Join(r.Notes, "\n"), "of the true ones found") || r.Graph.Recall < 0.8 {
		t.Errorf("recall %g, notes %q", r.Graph.Recall, r.Notes)
	}
	c.Search = "fast"
	if err := c.Validate(2000); err == nil || !strings.Contains(err.Error(), `neighbour search "fast"`) {
		t.Errorf("a search that is not: %v", err)
	}
}
