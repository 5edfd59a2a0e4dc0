package icon

import (
	"fmt"
)

// Pairs is the partner of each of n points in a second set of the same order, for use between two sets.
func Pairs(n int) *Rows { return Build(n, func(i int, add func(int, float64)) { add(i, 1) }) }

// Views is, for n·views points of which each run of views shows one image, the uniform distribution over the other views of it.
// It fails on fewer than two views or a count they do not divide.
func Views(points, views int) (*Rows, error) {
	if views < 2 || points%views != 0 {
		return nil, fmt.Errorf("%d points in views of %d: want at least 2 views, and as many of each image", points, views)
	}
	return Build(points, func(i int, add func(int, float64)) {
		first := i / views * views
		for j := first; j < first+views; j++ {
			if j != i {
				add(j, 1)
			}
		}
	}), nil
}
