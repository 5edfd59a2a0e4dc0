package icon

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/cespare/xxhash/v2"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"iconic/head/cluster"
	"iconic/head/knn"
	"iconic/head/optim"
	"iconic/internal/kernel"
	"iconic/internal/sharedtest"
	"iconic/matrix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func kernels() map[string]Learned {
	return map[string]Learned{
		"gaussian": Gaussian{0.8}, "cosine": Cosine{0.5}, "dot": Dot{}, "student-t 1": StudentT{1}, "student-t 3": StudentT{3}, "power": Power{2.5}, "cluster": Cluster{}, "user-defined": plainly{StudentT{2}},
	}
}

func divergences() map[string]Divergence {
	return map[string]Divergence{"kl": KL{}, "reverse kl": ReverseKL{}, "jensen-shannon": JensenShannon{}, "total variation": TotalVariation{}, "hellinger": Hellinger{}}
}

// mappers returns mappers for n points of in numbers.
func mappers(t *testing.T, n, in int) map[string]func(r *rand.Rand) Mapper[float64] {
	const out = 3
	perceptron := func(r *rand.Rand, hidden int) *MLP[float64] {
		m, err := NewMLP[float64]([]int{in, hidden, out}, r)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	return map[string]func(r *rand.Rand) Mapper[float64]{
		"linear":            func(r *rand.Rand) Mapper[float64] { return NewLinear[float64](in, out, r) },
		"embedding":         func(r *rand.Rand) Mapper[float64] { return NewEmbedding[float64](n, out, 1, r) },
		"mlp":               func(r *rand.Rand) Mapper[float64] { return perceptron(r, 5) },
		"weight-normalised": func(r *rand.Rand) Mapper[float64] { return perceptron(r, 4).WeightNormalized() },
	}
}

func randomRows(r *rand.Rand, n, m int, self bool) *Rows {
	return Build(n, func(i int, add func(int, float64)) {
		for range 3 {
			if j := r.IntN(m); j != i || self {
				add(j, 0.2+r.Float64())
			}
		}
		add((i+1)%m, 0.1)
	})
}

func normals(r *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = r.NormFloat64()
	}
	return x
}

// differences checks a gradient against central differences: steps of 1e-6 leave truncation of order 1e-12 and cancellation of
// order 1e-16/1e-6 = 1e-10, for losses and gradients of order 1.
func differences(t *testing.T, what string, value func() float64, x, gradient []float64) {
	t.Helper()
	for i, v := range x {
		const step = 1e-6
		x[i] = v + step
		up := value()
		x[i] = v - step
		numeric := (up - value()) / (2 * step)
		x[i] = v
		if math.Abs(numeric-gradient[i]) > 1e-7*(1+math.Abs(numeric)) {
			t.Fatalf("%s: gradient %d is %v, differences give %v", what, i, gradient[i], numeric)
		}
	}
}

// Every kernel under every divergence, debiased on no, one or both sides, through every mapper. Each case has its own random source, seeded
// by the case: total variation has a kink wherever an entry of q crosses p, and differences across a kink prove nothing, so the cases must
// not depend on the order of map iteration.
func TestGradientsAgainstFiniteDifferences(t *testing.T) {
	const n, in = 9, 4
	x := normals(rand.New(rand.NewPCG(1, 2)), n*in)
	for kernelName, k := range kernels() {
		for divergenceName, d := range divergences() {
			for _, shares := range [][2]float64{{0, 0}, {0.3, 0}, {0, 0.3}, {0.5, 0.4}} {
				if divergenceName == "reverse kl" && shares[0] == 0 {
					continue // almost infinite where p has no mass
				}
				for mapperName, make := range mappers(t, n, in) {
					name := fmt.Sprintf("%s, %s, α=%v β=%v, %s", kernelName, divergenceName, shares[0], shares[1], mapperName)
					r := rand.New(rand.NewPCG(xxhash.Sum64String(name), 2))
					m := make(r)
					p := randomRows(r, n, n, k == Cluster{})
					loss := Loss[float64]{Learned: k, Divergence: d, Alpha: shares[0], Beta: shares[1]}
					value := func() float64 {
						z := m.Forward(x, n)
						dz := append([]float64(nil), z...)
						v, err := loss.Gradient(context.Background(), dz, z, n, len(z)/n, p)
						if err != nil {
							t.Fatal(err)
						}
						m.Backward(dz)
						return v
					}
					value()
					var gradients [][]float64
					for _, g := range m.Gradients() {
						gradients = append(gradients, append([]float64(nil), g...))
					}
					for i, parameter := range m.Parameters() {
						differences(t, name, value, parameter, gradients[i])
					}
				}
			}
		}
	}
}

func TestGradientsBetweenTwoSets(t *testing.T) {
	const n, m, d = 7, 5, 3
	r := rand.New(rand.NewPCG(3, 4))
	for name, k := range kernels() {
		z, w := normals(r, n*d), normals(r, m*d)
		p := randomRows(r, n, m, true)
		loss := Loss[float64]{Learned: k, Alpha: 0.2, Beta: 0.1}
		dz, dw := make([]float64, n*d), make([]float64, m*d)
		value := func() float64 {
			v, err := loss.GradientBetween(context.Background(), dz, dw, z, w, n, m, d, p)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if (k == Cluster{}) {
			if _, err := loss.GradientBetween(context.Background(), dz, dw, z, w, n, m, d, p); err == nil {
				t.Error("the cluster kernel is accepted between two sets")
			}
			continue
		}
		value()
		gz, gw := append([]float64(nil), dz...), append([]float64(nil), dw...)
		differences(t, name+", first set", value, z, gz)
		differences(t, name+", second set", value, w, gw)
		alone, other := make([]float64, n*d), make([]float64, m*d)
		for _, g := range [][2][]float64{{alone, nil}, {nil, other}} {
			if got, err := loss.GradientBetween(context.Background(), g[0], g[1], z, w, n, m, d, p); err != nil || got != value() {
				t.Errorf("%s: loss %v with one gradient, %v with both (%v)", name, got, value(), err)
			}
		}
		if !slices.Equal(alone, gz) || !slices.Equal(other, gw) {
			t.Errorf("%s: a gradient alone is another than with its counterpart", name)
		}
	}
}

// A row's weights are added up by point and scaled to sum to 1, in whatever order they are added; prototypes are such rows of one entry.
func TestBuild(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.IntRange(1, 6).Draw(t, "points"), rapid.IntRange(1, 6).Draw(t, "others")
		added := make([][]int, n)
		for i := range added {
			added[i] = rapid.SliceOfN(rapid.IntRange(0, m-1), 0, 9).Draw(t, "neighbours")
		}
		weight := rapid.SampledFrom([]float64{0, 0.25}).Draw(t, "weight")
		p := Build(n, func(i int, add func(int, float64)) {
			for _, j := range added[i] {
				add(j, weight)
			}
		})
		if err := checkRows(p, m); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			column, share := p.Row(i)
			times := make(map[int32]int)
			for _, j := range added[i] {
				times[int32(j)]++
			}
			if len(column) != len(times) {
				t.Fatalf("row %d has %d points, %d were added", i, len(column), len(times))
			}
			for e, j := range column {
				want := float32(1 / float64(len(times)))
				if weight > 0 {
					want = float32(float64(times[j]) / float64(len(added[i])))
				}
				if share[e] != want {
					t.Fatalf("row %d: share %v of point %d, want %v", i, share[e], j, want)
				}
			}
		}
		labels := rapid.SliceOfN(rapid.IntRange(0, m-1), 1, 9).Draw(t, "labels")
		got, err := Prototypes(labels, m)
		want := Build(len(labels), func(i int, add func(int, float64)) { add(labels[i], 1) })
		if err != nil || !cmp.Equal(got, want) {
			t.Fatalf("prototypes %v of labels %v, want %v (%v)", got, labels, want, err)
		}
	})
}

// plainly hides a kernel's fused form: the engine calls its Score for every pair.
type plainly struct{ Scorer }

// Each kernel gives the same result by rows and by its Score, in one set and between two. Products of float64 leave rounding of order
// 1e-13.
func TestFusedKernelsAreTheirScores(t *testing.T) {
	const n, m, d = 9, 7, 3
	for name, k := range kernels() {
		scorer, ok := k.(Scorer)
		if !ok {
			continue
		}
		r := rand.New(rand.NewPCG(11, 12))
		z, w := normals(r, n*d), normals(r, m*d)
		one, two := randomRows(r, n, n, false), randomRows(r, n, m, true)
		gradients := func(k Learned) (all []float64) {
			loss := Loss[float64]{Learned: k, Alpha: 0.2, Beta: 0.1}
			dz, dz2, dw := make([]float64, n*d), make([]float64, n*d), make([]float64, m*d)
			a, err := loss.Gradient(context.Background(), dz, z, n, d, one)
			if err != nil {
				t.Fatal(err)
			}
			b, err := loss.GradientBetween(context.Background(), dz2, dw, z, w, n, m, d, two)
			if err != nil {
				t.Fatal(err)
			}
			return slices.Concat([]float64{a, b}, dz, dz2, dw)
		}
		want, got := gradients(plainly{scorer}), gradients(k)
		for i, v := range want {
			if math.Abs(v-got[i]) > 1e-11 {
				t.Fatalf("%s: number %d is %v by rows, %v by its score", name, i, got[i], v)
			}
		}
	}
}

// The fused float32 loss equals this one.
func TestClusterKernelIsPackageCluster(t *testing.T) {
	const n, c = 300, 17
	r := rand.New(rand.NewPCG(5, 6))
	z64 := normals(r, n*c)
	z := make([]float32, n*c)
	for i, v := range z64 {
		z[i] = float32(v)
		z64[i] = float64(z[i])
	}
	p := randomRows(r, n, n, true)
	want, got := make([]float64, n*c), make([]float32, n*c)
	a, err := Loss[float64]{Learned: Cluster{}, Alpha: 0.4, Beta: 0.6}.Gradient(context.Background(), want, z64, n, c, p)
	if err != nil {
		t.Fatal(err)
	}
	fused := cluster.Loss{Alpha: 0.4, Beta: 0.6}
	b, err := fused.Gradient(context.Background(), got, z, n, c, p)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(a-b) > 1e-5 {
		t.Errorf("loss %v, fused %v", a, b)
	}
	// The engine chooses the fused form, with its sample and its buffers, for Rows and for a user-defined supervisory distribution.
	for _, sample := range [][]int32{nil, {3, 8, 250}} {
		fused.Columns = sample
		exact := make([]float32, n*c)
		want, err := fused.Gradient(context.Background(), exact, z, n, c, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, own := range []Supervisory{p, computed{p}} {
			dz := make([]float32, n*c)
			l := Loss[float32]{Learned: Cluster{}, Divergence: KL{}, Alpha: 0.4, Beta: 0.6, Sample: sample, Buffers: &Buffers{}}
			for range 2 {
				got, err := l.Gradient(context.Background(), dz, z, n, c, own)
				if err != nil || got != want || !slices.Equal(dz, exact) {
					t.Errorf("sample %v, %T: loss %v by the engine, fused %v, %v", sample, own, got, want, err)
				}
			}
		}
	}
	for name, l := range map[string]Loss[float32]{"another divergence": {Learned: Cluster{}, Divergence: Hellinger{}, Sample: []int32{1}}, "another kernel": {Learned: Dot{}, Sample: []int32{1}}} {
		if _, err := l.Gradient(context.Background(), make([]float32, n*c), z, n, c, p); err == nil {
			t.Errorf("%s: a sample is not refused", name)
		}
	}
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i, v := range want {
		if math.Abs(float64(got[i])-v) > 1e-4*largest {
			t.Fatalf("gradient %d: fused %v, want %v", i, got[i], v)
		}
	}
}

// computed is a user-defined supervisory distribution that computes its rows on request.
type computed struct{ of *Rows }

func (c computed) Len() int { return c.of.Len() }

func (c computed) Row(i int) ([]int32, []float32) {
	neighbour, share := c.of.Row(i)
	return slices.Clone(neighbour), slices.Clone(share)
}

// wrong returns points that do not exist, or are not in order, or have no shares.
type wrong struct {
	neighbour []int32
	share     []float32
}

func (w wrong) Len() int { return 4 }

func (w wrong) Row(int) ([]int32, []float32) { return w.neighbour, w.share }

// A user-defined supervisory distribution trains like Rows, through every kernel and limit, and invalid rows are refused.
func TestSupervisoryOfOnesOwn(t *testing.T) {
	const n, d = 8, 3
	r := rand.New(rand.NewPCG(11, 12))
	z := normals(r, n*d)
	losses := map[string]interface {
		Gradient(ctx context.Context, dz, z []float64, n, d int, p Supervisory) (float64, error)
	}{"wide": Wide[float64]{}, "narrow": Narrow[float64]{}, "debiased": DCL[float64]{Temperature: 0.5, Positive: 0.1}}
	for name, k := range kernels() {
		losses[name] = Loss[float64]{Learned: k, Alpha: 0.2, Beta: 0.1}
	}
	p := Build(n, func(i int, add func(int, float64)) { add(i^1, 1) })
	for name, l := range losses {
		want, got := make([]float64, n*d), make([]float64, n*d)
		a, err := l.Gradient(ctx(), want, z, n, d, p)
		b, own := l.Gradient(ctx(), got, z, n, d, computed{p})
		if err != nil || own != nil || a != b || !slices.Equal(want, got) {
			t.Errorf("%s: loss %v by Rows, %v by the user-defined one; %v, %v", name, a, b, err, own)
		}
	}
	for name, w := range map[string]wrong{
		"a point out of range": {[]int32{4}, []float32{1}}, "not ascending": {[]int32{2, 1}, []float32{0.5, 0.5}}, "twice": {[]int32{1, 1}, []float32{0.5, 0.5}}, "no share": {[]int32{1}, nil},
	} {
		if _, err := (Loss[float64]{Learned: Dot{}}).Gradient(ctx(), make([]float64, 4), z[:4], 4, 1, w); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	two := &Rows{Offset: []int{0, 2, 2, 3, 4}, Column: []int32{1, 2, 3, 2}, Weight: []float32{0.5, 0.5, 1, 1}}
	if _, err := (DCL[float64]{Temperature: 1}).Gradient(ctx(), make([]float64, 4), []float64{1, 2, -1, 3}, 4, 1, two); err == nil {
		t.Error("debiased contrastive learning with two positives of one point and none of another is not refused")
	}
}

func TestSameBitsOnAnyNumberOfWorkers(t *testing.T) {
	const n, d = 700, 6
	r := rand.New(rand.NewPCG(7, 8))
	z := make([]float32, n*d)
	for i := range z {
		z[i] = float32(r.NormFloat64())
	}
	for name, k := range kernels() {
		p := randomRows(r, n, n, false)
		var first []float32
		for _, workers := range []int{1, 2, 7} {
			dz := make([]float32, n*d)
			if _, err := (Loss[float32]{Learned: k, Alpha: 0.1, Beta: 0.1, Workers: workers}).Gradient(context.Background(), dz, z, n, d, p); err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = dz
			}
			for i := range dz {
				if dz[i] != first[i] {
					t.Fatalf("%s: %d workers differ from one", name, workers)
				}
			}
		}
	}
}

type vectorCase struct {
	Learned     string
	Sigma, Dof  float64
	N, M, D     int
	Alpha, Beta float64
	P, Z        [][]float64
	Anchors     [][]float64
	KL          float64     `json:"kl"`
	GradZ       [][]float64 `json:"grad_z"`
	GradAnchors [][]float64 `json:"grad_anchors"`
}

func (c vectorCase) kernel() Learned {
	switch c.Learned {
	case "gaussian":
		return Gaussian{c.Sigma}
	case "cosine":
		return Cosine{c.Sigma}
	case "dot":
		return Dot{}
	}
	return StudentT{c.Dof}
}

func flat(rows [][]float64) (x []float64) {
	for _, r := range rows {
		x = append(x, r...)
	}
	return x
}

func TestReferenceVectors(t *testing.T) {
	for _, file := range []string{"icon_kernel.json", "icon_two_sets.json"} {
		b, err := os.ReadFile(sharedtest.Path(t, "vectors", file))
		if err != nil {
			t.Fatal(err)
		}
		var cases []vectorCase
		if err := json.Unmarshal(b, &cases); err != nil || len(cases) == 0 {
			t.Fatal(err, len(cases))
		}
		for i, c := range cases {
			p := Build(c.N, func(i int, add func(int, float64)) {
				for j, w := range c.P[i] {
					if w != 0 {
						add(j, w)
					}
				}
			})
			loss := Loss[float64]{Learned: c.kernel(), Alpha: c.Alpha, Beta: c.Beta}
			dz := make([]float64, c.N*c.D)
			var got float64
			var err error
			if c.Anchors != nil {
				dw := make([]float64, c.M*c.D)
				got, err = loss.GradientBetween(context.Background(), dz, dw, flat(c.Z), flat(c.Anchors), c.N, c.M, c.D, p)
				near(t, fmt.Sprintf("%s case %d, second set", file, i), dw, flat(c.GradAnchors))
			} else {
				got, err = loss.Gradient(context.Background(), dz, flat(c.Z), c.N, c.D, p)
			}
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got-c.KL) > 1e-5 {
				t.Errorf("%s case %d (%s α=%v β=%v): loss %v, want %v", file, i, c.Learned, c.Alpha, c.Beta, got, c.KL)
			}
			near(t, fmt.Sprintf("%s case %d", file, i), dz, flat(c.GradZ))
		}
	}
}

func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i, v := range want {
		if math.Abs(got[i]-v) > 1e-4*largest {
			t.Fatalf("%s: gradient %d is %v, want %v", what, i, got[i], v)
		}
	}
}

func TestSupervisoryVectors(t *testing.T) {
	b, err := os.ReadFile(sharedtest.Path(t, "vectors", "supervisory.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Kind       string
		K          int
		Perplexity float64
		X          [][]float32
		Neighbours [][]int32
		P          [][]float64
		Walks      map[string][][]float64
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		n := len(c.X)
		var x []float32
		for _, row := range c.X {
			x = append(x, row...)
		}
		if c.Kind == "perplexity" {
			p, err := GaussianNeighbours(x, n, len(c.X[0]), Width{Perplexity: c.Perplexity})
			if err != nil {
				t.Fatal(err)
			}
			sameRows(t, fmt.Sprintf("case %d", i), p, c.P)
			continue
		}
		g := &knn.Graph{N: n, K: c.K}
		for _, row := range c.Neighbours {
			g.Neighbours = append(g.Neighbours, row...)
		}
		p := KNN(g)
		sameRows(t, fmt.Sprintf("case %d", i), p, c.P)
	}
}

func sameRows(t *testing.T, what string, p *Rows, want [][]float64) {
	t.Helper()
	for i := range want {
		dense := make([]float64, len(want[i]))
		column, weight := p.Row(i)
		for e, j := range column {
			dense[j] = float64(weight[e])
		}
		for j := range dense {
			if math.Abs(dense[j]-want[i][j]) > 1e-5 {
				t.Fatalf("%s: p[%d][%d] is %v, want %v", what, i, j, dense[j], want[i][j])
			}
		}
	}
}

// SNE on three clouds: neighbours on the map belong to the same cloud.
func TestFitSeparatesClouds(t *testing.T) {
	const n, d, k = 90, 5, 3
	r := rand.New(rand.NewPCG(9, 9))
	x := make([]float32, n*d)
	for i := range x {
		x[i] = float32(r.NormFloat64() + 8*float64(i/d%k))
	}
	p, err := GaussianNeighbours(x, n, d, Width{Perplexity: 8})
	if err != nil {
		t.Fatal(err)
	}
	m := ICon[float64]{Supervisory: p, Learned: StudentT{1}, Mapper: NewEmbedding[float64](n, 2, 1e-2, r)}
	z, losses, err := m.Fit(context.Background(), nil, n, 300, 0.1, optim.Schedule{})
	if err != nil {
		t.Fatal(err)
	}
	if last := losses[len(losses)-1]; last > losses[0]/2 {
		t.Errorf("loss went from %v to %v", losses[0], last)
	}
	for i := range n {
		best, at := math.Inf(1), 0
		for j := range n {
			if s := math.Hypot(z[2*i]-z[2*j], z[2*i+1]-z[2*j+1]); j != i && s < best {
				best, at = s, j
			}
		}
		if at%k != i%k {
			t.Errorf("point %d of cloud %d lies next to one of cloud %d", i, i%k, at%k)
		}
	}
}

func TestBadInput(t *testing.T) {
	z, dz := make([]float64, 6), make([]float64, 6)
	p := Pairs(3)
	for name, loss := range map[string]Loss[float64]{
		"sigma": {Learned: Gaussian{0}}, "temperature": {Learned: Cosine{-1}}, "freedom": {Learned: StudentT{math.NaN()}},
		"alpha": {Learned: Dot{}, Alpha: 2}, "beta": {Learned: Dot{}, Beta: math.NaN()}, "none": {},
	} {
		if _, err := loss.Gradient(context.Background(), dz, z, 3, 2, p); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := Walk(p, 0); err == nil {
		t.Error("a walk of no steps is accepted")
	}
	if _, err := Views(5, 2); err == nil {
		t.Error("5 points in pairs are accepted")
	}
	if _, err := Graph(3, []Edge{{0, 3, 1}}); err == nil {
		t.Error("an edge out of range is accepted")
	}
	if _, err := Mix([]float64{0.5, 0.6}, p, p); err == nil {
		t.Error("shares above 1 are accepted")
	}
	if _, err := GaussianNeighbours(make([]float32, 9), 3, 3, Width{Perplexity: 2}); err == nil {
		t.Error("a perplexity above a third is accepted")
	}
}

// A method in ten lines: neighbours by label, a Student-t kernel of three degrees of freedom, half-debiased.
func Example() {
	r := rand.New(rand.NewPCG(1, 1))
	labels := []int{0, 0, 0, 1, 1, 1}
	method := ICon[float64]{
		Supervisory: Labels(labels),
		Learned:     StudentT{Freedom: 3},
		Mapper:      NewEmbedding[float64](len(labels), 2, 0.1, r),
		Beta:        0.1,
	}
	_, losses, err := method.Fit(context.Background(), nil, len(labels), 200, 0.05, optim.Schedule{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(losses[len(losses)-1] < losses[0]/2)
	// Output: true
}

// A tiny masked language model: tokens and contexts of a corpus, p from how often a context follows a token, q the softmax of dot products
// between their embeddings (I-Con table 1).
func Example_maskedLanguageModel() {
	tokens := []string{"the", "cat", "dog", "sat", "ran"}
	follows, err := Counts([][]float64{ // the: cat, dog; cat, dog: sat, ran; sat, ran: the
		{0, 3, 3, 0, 0}, {0, 0, 0, 2, 1}, {0, 0, 0, 1, 2}, {4, 0, 0, 0, 0}, {4, 0, 0, 0, 0},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	const n, d = 5, 3
	r := rand.New(rand.NewPCG(1, 1))
	token, context := normals(r, n*d), normals(r, n*d)
	dToken, dContext := make([]float64, n*d), make([]float64, n*d)
	loss, adam := Loss[float64]{Learned: Dot{}}, optim.Adam[float64]{}
	for range 500 {
		if _, err := loss.GradientBetween(ctx(), dToken, dContext, token, context, n, n, d, follows); err != nil {
			fmt.Println(err)
			return
		}
		adam.Step([][]float64{token, context}, [][]float64{dToken, dContext}, 0.05)
	}
	for i, name := range tokens[:2] {
		best := 0
		for j := range tokens {
			if kernel.Dot(token[i*d:(i+1)*d], context[j*d:(j+1)*d]) > kernel.Dot(token[i*d:(i+1)*d], context[best*d:(best+1)*d]) {
				best = j
			}
		}
		fmt.Println(name, "is followed by one of", map[int]string{1: "cat, dog", 2: "cat, dog", 3: "sat, ran", 4: "sat, ran"}[best])
	}
	// Output:
	// the is followed by one of cat, dog
	// cat is followed by one of sat, ran
}

func ctx() context.Context { return context.Background() }

func TestCountsRefuses(t *testing.T) {
	for name, c := range map[string][][]float64{"negative": {{1, -1}}, "not a number": {{math.NaN()}}, "ragged": {{1}, {1, 2}}} {
		if _, err := Counts(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Given widths for each point equal a single width if they are all the same, and equal a perplexity if they are its calibrated widths.
func TestWidthsOfEachPoint(t *testing.T) {
	x := []float32{0, 1, 3, 7, 8, 20}
	one, err := GaussianNeighbours(x, 6, 1, Width{Sigma: 2})
	if err != nil {
		t.Fatal(err)
	}
	each, err := GaussianNeighbours(x, 6, 1, Width{Each: []float64{2, 2, 2, 2, 2, 2}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(one, each); diff != "" {
		t.Error(diff)
	}
	for name, w := range map[string]Width{"too few": {Each: []float64{1}}, "not positive": {Each: []float64{1, 1, 0, 1, 1, 1}}, "none": {}} {
		if _, err := GaussianNeighbours(x, 6, 1, w); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Student-t neighbours are the kernel over all other points, normalised to sum to 1: checked by hand for three points on a line.
func TestStudentTNeighbours(t *testing.T) {
	p, err := StudentTNeighbours([]float32{0, 1, 3}, 3, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	kernel := func(squared float64) float64 { return math.Pow(1+squared/2, -1.5) }
	want := [][]float64{{kernel(1), kernel(9)}, {kernel(1), kernel(4)}, {kernel(9), kernel(4)}}
	for i, w := range want {
		column, weight := p.Row(i)
		for e := range column {
			if share := w[e] / (w[0] + w[1]); math.Abs(float64(weight[e])-share) > 1e-6 {
				t.Errorf("point %d: %v to %v, want %g of %d", i, weight, column, share, column[e])
			}
		}
	}
	if _, err := StudentTNeighbours([]float32{0, 1, 3}, 3, 1, 0); err == nil {
		t.Error("zero degrees of freedom are not refused")
	}
}

// Stroll ends at each point as often as Walk's distribution says, including walks that return: from 0 on a ring of nine, with different
// weights to either side.
func TestStrollEndsAsWalkHasIt(t *testing.T) {
	const n, most, draws = 9, 5, 200_000
	var edges []Edge
	for i := range n {
		edges = append(edges, Edge{From: i, To: (i + 1) % n, Weight: 3}, Edge{From: i, To: (i + n - 1) % n, Weight: 1})
	}
	p := Build(n, func(i int, add func(int, float64)) {
		for _, e := range edges {
			if e.From == i {
				add(e.To, e.Weight)
			}
		}
	})
	want, err := Walk(p, most)
	if err != nil {
		t.Fatal(err)
	}
	neighbour := func(i int32, u float64) int32 {
		if u < 0.75 {
			return (i + 1) % n
		}
		return (i + n - 1) % n
	}
	r := rand.New(rand.NewPCG(1, 2))
	var ends [n]float64
	for range draws {
		ends[Stroll(0, most, neighbour, func(int) float64 { return r.Float64() })] += 1.0 / draws
	}
	column, weight := want.Row(0)
	for e, j := range column {
		if math.Abs(ends[j]-float64(weight[e])) > 0.005 {
			t.Errorf("a share of %g of the strolls ends at %d, want %g", ends[j], j, weight[e])
		}
		ends[j] = 0
	}
	for j, share := range ends {
		if share > 0 {
			t.Errorf("a share of %g of the strolls ends at %d, which no walk reaches", share, j)
		}
	}
}

// Conditional returns the same q that Loss uses, for every kernel, over one set and between two.
func TestConditionalIsTheLossesDistribution(t *testing.T) {
	const n, m, d = 7, 5, 3
	r := rand.New(rand.NewPCG(8, 9))
	z, w := normals(r, n*d), normals(r, m*d)
	divergence := func(p *Rows, q func(i int) []float64) float64 {
		sum := 0.0
		for i := range n {
			column, weight := p.Row(i)
			row, total := q(i), 0.0
			for _, v := range row {
				total += v
			}
			if math.Abs(total-1) > 1e-12 {
				t.Fatalf("q of point %d sums to %g", i, total)
			}
			for e, j := range column {
				sum += float64(weight[e]) * math.Log(float64(weight[e])/row[j]) / n
			}
		}
		return sum
	}
	for name, k := range kernels() {
		p := randomRows(r, n, n, k == Cluster{})
		loss, err := Loss[float64]{Learned: k}.Gradient(ctx(), make([]float64, n*d), z, n, d, p)
		if err != nil {
			t.Fatal(err)
		}
		got := divergence(p, func(i int) []float64 {
			q := make([]float64, n)
			if err := Conditional(q, k, z, n, d, i); err != nil {
				t.Fatal(err)
			}
			return q
		})
		if math.Abs(got-loss) > 1e-9 {
			t.Errorf("%s: divergence %g, loss %g", name, got, loss)
		}
		if (k == Cluster{}) {
			if ConditionalBetween(make([]float64, m), k, z, w, n, m, d, 0) == nil {
				t.Error("the cluster kernel between two sets is not refused")
			}
			continue
		}
		p = randomRows(r, n, m, true)
		if loss, err = (Loss[float64]{Learned: k}).GradientBetween(ctx(), make([]float64, n*d), nil, z, w, n, m, d, p); err != nil {
			t.Fatal(err)
		}
		got = divergence(p, func(i int) []float64 {
			q := make([]float64, m)
			if err := ConditionalBetween(q, k, z, w, n, m, d, i); err != nil {
				t.Fatal(err)
			}
			return q
		})
		if math.Abs(got-loss) > 1e-9 {
			t.Errorf("%s between two sets: divergence %g, loss %g", name, got, loss)
		}
	}
	for name, err := range map[string]error{
		"no kernel":            Conditional(make([]float64, n), nil, z, n, d, 0),
		"a width of 0":         Conditional(make([]float64, n), Gaussian{}, z, n, d, 0),
		"too few numbers":      Conditional(make([]float64, n), Dot{}, z[:1], n, d, 0),
		"a point out of range": Conditional(make([]float64, n), Dot{}, z, n, d, n),
		"a short q":            Conditional(make([]float64, 1), Dot{}, z, n, d, 0),
		"not finite":           Conditional(make([]float64, 2), Dot{}, []float64{math.NaN(), 1}, 2, 1, 0),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Neighbours over the edges of a complete graph equal those over all points; neighbours by cosine equal the cosine kernel of the features.
func TestNeighboursOverEdgesAreThoseOverAllPoints(t *testing.T) {
	const n, d, most = 30, 3, 8
	r := rand.New(rand.NewPCG(21, 22))
	x := make([]float32, n*d)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	g, err := knn.Exact(ctx(), &matrix.Dense{Width: d, X: x}, knn.Options{K: n - 1, Metric: knn.Euclidean})
	if err != nil {
		t.Fatal(err)
	}
	scale := 0.0
	for _, v := range g.Distances {
		scale += float64(v) * float64(v) / float64(len(g.Distances))
	}
	scaled := slices.Clone(x)
	for i := range scaled {
		scaled[i] /= float32(math.Sqrt(scale))
	}
	for name, make := range map[string][2]func() (*Rows, error){
		"gaussian": {
			func() (*Rows, error) { return GaussianEdges(g, most) },
			func() (*Rows, error) { return GaussianNeighbours(x, n, d, Width{Perplexity: most}) },
		},
		"student-t": {
			func() (*Rows, error) { return StudentTEdges(g, 2) },
			func() (*Rows, error) { return StudentTNeighbours(scaled, n, d, 2) },
		},
		"cosine": {
			func() (*Rows, error) { return CosineNeighbours(x, n, d, 0.3) },
			func() (*Rows, error) {
				row := make([]float64, n)
				return Build(n, func(i int, add func(int, float64)) {
					if err := Conditional(row, Cosine{0.3}, x, n, d, i); err != nil {
						t.Fatal(err)
					}
					for j, v := range row {
						if j != i {
							add(j, v)
						}
					}
				}), nil
			},
		},
	} {
		got, err := make[0]()
		if err != nil {
			t.Fatal(err)
		}
		want, err := make[1]()
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got.Column, want.Column) {
			t.Errorf("%s: wrong neighbours", name)
			continue
		}
		for e, w := range want.Weight {
			if math.Abs(float64(got.Weight[e]-w)) > 1e-4 {
				t.Fatalf("%s: weight %d is %g, want %g", name, e, got.Weight[e], w)
			}
		}
	}
	if _, err := CosineNeighbours(x, n, d, 0); err == nil {
		t.Error("a temperature of 0 is not refused")
	}
	if _, err := StudentTEdges(g, -1); err == nil {
		t.Error("degrees of freedom below 0 are not refused")
	}
	if _, err := GaussianEdges(g, n); err == nil {
		t.Error("a perplexity of all points is not refused")
	}
}
