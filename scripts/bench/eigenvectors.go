package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"

	"gonum.org/v1/gonum/mat"

	"iconic/head/clustering"
	"iconic/head/kmeans"
	"iconic/head/knn"
	"iconic/head/spectral"
	"iconic/internal/assignment"
	"iconic/internal/kernel"
	"iconic/matrix"
)

// eigenvectors computes the eigenvectors of the graph that the method spectral builds from rows of cifar100-test, with package spectral at increasing precision and
// with a dense solver in float64. It reports the sum of their eigenvalues, their residual, and the accuracies of k-means on them.
func eigenvectors(ctx context.Context, o options) (string, error) {
	d, err := draw(filepath.Join(o.shared, "features"), "cifar100-test", nil)
	if err != nil {
		return "", err
	}
	const n = 2500 // as in scripts/numbers
	m, labels, err := graphOf(ctx, d, n, o.workers)
	if err != nil {
		return "", err
	}
	leading := func(residual float64) func() (*spectral.Eigen, error) {
		return func() (*spectral.Eigen, error) {
			return spectral.Leading(ctx, m, spectral.Options{Count: d.classes, Residual: residual, Workers: o.workers})
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%d rows, %d eigenvectors; accuracy of k-means (best of three starts) by seeds 0, 1 and 2, and mean and deviation of seeds 0 to 19.\n\n", n, d.classes)
	text.WriteString("| solver | Σλ | ‖Mv − λv‖, largest | processor time | seed 0 | seed 1 | seed 2 | mean | deviation |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, s := range []struct {
		name  string
		solve func() (*spectral.Eigen, error)
	}{
		{"package spectral, as a start", leading(0)},
		{"residual 1e-3", leading(1e-3)},
		{"residual 1e-5, as in the method", leading(1e-5)},
		{"dense, float64", func() (*spectral.Eigen, error) { return dense(m, d.classes) }},
	} {
		var e *spectral.Eigen
		took, err := processorTime(func() (err error) {
			e, err = s.solve()
			return err
		})
		if err != nil {
			return "", err
		}
		accuracies, err := clusterings(ctx, e.Vectors, labels, o.workers)
		if err != nil {
			return "", err
		}
		sum, furthest := residualOf(m, e)
		mean, deviation := moments(accuracies)
		line := fmt.Sprintf("| %s | %.6f | %.1e | %.2f s | %.4f | %.4f | %.4f | %.4f | %.4f |\n", s.name, sum, furthest, took.Seconds(), accuracies[0], accuracies[1], accuracies[2], mean, deviation)
		fmt.Fprint(os.Stderr, line)
		text.WriteString(line)
	}
	return text.String(), nil
}

// graphOf returns the normalised graph of n rows, evenly spaced, and their labels.
func graphOf(ctx context.Context, d *drawn, n, workers int) (*matrix.Sparse, []int, error) {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i * d.x.Len() / n)
	}
	x, labels := matrix.NewDense(n, d.x.Width), make([]int, n)
	if err := d.x.Gather(x.X, rows); err != nil {
		return nil, nil, err
	}
	for e, i := range rows {
		labels[e] = d.labels[i]
	}
	scale, err := matrix.Measure(ctx, x, workers)
	if err != nil {
		return nil, nil, err
	}
	g, err := knn.Exact(ctx, matrix.Standardize(x, scale), knn.Options{K: 10, Metric: knn.Cosine, Workers: workers})
	if err != nil {
		return nil, nil, err
	}
	return spectral.Normalised(g, clustering.Weights(g)), labels, nil
}

// dense computes eigenvectors with gonum's float64 solver.
func dense(m *matrix.Sparse, count int) (*spectral.Eigen, error) {
	n := m.Len()
	whole := mat.NewSymDense(n, nil)
	for i := range n {
		column, weight := m.Row(i)
		for e, j := range column {
			whole.SetSym(i, int(j), float64(weight[e]))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(whole, true) {
		return nil, errors.New("the dense solver finds no eigenvalues")
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	found, rising := &spectral.Eigen{Vectors: matrix.NewDense(n, count)}, eigen.Values(nil)
	for c := range count {
		found.Values = append(found.Values, rising[n-1-c])
		for i := range n {
			found.Vectors.Row(i)[c] = float32(vectors.At(i, n-1-c))
		}
	}
	return found, nil
}

// residualOf returns the sum of the eigenvalues and the largest ‖Mv − λv‖, in float64.
func residualOf(m *matrix.Sparse, found *spectral.Eigen) (sum, furthest float64) {
	for c, value := range found.Values {
		sum += value
		square := 0.0
		for i := range m.Len() {
			off := -value * float64(found.Vectors.Row(i)[c])
			column, weight := m.Row(i)
			for e, j := range column {
				off += float64(weight[e]) * float64(found.Vectors.Row(int(j))[c])
			}
			square += off * off
		}
		furthest = max(furthest, math.Sqrt(square))
	}
	return sum, furthest
}

// clusterings returns the accuracies of k-means on the vectors, with rows scaled to length 1, by seed.
func clusterings(ctx context.Context, vectors *matrix.Dense, labels []int, workers int) ([]float64, error) {
	const seeds = 20
	rows := &matrix.Dense{Width: vectors.Width, X: append([]float32(nil), vectors.X...)}
	kernel.NormalizeRows(rows.X, rows.Width)
	k := rows.Width
	var list []float64
	for seed := range uint64(seeds) {
		found, err := kmeans.Cluster(ctx, rows, kmeans.Options{Clusters: k, Starts: 3, Seed: seed, Workers: workers})
		if err != nil {
			return nil, err
		}
		cost := make([]float64, k*k)
		for i, c := range found.Assignment {
			cost[int(c)*k+labels[i]]--
		}
		class, err := assignment.Solve(cost, k, k)
		if err != nil {
			return nil, err
		}
		right := 0.0
		for c, l := range class {
			right -= cost[c*k+l]
		}
		list = append(list, right/float64(len(labels)))
	}
	return list, nil
}

// moments returns the mean and the standard deviation.
func moments(x []float64) (mean, deviation float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		deviation += (v - mean) * (v - mean) / float64(len(x))
	}
	return mean, math.Sqrt(deviation)
}
