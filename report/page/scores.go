package page

import (
	"fmt"
	"math"

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

// measure is a score with its name and meaning, as read from metrics.
type measure struct {
	name, why string
	of        func(m *report.Metrics) report.Number
	interval  func(m *report.Metrics) [2]report.Number
	lower     bool // is better
	digits    int
}

// labelledMeasures compare with labels; of is called only where there are any.
var labelledMeasures = []measure{
	{name: "accuracy", why: "share of images whose cluster's class is their label; one cluster per class, the best matching, which the interval holds fixed",
		of: func(m *report.Metrics) report.Number { return m.Accuracy }, interval: func(m *report.Metrics) [2]report.Number { return m.AccuracyInterval }},
	{name: "NMI", why: "mutual information of clusters and labels, over the mean of their entropies", of: func(m *report.Metrics) report.Number { return m.NMI }},
	{name: "ARI", why: "pairs of images put together rightly, adjusted for chance", of: func(m *report.Metrics) report.Number { return m.ARI }},
	{name: "ECE", why: "mean gap between confidence and accuracy over 15 bins of equal width; the interval is corrected for the bias of its bootstrap", lower: true,
		of: func(m *report.Metrics) report.Number { return m.ECE }, interval: func(m *report.Metrics) [2]report.Number { return m.ECEInterval }},
	{name: "AMI", why: "mutual information adjusted for chance", of: func(m *report.Metrics) report.Number { return m.AMI }},
	{name: "many-to-one accuracy", why: "each cluster stands for its most frequent class: kinder where clusters outnumber classes", of: func(m *report.Metrics) report.Number { return m.ManyToOne }},
	{name: "adaptive ECE", why: "the same gap over 15 bins of equal count", lower: true, of: func(m *report.Metrics) report.Number { return m.AdaptiveECE }},
	{name: "class-wise ECE", why: "the gap of each class's own probability, mean over classes", lower: true, of: func(m *report.Metrics) report.Number { return m.ClassWiseECE }, digits: 4},
	{name: "MCE", why: "the gap of the worst bin, however few images it holds", lower: true, of: func(m *report.Metrics) report.Number { return m.MCE }},
	{name: "Brier score", why: "squared distance of the probabilities from the truth, 0 to 2", lower: true, of: func(m *report.Metrics) report.Number { return m.Brier }},
	{name: "NLL", why: "negative log-likelihood of the true class, nats; probabilities below 10⁻¹² count as that", lower: true, of: func(m *report.Metrics) report.Number { return m.NLL }},
}

// labelFreeMeasures need features; of is called only where those scores are present.
var labelFreeMeasures = []measure{
	{name: "silhouette", why: "cosine; how much nearer an image is to its own cluster than to the next, −1 to 1", of: func(m *report.Metrics) report.Number { return m.LabelFree.Silhouette }},
	{name: "neighbours together", why: "share of nearest neighbours that lie in the same cluster", of: func(m *report.Metrics) report.Number { return m.LabelFree.NeighbourAgreement }},
	{name: "Davies-Bouldin", why: "spread of clusters over the distance of their centres", lower: true, of: func(m *report.Metrics) report.Number { return m.LabelFree.DaviesBouldin }},
	{name: "Calinski-Harabasz", why: "variance between clusters over variance within", of: func(m *report.Metrics) report.Number { return m.LabelFree.CalinskiHarabasz }, digits: 1},
	{name: "agreement between seeds", why: "mean ARI between runs that differ in their seed alone", of: func(m *report.Metrics) report.Number { return m.LabelFree.SeedAgreement }},
}

// expectedMeasure is there where training measured it.
var expectedMeasure = measure{name: "expected accuracy", why: "measured without labels, by how far cruder clusterings agree; faults that all of them share cannot be seen",
	of: func(m *report.Metrics) report.Number { return m.ExpectedAccuracy }}

// plainMeasures exist always.
var plainMeasures = []measure{
	{name: "mean confidence", why: "mean top probability", of: func(m *report.Metrics) report.Number { return m.MeanConfidence }},
	{name: "effective clusters", why: "exp of the entropy of the cluster sizes: how many equal clusters these are worth", of: func(m *report.Metrics) report.Number { return m.EffectiveClusters }, digits: 1},
}

func (x measure) text(v report.Number) string {
	if x.digits > 0 {
		return decimals(v, x.digits)
	}
	return decimals(v, 3)
}

// measures are the scores that m has.
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

// value is undefined where m lacks what x reads.
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
	v.ScoresLead = "Labels were not given: these scores look at features and confidences alone."
	if m.Labelled != nil {
		v.ScoresLead = fmt.Sprintf("Labels were not used in training. Which class a cluster stands for was fitted on %q.", m.Matching.FittedOn)
		if m.LabelledItems < m.N {
			v.ScoresLead += fmt.Sprintf(" %s of %s have a label.", thousands(m.LabelledItems), items(m.N))
		}
	}
	if m.Choice != "" {
		v.ScoresLead += " What was chosen: " + m.Choice + "."
	}
	if m.N < report.Bins {
		v.ScoresLead += fmt.Sprintf(" With %s, fewer than the bins of the calibration scores, all of this is rough.", items(m.N))
	}
	if m.Labelled != nil && len(m.Labelled.Classes) == 1 {
		v.ScoresLead += " All labels are of one class: agreement with them says nothing."
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
			row.Interval = decimals(interval[0], 3) + " – " + decimals(interval[1], 3)
		}
		if base != nil {
			row.Base = x.text(x.value(base))
		}
		v.Scores = append(v.Scores, row)
	}
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
	if difference := float64(value - other); !math.IsNaN(difference) && x.name != "mean confidence" && x.name != "effective clusters" {
		h.Change = &change{Text: minus(fmt.Sprintf("%+.3f", difference)), Better: (difference < 0) == x.lower || difference == 0}
	}
	return h
}
