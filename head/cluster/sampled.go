package cluster

import (
	"context"
	"fmt"

	"iconic/internal/kernel"
	"iconic/internal/parallel"
)

// sampled reports whether the uniform share is estimated from a sample.
func (l *Loss) sampled(n int) bool { return l.Alpha > 0 && l.Columns != nil && len(l.Columns) < n }

// checkColumns rejects a sample that is empty, has a column out of range, or has a column twice, which the estimate would count twice.
func (l *Loss) checkColumns(n int) error {
	if l.Columns == nil {
		return nil
	}
	if len(l.Columns) == 0 {
		return fmt.Errorf("cluster loss: the sample has no columns: give at least one, or nil for the exact loss")
	}
	seen := make([]bool, n)
	for _, j := range l.Columns {
		if j < 0 || int(j) >= n || seen[j] {
			return fmt.Errorf("cluster loss: the sample has column %d: want distinct columns from 0 to %d", j, n-1)
		}
		seen[j] = true
	}
	return nil
}

// packSample packs the sampled rows of Φ as the right-hand factors of A_S = Φ·(Φ_S·diag(1/s))ᵀ and of M = 2G·Φ_S.
func (l *Loss) packSample(c int) {
	_, columns := kernel.TileShape()
	m := len(l.Columns)
	clear(l.sampleByRow[m/columns*columns*c:]) // the columns of the last sliver beyond the sample
	for e, j := range l.Columns {
		row := l.phi[int(j)*l.width:][:c]
		packColumn(l.sampleByRow, row, l.inverse, e, columns)
		packTerm(l.sampleByColumn, row, e, m, columns)
	}
}

// sampledPart sets weighted to 2G·Φ for the part of G from p's uniform share over the sample S, and returns −α/(n·m) Σ_i Σ_{j∈S} ln q̃_ij.
// Each stripe of rows computes its own part of G (n×m), so that the bits do not depend on the number of workers.
func (l *Loss) sampledPart(ctx context.Context, n, c int) (float64, error) {
	_, columns := kernel.TileShape()
	m := len(l.Columns)
	scale, shift := l.debiased(n)
	numerator := -2 * scale * l.Alpha / (float32(n) * float32(m))
	err := parallel.Blocks(ctx, l.Workers, n, blockRows, func(b, lo, hi int) error {
		g := l.sample[lo*l.sampleWidth:]
		kernel.MulPacked(g, l.sampleWidth, l.phi[lo*l.width:], l.width, 1, l.sampleByRow, columns*c, hi-lo, c, m, false)
		l.sums[b] = kernel.Reciprocal(g, l.sampleWidth, hi-lo, m, scale, shift, numerator)
		kernel.MulPacked(l.weighted[lo*l.width:], l.width, g, l.sampleWidth, 1, l.sampleByColumn, columns*m, hi-lo, m, c, false)
		return nil
	})
	if err != nil {
		return 0, err
	}
	logarithms := 0.0
	for _, s := range l.sums[:l.stripes] {
		logarithms += s
	}
	return -float64(l.Alpha) / float64(n) / float64(m) * logarithms, nil
}

// resizeSample allocates the buffers for a sample of the columns.
func (l *Loss) resizeSample(n, c int) {
	rows, columns := kernel.TileShape()
	m := len(l.Columns)
	l.sampleWidth = upTo(upTo(m, rows), columns)
	if l.sampleWidth/16%2 == 0 {
		l.sampleWidth += 16
	}
	l.sample = grown(l.sample, upTo(n, rows)*l.sampleWidth+rows)
	l.sampleByRow, l.sampleByColumn = grown(l.sampleByRow, upTo(m, columns)*c), grown(l.sampleByColumn, m*l.slivers)
}
