package page

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"iconic/internal/plural"
	"iconic/report"
)

// headline is one large number.
type headline struct {
	Name, Value, Extra, Base string
	Change                   *change
}

// change is a difference, with the CSS class for one that is better or worse; "": neither, as far as its digits tell.
type change struct{ Text, Class string }

func changeOf(difference, better float64) *change {
	c := &change{Text: minus(fmt.Sprintf("%+.3f", difference))}
	switch {
	case math.Abs(difference) < .0005:
		c.Text = "no difference"
	case (difference < 0) == (better < 0):
		c.Class = "better"
	default:
		c.Class = "worse"
	}
	return c
}

// scoreRow is a line of the table of scores.
type scoreRow struct{ Name, Value, Interval, Base, Why string }

// text is a score as pages show it.
func text(x report.Measure, v report.Number) string { return decimals(v, x.Digits) }

func (v *runView) scores(m *report.Metrics) {
	base := m.KMeans
	v.HasBaseline = base != nil
	v.ScoresLead = "There are no labels: these scores use features and confidences only."
	if m.Labelled != nil {
		use := "Labels were not used in training."
		switch {
		case v.Evaluation:
			use = "The run was scored on these images after its training."
		case v.Supervised:
			use = "The method learned from the labels: the scores show how well it fits them."
		}
		v.ScoresLead = fmt.Sprintf("%s The matching of clusters to classes was fitted on %s.", use, v.fittedOn(m))
		if m.LabelledItems < m.N {
			v.ScoresLead += fmt.Sprintf(" %s of %s have a label.", plural.Thousands(m.LabelledItems), items(m.N))
		}
	}
	if m.Choice != "" {
		v.ScoresLead += " Choice: " + strings.ReplaceAll(m.Choice, " %", "\u00a0%") + "."
	}
	if m.N < report.Bins {
		v.ScoresLead += fmt.Sprintf(" With only %s, fewer than the bins of the calibration scores, all scores are rough estimates.", items(m.N))
	}
	if m.Labelled != nil && len(m.Labelled.Classes) == 1 {
		v.ScoresLead += " All labels belong to one class: agreement with them is meaningless."
	}
	for _, x := range headlines(m) {
		v.Headline = append(v.Headline, headlineOf(x, m, base))
	}
	for _, x := range report.Measures() {
		value, other := x.Of(m), report.Number(math.NaN())
		if base != nil {
			other = x.Of(base)
		}
		if !value.Defined() && !other.Defined() {
			continue
		}
		row := scoreRow{Name: x.Name, Value: text(x, value), Why: x.Why}
		if interval, has := x.Interval(m); has {
			row.Interval, v.Intervals = decimals(interval[0], 3)+" – "+decimals(interval[1], 3), true
		}
		if base != nil {
			row.Base = text(x, other)
		}
		v.Scores = append(v.Scores, row)
	}
}

// headlines are the scores to show first: those that use labels if there are any, otherwise the first four that m has of the others.
func headlines(m *report.Metrics) []report.Measure {
	if m.Labelled != nil {
		return report.Measures("accuracy", "nmi", "ari", "ece")
	}
	list := report.Measures("expected_accuracy", "silhouette", "neighbour_agreement", "mean_confidence", "effective_clusters")
	list = slices.DeleteFunc(list, func(x report.Measure) bool { return !x.Of(m).Defined() })
	return list[:min(4, len(list))]
}

// fittedOn names the images whose labels the matching was fitted on.
func (v *runView) fittedOn(m *report.Metrics) string {
	switch on := m.Matching.FittedOn; {
	case on == "all":
		return "all images that have one"
	case v.Evaluation && on == "training":
		return "the images of the training"
	}
	return fmt.Sprintf("the split %q", m.Matching.FittedOn)
}

func headlineOf(x report.Measure, m, base *report.Metrics) headline {
	value := x.Of(m)
	h := headline{Name: x.Name, Value: text(x, value)}
	if interval, has := x.Interval(m); has && interval[0].Defined() {
		h.Extra = decimals(interval[0], 3) + " – " + decimals(interval[1], 3)
	}
	if base == nil {
		return h
	}
	other := x.Of(base)
	h.Base = text(x, other)
	if difference := float64(value - other); !math.IsNaN(difference) && x.Better != 0 {
		h.Change = changeOf(difference, float64(x.Better))
	}
	return h
}
