package head

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"iconic/head/ensemble"
	"iconic/head/kmeans"
	"iconic/head/knn"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/methods"
	"iconic/head/novelty"
	"iconic/head/partition"
	"iconic/head/regression"
	"iconic/head/train"
	"iconic/matrix"
)

// The types that a training reads and writes, under the names that other packages use.
type (
	Features = matrix.Features // rows of numbers, in memory or on disk
	Matrix   = matrix.Dense    // Features in memory
	Ensemble = ensemble.Head   // the head: a linear one, or several that vote
	Inputs   = method.Inputs   // further inputs of some methods
	Epoch    = train.Epoch     // one line of history.jsonl
	State    = train.State     // a training between two steps
)

// ErrOtherState is in the chain of Train's error if Options.Resume is no state of this training.
var ErrOtherState = train.ErrOtherState

// Options do not change the result of a training: how it reports, and what it need not compute again.
type Options struct {
	Workers int // goroutines; all processors when < 1
	// Graph, if set, replaces the neighbour search. Its rows must be those of the features under the same metric and standardize, with at
	// least as many neighbours each; with more of them, an approximate search finds others (Wanted says which trainings can share a graph). It is not
	// used if it has the neighbours of other rows than the training needs.
	Graph *knn.Graph
	// Cache is a folder in which neighbour graphs are stored for the next training on the same features; "" stores none.
	Cache string
	// GraphProgress receives the progress of the neighbour search. Progress receives the steps done of the stage that Begun has named last, the
	// number of its steps, and the last loss, or NaN if there is none; steps of different stages take very different times.
	GraphProgress func(done, total int)
	Progress      func(step, steps int, loss float64)
	// Name, if set, is how notes name a row; they name row 7 "row 7" otherwise.
	Name func(row int) string
	// Begun, if set, receives the name of each stage of the work as it begins.
	Begun func(stage string)
	// Epoch, if set, is called after every epoch with its line of history. An error stops the training.
	Epoch func(Epoch) error
	// Save, if set, is passed a state from which the training can be resumed, valid only during the call: after every epoch, and with now
	// set on an interruption. Without now it may skip a state.
	Save func(s *State, now bool) error
	// Resume continues from a state; features, inputs and settings must be the same.
	Resume *State
}

// Result is a finished training.
type Result struct {
	Head    *Ensemble // for unscaled features: the scaling is folded in
	Config  Config    // as used, with rules resolved
	Loss    float64   // of the last epoch
	History []Epoch
	Graph   *knn.Graph // of all rows, or of some if the method learned from a sample
	// Evaluation has the ten nearest others by cosine, fewer in a smaller set, of all rows or of some: by it the clusters of all methods and
	// settings are evaluated.
	Evaluation *knn.Graph
	// Representation is the learned representation of every row, n×Dimensions; nil for the clustering methods.
	Representation []float32
	Dimensions     int
	Expected       float64           // expected accuracy on these rows, measured without labels; 0: not measured
	Choice         string            // how the method chose among the clusterings that it found; "": it found one
	Novelty        *novelty.Detector // recognises images unlike all of these
	Notes          []string          // useful to know: what was done otherwise than one might expect
	Findings       []string          // what was found and is expected, in sentences
	Warnings       []string          // important: dead clusters, collapse
}

// Train learns a head from features by the method that c names; in holds the method's further inputs. It fails, before any training, on
// settings out of range, on missing inputs, and on features that are not finite (naming the row) or all the same; in the step in which a
// number stops being finite; and with ctx's error when ctx ends.
func Train(ctx context.Context, f Features, in Inputs, c Config, o Options) (*Result, error) {
	m, err := methods.Find(c.Method)
	if err != nil {
		return nil, err
	}
	return TrainMethod(ctx, m, f, in, c, o)
}

// TrainMethod is Train for a method of your own.
func TrainMethod(ctx context.Context, m method.Method, f Features, in Inputs, c Config, o Options) (*Result, error) {
	r, _, err := trainMethod(ctx, m, f, in, c, o)
	return r, err
}

// trainMethod is TrainMethod; it also returns the method's outcome, from which the result is made.
func trainMethod(ctx context.Context, m method.Method, f Features, in Inputs, c Config, o Options) (*Result, *method.Outcome, error) {
	recipe, notes, err := c.checked(m, f, in)
	if err != nil {
		return nil, nil, err
	}
	c.Settings = recipe.Settings().Values()
	if o.Begun != nil {
		o.Begun("neighbours")
	}
	p, err := prepare(ctx, f, recipe, o)
	if err != nil {
		return nil, nil, err
	}
	d, more, err := p.data(ctx, m.About(), in, c, o)
	if err != nil {
		return nil, nil, err
	}
	found, err := recipe.Learn(ctx, d)
	if err == nil {
		err = p.headOf(ctx, d, m.About(), found)
	}
	if err != nil {
		return nil, nil, c.advised(err)
	}
	r := &Result{
		Head: found.Vote, Config: c, Loss: found.Loss, History: d.Run.History(), Graph: p.graph,
		Representation: found.Representation, Dimensions: found.Dimensions, Expected: found.Expected, Choice: found.Choice,
		Notes: slices.Concat(notes, p.notes, more, found.Notes, d.Run.Notes), Findings: found.Findings,
	}
	if err := r.complete(ctx, p, d, f, found.Fill); err != nil {
		return nil, nil, err
	}
	return r, found, nil
}

// checked checks a training before any work, and returns what resolved does.
func (c Config) checked(m method.Method, f Features, in Inputs) (method.Recipe, []string, error) {
	if err := matrix.Check(f); err != nil {
		return nil, nil, err
	}
	recipe, notes, err := c.resolved(m, f.Len())
	if err != nil {
		return nil, nil, err
	}
	if err := checkInputs(m.About(), c.Clusters, f, in); err != nil {
		return nil, nil, err
	}
	return recipe, notes, checkSize(recipe, f, in)
}

// data is what the method learns from: the prepared features, and the further inputs in the form that goes with them.
func (p *prepared) data(ctx context.Context, m method.About, in Inputs, c Config, o Options) (d *method.Data, notes []string, err error) {
	if in.Second != nil {
		moments, err := matrix.Measure(ctx, in.Second, o.Workers)
		if err != nil {
			return nil, nil, fmt.Errorf("the second set: %w", err)
		}
		in.Second, notes = shortened(in.Second, moments), o.remote(moments, p.features.Len(), "features in the second set")
	}
	if m.Needs == method.NeedsViews || c.Text("use-views") == "true" {
		for k, v := range in.Views {
			if err := matrix.Finite(ctx, v, o.Workers); err != nil {
				return nil, nil, fmt.Errorf("view %d: %w", k, err)
			}
		}
	}
	d = &method.Data{
		Inputs: in, Features: p.features, Raw: p.raw, Graph: p.graph, Clusters: c.Clusters, Seed: c.Seed, Workers: o.Workers,
		Run: &train.Run{Progress: o.Progress, Begun: o.Begun, Epoch: o.Epoch, Save: o.Save, Resume: o.Resume},
	}
	if p.scaled != nil {
		d.Views = nil
		for _, v := range in.Views {
			d.Views = append(d.Views, p.scaled.Like(v))
		}
	}
	return d, notes, nil
}

// complete folds the scaling into the head, and adds what is found with the head on the features f. fill is the outcome's.
func (r *Result) complete(ctx context.Context, p *prepared, d *method.Data, f Features, fill string) (err error) {
	if p.scaled != nil {
		r.Head = r.Head.Fold(p.scaled)
	}
	if r.Evaluation, err = p.evaluation(ctx, d.Workers); err != nil {
		return err
	}
	if !r.Head.Finite() {
		return r.Config.advised(&linear.NumbersError{Numbers: "the weights of its head are"})
	}
	cluster, err := r.Head.Argmaxes(ctx, f, d.Workers)
	if err != nil {
		return r.Config.advised(err)
	}
	r.Warnings = health(cluster, d.Clusters, r.uncentred(p.moments), fill)
	d.Run.Begin("novelty")
	r.Novelty, err = novelty.Fit(ctx, f, novelty.Options{Seed: d.Seed, Workers: d.Workers})
	return err
}

// advised is the error of a method's training, with what helps against numbers that are not finite.
func (c Config) advised(err error) error {
	var numbers *linear.NumbersError
	switch {
	case !errors.As(err, &numbers):
		return fmt.Errorf("method %s: %w", c.Method, err)
	case c.Text("lr") == "":
		return fmt.Errorf("method %s: %w: check the features", c.Method, err)
	}
	return fmt.Errorf("method %s: %w: lower the learning rate, or check the features", c.Method, err)
}

// headOf adds a head to every outcome: one that learns the clusters found, or those of k-means on the representation if the method has
// found none. So every method ends with the same kind of head, which also sorts new images. If the features are not
// standardised, it learns from them centred and with a mean variance of 1: its learning rate is for such. Its confidence is calibrated, except after a
// method that learns from labels, with which k-means cannot keep up.
func (p *prepared) headOf(ctx context.Context, d *method.Data, about method.About, found *method.Outcome) error {
	switch {
	case found.Vote != nil:
		return nil
	case found.Head != nil:
		found.Vote = ensemble.Of(found.Head)
		return nil
	}
	if found.Cluster == nil {
		if at := slices.IndexFunc(found.Representation, func(v float32) bool { return v-v != 0 }); at >= 0 {
			return &linear.NumbersError{Numbers: fmt.Sprintf("its representation of row %d is", at/found.Dimensions)}
		}
		km, err := kmeans.Cluster(ctx, &Matrix{Width: found.Dimensions, X: found.Representation}, kmeans.Options{
			Clusters: d.Clusters, Starts: 3, Seed: d.Seed, Workers: d.Workers,
		})
		if err != nil {
			return fmt.Errorf("clusters of its representation: %w", err)
		}
		found.Cluster = partition.Classes(km.Assignment)
	}
	data := *d
	var scaled *matrix.Standardized
	if !p.standardised {
		scaled = matrix.Rescale(d.Features, p.moments)
		data.Features = scaled
	}
	l, err := regression.Clusters(ctx, &data, "head of the clusters", found.Cluster, regression.Epochs(d.Features.Len(), regression.FaithfulSteps))
	if err != nil {
		return err
	}
	if scaled != nil {
		l = l.Fold(scaled)
	}
	if about.Needs == method.NeedsLabels {
		found.Vote = ensemble.Of(l)
		return nil
	}
	return found.Calibrate(ctx, d, l)
}
