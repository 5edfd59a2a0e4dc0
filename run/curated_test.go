package run

import (
	"slices"
	"testing"

	"iconic/curation"
	"iconic/progress"
	"iconic/report"
)

// Scores of edited clusters tell which were merged into others, also if that moved no image; the scores of the training stay as they are.
func TestScoresTellMergedClusters(t *testing.T) {
	for name, c := range map[string]struct {
		steps           []curation.Step
		merged          []int
		existing, total int
	}{
		"none":                {nil, nil, 3, 3},
		"with images":         {[]curation.Step{{Kind: curation.Merge, Cluster: 0, From: []int{1}}}, []int{1}, 2, 3},
		"without images":      {[]curation.Step{{Kind: curation.Merge, Cluster: 0, From: []int{2}}}, []int{2}, 2, 3},
		"and one that is new": {[]curation.Step{{Kind: curation.Move, Cluster: 3, Images: []int{0}}, {Kind: curation.Merge, Cluster: 0, From: []int{1, 2}}}, []int{1, 2}, 2, 4},
		"new and merged":      {[]curation.Step{{Kind: curation.Move, Cluster: 3, Images: []int{0}}, {Kind: curation.Merge, Cluster: 0, From: []int{3}}}, nil, 3, 3},
	} {
		cluster := []int{0, 1, 1}
		s, err := curation.New(curation.Base{Cluster: cluster, Names: make([]string, 3)})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range c.steps {
			if err := s.Apply(step); err != nil {
				t.Fatal(err)
			}
		}
		f := &Finished{
			Run: &Run{}, Curated: s, Metrics: &report.Metrics{N: 3, Clusters: 3, ClustersUsed: 2, ClusterSizes: []int{1, 2, 0}},
			Table: &report.Assignments{Paths: []string{"a", "b", "c"}, Cluster: s.Of, Confidence: []float64{1, 1, 1}},
		}
		m, err := f.EditedScores(t.Context(), 1, progress.Hooks{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(m.Merged, c.merged) || m.Existing() != c.existing || m.Clusters != c.total || f.Metrics.Merged != nil {
			t.Errorf("%s: merged %v, %d of %d clusters exist: want %v, %d of %d", name, m.Merged, m.Existing(), m.Clusters, c.merged, c.existing, c.total)
		}
		scored, _, err := f.scoredByHand(t.Context(), nil, 1)
		if err != nil || !slices.Equal(scored.Metrics.Merged, c.merged) {
			t.Errorf("%s: the page's scores say %v, %v", name, scored.Metrics.Merged, err)
		}
	}
}

// What the page says about changes made by hand: nothing without one, and of scores only if an image was moved or left out.
func TestChangesByHandInWords(t *testing.T) {
	rename := curation.Step{Kind: curation.Rename, Cluster: 0, Name: "nought"}
	for want, steps := range map[string][]curation.Step{
		"": {},
		"1 change by hand; no image was moved or left out, so the scores are those of the training":  {rename},
		"2 changes by hand; no image was moved or left out, so the scores are those of the training": {rename, {Kind: curation.Review, Cluster: 1, Reviewed: true}},
		"1 change by hand, included in scores and clusters":                                          {{Kind: curation.Merge, Cluster: 0, From: []int{1}}},
		"2 changes by hand, included in scores and clusters":                                         {rename, {Kind: curation.Exclude, Images: []int{2}}},
	} {
		s, err := curation.New(curation.Base{Cluster: []int{0, 1, 1}, Names: make([]string, 2)})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range steps {
			if err := s.Apply(step); err != nil {
				t.Fatal(err)
			}
		}
		if got := (&Finished{Curated: s}).ByHand(); got != want {
			t.Errorf("%d steps: %q, want %q", len(steps), got, want)
		}
	}
	if got := new(Finished).ByHand(); got != "" {
		t.Errorf("without a curation: %q", got)
	}
}
