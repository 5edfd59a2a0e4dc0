package main

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/spf13/cobra"

	"iconic/head"
	"iconic/head/icon"
	"iconic/head/kmeans"
	"iconic/head/knn"
	"iconic/head/method"
	"iconic/head/methods"
	"iconic/internal/lockfile"
	"iconic/report"
)

// trainOptions are the settings of a training, shared by train, run and demo.
type trainOptions struct {
	settings []*chosen
	seed     uint64
	workers  int
	resume   bool
	second   string // store or matrix of the other side, for methods that pair
	edges    string // file of a graph's edges, for methods that lay one out
	images   string // the data set that the features are of; empty: not known
	shared   shared
}

// shared is what several trainings on the same items need compute only once; the zero value shares nothing.
type shared struct {
	graph    *knn.Graph
	baseline func(ctx context.Context, it *items, in report.Input) (*baseline, error)
}

// baseline is k-means on the features of a training.
type baseline struct {
	metrics report.Metrics // LabelFree is there, but for what needs a graph
	cluster []int
}

func (o *trainOptions) register(c *cobra.Command) {
	f := c.Flags()
	o.settings = nil
	for _, s := range trainSettings() {
		option := &chosen{setting: s}
		o.settings = append(o.settings, option)
		flag := f.VarPF(option, s.name, s.shorthand(), s.usage)
		if option.IsBoolFlag() {
			flag.NoOptDefVal = "true"
		}
	}
	f.StringVar(&o.second, "second", "", "second store or features.npy of the same images, for clip")
	f.StringVar(&o.edges, "graph", "", "CSV file of edges, lines as from,to or from,to,weight by row number, for sne-graph and tsne-graph")
	f.Uint64Var(&o.seed, "seed", 0, "seed of everything random")
	count(f, &o.workers, "threads", 0, 0, maxThreads, "processors to use (default: all); it changes no bit of the result")
	f.BoolVar(&o.resume, "resume", false, "go on with an interrupted training in --out")
}

// config is the method's preset under the flags that were given, for so many images in so many classes. The notes say which defaults
// were lowered for a small set.
func (o *trainOptions) config(images, classes int) (c head.Config, notes []string, err error) {
	clusters, method := classes, methods.Default
	given := map[string]bool{}
	for _, s := range o.settings {
		given[s.name] = s.given
		switch {
		case s.name == "clusters" && s.given:
			clusters, _ = strconv.Atoi(s.value) // the flag has understood it
		case s.name == "clusters" && classes == 0:
			return c, nil, usagef("the data has no classes to count: give the number of groups with --clusters")
		case s.name == "method" && s.given:
			method = s.value
		}
	}
	if clusters < 2 {
		return c, nil, usagef("clusters %d: want at least 2", clusters)
	}
	if c, err = head.Preset(method, clusters); err != nil {
		return c, nil, usageError{err}
	}
	for _, s := range o.settings {
		if !s.given || s.name == "clusters" || s.name == "method" {
			continue
		}
		if err := s.apply(&c, s.value); err != nil {
			return c, nil, usageError{wayOut(err, given["method"])}
		}
	}
	c.Seed = o.seed
	return c.Fit(images, func(name string) bool { return given[name] })
}

// enough refuses a set that cannot be clustered.
func enough(images int) error {
	if images < 2 {
		return usagef("clustering needs at least 2 images, and there is %s", [...]string{"none", "1"}[images])
	}
	return nil
}

// train makes a finished run folder of items: it trains, scores, and writes every file.
func (a *app) train(ctx context.Context, it *items, c head.Config, dir string, o *trainOptions) (*report.Metrics, error) {
	if err := enough(it.Len()); err != nil {
		return nil, err
	}
	if err := c.Validate(it.Len()); err != nil {
		return nil, usageError{err}
	}
	in, digests, closeSecond, err := o.inputs(it, c)
	if err != nil {
		return nil, err
	}
	defer closeSecond()
	if err := c.ValidateInputs(it.Len(), in); err != nil {
		return nil, usageError{err}
	}
	options := head.Options{Workers: o.workers, Graph: o.shared.graph, Cache: it.graphs}
	rc := head.RunConfig{Version: version(), Training: c, Inputs: digests, Classes: it.classes, Encoder: it.encoder}
	if rc.Features, err = located(it.source, o.images); err != nil {
		return nil, err
	}
	unlock, err := lockRun(dir)
	if err != nil {
		return nil, err
	}
	defer unlock() // the process's end would do it, too
	state, ended, err := a.beginRun(dir, rc, o.resume)
	if err != nil {
		return nil, err
	}
	if ended != nil {
		a.note("the training in %s has ended; its scores and its page are made", dir)
		result, err := a.endedResult(ctx, it, ended, o)
		if err != nil {
			return nil, err
		}
		return a.score(ctx, it, result, dir, o)
	}
	bar := a.progress("training", "steps", 0)
	options.Resume, options.GraphProgress = state, a.portion("neighbours", "comparisons")
	options.Progress = func(step, steps int, loss float64) {
		bar.of(steps)
		bar.at(step, fmt.Sprintf("loss %.4f", loss))
	}
	kept := &keeper{dir: dir}
	options.Save = kept.save
	result, err := head.Train(ctx, it, in, c, options)
	bar.end()
	if err != nil {
		if errors.Is(err, context.Canceled) {
			a.note("%s", kept.account(c.Method))
		}
		return nil, err
	}
	for _, n := range result.Notes {
		a.note("%s", n)
	}
	for _, w := range result.Warnings {
		a.warn("%s", w)
	}
	if err := head.Finish(dir, rc, result); err != nil {
		return nil, err
	}
	return a.score(ctx, it, result, dir, o)
}

// lockRun makes a run folder, if need be, and keeps other trainings out of it.
func lockRun(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("output folder: %w", err)
	}
	unlock, err = lockfile.Try(filepath.Join(dir, ".lock"))
	if errors.Is(err, lockfile.ErrBusy) {
		return nil, fmt.Errorf("another training is at work in %s: wait for it, or choose another --out", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("output folder: %w", err)
	}
	return unlock, nil
}

// keeper writes the checkpoints of a training: not more often than it is worth, but always when it is interrupted.
type keeper struct {
	dir   string
	last  time.Time
	phase head.State // names and steps of the last state written; no numbers
}

func (k *keeper) save(s *head.State, now bool) error {
	const every = time.Second
	if !now && time.Since(k.last) < every {
		return nil
	}
	if err := head.SaveCheckpoint(k.dir, s); err != nil {
		return err
	}
	k.last, k.phase = time.Now(), head.State{}
	for _, p := range s.Phases {
		p.Tensors = nil
		k.phase.Phases = append(k.phase.Phases, p)
	}
	return nil
}

// account is what an interrupted training has kept, in a sentence.
func (k *keeper) account(method string) string {
	if n := len(k.phase.Phases); n > 0 {
		p := k.phase.Phases[n-1]
		return fmt.Sprintf("the training is kept in %s at step %d of %d (%s): --resume goes on from there", k.dir, p.Step, p.Steps, p.Name)
	}
	if m, err := methods.Find(method); err == nil && m.About().Closed {
		return fmt.Sprintf("method %s computes in one piece: --resume starts it again", method)
	}
	return "no step of the training was finished: --resume starts it again"
}

// inputs opens what the method of c learns from besides features, and gives each a digest.
func (o *trainOptions) inputs(it *items, c head.Config) (in head.Inputs, digests map[string]string, closeAll func(), err error) {
	closeAll = func() {}
	m, err := methods.Find(c.Method)
	if err != nil {
		return in, nil, closeAll, usageError{err}
	}
	needs := m.About().Needs
	for _, flag := range []struct {
		name, value string
		need        method.Need
	}{{"second", o.second, method.NeedsSecond}, {"graph", o.edges, method.NeedsEdges}} {
		if flag.value != "" && needs != flag.need {
			return in, nil, closeAll, usagef("method %s does not read --%s: %s", c.Method, flag.name, readersOf(flag.need))
		}
	}
	digests = map[string]string{}
	if needs == method.NeedsLabels && it.labels != nil {
		in.Labels = it.labels
		digests["labels"] = digest(it.labels)
	}
	if len(it.views) > 0 && (needs == method.NeedsViews || c.Text("use-views") == "true") {
		in.Views = it.views
		digests["views"] = fmt.Sprintf("%d of %s", len(it.views), it.source.Key)
	}
	if o.edges != "" {
		if in.Edges, err = readEdges(o.edges); err != nil {
			return in, nil, closeAll, usageError{err}
		}
		digests["edges"] = digest(in.Edges)
	}
	if o.second != "" {
		other, err := openItems(o.second, "")
		if err != nil {
			return in, nil, closeAll, err
		}
		in.Second, digests["second"] = other, other.source.Key
		closeAll = func() { _ = other.close() } // it was only read
	}
	return in, digests, closeAll, nil
}

// readersOf names the methods that need an input.
func readersOf(need method.Need) string {
	var names []string
	for _, m := range methods.All() {
		if m.About().Needs == need {
			names = append(names, m.About().Name)
		}
	}
	if len(names) == 1 {
		return names[0] + " needs it"
	}
	return strings.Join(names, ", ") + " need it"
}

// digest of what prints the same only where it is the same.
func digest(v any) string { return fmt.Sprintf("%016x", xxhash.Sum64String(fmt.Sprint(v))) }

// readEdges reads a graph from a CSV file of lines from,to or from,to,weight; a first line of words is passed over.
func readEdges(name string) ([]icon.Edge, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.TrimLeadingSpace, r.FieldsPerRecord, r.ReuseRecord = true, -1, true
	var edges []icon.Edge
	for line := 1; ; line++ {
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return edges, nil
		}
		e := icon.Edge{Weight: 1}
		if err == nil && len(record) != 2 && len(record) != 3 {
			err = errors.New("want from,to or from,to,weight")
		}
		if err == nil {
			e.From, err = strconv.Atoi(record[0])
		}
		if err == nil {
			e.To, err = strconv.Atoi(record[1])
		}
		if err == nil && len(record) == 3 {
			e.Weight, err = strconv.ParseFloat(record[2], 64)
		}
		if err != nil && line > 1 {
			return nil, fmt.Errorf("%s, line %d: %w", name, line, err)
		}
		if err == nil {
			edges = append(edges, e)
		}
	}
}

// beginRun makes the run folder, or with resume finds where its training stopped: at state, or, ended, before its page was there.
func (a *app) beginRun(dir string, rc head.RunConfig, resume bool) (state *head.State, ended *head.Run, err error) {
	err = head.Create(dir, rc)
	if err == nil || !resume || !errors.Is(err, head.ErrRunExists) {
		if errors.Is(err, head.ErrRunExists) {
			err = usageError{err}
		}
		return nil, nil, err
	}
	old, err := head.LoadUnfinished(dir)
	if err != nil {
		return nil, nil, err
	}
	resolved, _, err := rc.Training.Resolve(rc.Features.Rows) // as a training that ended writes it
	if err != nil {
		return nil, nil, usageError{err}
	}
	finished := old.Ended() && old.Config.Training.Equal(resolved)
	switch was := old.Config; {
	case was.Features.Key != rc.Features.Key:
		return nil, nil, usagef("the training in %s has other features: give the same ones to resume it, or choose another --out", dir)
	case !was.Training.Equal(rc.Training) && !was.Training.Equal(resolved):
		return nil, nil, usagef("the training in %s has other settings: give the same ones to resume it, or choose another --out", dir)
	case was.Format > 1 && !maps.Equal(was.Inputs, rc.Inputs):
		return nil, nil, usagef("the training in %s learns from other %s: give the same to resume it, or choose another --out", dir, others(was.Inputs, rc.Inputs))
	case !finished:
		state, err = head.LoadCheckpoint(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil, nil, nil // stopped before there was one
		case err == nil:
			last := state.Phases[len(state.Phases)-1]
			a.note("going on after step %d of %d (%s)", last.Step, last.Steps, last.Name)
		}
		return state, nil, err
	}
	if whole(dir, metricsFile, assignmentsFile, pageFile) {
		return nil, nil, usagef("output folder %s holds a finished run: choose another one", dir)
	}
	ended, err = head.Load(dir)
	return nil, ended, err
}

// whole tells whether a folder has all files of these names.
func whole(dir string, names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err != nil
	})
}

// others names the inputs that differ.
func others(a, b map[string]string) string {
	var names []string
	for _, in := range []struct{ name, words string }{{"labels", "labels"}, {"views", "views"}, {"second", "features of the second set"}, {"edges", "edges"}} {
		if a[in.name] != b[in.name] {
			names = append(names, in.words)
		}
	}
	return strings.Join(names, ", ")
}

// endedResult is the result of a training that an earlier process ended.
func (a *app) endedResult(ctx context.Context, it *items, r *head.Run, o *trainOptions) (*head.Result, error) {
	history, err := r.History()
	if err != nil {
		return nil, err
	}
	result := &head.Result{Head: r.Head, Config: r.Config.Training, History: history, Novelty: r.Novelty, Expected: r.Config.Expected}
	if n := len(history); n > 0 {
		result.Loss = history[n-1].Loss
	}
	result.Graph, err = head.Neighbours(ctx, it, r.Config.Training, head.Options{
		Workers: o.workers, Graph: o.shared.graph, Cache: it.graphs, GraphProgress: a.portion("neighbours", "comparisons"),
	})
	return result, err
}

// score writes metrics.json, assignments.csv and the page of a trained head.
func (a *app) score(ctx context.Context, it *items, result *head.Result, dir string, o *trainOptions) (*report.Metrics, error) {
	in := report.Input{
		Clusters: result.Config.Clusters, Items: it.Len(), Labels: it.labels, Classes: it.classes,
		Probabilities: rowProbabilities(it, result.Head), Loss: result.Loss, Seed: result.Config.Seed, Workers: o.workers,
	}
	if err := in.Assign(ctx); err != nil {
		return nil, err
	}
	m, err := report.Score(ctx, in)
	if err != nil {
		return nil, err
	}
	m.ExpectedAccuracy = report.Number(result.Expected)
	m.LabelFree, err = report.ScoreFeatures(ctx, it, in.Cluster, in.Clusters, report.LabelFreeOptions{
		Rows: 2000, Seed: in.Seed, Workers: o.workers, Graph: result.Graph.Neighbours,
	})
	if err != nil {
		return nil, err
	}
	compute := o.shared.baseline
	if compute == nil {
		compute = a.baseline
	}
	b, err := compute(ctx, it, in)
	if err != nil {
		return nil, err
	}
	if m.KMeans, err = b.on(result.Graph); err != nil {
		return nil, err
	}
	table := report.Assignments{Paths: it.paths, Labels: it.labels, Cluster: in.Cluster, Confidence: in.Confidence, Classes: it.classes}
	table.Names = calledNames(m)
	if err := report.WriteAssignments(filepath.Join(dir, assignmentsFile), table); err != nil {
		return nil, err
	}
	return m, report.WriteMetrics(filepath.Join(dir, metricsFile), m)
}

// on is the baseline's scores with those on a training's graph.
func (b *baseline) on(g *knn.Graph) (*report.Metrics, error) {
	agreement, err := report.NeighbourAgreement(g.Neighbours, b.cluster)
	if err != nil {
		return nil, err
	}
	m, free := b.metrics, *b.metrics.LabelFree
	free.NeighbourAgreement = report.Number(agreement)
	m.LabelFree = &free
	return &m, nil
}

// baseline is k-means on the same features, scored the same way.
func (a *app) baseline(ctx context.Context, it *items, in report.Input) (*baseline, error) {
	km, err := a.kmeans(ctx, it, in.Clusters, in.Seed, in.Workers)
	if err != nil {
		return nil, err
	}
	in.Cluster, in.Confidence = ints(km.Assignment), nil
	in.Probabilities = rowProbabilities(it, km)
	in.Loss = km.Inertia / float64(it.Len())
	m, err := report.Score(ctx, in)
	if err != nil {
		return nil, err
	}
	m.LabelFree, err = report.ScoreFeatures(ctx, it, in.Cluster, in.Clusters, report.LabelFreeOptions{Rows: 2000, Seed: in.Seed, Workers: in.Workers})
	if err != nil {
		return nil, err
	}
	return &baseline{*m, in.Cluster}, nil
}

// kmeans clusters items as the baseline does.
func (a *app) kmeans(ctx context.Context, f head.Features, clusters int, seed uint64, workers int) (*kmeans.Result, error) {
	return kmeans.Cluster(ctx, f, kmeans.Options{
		Clusters: clusters, Starts: 3, Seed: seed, Workers: workers, Progress: a.portion("k-means baseline", "iterations"),
	})
}

func ints(x []int32) []int {
	y := make([]int, len(x))
	for i, v := range x {
		y[i] = int(v)
	}
	return y
}

// classifier gives cluster probabilities for rows of features.
type classifier interface {
	Probabilities(dst, features []float32, n int) error
}

// rowProbabilities reads features block by block and classifies them.
func rowProbabilities(f head.Features, c classifier) func(dst []float64, lo, hi int) error {
	return func(dst []float64, lo, hi int) error {
		x := make([]float32, (hi-lo)*f.Dim())
		if err := f.Block(x, lo, hi); err != nil {
			return err
		}
		p := make([]float32, len(dst))
		if err := c.Probabilities(p, x, hi-lo); err != nil {
			return err
		}
		for i, v := range p {
			dst[i] = float64(v)
		}
		return nil
	}
}

// portion shows a stage that knows its size only once it runs.
func (a *app) portion(stage, unit string) func(done, total int) {
	var bar *progress
	return func(done, total int) {
		if bar == nil {
			bar = a.progress(stage, unit, total)
		}
		bar.at(done, "")
		if done == total {
			bar.end()
		}
	}
}

// version of the program, as the module system knows it.
func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "devel"
}
