package sweep

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iconic/head"
	"iconic/progress"
	"iconic/run"
)

// An unfinished run whose saved state an older version made starts again: retries must not fail for ever. A training of its own says so,
// names the file and keeps it.
func TestAStateOfAnOlderVersionStartsAgain(t *testing.T) {
	o := planned()
	o.Sets[0].Paths = make([]string, 30)
	o.Dir, o.Combinations = t.TempDir(), []Combination{{"clusters": "3", "method": "debiased-infonce-clustering", "epochs": "400", "batch": "8"}}
	s, err := Plan(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	partial := s.Folder(s.Jobs[0]) + ".partial"
	interrupt(t, run.Training{Dir: partial, Features: o.Sets[0], Config: s.Jobs[0].Config, Workers: 1})
	state, err := run.LoadCheckpoint(partial)
	if err != nil {
		t.Fatal(err)
	}
	state.Phases[len(state.Phases)-1].Name = "a phase of an older version"
	if err := run.SaveCheckpoint(partial, state); err != nil {
		t.Fatal(err)
	}
	alone := run.Training{Dir: partial, Features: o.Sets[0], Config: s.Jobs[0].Config, Resume: true, Workers: 1}
	if _, err := alone.Train(t.Context()); !errors.Is(err, head.ErrOtherState) {
		t.Errorf("the training itself: %v", err)
	}
	if _, err := os.Stat(filepath.Join(partial, "checkpoint.safetensors")); err != nil {
		t.Errorf("the training did not keep the state: %v", err)
	}
	notes := listed(&s.options)
	if r, err := s.Result(); err != nil || r.Missing != 1 || r.Page != "" {
		t.Errorf("the result before: %+v, %v", r, err)
	}
	if err := s.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Result(); err != nil || r.Missing != 0 || r.Page != s.Page {
		t.Errorf("the result: %+v, %v", r, err)
	}
	if want := "run " + s.Jobs[0].Name + ": its attempt was begun by an earlier version, or with other settings"; !slices.ContainsFunc(*notes, func(n string) bool { return strings.HasPrefix(n, want) }) {
		t.Errorf("notes %q, want one that begins with %q", *notes, want)
	}
	if s.Missing() != 0 {
		t.Errorf("%d runs are missing", s.Missing())
	}
}

// interrupt runs a training until it has saved a few steps.
func interrupt(t *testing.T, r run.Training) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	steps := 0
	r.Hooks = progress.Hooks{Step: func(progress.Step) {
		if steps++; steps == 20 {
			cancel()
		}
	}}
	if _, err := r.Train(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("the training should have been interrupted after %d steps: %v", steps, err)
	}
}
