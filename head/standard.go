package head

import (
	"context"
	"errors"
	"fmt"
	"math"

	"iconic/internal/parallel"
)

// Features is a matrix of Len rows of Dim numbers that may lie on disk. Block copies rows lo to hi, Gather those named,
// into dst, row after row. Both may be called by several goroutines at once.
type Features interface {
	Len() int
	Dim() int
	Block(dst []float32, lo, hi int) error
	Gather(dst []float32, rows []int32) error
}

// standardized is features scaled to mean 0 and variance 1: (x − mean)·inverse.
type standardized struct {
	Features
	mean, inverse []float32
}

func (s *standardized) Block(dst []float32, lo, hi int) error {
	if err := s.Features.Block(dst, lo, hi); err != nil {
		return err
	}
	s.scale(dst, hi-lo)
	return nil
}

func (s *standardized) Gather(dst []float32, rows []int32) error {
	if err := s.Features.Gather(dst, rows); err != nil {
		return err
	}
	s.scale(dst, len(rows))
	return nil
}

func (s *standardized) scale(x []float32, n int) {
	d := len(s.mean)
	for i := range n {
		row := x[i*d : (i+1)*d]
		for e, v := range row {
			row[e] = (v - s.mean[e]) * s.inverse[e]
		}
	}
}

// fold gives the head that does to features as they are what l does to standardised ones:
//
//	Σ_e W_ce (x_e − m_e) v_e + b_c  =  Σ_e (W_ce v_e) x_e  +  (b_c − Σ_e W_ce v_e m_e)
func (s *standardized) fold(l *Linear) *Linear {
	f := l.clone()
	for c := range l.Clusters {
		row := f.Weight[c*l.Dim : (c+1)*l.Dim]
		bias := float64(l.Bias[c])
		for e := range row {
			row[e] *= s.inverse[e]
			bias -= float64(row[e]) * float64(s.mean[e])
		}
		f.Bias[c] = float32(bias)
	}
	return f
}

const momentRows = 1024

// moments measures mean and variance of every feature. It fails on numbers that are not finite, naming the row, and on
// features that are the same in all rows, since nothing can be learned from them.
func moments(ctx context.Context, f Features, workers int) (mean, variance []float64, err error) {
	n, d := f.Len(), f.Dim()
	mean, err = columnMeans(ctx, f, workers, func(sum []float64, row []float32, i int) error {
		for e, v := range row {
			if v-v != 0 {
				return fmt.Errorf("features of row %d are not finite (number %d is %v): encode that image again or leave it out", i, e, v)
			}
			sum[e] += float64(v)
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	variance, err = columnMeans(ctx, f, workers, func(sum []float64, row []float32, _ int) error {
		for e, v := range row {
			c := float64(v) - mean[e]
			sum[e] += c * c
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for e := range variance {
		if variance[e] > 1e-12*(1+mean[e]*mean[e]) {
			return mean, variance, nil
		}
	}
	return nil, nil, fmt.Errorf("all %d rows of %d features are the same: %w", n, d, errConstant)
}

var errConstant = errors.New("there is nothing to tell them apart; look at the encoder's output")

// columnMeans is 1/n Σ_i add(row i), summed in float64 by stripes whose number depends on n alone.
func columnMeans(ctx context.Context, f Features, workers int, add func(sum []float64, row []float32, i int) error) ([]float64, error) {
	n, d := f.Len(), f.Dim()
	stripe := max(1, parallel.Count(parallel.Count(n, 16), momentRows)) * momentRows
	sums := make([][]float64, parallel.Count(n, stripe))
	err := parallel.Blocks(ctx, workers, n, stripe, func(s, lo, hi int) error {
		sums[s] = make([]float64, d)
		x := make([]float32, min(momentRows, hi-lo)*d)
		for ; lo < hi; lo += momentRows {
			end := min(hi, lo+momentRows)
			if err := f.Block(x[:(end-lo)*d], lo, end); err != nil {
				return fmt.Errorf("features of rows %d to %d: %w", lo, end, err)
			}
			for i := lo; i < end; i++ {
				if err := add(sums[s], x[(i-lo)*d:(i-lo+1)*d], i); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	total := make([]float64, d)
	for _, sum := range sums {
		for e, v := range sum {
			total[e] += v
		}
	}
	for e := range total {
		total[e] /= float64(n)
	}
	return total, nil
}

// standardize wraps f by its own moments. A feature that does not vary becomes 0.
func standardize(f Features, mean, variance []float64) *standardized {
	s := &standardized{Features: f, mean: make([]float32, len(mean)), inverse: make([]float32, len(mean))}
	for e := range mean {
		s.mean[e] = float32(mean[e])
		if variance[e] > 1e-12*(1+mean[e]*mean[e]) {
			s.inverse[e] = float32(1 / math.Sqrt(variance[e]))
		}
	}
	return s
}
