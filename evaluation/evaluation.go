package evaluation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"iconic/classify"
	"iconic/extract"
	"iconic/features"
	"iconic/internal/plural"
	"iconic/option"
	"iconic/progress"
	"iconic/report"
	"iconic/run"
)

// Options say what a run is scored on. Only Features is required.
type Options struct {
	Features string // feature store or, for a run whose features were given as a plain matrix, such a matrix (features.Open)
	Labels   string // file of labels of a matrix; "": a store has its own
	Raw      bool   // use the clusters as trained, ignoring any curation
	Workers  int    // goroutines; all processors when < 1. They do not change the result
	Hooks    progress.Hooks
}

// The splits on which Result.Metrics has matched clusters with classes.
const (
	Training = "training" // the images that the run learned
	Here     = "all"      // the images of the evaluation, since the run has no labels
)

// Result is the outcome of an evaluation.
type Result struct {
	Run      string          `json:"run"`      // its folder
	Features features.Source `json:"features"` // what it was scored on
	// Metrics has the scores; Matching.FittedOn is Training, or Here.
	Metrics *report.Metrics `json:"metrics"`
	// Rematched is the accuracy with clusters matched with classes on these images, 0 to 1; at least Metrics.Accuracy.
	Rematched report.Number `json:"rematched_accuracy"`
	// Unknown are the classes of these images that no image of the training has, in order. Their images count as wrong, unless the matching is of Here.
	Unknown []string `json:"unknown_classes,omitempty"`
	// Learned is the number of images whose features have the direction of those of an image that the run learned, up to rounding, as far as the run
	// keeps them (run.Run.Novelty); 0 for features of fewer than 8 columns, whose directions say little.
	Learned int `json:"learned"`

	// Assignments are the clusters of the images, with their labels.
	Assignments *report.Assignments `json:"-"`

	labels string // file of labels that was read; "": none
}

// Score scores the run in folder dir. It fails on features that are not those of the run's encoder, or have no labels, on a run without scores, on rows that
// are not finite, and with ctx's error.
func Score(ctx context.Context, dir string, o Options) (_ *Result, err error) {
	if o.Features == "" {
		return nil, errors.New("the features to score have no name")
	}
	f, err := run.OpenAs(dir, o.Raw, o.Hooks)
	if err != nil {
		return nil, err
	}
	if err := f.Accepts(o.Features); err != nil {
		return nil, err
	}
	set, err := open(f, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	model, err := classify.Of(f)
	if err != nil {
		return nil, err
	}
	e := &evaluation{run: f, model: model, set: set, options: o}
	return e.score(ctx)
}

// open opens the features, and checks that they are of the run's encoder and have labels.
func open(f *run.Finished, o Options) (*features.Set, error) {
	set, err := features.Open(o.Features, o.Labels)
	if err != nil {
		return nil, err
	}
	for _, note := range set.Notes {
		o.Hooks.Notef("%s", note)
	}
	if err := fits(f, set); err != nil {
		return nil, errors.Join(err, set.Close())
	}
	return set, nil
}

func fits(f *run.Finished, set *features.Set) error {
	if !f.Config.Plain() {
		trained, err := extract.Settings(f.Config.Encoder)
		if err != nil {
			return fmt.Errorf("run %s: %w", f.Dir, err)
		}
		given, err := extract.Settings(set.Encoder)
		if err != nil {
			return fmt.Errorf("%s: %w", set.Source.Store, err)
		}
		if diff := extract.Differ(trained, given); diff != "" {
			return fmt.Errorf("%s has other features than the run was trained on: %s", set.Source.Store, diff)
		}
	}
	if set.Dim() != f.Head.Dim {
		return fmt.Errorf("%s has rows of %d numbers, but run %s was trained on rows of %d: give features of the same encoder", set.Source.Store, set.Dim(), f.Dir, f.Head.Dim)
	}
	if !slices.ContainsFunc(set.Labels, func(l int) bool { return l != report.NoLabel }) {
		return option.Errorf("Labels", "no image of %s has a label to compare its cluster with", set.Source.Store)
	}
	return nil
}

// evaluation is the state of one call of Score.
type evaluation struct {
	run     *run.Finished
	model   *classify.Model
	set     *features.Set
	options Options
}

func (e *evaluation) score(ctx context.Context) (*Result, error) {
	o, set := e.options, e.set
	o.Hooks.Begin("scores")
	classes, labels := e.labels()
	mapping, err := e.matching()
	if err != nil {
		return nil, err
	}
	in := report.Input{
		Clusters: e.model.Clusters(), Items: set.Len(), Labels: labels, Classes: classes, Probabilities: e.probabilities,
		Mapping: mapping, Loss: math.NaN(), Seed: e.run.Config.Training.Seed, Workers: o.Workers,
	}
	if mapping != nil {
		in.FittedOn = Training
	}
	if err := in.Assign(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var of *classify.RowError
		if errors.As(err, &of) {
			err = of // without the block in which it is
		}
		return nil, fmt.Errorf("%s: %w", set.Source.Store, err)
	}
	m, err := report.Score(ctx, in)
	if err != nil {
		return nil, err
	}
	r := &Result{Run: e.run.Dir, Features: set.Source, Metrics: m, Assignments: e.table(in), labels: o.Labels}
	if mapping != nil {
		r.Unknown = e.unknown(classes, labels)
	}
	e.describe(m)
	if r.Rematched, err = rematched(in); err != nil {
		return nil, err
	}
	if r.Learned, err = e.learned(ctx); err != nil {
		return nil, err
	}
	return r, set.Unchanged()
}

// Cautions are sentences on what limits the scores; none if nothing does.
func (r *Result) Cautions() []string {
	var all []string
	if n := len(r.Unknown); n > 0 {
		which := plural.Word(n, fmt.Sprintf("class %q of %s is", r.Unknown[0], r.Features.Store), fmt.Sprintf("%d classes of %s, such as %q, are", n, r.Features.Store, r.Unknown[0]))
		all = append(all, which+" not among those of the run: images of "+plural.Word(n, "it", "them")+" count as wrong")
	}
	switch n := r.Learned; {
	case n == 0:
	case n == r.Metrics.N:
		all = append(all, "the images are those that the run learned: the scores tell nothing of others")
	default:
		all = append(all, fmt.Sprintf("%d of %s %s the features of an image that the run learned, and there may be more, since the run keeps a sample of those: leave them out to score unseen images only",
			n, plural.Of(r.Metrics.N, "image", "images"), plural.Word(n, "has", "have")))
	}
	return all
}
