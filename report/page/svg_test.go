package page

import (
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"iconic/report"
)

// The name of the vertical axis is 14 units wide; a longer tick label moves the axis to the right.
func TestTicksHaveSpaceBesideTheNameOfTheirAxis(t *testing.T) {
	p := newPlot(440, 300, "")
	p.rangeY(1, 1.001)
	before := p.left
	p.axes("clusters", "agreement between seeds", nil, []float64{1, 1.0005}, short, short)
	if p.left-6-6*float64(len("1.0005")) < 14 {
		t.Errorf("the axis is at %g, was at %g, and its ticks begin on its name", p.left, before)
	}
	p = newPlot(440, 300, "")
	p.axes("confidence", "accuracy", nil, []float64{0, 0.2, 1}, short, short)
	if p.left != before {
		t.Errorf("short ticks move the axis to %g", p.left)
	}
}

func TestAxesEndWhereTheirScoresDo(t *testing.T) {
	for _, c := range []struct{ lo, hi, margin, from, to float64 }{
		{1, 1, 1e-3, 0.999, 1}, {0, 0.5, 0.1, 0, 0.6}, {-0.25, 0.5, 0.5, -0.75, 1}, {0.5, 3, 0.25, 0.25, 3.25},
	} {
		if from, to := within(c.lo, c.hi, c.margin); from != c.from || to != c.to {
			t.Errorf("%g to %g: the axis goes from %g to %g, want %g to %g", c.lo, c.hi, from, to, c.from, c.to)
		}
	}
}

func TestNumbersOfClustersThatAreMarked(t *testing.T) {
	curve := func(numbers ...int) (list []CountedAt) {
		for _, k := range numbers {
			list = append(list, CountedAt{Clusters: k})
		}
		return list
	}
	var all []int
	for k := 2; k <= 60; k++ {
		all = append(all, k)
	}
	for name, c := range map[string]struct {
		Counted
		want []int
	}{
		"a short curve":              {Counted{Clusters: 8, Curve: curve(5, 8, 10)}, []int{5, 8, 10}},
		"chosen near a power of two": {Counted{Clusters: 9, Curve: curve(all...)}, []int{2, 4, 9, 16, 32, 60}},
		"two alike":                  {Counted{Clusters: 100, Curve: curve(2, 99, 100)}, []int{2, 100}},
	} {
		var got []int
		for _, x := range c.marks() {
			got = append(got, int(math.Round(math.Exp2(x))))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// One loss is no curve, and its chart would be a dot.
func TestOneLossIsASentence(t *testing.T) {
	r := made(t, 40, 4, false)
	for _, c := range []struct {
		losses []float64
		charts int
		lead   string
	}{
		{nil, 0, "This run has no training history."}, {[]float64{2.5}, 0, "Only the loss of the final clustering was recorded: 2.5."}, {[]float64{2.5, 2}, 1, ""},
	} {
		r.History = nil
		for e, loss := range c.losses {
			r.History = append(r.History, Epoch{Epoch: e, Loss: loss})
		}
		v := new(runView)
		v.curves(r.History)
		if len(v.Curves) != c.charts || v.TrainingLead != c.lead {
			t.Errorf("%d losses: %d charts and %q", len(c.losses), len(v.Curves), v.TrainingLead)
		}
		page, _ := write(t, r)
		if !strings.Contains(string(page), c.lead) || strings.Contains(string(page), "the same 15 bins") {
			t.Errorf("%d losses: the page does not say %q, or compares bins with those of another chart", len(c.losses), c.lead)
		}
	}
}

// However few cells a matrix has, the names of its axes are whole and apart; its size is its own, so that its letters are those of other charts.
func TestTheNamesOfAMatrixHaveSpace(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.SliceOfN(rapid.StringN(1, 40, -1), 1, numbered).Draw(t, "rows")
		cols := rapid.SliceOfN(rapid.StringN(1, 40, -1), 1, numbered).Draw(t, "columns")
		m := &table{rowNames: rows, colNames: cols, rowKind: rapid.SampledFrom([]string{"class", "k-means cluster"}).Draw(t, "kind")}
		p := m.frame()
		across, along := 6*float64(len(columnsName)), 6*float64(len(m.rowKind)) // as wide as they are drawn, about
		middle := (p.left + p.width - p.right) / 2
		if middle-across/2 < 14 || middle+across/2 > p.width {
			t.Errorf("the horizontal name goes from %g to %g, beside the vertical one, which ends at 14, in a width of %g", middle-across/2, middle+across/2, p.width)
		}
		middle = (p.top + p.height - p.bottom) / 2
		if middle-along/2 < 0 || middle+along/2 > p.height-5-11 {
			t.Errorf("the vertical name goes from %g to %g, above the horizontal one at %g", middle-along/2, middle+along/2, p.height-5)
		}
		if p.left < 34+letter*float64(min(rowLetters, utf8.RuneCountInString(longest(rows)))) {
			t.Errorf("a left margin of %g for row %q", p.left, longest(rows))
		}
		if aslant := letter / math.Sqrt2 * float64(min(columnLetters, utf8.RuneCountInString(longest(cols)))); p.top < aslant+8 || p.right+cell/2 < aslant {
			t.Errorf("margins of %g above and %g to the right for column %q", p.top, p.right, longest(cols))
		}
		if !p.own {
			t.Error("it grows with its container")
		}
	})
}

// longest is the name with the most letters.
func longest(names []string) string {
	return slices.MaxFunc(names, func(a, b string) int { return utf8.RuneCountInString(a) - utf8.RuneCountInString(b) })
}

// A number that is rounded to zero has no sign.
func TestZeroHasNoSign(t *testing.T) {
	for x, want := range map[report.Number]string{-0.0004: "0.000", 0: "0.000", 0.0004: "0.000", -0.0006: "−0.001", 1: "1.000", -2.5: "−2.500"} {
		if got := decimals(x, 3); got != want {
			t.Errorf("%g: %q, want %q", x, got, want)
		}
	}
	for text, want := range map[string]string{"-0.000": "0.000", "+0.000": "0.000", "+0.010": "+0.010", "-0": "0", "1e-05": "1e−05"} {
		if got := minus(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
