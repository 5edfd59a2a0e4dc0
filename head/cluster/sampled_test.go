package cluster

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"iconic/matrix"
	"pgregory.net/rapid"
)

// assigned returns softmax of the rows of z and the masses of its columns.
func assigned(z []float64, n, c int) (phi, mass []float64) {
	phi, mass = make([]float64, n*c), make([]float64, c)
	for i := range n {
		sum := 0.0
		for k := range c {
			phi[i*c+k] = math.Exp(z[i*c+k])
			sum += phi[i*c+k]
		}
		for k := range c {
			phi[i*c+k] /= sum
			mass[k] += phi[i*c+k]
		}
	}
	return phi, mass
}

// uniform is the mean of −α ln q̃_ij over all rows i and the columns j, dense and in float64. The rows, the columns and the masses of the
// clusters can be of different assignments.
func uniform(rows, others, mass []float64, n, c int, alpha, beta float64, columns []int32) float64 {
	loss := 0.0
	for i := range n {
		for _, j := range columns {
			a := 0.0
			for k := range c {
				a += rows[i*c+k] * others[int(j)*c+k] / mass[k]
			}
			loss -= alpha / float64(n) / float64(len(columns)) * math.Log((1-beta)*a+beta/float64(n))
		}
	}
	return loss
}

// definition is the loss over a sample and its estimated gradient, dense and in float64: the exact ones, with the uniform share replaced.
type definition struct {
	n, c        int
	p           *matrix.Sparse
	alpha, beta float64
	columns     []int32
}

func (d definition) every() []int32 {
	all := make([]int32, d.n)
	for j := range all {
		all[j] = int32(j)
	}
	return all
}

func (d definition) loss(z []float64) float64 {
	phi, mass := assigned(z, d.n, d.c)
	return plain(z, d.n, d.c, d.p, d.alpha, d.beta) - uniform(phi, phi, mass, d.n, d.c, d.alpha, d.beta, d.every()) +
		uniform(phi, phi, mass, d.n, d.c, d.alpha, d.beta, d.columns)
}

// slope is the estimated derivative by z_e, by central differences: that of the exact loss, with the derivative of its uniform share
// replaced by twice that through the rows i of the sample's share, and once that through the masses.
func (d definition) slope(z []float64, e int, step float64) float64 {
	phi, mass := assigned(z, d.n, d.c)
	at := func(v float64) float64 {
		was := z[e]
		z[e] = v
		defer func() { z[e] = was }()
		moved, heavier := assigned(z, d.n, d.c)
		return plain(z, d.n, d.c, d.p, d.alpha, d.beta) - uniform(moved, moved, heavier, d.n, d.c, d.alpha, d.beta, d.every()) +
			2*uniform(moved, phi, mass, d.n, d.c, d.alpha, d.beta, d.columns) + uniform(phi, phi, heavier, d.n, d.c, d.alpha, d.beta, d.columns)
	}
	return (at(z[e]+step) - at(z[e]-step)) / (2 * step)
}

// draw returns m distinct columns of n.
func draw(r *rand.Rand, n, m int) []int32 {
	columns := make([]int32, m)
	for e, j := range r.Perm(n)[:m] {
		columns[e] = int32(j)
	}
	return columns
}

func TestSampledGradientAgainstFiniteDifferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, c := rapid.IntRange(2, 14).Draw(t, "n"), rapid.IntRange(1, 12).Draw(t, "c")
		m := rapid.IntRange(1, n).Draw(t, "m")
		share := rapid.SampledFrom([]float64{0.1, 0.4, 0.8, 1})
		alpha, beta := share.Draw(t, "alpha"), rapid.SampledFrom([]float64{0, 0.4, 1}).Draw(t, "beta")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		z64, z := make([]float64, n*c), make([]float32, n*c)
		for i := range z {
			z[i] = float32(1.5 * r.NormFloat64())
			z64[i] = float64(z[i])
		}
		p, columns, dz := randomRows(r, n, 4), draw(r, n, m), make([]float32, n*c)
		loss := Loss{Alpha: float32(alpha), Beta: float32(beta), Columns: columns}
		got, err := loss.Gradient(context.Background(), dz, z, n, c, p)
		if err != nil {
			t.Fatal(err)
		}
		want := definition{n, c, p, alpha, beta, columns}
		slopes := make([]float64, len(z64))
		for e := range slopes {
			slopes[e] = want.slope(z64, e, 1e-5) // as in numeric
		}
		compare(t, fmt.Sprintf("n=%d m=%d c=%d α=%v β=%v", n, m, c, alpha, beta), got, want.loss(z64), dz, slopes)
	})
}

// The mean of loss and gradient over all choices of the sample is the exact one.
func TestSampledGradientIsWithoutBias(t *testing.T) {
	const n, c = 7, 5
	r := rand.New(rand.NewPCG(3, 4))
	z := make([]float32, n*c)
	for i := range z {
		z[i] = float32(r.NormFloat64())
	}
	p := randomRows(r, n, 3)
	exact := make([]float32, n*c)
	want, err := (&Loss{Alpha: 0.7, Beta: 0.3}).Gradient(context.Background(), exact, z, n, c, p)
	if err != nil {
		t.Fatal(err)
	}
	wanted := make([]float64, n*c)
	for i, v := range exact {
		wanted[i] = float64(v)
	}
	for m := 1; m < n; m++ {
		count, mean, sum := 0.0, 0.0, make([]float64, n*c)
		for chosen := range 1 << n {
			var columns []int32
			for j := range int32(n) {
				if chosen>>j&1 == 1 {
					columns = append(columns, j)
				}
			}
			if len(columns) != m {
				continue
			}
			dz := make([]float32, n*c)
			got, err := (&Loss{Alpha: 0.7, Beta: 0.3, Columns: columns}).Gradient(context.Background(), dz, z, n, c, p)
			if err != nil {
				t.Fatal(err)
			}
			count, mean = count+1, mean+got
			for i, v := range dz {
				sum[i] += float64(v)
			}
		}
		gradient := make([]float32, n*c)
		for i, v := range sum {
			gradient[i] = float32(v / count)
		}
		compare(t, fmt.Sprintf("m=%d, %v samples", m, count), mean/count, want, gradient, wanted)
	}
}

// Samples cross the borders of stripes and tiles, and a Loss changes size between calls; the bits are the same on any number of
// workers, and a sample of all columns gives the exact loss.
func TestSampledStripes(t *testing.T) {
	const n, c = 2*blockRows + 37, 33
	r := rand.New(rand.NewPCG(7, 8))
	z, z64 := make([]float32, n*c), make([]float64, n*c)
	for i := range z {
		z[i] = float32(r.NormFloat64())
		z64[i] = float64(z[i])
	}
	p := randomRows(r, n, 3)
	several := map[int]*Loss{1: {}, 2: {}, 7: {}}
	for _, m := range []int{101, 1, blockRows + 1, 16, n - 1} {
		columns := draw(r, n, m)
		define := definition{n, c, p, 0.6000000238418579, 0.5, columns}
		want := define.loss(z64)
		var first []float32
		for _, workers := range []int{1, 2, 7} {
			l, dz := several[workers], make([]float32, n*c)
			l.Alpha, l.Beta, l.Workers, l.Columns = 0.6, 0.5, workers, columns
			got, err := l.Gradient(context.Background(), dz, z, n, c, p)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(got-want) > 1e-5 {
				t.Errorf("m=%d: loss %v, want %v", m, got, want)
			}
			if first == nil {
				first = dz
			} else if !slices.Equal(first, dz) {
				t.Errorf("m=%d: %d workers give different bits than one", m, workers)
			}
		}
		for _, i := range []int{0, int(columns[0]) * c, int(columns[m-1])*c + c - 1, (blockRows-1)*c + 1, n*c - 1} {
			if d := define.slope(z64, i, 1e-4); math.Abs(float64(first[i])-d) > 1e-7 {
				t.Errorf("m=%d: gradient %d is %v, want %v", m, i, first[i], d)
			}
		}
	}
	exact, all := make([]float32, n*c), make([]float32, n*c)
	a, err := (&Loss{Alpha: 0.6, Beta: 0.5}).Gradient(context.Background(), exact, z, n, c, p)
	if err != nil {
		t.Fatal(err)
	}
	b, err := (&Loss{Alpha: 0.6, Beta: 0.5, Columns: draw(r, n, n)}).Gradient(context.Background(), all, z, n, c, p)
	if err != nil || a != b || !slices.Equal(exact, all) {
		t.Errorf("a sample of all columns gives %v, the exact loss is %v, %v", b, a, err)
	}
}

func TestBadSamples(t *testing.T) {
	p := &matrix.Sparse{Offset: []int{0, 1, 2}, Column: []int32{1, 0}, Weight: []float32{1, 1}}
	z, dz := make([]float32, 6), make([]float32, 6)
	for name, columns := range map[string][]int32{"none": {}, "twice": {1, 1}, "beyond": {2}, "negative": {-1}} {
		if _, err := (&Loss{Alpha: 0.5, Columns: columns}).Gradient(context.Background(), dz, z, 2, 3, p); err == nil {
			t.Errorf("columns %s: accepted", name)
		}
	}
}

// BenchmarkSampledGradient is compute-bound: 2·n·m·c multiply-adds for the sample.
func BenchmarkSampledGradient(b *testing.B) {
	const n = 4096
	for _, c := range []int{100, 1000} {
		for _, m := range []int{128, 256, 512, n} {
			b.Run(fmt.Sprintf("c=%d,m=%d", c, m), func(b *testing.B) {
				r := rand.New(rand.NewPCG(1, 2))
				z, dz := make([]float32, n*c), make([]float32, n*c)
				for i := range z {
					z[i] = float32(r.NormFloat64())
				}
				p := &matrix.Sparse{Offset: []int{0}}
				for i := range n {
					p.Column, p.Weight = append(p.Column, int32(i^1)), append(p.Weight, 1)
					p.Offset = append(p.Offset, i+1)
				}
				loss := Loss{Alpha: 0.6, Beta: 0.6, Columns: draw(r, n, m)}
				b.ReportAllocs()
				for b.Loop() {
					if _, err := loss.Gradient(context.Background(), dz, z, n, c, p); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// The gradient of the sample's own loss, in which a sampled row gets the force of all others, deviates more from the exact gradient.
func TestSampledGradientVariesLessThanThatOfTheSample(t *testing.T) {
	const n, c, m, draws = 1024, 10, 64, 8
	r := rand.New(rand.NewPCG(11, 12))
	z := make([]float32, n*c)
	for i := range z {
		z[i] = float32(2 * r.NormFloat64())
	}
	p := randomRows(r, n, 3)
	exact, estimate, own := make([]float32, n*c), make([]float32, n*c), make([]float32, n*c)
	if _, err := (&Loss{Alpha: 1, Beta: 0.5}).Gradient(context.Background(), exact, z, n, c, p); err != nil {
		t.Fatal(err)
	}
	// Only p's own entries may lie outside the uniform share: a sparse p of the same sample, with α = 0, gives the gradient of its loss.
	ofSample := &matrix.Sparse{Offset: make([]int, 1, n+1), Column: make([]int32, 0, n*m), Weight: make([]float32, 0, n*m)}
	ours, theirs := 0.0, 0.0
	for range draws {
		columns := draw(r, n, m)
		if _, err := (&Loss{Alpha: 1, Beta: 0.5, Columns: columns}).Gradient(context.Background(), estimate, z, n, c, p); err != nil {
			t.Fatal(err)
		}
		slices.Sort(columns)
		ofSample.Offset, ofSample.Column, ofSample.Weight = ofSample.Offset[:1], ofSample.Column[:0], ofSample.Weight[:0]
		for range n {
			ofSample.Column = append(ofSample.Column, columns...)
			for range columns {
				ofSample.Weight = append(ofSample.Weight, 1./m)
			}
			ofSample.Offset = append(ofSample.Offset, len(ofSample.Column))
		}
		if _, err := (&Loss{Alpha: 0, Beta: 0.5}).Gradient(context.Background(), own, z, n, c, ofSample); err != nil {
			t.Fatal(err)
		}
		for e, v := range exact {
			ours += float64(estimate[e]-v) * float64(estimate[e]-v)
			theirs += float64(own[e]-v) * float64(own[e]-v)
		}
	}
	t.Logf("mean squared error: %.3g of that of the sample's own gradient", ours/theirs)
	if ours > theirs/2 {
		t.Errorf("squared error %g, that of the sample's own gradient %g: want at most half", ours, theirs)
	}
}
