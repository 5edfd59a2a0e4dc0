package icon

import (
	"fmt"
)

// Pairs gives each of n points its partner in a second set in the same order, for use between two sets.
func Pairs(n int) *Rows { return Build(n, func(i int, add func(int, float64)) { add(i, 1) }) }

// Views is, for n·views points in which each run of views shows one image, the uniform distribution over the other views of the same image.
// It fails on fewer than two views or if they do not divide the number of points.
func Views(points, views int) (*Rows, error) {
	if views < 2 || points%views != 0 {
		return nil, fmt.Errorf("%d points in groups of %d views: want at least 2 views per image, and the same number for each", points, views)
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
