package head

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/spectral"
	"iconic/head/tsne"
	"iconic/internal/densetest"
)

// Whatever is documented to need memory in proportion to the number of rows does: with four times as many rows it allocates about four
// times as many bytes, including freed ones, while a matrix of all pairs needs sixteen times as many.
func TestMemoryGrowsWithTheRows(t *testing.T) {
	const n, near = 600, 15
	ctx := context.Background()
	graph := func(n int) *knn.Graph {
		g, err := knn.Exact(ctx, densetest.Clouds(3, n, 8, 6, 1), knn.Options{K: near, Metric: knn.Euclidean, Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	edges := func(make func(g *knn.Graph) (*icon.Rows, error)) func(n int) func() error {
		return func(n int) func() error {
			g := graph(n)
			return func() error {
				_, err := make(g)
				return err
			}
		}
	}
	for _, c := range []struct {
		name        string
		least, most float64 // growth in bytes, least and most
		prepare     func(n int) func() error
	}{
		{"t-SNE with its neighbours and divergence", 3, 5, func(n int) func() error {
			m := densetest.Clouds(3, n, 8, 6, 1)
			return func() error {
				_, _, err := tsne.Layout(ctx, m, tsne.Options{Perplexity: near / 3, Iterations: 3, Metric: knn.Euclidean, Workers: 1})
				return err
			}
		}},
		{"eigenvectors of a graph", 3, 5, func(n int) func() error {
			g := graph(n)
			return func() error {
				_, err := spectral.Leading(ctx, spectral.Normalised(g, g.Distances), spectral.Options{Count: 6, Workers: 1})
				return err
			}
		}},
		{"Gaussian edges", 3, 5, edges(func(g *knn.Graph) (*icon.Rows, error) { return icon.GaussianEdges(g, near/3) })},
		{"Student's t edges", 3, 5, edges(func(g *knn.Graph) (*icon.Rows, error) { return icon.StudentTEdges(g, 1) })},
		{"Gaussian neighbours, which store all pairs", 14, 18, func(n int) func() error {
			m := densetest.Clouds(3, n/4, 8, 6, 1)
			return func() error {
				_, err := icon.GaussianNeighbours(m.X, m.Len(), m.Width, icon.Width{Sigma: 1})
				return err
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			few, many := allocated(t, c.prepare(n)), allocated(t, c.prepare(4*n))
			if times := float64(many) / float64(few); times < c.least || times > c.most {
				t.Errorf("%d bytes for %d rows and %d for %d: %.1f times as many, want %g to %g", few, n, many, 4*n, times, c.least, c.most)
			}
		})
	}
}

// allocated is the number of bytes that f allocates in total, including freed ones.
func allocated(t *testing.T, f func() error) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := f()
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	return after.TotalAlloc - before.TotalAlloc
}

// Functions that store all pairs refuse more points than there is memory for, before they allocate any.
func TestAllPairsOfTooManyPointsAreRefused(t *testing.T) {
	const n = 20_001
	x := make([]float32, n)
	for name, find := range map[string]func() (*icon.Rows, error){
		"Gaussian":    func() (*icon.Rows, error) { return icon.GaussianNeighbours(x, n, 1, icon.Width{Sigma: 1}) },
		"Student's t": func() (*icon.Rows, error) { return icon.StudentTNeighbours(x, n, 1, 1) },
		"cosine":      func() (*icon.Rows, error) { return icon.CosineNeighbours(x, n, 1, 1) },
	} {
		if _, err := find(); err == nil || !strings.Contains(err.Error(), "20001 points") {
			t.Errorf("%s: %v", name, err)
		}
	}
	c, err := Preset("sne", 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(5001); err == nil || !strings.Contains(err.Error(), "5001 images") {
		t.Errorf("a map of all pairs: %v", err)
	}
}
