package matrix

import (
	"errors"
	"fmt"
)

// Features is a matrix of Len rows of Dim numbers that may lie on disk. Block copies rows lo to hi−1 into dst, Gather the listed rows, row
// after row. Several goroutines may call both at once.
type Features interface {
	Len() int
	Dim() int
	Block(dst []float32, lo, hi int) error
	Gather(dst []float32, rows []int32) error
}

// Check refuses features that are nil, and those, also as a part of others, whose parts do not fit each other: a Dense whose numbers are not whole rows, Columns that are
// not there, a Standardized without a number for each column, and a Beside of sets with different numbers of rows, or without a factor for each.
func Check(f Features) error {
	switch f := f.(type) {
	case nil:
		return errors.New("there are no features")
	case *Dense:
		switch {
		case f == nil:
			return errors.New("there are no features")
		case f.Width < 1:
			return fmt.Errorf("features with rows of %d numbers: want at least 1", f.Width)
		case len(f.X)%f.Width != 0:
			return fmt.Errorf("%d numbers do not make whole rows of %d: the last row has %d", len(f.X), f.Width, len(f.X)%f.Width)
		}
	case *Subset:
		return Check(f.Features)
	case *Columns:
		return f.check()
	case *Standardized:
		return f.check()
	case *Stacked:
		return checkAll(f.Sets)
	case *Beside:
		return f.check()
	}
	return nil
}

func checkAll(sets []Features) error {
	if len(sets) == 0 {
		return errors.New("there are no features")
	}
	for _, s := range sets {
		if err := Check(s); err != nil {
			return err
		}
	}
	return nil
}
