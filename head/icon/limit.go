package icon

import (
	"context"
	"fmt"
	"math"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// Wide is the loss of a Gaussian kernel over directions u = z/‖z‖ as its σ goes to infinity. With d² = 2 − 2u_i·u_j, q becomes uniform and
//
//	2σ²·(KL(p‖q) − KL(p‖uniform))  →  1/n Σ_i [ Σ_j p_ij d²_ij − 1/(n−1) Σ_{j≠i} d²_ij ]
//	                               =  2/n Σ_i [ 1/(n−1) Σ_{j≠i} u_i·u_j − Σ_j p_ij u_i·u_j ]:
//
// neighbours are pulled together (invariance) and all others pushed apart (variance). This is I-Con's limit for VICReg without its
// covariance term, and, with the identity as p and a linear map, for PCA, which package head solves directly as an eigenproblem. The
// gradient by u_i is 4/(n(n−1)) (S − u_i) − 2/n (Σ_j p_ij u_j + Σ_j p_ji u_j), S = Σ_k u_k, followed by the chain rule through the length.
type Wide[T kernel.Float] struct{}

// Gradient is like Loss.Gradient.
func (Wide[T]) Gradient(ctx context.Context, dz, z []T, n, d int, p Supervisory) (float64, error) {
	u, finish, err := directions(dz, z, n, d, p)
	if err != nil {
		return 0, err
	}
	sum := make([]float64, d)
	for i := range n {
		for e, v := range u[i*d : (i+1)*d] {
			sum[e] += float64(v)
		}
	}
	all := make([]T, d)
	for e, v := range sum {
		all[e] = T(v)
	}
	repel := 2 / (float64(n) * float64(n-1))
	value := 0.0
	for i := range n {
		own, to := u[i*d:(i+1)*d], dz[i*d:(i+1)*d]
		kernel.AddScaled(to, T(2*repel), all)
		kernel.AddScaled(to, T(-2*repel), own)
		value += repel * float64(kernel.Dot(own, all)-kernel.SquaredNorm(own))
		value -= attract(dz, u, n, d, i, p)
	}
	finish()
	return value, ctx.Err()
}

// attract adds the gradient of −2/n Σ_j p_ij u_i·u_j by both ends, and returns that sum without its sign.
func attract[T kernel.Float](dz, u []T, n, d, i int, p Supervisory) float64 {
	value := 0.0
	own := u[i*d : (i+1)*d]
	column, weight := p.Row(i)
	for e, j := range column {
		other := u[int(j)*d : (int(j)+1)*d]
		w := 2 * float64(weight[e]) / float64(n)
		value += w * float64(kernel.Dot(own, other))
		kernel.AddScaled(dz[i*d:(i+1)*d], T(-w), other)
		kernel.AddScaled(dz[int(j)*d:(int(j)+1)*d], T(-w), own)
	}
	return value
}

// Narrow is the loss of the same kernel as σ goes to 0. The normaliser of q is then its largest term, and
//
//	2σ²·KL(p‖q)  →  1/n Σ_i [ Σ_j p_ij d²_ij − min_{k≠i} d²_ik ]  =  2/n Σ_i [ max_{k≠i} u_i·u_k − Σ_j p_ij u_i·u_j ] ≥ 0:
//
// a triplet loss with the hardest negative and no margin. If several k are nearest, the first gets the gradient.
type Narrow[T kernel.Float] struct{ Workers int }

// Gradient is like Loss.Gradient.
func (l Narrow[T]) Gradient(ctx context.Context, dz, z []T, n, d int, p Supervisory) (float64, error) {
	u, finish, err := directions(dz, z, n, d, p)
	if err != nil {
		return 0, err
	}
	nearest := make([]int, n)
	err = parallel.Blocks(ctx, l.Workers, n, lossRows, func(_, lo, hi int) error {
		products := make([]T, (hi-lo)*n)
		kernel.MulTransB(products, n, u[lo*d:], d, u, d, hi-lo, d, n, false)
		for i := lo; i < hi; i++ {
			best := -1
			for k, v := range products[(i-lo)*n : (i-lo+1)*n] {
				if k != i && (best < 0 || v > products[(i-lo)*n+best]) {
					best = k
				}
			}
			nearest[i] = best
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	value, share := 0.0, 2/float64(n)
	for i, k := range nearest {
		own, other := u[i*d:(i+1)*d], u[k*d:(k+1)*d]
		value += share*float64(kernel.Dot(own, other)) - attract(dz, u, n, d, i, p)
		kernel.AddScaled(dz[i*d:(i+1)*d], T(share), other)
		kernel.AddScaled(dz[k*d:(k+1)*d], T(share), own)
	}
	finish()
	return value, nil
}

// DCL is debiased contrastive learning (Chuang et al. 2020, arXiv 2007.00224, eq. 7 and 8): InfoNCE at a temperature τ whose negatives are
// corrected for the share τ⁺ of them that belong to the point's own class. With s = u·u'/τ, P = exp(s_i⁺) for point i's positive, N = n − 2
// others, and m the mean of exp(s) over them,
//
//	L_i = −ln P/(P + N g),   g = max( (m − τ⁺P)/(1 − τ⁺), exp(−1/τ) ),
//
//	∂L_i/∂s_i⁺ = −1 + (P + N ∂g/∂s⁺)/(P + N g),   ∂g/∂s⁺ = −τ⁺P/(1−τ⁺);   ∂L_i/∂s_ik = exp(s_ik)/((1−τ⁺)(P + N g)),
//
// where the derivatives of g are 0 if it is clamped. At τ⁺ = 0 this is InfoNCE. Each row of p must have exactly one neighbour.
type DCL[T kernel.Float] struct {
	Temperature float64 // τ > 0
	Positive    float64 // τ⁺, 0 to below 1
	Workers     int
}

// Gradient is like Loss.Gradient.
func (l DCL[T]) Gradient(ctx context.Context, dz, z []T, n, d int, p Supervisory) (float64, error) {
	if err := positive("temperature", l.Temperature); err != nil {
		return 0, err
	}
	if !(l.Positive >= 0 && l.Positive < 1) {
		return 0, fmt.Errorf("tau-plus %g: want a share from 0, below 1", l.Positive)
	}
	u, finish, err := directions(dz, z, n, d, p)
	if err != nil {
		return 0, err
	}
	partner := make([]int, n)
	for i := range n {
		neighbour, _ := p.Row(i)
		if len(neighbour) != 1 {
			return 0, fmt.Errorf("debiased contrastive learning: %d positives of point %d, want one", len(neighbour), i)
		}
		partner[i] = int(neighbour[0])
	}
	if n < 3 {
		return 0, fmt.Errorf("debiased contrastive learning of %d points: want at least 3", n)
	}
	slopes := make([]T, n*n) // ∂L/∂s of every pair
	values := make([]float64, n)
	err = parallel.Blocks(ctx, l.Workers, n, lossRows, func(_, lo, hi int) error {
		g := slopes[lo*n : hi*n]
		kernel.MulTransB(g, n, u[lo*d:], d, u, d, hi-lo, d, n, false)
		for i := lo; i < hi; i++ {
			values[i] = l.row(g[(i-lo)*n:(i-lo+1)*n], i, partner[i])
		}
		kernel.Mul(dz[lo*d:], d, g, n, u, d, hi-lo, n, d, true)
		return nil
	})
	if err != nil {
		return 0, err
	}
	err = parallel.Blocks(ctx, l.Workers, n, lossRows, func(_, lo, hi int) error { // gradient by the other end of each pair
		kernel.MulTransA(dz[lo*d:], d, slopes[lo:], n, u, d, hi-lo, n, d, true)
		return nil
	})
	if err != nil {
		return 0, err
	}
	value := 0.0
	for _, v := range values {
		value += v
	}
	finish()
	return value / float64(n), nil
}

// row turns the cosines of point i into ∂L/∂cosine and returns its loss. All exponentials are divided by the largest, exp(max s), so that at least one is
// 1 however low τ is: P + N g is then 0 nowhere, and the loss is ln(P + N g) − (s⁺ − max s).
func (l DCL[T]) row(g []T, i, partner int) float64 {
	n, top := float64(len(g)), math.Inf(-1)
	for k, v := range g {
		if k != i {
			top = max(top, float64(v)/l.Temperature)
		}
	}
	others, positive := n-2, float64(g[partner])/l.Temperature-top
	exps := make([]float64, len(g))
	sum := 0.0
	for k, v := range g {
		if k != i {
			exps[k] = math.Exp(float64(v)/l.Temperature - top)
			sum += exps[k]
		}
	}
	own := exps[partner]
	floor := math.Exp(-1/l.Temperature - top)
	negative := ((sum-own)/others - l.Positive*own) / (1 - l.Positive)
	byOwn, byOther := -l.Positive*own/(1-l.Positive), 1/(1-l.Positive)
	if negative < floor {
		negative, byOwn, byOther = floor, 0, 0
	}
	total := own + others*negative
	scale := 1 / (n * l.Temperature)
	for k := range g {
		switch k {
		case i:
			g[k] = 0
		case partner:
			g[k] = T(scale * (-1 + (own+others*byOwn)/total))
		default:
			g[k] = T(scale * exps[k] * byOther / total)
		}
	}
	return math.Log(total) - positive
}

// directions prepares points for losses over directions: it returns u of length 1, or 0 for a point without a direction (see Cosine), clears dz, and
// finish turns a gradient by u, in dz, into one by z.
func directions[T kernel.Float](dz, z []T, n, d int, p Supervisory) (u []T, finish func(), err error) {
	l := Loss[T]{Learned: Cosine{1}}
	if err := l.check(len(dz), len(z), n, d, n, p); err != nil {
		return nil, nil, err
	}
	if n < 2 {
		return nil, nil, fmt.Errorf("loss over %d points: want at least 2", n)
	}
	s := cosineRows[T]{Cosine{1}}
	u, size, err := s.prepare(z, n, d)
	if err != nil {
		return nil, nil, err
	}
	clear(dz[:n*d])
	return u, func() { s.finish(dz, u, size, d) }, nil
}
