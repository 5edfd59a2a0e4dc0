package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"

	"go.uber.org/goleak"
	"iconic/internal/sharedtest"
	"iconic/matrix"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// plain computes the loss by its definition, dense and in float64.
func plain(z []float64, n, c int, p *matrix.Sparse, alpha, beta float64) float64 {
	phi := make([]float64, n*c)
	mass := make([]float64, c)
	for i := range n {
		top, sum := math.Inf(-1), 0.0
		for k := range c {
			top = max(top, z[i*c+k])
		}
		for k := range c {
			phi[i*c+k] = math.Exp(z[i*c+k] - top)
			sum += phi[i*c+k]
		}
		for k := range c {
			phi[i*c+k] /= sum
			mass[k] += phi[i*c+k]
		}
	}
	loss := 0.0
	for i := range n {
		target := make([]float64, n)
		for j := range target {
			target[j] = alpha / float64(n)
		}
		column, weight := p.Row(i)
		for e, j := range column {
			target[j] += (1 - alpha) * float64(weight[e])
		}
		for j := range n {
			a := 0.0
			for k := range c {
				a += phi[i*c+k] * phi[j*c+k] / mass[k]
			}
			q := (1-beta)*a + beta/float64(n)
			if target[j] > 0 {
				loss += target[j] * math.Log(target[j]/q) / float64(n)
			}
		}
	}
	return loss
}

// numeric is the gradient of plain by central differences. With steps of 1e-5 and logits of order 1, truncation is of order 1e-10 and
// cancellation of order 1e-16/1e-5 = 1e-11, far below the precision of float32.
func numeric(z []float64, n, c int, p *matrix.Sparse, alpha, beta float64) []float64 {
	const step = 1e-5
	d := make([]float64, len(z))
	for i, v := range z {
		z[i] = v + step
		up := plain(z, n, c, p, alpha, beta)
		z[i] = v - step
		d[i] = (up - plain(z, n, c, p, alpha, beta)) / (2 * step)
		z[i] = v
	}
	return d
}

// randomRows returns n rows over n columns with at most most entries each.
func randomRows(r *rand.Rand, n, most int) *matrix.Sparse {
	p := &matrix.Sparse{Offset: []int{0}}
	for range n {
		chosen := make(map[int32]bool)
		for range 1 + r.IntN(min(most, n)) {
			chosen[int32(r.IntN(n))] = true
		}
		sum := float32(0)
		start := len(p.Weight)
		for j := range int32(n) {
			if chosen[j] {
				w := r.Float32() + 0.1
				sum += w
				p.Column, p.Weight = append(p.Column, j), append(p.Weight, w)
			}
		}
		for e := start; e < len(p.Weight); e++ {
			p.Weight[e] /= sum
		}
		p.Offset = append(p.Offset, len(p.Column))
	}
	return p
}

func compare(t failer, what string, gotLoss, wantLoss float64, got []float32, want []float64) {
	t.Helper()
	if math.Abs(gotLoss-wantLoss) > 1e-5*max(1, math.Abs(wantLoss)) {
		t.Fatalf("%s: loss %v, want %v", what, gotLoss, wantLoss)
	}
	largest := 0.0
	for _, v := range want {
		largest = max(largest, math.Abs(v))
	}
	for i, v := range want {
		// 1e-4 of the largest entry; if the gradient vanishes, rounding of order 1/n remains.
		if math.Abs(float64(got[i])-v) > 1e-4*largest+1e-7 {
			t.Fatalf("%s: gradient %d is %v, want %v (largest %v)", what, i, got[i], v, largest)
		}
	}
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func TestGradientAgainstFiniteDifferences(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, c := rapid.IntRange(1, 14).Draw(t, "n"), rapid.IntRange(1, 12).Draw(t, "c")
		share := rapid.SampledFrom([]float64{0, 0.1, 0.4, 0.8, 1})
		alpha, beta := share.Draw(t, "alpha"), share.Draw(t, "beta")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		z64, z := make([]float64, n*c), make([]float32, n*c)
		for i := range z {
			z[i] = float32(1.5 * r.NormFloat64())
			z64[i] = float64(z[i])
		}
		p := randomRows(r, n, 4)
		dz := make([]float32, n*c)
		loss := Loss{Alpha: float32(alpha), Beta: float32(beta)}
		got, err := loss.Gradient(context.Background(), dz, z, n, c, p)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, fmt.Sprintf("n=%d c=%d α=%v β=%v", n, c, alpha, beta), got, plain(z64, n, c, p, alpha, beta), dz, numeric(z64, n, c, p, alpha, beta))
	})
}

// TestSeveralStripes crosses the borders of stripes and tiles; the small cases do not.
func TestSeveralStripes(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	const n, c = 2*blockRows + 37, 5
	z64, z := make([]float64, n*c), make([]float32, n*c)
	for i := range z {
		z[i] = float32(r.NormFloat64())
		z64[i] = float64(z[i])
	}
	p := randomRows(r, n, 3)
	dz := make([]float32, n*c)
	loss := Loss{Alpha: 0.6, Beta: 0.5}
	got, err := loss.Gradient(context.Background(), dz, z, n, c, p)
	if err != nil {
		t.Fatal(err)
	}
	want := plain(z64, n, c, p, float64(loss.Alpha), float64(loss.Beta))
	if math.Abs(got-want) > 1e-5 {
		t.Fatalf("loss %v, want %v", got, want)
	}
	for _, i := range []int{0, 3, (blockRows-1)*c + 1, blockRows * c, 300*c + 2, (2*blockRows-1)*c + 4, 2 * blockRows * c, n*c - 1} {
		const step = 1e-4
		v := z64[i]
		z64[i] = v + step
		up := plain(z64, n, c, p, 0.6000000238418579, 0.5)
		z64[i] = v - step
		d := (up - plain(z64, n, c, p, 0.6000000238418579, 0.5)) / (2 * step)
		z64[i] = v
		if math.Abs(float64(dz[i])-d) > 1e-8 {
			t.Errorf("gradient %d is %v, want %v", i, dz[i], d)
		}
	}
}

func TestSameBitsOnAnyNumberOfWorkers(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	const n, c = 1000, 33
	z := make([]float32, n*c)
	for i := range z {
		z[i] = float32(r.NormFloat64())
	}
	p := randomRows(r, n, 5)
	var first []float32
	var firstLoss float64
	for _, workers := range []int{1, 2, 7} {
		loss := Loss{Alpha: 0.6, Beta: 0.6, Workers: workers}
		dz := make([]float32, n*c)
		got, err := loss.Gradient(context.Background(), dz, z, n, c, p)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first, firstLoss = dz, got
			continue
		}
		if got != firstLoss {
			t.Fatalf("%d workers: loss %v, one worker %v", workers, got, firstLoss)
		}
		for i := range dz {
			if dz[i] != first[i] {
				t.Fatalf("%d workers: gradient %d is %v, one worker %v", workers, i, dz[i], first[i])
			}
		}
	}
}

func TestReferenceVectors(t *testing.T) {
	data, err := os.ReadFile(sharedtest.Path(t, "vectors", "icon_cluster.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		N, C        int
		Alpha, Beta float64
		P, Z        [][]float64
		KL          float64     `json:"kl"`
		GradZ       [][]float64 `json:"grad_z"`
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) == 0 {
		t.Fatal("no cases")
	}
	for i, c := range cases {
		z, dz := make([]float32, c.N*c.C), make([]float32, c.N*c.C)
		var want []float64
		p := &matrix.Sparse{Offset: []int{0}}
		for r := range c.N {
			for k, v := range c.Z[r] {
				z[r*c.C+k] = float32(v)
			}
			want = append(want, c.GradZ[r]...)
			for j, w := range c.P[r] {
				if w != 0 {
					p.Column, p.Weight = append(p.Column, int32(j)), append(p.Weight, float32(w))
				}
			}
			p.Offset = append(p.Offset, len(p.Column))
		}
		loss := Loss{Alpha: float32(c.Alpha), Beta: float32(c.Beta)}
		got, err := loss.Gradient(context.Background(), dz, z, c.N, c.C, p)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, fmt.Sprintf("case %d (n=%d c=%d α=%v β=%v)", i, c.N, c.C, c.Alpha, c.Beta), got, c.KL, dz, want)
	}
}

func TestBadInput(t *testing.T) {
	p := &matrix.Sparse{Offset: []int{0, 1, 2}, Column: []int32{1, 0}, Weight: []float32{1, 1}}
	z, dz := make([]float32, 6), make([]float32, 6)
	nan := float32(math.NaN())
	for name, loss := range map[string]*Loss{"alpha": {Alpha: -0.1}, "alpha NaN": {Alpha: nan}, "beta": {Beta: 1.5}} {
		if _, err := loss.Gradient(context.Background(), dz, z, 2, 3, p); err == nil {
			t.Errorf("%s out of range is accepted", name)
		}
	}
	if _, err := (&Loss{}).Gradient(context.Background(), dz, z, 3, 2, p); err == nil {
		t.Error("3 rows of logits with 2 rows of p are accepted")
	}
	for _, bad := range []float32{nan, float32(math.Inf(1))} {
		z[4] = bad
		if _, err := (&Loss{}).Gradient(context.Background(), dz, z, 2, 3, p); !errors.Is(err, ErrNotFinite) {
			t.Errorf("logit %v: error %v", bad, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	z[4] = 0
	if _, err := (&Loss{Alpha: 0.5}).Gradient(ctx, dz, z, 2, 3, p); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: error %v", err)
	}
}

func TestEmptyClustersStayFinite(t *testing.T) {
	const n, c = 40, 4
	z, dz := make([]float32, n*c), make([]float32, n*c)
	for i := range n {
		z[i*c+i%2] = 200 // clusters 2 and 3 are empty in float32
	}
	p := randomRows(rand.New(rand.NewPCG(1, 1)), n, 3)
	for _, share := range []float32{0, 0.5} {
		loss := Loss{Alpha: share, Beta: share}
		kl, err := loss.Gradient(context.Background(), dz, z, n, c, p)
		if err != nil || math.IsNaN(kl) || math.IsInf(kl, 0) {
			t.Fatalf("α=β=%v: loss %v, %v", share, kl, err)
		}
		for i, v := range dz {
			if v-v != 0 {
				t.Fatalf("α=β=%v: gradient %d is %v", share, i, v)
			}
		}
	}
}

// TestMemory checks the memory stated in doc.go: four n×c matrices, with the clusters rounded up to whole tiles, plus terms of order n, c
// or one tile. At n = 4096 and c = 1000 that is 67 MB, with logits and gradient 100 MB.
func TestMemory(t *testing.T) {
	const n, c = 1024, 500
	z, dz := make([]float32, n*c), make([]float32, n*c)
	p := randomRows(rand.New(rand.NewPCG(1, 2)), n, 2)
	loss := Loss{Alpha: 0.6, Beta: 0.6, Workers: 2}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := loss.Gradient(context.Background(), dz, z, n, c, p); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	const tile, packing = 4 * blockRows * tileWidth, 1 << 20
	if got, most := after.TotalAlloc-before.TotalAlloc, uint64(4*4*n*(c+48)+2*tile+packing); got > most {
		t.Errorf("%d bytes were taken, want at most %d", got, most)
	}
}

// BenchmarkGradient is compute-bound: 3·n²·c multiply-adds where α > 0.
func BenchmarkGradient(b *testing.B) {
	for _, s := range []struct {
		c           int
		alpha, beta float32
	}{{100, 0.6, 0.6}, {1000, 0.6, 0.6}, {1000, 0, 0.6}} {
		const n = 4096
		b.Run(fmt.Sprintf("n=%d,c=%d,α=%v,β=%v", n, s.c, s.alpha, s.beta), func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			z, dz := make([]float32, n*s.c), make([]float32, n*s.c)
			for i := range z {
				z[i] = float32(r.NormFloat64())
			}
			p := &matrix.Sparse{Offset: []int{0}}
			for i := range n {
				p.Column, p.Weight = append(p.Column, int32(i^1)), append(p.Weight, 1)
				p.Offset = append(p.Offset, i+1)
			}
			loss := Loss{Alpha: s.alpha, Beta: s.beta}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := loss.Gradient(context.Background(), dz, z, n, s.c, p); err != nil {
					b.Fatal(err)
				}
			}
			if s.alpha > 0 {
				b.ReportMetric(3*float64(n)*float64(n)*float64(s.c)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			}
		})
	}
}
