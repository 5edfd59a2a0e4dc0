package method

import (
	"slices"
	"testing"

	"iconic/head/knn"
)

// The neighbours of some rows are found by the rows' numbers; other rows have none.
func TestEdgesOfSomeRows(t *testing.T) {
	g := &knn.Graph{N: 2, K: 2, Of: []int32{1, 4}, Neighbours: []int32{0, 2, 3, 1}}
	e := edges(g, 5)
	for i, want := range [][]int32{nil, {0, 2}, nil, nil, {3, 1}} {
		if got := e.Row(i); !slices.Equal(got, want) {
			t.Errorf("row %d: %v, want %v", i, got, want)
		}
	}
	all := &knn.Graph{N: 2, K: 1, Neighbours: []int32{1, 0}}
	if got := edges(all, 2).Row(1); !slices.Equal(got, []int32{0}) {
		t.Errorf("row 1 of a whole graph: %v", got)
	}
}
