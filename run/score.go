package run

import (
	"context"
	"path/filepath"

	"iconic/features"
	"iconic/head"
	"iconic/head/baseline"
	"iconic/head/knn"
	"iconic/head/partition"
	"iconic/progress"
	"iconic/report"
)

// silhouetteRows is the number of rows of which the silhouette of a run and of its baseline is the mean.
const silhouetteRows = 2000

// score writes metrics.json and assignments.csv of a trained head.
func (t *Training) score(ctx context.Context, result *head.Result) (*report.Metrics, error) {
	t.Hooks.Begin("scores")
	f := t.Features
	in := report.Input{
		Clusters: result.Config.Clusters, Items: f.Len(), Labels: f.Labels, Classes: f.Classes,
		Probabilities: rowProbabilities(f, result.Head), Loss: result.Loss, Seed: result.Config.Seed, Workers: t.Workers,
	}
	if err := in.Assign(ctx); err != nil {
		return nil, err
	}
	m, err := report.Score(ctx, in)
	if err != nil {
		return nil, err
	}
	m.ExpectedAccuracy, m.Choice = report.Number(result.Expected), result.Choice
	m.LabelFree, err = report.ScoreFeatures(ctx, f, in.Cluster, in.Clusters, report.LabelFreeOptions{
		Rows: silhouetteRows, Seed: in.Seed, Workers: t.Workers, Graph: result.Evaluation.Neighbours, Of: result.Evaluation.Of,
	})
	if err != nil {
		return nil, err
	}
	t.Hooks.Begin("k-means baseline")
	compute := t.Shared.Baseline
	if compute == nil {
		compute = func(ctx context.Context, f *features.Set, in report.Input) (*Baseline, error) {
			return KMeans(ctx, f, in, t.Hooks)
		}
	}
	b, err := compute(ctx, f, in)
	if err != nil {
		return nil, err
	}
	if m.KMeans, err = b.on(result.Evaluation); err != nil {
		return nil, err
	}
	if err := t.unchanged(); err != nil {
		return nil, err
	}
	t.Hooks.Begin("files")
	table := report.Assignments{Paths: f.Paths, Labels: f.Labels, Cluster: in.Cluster, Confidence: in.Confidence, Classes: f.Classes, Safe: t.Safe}
	table.Names = calledNames(m)
	if err := report.WriteAssignments(filepath.Join(t.Dir, assignmentsFile), &table); err != nil {
		return nil, err
	}
	t.Formulas = table.Computed
	if m.HeadChecksum, err = checksum(result.Head); err != nil {
		return nil, err
	}
	m.AssignmentsChecksum = assigned(&table, in.Clusters)
	return m, report.WriteMetrics(filepath.Join(t.Dir, metricsFile), m)
}

// Baseline is k-means on the features of a training, scored like the training.
type Baseline struct {
	metrics report.Metrics // with LabelFree, except for what needs a graph
	cluster []int
}

// on is the baseline's scores, including those on the graph of an evaluation.
func (b *Baseline) on(g *knn.Graph) (*report.Metrics, error) {
	agreement, err := report.NeighbourAgreement(g.Neighbours, g.Of, b.cluster)
	if err != nil {
		return nil, err
	}
	m, free := b.metrics, *b.metrics.LabelFree
	free.NeighbourAgreement = report.Number(agreement)
	m.LabelFree = &free
	return &m, nil
}

// KMeans computes the baseline of the training that in scores.
func KMeans(ctx context.Context, f *features.Set, in report.Input, h progress.Hooks) (*Baseline, error) {
	if f.Len() > baseline.Rows {
		h.Notef("the k-means baseline fits its centroids to %d of %d images, drawn at random, from one start", baseline.Rows, f.Len())
	}
	km, err := baseline.Cluster(ctx, f, baseline.Options{
		Clusters: in.Clusters, Seed: in.Seed, Workers: in.Workers,
		Progress: h.Stage("k-means baseline", "iterations"), Halves: h.Stage("confidence of k-means", "partitions"),
	})
	if err != nil {
		return nil, err
	}
	in.Cluster, in.Confidence = partition.Classes(km.Assignment), nil
	in.Probabilities = rowProbabilities(f, km)
	in.Loss = km.Inertia / float64(f.Len())
	m, err := report.Score(ctx, in)
	if err != nil {
		return nil, err
	}
	m.ExpectedAccuracy = report.Number(km.Expected)
	m.LabelFree, err = report.ScoreFeatures(ctx, f, in.Cluster, in.Clusters, report.LabelFreeOptions{Rows: silhouetteRows, Seed: in.Seed, Workers: in.Workers})
	if err != nil {
		return nil, err
	}
	return &Baseline{*m, in.Cluster}, nil
}

// classifier computes cluster probabilities for rows of features.
type classifier interface {
	Probabilities(dst, features []float32, n int) error
}

// rowProbabilities reads features block by block and classifies them.
func rowProbabilities(f head.Features, c classifier) func(dst []float64, lo, hi int) error {
	return func(dst []float64, lo, hi int) error {
		x := make([]float32, (hi-lo)*f.Dim())
		if err := f.Block(x, lo, hi); err != nil {
			return err
		}
		p := make([]float32, len(dst))
		if err := c.Probabilities(p, x, hi-lo); err != nil {
			return err
		}
		for i, v := range p {
			dst[i] = float64(v)
		}
		return nil
	}
}
