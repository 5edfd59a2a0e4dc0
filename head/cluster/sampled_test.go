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

// plainOver computes the loss over a sample by its definition, dense and in float64: the loss of all columns, with the mean of −α ln q̃
// over all columns replaced by the mean over the sample.
func plainOver(z []float64, n, c int, p *matrix.Sparse, alpha, beta float64, columns []int32) float64 {
	phi, mass := make([]float64, n*c), make([]float64, c)
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
	loss := plain(z, n, c, p, alpha, beta)
	for i := range n {
		for j := range n {
			a := 0.0
			for k := range c {
				a += phi[i*c+k] * phi[j*c+k] / mass[k]
			}
			share := 1 / float64(n)
			if slices.Contains(columns, int32(j)) {
				share -= 1 / float64(len(columns))
			}
			loss += alpha / float64(n) * share * math.Log((1-beta)*a+beta/float64(n))
		}
	}
	return loss
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
		want := plainOver(z64, n, c, p, alpha, beta, columns)
		const step = 1e-5 // as in numeric
		d := make([]float64, len(z64))
		for i, v := range z64 {
			z64[i] = v + step
			up := plainOver(z64, n, c, p, alpha, beta, columns)
			z64[i] = v - step
			d[i] = (up - plainOver(z64, n, c, p, alpha, beta, columns)) / (2 * step)
			z64[i] = v
		}
		compare(t, fmt.Sprintf("n=%d m=%d c=%d α=%v β=%v", n, m, c, alpha, beta), got, want, dz, d)
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

// Samples cross the borders of stripes, blocks and tiles, and a Loss changes size between calls; the bits are the same on any number of
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
	for _, m := range []int{2*sampleRows + 5, 1, blockRows + 1, 16, n - 1} {
		columns := draw(r, n, m)
		want := plainOver(z64, n, c, p, 0.6000000238418579, 0.5, columns)
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
		const step = 1e-4
		for _, i := range []int{0, int(columns[0]) * c, int(columns[m-1])*c + c - 1, (blockRows-1)*c + 1, n*c - 1} {
			v := z64[i]
			z64[i] = v + step
			up := plainOver(z64, n, c, p, 0.6000000238418579, 0.5, columns)
			z64[i] = v - step
			d := (up - plainOver(z64, n, c, p, 0.6000000238418579, 0.5, columns)) / (2 * step)
			z64[i] = v
			if math.Abs(float64(first[i])-d) > 1e-7 {
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

// BenchmarkSampledGradient is compute-bound: 3·n·m·c multiply-adds for the sample.
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
