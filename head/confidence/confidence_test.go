package confidence

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
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
		share, flat := rapid.Float64Range(0, 1).Draw(t, "share"), rapid.SampledFrom([]float64{0, 0.3}).Draw(t, "flat")
		at := func(factor float64) float64 {
			c, err := Shape{factor, flat}.Of(context.Background(), z, k, 2)
			if err != nil {
				t.Fatal(err)
			}
			return mean(c)
		}
		s, err := Scale(context.Background(), z, k, share, flat, 2)
		if err != nil {
			t.Fatal(err)
		}
		got, low, high := at(s), at(1/most), at(most)
		if want := min(max(share, low), high); math.Abs(got-want) > 1e-4 {
			t.Fatalf("mean confidence %v at factor %v, want %v", got, s, want)
		}
		again, _ := Scale(context.Background(), z, k, share, flat, 1)
		if again != s {
			t.Fatalf("%v on two workers and %v on one", s, again)
		}
	})
}

// With a shape, the mean confidence is the mean of what is likely, and its slope is 1: rows that are right as often as a shape says give that shape.
func TestFitFindsTheShape(t *testing.T) {
	const n, k = 4000, 8
	r := rand.New(rand.NewPCG(3, 0))
	z := make([]float32, n*k)
	for i := range z {
		z[i] = float32(3 * r.NormFloat64())
	}
	for _, want := range []Shape{{1, 0}, {0.6, 0.1}, {1.5, 0.3}} {
		likely, err := want.Of(context.Background(), z, k, 2)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Fit(context.Background(), z, k, likely, 2)
		if err != nil || math.Abs(got.Factor-want.Factor) > 0.02*want.Factor || math.Abs(got.Flat-want.Flat) > 0.01 {
			t.Errorf("%+v, want %+v, %v", got, want, err)
		}
		if again, err := Fit(context.Background(), z, k, likely, 1); again != got || err != nil {
			t.Errorf("%+v on two workers and %+v on one, %v", got, again, err)
		}
	}
}

// A slope above 1 needs no flat share, and what cannot be reached ends within the limits.
func TestFitAtItsLimits(t *testing.T) {
	z := []float32{3, 0, 2, 0, 1, 0, 0, 0}
	for _, c := range []struct {
		name   string
		likely []float64
		share  func(u float64) bool
	}{
		{"steeper than any temperature", []float64{1, 1, 0, 0}, func(u float64) bool { return u == 0 }},
		{"certain", []float64{1, 1, 1, 1}, func(u float64) bool { return u == 0 }},
		{"never right", []float64{0, 0, 0, 0}, func(u float64) bool { return u >= 0 && u < 0.61 }},
		{"the more confident, the more often wrong", []float64{0.5, 0.6, 0.7, 0.8}, func(u float64) bool { return u >= 0 && u < 0.61 }},
	} {
		got, err := Fit(context.Background(), z, 2, c.likely, 1)
		if err != nil || !c.share(got.Flat) || !(got.Factor > 0) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
	if _, err := Fit(context.Background(), z, 2, []float64{1}, 1); err == nil {
		t.Error("logits of other rows are accepted")
	}
}

func TestCorrected(t *testing.T) {
	for _, c := range []struct {
		agreement, explained float64
		clusters             int
		want                 float64
	}{
		{0.8, 0.9, Few + 1, 0.8}, // many clusters are not corrected
		{0.8, typical, Few, 0.8},
		{2.6 / 3, 0.8, 3, 0.8851332136143533}, // odds 6.5·√(4/(0.74/0.26))
		{2.6 / 3, 0.64, 3, 0.8370581251853363},
		{2.6 / 3, 0, 3, 0.8370581251853363}, // as far as corrections are known
		{2.6 / 3, 0.85, 3, 0.9016876418457072},
		{2.6 / 3, 1, 3, 0.9016876418457072},
	} {
		if got := Corrected(c.agreement, c.explained, c.clusters); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%+v: %v", c, got)
		}
	}
	for _, agreement := range []float64{0, 1} {
		if got := Corrected(agreement, 0.8, 5); !(got > 0 && got < 1) {
			t.Errorf("an agreement of %v is corrected to %v", agreement, got)
		}
	}
}

// Two kinds of witnesses that agree equally often agree as often together; few clusters that one kind finds again exactly are confirmed, whatever the other finds.
func TestTogether(t *testing.T) {
	for _, c := range []struct {
		first, second float64
		clusters      int
		want          float64
	}{
		{0.9, 0.6, Few + 1, 0.8},
		{0.8, 0.8, Few, 0.8},
		{0.9, 0.8, 3, 0.8729075}, // odds ∛(9²·4)
		{0.5, 0.8, 3, 0.6135118},
		{1, 0.23, 3, 0.9852512}, // odds ∛(999²·23/77)
		{0.23, 1, 3, 0.8170834},
	} {
		if got := Together(c.first, c.second, c.clusters); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, share := range []float64{-0.1, 1.1, math.NaN()} {
		if _, err := Scale(context.Background(), []float32{1, 2}, 2, share, 0, 1); err == nil {
			t.Errorf("share %v is accepted", share)
		}
	}
	if _, err := Scale(context.Background(), []float32{1, 2, 3}, 2, 0.5, 0, 1); err == nil {
		t.Error("half a row is accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Scale(ctx, []float32{1, 2}, 2, 0.5, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestEvenly(t *testing.T) {
	for _, c := range []struct {
		n, most int
		want    []int32
	}{{4, 9, []int32{0, 1, 2, 3}}, {9, 3, []int32{0, 3, 6}}, {5, 2, []int32{0, 2}}, {3, 0, []int32{0}}} {
		if got := Evenly(c.n, c.most); !slices.Equal(got, c.want) {
			t.Errorf("%d of %d rows: %v, want %v", c.most, c.n, got, c.want)
		}
	}
}
