package represent

import (
	"strings"
	"testing"

	"iconic/head/icon"
	"iconic/head/method"
	"iconic/matrix"
)

// A batch whose rows with the same label make too many pairs is refused before they are listed.
func TestABatchOfTooManyPairsIsRefused(t *testing.T) {
	const n = 30_000
	d := &method.Data{Features: matrix.NewDense(n, 1), Clusters: 2, Inputs: method.Inputs{Labels: make([]int, n)}}
	_, err := batchLabels(nil, d, everyRow(n), nil)
	if err == nil || !strings.Contains(err.Error(), "899970000 pairs of rows with the same label in a batch of 30000 need too much memory: want at most 400000000 pairs; use a smaller batch") {
		t.Error(err)
	}
	if p, err := batchLabels(nil, d, everyRow(n)[:100], nil); err != nil || p.Len() != 100 {
		t.Error(err)
	}
}

// The images of a graph from which no edge leads are counted, and among them those to which none leads either.
func TestImagesWithoutEdgesAreCounted(t *testing.T) {
	for _, c := range []struct {
		edges []icon.Edge
		want  string
	}{
		{nil, ""},
		{[]icon.Edge{{From: 0, To: 1, Weight: 1}, {From: 1, To: 2, Weight: 1}, {From: 2, To: 3, Weight: 1}, {From: 3, To: 0, Weight: 1}}, ""},
		{[]icon.Edge{{From: 0, To: 1, Weight: 1}}, "3 of 4 images have no outgoing edge in the graph, so they have no neighbours of their own; 2 of these have no incoming edge either, so"},
		{[]icon.Edge{{From: 0, To: 1, Weight: 1}, {From: 1, To: 2, Weight: 1}, {From: 2, To: 3, Weight: 1}}, "1 of 4 images has no outgoing edge in the graph, so it has no neighbours of its own; an edge from"},
	} {
		got := strings.Join(unconnected(4, c.edges), "\n")
		if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%v: %q, want %q", c.edges, got, c.want)
		}
	}
}
