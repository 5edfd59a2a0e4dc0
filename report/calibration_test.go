package report

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"
)

// The mean absolute deviation of a binomial number is that of its definition, Σ_m P(m)·|m − np|.
func TestMeanDeviation(t *testing.T) {
	for _, n := range []int{1, 2, 3, 10, 57, 1000} {
		for _, p := range []float64{0, 1e-9, 0.05, 1. / 3, 0.5, 0.9, 1 - 1e-9, 1} {
			var want float64
			for m := range n + 1 {
				want += distuv.Binomial{N: float64(n), P: p}.Prob(float64(m)) * math.Abs(float64(m)-float64(n)*p)
			}
			if p == 0 || p == 1 { // where the probabilities above are NaN
				want = 0
			}
			if got := meanDeviation(n, p); math.Abs(got-want) > 1e-9*(1+want) {
				t.Errorf("n = %d, p = %g: %g, want %g", n, p, got, want)
			}
		}
	}
}

// Items that are correct exactly as often as their confidence says have the calibration error by chance, on average. It falls with the root of their number.
func TestChanceCalibrationErrorIsThatOfRightConfidence(t *testing.T) {
	var before float64
	for _, n := range []int{50, 200, 800} {
		var found, predicted float64
		const sets = 400
		for s := range sets {
			r := rand.New(rand.NewPCG(uint64(s), uint64(n)))
			confidence, correct := make([]float64, n), make([]bool, n)
			for i := range confidence {
				confidence[i] = 0.1 + 0.9*r.Float64()
				correct[i] = r.Float64() < confidence[i]
			}
			bins, err := Reliability(confidence, correct, Bins)
			if err != nil {
				t.Fatal(err)
			}
			found += ExpectedCalibrationError(bins) / sets
			predicted += ChanceCalibrationError(bins) / sets
		}
		if math.Abs(found-predicted) > 0.03*predicted {
			t.Errorf("n = %d: %g on average, predicted %g", n, found, predicted)
		}
		if before > 0 && math.Abs(before/predicted-2) > 0.3 {
			t.Errorf("n = %d: %g, with a quarter of the items %g: want half of it", n, predicted, before)
		}
		before = predicted
	}
	if e := ChanceCalibrationError(make([]Bin, Bins)); !math.IsNaN(e) {
		t.Errorf("without items: %g", e)
	}
}
