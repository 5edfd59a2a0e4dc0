package cluster

import (
	"context"
	"errors"
	"fmt"
	"math"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// ErrNotFinite is wrapped by the error for logits that contain NaN or an infinity.
var ErrNotFinite = errors.New("logits are not finite")

const (
	blockRows = 192 // rows of a stripe; with its Φ in term blocks a tile of W fits the L2 cache
	tileWidth = 208 // leading dimension of a tile of W: an odd number of cache lines, so that a column uses all cache sets
	// leastAffinity keeps 1/q̃ finite if β = 0 and no cluster is shared; such a p̃ costs ln(1/leastAffinity).
	leastAffinity = 1e-30
)

// Loss computes the loss and its gradient. It keeps its buffers between calls; only one goroutine may use it at a time.
type Loss struct {
	Alpha   float32 // uniform share of p, 0 to 1
	Beta    float32 // uniform share of q, 0 to 1
	Workers int     // goroutines; all processors when < 1
	// Columns are distinct columns j, a sample that gives an unbiased estimate of the mean of ln q̃ over p's uniform share; nil computes
	// the mean over all n exactly. Draw a new sample for each call.
	Columns []int32

	width, slivers int // leading dimension of phi and weighted; clusters rounded up to whole tiles

	phi, weighted   []float32 // n×width: Φ and M
	byRow, byColumn []float32 // Φ·diag(1/s) and Φ as right-hand factors of A = Φ·(Φ·diag(1/s))ᵀ and M = W·Φ, packed
	tiles           []float32 // tiles of W, one per worker
	mass, inverse   []float32
	columnSums      []float64
	sums            []float64
	matches         []match
	stripes         int
	symmetric       symmetricRows

	// For a sample: 2G, n×sampleWidth; the sampled rows of Φ·diag(1/s) and of Φ packed.
	sampleWidth                         int
	sample, sampleByRow, sampleByColumn []float32
}

// Gradient returns the loss KL(p̃‖q̃) in nats and writes ∂L/∂z into dz. Both dz and z are n×c, row-major; p has n rows over n columns, each
// summing to 1. It fails on settings out of range, on shapes that do not match, on logits that are not finite (naming the row), and with
// ctx's error when ctx ends.
func (l *Loss) Gradient(ctx context.Context, dz, z []float32, n, c int, p *matrix.Sparse) (float64, error) {
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
		uniform := l.densePart
		if l.sampled(n) {
			uniform = l.sampledPart
		}
		dense, err := uniform(ctx, n, c)
		if err != nil {
			return 0, err
		}
		crossEntropy += dense
	}
	attraction, err := l.sparsePart(ctx, dz, n, c)
	if err != nil {
		return 0, err
	}
	if err := l.backward(ctx, dz, n, c); err != nil {
		return 0, err
	}
	return crossEntropy + attraction - entropy(p, n, float64(l.Alpha)), nil
}

func (l *Loss) check(dz, z []float32, n, c int, p *matrix.Sparse) error {
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
	return l.checkColumns(n)
}

func (l *Loss) resize(n, c int) {
	rows, columns := kernel.TileShape()
	stripes := parallel.Count(n, blockRows)
	padded := upTo(upTo(n, rows), columns)
	l.slivers = upTo(c, columns)
	l.width = l.slivers
	if l.width/16%2 == 0 { // rows an even number of cache lines apart would compete for the same cache sets
		l.width += 16
	}
	l.phi, l.weighted = grown(l.phi, padded*l.width), grown(l.weighted, padded*l.width)
	l.mass, l.inverse = grown(l.mass, c), grown(l.inverse, c)
	l.columnSums = grown(l.columnSums, stripes*c)
	if l.stripes != stripes {
		l.stripes, l.matches = stripes, tournament(stripes)
	}
	l.sums = grown(l.sums, len(l.matches))
	if l.sampled(n) {
		l.resizeSample(n, c)
		return
	}
	l.byRow, l.byColumn = grown(l.byRow, padded*c), grown(l.byColumn, n*l.slivers)
	l.tiles = grown(l.tiles, parallel.Workers(l.Workers)*blockRows*tileWidth)
}

func upTo(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }

func grown[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// assign fills phi = softmax(z), mass = Σ_k φ_k, inverse = 1/mass and the packed factors.
func (l *Loss) assign(ctx context.Context, z []float32, n, c int) error {
	err := parallel.Blocks(ctx, l.Workers, n, blockRows, func(b, lo, hi int) error {
		sums := l.columnSums[b*c : (b+1)*c]
		clear(sums)
		for i := lo; i < hi; i++ {
			row := l.phi[i*l.width : i*l.width+c]
			if m := kernel.Max(z[i*c : (i+1)*c]); m-m != 0 {
				return fmt.Errorf("row %d: %w: lower the learning rate, or check for features that are not finite", i, ErrNotFinite)
			}
			kernel.Softmax(row, z[i*c:(i+1)*c])
			kernel.AddTo(sums, row)
		}
		return nil
	})
	if err != nil {
		return err
	}
	for k := range c {
		mass := 0.0
		for b := range l.stripes {
			mass += l.columnSums[b*c+k]
		}
		l.mass[k], l.inverse[k] = float32(mass), 0
		if mass > 1e-35 { // an emptier cluster has no influence: its φ are zero in float32 anyway
			l.inverse[k] = float32(1 / mass)
		}
	}
	if l.Alpha == 0 {
		return nil
	}
	if l.sampled(n) {
		l.packSample(c)
		return nil
	}
	return parallel.Blocks(ctx, l.Workers, n, blockRows, func(_, lo, hi int) error {
		l.pack(lo, hi, n, c)
		return nil
	})
}

// pack writes rows lo to hi−1 of the two right-hand factors in the layout of kernel.MulPacked.
func (l *Loss) pack(lo, hi, n, c int) {
	_, columns := kernel.TileShape()
	for i := lo; i < hi; i++ {
		row := l.phi[i*l.width:][:c]
		packColumn(l.byRow, row, l.inverse, i, columns)
		packTerm(l.byColumn, row, i, n, columns)
	}
}

// packColumn writes row·diag(scale) as column i of a right-hand factor with len(row) terms.
func packColumn(to, row, scale []float32, i, columns int) {
	to = to[i/columns*columns*len(row)+i%columns:]
	for k, v := range row {
		to[k*columns] = v * scale[k]
	}
}

// packTerm writes a row as term i of the n terms of a right-hand factor.
func packTerm(to, row []float32, i, n, columns int) {
	for k := 0; k < len(row); k += columns {
		sliver := to[k*n+i*columns:][:columns]
		clear(sliver[copy(sliver, row[k:min(len(row), k+columns)]):])
	}
}

// debiased returns scale and shift of q̃ = scale·A + shift.
func (l *Loss) debiased(n int) (scale, shift float32) {
	return 1 - l.Beta, max(l.Beta/float32(n), leastAffinity)
}

// densePart sets weighted to W·Φ for the part of W from p's uniform share, and returns −α/n² Σ_ij ln q̃_ij. Each tile of W, on or above the
// diagonal, is computed once and serves both of its stripes: W_ab·Φ_b is added to a's rows, W_abᵀ·Φ_a to b's.
func (l *Loss) densePart(ctx context.Context, n, c int) (float64, error) {
	_, columns := kernel.TileShape()
	scale, shift := l.debiased(n)
	numerator := -2 * scale * l.Alpha / (float32(n) * float32(n))
	err := hold(ctx, l.Workers, l.matches, l.stripes, func(worker, number int, m match) error {
		w := l.tiles[worker*blockRows*tileWidth : (worker+1)*blockRows*tileWidth]
		a, b := m.a*blockRows, m.b*blockRows
		rowsA, rowsB := min(blockRows, n-a), min(blockRows, n-b)
		kernel.MulPacked(w, tileWidth, l.phi[a*l.width:], l.width, 1, l.byRow[b*c:], columns*c, rowsA, c, rowsB, false)
		logs := kernel.Reciprocal(w, tileWidth, rowsA, rowsB, scale, shift, numerator)
		kernel.MulPacked(l.weighted[a*l.width:], l.width, w, tileWidth, 1, l.byColumn[b*columns:], columns*n, rowsA, rowsB, c, m.turnA > 0)
		if m.a != m.b {
			kernel.MulPacked(l.weighted[b*l.width:], l.width, w, 1, tileWidth, l.byColumn[a*columns:], columns*n, rowsB, rowsA, c, true)
			logs *= 2
		}
		l.sums[number] = logs
		return nil
	})
	if err != nil {
		return 0, err
	}
	logarithms := 0.0
	for _, s := range l.sums[:len(l.matches)] {
		logarithms += s
	}
	return -float64(l.Alpha) / float64(n) / float64(n) * logarithms, nil
}

// sparsePart adds the part of W from p's own entries, with n×c numbers of scratch, and returns −(1−α)/n Σ_ij p_ij ln q̃_ij.
func (l *Loss) sparsePart(ctx context.Context, scratch []float32, n, c int) (float64, error) {
	scale, shift := l.debiased(n)
	numerator := -scale * (1 - l.Alpha) / float32(n)
	err := parallel.Blocks(ctx, l.Workers, n, blockRows, func(b, lo, hi int) error {
		sum := 0.0
		for i := lo; i < hi; i++ {
			to := l.weighted[i*l.width:][:c]
			if l.Alpha == 0 {
				clear(to)
			}
			row := scratch[i*c:][:c]
			kernel.MulLess(row, l.phi[i*l.width:][:c], l.inverse, 0)
			own, both := l.symmetric.row(i)
			for e, j := range l.symmetric.column[l.symmetric.offset[i]:l.symmetric.offset[i+1]] {
				other := l.phi[int(j)*l.width:][:c]
				q := scale*kernel.Dot(row, other) + shift
				kernel.AddScaled(to, numerator*both[e]/q, other)
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
	for b := range l.stripes {
		total += l.sums[b]
	}
	return total * (1 - float64(l.Alpha)) / float64(n), nil
}

// backward computes ∂L/∂φ from weighted = M and propagates it through the row softmax into dz.
func (l *Loss) backward(ctx context.Context, dz []float32, n, c int) error {
	err := parallel.Blocks(ctx, l.Workers, n, blockRows, func(b, lo, hi int) error {
		sums := l.columnSums[b*c : (b+1)*c]
		clear(sums)
		for i := lo; i < hi; i++ {
			kernel.AddProducts(sums, l.phi[i*l.width:][:c], l.weighted[i*l.width:][:c])
		}
		return nil
	})
	if err != nil {
		return err
	}
	shift := l.mass // the mass is no longer needed; its buffer now holds v_c
	for k := range c {
		sum := 0.0
		for b := range l.stripes {
			sum += l.columnSums[b*c+k]
		}
		inverse := float64(l.inverse[k])
		shift[k] = float32(0.5 * sum * inverse * inverse)
	}
	return parallel.Blocks(ctx, l.Workers, n, blockRows, func(_, lo, hi int) error {
		for i := lo; i < hi; i++ {
			phi, d := l.phi[i*l.width:][:c], l.weighted[i*l.width:][:c]
			kernel.MulSub(d, d, l.inverse, shift)
			kernel.MulLess(dz[i*c:(i+1)*c], phi, d, kernel.Dot(phi, d))
		}
		return nil
	})
}

// entropy is −1/n Σ_ij p̃_ij ln p̃_ij of n rows over n columns, p̃ = (1−α)·p + α/n, in nats: the part of the loss that
// does not depend on the representation.
func entropy(p *matrix.Sparse, n int, alpha float64) float64 {
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
