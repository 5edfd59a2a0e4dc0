package matrix

import (
	"context"
	"errors"
	"fmt"
	"math"

	"iconic/internal/parallel"
)

// Standardized presents features scaled to mean 0 and variance 1: (x − mean)·inverse.
type Standardized struct {
	Features
	Mean, Inverse []float32
}

// Block reads rows lo to hi−1, standardised.
func (s *Standardized) Block(dst []float32, lo, hi int) error {
	if err := s.Features.Block(dst, lo, hi); err != nil {
		return err
	}
	s.scale(dst, hi-lo)
	return nil
}

// Gather reads the listed rows, standardised.
func (s *Standardized) Gather(dst []float32, rows []int32) error {
	if err := s.Features.Gather(dst, rows); err != nil {
		return err
	}
	s.scale(dst, len(rows))
	return nil
}

func (s *Standardized) scale(x []float32, n int) {
	d := len(s.Mean)
	for i := range n {
		row := x[i*d : (i+1)*d]
		for e, v := range row {
			row[e] = (v - s.Mean[e]) * s.Inverse[e]
		}
	}
}

const momentRows = 1024

// Moments returns the mean and variance of every feature. It fails on numbers that are not finite, naming the row, and if all rows are the
// same, or differ by too little for float32, since nothing can be learned from them.
func Moments(ctx context.Context, f Features, workers int) (mean, variance []float64, err error) {
	n, d := f.Len(), f.Dim()
	mean, err = columnMeans(ctx, f, workers, func(sum []float64, row []float32, i int) error {
		for e, v := range row {
			if v-v != 0 {
				return fmt.Errorf("features of row %d are not finite (number %d is %v): encode that image again or exclude it", i, e, v)
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
	differ := false
	for e := range variance {
		if varies(mean[e], variance[e]) {
			return mean, variance, nil
		}
		differ = differ || variance[e] > digits*mean[e]*mean[e]
	}
	if differ {
		return nil, nil, fmt.Errorf("the features of all %d rows differ by less than 1e-30, too little for float32: multiply them by a power of ten", n)
	}
	return nil, nil, fmt.Errorf("all %d rows of %d features are the same: %w", n, d, errConstant)
}

// TotalVariance is the sum of the variances of all features, as Moments returns them.
func TotalVariance(variance []float64) float64 {
	total := 0.0
	for _, v := range variance {
		total += v
	}
	return total
}

var errConstant = errors.New("nothing distinguishes the images; check the encoder's output")

// columnMeans is 1/n Σ_i add(row i), summed in float64.
func columnMeans(ctx context.Context, f Features, workers int, add func(sum []float64, row []float32, i int) error) ([]float64, error) {
	n, d := f.Len(), f.Dim()
	total, err := parallel.Sum(ctx, workers, n, parallel.Stripe(n, 16, momentRows), momentRows, d, func(sum []float64, lo, hi int) error {
		x := make([]float32, (hi-lo)*d)
		if err := f.Block(x, lo, hi); err != nil {
			return fmt.Errorf("features of rows %d to %d: %w", lo, hi, err)
		}
		for i := lo; i < hi; i++ {
			if err := add(sum, x[(i-lo)*d:(i-lo+1)*d], i); err != nil {
				return err
			}
		}
		return nil
	})
	for e := range total {
		total[e] /= float64(n)
	}
	return total, err
}

// digits is the square of the last digit of float32, 1e-7.
const digits = 1e-14

// varies distinguishes a column whose numbers differ from one that is constant up to the last digit of float32, 1e-7 of its size. A
// standard deviation below 1e-30, whose inverse float32 can hardly represent, counts as none.
func varies(mean, variance float64) bool { return variance > max(digits*mean*mean, 1e-60) }

// Standardize standardises f by the given moments. A feature that does not vary becomes 0.
func Standardize(f Features, mean, variance []float64) *Standardized {
	s := &Standardized{Features: f, Mean: make([]float32, len(mean)), Inverse: make([]float32, len(mean))}
	for e := range mean {
		s.Mean[e] = float32(mean[e])
		if varies(mean[e], variance[e]) {
			s.Inverse[e] = float32(1 / math.Sqrt(variance[e]))
		}
	}
	return s
}

// Rescale centres f by the given moments and multiplies all its features by the one factor that makes their mean variance 1.
func Rescale(f Features, mean, variance []float64) *Standardized {
	s := &Standardized{Features: f, Mean: make([]float32, len(mean)), Inverse: make([]float32, len(mean))}
	factor := 1.0
	if total := TotalVariance(variance); total > 0 {
		factor = math.Sqrt(float64(len(mean)) / total)
	}
	for e := range mean {
		s.Mean[e], s.Inverse[e] = float32(mean[e]), float32(factor)
	}
	return s
}

// Like applies the scaling of s to another set of the same features.
func (s *Standardized) Like(f Features) *Standardized {
	return &Standardized{Features: f, Mean: s.Mean, Inverse: s.Inverse}
}
