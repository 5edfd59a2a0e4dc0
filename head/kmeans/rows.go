package kmeans

import (
	"context"
	"fmt"

	"iconic/internal/centred"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

const (
	blockRows   = 512
	mostStripes = 16
	// inMemory is the largest number of values kept in memory after shifting and scaling; larger sets are read, shifted and scaled in every
	// step. It is also that of all bounds.
	inMemory = 1 << 26
)

// rows are the features in their frame, shared by all starts.
type rows struct {
	frame  *centred.Matrix
	n, d   int
	stripe int       // rows of a stripe, a multiple of blockRows
	kept   []float32 // n×d in the frame; nil if they are read again in every step
	square []float32 // ‖x‖² of each row
}

func read(ctx context.Context, f matrix.Features, workers int) (*rows, error) {
	frame, err := centred.Measure(ctx, f, workers)
	if err != nil {
		return nil, err
	}
	r := &rows{frame: frame, n: f.Len(), d: f.Dim()}
	r.stripe = parallel.Stripe(r.n, mostStripes, blockRows)
	r.square = make([]float32, r.n)
	var kept []float32
	if r.n*r.d <= inMemory {
		kept = make([]float32, r.n*r.d)
	}
	err = r.each(ctx, workers, func(_, lo, hi int, x []float32) error {
		for i := lo; i < hi; i++ {
			r.square[i] = kernel.SquaredNorm(x[(i-lo)*r.d : (i-lo+1)*r.d])
		}
		if kept != nil {
			copy(kept[lo*r.d:], x)
		}
		return nil
	})
	r.kept = kept
	return r, err
}

// each calls work for every block of rows, one goroutine per stripe, in row order within a stripe. x is valid only during the call.
func (r *rows) each(ctx context.Context, workers int, work func(s, lo, hi int, x []float32) error) error {
	return parallel.Blocks(ctx, workers, r.n, r.stripe, func(s, lo, hi int) error {
		var buffer []float32
		for ; lo < hi; lo += blockRows {
			end := min(hi, lo+blockRows)
			if err := ctx.Err(); err != nil {
				return err
			}
			x := r.kept
			if x != nil {
				x = x[lo*r.d : end*r.d]
			} else {
				if buffer == nil {
					buffer = make([]float32, min(blockRows, hi-lo)*r.d)
				}
				x = buffer[:(end-lo)*r.d]
				if err := r.frame.Block(x, lo, end); err != nil {
					return fmt.Errorf("features of rows %d to %d: %w", lo, end, err)
				}
			}
			if err := work(s, lo, end, x); err != nil {
				return err
			}
		}
		return nil
	})
}

// gather copies the listed rows.
func (r *rows) gather(dst []float32, named []int32) error {
	if r.kept == nil {
		return r.frame.Gather(dst, named)
	}
	for e, i := range named {
		copy(dst[e*r.d:(e+1)*r.d], r.kept[int(i)*r.d:])
	}
	return nil
}

// back transforms a result from the frame to the original features.
func (r *rows) back(result *Result) {
	r.frame.Back(result.Centroids)
	result.Inertia /= r.frame.Scale * r.frame.Scale
}
