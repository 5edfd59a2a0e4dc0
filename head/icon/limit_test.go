package icon

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"iconic/head/cluster"
)

// over is any loss over one set of points.
type over interface {
	Gradient(ctx context.Context, dz, z []float64, n, d int, p Supervisory) (float64, error)
}

// pairsOf is the distribution of two views per image: i's partner is i xor 1.
func pairsOf(n int) *Rows {
	return Build(n, func(i int, add func(int, float64)) { add(i^1, 1) })
}

func TestGradientsOfLimitsAgainstFiniteDifferences(t *testing.T) {
	const n, d = 8, 3
	r := rand.New(rand.NewPCG(5, 6))
	z := normals(r, n*d)
	for name, c := range map[string]struct {
		loss over
		p    *Rows
	}{
		"wide":                  {Wide[float64]{}, randomRows(r, n, n, false)},
		"narrow":                {Narrow[float64]{}, randomRows(r, n, n, false)},
		"debiased":              {DCL[float64]{Temperature: 0.7, Positive: 0.1}, pairsOf(n)},
		"debiased, unbiased":    {DCL[float64]{Temperature: 0.3}, pairsOf(n)},
		"debiased, cold":        {DCL[float64]{Temperature: 0.001, Positive: 0.1}, pairsOf(n)},
		"unbiased, colder":      {DCL[float64]{Temperature: 1e-5}, pairsOf(n)},
		"debiased, all clamped": {DCL[float64]{Temperature: 2, Positive: 0.9}, pairsOf(n)},
	} {
		dz := make([]float64, n*d)
		value := func() float64 {
			v, err := c.loss.Gradient(context.Background(), dz, z, n, d, c.p)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		value()
		differences(t, name, value, z, append([]float64(nil), dz...))
	}
}

// A point without a direction has cosine 0 with all others, in one set and between two: its own gradient is 0, and those of the others are the slopes of the loss.
func TestGradientsBesidePointsWithoutDirection(t *testing.T) {
	const n, d = 8, 3
	r := rand.New(rand.NewPCG(5, 7))
	z, w := normals(r, n*d), normals(r, n*d)
	at := func(x []float64, i int) []float64 { return x[i*d : (i+1)*d] }
	for _, i := range []int{2, 3, 6} { // both of a pair, and one of another
		clear(at(z, i))
	}
	clear(at(w, 5))
	own, between := randomRows(r, n, n, false), randomRows(r, n, n, true)
	dz, dw := make([]float64, n*d), make([]float64, n*d)
	one := func(l over, p *Rows) func() (float64, error) {
		return func() (float64, error) { clear(dw); return l.Gradient(t.Context(), dz, z, n, d, p) }
	}
	two := func(k Learned) func() (float64, error) {
		return func() (float64, error) {
			return Loss[float64]{Learned: k, Alpha: 0.2, Beta: 0.1}.GradientBetween(t.Context(), dz, dw, z, w, n, n, d, between)
		}
	}
	for name, loss := range map[string]func() (float64, error){
		"cosine": one(Loss[float64]{Learned: Cosine{0.5}}, own), "cosine of two sets": two(Cosine{0.5}), "its score": two(plainly{Cosine{0.5}}),
		"debiased cosine": one(Loss[float64]{Learned: Cosine{0.5}, Divergence: JensenShannon{}, Alpha: 0.3, Beta: 0.4}, own),
		"wide":            one(Wide[float64]{}, own), "narrow": one(Narrow[float64]{}, own), "debiased": one(DCL[float64]{Temperature: 0.7, Positive: 0.1}, pairsOf(n)),
	} {
		value := func() float64 {
			v, err := loss()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			return v
		}
		value()
		for _, side := range []struct{ x, gradient []float64 }{{z, slices.Clone(dz)}, {w, slices.Clone(dw)}} {
			for i := range n {
				if x, gradient := at(side.x, i), at(side.gradient, i); slices.Max(x) != 0 || slices.Min(x) != 0 {
					differences(t, fmt.Sprintf("%s, point %d", name, i), value, x, gradient)
				} else if slices.Max(gradient) != 0 || slices.Min(gradient) != 0 {
					t.Errorf("%s: point %d without a direction has the gradient %v", name, i, gradient)
				}
			}
		}
	}
	q := make([]float64, n)
	if err := Conditional(q, Cosine{0.5}, z, n, d, 3); err != nil || q[0] != 1/float64(n-1) || q[3] != 0 {
		t.Errorf("neighbours of a point without a direction: %v, %v", q, err)
	}
}

// unit scales rows to length 1, so that a Gaussian over points is one over directions.
func unit(z []float64, n, d int) []float64 {
	u := append([]float64(nil), z...)
	for i := range n {
		s := 0.0
		for _, v := range u[i*d : (i+1)*d] {
			s += v * v
		}
		for e := range d {
			u[i*d+e] /= math.Sqrt(s)
		}
	}
	return u
}

func TestLimitsOfTheGaussian(t *testing.T) {
	const n, d = 12, 3
	r := rand.New(rand.NewPCG(7, 8))
	u, p := unit(normals(r, n*d), n, d), randomRows(r, n, n, false)
	dz := make([]float64, n*d)
	at := func(l over) float64 {
		v, err := l.Gradient(context.Background(), dz, u, n, d, p)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	entropy := 0.0 // −1/n Σ p ln p
	for i := range n {
		_, weight := p.Row(i)
		for _, w := range weight {
			entropy -= float64(w) * math.Log(float64(w)) / n
		}
	}
	const wide = 30.0
	limit := 2 * wide * wide * (at(Loss[float64]{Learned: Gaussian{wide}}) - (math.Log(n-1) - entropy))
	if got := at(Wide[float64]{}); math.Abs(got-limit) > 5e-3 {
		t.Errorf("σ → ∞: %g, the Gaussian of σ = %g gives %g", got, wide, limit)
	}
	// The normaliser is at least its largest term, and at most n − 1 times that term.
	for _, narrow := range []float64{0.4, 0.3, 0.2} {
		above := 2*narrow*narrow*(at(Loss[float64]{Learned: Gaussian{narrow}})+entropy) - at(Narrow[float64]{})
		if most := 2 * narrow * narrow * math.Log(n-1); above < 0 || above > most {
			t.Errorf("the Gaussian of σ = %g is %g above its limit, want 0 to %g", narrow, above, most)
		}
	}
}

// ntXent is the loss of SimCLR (Chen et al. 2020, eq. 1), written as in the paper: ℓ(i, j) = −ln exp(sim/τ)/Σ_{k≠i} exp(sim/τ), averaged
// over all positive pairs.
func ntXent(z []float64, n, d int, temperature float64) float64 {
	u := unit(z, n, d)
	similarity := func(i, j int) float64 {
		s := 0.0
		for e := range d {
			s += u[i*d+e] * u[j*d+e]
		}
		return s / temperature
	}
	total := 0.0
	for i := range n {
		sum := 0.0
		for k := range n {
			if k != i {
				sum += math.Exp(similarity(i, k))
			}
		}
		total -= math.Log(math.Exp(similarity(i, i^1)) / sum)
	}
	return total / float64(n)
}

func TestSimCLRIsNTXentAndInfoNCEIsDCLWithoutBias(t *testing.T) {
	const n, d = 10, 4
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		z, temperature := normals(r, n*d), 0.1+r.Float64()
		want := ntXent(z, n, d, temperature)
		gradient := func(l over) ([]float64, float64) {
			dz := make([]float64, n*d)
			v, err := l.Gradient(context.Background(), dz, z, n, d, pairsOf(n))
			if err != nil {
				t.Fatal(err)
			}
			return dz, v
		}
		a, simclr := gradient(Loss[float64]{Learned: Cosine{temperature}})
		b, dcl := gradient(DCL[float64]{Temperature: temperature})
		if math.Abs(simclr-want) > 1e-9 || math.Abs(dcl-want) > 1e-9 {
			t.Fatalf("seed %d: I-Con %.12f, DCL at τ⁺ = 0 %.12f, NT-Xent %.12f", seed, simclr, dcl, want)
		}
		for e := range a {
			if math.Abs(a[e]-b[e]) > 1e-9 {
				t.Fatalf("seed %d, gradient %d: %g and %g", seed, e, a[e], b[e])
			}
		}
	}
}

// The loss and its gradient are finite at temperatures at which exponentials overflow, in both widths, and the loss is ln Σ exp(s) − s⁺ at τ⁺ = 0.
func TestDCLIsFiniteAtLowTemperatures(t *testing.T) {
	const n, d = 10, 4
	z := normals(rand.New(rand.NewPCG(3, 1)), n*d)
	short := make([]float32, n*d)
	for e, v := range z {
		short[e] = float32(v)
	}
	for _, temperature := range []float64{0.1, 0.002, 1e-3, 1e-4, 1e-6} {
		exact, biased, rounded := make([]float64, n*d), make([]float64, n*d), make([]float32, n*d)
		dcl, errA := DCL[float64]{Temperature: temperature}.Gradient(t.Context(), exact, z, n, d, pairsOf(n))
		debiased, errB := DCL[float64]{Temperature: temperature, Positive: 0.1}.Gradient(t.Context(), biased, z, n, d, pairsOf(n))
		float, errC := DCL[float32]{Temperature: temperature, Positive: 0.1}.Gradient(t.Context(), rounded, short, n, d, pairsOf(n))
		if errA != nil || errB != nil || errC != nil {
			t.Fatal(errA, errB, errC)
		}
		if want := coldNTXent(z, n, d, temperature); math.Abs(dcl-want) > 1e-9*want || math.Abs(debiased-dcl) > 1 || math.Abs(float-debiased) > 1e-5/temperature {
			t.Errorf("temperature %g: %g, debiased %g, in float32 %g, want %g", temperature, dcl, debiased, float, want)
		}
		for e := range exact {
			if exact[e]-exact[e] != 0 || biased[e]-biased[e] != 0 || rounded[e]-rounded[e] != 0 {
				t.Fatalf("temperature %g, gradient %d: %g, debiased %g, in float32 %g", temperature, e, exact[e], biased[e], rounded[e])
			}
		}
	}
}

// coldNTXent is ntXent in a form that does not overflow.
func coldNTXent(z []float64, n, d int, temperature float64) float64 {
	u := unit(z, n, d)
	similarity := func(i, k int) float64 {
		s := 0.0
		for e := range d {
			s += u[i*d+e] * u[k*d+e]
		}
		return s / temperature
	}
	total := 0.0
	for i := range n {
		top, sum := math.Inf(-1), 0.0
		for k := range n {
			if k != i {
				top = max(top, similarity(i, k))
			}
		}
		for k := range n {
			if k != i {
				sum += math.Exp(similarity(i, k) - top)
			}
		}
		total += math.Log(sum) + top - similarity(i, i^1)
	}
	return total / float64(n)
}

// The dot product with prototypes is softmax regression: the same loss, and the gradient (softmax − one-hot)·x.
func TestDotAgainstPrototypesIsSoftmaxRegression(t *testing.T) {
	const n, d, classes = 9, 4, 3
	r := rand.New(rand.NewPCG(2, 3))
	x, w := normals(r, n*d), normals(r, classes*d)
	labels := make([]int, n)
	for i := range labels {
		labels[i] = r.IntN(classes)
	}
	p, err := Prototypes(labels, classes)
	if err != nil {
		t.Fatal(err)
	}
	dx, dw := make([]float64, n*d), make([]float64, classes*d)
	got, err := Loss[float64]{Learned: Dot{}}.GradientBetween(context.Background(), dx, dw, x, w, n, classes, d, p)
	if err != nil {
		t.Fatal(err)
	}
	want, slope := 0.0, make([]float64, classes*d)
	for i := range n {
		q := make([]float64, classes)
		sum := 0.0
		for c := range classes {
			s := 0.0
			for e := range d {
				s += x[i*d+e] * w[c*d+e]
			}
			q[c] = math.Exp(s)
			sum += q[c]
		}
		want -= math.Log(q[labels[i]]/sum) / n
		for c := range classes {
			g := q[c] / sum
			if c == labels[i] {
				g--
			}
			for e := range d {
				slope[c*d+e] += g * x[i*d+e] / n
			}
		}
	}
	if math.Abs(got-want) > 1e-12 {
		t.Errorf("loss %g, cross-entropy %g", got, want)
	}
	for e := range slope {
		if math.Abs(slope[e]-dw[e]) > 1e-12 {
			t.Errorf("gradient %d: %g, want %g", e, dw[e], slope[e])
		}
	}
}

// Without debiasing the cluster loss is the PMI loss of TEMI at its β = 1 (Adaloglou et al. 2023, eq. 5), −ln Σ_c φ_ic φ_jc / π_c with π the
// mean of φ, plus ln n: s_c = n π_c.
func TestClusterLossIsPMI(t *testing.T) {
	const n, c = 12, 4
	r := rand.New(rand.NewPCG(9, 9))
	z := normals(r, n*c)
	phi, _, mass := assignments(z, n, c)
	pmi := 0.0
	for i := range n {
		sum := 0.0
		for k := range c {
			sum += phi[i*c+k] * phi[(i^1)*c+k] / (mass[k] / n)
		}
		pmi -= math.Log(sum) / n
	}
	dz := make([]float64, n*c)
	got, err := Loss[float64]{Learned: Cluster{}}.Gradient(context.Background(), dz, z, n, c, pairsOf(n))
	if err != nil || math.Abs(got-pmi-math.Log(n)) > 1e-12 {
		t.Errorf("cluster loss %g, PMI loss + ln n %g, %v", got, pmi+math.Log(n), err)
	}
	z32, d32 := make([]float32, n*c), make([]float32, n*c)
	for e, v := range z {
		z32[e] = float32(v)
	}
	fused := cluster.Loss{}
	if got, err := fused.Gradient(context.Background(), d32, z32, n, c, pairsOf(n)); err != nil || math.Abs(got-pmi-math.Log(n)) > 1e-4 {
		t.Errorf("fused cluster loss %g, PMI loss + ln n %g, %v", got, pmi+math.Log(n), err)
	}
}

func TestLimitsRefuse(t *testing.T) {
	const n, d = 4, 2
	z, dz := make([]float64, n*d), make([]float64, n*d)
	for i := range z {
		z[i] = float64(i + 1)
	}
	for want, l := range map[string]over{
		"temperature": DCL[float64]{},
		"tau-plus":    DCL[float64]{Temperature: 1, Positive: 1},
	} {
		if _, err := l.Gradient(context.Background(), dz, z, n, d, pairsOf(n)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	if _, err := (DCL[float64]{Temperature: 1}).Gradient(context.Background(), dz, z, n, d, Labels([]int{0, 0, 0, 0})); err == nil {
		t.Error("several positives: no error")
	}
}
