package space

import (
	"context"
	"math"
	"testing"

	"pgregory.net/rapid"

	"iconic/head/knn"
	"iconic/internal/densetest"
	"iconic/internal/kernel"
	"iconic/matrix"
)

// In the span of few rows directions are whitened as they are in all columns, up to a rotation: the inner products are the same.
func TestWhiteningInTheSpanOfFewRows(t *testing.T) {
	ctx := context.Background()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(4, 40).Draw(t, "rows")
		d := rapid.IntRange(n+1, 3*n).Draw(t, "columns")
		u, err := Unit(ctx, densetest.Clouds(rapid.Uint64().Draw(t, "seed"), n, d, 3, 1), 2)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "copies") {
			copy(u.Row(1), u.Row(0))
			clear(u.Row(2))
		}
		near, err := knn.Exact(ctx, u, knn.Options{K: 3, Metric: knn.Euclidean})
		if err != nil {
			t.Fatal(err)
		}
		cluster := everyNth(n, 2)
		for name, of := range map[string]struct {
			whitened   func() (*matrix.Dense, error)
			covariance func() ([]float64, error)
		}{
			"differences": {
				func() (*matrix.Dense, error) { return Whiten(ctx, u, near, 0.1, 2) },
				func() ([]float64, error) { return differences(ctx, u, near, 2) },
			},
			"within clusters": {
				func() (*matrix.Dense, error) { return WhitenWithin(ctx, u, cluster, 0.1, 2) },
				func() ([]float64, error) { return within(ctx, u, cluster, 2) },
			},
		} {
			got, err := of.whitened()
			if err != nil {
				t.Fatal(err)
			}
			s, err := of.covariance()
			if err != nil {
				t.Fatal(err)
			}
			want, err := whiten(ctx, u, s, 0.1, 2)
			if err != nil {
				t.Fatal(err)
			}
			if got.Width != n || want.Width != d {
				t.Fatalf("%s: %d and %d columns, want %d and %d", name, got.Width, want.Width, n, d)
			}
			for i := range n {
				for j := range n {
					a, b := kernel.Dot(got.Row(i), got.Row(j)), kernel.Dot(want.Row(i), want.Row(j))
					if math.Abs(float64(a-b)) > 2e-4 {
						t.Fatalf("%s: rows %d and %d have the inner product %v, want %v", name, i, j, a, b)
					}
				}
			}
		}
	})
}

// More rows than columns are left as they are.
func TestSpanOfManyRows(t *testing.T) {
	u := densetest.Clouds(1, 9, 9, 3, 1)
	if y, shrinkage, err := span(context.Background(), u, 0.1, 1); err != nil || y != u || shrinkage != 0.1 {
		t.Errorf("%v, %v, %v: as many rows as columns were changed", y != u, shrinkage, err)
	}
}

func BenchmarkWhitenFewRows(b *testing.B) {
	ctx := context.Background()
	u, err := Unit(ctx, densetest.Clouds(1, 200, 1024, 3, 1), 2)
	if err != nil {
		b.Fatal(err)
	}
	near := graph(b, u, 10)
	for b.Loop() {
		if _, err := Whiten(ctx, u, near, 0.1, 2); err != nil {
			b.Fatal(err)
		}
	}
}
