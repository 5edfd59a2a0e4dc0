package clustering

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"iconic/head/icon"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/optim"
	"iconic/head/sampling"
	"iconic/head/train"
	"iconic/internal/densetest"
	"iconic/internal/sharedtest"
	"iconic/matrix"
)

// given is a task whose batches are known.
type given struct {
	task
	features *matrix.Dense
	batches  [][]int32
}

func (g *given) Propose(b *train.Batch) error {
	b.X = make([]float32, len(g.batches[b.Epoch])*g.features.Width)
	return g.features.Gather(b.X, g.batches[b.Epoch])
}

// The gradient of a step, by central differences through linear layer and loss, in float32: steps of 1e-2 leave
// rounding of order 1e-7/1e-2 = 1e-5 for a loss of order 1.
func TestStepGradientAgainstFiniteDifferences(t *testing.T) {
	const n, d, k = 24, 5, 4
	r := rand.New(rand.NewPCG(5, 5))
	x := make([]float32, n*d)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	l := linear.New(k, d, r)
	dw, db := make([]float32, k*d), make([]float32, k)
	tr := &task{
		data: &method.Data{Workers: 1}, heads: []*linear.Head{l}, learners: []*train.Learner[float32]{{Gradients: [][]float32{dw, db}}},
		target: sampling.Partners(n), loss: icon.Loss[float32]{Learned: icon.Cluster{}, Alpha: 0.3, Beta: 0.3, Buffers: &icon.Buffers{}}, z: make([]float32, n*k), dz: make([]float32, n*k),
	}
	loss := func() float64 {
		v, err := tr.Gradient(context.Background(), &train.Batch{X: x}, 0)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	loss()
	dw, db = slices.Clone(dw), slices.Clone(db)
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
		m := &matrix.Dense{Width: c.D, X: flat(c.X)}
		rows := len(c.Batches[0])
		one := &linear.Head{Clusters: c.C, Dim: c.D, Weight: flat(c.W0), Bias: append([]float32(nil), c.B0...)}
		average := one.Clone()
		learner := &train.Learner[float32]{
			Parameters: one.Parameters(), Gradients: [][]float32{make([]float32, c.C*c.D), make([]float32, c.C)},
			Optimiser: &optim.Adam[float32]{}, Average: average.Parameters(), Decay: c.EMA,
		}
		tr := &given{task{
			data: &method.Data{}, heads: []*linear.Head{one}, learners: []*train.Learner[float32]{learner}, target: sampling.Partners(rows),
			loss: icon.Loss[float32]{Learned: icon.Cluster{}, Alpha: float64(c.Alpha), Beta: float64(c.Beta), Buffers: &icon.Buffers{}}, z: make([]float32, rows*c.C), dz: make([]float32, rows*c.C),
			used: make([]int, 1), largest: make([]float64, 1),
		}, m, c.Batches}
		run := &train.Run{}
		plan := train.Plan{Epochs: c.Steps, Steps: 1, Rate: c.LR, Schedule: optim.Schedule{Kind: "step", Parts: c.Steps / c.HalveEvery, Factor: 0.5}}
		if err := train.Train(context.Background(), run, "given", tr, plan); err != nil {
			t.Fatal(err)
		}
		for step, e := range run.History() {
			if math.Abs(e.Loss-c.Loss[step]) > 1e-5 {
				t.Errorf("step %d: loss %v, want %v", step, e.Loss, c.Loss[step])
			}
		}
		for _, pair := range []struct {
			name      string
			got, want []float32
		}{
			{"W", one.Weight, flat(c.W)}, {"b", one.Bias, c.B},
			{"W's average", average.Weight, flat(c.WEMA)}, {"b's average", average.Bias, c.BEMA},
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

// If few heads are trained, one is refined instead; the other recipes keep a single head.
func TestWhichHeadsAreCombined(t *testing.T) {
	for _, c := range []struct{ clusters, heads, refine int }{{2, 8, 0}, {10, 8, 0}, {100, 8, 0}, {101, 4, 0}, {200, 4, 0}, {201, 1, 2}, {1000, 1, 2}} {
		if d := Default(c.clusters); d.Heads != c.heads || d.Refine != c.refine || !d.Consensus {
			t.Errorf("%d clusters: %d heads, refined %d times, consensus %t; want %d and %d", c.clusters, d.Heads, d.Refine, d.Consensus, c.heads, c.refine)
		}
	}
	for _, m := range Methods() {
		if r := m.Recipe(100).(*Recipe); r.Consensus != (m.About().Name == "debiased-infonce-clustering") {
			t.Errorf("%s: consensus %t", m.About().Name, r.Consensus)
		}
	}
}

// Rounds with other edges are offered by the methods that learn from edges, and refused by the others.
func TestRefineNeedsEdges(t *testing.T) {
	for _, m := range Methods() {
		r, labelled := m.Recipe(10).(*Recipe), m.About().Needs == method.NeedsLabels
		if _, offered := r.Settings().Find("refine"); offered == labelled {
			t.Errorf("%s: offered %t", m.About().Name, offered)
		}
		r.Refine = 1
		if _, err := r.Resolve(1000); (err != nil) != labelled {
			t.Errorf("%s: error %v", m.About().Name, err)
		}
	}
}

// A step's sample depends on the seed and the step: distinct rows in order, others in the next step, and the same if drawn again.
func TestSampleOfAStep(t *testing.T) {
	one := &task{data: &method.Data{Seed: 4}, sample: make([]int32, 20)}
	drawn := func(epoch, step int) []int32 {
		one.draw(&train.Batch{Epoch: epoch, Step: step}, 100)
		return slices.Clone(one.sample)
	}
	first := drawn(0, 0)
	for e := 1; e < len(first); e++ {
		if first[e] <= first[e-1] || first[e] >= 100 {
			t.Fatalf("sample %v", first)
		}
	}
	if slices.Equal(first, drawn(0, 1)) || slices.Equal(first, drawn(1, 0)) || !slices.Equal(first, drawn(0, 0)) {
		t.Error("samples do not depend on the step")
	}
	counts := make([]int, 100)
	for step := range 2000 {
		for _, j := range drawn(3, step) {
			counts[j]++
		}
	}
	for j, c := range counts { // 400 expected, deviation 18: six of them
		if c < 290 || c > 510 {
			t.Errorf("row %d is in %d of 2000 samples of a fifth", j, c)
		}
	}
}

func TestSampleThatCannotBe(t *testing.T) {
	r := Default(10)
	r.Sample, r.Divergence = 64, "hellinger"
	if _, err := r.Resolve(1000); err == nil {
		t.Error("a sample for a divergence that cannot be sampled is accepted")
	}
	r = Default(10)
	r.Sample = 5000
	if notes, err := r.Resolve(10000); err != nil || len(notes) != 1 || r.Sample != 0 {
		t.Errorf("a sample larger than the batch: %d, notes %q, %v", r.Sample, notes, err)
	}
}

// Large sets get fewer epochs, with a note; a default sample is dropped if the loss cannot be sampled.
func TestStepsOfManyRows(t *testing.T) {
	for _, c := range []struct {
		n, clusters, epochs int
		noted               bool
	}{{10_000, 100, 60, false}, {50_000, 100, 30, false}, {1_281_167, 1000, 4, true}, {10_000_000, 1000, 1, true}} {
		r := Default(c.clusters)
		r.Search = "approximate"
		notes, err := r.Resolve(c.n)
		if err != nil {
			t.Fatal(err)
		}
		if r.Epochs != c.epochs || (len(notes) > 0) != c.noted {
			t.Errorf("%d rows, %d clusters: %d epochs, want %d; notes %q", c.n, c.clusters, r.Epochs, c.epochs, notes)
		}
	}
	given := Default(1000)
	given.Epochs = 7
	if _, err := given.Resolve(1_281_167); err != nil || given.Epochs != 7 {
		t.Errorf("7 requested epochs became %d, %v", given.Epochs, err)
	}
	small, other := Default(10), Default(10)
	if notes, err := small.Resolve(60); err != nil || small.Sample != 0 || len(notes) != 1 { // the batch
		t.Errorf("60 rows: a sample of %d, notes %q, %v", small.Sample, notes, err)
	}
	other.Divergence = "hellinger"
	if notes, err := other.Resolve(10_000); err != nil || other.Sample != 0 || len(notes) > 0 {
		t.Errorf("another divergence: a sample of %d, notes %q, %v", other.Sample, notes, err)
	}
	other.Sample = 100
	if _, err := other.Resolve(10_000); err == nil {
		t.Error("a requested sample is ignored with another divergence")
	}
}

// Of two heads of which one has collapsed into a single cluster the other is kept, whichever comes first; the history's use of clusters is that of
// the head that is kept, and not that of the last one.
func TestHistoryHasTheClustersOfTheKeptHead(t *testing.T) {
	const n, d, k = 60, 4, 3
	m := densetest.Clouds(2, n, d, k, 8)
	good, collapsed := &linear.Head{Clusters: k, Dim: d, Weight: make([]float32, k*d), Bias: make([]float32, k)}, linear.New(k, d, rand.New(rand.NewPCG(1, 1)))
	for c := range k { // the first row of each cloud stands for it
		copy(good.Weight[c*d:], m.Row(c))
		for _, v := range m.Row(c) {
			good.Bias[c] -= v * v / 2
		}
	}
	clear(collapsed.Weight)
	collapsed.Bias[1] = 9
	var rows []int32 // pairs of one cloud
	for i := range n - k {
		rows = append(rows, int32(i), int32(i+k))
	}
	for name, heads := range map[string][]*linear.Head{"first": {good, collapsed}, "last": {collapsed, good}} {
		one := &given{task{
			data: &method.Data{}, target: sampling.Partners(len(rows)), loss: icon.Loss[float32]{Learned: icon.Cluster{}, Buffers: &icon.Buffers{}},
			z: make([]float32, len(rows)*k), dz: make([]float32, len(rows)*k), used: make([]int, 2), largest: make([]float64, 2),
		}, m, [][]int32{rows}}
		var trainees []*trainee
		for _, l := range heads {
			one.heads = append(one.heads, l.Clone())
			one.learners = append(one.learners, &train.Learner[float32]{
				Parameters: one.heads[len(one.heads)-1].Parameters(), Gradients: [][]float32{make([]float32, k*d), make([]float32, k)}, Optimiser: &optim.Adam[float32]{},
			})
			trainees = append(trainees, &trainee{head: one.heads[len(one.heads)-1]})
		}
		run := &train.Run{}
		if err := train.Train(context.Background(), run, "given", one, train.Plan{Epochs: 1, Steps: 1, Rate: 1e-9}); err != nil {
			t.Fatal(err)
		}
		for h, l := range one.learners {
			trainees[h].loss = l.Loss
		}
		var out method.Outcome
		if err := (&Recipe{}).final(context.Background(), one.data, trainees, &out); err != nil {
			t.Fatal(err)
		}
		if at := slices.Index(heads, good); out.Vote.Members != 1 || &out.Vote.Weight[0] != &one.heads[at].Weight[0] || one.used[1-at] != 1 {
			t.Errorf("the good head %s: the other is kept, losses %v, clusters used %v", name, []float64{trainees[0].loss, trainees[1].loss}, one.used)
		}
		if line := run.History()[0]; line.ClustersUsed != k || line.LargestShare > 0.5 {
			t.Errorf("the good head %s: %d clusters used, the largest of %v of the rows: not those of the kept head", name, line.ClustersUsed, line.LargestShare)
		}
	}
}
