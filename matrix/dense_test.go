package matrix

import (
	"slices"
	"testing"
)

func TestDense(t *testing.T) {
	r := NewDense(3, 2)
	copy(r.X, []float32{0, 1, 2, 3, 4, 5})
	if r.Len() != 3 || r.Dim() != 2 || !slices.Equal(r.Row(1), []float32{2, 3}) {
		t.Fatalf("%d rows of %d, the second %v", r.Len(), r.Dim(), r.Row(1))
	}
	dst := make([]float32, 4)
	if err := r.Block(dst, 1, 3); err != nil || !slices.Equal(dst, []float32{2, 3, 4, 5}) {
		t.Errorf("block: %v, %v", dst, err)
	}
	if err := r.Gather(dst, []int32{2, 0}); err != nil || !slices.Equal(dst, []float32{4, 5, 0, 1}) {
		t.Errorf("gather: %v, %v", dst, err)
	}
	for name, err := range map[string]error{
		"block of another size": r.Block(dst, 0, 1),
		"block past the end":    r.Block(dst, 2, 4),
		"row past the end":      r.Gather(dst, []int32{3}),
		"negative row":          r.Gather(dst, []int32{-1}),
		"too small":             r.Gather(dst, []int32{0, 0, 0}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
