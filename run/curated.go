package run

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"iconic/curation"
	"iconic/features"
	"iconic/internal/plural"
	"iconic/matrix"
	"iconic/progress"
	"iconic/report"
	"iconic/report/exchange"
)

// ErrNoneLeft is in the chain of the error about a run all of whose images were left out by hand.
var ErrNoneLeft = errors.New("were left out by hand")

// HasCuration reports whether a run folder contains changes made by hand.
func HasCuration(dir string) bool {
	_, err := os.Lstat(filepath.Join(dir, curation.FileName))
	return err == nil
}

// OpenCurated is Open with the changes made by hand applied, if there are any. It fails with curation.OtherRunError if they belong to
// another run.
func OpenCurated(dir string, hooks progress.Hooks) (*Finished, error) {
	f, err := Open(dir)
	if err != nil || !HasCuration(dir) {
		return f, err
	}
	id, err := f.Identity()
	if err != nil {
		return nil, err
	}
	s, torn, err := curation.Load(dir, id, f.Base())
	if err != nil {
		return nil, err
	}
	if torn {
		hooks.Warnf("the last line of %s was truncated and is ignored: it had not been saved", filepath.Join(dir, curation.FileName))
	}
	if s != nil {
		f.Curated = s
		f.Table.Cluster, f.Table.Names = s.Of, s.Names()
	}
	return f, nil
}

// OpenAs is OpenCurated, or Open if the changes made by hand are to be ignored.
func OpenAs(dir string, raw bool, hooks progress.Hooks) (*Finished, error) {
	if raw {
		return Open(dir)
	}
	return OpenCurated(dir, hooks)
}

// edited reports whether images were moved or left out by hand.
func (f *Finished) edited() bool { return f.Curated != nil && f.Curated.Reassigns() }

// ByHand says in words what was changed by hand, and whether that changes the scores; "" if nothing was.
func (f *Finished) ByHand() string {
	if f.Curated == nil || len(f.Curated.Steps()) == 0 {
		return ""
	}
	changes := plural.Of(len(f.Curated.Steps()), "change", "changes")
	if f.edited() {
		return changes + " by hand, included in scores and clusters"
	}
	return changes + " by hand; no image was moved or left out, so the scores are those of the training"
}

// EditedScores are the scores of the clusters as edited by hand, without the images left out; those of the training if f has no changes that move
// or leave out an image. If the features are no longer where they were, scores by them are missing, with a warning.
func (f *Finished) EditedScores(ctx context.Context, workers int, hooks progress.Hooks) (*report.Metrics, error) {
	if !f.edited() {
		return f.withMerged().Metrics, nil
	}
	set, err := f.OpenFeatures("")
	if err != nil {
		hooks.Warnf("the features of %s cannot be opened (%v): silhouette and other scores computed from features are missing for its edited clusters", f.Dir, err)
		set = nil
	} else {
		defer set.Close()
	}
	scored, _, err := f.scoredByHand(ctx, set, workers)
	if err != nil {
		return nil, err
	}
	return scored.Metrics, nil
}

// Curate opens the curation of the run, or begins one. It fails with curation.ErrBusy while another process curates the run. Close it after use.
func (f *Finished) Curate() (*curation.Curation, error) {
	id, err := f.Identity()
	if err != nil {
		return nil, err
	}
	return curation.Open(f.Dir, id, f.Base())
}

// Base is the clustering from which a curation of the run starts.
func (f *Finished) Base() curation.Base {
	names := slices.Clone(f.Table.Names)
	if names == nil {
		names = make([]string, f.Metrics.Clusters)
	}
	return curation.Base{Cluster: slices.Clone(f.Table.Cluster), Names: names, Dim: f.Head.Dim}
}

// Identity identifies the run for a curation.
func (f *Finished) Identity() (curation.Identity, error) {
	sum, err := checksum(f.Head)
	if err != nil {
		return curation.Identity{}, fmt.Errorf("run folder %s: %w", f.Dir, err)
	}
	paths := slices.Clone(f.Table.Paths)
	for i := range paths {
		paths[i] = strings.ReplaceAll(paths[i], "\r\n", "\n") // as earlier versions read it, so that their curations are still this run's
	}
	return curation.Identify(sum, paths, f.Table.Cluster, f.Metrics.Clusters), nil
}

// Excluded reports whether an image of the run was left out by hand.
func (f *Finished) Excluded(i int) bool { return f.Curated != nil && f.Curated.Excluded[i] }

// Rows are the run's images in order, in the form that package report/exchange writes for other programs.
func (f *Finished) Rows() iter.Seq[exchange.Row] {
	return func(yield func(exchange.Row) bool) {
		for i, path := range f.Table.Paths {
			r := exchange.Row{Path: path, Cluster: int64(f.Table.Cluster[i]), Confidence: f.Table.Confidence[i], Excluded: f.Excluded(i)}
			if f.Table.Labels != nil && f.Table.Labels[i] != report.NoLabel {
				r.Label = &f.Table.Classes[f.Table.Labels[i]]
			}
			if name := f.Table.Name(i); name != "" {
				r.Name = &name
			}
			if !yield(r) {
				return
			}
		}
	}
}

// Clusters is the number of clusters to which images may belong, including merged ones.
func (f *Finished) Clusters() int {
	if f.Curated != nil {
		return len(f.Curated.Clusters)
	}
	return f.Metrics.Clusters
}

// scoredByHand returns the run with the scores of its curated clusters, without the images left out. It returns its input without a curation,
// and with one that moves no image, such as new names: its scores hold. The set may be nil. A baseline covers all images, so it is dropped
// if some are left out.
func (f *Finished) scoredByHand(ctx context.Context, set *features.Set, workers int) (*Finished, *features.Set, error) {
	if !f.edited() {
		return f.withMerged(), set, nil
	}
	was, all := f.Metrics, len(f.Table.Paths)
	f, set = f.kept(set)
	if len(f.Table.Paths) == 0 {
		return nil, nil, fmt.Errorf("all images of %s %w: there is nothing to report", f.Dir, ErrNoneLeft)
	}
	clusters := f.Clusters()
	m, err := report.Score(ctx, report.Input{
		Clusters: clusters, Cluster: f.Table.Cluster, Confidence: f.Table.Confidence, Labels: f.Table.Labels, Classes: f.Table.Classes,
		Loss: float64(was.Loss), Seed: f.Config.Training.Seed, Workers: workers,
	})
	if err != nil {
		return nil, nil, err
	}
	if set != nil {
		m.LabelFree, err = report.ScoreFeatures(ctx, set, f.Table.Cluster, clusters, report.LabelFreeOptions{Rows: silhouetteRows, Seed: f.Config.Training.Seed, Workers: workers})
		if err != nil {
			return nil, nil, err
		}
	}
	if len(f.Table.Paths) == all {
		m.KMeans = was.KMeans
	}
	scored := *f
	scored.Metrics = m
	return scored.withMerged(), set, nil
}

// withMerged is the run with scores that tell which of its clusters were merged into others by hand.
func (f *Finished) withMerged() *Finished {
	if f.Curated == nil {
		return f
	}
	m := *f.Metrics
	for c := range m.Clusters { // as trained, there are fewer than now
		if f.Curated.Clusters[c].Merged >= 0 {
			m.Merged = append(m.Merged, c)
		}
	}
	some := *f
	some.Metrics = &m
	return &some
}

// Kept are the images of the run's set that were not left out by hand, and the cluster of each. Closing one of the sets closes both.
func (f *Finished) Kept(set *features.Set) (kept *features.Set, cluster []int) {
	f, set = f.kept(set)
	return set, f.Table.Cluster
}

// kept returns the run and its set without the images left out by hand. The set may be nil.
func (f *Finished) kept(set *features.Set) (*Finished, *features.Set) {
	var rows []int32
	for i := range f.Table.Paths {
		if !f.Excluded(i) {
			rows = append(rows, int32(i))
		}
	}
	if len(rows) == len(f.Table.Paths) {
		return f, set
	}
	some := *f
	some.Table = &report.Assignments{
		Paths: entries(f.Table.Paths, rows), Labels: entries(f.Table.Labels, rows), Cluster: entries(f.Table.Cluster, rows),
		Confidence: entries(f.Table.Confidence, rows), Classes: f.Table.Classes, Names: f.Table.Names, Safe: f.Table.Safe,
	}
	if set == nil {
		return &some, nil
	}
	left := *set
	left.Features = &matrix.Subset{Features: set.Features, Rows: rows}
	left.Paths, left.Labels = entries(set.Paths, rows), entries(set.Labels, rows)
	left.Hashes, left.Bytes = entries(set.Hashes, rows), entries(set.Bytes, rows)
	left.Graphs = "" // the stored graphs cover all images
	return &some, &left
}

// entries selects rows of a slice; nil gives nil.
func entries[T any](all []T, rows []int32) []T {
	if all == nil {
		return nil
	}
	some := make([]T, len(rows))
	for k, i := range rows {
		some[k] = all[i]
	}
	return some
}
