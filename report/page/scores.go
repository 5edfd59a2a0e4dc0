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

type change struct {
	Text   string
	Better bool
}

// ChangeClass is the CSS class of a change.
func (runView) ChangeClass(c *change) string {
	if c.Better {
		return "better"
	}
	return "worse"
}

// scoreRow is a line of the table of scores.
type scoreRow struct{ Name, Value, Interval, Base, Why string }

// measure is a score with its name and meaning, and how to read it from metrics.
type measure struct {
	name, why string
	of        func(m *report.Metrics) report.Number
	interval  func(m *report.Metrics) [2]report.Number
	lower     bool // is better
	neutral   bool // neither high nor low values are better
	digits    int
}

// labelledMeasures compare with labels; of is called only if there are any.
var labelledMeasures = []measure{
	{name: "accuracy", why: "share of images whose label is the class matched to their cluster; best one-to-one matching, held fixed for the interval",
		of: func(m *report.Metrics) report.Number { return m.Accuracy }, interval: func(m *report.Metrics) [2]report.Number { return m.AccuracyInterval }},
	{name: "NMI", why: "mutual information of clusters and labels, divided by the mean of their entropies", of: func(m *report.Metrics) report.Number { return m.NMI }},
	{name: "ARI", why: "pairs of images that are correctly together or apart, adjusted for chance", of: func(m *report.Metrics) report.Number { return m.ARI }},
	{name: "ECE", why: "mean gap between confidence and accuracy over 15 bins of equal width; the interval is corrected for bootstrap bias", lower: true,
		of: func(m *report.Metrics) report.Number { return m.ECE }, interval: func(m *report.Metrics) [2]report.Number { return m.ECEInterval }},
	{name: "AMI", why: "mutual information adjusted for chance", of: func(m *report.Metrics) report.Number { return m.AMI }},
	{name: "many-to-one accuracy", why: "each cluster counts as its most frequent class: higher if there are more clusters than classes", of: func(m *report.Metrics) report.Number { return m.ManyToOne }},
	{name: "adaptive ECE", why: "the same gap over 15 bins of equal count", lower: true, of: func(m *report.Metrics) report.Number { return m.AdaptiveECE }},
	{name: "class-wise ECE", why: "the gap for each class's own probability, averaged over classes", lower: true, of: func(m *report.Metrics) report.Number { return m.ClassWiseECE }, digits: 4},
	{name: "MCE", why: "the gap of the worst bin, however few images it contains", lower: true, of: func(m *report.Metrics) report.Number { return m.MCE }},
	{name: "Brier score", why: "squared distance of the probabilities from the truth, 0 to 2", lower: true, of: func(m *report.Metrics) report.Number { return m.Brier }},
	{name: "NLL", why: "negative log-likelihood of the true class, in nats; probabilities are at least 10⁻¹²", lower: true, of: func(m *report.Metrics) report.Number { return m.NLL }},
}

// labelFreeMeasures need features; of is called only if those scores are present.
var labelFreeMeasures = []measure{
	{name: "silhouette", why: "how much nearer an image is to its own cluster than to the next, by cosine distance, −1 to 1", of: func(m *report.Metrics) report.Number { return m.LabelFree.Silhouette }},
	{name: "neighbours together", why: "share of an image's ten nearest others, by cosine, in the same cluster", of: func(m *report.Metrics) report.Number { return m.LabelFree.NeighbourAgreement }},
	{name: "Davies-Bouldin", why: "spread of clusters divided by the distance between their centres", lower: true, of: func(m *report.Metrics) report.Number { return m.LabelFree.DaviesBouldin }},
	{name: "Calinski-Harabasz", why: "variance between clusters divided by variance within", of: func(m *report.Metrics) report.Number { return m.LabelFree.CalinskiHarabasz }, digits: 1},
	{name: "agreement between seeds", why: "mean ARI between runs that differ only in their seed", of: func(m *report.Metrics) report.Number { return m.LabelFree.SeedAgreement }},
}

// expectedMeasure exists if training measured it.
var expectedMeasure = measure{name: "expected accuracy", why: "estimated without labels from the agreement of simpler clusterings; errors that all of them share are not detected",
	of: func(m *report.Metrics) report.Number { return m.ExpectedAccuracy }}

// plainMeasures always exist.
var plainMeasures = []measure{
	{name: "mean confidence", neutral: true, why: "mean top probability", of: func(m *report.Metrics) report.Number { return m.MeanConfidence }},
	{name: "effective clusters", neutral: true, why: "exponential of the entropy of the cluster sizes: the equivalent number of equal clusters", of: func(m *report.Metrics) report.Number { return m.EffectiveClusters }, digits: 1},
}

// allMeasures lists every score, in the order of measures.
func allMeasures() []measure {
	return slices.Concat(labelledMeasures, labelFreeMeasures, []measure{expectedMeasure}, plainMeasures)
}

func (x measure) text(v report.Number) string {
	if x.digits > 0 {
		return decimals(v, x.digits)
	}
	return decimals(v, 3)
}

// measures lists the scores that m has.
func measures(m *report.Metrics) []measure {
	var list []measure
	if m.Labelled != nil {
		list = append(list, labelledMeasures...)
	}
	if m.LabelFree != nil {
		list = append(list, labelFreeMeasures...)
	}
	if m.ExpectedAccuracy > 0 {
		list = append(list, expectedMeasure)
	}
	return append(list, plainMeasures...)
}

// value is NaN if m lacks the score.
func (x measure) value(m *report.Metrics) report.Number {
	for _, have := range measures(m) {
		if have.name == x.name {
			return x.of(m)
		}
	}
	return report.Number(math.NaN())
}

func (v *runView) scores(m *report.Metrics) {
	base := m.KMeans
	v.HasBaseline = base != nil
	v.ScoresLead = "There are no labels: these scores use features and confidences only."
	if m.Labelled != nil {
		v.ScoresLead = fmt.Sprintf("Labels were not used in training. The matching of clusters to classes was fitted on %s.", fittedOn(m))
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
		v.ScoresLead += " All labels are of one class: agreement with them is meaningless."
	}
	var first []measure
	switch {
	case m.Labelled != nil:
		first = labelledMeasures[:4]
	case m.LabelFree != nil:
		first = append(append(first, labelFreeMeasures[:2]...), plainMeasures...)
	default:
		first = plainMeasures
	}
	for _, x := range first {
		v.Headline = append(v.Headline, x.headline(m, base))
	}
	for _, x := range measures(m) {
		value := x.of(m)
		if !value.Defined() && (base == nil || !x.value(base).Defined()) {
			continue
		}
		row := scoreRow{Name: x.name, Value: x.text(value), Why: x.why}
		if x.interval != nil {
			interval := x.interval(m)
			row.Interval, v.Intervals = decimals(interval[0], 3)+" – "+decimals(interval[1], 3), true
		}
		if base != nil {
			row.Base = x.text(x.value(base))
		}
		v.Scores = append(v.Scores, row)
	}
}

// fittedOn names the images whose labels the matching was fitted on.
func fittedOn(m *report.Metrics) string {
	if m.Matching.FittedOn == "all" {
		return "all images that have one"
	}
	return fmt.Sprintf("the split %q", m.Matching.FittedOn)
}

func (x measure) headline(m, base *report.Metrics) headline {
	value := x.of(m)
	h := headline{Name: x.name, Value: x.text(value)}
	if x.interval != nil {
		interval := x.interval(m)
		if interval[0].Defined() {
			h.Extra = decimals(interval[0], 3) + " – " + decimals(interval[1], 3)
		}
	}
	if base == nil {
		return h
	}
	other := x.value(base)
	h.Base = x.text(other)
	if difference := float64(value - other); !math.IsNaN(difference) && !x.neutral {
		h.Change = &change{Text: minus(fmt.Sprintf("%+.3f", difference)), Better: (difference < 0) == x.lower || difference == 0}
	}
	return h
}
