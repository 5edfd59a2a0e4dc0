package run

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"iconic/features"
	"iconic/head"
	"iconic/head/clustercount"
	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/method"
	"iconic/head/methods"
	"iconic/head/train"
	"iconic/internal/atomicfile"
	"iconic/internal/identity"
	"iconic/internal/kernel"
	"iconic/internal/lockfile"
	"iconic/internal/plural"
	"iconic/internal/regular"
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
	if err := t.Features.Check(); err != nil {
		return err
	}
	if t.Second != nil {
		if err := t.Second.Check(); err != nil {
			return fmt.Errorf("second set: %w", err)
		}
	}
	if err := t.Config.Validate(t.Features.Len()); err != nil {
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
	return t.Config.ValidateInputs(t.Features.Len(), t.inputs(m.About().Needs))
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
	kept := &keeper{dir: t.Dir}
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
	c.Times = t.Clock.Times()
	if err := Finish(t.Dir, c, result); err != nil {
		return nil, err
	}
	kept.ended = true
	return t.score(ctx, result)
}

// FullError says that there was no room for a file of a run folder (see atomicfile.Full). What is there already is kept.
type FullError struct{ Err error }

func (e *FullError) Error() string { return e.Err.Error() }

func (e *FullError) Unwrap() error { return e.Err }

// TooLarge reports whether the system allows no file as large, although the disk may have room.
func (e *FullError) TooLarge() bool { return atomicfile.TooLarge(e.Err) }

// full makes the error for a file that had no room a FullError.
func full(err error) error {
	if atomicfile.Full(err) {
		return &FullError{err}
	}
	return err
}

// failed is the error of a training that did not end, with what its reader needs; it tells what one has kept that was interrupted, or had no room.
func (t *Training) failed(ctx context.Context, kept *keeper, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		t.Hooks.Notef("%s", kept.account(t.Config.Method, "finished"))
		_ = KeepTimes(t.Dir, t.Clock.Times()) // the training can be resumed without them
	case atomicfile.Full(err):
		t.Hooks.Notef("%s", kept.account(t.Config.Method, "saved"))
	case errors.Is(err, head.ErrOtherState):
		return fmt.Errorf("checkpoint %s: %w; remove it and train from the start", filepath.Join(t.Dir, checkpointFile), err)
	}
	return t.whose(ctx, err)
}

// lock makes a run folder, if necessary, keeps other trainings out of it, and removes what a killed one was writing: a finished run is not written into.
func lock(dir string) (unlock func() error, err error) {
	if err := regular.MakeFolder(dir, 0o755); err != nil {
		return nil, fmt.Errorf("output folder: %w", err)
	}
	unlock, err = lockfile.Try(filepath.Join(dir, ".lock"))
	if errors.Is(err, lockfile.ErrBusy) {
		return nil, fmt.Errorf("%w in %s", ErrBusy, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("output folder: %w", err)
	}
	atomicfile.Sweep(dir)
	return unlock, nil
}

// keeper writes the checkpoints of a training: only as often as pays off, but always at an interrupt.
type keeper struct {
	dir   string
	last  time.Time
	phase head.State // names and steps of the last state written, in this process or an earlier one, without numbers
	ended bool       // the training has ended, and its results are written, except for scores and page
}

func (k *keeper) save(s *head.State, now bool) error {
	const every = time.Second
	if !now && time.Since(k.last) < every {
		return nil
	}
	if err := SaveCheckpoint(k.dir, s); err != nil {
		return err
	}
	k.last = time.Now()
	k.note(s)
	return nil
}

// note remembers which state is written; nil: none.
func (k *keeper) note(s *head.State) {
	if s == nil {
		return
	}
	k.phase = head.State{}
	for _, p := range s.Phases {
		p.Tensors = nil
		k.phase.Phases = append(k.phase.Phases, p)
	}
}

// account says in one sentence what a training has kept that stopped; what says what would be kept of a step.
func (k *keeper) account(method, what string) string {
	if k.ended {
		return fmt.Sprintf("the training in %s has ended; its scores and its page are made when it is resumed", k.dir)
	}
	if n := len(k.phase.Phases); n > 0 {
		p := k.phase.Phases[n-1]
		return fmt.Sprintf("the training is saved in %s at step %d of %d (%s), and continues from there when it is resumed", k.dir, p.Step, p.Steps, p.Name)
	}
	if m, err := methods.Find(method); err == nil && m.About().Closed {
		return fmt.Sprintf("method %s computes in one piece, and starts again when it is resumed", method)
	}
	return fmt.Sprintf("no step of the training was %s: it starts again when it is resumed", what)
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

// identity is what the training depends on besides its settings.
func (t *Training) identity(needs method.Need) identity.Inputs {
	in, source := t.inputs(needs), t.Features.Source
	id := identity.Inputs{Features: source.Key, Rows: source.Rows, Dim: source.Dim}
	if in.Labels != nil {
		id.Labels = identity.List(in.Labels)
	}
	if len(in.Views) > 0 {
		id.Views = fmt.Sprintf("%d of %s", len(in.Views), source.Key)
	}
	if in.Edges != nil {
		id.Edges = identity.List(in.Edges)
	}
	if t.Second != nil {
		id.Second = t.Second.Source.Key
	}
	return id
}

// identity is that of the training that made a run folder. Folders of earlier versions record only the features.
func (c *Config) identity() identity.Inputs {
	return identity.Recorded(c.Features.Key, c.Features.Rows, c.Features.Dim, c.Inputs)
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

// begin makes the run folder, or finds where its training stopped: at state or, if it ended before its page was written, ended. What
// c lacks and that training has, its images for one, c has afterwards.
func (t *Training) begin(c *Config) (state *head.State, ended *Run, err error) {
	err = Create(t.Dir, *c)
	var exists *ExistsError
	if !errors.As(err, &exists) {
		return nil, nil, err
	}
	if !t.Resume {
		exists.Run = c.likeness(t.Dir)
		return nil, nil, err
	}
	old, err := LoadUnfinished(t.Dir)
	if err != nil {
		return nil, nil, err
	}
	resolved, _, err := c.Training.Resolve(c.Features.Rows) // as a finished training writes it
	if err != nil {
		return nil, nil, err
	}
	unfinished := !old.Ended() || !old.Config.Training.Equal(resolved)
	if unfinished { // a damaged checkpoint is useless with any settings
		if state, err = LoadCheckpoint(t.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, err
		}
	}
	if what := c.other(old, resolved); what != "" {
		return nil, nil, &OtherError{t.Dir, what}
	}
	t.Clock.Add(old.Config.Times...)
	if !unfinished && Whole(t.Dir) {
		t.Unchanged = true
		return nil, nil, t.sameAs(*c)
	}
	if !unfinished {
		if ended, err = Load(t.Dir); err != nil {
			return nil, nil, err
		}
		old = ended
	} else {
		c.Kernels = train.Kernels(state)
		old.Config.Kernels = c.Kernels
	}
	if err := c.replace(old); err != nil {
		return nil, nil, err
	}
	if state != nil { // without one it stopped before its first checkpoint
		t.continued(state, old.Config.Version)
		t.mixed(state)
	}
	return state, ended, nil
}

// other says in what a training differs from that of a run folder, "" if in nothing; resolved are its settings as a finished training writes them.
func (c *Config) other(old *Run, resolved head.Config) string {
	switch what := old.otherInput(c.identity()); {
	case what != "":
		return what
	case old.Config.Training.Equal(c.Training) || old.Config.Training.Equal(resolved):
		return ""
	}
	asked := resolved
	if !old.Ended() {
		asked = c.Training
	}
	return fmt.Sprintf("settings (%s)", difference(old.Config.Training, asked))
}

// likeness says whether the run in a folder is of the same training.
func (c *Config) likeness(dir string) Likeness {
	old, err := LoadUnfinished(dir)
	if err != nil {
		return UnreadableRun
	}
	resolved, _, err := c.Training.Resolve(c.Features.Rows)
	switch {
	case err != nil:
		return AnyRun
	case c.other(old, resolved) != "":
		return OtherRun
	}
	return SameRun
}

// replace puts into a run folder that is continued what only scores and page depend on: where features and images are, the classes, and how the
// number of clusters was found. Where images are and how the number was found stay as they were unless they are given again.
func (c *Config) replace(old *Run) error {
	if c.Features.Images == "" {
		c.Features.Images, c.Features.ImageColumn = old.Config.Features.Images, old.Config.Features.ImageColumn
	}
	if c.Counted == nil {
		c.Counted = old.Config.Counted
	}
	old.Config.Features, old.Config.Classes, old.Config.WithImages, old.Config.Counted = c.Features, c.Classes, c.WithImages, c.Counted
	return writeConfig(old.Dir, old.Config)
}

// continued says where a training continues that a version began.
func (t *Training) continued(state *head.State, version string) {
	last := state.Phases[len(state.Phases)-1]
	t.Hooks.Notef("continuing after step %d of %d (%s)", last.Step, last.Steps, last.Name)
	if now := Version(); version != now {
		t.Hooks.Warnf("version %s began this training and %s continues it: the result can differ from what either makes alone; remove %s to train from the start", version, now, filepath.Join(t.Dir, checkpointFile))
	}
}

// mixed warns of a state that was computed by kernels of other bits than those in use.
func (t *Training) mixed(state *head.State) {
	now := kernel.Path()
	if !slices.ContainsFunc(state.Kernels, func(name string) bool { return !kernel.SameBits(name, now) }) {
		return
	}
	t.Hooks.Warnf("this training was computed with the kernels %s so far and continues with %s, on another processor or because of ICONIC_KERNEL: the result can differ from what either makes alone; remove %s to train from the start",
		strings.Join(state.Kernels, ", "), now, filepath.Join(t.Dir, checkpointFile))
}

// difference names the first setting in which the training in a folder differs from the one asked for, with both values.
func difference(was, asked head.Config) string {
	type pair struct{ name, was, asked string }
	pairs := []pair{
		{"method", was.Method, asked.Method}, {"clusters", strconv.Itoa(was.Clusters), strconv.Itoa(asked.Clusters)},
		{"seed", strconv.FormatUint(was.Seed, 10), strconv.FormatUint(asked.Seed, 10)},
	}
	for _, name := range asked.Settings.Names() {
		pairs = append(pairs, pair{name, was.Text(name), asked.Text(name)})
	}
	for _, p := range pairs {
		switch {
		case p.was == "" && p.asked != "":
			return fmt.Sprintf("no %s, which is %s now", p.name, p.asked)
		case p.was != p.asked:
			return fmt.Sprintf("%s %s, which is %s now", p.name, p.was, p.asked)
		}
	}
	return "more of them than there are now"
}

// sameAs fails unless the finished run in the folder is what this training would make, including what only its scores and page depend on.
func (t *Training) sameAs(c Config) error {
	f, err := Open(t.Dir)
	if err != nil {
		return err
	}
	other := func(what string) error { return &OtherError{t.Dir, what} }
	was := f.Config
	switch {
	case c.Counted != nil && was.Counted == nil:
		return other("settings (its number of clusters was given, not found)")
	case t.Images != "" && (c.Features.Images != was.Features.Images || c.Features.ImageColumn != was.Features.ImageColumn):
		return other("images")
	case !slices.Equal(f.Table.Paths, t.Features.Paths):
		return other("paths")
	case !sameLabels(f.Table, t.Features):
		return other("labels")
	case f.Table.Safe != t.Safe:
		return other("cells in " + assignmentsFile + " (made safe for spreadsheets, or not)")
	}
	return nil
}

// sameLabels reports whether a table has the labels of a set, compared by the names of their classes.
func sameLabels(table *report.Assignments, set *features.Set) bool {
	now := report.Assignments{Labels: set.Labels, Classes: set.Classes}
	for i := range table.Paths {
		if table.Label(i) != now.Label(i) {
			return false
		}
	}
	return true
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
