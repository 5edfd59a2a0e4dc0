package ensemble

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"iconic/head/linear"
	"iconic/internal/densetest"
	"iconic/internal/kernel"
	"iconic/matrix"
)

const clusters, dim = 7, 13

// several draws heads whose logits differ a lot.
func several(t testing.TB, members int) *Head {
	t.Helper()
	var all []*linear.Head
	for m := range members {
		l := linear.New(clusters, dim, rand.New(rand.NewPCG(3, uint64(m))))
		kernel.Scale(l.Weight, 4)
		for c := range l.Bias {
			l.Bias[c] = float32(c-m) / 3
		}
		all = append(all, l)
	}
	e, err := New(all)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func rows(n int) *matrix.Dense { return densetest.Clouds(5, n, dim, 4, 1) }

// defined computes the formula in float64.
func defined(e *Head, x []float32) (p, z []float64) {
	mean := make([]float64, e.Clusters)
	for m := range e.Members {
		l := e.Member(m)
		own, sum := make([]float64, e.Clusters), 0.0
		top := math.Inf(-1)
		for c := range own {
			own[c] = float64(l.Bias[c])
			for d, v := range x {
				own[c] += float64(l.Weight[c*l.Dim+d]) * float64(v)
			}
			top = max(top, own[c])
		}
		for c := range own {
			own[c] = math.Exp(own[c] - top)
			sum += own[c]
		}
		for c := range own {
			mean[c] += own[c] / sum / float64(e.Members)
		}
	}
	p, z = make([]float64, e.Clusters), make([]float64, e.Clusters)
	sum := 0.0
	for c, v := range mean {
		z[c] = math.Log(max(v, 0x1p-126)) / float64(e.Temperature)
		p[c] = math.Pow(v, 1/float64(e.Temperature))
		sum += p[c]
	}
	u, flat, all := float64(e.Flat), make([]float64, e.Clusters), 0.0
	for c := range p {
		flat[c] = math.Pow(p[c]/sum, float64(e.Power))
		all += flat[c]
	}
	for c := range p {
		p[c] = (1-u)*p[c]/sum + u*flat[c]/all
		if u > 0 {
			z[c] = math.Log(p[c])
		}
	}
	return p, z
}

func TestTheVoteIsItsFormula(t *testing.T) {
	x := rows(300)
	for _, c := range []struct {
		members                  int
		temperature, flat, power float32
	}{{1, 1, 0, 0}, {1, 1, 0.2, 0}, {1, 1, 0.3, 0.5}, {2, 1, 0, 0}, {2, 0.4, 0.05, 0.5}, {3, 0.4, 0, 0}, {3, 2.5, 0, 0.5}, {8, 1, 0.7, 0.9}, {8, 2.5, 0, 0}} {
		e, members, temperature := several(t, c.members), c.members, c.temperature
		e.Temperature, e.Flat, e.Power = c.temperature, c.flat, c.power
		if err := e.Check(); err != nil {
			t.Fatal(err)
		}
		n := x.Len()
		p, z := make([]float32, n*clusters), make([]float32, n*clusters)
		if err := e.Probabilities(p, x.X, n); err != nil {
			t.Fatal(err)
		}
		if err := e.Logits(context.Background(), z, x.X, n, 2); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			want, logits := defined(e, x.Row(i))
			soft := make([]float32, clusters)
			kernel.Softmax(soft, z[i*clusters:(i+1)*clusters])
			for c := range want {
				got := float64(p[i*clusters+c])
				if !(math.Abs(got-want[c]) < 2e-6) || !(got >= 0 && got <= 1) {
					t.Fatalf("%d heads at %g, row %d, cluster %d: probability %g, want %g", members, temperature, i, c, got, want[c])
				}
				if math.Abs(float64(soft[c])-want[c]) > 2e-6 {
					t.Fatalf("%d heads at %g, row %d, cluster %d: the logits' probability is %g, want %g", members, temperature, i, c, soft[c], want[c])
				}
				if d := float64(z[i*clusters+c]) - logits[c]; members > 1 && !(math.Abs(d) < 1e-3*max(1, math.Abs(logits[c]))) {
					t.Fatalf("%d heads at %g, row %d, cluster %d: logit %g, want %g", members, temperature, i, c, z[i*clusters+c], logits[c])
				}
			}
		}
	}
}

// One head equals itself, to the bit.
func TestAnEnsembleOfOneIsItsHead(t *testing.T) {
	x, ctx := rows(1100), context.Background()
	l := several(t, 1).Member(0)
	e := Of(l)
	n := x.Len()
	want, got := make([]float32, n*clusters), make([]float32, n*clusters)
	l.Assignments(want, x.X, n)
	e.Assignments(got, x.X, n)
	if !slices.Equal(want, got) {
		t.Error("its probabilities differ")
	}
	if err := l.Logits(ctx, want, x.X, n, 1); err != nil {
		t.Fatal(err)
	}
	if err := e.Logits(ctx, got, x.X, n, 3); err != nil {
		t.Fatal(err)
	}
	all, err := e.AllLogits(ctx, x, 2)
	if err != nil || !slices.Equal(want, got) || !slices.Equal(want, all) {
		t.Error("its logits differ", err)
	}
	a, errA := l.Argmaxes(ctx, x, 1)
	b, errB := e.Argmaxes(ctx, x, 2)
	if !slices.Equal(a, b) || errA != nil || errB != nil {
		t.Error("its clusters differ", errA, errB)
	}
	moments, err := matrix.Measure(ctx, x, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := matrix.Standardize(x, moments)
	if !slices.Equal(l.Fold(s).Weight, e.Fold(s).Weight) || !slices.Equal(l.Fold(s).Bias, e.Fold(s).Bias) {
		t.Error("its folded weights differ")
	}
}

// A row's bits do not depend on the other rows in the call, nor on the number of goroutines.
func TestTheVoteOfARowStandsAlone(t *testing.T) {
	x, ctx := rows(1300), context.Background()
	e := several(t, 5)
	e.Temperature = 1.5
	n := x.Len()
	p := make([]float32, n*clusters)
	e.Assignments(p, x.X, n)
	one := make([]float32, clusters)
	for i := range n {
		if e.Assignments(one, x.Row(i), 1); !slices.Equal(one, p[i*clusters:(i+1)*clusters]) {
			t.Fatalf("row %d alone is %v, among others %v", i, one, p[i*clusters:(i+1)*clusters])
		}
	}
	var clusterOf []int
	var logits []float32
	for _, workers := range []int{1, 2, 3} {
		c, err := e.Argmaxes(ctx, x, workers)
		if err != nil {
			t.Fatal(err)
		}
		z, err := e.AllLogits(ctx, x, workers)
		if err != nil {
			t.Fatal(err)
		}
		if clusterOf == nil {
			clusterOf, logits = c, z
		}
		if !slices.Equal(clusterOf, c) || !slices.Equal(logits, z) {
			t.Errorf("%d goroutines give a different result", workers)
		}
	}
	for i, c := range clusterOf {
		if c != linear.ArgMax(p[i*clusters:(i+1)*clusters]) {
			t.Fatalf("row %d: cluster %d of probabilities %v", i, c, p[i*clusters:(i+1)*clusters])
		}
	}
}

// Folding a scaling into the heads does not change their results.
func TestAFoldedVoteSaysTheSame(t *testing.T) {
	x, ctx := rows(200), context.Background()
	moments, err := matrix.Measure(ctx, x, 1)
	if err != nil {
		t.Fatal(err)
	}
	s := matrix.Standardize(x, moments)
	e := several(t, 3)
	e.Temperature = 0.7
	scaled := make([]float32, x.Len()*dim)
	if err := s.Block(scaled, 0, x.Len()); err != nil {
		t.Fatal(err)
	}
	p, q := make([]float32, x.Len()*clusters), make([]float32, x.Len()*clusters)
	e.Assignments(p, scaled, x.Len())
	f := e.Fold(s)
	f.Assignments(q, x.X, x.Len())
	for i := range p {
		if math.Abs(float64(p[i]-q[i])) > 1e-4 {
			t.Fatalf("row %d, cluster %d: %g on standardised features, %g folded", i/clusters, i%clusters, p[i], q[i])
		}
	}
	if f.Temperature != 0.7 || f.Members != 3 {
		t.Errorf("folded: %d heads at %g", f.Members, f.Temperature)
	}
}

// However confident and numerous the heads are, numbers stay finite and are probabilities; features that are not finite show in the result.
func TestTheVoteOfTheSureIsFinite(t *testing.T) {
	x := rows(50)
	for _, c := range []struct {
		members int
		flat    float32
	}{{2, 0}, {7, 0}, {64, 0}, {1, 0.4}, {7, 0.4}} {
		members, e := c.members, several(t, c.members)
		e.Flat, e.Power = c.flat, 0.5
		kernel.Scale(e.Weight, 1e6)
		for _, e.Temperature = range []float32{Least, 1, Most} {
			p, z := make([]float32, x.Len()*clusters), make([]float32, x.Len()*clusters)
			e.Assignments(p, x.X, x.Len())
			e.Block(z, x.X, x.Len())
			for i := range x.Len() {
				sum := 0.0
				for c, v := range p[i*clusters : (i+1)*clusters] {
					if logit := z[i*clusters+c]; !(v >= 0 && v <= 1) || logit-logit != 0 {
						t.Fatalf("%d heads at %g: probability %g, logit %g", members, e.Temperature, v, logit)
					}
					sum += float64(v)
				}
				if math.Abs(sum-1) > 1e-5 {
					t.Fatalf("%d heads at %g: probabilities add up to %g", members, e.Temperature, sum)
				}
			}
		}
	}
	e := several(t, 3)
	bad := make([]float32, dim)
	bad[4] = float32(math.NaN())
	p := make([]float32, clusters)
	if e.Assignments(p, bad, 1); p[0] == p[0] {
		t.Errorf("features that are not finite give %v", p)
	}
}

func TestWhatIsNoEnsembleIsRefused(t *testing.T) {
	if _, err := New(nil); err == nil {
		t.Error("no head: no error")
	}
	if _, err := New([]*linear.Head{{Clusters: 2, Dim: 3}, {Clusters: 2, Dim: 4}}); err == nil || !strings.Contains(err.Error(), "head 1") {
		t.Errorf("heads of two sizes: %v", err)
	}
	for want, change := range map[string]func(e *Head){
		"at least one":    func(e *Head) { e.Members = 0 },
		"do not match":    func(e *Head) { e.Members = 4 },
		"weights and":     func(e *Head) { e.Weight = e.Weight[1:] },
		"temperature 0":   func(e *Head) { e.Temperature = 0 },
		"temperature NaN": func(e *Head) { e.Temperature = float32(math.NaN()) },
		"of a single":     func(e *Head) { *e = *Of(e.Member(0)); e.Temperature = 2 },
		"not finite":      func(e *Head) { e.Bias[3] = float32(math.Inf(1)) },
	} {
		e := several(t, 3)
		if change(e); e.Check() == nil || !strings.Contains(e.Check().Error(), want) {
			t.Errorf("want %q: %v", want, e.Check())
		}
	}
	e := several(t, 2)
	if err := e.Probabilities(make([]float32, clusters), make([]float32, dim), 2); err == nil {
		t.Error("two rows in a buffer for one: no error")
	}
	for rows, n := range map[int]int{2: 1, 1: -1, 0: -1} {
		if err := e.Probabilities(make([]float32, 2*clusters), make([]float32, rows*dim), n); err == nil {
			t.Errorf("%d rows as %d: no error", rows, n)
		}
	}
	if err := several(t, 2).Check(); err != nil {
		t.Error(err)
	}
}
