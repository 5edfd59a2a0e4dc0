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

// The values are those of a dense solver, and the vectors are orthonormal and nearly eigenvectors: with a residual as near as that asks for,
// without one near enough for a start.
func TestLeadingAgreesWithADenseSolver(t *testing.T) {
	m := shared(t, 1, 300, 10, 6, 0.7, 2)
	var eigen mat.EigenSym
	if !eigen.Factorize(whole(m), false) {
		t.Fatal("the dense solver fails")
	}
	want := eigen.Values(nil)
	for _, count := range []int{1, 6, 20} {
		for residual, near := range map[float64]float64{0: 5e-3, 1e-5: 1e-6} {
			found, err := Leading(context.Background(), m, Options{Count: count, Residual: residual, Seed: 5, Workers: 2})
			if err != nil {
				t.Fatal(err)
			}
			for e, got := range found.Values {
				if math.Abs(got-want[len(want)-1-e]) > near {
					t.Errorf("residual %g: eigenvalue %d of %d is %v, want %v", residual, e, count, got, want[len(want)-1-e])
				}
			}
			orthonormal(t, found.Vectors)
			if residual == 0 {
				if !math.IsNaN(found.Residual) {
					t.Errorf("a residual of %v, which was not asked for", found.Residual)
				}
				continue
			}
			if off := furthest(m, found); off > 2*residual || math.Abs(off-found.Residual) > 1e-6 {
				t.Errorf("%d vectors: a residual of %v, said to be %v", count, off, found.Residual)
			}
		}
	}
}

func orthonormal(t *testing.T, v *matrix.Dense) {
	t.Helper()
	for a := range v.Width {
		for b := range v.Width {
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

// furthest returns the largest ‖Mv − λv‖, in float64.
func furthest(m *matrix.Sparse, found *Eigen) (most float64) {
	for e, value := range found.Values {
		square := 0.0
		for i := range m.Len() {
			off := -value * float64(found.Vectors.Row(i)[e])
			column, weight := m.Row(i)
			for c, j := range column {
				off += float64(weight[c]) * float64(found.Vectors.Row(int(j))[e])
			}
			square += off * off
		}
		most = max(most, math.Sqrt(square))
	}
	return most
}

// A residual that float32 cannot reach ends after the maximum number of rounds and is reported.
func TestResidualOutOfReach(t *testing.T) {
	found, err := Leading(context.Background(), shared(t, 1, 60, 5, 3, 0.7, 1), Options{Count: 2, Residual: 1e-300, Workers: 1})
	if err != nil || !(found.Residual > 1e-300 && found.Residual < 1e-5) {
		t.Errorf("residual %v, %v", found.Residual, err)
	}
}

// Entries match the definition.
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
		M     *matrix.Sparse
		Eigen *Eigen
	}
	var first *found
	for _, workers := range []int{1, 2, 5} {
		m := shared(t, 2, 900, 12, 9, 0.8, workers)
		e, err := Leading(context.Background(), m, Options{Count: 9, Residual: 1e-4, Seed: 3, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		if f := (&found{m, e}); first == nil {
			first = f
		} else if diff := cmp.Diff(first, f); diff != "" {
			t.Fatalf("%d workers differ from one:\n%s", workers, diff)
		}
	}
}

// Disconnected graphs, graphs without edges, and as many vectors as rows give finite results.
func TestDegenerateGraphs(t *testing.T) {
	pieces := shared(t, 4, 60, 4, 12, 60, 1)
	r := rand.New(rand.NewPCG(1, 1))
	for name, m := range map[string]*matrix.Sparse{
		"pieces":     pieces,
		"no edges":   {Offset: make([]int, 8)},
		"two points": {Offset: []int{0, 1, 2}, Column: []int32{1, 0}, Weight: []float32{1, 1}},
	} {
		for _, count := range []int{1, m.Len()/2 + 1, m.Len()} {
			for _, residual := range []float64{0, 1e-5} {
				e, err := Leading(context.Background(), m, Options{Count: count, Residual: residual, Seed: r.Uint64(), Workers: 1})
				if err != nil {
					t.Errorf("%s, %d vectors: %v", name, count, err)
					continue
				}
				for _, x := range e.Vectors.X {
					if x-x != 0 {
						t.Errorf("%s, %d vectors: %v is not finite", name, count, x)
						break
					}
				}
				if len(e.Values) != count || e.Vectors.Width != count {
					t.Errorf("%s: %d values and %d columns, want %d", name, len(e.Values), e.Vectors.Width, count)
				}
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	m := &matrix.Sparse{Offset: []int{0, 1, 2}, Column: []int32{1, 0}, Weight: []float32{1, 1}}
	for _, count := range []int{0, 3} {
		if _, err := Leading(context.Background(), m, Options{Count: count, Workers: 1}); err == nil || !strings.Contains(err.Error(), "eigenvectors of 2 rows") {
			t.Errorf("%d vectors: %v", count, err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Leading(ctx, m, Options{Count: 1, Workers: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Any number of eigenvectors has the values of a dense solver, up to all of them, also those of graphs with one neighbour each, whose pairs have the
// eigenvalue −1.
func TestAnyCountAgreesWithADenseSolver(t *testing.T) {
	const n = 100
	for _, near := range []int{1, 2, 5, 10} {
		for _, clouds := range []int{1, 20} {
			g, err := knn.Exact(context.Background(), densetest.Clouds(3, n, 16, clouds, 5), knn.Options{K: near, Metric: knn.Cosine})
			if err != nil {
				t.Fatal(err)
			}
			weights := make([]float32, len(g.Neighbours))
			for e := range weights {
				weights[e] = 1
			}
			m := Normalised(g, weights)
			var eigen mat.EigenSym
			if !eigen.Factorize(whole(m), false) {
				t.Fatal("the dense solver fails")
			}
			want := eigen.Values(nil)
			for _, count := range []int{1, 10, 33, 45, 60, 80, 99, n} {
				found, err := Leading(context.Background(), m, Options{Count: count, Residual: 1e-5, Seed: 5, Workers: 2})
				if err != nil {
					t.Fatal(err)
				}
				orthonormal(t, found.Vectors)
				if !(found.Residual <= 1e-5) || furthest(m, found) > 2e-5 {
					t.Errorf("%d neighbours, %d clouds, %d vectors: a residual of %g, in truth %g", near, clouds, count, found.Residual, furthest(m, found))
				}
				for e, got := range found.Values {
					if math.Abs(got-want[n-1-e]) > 2e-6 {
						t.Errorf("%d neighbours, %d clouds: eigenvalue %d of %d is %v, want %v", near, clouds, e, count, got, want[n-1-e])
						break
					}
				}
			}
		}
	}
}
