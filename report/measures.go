package report

import (
	"math"
	"slices"
)

// Measure describes a score of Metrics: every table, chart and file takes its scores from Measures by their keys.
type Measure struct {
	Key    string // its name in metrics.json and sweep.csv
	Name   string // its name for people
	Why    string // what it means, without a full stop
	Digits int    // to show after the point
	Better int    // 1: high values are better; -1: low ones; 0: neither

	of       func(m *Metrics) Number
	interval func(m *Metrics) [2]Number
}

var undefined = Number(math.NaN())

// measures is in the order of pages and tables.
var measures = []Measure{
	{Key: "accuracy", Name: "accuracy", Digits: 3, Better: 1, Why: "share of images whose label is the class matched to their cluster; best one-to-one matching, held fixed for the interval",
		of:       labelled(func(l *Labelled) Number { return l.Accuracy }),
		interval: func(m *Metrics) [2]Number { return m.AccuracyInterval }},
	{Key: "nmi", Name: "NMI", Digits: 3, Better: 1, Why: "mutual information of clusters and labels, divided by the mean of their entropies",
		of: labelled(func(l *Labelled) Number { return l.NMI })},
	{Key: "ari", Name: "ARI", Digits: 3, Better: 1, Why: "pairs of images that are correctly together or apart, adjusted for chance",
		of: labelled(func(l *Labelled) Number { return l.ARI })},
	{Key: "ece", Name: "ECE", Digits: 3, Better: -1, Why: "mean gap between confidence and accuracy over 15 bins of equal width; the interval is corrected for bootstrap bias",
		of:       labelled(func(l *Labelled) Number { return l.ECE }),
		interval: func(m *Metrics) [2]Number { return m.ECEInterval }},
	{Key: "ece_by_chance", Name: "ECE by chance", Digits: 3, Why: "the ECE that as many images would have on average if every confidence were right",
		of: labelled(func(l *Labelled) Number { return Number(ChanceCalibrationError(l.Reliability)) })}, // files of earlier versions lack the number
	{Key: "ami", Name: "AMI", Digits: 3, Better: 1, Why: "mutual information adjusted for chance",
		of: labelled(func(l *Labelled) Number { return l.AMI })},
	{Key: "many_to_one_accuracy", Name: "many-to-one accuracy", Digits: 3, Better: 1, Why: "each cluster counts as its most frequent class: higher if there are more clusters than classes",
		of: labelled(func(l *Labelled) Number { return l.ManyToOne })},
	{Key: "adaptive_ece", Name: "adaptive ECE", Digits: 3, Better: -1, Why: "the same gap over 15 bins of equal count",
		of: labelled(func(l *Labelled) Number { return l.AdaptiveECE })},
	{Key: "class_wise_ece", Name: "class-wise ECE", Digits: 4, Better: -1, Why: "the gap for each class's own probability, averaged over classes",
		of: labelled(func(l *Labelled) Number { return l.ClassWiseECE })},
	{Key: "mce", Name: "MCE", Digits: 3, Better: -1, Why: "the gap of the worst bin, however few images it contains",
		of: labelled(func(l *Labelled) Number { return l.MCE })},
	{Key: "brier", Name: "Brier score", Digits: 3, Better: -1, Why: "squared distance of the probabilities from the truth, 0 to 2",
		of: labelled(func(l *Labelled) Number { return l.Brier })},
	{Key: "nll", Name: "NLL", Digits: 3, Better: -1, Why: "negative log-likelihood of the true class, in nats; probabilities are at least 10⁻¹²",
		of: labelled(func(l *Labelled) Number { return l.NLL })},

	{Key: "silhouette", Name: "silhouette", Digits: 3, Better: 1, Why: "how much nearer an image is to its own cluster than to the next, by cosine distance, −1 to 1",
		of: labelFree(func(l *LabelFree) Number { return l.Silhouette })},
	{Key: "neighbour_agreement", Name: "neighbours together", Digits: 3, Better: 1, Why: "share of an image's ten nearest others, by cosine, in the same cluster",
		of: labelFree(func(l *LabelFree) Number { return l.NeighbourAgreement })},
	{Key: "davies_bouldin", Name: "Davies-Bouldin", Digits: 3, Better: -1, Why: "spread of clusters divided by the distance between their centres",
		of: labelFree(func(l *LabelFree) Number { return l.DaviesBouldin })},
	{Key: "calinski_harabasz", Name: "Calinski-Harabasz", Digits: 1, Better: 1, Why: "variance between clusters divided by variance within",
		of: labelFree(func(l *LabelFree) Number { return l.CalinskiHarabasz })},
	{Key: "seed_agreement", Name: "agreement between seeds", Digits: 3, Better: 1, Why: "mean ARI between runs that differ only in their seed",
		of: labelFree(func(l *LabelFree) Number { return l.SeedAgreement })},
	{Key: "expected_accuracy", Name: "expected accuracy", Digits: 3, Better: 1, Why: "estimated without labels from the agreement of simpler clusterings; errors that all of them share are not detected",
		of: func(m *Metrics) Number {
			if m.ExpectedAccuracy > 0 {
				return m.ExpectedAccuracy
			}
			return undefined
		}},

	{Key: "mean_confidence", Name: "mean confidence", Digits: 3, Why: "mean top probability",
		of: func(m *Metrics) Number { return m.MeanConfidence }},
	{Key: "effective_clusters", Name: "effective clusters", Digits: 1, Why: "exponential of the entropy of the cluster sizes: the equivalent number of equal clusters",
		of: func(m *Metrics) Number { return m.EffectiveClusters }},
}

// unlisted are numbers of a run that files have beside its scores.
var unlisted = []Measure{
	{Key: "clusters_used", Name: "clusters used", Why: "clusters that have images", of: func(m *Metrics) Number { return Number(m.ClustersUsed) }},
	{Key: "loss", Name: "loss", Digits: 4, Why: "objective that was minimised in training; methods have different ones", of: func(m *Metrics) Number { return m.Loss }},
}

func labelled(of func(*Labelled) Number) func(*Metrics) Number {
	return func(m *Metrics) Number {
		if m.Labelled == nil {
			return undefined
		}
		return of(m.Labelled)
	}
}

func labelFree(of func(*LabelFree) Number) func(*Metrics) Number {
	return func(m *Metrics) Number {
		if m.LabelFree == nil {
			return undefined
		}
		return of(m.LabelFree)
	}
}

// Measures lists the scores in the order of pages and tables. With keys, it lists those of them, in their order, and may include clusters_used
// and loss, which are no scores; a key that is not known makes a measure without a value.
func Measures(keys ...string) []Measure {
	if len(keys) == 0 {
		return slices.Clone(measures)
	}
	list := make([]Measure, len(keys))
	for i, key := range keys {
		list[i] = Measure{Key: key, Name: key}
		for _, x := range slices.Concat(measures, unlisted) {
			if x.Key == key {
				list[i] = x
			}
		}
	}
	return list
}

// Of is the score in m, undefined if m lacks it.
func (x Measure) Of(m *Metrics) Number {
	if x.of == nil {
		return undefined
	}
	return x.of(m)
}

// Interval is the score's 95 % interval in m, and whether the score has one.
func (x Measure) Interval(m *Metrics) ([2]Number, bool) {
	if x.interval == nil || m.Labelled == nil {
		return [2]Number{undefined, undefined}, false
	}
	return x.interval(m), true
}
