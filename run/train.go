package run

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"strings"

	"iconic/features"
	"iconic/head"
	"iconic/head/clustercount"
	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/method"
	"iconic/head/methods"
	"iconic/head/train"
	"iconic/internal/plural"
	"iconic/matrix"
	"iconic/option"
	"iconic/progress"
	"iconic/report"
)

// Training makes a run folder from features, a configuration, and the other inputs of the method.
type Training struct {
	Dir      string // folder of the run
	Features *features.Set
	Config   head.Config              // as made by Configure
	Images   string                   // data set of the features, for the pictures of the page; "": unknown
	Counted  *clustercount.Suggestion // how the number of clusters in Config was found; nil: it was given
	// ImageColumn is their column, if the data set consists of Parquet files and the column had to be named.
	ImageColumn string
	Second      *features.Set
	Edges       []icon.Edge
	Resume      bool // resume the training in Dir, if there is one
	Workers     int  // goroutines; all processors when < 1. It does not change any bit of the result.
	Safe        bool // put an apostrophe before cells of the run's CSV files that a spreadsheet would treat as formulas
	Shared      Shared
	Hooks       progress.Hooks
	Clock       *progress.Clock // times the stages, for config.json; nil: a new one that begins with Train

	Formulas  int  // after Train: the number of cells of assignments.csv that Safe concerns
	Unchanged bool // after Train with Resume: the folder contained this very run, complete with its page, and was left unchanged
}

// Shared is what several trainings on the same features need to compute only once; the zero value shares nothing.
type Shared struct {
	Graph    *knn.Graph
	Baseline func(ctx context.Context, f *features.Set, in report.Input) (*Baseline, error)
}

// ErrBusy is in the chain of Train's error if another process is training in the folder.
var ErrBusy = errors.New("another training is running")

// OtherError says that the training in a folder differs from the one to be resumed.
type OtherError struct {
	Dir   string
	Other string // what differs: "features", "settings" and the first of them, the inputs by name, or for a finished run "labels", "images"
}

func (e *OtherError) Error() string {
	return fmt.Sprintf("the training in %s has other %s", e.Dir, e.Other)
}

// Validate checks everything that can be checked before the work. Its error is a SettingsError.
func (t *Training) Validate() error {
	if err := t.validate(); err != nil {
		return &SettingsError{err}
	}
	return nil
}

func (t *Training) validate() error {
	if err := t.checkSets(); err != nil {
		return err
	}
	if err := t.Config.Validate(t.Features.Len()); err != nil {
		return err
	}
	return t.validateInputs()
}

// ValidateInputs is the part of Validate that concerns the features and other inputs: whether the method of Config has those that it needs and reads
// those that it has, and whether they belong together. Its error is a SettingsError.
func (t *Training) ValidateInputs() error {
	if err := t.validateInputs(); err != nil {
		return &SettingsError{err}
	}
	return nil
}

func (t *Training) validateInputs() error {
	if err := t.checkSets(); err != nil {
		return err
	}
	m, err := methods.Find(t.Config.Method)
	if err != nil {
		return err
	}
	if err := Unread(m.About(), t.Second != nil, t.Edges != nil); err != nil {
		return err
	}
	if t.ImageColumn != "" && t.Images == "" {
		return option.Errorf("ImageColumn", "the image column %q is given without images: name the images, too, or leave it out", t.ImageColumn)
	}
	if t.Second != nil {
		if err := features.SameImages(t.Features, t.Second); err != nil {
			return err
		}
	}
	return t.Config.ValidateInputs(t.Features, t.inputs(m.About().Needs))
}

// checkSets checks that there are features in the one or two sets of them.
func (t *Training) checkSets() error {
	if err := t.Features.Check(); err != nil {
		return err
	}
	if t.Second != nil {
		if err := t.Second.Check(); err != nil {
			return fmt.Errorf("second set: %w", err)
		}
	}
	return nil
}

// Unread fails if a second set of features, or the edges of a graph, are given to a method that does not read them.
func Unread(m method.About, second, edges bool) error {
	for _, input := range []struct {
		given bool
		words string
		need  method.Need
	}{{second, "a second set of features", method.NeedsSecond}, {edges, "the edges of a graph", method.NeedsEdges}} {
		if input.given && m.Needs != input.need && m.Takes != input.need {
			return fmt.Errorf("method %s does not read %s: %s", m.Name, input.words, readersOf(input.need))
		}
	}
	return nil
}

// Train makes the run folder: it trains, scores, and writes every file except the page, which WritePage makes. If there is no room for a file, it
// fails with a FullError.
func (t *Training) Train(ctx context.Context) (*report.Metrics, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	if s, n := t.Features, t.Features.Len(); len(s.Paths) != n || s.Labels != nil && len(s.Labels) != n {
		return nil, &SettingsError{fmt.Errorf("features with %d paths and %d labels for %d rows: make the set with features.Open or features.New", len(s.Paths), len(s.Labels), n)}
	}
	if err := matrix.Differ(ctx, t.Features); err != nil { // before there is a folder
		return nil, t.whose(ctx, err)
	}
	if t.Clock == nil {
		t.Clock = progress.NewClock("preparation")
		t.Hooks = t.Clock.Hooks(t.Hooks)
	}
	metrics, err := t.train(ctx)
	if err != nil || t.Unchanged {
		return metrics, full(err)
	}
	return metrics, KeepTimes(t.Dir, t.Clock.Times())
}

func (t *Training) train(ctx context.Context) (*report.Metrics, error) {
	m, err := methods.Find(t.Config.Method)
	if err != nil {
		return nil, err
	}
	needs := m.About().Needs
	c := Config{Version: Version(), Kernels: train.Kernels(nil), Training: t.Config, Inputs: t.identity(needs).Named(), Counted: t.Counted, Classes: t.Features.Classes, Encoder: t.Features.Encoder}
	if n := t.Features.WithImages(); n < len(c.Classes) {
		c.WithImages = n
	}
	if c.Features, err = located(t.Features.Source, t.Images, t.ImageColumn); err != nil {
		return nil, err
	}
	unlock, err := lock(t.Dir)
	if err != nil {
		return nil, err
	}
	defer unlock() // the end of the process would release it, too
	state, ended, err := t.begin(&c)
	if err != nil {
		return nil, err
	}
	if t.Unchanged {
		t.Hooks.Notef("the run in %s is finished: there is nothing to do", t.Dir)
		return Metrics(t.Dir)
	}
	kept := &keeper{dir: t.Dir, unchanged: t.unchanged}
	kept.note(state)
	if ended == nil {
		metrics, err := t.learn(ctx, c, needs, state, kept)
		return metrics, t.failed(ctx, kept, err)
	}
	t.Hooks.Notef("the training in %s has ended; making its scores and its page", t.Dir)
	kept.ended = true
	result, err := t.ended(ctx, ended)
	if err != nil {
		return nil, t.failed(ctx, kept, err)
	}
	metrics, err := t.score(ctx, result)
	return metrics, t.failed(ctx, kept, err)
}

// learn trains from a state, from the start if it is nil, and scores the result.
func (t *Training) learn(ctx context.Context, c Config, needs method.Need, state *head.State, kept *keeper) (*report.Metrics, error) {
	stage := "training"
	result, err := head.Train(ctx, t.Features, t.inputs(needs), t.Config, head.Options{
		Workers: t.Workers, Graph: t.Shared.Graph, Cache: t.Features.Graphs, Resume: state, Save: kept.save, Name: func(row int) string { return t.Features.Paths[row] }, Begun: func(name string) {
			stage = name
			t.Hooks.Begin(name)
		},
		GraphProgress: t.Hooks.Stage("neighbours", "comparisons"),
		Progress: func(step, steps int, loss float64) {
			s := progress.Step{Stage: stage, Unit: "steps", Done: int64(step), Total: int64(steps)}
			if !math.IsNaN(loss) {
				s.Detail = fmt.Sprintf("loss %.4f", loss)
			}
			t.Hooks.At(s)
		},
	})
	if err != nil {
		return nil, err
	}
	for _, n := range result.Notes {
		t.Hooks.Notef("%s", n)
	}
	for _, f := range result.Findings {
		t.Hooks.Finding(f)
	}
	for _, w := range result.Warnings {
		t.Hooks.Warnf("%s", w)
	}
	if err := t.unchanged(); err != nil {
		return nil, err
	}
	c.Times = t.Clock.Times()
	if err := Finish(t.Dir, c, result); err != nil {
		return nil, err
	}
	kept.ended = true
	return t.score(ctx, result)
}

// unchanged fails if the features were written to since they were opened: nothing that was computed of them is the result of this training.
func (t *Training) unchanged() error {
	if t.Second != nil {
		if err := t.Second.Unchanged(); err != nil {
			return err
		}
	}
	return t.Features.Unchanged()
}

// whose names the set of features that a training cannot use, if it has two of them.
func (t *Training) whose(ctx context.Context, err error) error {
	if t.Second == nil || ctx.Err() != nil {
		return err
	}
	for _, set := range []*features.Set{t.Features, t.Second} {
		if _, unusable := matrix.Measure(ctx, set, t.Workers); unusable != nil {
			return fmt.Errorf("%s: %w", set.Source.Store, unusable)
		}
	}
	return err
}

// inputs are what a method learns from besides features.
func (t *Training) inputs(needs method.Need) head.Inputs {
	in := head.Inputs{Edges: t.Edges}
	if needs == method.NeedsLabels {
		in.Labels = t.Features.LabelsFor(t.Config.Clusters)
	}
	if needs == method.NeedsViews || t.Config.Text("use-views") == "true" {
		in.Views = t.Features.Views
	}
	if t.Second != nil {
		in.Second = t.Second
	}
	return in
}

// readersOf names the methods that need an input, or use it if it is given.
func readersOf(need method.Need) string {
	var needing, taking []string
	for _, m := range methods.All() {
		switch about := m.About(); need {
		case about.Needs:
			needing = append(needing, about.Name)
		case about.Takes:
			taking = append(taking, about.Name)
		}
	}
	said := strings.Join(needing, ", ") + plural.Word(len(needing), " needs it", " need it")
	if len(taking) > 0 {
		said += ", " + strings.Join(taking, ", ") + " can use it"
	}
	return said
}

// ended is the result of a training that ended in an earlier process.
func (t *Training) ended(ctx context.Context, r *Run) (*head.Result, error) {
	history, err := r.History()
	if err != nil {
		return nil, err
	}
	result := &head.Result{Head: r.Head, Config: r.Config.Training, History: history, Novelty: r.Novelty, Expected: r.Config.Expected, Choice: r.Config.Choice}
	switch n := len(history); {
	case r.Config.Loss != nil:
		result.Loss = *r.Config.Loss
	case n > 0: // an earlier version did not record it
		result.Loss = history[n-1].Loss
	}
	result.Evaluation, err = head.Evaluation(ctx, t.Features, r.Config.Training, head.Options{
		Workers: t.Workers, Graph: t.Shared.Graph, Cache: t.Features.Graphs, GraphProgress: t.Hooks.Stage("neighbours", "comparisons"),
	})
	return result, err
}

// Version is the version of the program according to the module system, which runs record.
func Version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}
