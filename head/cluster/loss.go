package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/internal/sparse"
)

// ErrNotFinite is in the chain of the error for logits that hold NaN or an infinity.
var ErrNotFinite = errors.New("logits are not finite")

const (
	panelRows = 256 // rows of A at a time; with the columns of a tile they fit the second cache
	tileCols  = 256
	chunkRows = 48 // rows of M that one task owns, a multiple of the micro-kernels' heights
	// leastAffinity keeps 1/q̃ finite where β = 0 and no cluster is shared; a p̃ there costs ln(1/leastAffinity).
	leastAffinity = 1e-30
)

// Loss computes the loss and its gradient. It keeps its buffers between calls and must not be used by two goroutines
// at once.
type Loss struct {
	Alpha   float32 // uniform share of p, 0 to 1
	Beta    float32 // uniform share of q, 0 to 1
	Workers int     // goroutines; all processors when < 1

	phi, scaled, weighted, panel []float32
	mass, inverse                []float32
	columnSums                   []float64
	sums                         []float64
	symmetric                    symmetricRows
}

// Gradient returns the loss KL(p̃‖q̃) in nats and writes ∂L/∂z into dz. Both dz and z are n×c, row-major; p has n rows
// over n columns, each summing to 1. It fails on settings out of range, on shapes that do not fit, on logits that are
// not finite (naming the row), and with ctx's error when ctx ends.
func (l *Loss) Gradient(ctx context.Context, dz, z []float32, n, c int, p *sparse.Rows) (float64, error) {
	if err := l.check(dz, z, n, c, p); err != nil {
		return 0, err
	}
	l.resize(n, c)
	if err := l.assign(ctx, z, n, c); err != nil {
		return 0, err
	}
	l.symmetric.fill(p)
	crossEntropy := 0.0
	if l.Alpha > 0 {
		dense, err := l.densePart(ctx, n, c)
		if err != nil {
			return 0, err
		}
		crossEntropy += dense
	}
	attraction, err := l.sparsePart(ctx, n, c)
	if err != nil {
		return 0, err
	}
	if err := l.backward(ctx, dz, n, c); err != nil {
		return 0, err
	}
	return crossEntropy + attraction - Entropy(p, n, float64(l.Alpha)), nil
}

func (l *Loss) check(dz, z []float32, n, c int, p *sparse.Rows) error {
	for _, share := range []struct {
		name  string
		value float32
	}{{"alpha", l.Alpha}, {"beta", l.Beta}} {
		if !(share.value >= 0 && share.value <= 1) { // written so that NaN fails too
			return fmt.Errorf("%s %g: want a number from 0 to 1 (the uniform share)", share.name, share.value)
		}
	}
	if n < 1 || c < 1 || len(z) < n*c || len(dz) < n*c || p.Len() != n {
		return fmt.Errorf("cluster loss: %d logits, %d gradients and %d rows of p do not fit %d×%d", len(z), len(dz), p.Len(), n, c)
	}
	return nil
}

func (l *Loss) resize(n, c int) {
	l.phi, l.scaled, l.weighted = grown(l.phi, n*c), grown(l.scaled, n*c), grown(l.weighted, n*c)
	l.mass, l.inverse = grown(l.mass, c), grown(l.inverse, c)
	l.panel = grown(l.panel, panelRows*n)
	l.columnSums = grown(l.columnSums, parallel.Count(n, panelRows)*c)
	l.sums = grown(l.sums, max(parallel.Count(n, panelRows), parallel.Count(n, tileCols)))
	clear(l.weighted)
}

func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// assign fills phi = softmax(z), mass = Σ_k φ_k, inverse = 1/mass and scaled = φ/mass.
func (l *Loss) assign(ctx context.Context, z []float32, n, c int) error {
	err := parallel.Blocks(ctx, l.Workers, n, panelRows, func(b, lo, hi int) error {
		sums := l.columnSums[b*c : (b+1)*c]
		clear(sums)
		for i := lo; i < hi; i++ {
			row := l.phi[i*c : (i+1)*c]
			if m := kernel.Max(z[i*c : (i+1)*c]); m-m != 0 {
				return fmt.Errorf("row %d: %w: lower the learning rate or look for features that are not finite", i, ErrNotFinite)
			}
			kernel.Softmax(row, z[i*c:(i+1)*c])
			for k, v := range row {
				sums[k] += float64(v)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for k := range c {
		mass := 0.0
		for b := range parallel.Count(n, panelRows) {
			mass += l.columnSums[b*c+k]
		}
		l.mass[k], l.inverse[k] = float32(mass), 0
		if mass > 1e-35 { // an emptier cluster attracts nobody, and its φ are zeros to float32 all the same
			l.inverse[k] = float32(1 / mass)
		}
	}
	return parallel.Blocks(ctx, l.Workers, n, panelRows, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			from, to := l.phi[i*c:(i+1)*c], l.scaled[i*c:(i+1)*c]
			for k, v := range from {
				to[k] = v * l.inverse[k]
			}
		}
		return nil
	})
}

// debiased gives scale and shift of q̃ = scale·A + shift.
func (l *Loss) debiased(n int) (scale, shift float32) {
	return 1 - l.Beta, max(l.Beta/float32(n), leastAffinity)
}

// densePart adds W·Φ to weighted for the part of W that p's uniform share makes, and returns −α/n² Σ_ij ln q̃_ij.
func (l *Loss) densePart(ctx context.Context, n, c int) (float64, error) {
	scale, shift := l.debiased(n)
	numerator := -2 * scale * l.Alpha / (float32(n) * float32(n))
	logarithms := 0.0
	for first := 0; first < n; first += panelRows {
		rows := min(panelRows, n-first)
		columns := n - first // tiles below the diagonal are mirrors
		panel := l.panel[:rows*columns]
		err := parallel.Blocks(ctx, l.Workers, columns, tileCols, func(b, lo, hi int) error {
			kernel.MulTransB(panel[lo:], columns, l.phi[first*c:], c, l.scaled[(first+lo)*c:], c, rows, c, hi-lo, false)
			sum := 0.0
			for r := range rows {
				sum += kernel.Reciprocal(panel[r*columns+lo:r*columns+hi], scale, shift, numerator)
			}
			l.sums[b] = sum
			return nil
		})
		if err != nil {
			return 0, err
		}
		for b := range parallel.Count(columns, tileCols) {
			if b == 0 { // the tile on the diagonal stands for itself, every other one for its mirror too
				logarithms += l.sums[b]
			} else {
				logarithms += 2 * l.sums[b]
			}
		}
		if err := l.spread(ctx, panel, first, rows, columns, c); err != nil {
			return 0, err
		}
	}
	return -float64(l.Alpha) / float64(n) / float64(n) * logarithms, nil
}

// spread adds a panel of W to weighted: its rows times Φ, and, for the tiles right of the diagonal, its columns too.
func (l *Loss) spread(ctx context.Context, panel []float32, first, rows, columns, c int) error {
	across := max(0, parallel.Count(columns, tileCols)-1)
	down := parallel.Count(rows, chunkRows)
	return parallel.Blocks(ctx, l.Workers, across+down, 1, func(task, _, _ int) error {
		if task < down {
			lo := task * chunkRows
			hi := min(rows, lo+chunkRows)
			kernel.Mul(l.weighted[(first+lo)*c:], c, panel[lo*columns:], columns, l.phi[first*c:], c, hi-lo, columns, c, true)
			return nil
		}
		lo := (task - down + 1) * tileCols
		hi := min(columns, lo+tileCols)
		kernel.MulTransA(l.weighted[(first+lo)*c:], c, panel[lo:], columns, l.phi[first*c:], c, hi-lo, rows, c, true)
		return nil
	})
}

// sparsePart adds the part of W that p's own entries make, and returns −(1−α)/n Σ_ij p_ij ln q̃_ij.
func (l *Loss) sparsePart(ctx context.Context, n, c int) (float64, error) {
	scale, shift := l.debiased(n)
	numerator := -scale * (1 - l.Alpha) / float32(n)
	err := parallel.Blocks(ctx, l.Workers, n, panelRows, func(b, lo, hi int) error {
		sum := 0.0
		for i := lo; i < hi; i++ {
			row, to := l.phi[i*c:(i+1)*c], l.weighted[i*c:(i+1)*c]
			own, both := l.symmetric.row(i)
			for e, j := range l.symmetric.column[l.symmetric.offset[i]:l.symmetric.offset[i+1]] {
				q := scale*kernel.Dot(row, l.scaled[int(j)*c:(int(j)+1)*c]) + shift
				kernel.AddScaled(to, numerator*both[e]/q, l.phi[int(j)*c:(int(j)+1)*c])
				if own[e] > 0 {
					sum -= float64(own[e]) * math.Log(float64(q))
				}
			}
		}
		l.sums[b] = sum
		return nil
	})
	if err != nil {
		return 0, err
	}
	total := 0.0
	for b := range parallel.Count(n, panelRows) {
		total += l.sums[b]
	}
	return total * (1 - float64(l.Alpha)) / float64(n), nil
}

// backward takes ∂L/∂φ from weighted = M and goes through the row softmax into dz.
func (l *Loss) backward(ctx context.Context, dz []float32, n, c int) error {
	err := parallel.Blocks(ctx, l.Workers, n, panelRows, func(b, lo, hi int) error {
		sums := l.columnSums[b*c : (b+1)*c]
		clear(sums)
		for i := lo; i < hi; i++ {
			phi, m := l.phi[i*c:(i+1)*c], l.weighted[i*c:(i+1)*c]
			for k, v := range phi {
				sums[k] += float64(v) * float64(m[k])
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	shift := l.mass // the mass is no longer needed: v_c takes its place
	for k := range c {
		sum := 0.0
		for b := range parallel.Count(n, panelRows) {
			sum += l.columnSums[b*c+k]
		}
		inverse := float64(l.inverse[k])
		shift[k] = float32(0.5 * sum * inverse * inverse)
	}
	return parallel.Blocks(ctx, l.Workers, n, panelRows, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			phi, d := l.phi[i*c:(i+1)*c], l.weighted[i*c:(i+1)*c]
			for k := range d {
				d[k] = d[k]*l.inverse[k] - shift[k]
			}
			mean := kernel.Dot(phi, d)
			to := dz[i*c : (i+1)*c]
			for k, v := range phi {
				to[k] = v * (d[k] - mean)
			}
		}
		return nil
	})
}

// Entropy is −1/n Σ_ij p̃_ij ln p̃_ij of n rows over n columns, p̃ = (1−α)·p + α/n, in nats: the part of the loss that
// does not depend on the representation.
func Entropy(p *sparse.Rows, n int, alpha float64) float64 {
	uniform := alpha / float64(n)
	sum := 0.0
	for i := range p.Len() {
		_, weight := p.Row(i)
		for _, w := range weight {
			sum += plogp((1-alpha)*float64(w) + uniform)
		}
		sum += float64(n-len(weight)) * plogp(uniform)
	}
	return -sum / float64(n)
}

func plogp(p float64) float64 {
	if p <= 0 {
		return 0
	}
	return p * math.Log(p)
}
