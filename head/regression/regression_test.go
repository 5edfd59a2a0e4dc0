package regression

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"iconic/head/confidence"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/optim"
	"iconic/head/train"
	"iconic/internal/densetest"
	"iconic/matrix"
)

// The penalty's gradient is its derivative, and biases have none.
func TestPenaltyGradient(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k, d := rapid.IntRange(1, 5).Draw(t, "clusters"), rapid.IntRange(1, 6).Draw(t, "features")
		ridge := rapid.Float64Range(0.01, 3).Draw(t, "ridge")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		w := make([]float32, k*(d+1))
		for i := range w {
			w[i] = float32(r.NormFloat64())
		}
		g := make([]float32, len(w))
		penalise(g, w, d, ridge)
		for i := range w {
			const step = 1.0 / 64
			at := func(by float32) float64 {
				other := append([]float32(nil), w...)
				other[i] += by
				return penalise(make([]float32, len(w)), other, d, ridge)
			}
			if numeric := (at(step) - at(-step)) / (2 * step); math.Abs(numeric-float64(g[i])) > 1e-4*(1+math.Abs(numeric)) {
				t.Fatalf("weight %d: gradient %v, numeric %v", i, g[i], numeric)
			}
		}
	})
}

// beside returns each row of x once or several times in a row, every feature multiplied by scale.
func beside(x *matrix.Dense, times int, scale float32) *matrix.Dense {
	n := x.Len()
	y := matrix.NewDense(n, times*x.Width)
	for i := range n {
		for e := range times * x.Width {
			y.X[i*y.Width+e] = scale * x.X[i*x.Width+e%x.Width]
		}
	}
	return y
}

func dataOf(x matrix.Features, clusters int) *method.Data {
	return &method.Data{Features: x, Raw: x, Clusters: clusters, Run: &train.Run{}}
}

func assigned(n, k int) []int {
	c := make([]int, n)
	for i := range c {
		c[i] = i % k
	}
	return c
}

// converged trains a penalised head until it hardly changes.
func converged(t *testing.T, x *matrix.Dense, k int, scale float64) *linear.Head {
	t.Helper()
	d := dataOf(x, k)
	o := Options{Batch: x.Len(), Plan: train.Plan{Epochs: 1500, Rate: 2e-2 / scale, Schedule: optim.Schedule{Kind: "cosine"}, Quiet: true}}
	var err error
	if o.Ridge, err = ridge(context.Background(), d); err != nil {
		t.Fatal(err)
	}
	l, _, err := Train(context.Background(), d, "head", assigned(x.Len(), k), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A head's logits depend neither on the scale of the features nor on whether they occur once or three times.
func TestPenaltyIsInvariant(t *testing.T) {
	const n, k = 120, 3
	x := densetest.Clouds(3, n, 5, k, 0.7)
	logits := func(times int, scale float32) []float32 {
		y := beside(x, times, scale)
		z, err := converged(t, y, k, float64(scale)).AllLogits(context.Background(), y, 1)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(z); i += k { // a constant added to a row's logits changes nothing
			mean := (z[i] + z[i+1] + z[i+2]) / k
			for c := range k {
				z[i+c] -= mean
			}
		}
		return z
	}
	want := logits(1, 1)
	for _, c := range []struct {
		times int
		scale float32
	}{{3, 1}, {1, 4}, {2, 0.5}} {
		for i, v := range logits(c.times, c.scale) {
			if math.Abs(float64(v-want[i])) > 0.02*(1+math.Abs(float64(want[i]))) {
				t.Fatalf("features %d times, scale %v: logit %d is %v, not %v", c.times, c.scale, i, v, want[i])
			}
		}
	}
}

// From 500 rows per cluster on, the penalty counts the same beside the loss of all rows together, whatever their number; below, beside the mean loss.
func TestPenaltyOfManyRows(t *testing.T) {
	of := func(n int) float64 {
		v, err := ridge(context.Background(), dataOf(densetest.Clouds(1, n, 4, 2, 0), 2))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	few, enough, many := of(500), of(1000), of(4000)
	if math.Abs(few/enough-1) > 0.2 || math.Abs(4*many/enough-1) > 0.2 {
		t.Errorf("penalty %v with 500 rows, %v with 1,000 and %v with 4,000", few, enough, many)
	}
}

// With few rows and many features, a head with a penalty assigns unseen rows of the same clouds to their clusters more often than one without.
func TestPenalisedSortsUnseenRows(t *testing.T) {
	const n, d, k = 240, 60, 4
	right := func(apart float64, learn func(context.Context, *method.Data, string, []int) (*linear.Head, error)) (share float64) {
		for seed := range uint64(5) {
			all := densetest.Clouds(seed, 6*n, d, k, apart)
			learned, unseen := matrix.NewDense(n, d), matrix.NewDense(5*n, d)
			copy(learned.X, all.X)
			copy(unseen.X, all.X[n*d:])
			l, err := learn(context.Background(), dataOf(learned, k), "head", assigned(n, k))
			if err != nil {
				t.Fatal(err)
			}
			own, err := l.Argmaxes(context.Background(), unseen, 1)
			if err != nil {
				t.Fatal(err)
			}
			for i, c := range own {
				if int(c) == i%k {
					share += 1 / float64(5*len(own))
				}
			}
		}
		return share
	}
	plain := func(ctx context.Context, d *method.Data, phase string, classes []int) (*linear.Head, error) {
		return Clusters(ctx, d, phase, classes, 200)
	}
	with, without := right(0.25, Penalised), right(0.25, plain)
	t.Logf("unseen rows sorted into their clusters: %.3f with a penalty, %.3f without", with, without)
	if with <= without {
		t.Errorf("%.3f with a penalty, %.3f without", with, without)
	}
	if with := right(1, Penalised); with < 0.99 {
		t.Errorf("%.3f of clouds far apart", with)
	}
}

// The same bits on any number of workers.
func TestPenalisedIsDeterministic(t *testing.T) {
	x := densetest.Clouds(5, 300, 12, 5, 0.5)
	weights := func(workers int) []float32 {
		d := dataOf(x, 5)
		d.Workers = workers
		l, err := Penalised(context.Background(), d, "head", assigned(300, 5))
		if err != nil {
			t.Fatal(err)
		}
		return append(l.Weight, l.Bias...)
	}
	if !cmp.Equal(weights(1), weights(3)) {
		t.Error("three workers differ from one")
	}
}

// Of noise with classes at random, a head recognises the rows that it has learned, but the logits of unseen rows are no better than chance. They have the
// same bits on any number of workers.
func TestOutOfFold(t *testing.T) {
	const n, d, k = 400, 80, 4
	r := rand.New(rand.NewPCG(2, 2))
	classes := make([]int, n)
	for i := range classes {
		classes[i] = r.IntN(k)
	}
	x := densetest.Clouds(4, n, d, 1, 0)
	right := func(z []float32) (share float64) {
		own, _ := densetest.Assigned(z, k)
		for i, c := range own {
			if int(c) == classes[i] {
				share += 1. / n
			}
		}
		return share
	}
	unseen := func(workers int) []float32 {
		data := dataOf(x, k)
		data.Workers = workers
		z, err := OutOfFold(context.Background(), data, classes)
		if err != nil {
			t.Fatal(err)
		}
		return z
	}
	l, err := Penalised(context.Background(), dataOf(x, k), "head", classes)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := l.AllLogits(context.Background(), x, 1)
	if err != nil {
		t.Fatal(err)
	}
	z := unseen(1)
	if a, b := right(seen), right(z); a < 0.5 || b > 0.33 {
		t.Errorf("%.2f of the learned rows are recognised, and %.2f of the same rows unseen", a, b)
	}
	if !cmp.Equal(z, unseen(3)) {
		t.Error("three workers differ from one")
	}
}

// The smallest sets have logits for every row, also if all rows but one are the same, and a cancelled search ends with its error.
func TestOutOfFoldOfTinySets(t *testing.T) {
	for n := 2; n <= 7; n++ {
		x := matrix.NewDense(n, 3)
		x.X[0] = 1
		z, err := OutOfFold(context.Background(), dataOf(x, 2), assigned(n, 2))
		if err != nil || len(z) != 2*n {
			t.Errorf("%d rows: %d logits, %v", n, len(z), err)
		}
		for _, v := range z {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Errorf("%d rows: logits %v", n, z)
			}
		}
	}
	if _, err := OutOfFold(context.Background(), dataOf(matrix.NewDense(1, 3), 2), assigned(1, 2)); err == nil {
		t.Error("one row has logits by a head that has not learned it")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := OutOfFold(ctx, dataOf(densetest.Clouds(1, 20, 3, 2, 1), 2), assigned(20, 2)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// The confidence by cross-validation is about that on new rows, for clusters that a linear head cannot reproduce, too, and on either side of the
// number of rows at which an epoch has two batches.
func TestOutOfFoldConfidence(t *testing.T) {
	const d, k = 20, 5
	for _, n := range []int{1000, 2040, 2060} {
		all := densetest.Clouds(6, 2*n, d, k, 0.5)
		learned, fresh := &matrix.Dense{Width: d, X: all.X[:n*d]}, &matrix.Dense{Width: d, X: all.X[n*d:]}
		r, classes := rand.New(rand.NewPCG(1, 1)), assigned(n, k)
		for i := range classes {
			if r.IntN(10) == 0 {
				classes[i] = r.IntN(k)
			}
		}
		data := dataOf(learned, k)
		l, err := Penalised(context.Background(), data, "head", classes)
		if err != nil {
			t.Fatal(err)
		}
		out, err := OutOfFold(context.Background(), data, classes)
		if err != nil {
			t.Fatal(err)
		}
		mean := func(z []float32) float64 {
			c, err := confidence.Shape{Factor: 1}.Of(context.Background(), z, k, 1)
			if err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for _, v := range c {
				sum += v / float64(len(c))
			}
			return sum
		}
		z, err := l.AllLogits(context.Background(), fresh, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := mean(out), mean(z); math.Abs(got-want) > 0.015 {
			t.Errorf("%d rows: confidence %.3f by cross-validation, %.3f on new rows", n, got, want)
		} else {
			t.Logf("%d rows: %.3f, %.3f", n, got, want)
		}
	}
}
