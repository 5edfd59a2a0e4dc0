package head

import (
	"context"
	"fmt"
	"math/rand/v2"

	"iconic/head/icon"
	"iconic/head/kmeans"
	"iconic/head/optim"
	"iconic/internal/dense"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// learned is what a method of its own finds.
type learned struct {
	z          []float32 // n×dimensions; nil where clusters were found at once
	dimensions int
	head       *Linear // nil: to be learned from the clusters
	cluster    []int   // of every row; nil: k-means on z
	loss       float64
	history    []Epoch
}

// learnOtherwise trains a method that has its own way: a representation, k-means on it, and a linear head that learns to tell its
// clusters, so that every method ends in the same kind of head, which sorts new images, too.
func (t *training) learnOtherwise(ctx context.Context, m Method) (*Result, error) {
	found, err := m.learn(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("method %s: %w", m.Name, err)
	}
	if found.cluster == nil && found.head == nil {
		km, err := kmeans.Cluster(ctx, &dense.Rows{Width: found.dimensions, X: found.z}, kmeans.Options{
			Clusters: t.config.Clusters, Starts: 3, Seed: t.config.Seed, Workers: t.options.Workers,
		})
		if err != nil {
			return nil, fmt.Errorf("method %s: clusters of its representation: %w", m.Name, err)
		}
		for _, c := range km.Assignment {
			found.cluster = append(found.cluster, int(c))
		}
	}
	if found.head == nil {
		if found.head, _, err = t.regress(ctx, found.cluster, regressionEpochs, nil); err != nil {
			return nil, err
		}
	}
	r := &Result{
		Head: found.head, Config: t.config, Loss: found.loss, History: found.history, Graph: t.graph,
		Representation: found.z, Dimensions: found.dimensions,
	}
	if t.scaled != nil {
		r.Head = t.scaled.fold(r.Head)
	}
	return r, nil
}

// The head that learns clusters sees every image that often, so many at once.
const regressionEpochs, regressionBatch = 30, 1024

// regress learns to tell classes by softmax regression: the dot product of features, with a one for the bias, and a prototype a class
// (I-Con table 1), by Adam. told, unless nil, hears of every epoch.
func (t *training) regress(ctx context.Context, classes []int, epochs int, told func(epoch int, loss float64) error) (*Linear, float64, error) {
	n, d, k := t.features.Len(), t.features.Dim(), t.config.Clusters
	batch := min(n, regressionBatch)
	w := make([]float32, k*(d+1))
	dw, x, dx := make([]float32, k*(d+1)), make([]float32, batch*(d+1)), make([]float32, batch*(d+1))
	rows, plain, own := make([]int32, batch), make([]float32, batch*d), make([]int, batch)
	loss := icon.Loss[float32]{Learned: icon.Dot{}, Workers: t.options.Workers}
	var adam optim.Adam[float32]
	schedule := optim.Schedule{Kind: "cosine"}
	steps, last := n/batch, 0.0
	for epoch := range epochs {
		order := rand.New(rand.NewPCG(t.config.Seed, 0x72656772<<16|uint64(epoch))).Perm(n)
		last = 0
		for step := range steps {
			for e := range rows {
				rows[e] = int32(order[step*batch+e])
				own[e] = classes[rows[e]]
			}
			if err := t.features.Gather(plain, rows); err != nil {
				return nil, 0, err
			}
			for e := range rows {
				copy(x[e*(d+1):], plain[e*d:(e+1)*d])
				x[e*(d+1)+d] = 1
			}
			p, err := icon.Prototypes(own, k)
			if err != nil {
				return nil, 0, err
			}
			value, err := loss.GradientBetween(ctx, dx, dw, x, w, batch, k, d+1, p)
			if err != nil {
				return nil, 0, err
			}
			last += value / float64(steps)
			adam.Step([][]float32{w}, [][]float32{dw}, 1e-2*schedule.At(epoch*steps+step, epochs*steps))
		}
		if told != nil {
			if err := told(epoch, last); err != nil {
				return nil, 0, err
			}
		}
	}
	l := &Linear{Clusters: k, Dim: d, Weight: make([]float32, k*d), Bias: make([]float32, k)}
	for c := range k {
		copy(l.Weight[c*d:(c+1)*d], w[c*(d+1):])
		l.Bias[c] = w[c*(d+1)+d]
	}
	return l, last, nil
}

// learnClasses is the cross-entropy preset.
func learnClasses(ctx context.Context, t *training) (*learned, error) {
	found := &learned{}
	var err error
	found.head, found.loss, err = t.regress(ctx, t.options.Labels, t.config.Epochs, func(epoch int, loss float64) error {
		found.history = append(found.history, t.told(epoch, loss, 1e-2))
		return ctx.Err()
	})
	return found, err
}

// told makes an epoch's line of history and shows it.
func (t *training) told(epoch int, loss, rate float64) Epoch {
	if t.options.Progress != nil {
		t.options.Progress(epoch+1, t.config.Epochs, loss)
	}
	return Epoch{Epoch: epoch + 1, Step: epoch + 1, Loss: loss, LearningRate: rate}
}

// learnKMeans is k-means. With C_ij = 1/n_c for pairs of one cluster, and a Gaussian q over the features,
//
//	KL(C‖q) + H(C) = Σ_j C_ij ‖x_i−x_j‖²/2σ² + ln Z_i,   and   Σ_i Σ_j C_ij ‖x_i−x_j‖² = 2 Σ_i ‖x_i − μ_c(i)‖²:
//
// Z does not depend on C, so what is left to minimise over assignments is Lloyd's objective, which Lloyd's steps do exactly.
func learnKMeans(ctx context.Context, t *training) (*learned, error) {
	km, err := t.kmeans(ctx)
	if err != nil {
		return nil, err
	}
	n := len(km.Assignment)
	return &learned{head: centroids(km, km.Inertia/float64(n)/float64(km.Dim)), loss: km.Inertia / float64(n)}, nil
}

func (t *training) kmeans(ctx context.Context) (*kmeans.Result, error) {
	return kmeans.Cluster(ctx, t.features, kmeans.Options{Clusters: t.config.Clusters, Starts: 3, Seed: t.config.Seed, Workers: t.options.Workers})
}

// centroids is the linear head whose softmax is the posterior of equal spherical Gaussians of that variance about centroids.
func centroids(km *kmeans.Result, variance float64) *Linear {
	l := &Linear{Clusters: km.Clusters, Dim: km.Dim, Weight: make([]float32, len(km.Centroids)), Bias: make([]float32, km.Clusters)}
	inverse := 1 / max(variance, 1e-20)
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

// learnSoftKMeans keeps the entropy of the assignments in the objective: Σ_i Σ_c φ_ic (‖x_i−μ_c‖²/2σ² + ln φ_ic), least at the posterior φ
// of equal spherical Gaussians and their means μ, taken in turns from where k-means ends. σ² is that of k-means.
func learnSoftKMeans(ctx context.Context, t *training) (*learned, error) {
	km, err := t.kmeans(ctx)
	if err != nil {
		return nil, err
	}
	found := &learned{}
	n, d, k := t.features.Len(), km.Dim, km.Clusters
	variance := km.Inertia / float64(n) / float64(d)
	for round := range softRounds {
		found.head = centroids(km, variance)
		sums, mass, energy, err := t.responsibilities(ctx, found.head, variance)
		if err != nil {
			return nil, err
		}
		for c := range k {
			if mass[c] < 1e-6 {
				continue // nobody's: it stays
			}
			for e := range d {
				km.Centroids[c*d+e] = float32(sums[c*d+e] / mass[c])
			}
		}
		last := found.loss
		found.loss = energy / float64(n)
		found.history = append(found.history, t.told(round, found.loss, 0))
		if round > 0 && last-found.loss < 1e-6*(1+max(last, -last)) {
			break
		}
	}
	return found, nil
}

const softRounds = 100

// responsibilities sums features by their posteriors, and the free energy, over all rows. Sums are taken block by block in order.
func (t *training) responsibilities(ctx context.Context, l *Linear, variance float64) (sums, mass []float64, energy float64, err error) {
	const rows = 1024
	n, d, k := t.features.Len(), l.Dim, l.Clusters
	type part struct {
		sums, mass []float64
		energy     float64
	}
	parts := make([]part, parallel.Count(n, max(rows, (n+15)/16)))
	err = parallel.Blocks(ctx, t.options.Workers, n, max(rows, (n+15)/16), func(b, lo, hi int) error {
		own := part{sums: make([]float64, k*d), mass: make([]float64, k)}
		x, p := make([]float32, rows*d), make([]float32, rows*k)
		for ; lo < hi; lo += rows {
			end := min(hi, lo+rows)
			if err := t.features.Block(x[:(end-lo)*d], lo, end); err != nil {
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
func freeEnergy(l *Linear, x, p []float32, n int, variance float64) float64 {
	total := 0.0
	l.logits(p, x, n)
	for i := range n {
		row := p[i*l.Clusters : (i+1)*l.Clusters]
		total += float64(kernel.SquaredNorm(x[i*l.Dim:(i+1)*l.Dim]))/(2*variance) - kernel.LogSumExp(row)
		kernel.Softmax(row, row)
	}
	return total
}
