package features

import (
	"fmt"
	"math"

	"iconic/internal/npy"
)

// column is the range of a matrix's column in float64.
type column struct{ least, most float64 }

// steps is the number of different values that float32 has in the range; +Inf for a column that only varies by float64's own rounding.
func (c column) steps() float64 {
	size := math.Max(math.Abs(c.least), math.Abs(c.most))
	if c.most-c.least <= size*0x1p-40 {
		return math.Inf(1)
	}
	at := float32(size)
	return (c.most - c.least) / float64(math.Nextafter32(at, float32(math.Inf(1)))-at)
}

// fewSteps is the number of values in the range of a column below which float32 is said to be too coarse for it: rounding to so many changes
// distances by about as much as rounding an image to eight bits.
const fewSteps = 256

// narrowed judges what is lost when a float64 matrix is read as float32, before later steps find rows that are infinite or equal. It fails if
// float32 cannot hold a number, or no difference between rows, and notes columns of which little is left.
func (s *Set) narrowed(name string, f *npy.File) error {
	if f.DType != "float64" || f.Len() == 0 {
		return nil
	}
	columns, err := ranges(name, f)
	if err != nil {
		return err
	}
	widest, such, coarse, same := 0.0, -1, 0, true
	for j, c := range columns {
		steps := c.steps()
		if steps < fewSteps {
			if coarse++; such < 0 {
				such = j
			}
		}
		widest = max(widest, c.most-c.least)
		same = same && (math.IsInf(steps, 1) || float32(c.least) == float32(c.most))
	}
	switch {
	case coarse == 0:
	case same:
		return fmt.Errorf("%s: as float32 all rows are the same, although as float64 they differ by up to %.3g: subtract the mean of each column, and scale the columns to about 1, before saving them",
			name, widest)
	default:
		s.Notes = append(s.Notes, fmt.Sprintf("%s is read as float32, which has fewer than %d steps in the range of %d of %d columns (such as column %d, from %.10g to %.10g): subtract the mean of each column before saving it",
			name, fewSteps, coarse, len(columns), such, columns[such].least, columns[such].most))
	}
	return nil
}

// ranges measures the columns of a float64 matrix. Numbers that are not finite are left to those who read them.
func ranges(name string, f *npy.File) ([]column, error) {
	const block = 1 << 16 // numbers
	d := f.Dim()
	columns := make([]column, d)
	for j := range columns {
		columns[j] = column{math.Inf(1), math.Inf(-1)}
	}
	x := make([]float64, block)
	for lo := 0; lo < f.Len()*d; lo += block {
		part := x[:min(block, f.Len()*d-lo)]
		if err := f.Doubles(part, lo); err != nil {
			return nil, err
		}
		for i, v := range part {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				continue
			}
			if math.IsInf(float64(float32(v)), 0) {
				return nil, fmt.Errorf("%s: row %d has the number %.3g, and float32 holds none above %.2g: divide the matrix by a constant before saving it", name, (lo+i)/d, v, math.MaxFloat32)
			}
			c := &columns[(lo+i)%d]
			c.least, c.most = min(c.least, v), max(c.most, v)
		}
	}
	for j, c := range columns {
		if c.least > c.most { // no number is finite
			columns[j] = column{}
		}
	}
	return columns, nil
}
