package spectral

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"gonum.org/v1/gonum/mat"
	"pgregory.net/rapid"

	"iconic/head/knn"
	"iconic/internal/densetest"
	"iconic/matrix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func shared(t testing.TB, seed uint64, n, k, clouds int, apart float64, workers int) *matrix.Sparse {
	t.Helper()
	g, err := knn.Exact(context.Background(), densetest.Clouds(seed, n, 8, clouds, apart), knn.Options{K: k, Metric: knn.Euclidean})
	if err != nil {
		t.Fatal(err)
	}
	m, err := Shared(context.Background(), g, workers)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func whole(m *matrix.Sparse) *mat.SymDense {
	s := mat.NewSymDense(m.Len(), nil)
	for i := range m.Len() {
		column, weight := m.Row(i)
		for e, j := range column {
			s.SetSym(i, int(j), float64(weight[e]))
		}
	}
	return s
}

// The values are those of a dense solver, and the vectors are orthonormal and nearly eigenvectors.
func TestLeadingAgreesWithADenseSolver(t *testing.T) {
	for _, count := range []int{1, 6, 20} {
		m := shared(t, 1, 300, 10, 6, 0.7, 2)
		v, values, err := Leading(context.Background(), m, count, 5, 2)
		if err != nil {
			t.Fatal(err)
		}
		var eigen mat.EigenSym
		if !eigen.Factorize(whole(m), false) {
			t.Fatal("the dense solver fails")
		}
		want := eigen.Values(nil)
		for e, got := range values {
			if math.Abs(got-want[len(want)-1-e]) > 5e-3 {
				t.Errorf("eigenvalue %d of %d is %v, want %v", e, count, got, want[len(want)-1-e])
			}
		}
		for a := range count {
			for b := range count {
				dot := 0.0
				for i := range v.Len() {
					dot += float64(v.Row(i)[a]) * float64(v.Row(i)[b])
				}
				if math.Abs(dot-map[bool]float64{true: 1}[a == b]) > 1e-3 {
					t.Errorf("columns %d and %d have product %v", a, b, dot)
				}
			}
		}
	}
}

// Entries are what the definition says.
func TestSharedByDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(3, 14).Draw(t, "n")
		k := rapid.IntRange(1, n-1).Draw(t, "k")
		g := &knn.Graph{N: n, K: k}
		for i := range n {
			for _, j := range rapid.Permutation(others(n, i)).Draw(t, "near")[:k] {
				g.Neighbours = append(g.Neighbours, int32(j))
			}
		}
		m, err := Shared(context.Background(), g, 2)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Check(n); err != nil {
			t.Fatal(err)
		}
		a, degree := make([]float64, n*n), make([]float64, n)
		for i := range n {
			for _, j := range g.Row(i) {
				s := jaccard(g, i, int(j))
				a[i*n+int(j)] += s * s / 2
				a[int(j)*n+i] += s * s / 2
			}
		}
		for i := range n {
			for j := range n {
				degree[i] += a[i*n+j]
			}
		}
		got := whole(m)
		for i := range n {
			for j := range n {
				want := 0.0
				if a[i*n+j] > 0 {
					want = a[i*n+j] / math.Sqrt(degree[i]*degree[j])
				}
				if math.Abs(got.At(i, j)-want) > 1e-5 {
					t.Fatalf("entry %d, %d is %v, want %v", i, j, got.At(i, j), want)
				}
			}
		}
	})
}

func others(n, i int) (x []int) {
	for j := range n {
		if j != i {
			x = append(x, j)
		}
	}
	return x
}

func jaccard(g *knn.Graph, i, j int) float64 {
	in := map[int32]int{int32(i): 1}
	for _, e := range g.Row(i) {
		in[e] = 1
	}
	common, all := 0, len(in)
	for _, e := range append([]int32{int32(j)}, g.Row(j)...) {
		if in[e] == 1 {
			common++
		} else {
			all++
		}
	}
	return float64(common) / float64(all)
}

func TestSameBitsOnAnyNumberOfWorkers(t *testing.T) {
	type found struct {
		M      *matrix.Sparse
		X      []float32
		Values []float64
	}
	var first *found
	for _, workers := range []int{1, 2, 5} {
		m := shared(t, 2, 900, 12, 9, 0.8, workers)
		v, values, err := Leading(context.Background(), m, 9, 3, workers)
		if err != nil {
			t.Fatal(err)
		}
		if f := (&found{m, v.X, values}); first == nil {
			first = f
		} else if diff := cmp.Diff(first, f); diff != "" {
			t.Fatalf("%d workers differ from one:\n%s", workers, diff)
		}
	}
}

// Graphs in pieces, without edges, and as many vectors as rows leave everything finite.
func TestDegenerateGraphs(t *testing.T) {
	pieces := shared(t, 4, 60, 4, 12, 60, 1)
	r := rand.New(rand.NewPCG(1, 1))
	for name, m := range map[string]*matrix.Sparse{
		"pieces":     pieces,
		"no edges":   {Offset: make([]int, 8)},
		"two points": {Offset: []int{0, 1, 2}, Column: []int32{1, 0}, Weight: []float32{1, 1}},
	} {
		for _, count := range []int{1, m.Len()/2 + 1, m.Len()} {
			v, values, err := Leading(context.Background(), m, count, r.Uint64(), 1)
			if err != nil {
				t.Errorf("%s, %d vectors: %v", name, count, err)
				continue
			}
			for _, x := range v.X {
				if x-x != 0 {
					t.Errorf("%s, %d vectors: %v is not finite", name, count, x)
					break
				}
			}
			if len(values) != count || v.Width != count {
				t.Errorf("%s: %d values and %d columns, want %d", name, len(values), v.Width, count)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	m := &matrix.Sparse{Offset: []int{0, 1, 2}, Column: []int32{1, 0}, Weight: []float32{1, 1}}
	for _, count := range []int{0, 3} {
		if _, _, err := Leading(context.Background(), m, count, 0, 1); err == nil || !strings.Contains(err.Error(), "eigenvectors of 2 rows") {
			t.Errorf("%d vectors: %v", count, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Leading(ctx, m, 1, 0, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
