package matrix

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestPartsReadTheRowsAndColumnsThatTheyName(t *testing.T) {
	x := &Dense{Width: 3, X: []float32{0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32}}
	part := &Columns{Features: &Subset{Features: x, Rows: []int32{3, 1, 0}}, Columns: []int{2, 0}}
	if part.Len() != 3 || part.Dim() != 2 {
		t.Fatalf("%d rows of %d: want 3 of 2", part.Len(), part.Dim())
	}
	got := make([]float32, 4)
	if err := part.Block(got, 1, 3); err != nil || !slices.Equal(got, []float32{12, 10, 2, 0}) {
		t.Errorf("rows 1 to 3 are %v, %v", got, err)
	}
	if err := part.Gather(got, []int32{2, 0}); err != nil || !slices.Equal(got, []float32{2, 0, 32, 30}) {
		t.Errorf("rows 2 and 0 are %v, %v", got, err)
	}
	for name, err := range map[string]error{
		"block past the end": part.Block(got, 2, 4), "block from below": part.Block(got, -1, 1), "row past the end": part.Gather(got, []int32{3}), "negative row": part.Gather(got, []int32{-1}),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestRandomRows(t *testing.T) {
	draw := func(seed uint64, n, m int) []int32 { return RandomRows(rand.New(rand.NewPCG(seed, 0)), n, m) }
	counts := make([]int, 5)
	for seed := range uint64(2000) {
		rows := draw(seed, 5, 2)
		if len(rows) != 2 || rows[0] >= rows[1] {
			t.Fatalf("rows %v: want two, ascending", rows)
		}
		for _, i := range rows {
			counts[i]++
		}
	}
	for i, c := range counts {
		if c < 700 || c > 900 {
			t.Errorf("row %d was drawn %d times in 2000 draws of two of five", i, c)
		}
	}
	if !slices.Equal(draw(1, 4, 4), []int32{0, 1, 2, 3}) || len(draw(1, 4, 0)) != 0 || !slices.Equal(draw(3, 90, 9), draw(3, 90, 9)) {
		t.Error("all, none, or the same draw twice")
	}
}
