package icon

import (
	"context"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// Cluster: q_ij = Σ_c φ_ic φ_jc / Σ_k φ_kc, φ = softmax(z): the probability of reaching j through a cluster of i. It includes the point
// itself and works on one set of points only.
type Cluster struct{}

// Validate implements Learned.
func (Cluster) Validate() error { return nil }

// clusterGradient is the loss of the cluster kernel under any divergence; package cluster derives the gradient.
// With G_ij = ∂L/∂A_ij = (1−β) g_ij / n and U = Φ diag(1/s),
//
//	M = G·Φ + Gᵀ·Φ,   v_c = ½ Σ_i φ_ic M_ic / s_c²,   ∂L/∂φ_kc = M_kc/s_c − v_c,   then through the row softmax.
func (l Loss[T]) clusterGradient(ctx context.Context, dz, z []T, n, c int, p Supervisory) (float64, error) {
	phi, scaled, mass := assignments(z, n, c)
	stripe := parallel.Stripe(n, lossStripes, lossRows)
	moved := make([]T, n*c) // G·Φ; each row has one owner
	back := make([][]T, parallel.Count(n, stripe))
	losses := make([]float64, len(back))
	err := parallel.Blocks(ctx, l.Workers, n, stripe, func(b, lo, hi int) error {
		back[b] = make([]T, n*c)
		g, target := make([]T, lossRows*n), make([]float64, n)
		divergence := l.divergence()
		for ; lo < hi; lo += lossRows {
			if err := ctx.Err(); err != nil {
				return err
			}
			end := min(hi, lo+lossRows)
			kernel.MulTransB(g, n, phi[lo*c:], c, scaled, c, end-lo, c, n, false)
			for i := lo; i < end; i++ {
				l.target(target, p, i, n)
				row := g[(i-lo)*n : (i-lo+1)*n]
				for j, a := range row {
					v, slope := divergence.Term(target[j], (1-l.Beta)*float64(a)+l.Beta/float64(n))
					losses[b] += v
					row[j] = T((1 - l.Beta) * slope / float64(n))
				}
			}
			kernel.Mul(moved[lo*c:], c, g, n, phi, c, end-lo, n, c, false)
			kernel.MulTransA(back[b], c, g, n, phi[lo*c:], c, n, end-lo, c, true)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	total := 0.0
	for b := range back {
		total += losses[b]
		for e, v := range back[b] {
			moved[e] += v
		}
	}
	throughSoftmax(dz, phi, moved, mass, n, c)
	return total / float64(n), nil
}

// assignments returns φ = softmax(z), φ/s and the masses s of the clusters.
func assignments[T kernel.Float](z []T, n, c int) (phi, scaled []T, mass []float64) {
	phi, scaled, mass = make([]T, n*c), make([]T, n*c), make([]float64, c)
	for i := range n {
		row := phi[i*c : (i+1)*c]
		kernel.Softmax(row, z[i*c:(i+1)*c])
		for k, v := range row {
			mass[k] += float64(v)
		}
	}
	for i := range phi {
		if s := mass[i%c]; s > 0 {
			scaled[i] = T(float64(phi[i]) / s)
		}
	}
	return phi, scaled, mass
}

// throughSoftmax computes ∂L/∂z from M.
func throughSoftmax[T kernel.Float](dz, phi, m []T, mass []float64, n, c int) {
	shift := make([]float64, c)
	for i := range n * c {
		shift[i%c] += float64(phi[i]) * float64(m[i])
	}
	slope := make([]float64, c)
	for i := range n {
		mean := 0.0
		for k := range c {
			slope[k] = 0
			if s := mass[k]; s > 0 {
				slope[k] = float64(m[i*c+k])/s - shift[k]/(2*s*s)
			}
			mean += float64(phi[i*c+k]) * slope[k]
		}
		for k := range c {
			dz[i*c+k] = T(float64(phi[i*c+k]) * (slope[k] - mean))
		}
	}
}
