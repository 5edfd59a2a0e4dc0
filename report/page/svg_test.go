package page

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
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
		{nil, 0, "This run has no training history."}, {[]float64{2.5}, 0, "The training recorded one loss, of the final clustering: 2.5."}, {[]float64{2.5, 2}, 1, ""},
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
