package matrix

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"iconic/internal/parallel"
)

// Moments are the mean and variance of every feature over the rows of a set. Far rows do not count in them, since one row of a thousand
// times the usual length would determine the variances and leave the others without differences.
type Moments struct {
	Mean, Variance []float64
	// Far are the rows that are more than Remote times as far as the median row from the median of every feature, in order.
	Far []int
}

// Remote is the distance of a far row, in distances of the median row. Encoders' own features stay below a tenth of it, and a row within
// it adds less than 10⁴/n to a variance of 1.
const Remote = 100

// rare is how many rows there are at least for each far one, of more than one: more frequent ones are a part of the data, as if most images were alike.
const rare = 100

const momentRows = 1024

// Measure returns the moments of f. It fails on numbers that are not finite, naming the row, and if all rows are the same, or differ by too
// little for float32, since nothing can be learned from them.
func Measure(ctx context.Context, f Features, workers int) (*Moments, error) {
	centre, err := middle(f)
	if err != nil {
		return nil, err
	}
	m, distance := &Moments{}, make([]float64, f.Len()) // squared, from the centre
	m.Mean, err = columnMeans(ctx, f, workers, nil, func(sum []float64, row []float32, i int) error {
		for e, v := range row {
			if v-v != 0 {
				return infinite(i, e, v)
			}
			sum[e] += float64(v)
			c := float64(v) - float64(centre[e])
			distance[i] += c * c
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if far := beyond(distance); len(far) > 0 {
		near := &Moments{Far: far}
		near.Mean, err = columnMeans(ctx, f, workers, far, func(sum []float64, row []float32, _ int) error {
			for e, v := range row {
				sum[e] += float64(v)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		if near.Variance, err = variances(ctx, f, workers, near); err != nil || near.vary() {
			return near, err
		}
	}
	if m.Variance, err = variances(ctx, f, workers, m); err != nil || m.vary() {
		return m, err
	}
	for e, v := range m.Variance {
		if v > digits*m.Mean[e]*m.Mean[e] {
			return nil, fmt.Errorf("the features of all %d rows differ by less than 1e-30, too little for float32: multiply them by a power of ten", f.Len())
		}
	}
	return nil, constant(f)
}

// Finite fails on numbers that are not finite, naming the row.
func Finite(ctx context.Context, f Features, workers int) error {
	_, err := columnMeans(ctx, f, workers, nil, func(_ []float64, row []float32, i int) error {
		for e, v := range row {
			if v-v != 0 {
				return infinite(i, e, v)
			}
		}
		return nil
	})
	return err
}

// Differ fails if all rows of f are the same, bit by bit. It reads no further than the first row that is not.
func Differ(ctx context.Context, f Features) error {
	n, d := f.Len(), f.Dim()
	first, x := make([]float32, d), make([]float32, min(n, momentRows)*d)
	for lo := 0; lo < n; lo += momentRows {
		if err := ctx.Err(); err != nil {
			return err
		}
		hi := min(n, lo+momentRows)
		if err := f.Block(x[:(hi-lo)*d], lo, hi); err != nil {
			return fmt.Errorf("features of rows %d to %d: %w", lo, hi, err)
		}
		if lo == 0 {
			copy(first, x[:d])
		}
		for i := range hi - lo {
			if !slices.Equal(first, x[i*d:(i+1)*d]) {
				return nil
			}
		}
	}
	return constant(f)
}

// constant is the error of features whose rows are all the same.
func constant(f Features) error {
	return fmt.Errorf("all %d rows of %d features are the same: %w", f.Len(), f.Dim(), errConstant)
}

// infinite is the error of number e of row i, which is v.
func infinite(i, e int, v float32) error {
	return fmt.Errorf("features of row %d are not finite (number %d is %v): correct or remove that row; in a feature store, encode its image again or exclude it", i, e, v)
}

var errConstant = errors.New("nothing distinguishes the images; check the encoder's output")

// middle is the median of every feature, over at most a thousand rows that are spread evenly over f.
func middle(f Features) ([]float32, error) {
	const most = 1000
	n, d := f.Len(), f.Dim()
	rows := make([]int32, min(n, most))
	for e := range rows {
		rows[e] = int32(e * n / len(rows))
	}
	x := make([]float32, len(rows)*d)
	if err := f.Gather(x, rows); err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	return Medians(x, d), nil
}

// Medians is the median of every column of x, rows of d numbers; of an even number of rows the larger of the two.
func Medians(x []float32, d int) []float32 {
	median, column := make([]float32, d), make([]float32, len(x)/d)
	for e := range median {
		for i := range column {
			column[i] = x[i*d+e]
		}
		slices.Sort(column)
		median[e] = column[len(column)/2]
	}
	return median
}

// beyond lists the rows whose squared distance is more than that of the median row times the square of Remote; none if they are not rare, or if most
// rows are at the centre.
func beyond(distance []float64) (far []int) {
	ordered := slices.Sorted(slices.Values(distance))
	limit := Remote * Remote * ordered[len(ordered)/2]
	if limit == 0 {
		return nil
	}
	for i, v := range distance {
		if v > limit {
			far = append(far, i)
		}
	}
	if len(far) > max(1, len(distance)/rare) {
		return nil
	}
	return far
}

// variances are those of every feature about the mean of m, over the rows that count in it.
func variances(ctx context.Context, f Features, workers int, m *Moments) ([]float64, error) {
	return columnMeans(ctx, f, workers, m.Far, func(sum []float64, row []float32, _ int) error {
		for e, v := range row {
			c := float64(v) - m.Mean[e]
			sum[e] += c * c
		}
		return nil
	})
}

// columnMeans is the mean of add(row i) over all rows but the skipped ones, which are in order, summed in float64.
func columnMeans(ctx context.Context, f Features, workers int, skipped []int, add func(sum []float64, row []float32, i int) error) ([]float64, error) {
	n, d := f.Len(), f.Dim()
	total, err := parallel.Sum(ctx, workers, n, parallel.Stripe(n, 16, momentRows), momentRows, d, func(sum []float64, lo, hi int) error {
		x := make([]float32, (hi-lo)*d)
		if err := f.Block(x, lo, hi); err != nil {
			return fmt.Errorf("features of rows %d to %d: %w", lo, hi, err)
		}
		for i := lo; i < hi; i++ {
			if _, skip := slices.BinarySearch(skipped, i); skip {
				continue
			}
			if err := add(sum, x[(i-lo)*d:(i-lo+1)*d], i); err != nil {
				return err
			}
		}
		return nil
	})
	for e := range total {
		total[e] /= float64(n - len(skipped))
	}
	return total, err
}

// Total is the sum of the variances of all features.
func (m *Moments) Total() float64 {
	total := 0.0
	for _, v := range m.Variance {
		total += v
	}
	return total
}

// Times returns the moments of the features multiplied by a factor.
func (m *Moments) Times(factor float64) *Moments {
	t := &Moments{Mean: make([]float64, len(m.Mean)), Variance: make([]float64, len(m.Mean)), Far: m.Far}
	for e, v := range m.Mean {
		t.Mean[e], t.Variance[e] = v*factor, m.Variance[e]*factor*factor
	}
	return t
}

// Offset is the length of the mean in standard deviations of the rows around it, √(Σ mean²/Σ variance).
func (m *Moments) Offset() float64 {
	sum := 0.0
	for _, v := range m.Mean {
		sum += v * v
	}
	return math.Sqrt(sum / m.Total())
}

// spread is the root of the mean variance.
func (m *Moments) spread() float64 { return math.Sqrt(m.Total() / float64(len(m.Variance))) }

// vary reports whether any feature does.
func (m *Moments) vary() bool {
	for e, v := range m.Variance {
		if varies(m.Mean[e], v) {
			return true
		}
	}
	return false
}

// digits is the square of the last digit of float32, 1e-7.
const digits = 1e-14

// varies distinguishes a column whose numbers differ from one that is constant up to the last digit of float32, 1e-7 of its size. A
// standard deviation below 1e-30, whose inverse float32 can hardly represent, counts as none.
func varies(mean, variance float64) bool { return variance > max(digits*mean*mean, 1e-60) }
