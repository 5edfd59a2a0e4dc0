package baseline

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"go.uber.org/goleak"

	"iconic/matrix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clouds returns n rows of d numbers around k centres, with a standard deviation of spread times the distance of the centres.
func clouds(n, d, k int, spread float64) *matrix.Dense {
	r := rand.New(rand.NewPCG(1, 2))
	centres := make([]float64, k*d)
	for i := range centres {
		centres[i] = r.NormFloat64()
	}
	x := make([]float32, n*d)
	for i := range x {
		x[i] = float32(centres[i/d%k*d+i%d] + spread*r.NormFloat64())
	}
	return &matrix.Dense{X: x, Width: d}
}

// meanConfidence of the rows of f.
func meanConfidence(t *testing.T, f *matrix.Dense, probabilities func(dst, x []float32, n int) error, k int) float64 {
	t.Helper()
	p := make([]float32, f.Len()*k)
	if err := probabilities(p, f.X, f.Len()); err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i := range f.Len() {
		sum += float64(slices.Max(p[i*k : (i+1)*k]))
	}
	return sum / float64(f.Len())
}

// However well separated the clusters are, the mean confidence equals the agreement of the halves of the features, and no assignment
// changes.
func TestConfidenceIsTheExpectedAccuracy(t *testing.T) {
	last := 1.1
	for _, spread := range []float64{0.3, 1.5, 4} {
		f := clouds(600, 40, 6, spread)
		b, err := Cluster(context.Background(), f, Options{Clusters: 6, Workers: 2})
		if err != nil {
			t.Fatal(err)
		}
		if !(b.Expected < last) {
			t.Errorf("spread %v: accuracy %v is expected, and %v for better separated clusters", spread, b.Expected, last)
		}
		last = b.Expected
		if got := meanConfidence(t, f, b.Probabilities, 6); math.Abs(got-b.Expected) > 1e-3 && b.Expected < 0.999 {
			t.Errorf("spread %v: mean confidence %v, want %v", spread, got, b.Expected)
		}
		if raw := meanConfidence(t, f, b.Result.Probabilities, 6); spread == 4 && raw < b.Expected+0.2 {
			t.Errorf("the unscaled posterior has mean confidence %v: this test shows nothing", raw)
		}
		p := make([]float32, 6)
		for i, c := range b.Assignment {
			if err := b.Probabilities(p, f.Row(i), 1); err != nil {
				t.Fatal(err)
			}
			if p[c] < slices.Max(p)-1e-6 {
				t.Fatalf("row %d is in cluster %d, whose probability is %v", i, c, p)
			}
		}
		again, err := Cluster(context.Background(), f, Options{Clusters: 6, Workers: 1})
		if err != nil || again.Scale != b.Scale || again.Expected != b.Expected {
			t.Errorf("on one worker %v and %v, on two %v and %v (%v)", again.Expected, again.Scale, b.Expected, b.Scale, err)
		}
	}
}

// The baseline accepts what k-means accepts: one column, as many clusters as rows, one cluster, equal rows.
func TestOddShapes(t *testing.T) {
	for _, c := range []struct{ n, d, k int }{{20, 1, 3}, {5, 2, 5}, {7, 3, 1}, {1, 1, 1}} {
		b, err := Cluster(context.Background(), clouds(c.n, c.d, c.k, 0.1), Options{Clusters: c.k})
		if err != nil || !(b.Expected >= 0 && b.Expected <= 1) || !(b.Scale > 0) {
			t.Errorf("%+v: %+v, %v", c, b, err)
		}
	}
	if _, err := Cluster(context.Background(), &matrix.Dense{X: make([]float32, 40), Width: 2}, Options{Clusters: 2}); err != nil {
		t.Errorf("equal rows: %v", err)
	}
	if _, err := Cluster(context.Background(), clouds(3, 2, 2, 1), Options{Clusters: 4}); err == nil {
		t.Error("more clusters than rows are accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Cluster(ctx, clouds(30, 2, 2, 1), Options{Clusters: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
