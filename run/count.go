package run

import (
	"context"

	"iconic/features"
	"iconic/head/clustercount"
	"iconic/progress"
	"iconic/report/page"
)

// AutoClusters is the value of the setting clusters that requests a number found without labels, by CountClusters.
const AutoClusters = "auto"

// Count is the input of CountClusters.
type Count struct {
	Dir      string // folder of the run, whose interrupted search is resumed; "": none
	Features *features.Set
	Seed     uint64
	Workers  int // goroutines; all processors when < 1. It does not change any bit of the result.
	Hooks    progress.Hooks
}

// Counted is the number that the run in the folder has found for the same features and seed; nil: none.
func (c Count) Counted() *clustercount.Suggestion {
	if c.Dir == "" {
		return nil
	}
	old, err := LoadUnfinished(c.Dir)
	if err != nil {
		return nil
	}
	if s := old.Config.Counted; s != nil && old.Config.Features.Key == c.Features.Source.Key && s.Seed == c.Seed {
		return s
	}
	return nil
}

// CountClusters suggests a number of clusters, without labels.
func CountClusters(ctx context.Context, c Count) (*clustercount.Suggestion, error) {
	if err := c.Features.Check(); err != nil {
		return nil, &SettingsError{err}
	}
	if s := c.Counted(); s != nil {
		return s, nil
	}
	return clustercount.Suggest(ctx, c.Features, clustercount.Options{
		Seed: c.Seed, Workers: c.Workers, Progress: c.Hooks.Stage("number of clusters", "partitions"),
	})
}

// CountedPage is a suggestion in the form that a page shows.
func CountedPage(s *clustercount.Suggestion) *page.Counted {
	c := &page.Counted{Sentence: s.Sentence(), Clusters: s.Clusters, From: s.From, To: s.To, Also: s.Also}
	for _, p := range s.Curve {
		c.Curve = append(c.Curve, page.CountedAt{Clusters: p.Clusters, Score: p.Score, Agreement: p.Agreement, Information: p.Information})
	}
	return c
}
