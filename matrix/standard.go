package matrix

import (
	"fmt"
	"math"
)

// Standardized presents features scaled to mean 0 and variance 1: (x − mean)·inverse.
type Standardized struct {
	Features
	Mean, Inverse []float32
	// Longest, if not 0, is the largest length of a scaled row; a longer one is shortened to it and keeps its direction.
	Longest float64
}

func (s *Standardized) check() error {
	if err := Check(s.Features); err != nil {
		return err
	}
	if d := s.Dim(); len(s.Mean) != d || len(s.Inverse) != d {
		return fmt.Errorf("%d means and %d inverse deviations for %d columns: want one of each per column", len(s.Mean), len(s.Inverse), d)
	}
	return nil
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
		if s.Longest > 0 && s.shorten(row) {
			continue
		}
		for e, v := range row {
			row[e] = (v - s.Mean[e]) * s.Inverse[e]
		}
	}
}

// shorten scales a row that is too long, in float64, since its numbers may be beyond float32; it reports whether it is.
func (s *Standardized) shorten(row []float32) bool {
	at := func(e int) float64 { return (float64(row[e]) - float64(s.Mean[e])) * float64(s.Inverse[e]) }
	square := 0.0
	for e := range row {
		square += at(e) * at(e)
	}
	if square <= s.Longest*s.Longest {
		return false
	}
	factor := s.Longest / math.Sqrt(square)
	for e := range row {
		row[e] = float32(factor * at(e))
	}
	return true
}

// longest is the length to which far rows are shortened, in typical lengths: they are still the longest of all, but do not outweigh the others in a
// gradient or in a centroid.
const longest = 3

// Standardize standardises f by its moments. A feature that does not vary becomes 0. If the moments know far rows, rows of more than three times the
// typical length are shortened to that.
func Standardize(f Features, m *Moments) *Standardized {
	s := &Standardized{Features: f, Mean: make([]float32, len(m.Mean)), Inverse: make([]float32, len(m.Mean))}
	varied := 0.0
	for e, v := range m.Variance {
		s.Mean[e] = float32(m.Mean[e])
		if varies(m.Mean[e], v) {
			s.Inverse[e] = float32(1 / math.Sqrt(v))
			varied++
		}
	}
	if len(m.Far) > 0 {
		s.Longest = longest * math.Sqrt(varied)
	}
	return s
}

// Rescale centres f by its moments and multiplies all its features by the one factor that makes their mean variance 1.
func Rescale(f Features, m *Moments) *Standardized {
	s := &Standardized{Features: f, Mean: make([]float32, len(m.Mean)), Inverse: make([]float32, len(m.Mean))}
	factor := 1.0
	if total := m.Total(); total > 0 {
		factor = math.Sqrt(float64(len(m.Mean)) / total)
	}
	for e := range m.Mean {
		s.Mean[e], s.Inverse[e] = float32(m.Mean[e]), float32(factor)
	}
	return s
}

// InUnit presents f in a unit in which methods that do not standardise can learn, without moving the origin: multiplied by the power of two
// that makes the mean variance about 1 if the root of it is not within 1/8 to 16, in which features of encoders usually are and stay as they are. If
// the moments know far rows, rows of more than three times the typical length are shortened to that. It returns nil if nothing changes.
func InUnit(f Features, m *Moments) *Standardized {
	const least, most = 1.0 / 8, 16
	factor := 1.0
	if spread := m.spread(); spread > 0 && !(spread >= least && spread <= most) {
		factor = math.Exp2(-math.Round(math.Log2(spread)))
	}
	if factor == 1 && len(m.Far) == 0 {
		return nil
	}
	s := &Standardized{Features: f, Mean: make([]float32, len(m.Mean)), Inverse: make([]float32, len(m.Mean))}
	square := m.Total()
	for e, v := range m.Mean {
		s.Inverse[e] = float32(factor)
		square += v * v
	}
	if len(m.Far) > 0 {
		s.Longest = longest * factor * math.Sqrt(square)
	}
	return s
}

// Centre moves the origin of f near its mean, by whole multiples of a power of two about as large as the features' spread: so features that are
// centred already stay as they are, to the bit, and others lose only what is below
// float32's last digit of the spread.
func Centre(f Features, m *Moments) *Standardized {
	s := &Standardized{Features: f, Mean: make([]float32, len(m.Mean)), Inverse: make([]float32, len(m.Mean))}
	step := math.Exp2(math.Round(math.Log2(m.spread())))
	for e, v := range m.Mean {
		s.Mean[e], s.Inverse[e] = float32(step*math.Round(v/step)), 1
	}
	return s
}

// Like applies the scaling of s to another set of the same features.
func (s *Standardized) Like(f Features) *Standardized {
	return &Standardized{Features: f, Mean: s.Mean, Inverse: s.Inverse, Longest: s.Longest}
}
