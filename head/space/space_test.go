package space

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"iconic/head/knn"
	"iconic/internal/densetest"
	"iconic/matrix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func graph(t testing.TB, u *matrix.Dense, k int) *knn.Graph {
	t.Helper()
	g, err := knn.Exact(context.Background(), u, knn.Options{K: k, Metric: knn.Euclidean})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// With L⁻¹ the inverse root, L⁻¹(S + ridge)L⁻ᵀ is the identity.
func TestInverseRoot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.IntRange(1, 6).Draw(t, "d")
		a := rapid.SliceOfN(rapid.Float64Range(-2, 2), d*d, d*d).Draw(t, "a")
		s, trace := make([]float64, d*d), 0.0
		for i := range d {
			for j := range d {
				for e := range d {
					s[i*d+j] += a[i*d+e] * a[j*d+e]
				}
			}
			trace += s[i*d+i]
		}
		const shrinkage = 0.1
		root, err := inverseRoot(s, d, shrinkage)
		if err != nil {
			t.Fatal(err)
		}
		ridge := shrinkage * trace / float64(d)
		if ridge <= 1e-30 {
			ridge = 1
		}
		for i := range d {
			s[i*d+i] += ridge
		}
		for i := range d {
			for j := range d {
				sum := 0.0
				for e := range d {
					for f := range d {
						sum += float64(root[i*d+e]) * s[e*d+f] * float64(root[j*d+f])
					}
				}
				if want := map[bool]float64{true: 1}[i == j]; math.Abs(sum-want) > 1e-4 {
					t.Fatalf("entry %d, %d is %v, want %v", i, j, sum, want)
				}
			}
		}
	})
}

// Classes that differ along a direction of low variance, and not along one of high variance, are separated.
func TestWhiteningQuietensWhatNeighboursDifferIn(t *testing.T) {
	m := densetest.Clouds(1, 400, 6, 1, 0)
	for i := range m.Len() {
		row := m.Row(i)
		row[0] *= 12                              // high variance, the same in both classes
		row[1] = 0.2*row[1] + float32(3-6*(i%2))  // low variance, the class
		row[2], row[3] = 0.2*row[2], 0.2*row[3]   // low variance
		row[4], row[5] = 0.2*row[4]+2, 0.2*row[5] // an offset
	}
	u, err := Unit(context.Background(), m, 2)
	if err != nil {
		t.Fatal(err)
	}
	q, err := Whiten(context.Background(), u, graph(t, u, 5), 0.1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if before, after := pure(t, u), pure(t, q); after < before || after < 0.95 {
		t.Errorf("a share of %.3f of neighbours has the same class before whitening, %.3f after", before, after)
	}
}

func pure(t *testing.T, x *matrix.Dense) float64 {
	g, same := graph(t, x, 50), 0
	for i := range g.N {
		for _, j := range g.Row(i) {
			if i%2 == int(j)%2 {
				same++
			}
		}
	}
	return float64(same) / float64(g.N*g.K)
}

func TestSameBitsOnAnyNumberOfWorkers(t *testing.T) {
	m := densetest.Clouds(5, 3000, 8, 6, 1)
	var first []*matrix.Dense
	for _, workers := range []int{1, 2, 7} {
		u, err := Unit(context.Background(), m, workers)
		if err != nil {
			t.Fatal(err)
		}
		g := graph(t, u, 5)
		q, err := Whiten(context.Background(), u, g, 0.1, workers)
		if err != nil {
			t.Fatal(err)
		}
		v, err := Diffuse(context.Background(), q, g, 2, workers)
		if err != nil {
			t.Fatal(err)
		}
		own, err := WhitenWithin(context.Background(), u, everyNth(u.Len(), 6), 0.1, workers)
		if err != nil {
			t.Fatal(err)
		}
		if all := []*matrix.Dense{u, q, v, own}; first == nil {
			first = all
		} else if diff := cmp.Diff(first, all); diff != "" {
			t.Fatalf("%d workers differ from one:\n%s", workers, diff)
		}
	}
}

// Duplicates, rows of zeros, constant columns and fewer rows than columns give finite directions.
func TestDegenerateRows(t *testing.T) {
	for name, change := range map[string]func(m *matrix.Dense){
		"all equal":  func(m *matrix.Dense) { fill(m, func(_, _ int, _ float32) float32 { return 2 }) },
		"zeros":      func(m *matrix.Dense) { clear(m.X) },
		"a zero row": func(m *matrix.Dense) { clear(m.Row(3)) },
		"duplicates": func(m *matrix.Dense) { fill(m, func(i, e int, _ float32) float32 { return float32((i%2)*(e+1) - 3) }) },
		"a constant": func(m *matrix.Dense) {
			fill(m, func(_, e int, x float32) float32 { return map[bool]float32{true: 5, false: x}[e == 2] })
		},
		"tiny":         func(m *matrix.Dense) { fill(m, func(_, _ int, x float32) float32 { return 1e-20 * x }) },
		"large":        func(m *matrix.Dense) { fill(m, func(_, _ int, x float32) float32 { return 1e15 * x }) },
		"more columns": func(*matrix.Dense) {},
	} {
		t.Run(name, func(t *testing.T) {
			m := densetest.Clouds(1, 9, 20, 3, 1)
			change(m)
			u, err := Unit(context.Background(), m, 1)
			if err != nil {
				t.Fatal(err)
			}
			g := graph(t, u, 5)
			q, err := Whiten(context.Background(), u, g, 0.1, 1)
			if err != nil {
				t.Fatal(err)
			}
			v, err := Diffuse(context.Background(), q, g, 2, 1)
			if err != nil {
				t.Fatal(err)
			}
			own, err := WhitenWithin(context.Background(), u, everyNth(u.Len(), 3), 0.1, 1)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range slices.Concat(v.X, own.X) {
				if x-x != 0 {
					t.Fatalf("number %d is %v", i, x)
				}
			}
		})
	}
}

// everyNth assigns every n-th row to the same cluster.
func everyNth(rows, n int) []int32 {
	cluster := make([]int32, rows)
	for i := range cluster {
		cluster[i] = int32(i % n)
	}
	return cluster
}

// The covariance within clusters is that of its definition, also if a cluster has no rows and others have one.
func TestCovarianceWithinClusters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, d, k := rapid.IntRange(1, 1500).Draw(t, "rows"), rapid.IntRange(1, 6).Draw(t, "columns"), rapid.IntRange(1, 40).Draw(t, "clusters")
		u := densetest.Clouds(rapid.Uint64().Draw(t, "seed"), n, d, 3, 1)
		cluster := rapid.SliceOfN(rapid.Int32Range(0, int32(k-1)), n, n).Draw(t, "cluster")
		got, err := within(context.Background(), u, cluster, 2)
		if err != nil {
			t.Fatal(err)
		}
		rows, mean, want := make([]float64, k), make([]float64, k*d), make([]float64, d*d)
		for i, c := range cluster {
			rows[c]++
			for e, x := range u.Row(i) {
				mean[int(c)*d+e] += float64(x)
			}
		}
		for i, c := range cluster {
			for e, x := range u.Row(i) {
				for f, y := range u.Row(i) {
					want[e*d+f] += (float64(x) - mean[int(c)*d+e]/rows[c]) * (float64(y) - mean[int(c)*d+f]/rows[c]) / float64(n)
				}
			}
		}
		for e := range want {
			if math.Abs(got[e]-want[e]) > 1e-4*(1+math.Abs(want[e])) {
				t.Fatalf("entry %d is %v, want %v", e, got[e], want[e])
			}
		}
	})
}

func fill(m *matrix.Dense, f func(i, e int, x float32) float32) {
	for at, x := range m.X {
		m.X[at] = f(at/m.Width, at%m.Width, x)
	}
}

func TestDiffusionByHand(t *testing.T) {
	v := &matrix.Dense{Width: 2, X: []float32{1, 0, 0, 1, -1, 0}}
	g := &knn.Graph{N: 3, K: 1, Neighbours: []int32{1, 0, 1}}
	got, err := Diffuse(context.Background(), v, g, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	h := float32(math.Sqrt(0.5))
	for i, want := range []float32{h, h, h, h, -h, h} {
		if math.Abs(float64(got.X[i]-want)) > 1e-6 {
			t.Errorf("number %d is %v, want %v", i, got.X[i], want)
		}
	}
	if _, err := Diffuse(context.Background(), v, &knn.Graph{N: 2}, 1, 1); err == nil {
		t.Error("a graph of other rows is accepted")
	}
	if _, err := Whiten(context.Background(), v, &knn.Graph{N: 2}, 1, 1); err == nil {
		t.Error("a graph of other rows is accepted")
	}
	if _, err := WhitenWithin(context.Background(), v, []int32{0, 1}, 1, 1); err == nil {
		t.Error("clusters of other rows are accepted")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := WhitenWithin(ctx, v, []int32{0, 1, 0}, 0.1, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := Whiten(ctx, v, g, 0.1, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
