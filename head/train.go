package head

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"iconic/head/confidence"
	"iconic/head/ensemble"
	"iconic/head/icon"
	"iconic/head/kmeans"
	"iconic/head/knn"
	"iconic/head/linear"
	"iconic/head/method"
	"iconic/head/methods"
	"iconic/head/novelty"
	"iconic/head/partition"
	"iconic/head/regression"
	"iconic/head/train"
	"iconic/internal/plural"
	"iconic/matrix"
	"iconic/option"
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
	// GraphProgress receives the progress of the neighbour search, Progress the steps and the last loss.
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
	recipe, notes, err := c.resolved(m, f, in)
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
	d, more, err := p.data(ctx, in, c, o)
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

// resolved checks a training before any work, and returns the recipe with its rules resolved and notes on what that changed.
func (c Config) resolved(m method.Method, f Features, in Inputs) (method.Recipe, []string, error) {
	if err := matrix.Check(f); err != nil {
		return nil, nil, err
	}
	if err := c.validate(m, f.Len()); err != nil {
		return nil, nil, err
	}
	if err := checkInputs(m.About(), c.Clusters, f.Len(), in); err != nil {
		return nil, nil, err
	}
	recipe, err := c.recipe(m)
	if err != nil {
		return nil, nil, err
	}
	notes, err := recipe.Resolve(f.Len())
	return recipe, notes, err
}

// data is what the method learns from: the prepared features, and the further inputs in the form that goes with them.
func (p *prepared) data(ctx context.Context, in Inputs, c Config, o Options) (d *method.Data, notes []string, err error) {
	if in.Second != nil {
		m, err := matrix.Measure(ctx, in.Second, o.Workers)
		if err != nil {
			return nil, nil, fmt.Errorf("the second set: %w", err)
		}
		in.Second, notes = shortened(in.Second, m), o.remote(m, p.features.Len(), "features in the second set")
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
	l, err := regression.Clusters(ctx, &data, "head of the clusters", found.Cluster, regression.MostEpochs)
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

// unlabelled counts the labels below 0, which stand for none.
func unlabelled(labels []int) (n int) {
	for _, l := range labels {
		if l < 0 {
			n++
		}
	}
	return n
}

// checkInputs checks that a method has the inputs it needs for n rows.
func checkInputs(m method.About, clusters, n int, in Inputs) error {
	if in.Second != nil {
		if err := matrix.Check(in.Second); err != nil {
			return fmt.Errorf("second set: %w", err)
		}
	}
	switch m.Needs {
	case method.NeedsLabels:
		if in.Labels == nil {
			return option.Errorf("Labels", "method %s learns from labels, but there are none", m.Name)
		}
		if len(in.Labels) != n {
			return fmt.Errorf("method %s: %d labels for %d images", m.Name, len(in.Labels), n)
		}
		if none := unlabelled(in.Labels); none > 0 {
			return fmt.Errorf("method %s learns from labels, but %d of %s %s none: label every image, or leave out those without a label", m.Name, none, plural.Of(n, "image", "images"), plural.Word(none, "has", "have"))
		}
		for i, l := range in.Labels {
			if l >= clusters {
				return fmt.Errorf("method %s: label %d of image %d: want every image labelled with 0 to %d, as many labels as clusters", m.Name, l, i, clusters-1)
			}
		}
	case method.NeedsViews:
		if len(in.Views) == 0 {
			return option.Errorf("Views", "method %s compares views of an image, but the features have only one", m.Name)
		}
	case method.NeedsSecond:
		if in.Second == nil {
			return option.Errorf("Second", "method %s pairs two sets of features, but there is only one", m.Name)
		}
	case method.NeedsEdges:
		if len(in.Edges) == 0 {
			return option.Errorf("Edges", "method %s draws a graph, but there is none", m.Name)
		}
		if _, err := icon.Graph(n, in.Edges); err != nil {
			return err
		}
	}
	for _, v := range in.Views {
		if v.Len() != n {
			return fmt.Errorf("a view has %d rows, the features %d: want the same images in the same order", v.Len(), n)
		}
	}
	if in.Second != nil && in.Second.Len() != n {
		return fmt.Errorf("the second set has %d rows, the first %d: want the same images in the same order", in.Second.Len(), n)
	}
	return nil
}

// ValidateInputs checks that the method of c has the inputs it needs for n rows.
func (c Config) ValidateInputs(n int, in Inputs) error {
	m, err := methods.Find(c.Method)
	if err != nil {
		return err
	}
	return checkInputs(m.About(), c.Clusters, n, in)
}

// Wanted is the neighbour graph that a training searches for in its features.
type Wanted struct {
	Neighbours   int // of each row
	Metric       knn.Metric
	Search       knn.Search // SearchExact or SearchApproximate
	Standardized bool
	// Some is set if only the neighbours of some rows are searched, those by which the clusters are evaluated.
	Some bool
}

// Serves reports whether the graph w of the same features makes every bit of a training that searches for o the same as its own search. A graph of more
// neighbours does after an exact search only: an approximate one compares other rows if it is to find more of them.
func (w Wanted) Serves(o Wanted) bool {
	enough := w.Neighbours == o.Neighbours || w.Neighbours > o.Neighbours && w.Search == knn.SearchExact
	o.Neighbours = w.Neighbours
	return enough && w == o
}

// Wanted is the graph that a training under c on n rows searches for. It fails as Validate does.
func (c Config) Wanted(n int) (Wanted, error) {
	recipe, err := c.ready(n)
	if err != nil {
		return Wanted{}, err
	}
	return wanted(recipe, n)
}

// wanted is the graph that a resolved recipe needs of n rows.
func wanted(r method.Recipe, n int) (Wanted, error) {
	near, err := Near(r, n)
	if err != nil {
		return Wanted{}, err
	}
	w := Wanted{Neighbours: near.Neighbours, Metric: cmp.Or(near.Metric, knn.Cosine), Search: near.Search}
	if s, ok := r.(method.Scaler); ok {
		w.Standardized = s.Scaled()
	}
	if s, ok := r.(method.Sampler); ok && s.Sampled(n) < n {
		w.Some, w.Search = true, knn.SearchExact
	}
	return w, nil
}

// Neighbours computes the neighbour graph of a training under c, for the Options.Graph of trainings that share it (see Wanted).
func Neighbours(ctx context.Context, f Features, c Config, o Options) (*knn.Graph, error) {
	p, err := preparedFor(ctx, f, c, o)
	if err != nil {
		return nil, err
	}
	return p.graph, nil
}

// Evaluation computes the Result.Evaluation of a training under c.
func Evaluation(ctx context.Context, f Features, c Config, o Options) (*knn.Graph, error) {
	p, err := preparedFor(ctx, f, c, o)
	if err != nil {
		return nil, err
	}
	return p.evaluation(ctx, o.Workers)
}

// preparedFor prepares the features for a training under c.
func preparedFor(ctx context.Context, f Features, c Config, o Options) (*prepared, error) {
	recipe, err := c.ready(f.Len())
	if err != nil {
		return nil, err
	}
	return prepare(ctx, f, recipe, o)
}

// ready is the recipe of c, resolved for n rows.
func (c Config) ready(n int) (method.Recipe, error) {
	m, err := methods.Find(c.Method)
	if err != nil {
		return nil, err
	}
	if err := c.validate(m, n); err != nil {
		return nil, err
	}
	recipe, err := c.recipe(m)
	if err != nil {
		return nil, err
	}
	_, err = recipe.Resolve(n)
	return recipe, err
}

// prepared holds the features in the form that a recipe needs, and their neighbour graph.
type prepared struct {
	features     Features
	raw          Features // not standardised
	standardised bool
	moments      *matrix.Moments      // of the features; if they are not standardised, in the unit in which the recipe sees them
	scaled       *matrix.Standardized // nil if they are not scaled
	graph        *knn.Graph
	metric       knn.Metric // of the graph
	notes        []string
}

// prepare checks the features, standardises them if the recipe requires it or else brings them to a unit in which it can learn, and finds
// their neighbours.
func prepare(ctx context.Context, f Features, r method.Recipe, o Options) (*prepared, error) {
	moments, err := matrix.Measure(ctx, f, o.Workers)
	if err != nil {
		return nil, err
	}
	p := &prepared{features: f, raw: shortened(f, moments), moments: moments, notes: o.remote(moments, f.Len(), "features")}
	want, err := wanted(r, f.Len())
	if err != nil {
		return nil, err
	}
	if want.Standardized {
		p.standardised, p.scaled = true, matrix.Standardize(f, moments)
	} else if p.scaled = matrix.InUnit(f, moments); p.scaled != nil {
		unit := float64(p.scaled.Inverse[0])
		if p.moments = moments.Times(unit); unit != 1 {
			p.notes = append(p.notes, fmt.Sprintf("the features are very small or very large numbers, so the method sees them multiplied by %.4g, and its loss is that of such features; the head is for the features as they are", unit))
		}
	}
	if p.scaled != nil {
		p.features = p.scaled
	}
	p.metric = want.Metric
	if err := p.neighbours(ctx, want, o); err != nil {
		return nil, err
	}
	switch g := p.graph; {
	case g.Recall < 1:
		p.notes = append(p.notes, fmt.Sprintf("the approximate neighbour search made %.1f %% of the comparisons of each image with every other and found %.1f %% of the true neighbours, measured on a sample; an exact search compares all pairs",
			100*g.Compared, 100*g.Recall))
	case want.Search == knn.SearchApproximate && g.Of == nil:
		p.notes = append(p.notes, "the features have too little structure for an approximate neighbour search, so all pairs were compared, as in an exact search")
	}
	if alone := p.graph.Alone(); alone > 0 {
		p.notes = append(p.notes, fmt.Sprintf("%d of %d rows %s of their own", alone, p.graph.N, plural.Word(alone,
			"has no direction (it is zero or equal to the mean), so it has no neighbours", "have no direction (they are zero or equal to the mean), so they have no neighbours")))
	}
	return p, nil
}

// shortened returns f, with its far rows shortened if there are any.
func shortened(f Features, m *matrix.Moments) Features {
	if len(m.Far) == 0 {
		return f
	}
	return matrix.InUnit(f, m)
}

// remote is a note on the far rows of n, if there are any; what says what features they are.
func (o Options) remote(m *matrix.Moments, n int, what string) []string {
	const most = 3 // named
	if len(m.Far) == 0 {
		return nil
	}
	var names []string
	for _, i := range m.Far[:min(most, len(m.Far))] {
		if o.Name != nil {
			names = append(names, o.Name(i))
		} else {
			names = append(names, fmt.Sprintf("row %d", i))
		}
	}
	if more := len(m.Far) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return []string{fmt.Sprintf("the %s of %d of %d images are more than %d times as far from the middle as those of half of the images (%s): they do not count in the scaling of the features, and methods see them shortened to three times the usual length; encode such images again or exclude them",
		what, len(m.Far), n, matrix.Remote, strings.Join(names, ", "))}
}

// Near returns the neighbourhood that a recipe learns from in n rows, or, if it learns from none, the one by which its clusters are
// evaluated.
func Near(r method.Recipe, n int) (method.Neighbourhood, error) {
	near := method.Neighbourhood{Neighbours: min(10, n-1), Metric: knn.Cosine, Search: knn.SearchAuto}
	if g, ok := r.(method.Grapher); ok {
		near = g.Near()
		near.Neighbours = min(near.Neighbours, n-1)
	}
	_, err := near.Resolve(n)
	return near, err
}

// judged is the number of rows whose neighbours evaluate the clusters if the method does not learn from those of all rows: it determines a share
// of pairs to better than a hundredth. evaluating is the number of their neighbours.
const judged, evaluating = 2048, 10

// evaluation is Result.Evaluation: the graph itself if it has enough neighbours by cosine, or a new one of some rows.
func (p *prepared) evaluation(ctx context.Context, workers int) (*knn.Graph, error) {
	n := p.features.Len()
	k := min(evaluating, n-1)
	if p.metric == knn.Cosine && p.graph.K >= k {
		return p.graph.Nearest(k), nil
	}
	return knn.Some(ctx, p.features, confidence.Evenly(n, judged), knn.Options{K: k, Metric: knn.Cosine, Workers: workers})
}

// neighbours provides the graph: the given one, the cached one, or a new one.
func (p *prepared) neighbours(ctx context.Context, want Wanted, o Options) (err error) {
	n, k := p.features.Len(), want.Neighbours
	var rows []int32 // nil: all
	if want.Some {
		rows = confidence.Evenly(n, judged)
	}
	if g := of(o.Graph, rows); g != nil {
		if rows == nil && g.N != n || g.K < k {
			return fmt.Errorf("neighbour graph of %d rows with %d neighbours does not match %d rows with %d: omit it to have it computed", g.N, g.K, n, k)
		}
		p.graph = g.Nearest(k)
		return nil
	}
	search := knn.Options{K: k, Metric: want.Metric, Workers: o.Workers, Progress: o.GraphProgress}
	if want.Some {
		p.graph, err = knn.Some(ctx, p.features, rows, search)
		return err
	}
	if o.Cache == "" {
		p.graph, err = want.Search.Find(ctx, p.features, search)
		return err
	}
	scale := "raw"
	if p.standardised {
		scale = "standardized"
	}
	// One file for each way to compute it, so that they don't overwrite each other.
	name := fmt.Sprintf("%s-%s-%s-%d.knn", scale, want.Metric, want.Search, k)
	p.graph, err = knn.Cached(ctx, filepath.Join(o.Cache, name), want.Search, p.features, search)
	if p.graph != nil && err != nil {
		p.notes = append(p.notes, fmt.Sprintf("the neighbour graph could not be cached: %v", err))
		err = nil
	}
	return err
}

// of is the given graph as one of these rows, nil: of all; nil if it has no such neighbours as a search of these rows finds.
func of(g *knn.Graph, rows []int32) *knn.Graph {
	switch {
	case g == nil:
		return nil
	case rows == nil && g.Of == nil, rows != nil && slices.Equal(g.Of, rows):
		return g
	case rows != nil && g.Of == nil && g.Compared == 1 && g.N > int(rows[len(rows)-1]):
		return g.Only(rows)
	}
	return nil
}

// uncentred is a remedy, as health has it, for a method that does not standardise features although they have a large common offset, beside which it may see no
// differences; otherwise "".
func (r *Result) uncentred(m *matrix.Moments) string {
	const large = 10 // encoders' own features have an offset of about 1
	if offset := m.Offset(); r.Config.Text("standardize") == "false" && offset >= large {
		return fmt.Sprintf("set standardize to true, because the features have a common offset of %.0f times their spread, beside which the method may not see how they differ", offset)
	}
	return ""
}

// health describes problems with the clusters of all images, and what to do: that the features differ is known by now. fill is an Outcome's; a remedy, if it is
// not "", takes the place of other advice.
func health(cluster []int, clusters int, remedy, fill string) []string {
	const usual = "return to its default settings if you have changed them, or try another method"
	fill = cmp.Or(remedy, fill, usual)
	count := make([]int, clusters)
	used, most := 0, 0
	for _, c := range cluster {
		if count[c] == 0 {
			used++
		}
		count[c]++
		most = max(most, count[c])
	}
	var warnings []string
	switch {
	case used <= 1:
		return []string{"all images are in one cluster: the method has told no groups apart; " + cmp.Or(remedy, usual)}
	case used < clusters && len(cluster) >= 4*clusters:
		warnings = append(warnings, fmt.Sprintf("%d of %d clusters %s empty: the method has told only %d groups apart; ask for %d clusters if there are no more, otherwise %s",
			clusters-used, clusters, plural.Word(clusters-used, "is", "are"), used, used, fill))
	}
	if share := float64(most) / float64(len(cluster)); share > max(5/float64(clusters), 0.5) {
		warnings = append(warnings, fmt.Sprintf("one cluster holds %.0f %% of the images: that may be right for this data; otherwise ask for more clusters", 100*share))
	}
	return warnings
}
