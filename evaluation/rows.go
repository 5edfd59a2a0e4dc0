package evaluation

import (
	"context"
	"errors"
	"sync/atomic"

	"iconic/classify"
	"iconic/internal/parallel"
	"iconic/report"
)

// blockRows is the number of rows whose distances are computed at once.
const blockRows = 256

// same is the cosine distance up to which two rows count as the same; that of a row to itself is rounded to at most some 10⁻⁷.
const same = 1e-6

// leastColumns is the number of columns below which different rows often have nearly the same direction, so that none is said to equal another.
const leastColumns = 8

// labels are the classes of the run, followed by those that only the images have, and the number of each image's class among them.
func (e *evaluation) labels() (classes []string, labels []int) {
	number := map[string]int{}
	add := func(name string) int {
		c, known := number[name]
		if !known {
			c = len(classes)
			number[name], classes = c, append(classes, name)
		}
		return c
	}
	for _, name := range e.run.Table.Classes {
		add(name)
	}
	labels = make([]int, len(e.set.Labels))
	for i, l := range e.set.Labels {
		if labels[i] = report.NoLabel; l != report.NoLabel {
			labels[i] = add(e.set.Classes[l])
		}
	}
	return classes, labels
}

// training is the cluster and the class of each image of the training that has a class, as curated.
func (e *evaluation) training() (cluster, class []int) {
	for i, l := range e.run.Table.Labels {
		if l != report.NoLabel && !e.run.Excluded(i) {
			cluster, class = append(cluster, e.run.Table.Cluster[i]), append(class, l)
		}
	}
	return cluster, class
}

// matching is the class of each cluster by the images of the training. A cluster has none if no image of the training shows it: one that is left over is
// matched with no class that it has not seen. It is nil if no image of the training has a class.
func (e *evaluation) matching() ([]int, error) {
	cluster, class := e.training()
	if len(class) == 0 {
		return nil, nil
	}
	of, err := report.Match(cluster, class, e.run.Clusters(), len(e.run.Table.Classes))
	if err != nil {
		return nil, err
	}
	shown := make([]bool, len(of))
	for i, c := range cluster {
		shown[c] = shown[c] || of[c] == class[i]
	}
	for c := range of {
		if !shown[c] {
			of[c] = report.NoLabel
		}
	}
	return of, nil
}

// unknown are the classes of the images that no image of the training has, in order.
func (e *evaluation) unknown(classes []string, labels []int) []string {
	here, learned := make([]bool, len(classes)), make([]bool, len(classes))
	for _, l := range labels {
		if l != report.NoLabel {
			here[l] = true
		}
	}
	_, class := e.training()
	for _, l := range class {
		learned[l] = true
	}
	var names []string
	for l, name := range classes {
		if here[l] && !learned[l] {
			names = append(names, name)
		}
	}
	return names
}

// probabilities fills dst with those of rows lo to hi.
func (e *evaluation) probabilities(dst []float64, lo, hi int) error {
	x := make([]float32, (hi-lo)*e.set.Dim())
	if err := e.set.Block(x, lo, hi); err != nil {
		return err
	}
	p, _, err := e.model.Probabilities(x, hi-lo)
	var of *classify.RowError
	if errors.As(err, &of) {
		return &classify.RowError{Row: lo + of.Row, Problem: of.Problem}
	}
	if err != nil {
		return err
	}
	for i, v := range p {
		dst[i] = float64(v)
	}
	return nil
}

// table is the clusters of the images.
func (e *evaluation) table(in report.Input) *report.Assignments {
	return &report.Assignments{
		Paths: e.set.Paths, Labels: in.Labels, Cluster: in.Cluster, Confidence: in.Confidence, Classes: in.Classes, Names: e.model.Names,
	}
}

// describe adds to the scores what is known of the run.
func (e *evaluation) describe(m *report.Metrics) {
	if by := e.model.Curation; by != nil {
		for c := range m.Clusters {
			if !by.Own(c) {
				m.Merged = append(m.Merged, c)
			}
		}
		if by.Reassigns() {
			return // the expected accuracy is that of the clusters as trained
		}
	}
	m.ExpectedAccuracy = e.run.Metrics.ExpectedAccuracy
}

// rematched is the accuracy with clusters matched on the images themselves.
func rematched(in report.Input) (report.Number, error) {
	var cluster, class []int
	for i, l := range in.Labels {
		if l != report.NoLabel {
			cluster, class = append(cluster, in.Cluster[i]), append(class, l)
		}
	}
	of, err := report.Match(cluster, class, in.Clusters, len(in.Classes))
	if err != nil {
		return 0, err
	}
	right := 0
	for i, c := range cluster {
		if of[c] == class[i] {
			right++
		}
	}
	return report.Number(float64(right) / float64(len(class))), nil
}

// learned counts the rows that equal one of those that the run keeps of its training.
func (e *evaluation) learned(ctx context.Context) (int, error) {
	kept := e.model.Run.Novelty
	if kept == nil || e.set.Dim() < leastColumns {
		return 0, nil
	}
	var equal atomic.Int64
	err := parallel.Blocks(ctx, e.options.Workers, e.set.Len(), blockRows, func(_, lo, hi int) error {
		x, distances := make([]float32, (hi-lo)*e.set.Dim()), make([]float64, hi-lo)
		if err := e.set.Block(x, lo, hi); err != nil {
			return err
		}
		if err := kept.Distances(distances, x, hi-lo); err != nil {
			return err
		}
		for _, d := range distances {
			if d <= same {
				equal.Add(1)
			}
		}
		return nil
	})
	return int(equal.Load()), err
}
