package head

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/optim"
	"iconic/head/perplexity"
	"iconic/head/tsne"
	"iconic/internal/parallel"
	"iconic/internal/sparse"
)

// mostWhole is the number of points up to which all pairs are compared in every step.
const mostWhole = 5000

// wholeSet makes the supervisory distribution of all points.
type wholeSet func(ctx context.Context, t *training) (*sparse.Rows, error)

// freely places points as an embedding table, all of them in every step.
func freely(p wholeSet, q func() icon.Learned) func(context.Context, *training) (*learned, error) {
	return func(ctx context.Context, t *training) (*learned, error) {
		n := t.features.Len()
		if n > mostWhole {
			return nil, fmt.Errorf("%d images, and every step compares all pairs: want at most %d; tsne takes more", n, mostWhole)
		}
		supervisory, err := p(ctx, t)
		if err != nil {
			return nil, err
		}
		r := rand.New(rand.NewPCG(t.config.Seed, 0x6d6170))
		method := icon.ICon[float32]{
			Supervisory: supervisory, Learned: q(), Alpha: t.config.Alpha, Beta: t.config.Beta, Workers: t.options.Workers,
			Mapper: icon.NewEmbedding[float32](n, t.config.Dimensions, 1e-2, r),
			Told: func(step int, loss float64) {
				if t.options.Progress != nil {
					t.options.Progress(step, t.config.Epochs, loss)
				}
			},
		}
		z, losses, err := method.Fit(ctx, nil, n, t.config.Epochs, t.config.LearningRate, optim.Schedule{Kind: "cosine"})
		if err != nil {
			return nil, err
		}
		found := &learned{z: z, dimensions: t.config.Dimensions, loss: losses[len(losses)-1]}
		for step, loss := range losses {
			found.history = append(found.history, Epoch{Epoch: step + 1, Step: step + 1, Loss: loss, LearningRate: t.config.LearningRate})
		}
		return found, nil
	}
}

// mapGaussian is exp(−d²), SNE's kernel on the map; mapStudent t-SNE's.
func mapGaussian() icon.Learned { return icon.Gaussian{Sigma: math.Sqrt(0.5)} }
func mapStudent() icon.Learned  { return icon.StudentT{Freedom: 1} }

// near is the graph over whose edges a distribution over the features is taken: thrice the perplexity, as t-SNE implementations do.
func near(ctx context.Context, t *training) (*knn.Graph, error) {
	k := min(t.features.Len()-1, int(3*t.config.Perplexity))
	return t.config.Search.Find(ctx, t.features, knn.Options{K: k, Metric: knn.Euclidean, Workers: t.options.Workers})
}

// overEdges turns distances along a graph's edges into weights that sum to 1.
func overEdges(g *knn.Graph, weigh func(p, squared []float64) error) (*sparse.Rows, error) {
	edges := make([]icon.Edge, 0, len(g.Neighbours))
	p, squared := make([]float64, g.K), make([]float64, g.K)
	for i := range g.N {
		for e := range squared {
			d := float64(g.Distances[i*g.K+e])
			squared[e] = d * d
		}
		if err := weigh(p, squared); err != nil {
			return nil, fmt.Errorf("image %d: %w", i, err)
		}
		for e, j := range g.Row(i) {
			edges = append(edges, icon.Edge{From: i, To: int(j), Weight: max(p[e], 1e-30)})
		}
	}
	return icon.Graph(g.N, edges)
}

// gaussianOver is SNE's p: Gaussians of the wanted perplexity.
func gaussianOver(ctx context.Context, t *training) (*sparse.Rows, error) {
	g, err := near(ctx, t)
	if err != nil {
		return nil, err
	}
	return overEdges(g, func(p, squared []float64) error {
		_, err := perplexity.Calibrate(p, squared, t.config.Perplexity)
		return err
	})
}

// studentOver is p ∝ (1 + d²/νs)^(−(ν+1)/2), s the mean squared distance to a neighbour: features have a scale of their own.
func studentOver(ctx context.Context, t *training) (*sparse.Rows, error) {
	g, err := near(ctx, t)
	if err != nil {
		return nil, err
	}
	scale := 0.0
	for _, d := range g.Distances {
		scale += float64(d) * float64(d) / float64(len(g.Distances))
	}
	nu := t.config.Freedom
	return overEdges(g, func(p, squared []float64) error {
		for e, s := range squared {
			p[e] = math.Pow(1+s/(nu*max(scale, 1e-30)), -(nu+1)/2)
		}
		return nil
	})
}

// uniformOver is the neighbour graph itself.
func uniformOver(_ context.Context, t *training) (*sparse.Rows, error) { return icon.KNN(t.graph), nil }

// edgesOver is a graph of the user's; a point without edges has the uniform part alone.
func edgesOver(_ context.Context, t *training) (*sparse.Rows, error) {
	return icon.Graph(t.features.Len(), t.options.Edges)
}

// learnTSNE is t-SNE by Barnes and Hut's approximation, which takes any number of points.
func learnTSNE(ctx context.Context, t *training) (*learned, error) {
	z, kl, err := tsne.Layout(ctx, t.features, tsne.Options{
		Perplexity: t.config.Perplexity, Iterations: max(250, t.config.Epochs), Metric: knn.Euclidean, Workers: t.options.Workers,
		Progress: func(done, total int) {
			if t.options.Progress != nil {
				t.options.Progress(done, total, math.NaN())
			}
		},
	})
	if err != nil {
		return nil, err
	}
	return &learned{z: z, dimensions: 2, loss: kl, history: []Epoch{{Epoch: 1, Step: t.config.Epochs, Loss: kl}}}, nil
}

// learnPCA finds the orthogonal projection that the limit σ → ∞ asks for. With p the identity and z = Wx, the loss of that limit is less
// only by −1/(n−1) Σ_j ‖z_i−z_j‖², minus twice the variance kept, trace(W C Wᵀ), whose gradient is −2WC: steps of any length along it,
// followed by making W orthogonal again, go to the principal subspace (orthogonal iteration).
func learnPCA(ctx context.Context, t *training) (*learned, error) {
	n, d := t.features.Len(), t.features.Dim()
	k := min(t.config.Dimensions, d)
	mean, c, err := covariance(ctx, t.features, t.options.Workers)
	if err != nil {
		return nil, err
	}
	w, kept, err := topSubspace(ctx, d, k, t.config.Seed, func(dst, v []float64) {
		for e := range d {
			row := dst[e*k : (e+1)*k]
			clear(row)
			for g, s := range c[e*d : (e+1)*d] {
				for a := range row {
					row[a] += s * v[g*k+a]
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	z := make([]float32, n*k)
	err = parallel.Blocks(ctx, t.options.Workers, n, 1024, func(_, lo, hi int) error {
		x := make([]float32, (hi-lo)*d)
		if err := t.features.Block(x, lo, hi); err != nil {
			return err
		}
		sum := make([]float64, k)
		for i := lo; i < hi; i++ {
			clear(sum)
			for e, v := range x[(i-lo)*d : (i-lo+1)*d] {
				centred := float64(v) - mean[e]
				for a, s := range w[e*k : (e+1)*k] {
					sum[a] += s * centred
				}
			}
			for a, s := range sum {
				z[i*k+a] = float32(s)
			}
		}
		return nil
	})
	return &learned{z: z, dimensions: k, loss: -2 * kept}, err
}

// covariance of features, by blocks in order.
func covariance(ctx context.Context, f Features, workers int) (mean, c []float64, err error) {
	n, d := f.Len(), f.Dim()
	mean, _, err = moments(ctx, f, workers)
	if err != nil {
		return nil, nil, err
	}
	block := max(1024, (n+15)/16)
	parts := make([][]float64, parallel.Count(n, block))
	err = parallel.Blocks(ctx, workers, n, block, func(b, lo, hi int) error {
		parts[b] = make([]float64, d*d)
		x, centred := make([]float32, d), make([]float64, d)
		for i := lo; i < hi; i++ {
			if err := f.Block(x, i, i+1); err != nil {
				return err
			}
			for e, v := range x {
				centred[e] = float64(v) - mean[e]
			}
			for e, v := range centred {
				row := parts[b][e*d : (e+1)*d]
				for g, u := range centred[:e+1] {
					row[g] += v * u
				}
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, nil, err
	}
	c = make([]float64, d*d)
	for _, p := range parts {
		for e := range d {
			for g := range e + 1 {
				c[e*d+g] += p[e*d+g] / float64(n)
			}
		}
	}
	for e := range d {
		for g := range e {
			c[g*d+e] = c[e*d+g]
		}
	}
	return mean, c, nil
}

// topSubspace finds the subspace (n×k, orthonormal columns) on which a symmetric, positive semidefinite matrix is largest, and the trace
// kept there, by orthogonal iteration. multiply writes the product with v into dst.
func topSubspace(ctx context.Context, n, k int, seed uint64, multiply func(dst, v []float64)) (v []float64, kept float64, err error) {
	const most, enough = 1000, 1e-10
	r := rand.New(rand.NewPCG(seed, 0x73706163))
	v, next := make([]float64, n*k), make([]float64, n*k)
	for i := range v {
		v[i] = r.NormFloat64()
	}
	orthonormalize(v, n, k)
	for range most {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		multiply(next, v)
		trace := 0.0
		for i, x := range next {
			trace += x * v[i]
		}
		orthonormalize(next, n, k)
		v, next = next, v
		done := trace-kept <= enough*math.Abs(trace)
		kept = trace
		if done {
			break
		}
	}
	return v, kept, nil
}

// orthonormalize makes the columns of v (n×k) orthonormal, twice by Gram and Schmidt; a column that depends on those before it is 0.
func orthonormalize(v []float64, n, k int) {
	for range 2 {
		for a := range k {
			for b := range a {
				s := 0.0
				for i := range n {
					s += v[i*k+a] * v[i*k+b]
				}
				for i := range n {
					v[i*k+a] -= s * v[i*k+b]
				}
			}
			s := 0.0
			for i := range n {
				s += v[i*k+a] * v[i*k+a]
			}
			if s = math.Sqrt(s); s > 1e-150 {
				for i := range n {
					v[i*k+a] /= s
				}
			}
		}
	}
}

// learnSpectral takes the leading eigenvectors of the normalised neighbour graph, D^−½ A D^−½ with A_ij = (w_ij + w_ji)/2, one for each cluster,
// rows scaled to length 1 (Ng, Jordan and Weiss 2001). Half the identity is added, so that the largest eigenvalues are the largest in size.
func learnSpectral(ctx context.Context, t *training) (*learned, error) {
	n, k := t.graph.N, t.config.Clusters
	w := weighted(t.graph)
	degree := make([]float64, n)
	for i := range n {
		for e, j := range t.graph.Row(i) {
			degree[i] += float64(w[i*t.graph.K+e]) / 2
			degree[j] += float64(w[i*t.graph.K+e]) / 2
		}
	}
	v, kept, err := topSubspace(ctx, n, k, t.config.Seed, func(dst, v []float64) {
		for i, x := range v {
			dst[i] = x / 2
		}
		for i := range n {
			for e, j := range t.graph.Row(i) {
				a := float64(w[i*t.graph.K+e]) / 4 / math.Sqrt(max(degree[i]*degree[j], 1e-300))
				for c := range k {
					dst[i*k+c] += a * v[int(j)*k+c]
					dst[int(j)*k+c] += a * v[i*k+c]
				}
			}
		}
	})
	if err != nil {
		return nil, err
	}
	z := make([]float32, n*k)
	for i := range n {
		s := 0.0
		for _, x := range v[i*k : (i+1)*k] {
			s += x * x
		}
		for c, x := range v[i*k : (i+1)*k] {
			z[i*k+c] = float32(x / math.Sqrt(max(s, 1e-300)))
		}
	}
	return &learned{z: z, dimensions: k, loss: -kept}, nil
}
