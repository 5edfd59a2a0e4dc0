package parallel

import (
	"context"
	"errors"
	"slices"
	"testing"
)

func TestSum(t *testing.T) {
	const n, size = 1000, 3
	add := func(sum []float64, lo, hi int) error {
		for i := lo; i < hi; i++ {
			for e := range sum {
				sum[e] += 1 / float64(1+i*size+e) // sums in another order have other bits
			}
		}
		return nil
	}
	stripe := Stripe(n, 7, 16)
	if stripe%16 != 0 || Count(n, stripe) > 7 {
		t.Fatalf("a stripe of size %d", stripe)
	}
	want, err := Sum(context.Background(), 1, n, stripe, 16, size, add)
	if err != nil {
		t.Fatal(err)
	}
	for _, workers := range []int{2, 3, 8} {
		if got, err := Sum(context.Background(), workers, n, stripe, 16, size, add); err != nil || !slices.Equal(got, want) {
			t.Errorf("%d workers: %v, %v; want %v", workers, got, err, want)
		}
	}
	failed := errors.New("row 500")
	if _, err := Sum(context.Background(), 2, n, stripe, 16, size, func(_ []float64, lo, hi int) error {
		if lo <= 500 && 500 < hi {
			return failed
		}
		return nil
	}); !errors.Is(err, failed) {
		t.Errorf("error %v", err)
	}
	ended, end := context.WithCancel(context.Background())
	end()
	if _, err := Sum(ended, 2, n, stripe, 16, size, add); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of an ended context", err)
	}
}
