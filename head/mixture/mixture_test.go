package mixture

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"iconic/internal/kernel"
	"iconic/matrix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// caps returns directions around orthogonal means, with the given number for each.
func caps(seed uint64, width, spread float64, d int, sizes ...int) (v *matrix.Dense, truth []int32) {
	r := rand.New(rand.NewPCG(seed, 3))
	v = &matrix.Dense{Width: d}
	for c, size := range sizes {
		for range size {
			row := make([]float32, d)
			for e := range row {
				row[e] = float32(spread * r.NormFloat64())
			}
			row[c] += float32(width)
			v.X = append(v.X, row...)
			truth = append(truth, int32(c))
		}
	}
	kernel.NormalizeRows(v.X, d)
	return v, truth
}

// Expectation and maximisation never lower the likelihood.
func TestLikelihoodNeverFalls(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v, _ := caps(rapid.Uint64().Draw(t, "seed"), 1, 0.5, 5, 30, 7, 12)
		k := rapid.IntRange(1, 6).Draw(t, "k")
		start := make([]int32, v.Len())
		for i := range start {
			start[i] = rapid.Int32Range(0, int32(k-1)).Draw(t, "start")
		}
		o := Options{Clusters: k, Kappa: rapid.Float64Range(0.5, 40).Draw(t, "kappa"), Equal: rapid.Bool().Draw(t, "equal")}
		last := math.Inf(-1)
		for o.Rounds = 1; o.Rounds < 8; o.Rounds++ {
			r, err := Fit(context.Background(), v, start, o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Likelihood < last-1e-5*math.Abs(last) {
				t.Fatalf("round %d: the likelihood fell from %v to %v", o.Rounds, last, r.Likelihood)
			}
			last = r.Likelihood
		}
	})
}

// A fixed point satisfies the maximisation: proportions are mean posteriors, and means point along the weighted sums.
func TestFixedPoint(t *testing.T) {
	v, truth := caps(1, 1, 0.25, 6, 300, 60, 20)
	r, err := Fit(context.Background(), v, truth, Options{Clusters: 3, Kappa: 10, Rounds: 300})
	if err != nil {
		t.Fatal(err)
	}
	mass, sum := make([]float64, 3), make([]float64, 3*6)
	for i := range v.Len() {
		p, total := make([]float64, 3), 0.0
		for c := range p {
			p[c] = r.Proportion[c] * math.Exp(10*float64(kernel.Dot(r.Means[c*6:(c+1)*6], v.Row(i))))
			total += p[c]
		}
		for c := range p {
			mass[c] += p[c] / total
			for e, x := range v.Row(i) {
				sum[c*6+e] += p[c] / total * float64(x)
			}
		}
	}
	for c := range 3 {
		norm := 0.0
		for _, x := range sum[c*6 : (c+1)*6] {
			norm += x * x
		}
		if got := mass[c] / float64(v.Len()); math.Abs(got-r.Proportion[c]) > 1e-4 {
			t.Errorf("proportion %d is %v, its mean posterior %v", c, r.Proportion[c], got)
		}
		for e, x := range sum[c*6 : (c+1)*6] {
			if got := x / math.Sqrt(norm); math.Abs(got-float64(r.Means[c*6+e])) > 1e-3 {
				t.Errorf("mean %d, coordinate %d: %v, want %v", c, e, r.Means[c*6+e], got)
			}
		}
	}
}

// Learned proportions move the border between a large and a small cluster towards the small one; equal proportions do not.
func TestProportionsMoveTheBorder(t *testing.T) {
	v, truth := caps(2, 1, 0.45, 4, 900, 100)
	count := func(equal bool) (small int) {
		r, err := Fit(context.Background(), v, truth, Options{Clusters: 2, Kappa: 4, Rounds: 5, Equal: equal})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range r.Assignment {
			small += int(c)
		}
		return small
	}
	if free, equal := count(false), count(true); free >= equal {
		t.Errorf("the small cluster holds %d rows with learned proportions and %d with equal ones", free, equal)
	}
}

func TestSameBitsOnAnyNumberOfWorkers(t *testing.T) {
	v, truth := caps(4, 1, 0.4, 7, 2000, 300, 900, 100)
	var first *Result
	for _, workers := range []int{1, 2, 7} {
		r, err := Fit(context.Background(), v, truth, Options{Clusters: 4, Kappa: 12, Workers: workers})
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

// With rows of zeros, duplicates and clusters without rows, everything stays finite.
func TestDegenerateRows(t *testing.T) {
	v := matrix.NewDense(9, 3)
	for i := range 4 {
		v.Row(i)[0] = 1
	}
	r, err := Fit(context.Background(), v, make([]int32, 9), Options{Clusters: 5, Kappa: 30})
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for _, p := range r.Proportion {
		total += p
	}
	if math.Abs(total-1) > 1e-3 || math.IsNaN(r.Likelihood) {
		t.Errorf("proportions %v, likelihood %v", r.Proportion, r.Likelihood)
	}
}

func TestRefusals(t *testing.T) {
	v, truth := caps(1, 1, 0.2, 3, 4, 4)
	for name, test := range map[string]struct {
		start []int32
		o     Options
		want  string
	}{
		"no clusters": {truth, Options{Kappa: 1}, "0 clusters"},
		"kappa":       {truth, Options{Clusters: 2}, "concentration 0"},
		"NaN":         {truth, Options{Clusters: 2, Kappa: math.NaN()}, "concentration NaN"},
		"length":      {truth[1:], Options{Clusters: 2, Kappa: 1}, "7 rows for 8"},
		"range":       {truth, Options{Clusters: 1, Kappa: 1}, "row 4 starts in cluster 1"},
	} {
		if _, err := Fit(context.Background(), v, test.start, test.o); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Fit(ctx, v, truth, Options{Clusters: 2, Kappa: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A fit ends when few enough rows move: after the first round if all may.
func TestStill(t *testing.T) {
	v, truth := caps(4, 1, 0.6, 7, 2000, 300, 900, 100)
	fit := func(rounds int, still float64) *Result {
		r, err := Fit(context.Background(), v, truth, Options{Clusters: 4, Kappa: 5, Rounds: rounds, Still: still})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if diff := cmp.Diff(fit(1, 0), fit(30, 1)); diff != "" {
		t.Errorf("if all rows may move, the first round is not the last:\n%s", diff)
	}
	if a, b := fit(30, 1e-3), fit(30, 0); math.Abs(a.Likelihood-b.Likelihood) > 0.01 || cmp.Equal(a.Means, b.Means) {
		t.Errorf("if a thousandth may move, the likelihood is %v; after all rounds %v", a.Likelihood, b.Likelihood)
	}
}
