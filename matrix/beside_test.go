package matrix

import (
	"slices"
	"testing"
)

func TestBeside(t *testing.T) {
	b := &Beside{
		Sets:  []Features{&Dense{Width: 2, X: []float32{1, 2, 3, 4, 5, 6}}, &Dense{Width: 1, X: []float32{7, 8, 9}}},
		Scale: []float32{1, 10},
	}
	if b.Len() != 3 || b.Dim() != 3 {
		t.Fatalf("%d rows of %d", b.Len(), b.Dim())
	}
	got := make([]float32, 6)
	if err := b.Block(got, 1, 3); err != nil || !slices.Equal(got, []float32{3, 4, 80, 5, 6, 90}) {
		t.Errorf("block %v, %v", got, err)
	}
	if err := b.Gather(got, []int32{2, 0}); err != nil || !slices.Equal(got, []float32{5, 6, 90, 1, 2, 70}) {
		t.Errorf("gather %v, %v", got, err)
	}
}
