package confidence

import (
	"context"
	"errors"
	"math"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// With the factor, the mean confidence is the requested share whenever a factor can reach it.
func TestScaleReachesTheShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.IntRange(1, 6).Draw(t, "k")
		n := rapid.IntRange(1, 50).Draw(t, "n")
		z := rapid.SliceOfN(rapid.Float32Range(-20, 20), n*k, n*k).Draw(t, "z")
		share := rapid.Float64Range(0, 1).Draw(t, "share")
		s, err := Scale(context.Background(), z, k, share, 2)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Mean(context.Background(), z, k, s, 2)
		if err != nil {
			t.Fatal(err)
		}
		low, _ := Mean(context.Background(), z, k, 1/most, 2)
		high, _ := Mean(context.Background(), z, k, most, 2)
		if want := min(max(share, low), high); math.Abs(got-want) > 1e-4 {
			t.Fatalf("mean confidence %v at factor %v, want %v", got, s, want)
		}
		again, _ := Scale(context.Background(), z, k, share, 1)
		if again != s {
			t.Fatalf("%v on two workers and %v on one", s, again)
		}
	})
}

func TestRefusals(t *testing.T) {
	for _, share := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := Scale(context.Background(), []float32{1, 2}, 2, share, 1); err == nil {
			t.Errorf("share %v is accepted", share)
		}
	}
	if _, err := Scale(context.Background(), []float32{1, 2, 3}, 2, 0.5, 1); err == nil {
		t.Error("half a row is accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Scale(ctx, []float32{1, 2}, 2, 0.5, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
