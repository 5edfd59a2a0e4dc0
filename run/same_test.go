package run

import (
	"errors"
	"testing"

	"iconic/features"
	"iconic/internal/densetest"
)

// A run matches the training that made it, and no training with another number, seed, setting, set of features or labels.
func TestARunMatchesItsTrainingOnly(t *testing.T) {
	config, _, err := Configure(map[string]string{"method": "debiased-infonce-clustering", "clusters": "3", "epochs": "2", "heads": "1"}, 0, 30, 0)
	if err != nil {
		t.Fatal(err)
	}
	made := func() Training {
		set := &features.Set{
			Features: densetest.Clouds(1, 30, 4, 3, 3), Source: features.Source{Store: "s", Key: "k", Rows: 30, Dim: 4}, Paths: make([]string, 30),
			Labels: make([]int, 30), Classes: []string{"a", "b"},
		}
		return Training{Features: set, Config: config, Workers: 1}
	}
	first := made()
	first.Dir = t.TempDir()
	if _, err := first.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	set := func(name string, value any) func(*Training, *Finished) error {
		return func(r *Training, _ *Finished) error { return r.Config.Set(name, value) }
	}
	for other, change := range map[string]func(*Training, *Finished) error{
		"":                                       func(*Training, *Finished) error { return nil },
		"settings (clusters 3, which is 4 now)":  func(r *Training, _ *Finished) error { r.Config.Clusters = 4; return nil },
		"settings (seed 0, which is 1 now)":      func(r *Training, _ *Finished) error { r.Config.Seed = 1; return nil },
		"settings (alpha 0.1, which is 0.2 now)": set("alpha", 0.2),
		"settings (epochs 2, which is 3 now)":    set("epochs", 3),
		"features":                               func(r *Training, _ *Finished) error { r.Features.Source.Key = "l"; return nil },
		"labels":                                 func(r *Training, _ *Finished) error { r.Features.Labels[7] = 1; return nil },
		"images":                                 func(_ *Training, f *Finished) error { f.Table.Paths = f.Table.Paths[1:]; return nil },
	} {
		f, err := Open(first.Dir)
		if err != nil {
			t.Fatal(err)
		}
		again := made()
		if err := change(&again, f); err != nil {
			t.Fatal(err)
		}
		err = again.MatchesScored(f)
		var differs *OtherError
		if other == "" && err != nil || other != "" && (!errors.As(err, &differs) || differs.Other != other) {
			t.Errorf("%v, want other %q", err, other)
		}
	}
}

// A rule that another version resolved in another way makes no other run: the batch of 30 images is a rule's.
func TestRulesResolvedInAnotherWayMatch(t *testing.T) {
	config, _, err := Configure(map[string]string{"method": "debiased-infonce-clustering", "clusters": "3"}, 0, 30, 0)
	if err != nil {
		t.Fatal(err)
	}
	resolved, _, err := config.Resolve(30)
	if err != nil {
		t.Fatal(err)
	}
	if resolved.Text("batch") == config.Text("batch") {
		t.Fatal("the batch is not resolved")
	}
	r := &Run{Config: Config{Format: runFormat, Training: resolved, Features: features.Source{Key: "k", Rows: 30, Dim: 4}}}
	if err := r.Config.Training.Set("batch", 17); err != nil {
		t.Fatal(err)
	}
	training := Training{Config: config, Features: &features.Set{Features: densetest.Clouds(1, 30, 4, 3, 3), Source: r.Config.Features}}
	if err := training.Matches(r); err != nil {
		t.Error(err)
	}
	if err := r.Config.Training.Set("alpha", 0.3); err != nil {
		t.Fatal(err)
	}
	if err := training.Matches(r); err == nil {
		t.Error("a run with another alpha matches")
	}
}
