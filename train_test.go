package iconic

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"iconic/features"
	"iconic/head/methods"
	"iconic/internal/densetest"
	"iconic/progress"
	"iconic/run"
	"iconic/sweep"
)

func trainable(t *testing.T) *features.Set {
	t.Helper()
	set, err := features.New(densetest.Clouds(4, 150, 6, 3, 4), nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// stageTimes matches the durations of the stages in config.json: only they differ between identical runs.
var stageTimes = regexp.MustCompile(`(?s)\n  "times": \[.*?\n  \],`)

// The default method, which finds the number of clusters itself, is interrupted at a random step and resumed with another number of
// threads. It ends with the same files.
func TestTheDefaultWithFoundClustersIsTakenUp(t *testing.T) {
	set, dir := trainable(t), t.TempDir()
	training := func(out string, workers int) Training {
		return Training{Out: filepath.Join(dir, out), Settings: map[string]string{"clusters": "auto"}, Seed: 3, Resume: true, Workers: workers}
	}
	steps := 0
	whole := training("whole", 1)
	whole.Hooks.Step = func(s progress.Step) {
		if s.Unit == "steps" {
			steps++
		}
	}
	if _, err := Train(context.Background(), set, whole); err != nil {
		t.Fatal(err)
	}
	after := 1 + rand.New(rand.NewPCG(6, 6)).IntN(steps-1)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	taken := training("taken", 2)
	seen := 0
	taken.Hooks.Step = func(s progress.Step) {
		if s.Unit == "steps" {
			if seen++; seen == after {
				cancel()
			}
		}
	}
	if _, err := Train(ctx, set, taken); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted after step %d of %d: %v", after, steps, err)
	}
	if _, err := Train(context.Background(), set, training("taken", 3)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"config.json", "head.safetensors", "novelty.safetensors", "history.jsonl", "metrics.json", "assignments.csv"} {
		a, errA := os.ReadFile(filepath.Join(dir, "whole", name))
		b, errB := os.ReadFile(filepath.Join(dir, "taken", name))
		a, b = stageTimes.ReplaceAll(a, nil), stageTimes.ReplaceAll(b, nil)
		if err := errors.Join(errA, errB); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs after an interrupt at step %d of %d, %v", name, after, steps, err)
		}
	}
}

// What a training does not use is refused before any work: misspelt settings, and a second number of clusters.
func TestUnusedSettingsAreRefused(t *testing.T) {
	set := trainable(t)
	for _, c := range []struct {
		name string
		o    Training
		says string
	}{
		{"misspelt", Training{Clusters: 3, Settings: map[string]string{"methd": "kmeans"}}, `setting "methd" is not known: did you mean "method"?`},
		{"misspelt, with clusters to find", Training{Settings: map[string]string{"clusters": "auto", "neighbors": "5"}}, `did you mean "neighbours"?`},
		{"two numbers", Training{Clusters: 2, Settings: map[string]string{"clusters": "3"}}, `the field Clusters is 2, but the setting clusters is "3"`},
		{"a number and auto", Training{Clusters: 2, Settings: map[string]string{"clusters": "auto"}}, `the field Clusters is 2, but the setting clusters is "auto"`},
		{"a number twice", Training{Clusters: 3, Settings: map[string]string{"clusters": "3", "method": "kmeans"}}, ""},
	} {
		begun := false
		c.o.Out = filepath.Join(t.TempDir(), "run")
		c.o.Hooks.Step = func(progress.Step) { begun = true }
		_, err := Train(t.Context(), set, c.o)
		var refused *run.SettingsError
		switch {
		case c.says == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.says != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), c.says) || begun):
			t.Errorf("%s: %v, begun: %v", c.name, err, begun)
		}
	}
}

// The place of a run is checked before its clusters are counted, which can take long, unless they were counted before.
func TestThePlaceIsCheckedFirst(t *testing.T) {
	set, dir := trainable(t), t.TempDir()
	file, counted, given := filepath.Join(dir, "file"), filepath.Join(dir, "counted"), filepath.Join(dir, "given")
	auto := map[string]string{"clusters": "auto", "method": "kmeans"}
	_, errCounted := Train(t.Context(), set, Training{Out: counted, Settings: auto})
	_, errGiven := Train(t.Context(), set, Training{Out: given, Clusters: 4, Settings: map[string]string{"method": "kmeans"}})
	if err := errors.Join(os.WriteFile(file, nil, 0o600), errCounted, errGiven); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		out  string
		seed uint64
		says string
	}{
		{filepath.Join(file, "x"), 0, "output folder"},
		{counted, 0, "contains a finished run of these settings"},
		{counted, 1, "contains another run"},
		{given, 0, "contains a finished run"},
		{given, 1, "contains another run"},
	} {
		begun := false
		o := Training{Out: c.out, Seed: c.seed, Settings: auto, Hooks: progress.Hooks{Step: func(progress.Step) { begun = true }}}
		if _, err := Train(t.Context(), set, o); err == nil || !strings.Contains(err.Error(), c.says) || begun {
			t.Errorf("%s with seed %d: %v, begun: %v", c.out, c.seed, err, begun)
		}
	}
}

// Rows without names cannot be shown as images, and what was left out of the files is told.
func TestWhatAMatrixDoesNotSay(t *testing.T) {
	set, dir := trainable(t), t.TempDir()
	set.Notes = []string{"a column is not used"}
	var notes []string
	o := Training{Out: filepath.Join(dir, "run"), Images: dir, Settings: map[string]string{"clusters": "4", "method": "kmeans"}, Hooks: progress.Hooks{Note: func(s string) { notes = append(notes, s) }}}
	if _, err := Train(t.Context(), set, o); err == nil || !strings.Contains(err.Error(), "do not say to which images they belong") {
		t.Errorf("error %v", err)
	}
	o.Images = ""
	if _, err := Train(t.Context(), set, o); err != nil || strings.Count(strings.Join(notes, "\n"), set.Notes[0]) != 2 {
		t.Errorf("notes %q, %v", notes, err)
	}
}

// If a training is interrupted before it has a step to keep, the message says that it starts again; a method that computes in one piece
// says so too.
func TestAnInterruptedTrainingSaysWhatItKept(t *testing.T) {
	set := trainable(t)
	for _, m := range methods.All() {
		about := m.About()
		if about.Needs != "" {
			continue
		}
		var notes []string
		ctx, cancel := context.WithCancel(context.Background())
		o := Training{Out: filepath.Join(t.TempDir(), "run"), Clusters: 3, Settings: map[string]string{"method": about.Name}, Hooks: progress.Hooks{
			Note: func(text string) { notes = append(notes, text) },
			Step: func(s progress.Step) {
				if s.Stage == "neighbours" {
					cancel()
				}
			},
		}}
		_, err := Train(ctx, set, o)
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", about.Name, err)
			continue
		}
		want := "no step of the training was finished"
		if about.Closed {
			want = "method " + about.Name + " computes in one piece, and starts again"
		}
		if told := strings.Join(notes, "; "); !strings.Contains(told, want) {
			t.Errorf("%s says %q", about.Name, told)
		}
	}
}

// Classes that no image has, as after a filter, do not count towards the number of clusters, wherever it is taken from them. Their names and the
// labels' numbers stay, and methods that learn from labels learn those that there are.
func TestClassesWithoutImagesAreNoClusters(t *testing.T) {
	clouds, labels := densetest.Clouds(4, 60, 6, 2, 3), make([]int, 60)
	for i := range labels {
		labels[i] = 1 + 2*(i%2)
	}
	set, err := features.New(clouds, nil, labels, []string{"ash", "beech", "cedar", "dogwood"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for method, clusters := range map[string]string{"kmeans": "", "cross-entropy": "", "supervised-clustering": "", "harmonic": "4"} {
		var notes []string
		o := Training{Out: filepath.Join(dir, method), Settings: map[string]string{"method": method}, Hooks: progress.Hooks{Note: func(s string) { notes = append(notes, s) }}}
		want := 2
		if clusters != "" {
			o.Settings["clusters"], want = clusters, 4
		}
		r, err := Train(t.Context(), set, o)
		if err != nil {
			t.Fatalf("%s: %v", method, err)
		}
		if r.Run.Head.Clusters != want || len(r.Run.Config.Classes) != 4 {
			t.Errorf("%s: %d clusters, classes %q", method, r.Run.Head.Clusters, r.Run.Config.Classes)
		}
		told := slices.Contains(notes, "2 of 4 classes have no image (such as ash) and do not count towards the number of clusters")
		if told != (clusters == "") {
			t.Errorf("%s: notes %q", method, notes)
		}
		if learns := method != "kmeans" && method != "harmonic"; learns && r.Metrics.Labelled.Accuracy < 1 {
			t.Errorf("%s: accuracy %g on its own labels", method, r.Metrics.Labelled.Accuracy)
		}
		if _, err := Train(t.Context(), set, o); err == nil || !strings.Contains(err.Error(), "a finished run of these settings") {
			t.Errorf("%s, again: %v", method, err)
		}
		if err := o.checkPlace(); err == nil || strings.Contains(err.Error(), "another run") {
			t.Errorf("%s, again, before the features are known: %v", method, err)
		}
	}
	s, err := sweep.Plan(t.Context(), sweep.Options{Dir: filepath.Join(dir, "sweep"), Sets: []*features.Set{set}, Combinations: []sweep.Combination{{"method": "kmeans"}}, Seeds: 1})
	if err != nil || s.Jobs[0].Config.Clusters != 2 {
		t.Errorf("sweep: %v, %v", s, err)
	}
	set.Labels = nil
	_, err = Train(t.Context(), set, Training{Out: filepath.Join(dir, "none")})
	if err == nil || !errors.Is(err, run.ErrClusters) || !strings.HasSuffix(err.Error(), "4 classes are named, but no image has a class") {
		t.Errorf("no labels: %v", err)
	}
}
