package run

import (
	"testing"

	"iconic/curation"
)

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
