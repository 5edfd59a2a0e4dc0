package classify

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/curation"
)

// In an exported file, a cluster without a name is called by its number, and one that was merged into another has no name.
func TestTitles(t *testing.T) {
	s, err := curation.New(curation.Base{Cluster: []int{0, 1, 2}, Names: []string{"dogs", "", "cats"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(curation.Step{Kind: curation.Merge, Cluster: 0, From: []int{2}}); err != nil {
		t.Fatal(err)
	}
	m := &Model{Curation: s, Names: s.Names()}
	if d := cmp.Diff([]string{"dogs", "1", ""}, m.titles()); d != "" {
		t.Error(d)
	}
}
