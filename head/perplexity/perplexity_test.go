package perplexity

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"iconic/internal/sharedtest"
	"pgregory.net/rapid"
)

func TestEntropyIsWhatWasWanted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.IntRange(0, 1<<20).Draw(t, "distance")) / (1 << 10) }), 4, 60).Draw(t, "d")
		for i := range d {
			d[i] += float64(i) * 1e-3 // all different: ties at the smallest distance bound the perplexity from below
		}
		wanted := rapid.Float64Range(1.5, float64(len(d))-1).Draw(t, "perplexity")
		p := make([]float64, len(d))
		sigma, err := Calibrate(p, d, wanted)
		if err != nil || !(sigma > 0) {
			t.Fatal(sigma, err)
		}
		sum, entropy := 0.0, 0.0
		for _, v := range p {
			sum += v
			if v > 0 {
				entropy -= v * math.Log(v)
			}
		}
		if math.Abs(sum-1) > 1e-9 || math.Abs(math.Exp(entropy)-wanted) > 1e-6*wanted {
			t.Fatalf("p sums to %v, its perplexity is %v, want %v", sum, math.Exp(entropy), wanted)
		}
	})
}

func TestEqualDistancesAreShared(t *testing.T) {
	p := make([]float64, 8)
	if _, err := Calibrate(p, make([]float64, 8), 3); err != nil {
		t.Fatal(err)
	}
	for _, v := range p {
		if math.Abs(v-0.125) > 1e-12 {
			t.Fatalf("p = %v", p)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, c := range []struct {
		d      []float64
		wanted float64
	}{{[]float64{1, 2}, 3}, {[]float64{1, 2}, 0.5}, {[]float64{1, 2}, math.NaN()}, {[]float64{1, math.NaN()}, 1.5}, {[]float64{1, -1}, 1.5}, {nil, 1}} {
		if _, err := Calibrate(make([]float64, len(c.d)), c.d, c.wanted); err == nil {
			t.Errorf("%v at perplexity %v is accepted", c.d, c.wanted)
		}
	}
}

func TestReferenceVectors(t *testing.T) {
	b, err := os.ReadFile(sharedtest.Path(t, "vectors", "supervisory.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Kind       string
		Perplexity float64
		X, P       [][]float64
		Sigma      []float64
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, c := range cases {
		if c.Kind != "perplexity" {
			continue
		}
		seen++
		for i, x := range c.X {
			var d, want []float64
			for j, y := range c.X {
				if i == j {
					continue
				}
				s := 0.0
				for e := range x {
					s += (x[e] - y[e]) * (x[e] - y[e])
				}
				d, want = append(d, s), append(want, c.P[i][j])
			}
			p := make([]float64, len(d))
			sigma, err := Calibrate(p, d, c.Perplexity)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(sigma-c.Sigma[i]) > 1e-5*c.Sigma[i] {
				t.Errorf("point %d: σ %v, want %v", i, sigma, c.Sigma[i])
			}
			for j := range p {
				if math.Abs(p[j]-want[j]) > 1e-6 {
					t.Errorf("point %d: p[%d] %v, want %v", i, j, p[j], want[j])
				}
			}
		}
	}
	if seen == 0 {
		t.Fatal("no cases of kind perplexity")
	}
}
