package directions

import (
	"context"
	"fmt"
	"math"

	"iconic/head/method"
	"iconic/internal/kernel"
	"iconic/matrix"
)

// sides is a note for features that differ along one line only, where directions from the mean are two; "" for others.
func sides(ctx context.Context, d *method.Data) (string, error) {
	if d.Clusters <= 2 || d.Second != nil || lifts(d) {
		return "", nil
	}
	line, err := onLine(ctx, d.Features)
	if err != nil || !line {
		return "", err
	}
	return fmt.Sprintf("the features vary along a single line, on which this method distinguishes only the two sides of the mean: it cannot find %d clusters, but method kmeans can", d.Clusters), nil
}

// onLine reports whether rows lie on one line through the origin: whether none is farther from the line through the longest of the first rows than a
// thousandth of its length. It stops at the first that is.
func onLine(ctx context.Context, f matrix.Features) (bool, error) {
	const rows, apart = 1024, 1e-3
	n, d := f.Len(), f.Dim()
	x, line, longest := make([]float32, min(n, rows)*d), make([]float32, d), 0.0
	for lo := 0; lo < n; lo += rows {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		hi := min(n, lo+rows)
		if err := f.Block(x[:(hi-lo)*d], lo, hi); err != nil {
			return false, fmt.Errorf("features of rows %d to %d: %w", lo, hi, err)
		}
		for i := 0; lo == 0 && i < hi; i++ {
			if length := math.Sqrt(float64(kernel.SquaredNorm(x[i*d : (i+1)*d]))); length > longest {
				longest = length
				copy(line, x[i*d:(i+1)*d])
			}
		}
		kernel.NormalizeRows(line, d)
		for i := range hi - lo {
			row := x[i*d : (i+1)*d]
			kernel.AddScaled(row, -kernel.Dot(row, line), line)
			if float64(kernel.SquaredNorm(row)) > apart*apart*longest*longest {
				return false, nil
			}
		}
	}
	return true, nil
}
