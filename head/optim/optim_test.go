package optim

import (
	"math"
	"testing"
)

// The first three Adam steps on one number, computed by the paper's algorithm 1 as printed.
func TestAdamIsAlgorithmOne(t *testing.T) {
	for _, decay := range []float64{0, 0.1} {
		w, m, v := 0.5, 0.0, 0.0
		a := Adam[float64]{WeightDecay: decay}
		parameters := [][]float64{{w}}
		for step, g := range []float64{0.3, -2, 1e-4} {
			m = 0.9*m + 0.1*g
			v = 0.999*v + 0.001*g*g
			mHat := m / (1 - math.Pow(0.9, float64(step+1)))
			vHat := v / (1 - math.Pow(0.999, float64(step+1)))
			w = w - 0.01*decay*w - 0.01*mHat/(math.Sqrt(vHat)+1e-8)
			a.Step(parameters, [][]float64{{g}}, 0.01)
			if math.Abs(parameters[0][0]-w) > 1e-15 {
				t.Fatalf("decay %v, step %d: %v, want %v", decay, step, parameters[0][0], w)
			}
		}
	}
}

func TestMomentum(t *testing.T) {
	s := SGD[float64]{Momentum: 0.5}
	w := [][]float64{{1}}
	s.Step(w, [][]float64{{1}}, 0.1)
	s.Step(w, [][]float64{{1}}, 0.1)
	if math.Abs(w[0][0]-(1-0.1-0.15)) > 1e-15 {
		t.Fatalf("after two steps %v", w[0][0])
	}
}

func TestSchedules(t *testing.T) {
	step := Schedule{Kind: "step", Parts: 3, Factor: 0.5}
	for _, c := range []struct {
		s           Schedule
		done, total int
		want        float64
	}{
		{step, 0, 30, 1}, {step, 9, 30, 1}, {step, 10, 30, 0.5}, {step, 19, 30, 0.5}, {step, 20, 30, 0.25}, {step, 29, 30, 0.25},
		{Schedule{}, 7, 9, 1},
		{Schedule{Kind: "cosine"}, 0, 10, 1}, {Schedule{Kind: "cosine"}, 5, 10, 0.5},
		{Schedule{WarmUp: 0.5}, 0, 10, 1.0 / 6}, {Schedule{WarmUp: 0.5}, 4, 10, 5.0 / 6}, {Schedule{WarmUp: 0.5}, 5, 10, 1},
	} {
		if got := c.s.At(c.done, c.total); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%+v at %d of %d: %v, want %v", c.s, c.done, c.total, got, c.want)
		}
	}
	for _, bad := range []Schedule{{Kind: "linear"}, {Kind: "step"}, {Kind: "step", Parts: 3, Factor: math.NaN()}, {WarmUp: 2}} {
		if bad.Validate() == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}

func TestAverage(t *testing.T) {
	average := [][]float32{{1, 2}}
	Average(average, [][]float32{{3, 0}}, 0.75)
	if average[0][0] != 1.5 || average[0][1] != 1.5 {
		t.Fatalf("average %v", average)
	}
}
