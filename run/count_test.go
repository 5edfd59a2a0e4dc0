package run

import (
	"testing"

	"iconic/features"
	"iconic/head/clustercount"
	"iconic/matrix"
)

// Without a folder nothing is resumed, whatever lies in the working directory.
func TestNoFolderHasNoCount(t *testing.T) {
	dir := t.TempDir()
	set, err := features.New(&matrix.Dense{Width: 1, X: []float32{1, 2, 3}}, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := writeConfig(dir, Config{Format: 2, Features: set.Source, Counted: &clustercount.Suggestion{Clusters: 42}}); err != nil {
		t.Fatal(err)
	}
	t.Chdir(dir)
	for name, want := range map[string]bool{"": false, ".": true, dir: true} {
		if got := (Count{Dir: name, Features: set}).Counted(); (got != nil) != want {
			t.Errorf("folder %q: %v", name, got)
		}
	}
}
