package represent

import (
	"strings"
	"testing"

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
