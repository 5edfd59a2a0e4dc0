package matrix

import (
	"math/rand/v2"
	"slices"
	"strings"
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

// Parts that do not fit each other are refused before they are read, however deep they lie.
func TestCheck(t *testing.T) {
	two, three := NewDense(2, 4), NewDense(3, 4)
	for name, c := range map[string]struct {
		f    Features
		says string
	}{
		"features":                  {two, ""},
		"all kinds":                 {&Subset{&Beside{Sets: []Features{two, &Columns{two, []int{3, 0}}}, Scale: []float32{1, 2}}, []int32{1}}, ""},
		"none":                      {nil, "there are no features"},
		"a negative column":         {&Columns{two, []int{-1}}, "column -1 of features with 4 columns: want 0 to 3"},
		"a column too many":         {&Subset{&Columns{two, []int{0, 4}}, nil}, "column 4 of features with 4 columns"},
		"no mean":                   {&Standardized{Features: two, Inverse: make([]float32, 4)}, "0 means and 4 inverse deviations for 4 columns"},
		"uneven sets side by side":  {&Beside{Sets: []Features{two, three}, Scale: []float32{1, 1}}, "2 rows (the first) and 3 (number 2)"},
		"side by side, no factor":   {&Beside{Sets: []Features{two, two}, Scale: []float32{1}}, "1 factors for 2 sets"},
		"nothing side by side":      {&Beside{}, "there are no features"},
		"a part of a part is wrong": {&Stacked{Sets: []Features{two, &Standardized{Features: &Dense{X: make([]float32, 5), Width: 2}}}}, "5 numbers do not make whole rows"},
	} {
		if err := Check(c.f); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", name, err, c.says)
		}
	}
}
