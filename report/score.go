package report

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"iconic/internal/assignment"
)

// NoLabel marks an item without a label.
const NoLabel = -1

// Input is a clustering of n items to be scored.
type Input struct {
	Clusters int   // clusters the model may use, at least 1
	Cluster  []int // of each item, 0 … Clusters−1; nil: that of the top probability, the lowest on ties

	// Confidence is the top probability of each item, in [0, 1]; nil: taken from Probabilities, or 1 if those are nil too.
	Confidence []float64

	// Probabilities fills dst, (hi−lo)×Clusters row-major, with the soft assignments of items lo … hi−1; each row sums
	// to 1. It is called from several goroutines concurrently, at most twice for each row. Nil: the assignment
	// is hard (if there is no Confidence either), or scores that need every probability are undefined.
	Probabilities func(dst []float64, lo, hi int) error
	Items         int // n, needed only if Cluster is nil

	Labels  []int    // of each item, NoLabel for none; nil: no labels
	Classes []string // names; nil: the labels themselves

	Loss float64 // copied to Metrics; NaN: unknown

	// Mapping is the class of each cluster (−1: none; no class twice), fitted on another split; nil: fit it here.
	Mapping  []int
	FittedOn string // name of the split on which the mapping was fitted; empty: "all"

	Resamples int    // of the bootstrap; 0: 1000
	Seed      uint64 // of the bootstrap
	Workers   int    // goroutines; 0: one per CPU. It does not change the result
}

// Bins is the number of bins of the calibration scores.
const Bins = 15

// Score computes every score that the input allows. It returns an error for different lengths, clusters, labels or
// confidences out of range, NaN, and rows of probabilities that do not sum to 1 within 10⁻³.
func Score(ctx context.Context, in Input) (*Metrics, error) {
	in, err := in.completed(ctx)
	if err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	m := &Metrics{N: len(in.Cluster), Clusters: in.Clusters, ClusterSizes: make([]int, in.Clusters), Loss: Number(in.Loss)}
	for _, c := range in.Cluster {
		m.ClusterSizes[c]++
	}
	for _, size := range m.ClusterSizes {
		if size > 0 {
			m.ClustersUsed++
		}
	}
	m.EffectiveClusters = Number(min(math.Exp(entropy(m.ClusterSizes)), float64(m.ClustersUsed))) // which rounding can exceed
	m.MeanConfidence = Number(mean(in.Confidence))
	if m.Labelled, err = in.labelled(ctx); err != nil {
		return nil, fmt.Errorf("score: %w", err)
	}
	return m, nil
}

// completed checks the input and fills in the defaults.
func (in Input) completed(ctx context.Context) (Input, error) {
	if err := checkClusters(in.Clusters); err != nil {
		return in, err
	}
	if in.Cluster == nil && in.Probabilities == nil {
		return in, fmt.Errorf("neither clusters nor probabilities are given")
	}
	if in.Cluster != nil {
		in.Items = len(in.Cluster)
	}
	n := in.Items
	if n < 1 {
		return in, fmt.Errorf("no items to score")
	}
	if in.Cluster == nil || in.Confidence == nil {
		if err := in.Assign(ctx); err != nil {
			return in, err
		}
	}
	for i, c := range in.Cluster {
		if c < 0 || c >= in.Clusters {
			return in, fmt.Errorf("item %d is in cluster %d of %d: want 0 to %d", i, c, in.Clusters, in.Clusters-1)
		}
	}
	if len(in.Confidence) != n {
		return in, fmt.Errorf("%d confidences of %d items", len(in.Confidence), n)
	}
	in.Confidence = roundedDown(in.Confidence)
	if err := checkConfidence(in.Confidence); err != nil {
		return in, err
	}
	if in.Labels != nil && len(in.Labels) != n {
		return in, fmt.Errorf("%d labels of %d items", len(in.Labels), n)
	}
	if err := in.checkLabels(); err != nil {
		return in, err
	}
	if in.Mapping != nil {
		if err := in.checkMapping(); err != nil {
			return in, err
		}
	}
	if in.Resamples < 0 {
		return in, fmt.Errorf("%d resamples of the bootstrap: want at least 1, or 0 for 1000", in.Resamples)
	}
	in.FittedOn = cmp.Or(in.FittedOn, "all")
	in.Resamples = cmp.Or(in.Resamples, 1000)
	return in, nil
}

// checkClusters checks a number of clusters.
func checkClusters(clusters int) error {
	switch {
	case clusters < 1:
		return fmt.Errorf("%d clusters: want at least 1", clusters)
	case clusters > mostClusters:
		return fmt.Errorf("%d clusters: want at most %d", clusters, mostClusters)
	}
	return nil
}

// roundedDown replaces values slightly above 1, which a float32 softmax can produce, by 1.
func roundedDown(confidence []float64) []float64 {
	const rounding = 1e-5
	if top := slices.Max(confidence); !(top > 1 && top <= 1+rounding) {
		return confidence
	}
	confidence = slices.Clone(confidence)
	for i, c := range confidence {
		if c > 1 {
			confidence[i] = 1
		}
	}
	return confidence
}

// checkLabels checks that the labels are among the classes, or, if those are not named, below the most that there may be.
func (in *Input) checkLabels() error {
	classes := len(in.Classes)
	if in.Classes == nil {
		classes = mostClusters
	}
	for i, y := range in.Labels {
		switch {
		case y >= NoLabel && y < classes:
		case classes == 0:
			return fmt.Errorf("item %d has label %d, but there are no classes: want %d", i, y, NoLabel)
		default:
			return fmt.Errorf("item %d has label %d: want 0 to %d, or %d for none", i, y, classes-1, NoLabel)
		}
	}
	return nil
}

func (in *Input) checkMapping() error {
	if len(in.Mapping) != in.Clusters {
		return fmt.Errorf("the mapping names %d clusters of %d", len(in.Mapping), in.Clusters)
	}
	owner := map[int]int{}
	for c, k := range in.Mapping {
		if k < assignment.Unmatched || k >= mostClusters {
			return fmt.Errorf("cluster %d is mapped to class %d: want 0 to %d, or %d for none", c, k, mostClusters-1, assignment.Unmatched)
		}
		if other, taken := owner[k]; taken && k >= 0 {
			return fmt.Errorf("class %d is mapped to clusters %d and %d: want one cluster per class", k, other, c)
		}
		owner[k] = c
	}
	return nil
}

// labelled returns the scores that use labels, or nil if no item has one.
func (in Input) labelled(ctx context.Context) (*Labelled, error) {
	in = in.withLabelsOnly()
	if len(in.Labels) == 0 {
		return nil, nil
	}
	table := newContingency(in.Cluster, in.Labels)
	classes := max(table.cols, len(in.Classes))
	for _, k := range in.Mapping {
		classes = max(classes, k+1)
	}
	names := in.Classes
	for len(names) < classes {
		names = append(names[:len(names):len(names)], strconv.Itoa(len(names)))
	}
	called, err := NameClusters(in.Cluster, in.Labels, in.Clusters, names)
	if err != nil {
		return nil, err
	}
	mapping := in.Mapping
	if mapping == nil {
		if mapping, err = table.match(in.Clusters, classes); err != nil {
			return nil, err
		}
	}
	correct := make([]bool, len(in.Labels))
	for i, c := range in.Cluster {
		correct[i] = mapping[c] == in.Labels[i]
	}
	l := &Labelled{
		Names:            called,
		LabelledItems:    len(in.Labels),
		Classes:          names,
		Matching:         Matching{FittedOn: in.FittedOn, ClassOfCluster: mapping},
		Accuracy:         Number(share(correct)),
		ManyToOne:        Number(float64(table.majority()) / float64(len(in.Labels))),
		NMI:              Number(table.nmi()),
		ARI:              Number(table.ari()),
		AMI:              Number(table.ami()),
		PerClassAccuracy: perClass(in.Labels, correct, classes),
	}
	if err = l.calibrate(ctx, in, correct); err != nil {
		return nil, err
	}
	return l, nil
}

// calibrate fills the scores that compare confidence with correctness.
func (l *Labelled) calibrate(ctx context.Context, in Input, correct []bool) error {
	var err error
	if l.Reliability, err = Reliability(in.Confidence, correct, Bins); err != nil {
		return err
	}
	l.ECE = Number(ExpectedCalibrationError(l.Reliability))
	l.ECEByChance = Number(ChanceCalibrationError(l.Reliability))
	l.MCE = Number(MaximumCalibrationError(l.Reliability))
	adaptive, err := AdaptiveCalibrationError(in.Confidence, correct, Bins)
	if err != nil {
		return err
	}
	l.AdaptiveECE = Number(adaptive)
	if l.AccuracyInterval, l.ECEInterval, err = bootstrap(ctx, in, correct); err != nil {
		return err
	}
	p, err := in.probabilityScores(ctx, l.Matching.ClassOfCluster, len(l.Classes))
	l.ClassWiseECE, l.Brier, l.NLL = Number(p.classWise), Number(p.brier), Number(p.nll)
	return err
}

// withLabelsOnly removes the items without a label.
func (in Input) withLabelsOnly() Input {
	var rows []int
	for i, y := range in.Labels {
		if y != NoLabel {
			rows = append(rows, i)
		}
	}
	if len(rows) == len(in.Labels) {
		return in
	}
	all := in
	in.Labels, in.Cluster, in.Confidence = make([]int, len(rows)), make([]int, len(rows)), make([]float64, len(rows))
	for k, i := range rows {
		in.Labels[k], in.Cluster[k], in.Confidence[k] = all.Labels[i], all.Cluster[i], all.Confidence[i]
	}
	if all.Probabilities != nil {
		in.Probabilities = func(dst []float64, lo, hi int) error { return all.probabilitiesOf(dst, rows[lo:hi]) }
	}
	return in
}

// probabilitiesOf fills dst with the probabilities of some rows, which ascend. It reads rows that lie close together at once, with those
// between them: a call costs as much as several rows.
func (in Input) probabilitiesOf(dst []float64, rows []int) error {
	const gap = 8
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n]-rows[n-1] <= gap {
			n++
		}
		first, end, span := rows[0], rows[n-1]+1, dst
		if end-first > n {
			span = make([]float64, (end-first)*in.Clusters)
		}
		if err := in.Probabilities(span[:(end-first)*in.Clusters], first, end); err != nil {
			return err
		}
		if end-first > n {
			for k, i := range rows[:n] {
				copy(dst[k*in.Clusters:(k+1)*in.Clusters], span[(i-first)*in.Clusters:])
			}
		}
		rows, dst = rows[n:], dst[n*in.Clusters:]
	}
	return nil
}

// maxMatching limits the dense matrix of the assignment problem: 1 GiB and some seconds.
const maxMatching = 1 << 27

// match matches each cluster to at most one class so that the most items have their cluster's class as label.
func (t *contingency) match(clusters, classes int) ([]int, error) {
	if classes > 0 && clusters > maxMatching/classes {
		return nil, fmt.Errorf("matching %d clusters with %d classes: the product may be at most %d", clusters, classes, maxMatching)
	}
	cost := make([]int, clusters*classes)
	for _, c := range t.cells {
		cost[c.row*classes+c.col] = -c.count
	}
	return assignment.Solve(cost, clusters, classes)
}

func perClass(labels []int, correct []bool, classes int) []Number {
	items, right := make([]int, classes), make([]int, classes)
	for i, y := range labels {
		items[y]++
		if correct[i] {
			right[y]++
		}
	}
	accuracy := make([]Number, classes)
	for k := range accuracy {
		accuracy[k] = Number(float64(right[k]) / float64(items[k])) // NaN for a class without items
	}
	return accuracy
}

func share(correct []bool) float64 {
	count := 0
	for _, c := range correct {
		if c {
			count++
		}
	}
	return float64(count) / float64(len(correct))
}

func mean(x []float64) float64 {
	var sum float64
	for _, v := range x {
		sum += v
	}
	return sum / float64(len(x))
}

// Match matches each cluster to at most one class, and no class to two clusters, so that the most items have their cluster's class
// (−1: none). Both slices have one entry per item, below clusters and classes; ties go to the lowest index.
func Match(cluster, class []int, clusters, classes int) ([]int, error) {
	if len(cluster) != len(class) {
		return nil, fmt.Errorf("match: %d clusters and %d classes of the same items", len(cluster), len(class))
	}
	if clusters < 0 || classes < 0 {
		return nil, fmt.Errorf("match: %d clusters and %d classes: want none or more", clusters, classes)
	}
	for i := range cluster {
		if cluster[i] < 0 || class[i] < 0 {
			return nil, fmt.Errorf("match: item %d has cluster %d and class %d: leave out items without one", i, cluster[i], class[i])
		}
		if cluster[i] >= clusters || class[i] >= classes {
			return nil, fmt.Errorf("match: item %d has cluster %d of %d and class %d of %d", i, cluster[i], clusters, class[i], classes)
		}
	}
	if clusters > mostClusters || classes > mostClusters {
		return nil, fmt.Errorf("match: %d clusters and %d classes: want at most %d of each", clusters, classes, mostClusters)
	}
	t := newContingency(cluster, class)
	return t.match(clusters, classes)
}
