package kmeans

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"iconic/internal/densetest"
	"pgregory.net/rapid"
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

// A result is a fixed point: every row is with its nearest centroid, and the inertia is what they say.
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
		r, err := Cluster(context.Background(), m, Options{Clusters: k, Starts: 2, MiniBatch: rapid.SampledFrom([]int{0, 16}).Draw(t, "batch")})
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
				t.Fatalf("row %d lies %v from its centroid and %v from another", i, own, best)
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

// BenchmarkStep is bound by arithmetic: n·k·d multiply-adds an iteration.
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
