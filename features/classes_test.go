package features

import (
	"slices"
	"testing"

	"iconic/matrix"
	"iconic/report"
)

func TestClassesWithImages(t *testing.T) {
	names := []string{"a", "b", "c", "d"}
	for name, c := range map[string]struct {
		labels   []int
		with     int
		first    string
		clusters int
		learned  []int
	}{
		"every class":                 {[]int{0, 1, 2, 3}, 4, "", 4, []int{0, 1, 2, 3}},
		"every class, fewer clusters": {[]int{0, 1, 2, 3}, 4, "", 3, []int{0, 1, 2, 3}},
		"none in the first":           {[]int{3, 1, 1, 3}, 2, "a", 2, []int{1, 0, 0, 1}},
		"room for all names":          {[]int{3, 1, 1, 3}, 2, "a", 4, []int{3, 1, 1, 3}},
		"rows without a label":        {[]int{3, report.NoLabel, 1, 1}, 2, "a", 2, []int{1, report.NoLabel, 0, 0}},
		"no label":                    {nil, 0, "a", 2, nil},
	} {
		set, err := New(matrix.NewDense(4, 1), nil, c.labels, names)
		if err != nil {
			t.Fatal(err)
		}
		if n, first := set.WithImages(), set.FirstWithout(); n != c.with || first != c.first {
			t.Errorf("%s: %d classes with images, %q the first without one: want %d, %q", name, n, first, c.with, c.first)
		}
		if got := set.LabelsFor(c.clusters); !slices.Equal(got, c.learned) {
			t.Errorf("%s: labels %d for %d clusters, want %d", name, got, c.clusters, c.learned)
		}
	}
}
