package represent

import (
	"context"
	"math"

	"iconic/head/icon"
	"iconic/head/kmeans"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/partition"
	"iconic/head/setting"
	"iconic/head/train"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// KMeans is k-means, or, if soft is set, its probabilistic form.
type KMeans struct {
	method.Scaling
	soft bool
}

func newKMeans(soft bool) func(int) method.Recipe {
	return func(int) method.Recipe { return &KMeans{method.Scaling{Standardize: true}, soft} }
}

// Settings implements method.Recipe.
func (m *KMeans) Settings() setting.List { return m.Scaling.Settings() }

// Resolve implements method.Recipe.
func (m *KMeans) Resolve(int) ([]string, error) { return nil, nil }

// Learn implements method.Recipe. With C_ij = 1/n_c for pairs in one cluster, and a Gaussian q over the features,
//
//	KL(C‖q) + H(C) = Σ_j C_ij ‖x_i−x_j‖²/2σ² + ln Z_i,   and   Σ_i Σ_j C_ij ‖x_i−x_j‖² = 2 Σ_i ‖x_i − μ_c(i)‖²:
//
// Z does not depend on C, so minimising over assignments means minimising Lloyd's objective, as Lloyd's steps do.
func (m *KMeans) Learn(ctx context.Context, d *method.Data) (*method.Outcome, error) {
	km, err := kmeans.Cluster(ctx, d.Features, kmeans.Options{Clusters: d.Clusters, Starts: 3, Seed: d.Seed, Workers: d.Workers})
	if err != nil {
		return nil, err
	}
	moments, err := matrix.Measure(ctx, d.Features, d.Workers)
	if err != nil {
		return nil, err
	}
	// The posterior is the difference of squares, which float32 would lose in a common offset.
	centre, data := matrix.Centre(d.Features, moments), *d
	data.Features = centre
	for e := range km.Centroids {
		km.Centroids[e] -= centre.Mean[e%km.Dim]
	}
	variance := max(km.Inertia/float64(len(km.Assignment)), leastVariance*moments.Total()) / float64(km.Dim)
	out := &method.Outcome{Head: centroids(km, variance), Loss: km.Inertia / float64(len(km.Assignment))}
	out.Distributions = func(context.Context) (*method.Distributions, error) {
		return overFeatures(&data, icon.Labels(partition.Classes(km.Assignment)), variance, "p excludes the point itself, which C counts as a member of its cluster")
	}
	if m.soft {
		if out, err = soft(ctx, &data, km, variance); err != nil {
			return nil, err
		}
	}
	return out, out.Calibrate(ctx, d, out.Head.Fold(centre))
}

// overFeatures returns p with the Gaussian over the features that k-means compares it with.
func overFeatures(d *method.Data, p *icon.Rows, variance float64, note string) (*method.Distributions, error) {
	n, dim := d.Features.Len(), d.Features.Dim()
	x := make([]float32, n*dim)
	err := d.Features.Block(x, 0, n)
	return &method.Distributions{
		Supervisory: p, Learned: icon.Gaussian{Sigma: math.Sqrt(variance)}, Z: x, Dim: dim, Candidates: method.RowCandidates, Note: note,
	}, err
}

// memberships is p_ij ∝ Σ_c φ_ic φ_jc / Σ_k φ_kc over all other points: the point's own cluster, softly.
func memberships(ctx context.Context, d *method.Data, l *linear.Head) (*icon.Rows, error) {
	z, err := l.AllLogits(ctx, d.Features, d.Workers)
	if err != nil {
		return nil, err
	}
	n := d.Features.Len()
	row := make([]float64, n)
	p := icon.Build(n, func(i int, add func(int, float64)) {
		if e := icon.Conditional(row, icon.Cluster{}, z, n, l.Clusters, i); e != nil && err == nil {
			err = e
		}
		for j, v := range row {
			if j != i {
				add(j, v)
			}
		}
	})
	return p, err
}

// leastVariance is the least share of the total variance that remains around centroids, about what float32 can tell from none: if all images
// coincide with their centroids, assignments are then hard, and numbers finite.
const leastVariance = 1e-12

// centroids returns the linear head whose softmax is the posterior of equal spherical Gaussians with the given variance around centroids.
func centroids(km *kmeans.Result, variance float64) *linear.Head {
	l := &linear.Head{Clusters: km.Clusters, Dim: km.Dim, Weight: make([]float32, len(km.Centroids)), Bias: make([]float32, km.Clusters)}
	inverse := 1 / variance
	for c := range km.Clusters {
		half := 0.0
		for e, v := range km.Centroids[c*km.Dim : (c+1)*km.Dim] {
			l.Weight[c*km.Dim+e] = float32(float64(v) * inverse)
			half += float64(v) * float64(v) / 2
		}
		l.Bias[c] = float32(-half * inverse)
	}
	return l
}

// soft includes the entropy of the assignments in the objective: Σ_i Σ_c φ_ic (‖x_i−μ_c‖²/2σ² + ln φ_ic). Its minimum has φ as the
// posterior of equal spherical Gaussians, and μ as their means; the two are updated in turn, starting from the result of k-means. σ² is
// that of k-means.
func soft(ctx context.Context, data *method.Data, km *kmeans.Result, variance float64) (*method.Outcome, error) {
	found := &method.Outcome{}
	n, d, k := data.Features.Len(), km.Dim, km.Clusters
	for round := range softRounds {
		found.Head = centroids(km, variance)
		sums, mass, energy, err := responsibilities(ctx, data, found.Head, variance)
		if err != nil {
			return nil, err
		}
		for c := range k {
			if mass[c] < 1e-6 {
				continue // an empty cluster keeps its mean
			}
			for e := range d {
				km.Centroids[c*d+e] = float32(sums[c*d+e] / mass[c])
			}
		}
		last := found.Loss
		found.Loss = energy / float64(n)
		if err := data.Run.Record(train.Epoch{Epoch: round + 1, Step: round + 1, Loss: found.Loss}); err != nil {
			return nil, err
		}
		if round > 0 && last-found.Loss < 1e-6*(1+max(last, -last)) {
			break
		}
	}
	own := found.Head // of these features; the caller's may be folded
	found.Distributions = func(ctx context.Context) (*method.Distributions, error) {
		p, err := memberships(ctx, data, own)
		if err != nil {
			return nil, err
		}
		return overFeatures(data, p, variance, "p excludes the point itself, which the assignments count as a member of its cluster")
	}
	return found, nil
}

const softRounds = 100

// responsibilities sums features by their posteriors, and the free energy, over all rows. Sums are taken block by block, in order.
func responsibilities(ctx context.Context, data *method.Data, l *linear.Head, variance float64) (sums, mass []float64, energy float64, err error) {
	const rows = 1024
	n, d, k := data.Features.Len(), l.Dim, l.Clusters
	type part struct {
		sums, mass []float64
		energy     float64
	}
	parts := make([]part, parallel.Count(n, max(rows, (n+15)/16)))
	err = parallel.Blocks(ctx, data.Workers, n, max(rows, (n+15)/16), func(b, lo, hi int) error {
		own := part{sums: make([]float64, k*d), mass: make([]float64, k)}
		x, p := make([]float32, rows*d), make([]float32, rows*k)
		for ; lo < hi; lo += rows {
			end := min(hi, lo+rows)
			if err := data.Features.Block(x[:(end-lo)*d], lo, end); err != nil {
				return err
			}
			own.energy += freeEnergy(l, x, p, end-lo, variance)
			for i := range end - lo {
				for c, v := range p[i*k : (i+1)*k] {
					if v < 1e-12 {
						continue
					}
					own.mass[c] += float64(v)
					to := own.sums[c*d : (c+1)*d]
					for e, f := range x[i*d : (i+1)*d] {
						to[e] += float64(v) * float64(f)
					}
				}
			}
		}
		parts[b] = own
		return nil
	})
	if err != nil {
		return nil, nil, 0, err
	}
	sums, mass = make([]float64, k*d), make([]float64, k)
	for _, p := range parts {
		energy += p.energy
		for i, v := range p.sums {
			sums[i] += v
		}
		for c, v := range p.mass {
			mass[c] += v
		}
	}
	return sums, mass, energy, nil
}

// freeEnergy writes the posteriors of n rows into p and returns −Σ_i ln Σ_c exp(−‖x_i−μ_c‖²/2σ²).
func freeEnergy(l *linear.Head, x, p []float32, n int, variance float64) float64 {
	total := 0.0
	l.Block(p, x, n)
	for i := range n {
		row := p[i*l.Clusters : (i+1)*l.Clusters]
		total += float64(kernel.SquaredNorm(x[i*l.Dim:(i+1)*l.Dim]))/(2*variance) - kernel.LogSumExp(row)
		kernel.Softmax(row, row)
	}
	return total
}
