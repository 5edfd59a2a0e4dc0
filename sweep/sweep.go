package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"iconic/comparison"
	"iconic/features"
	"iconic/head"
	"iconic/head/clustercount"
	"iconic/head/knn"
	"iconic/internal/atomicfile"
	"iconic/internal/identity"
	"iconic/internal/lockfile"
	"iconic/internal/parallel"
	"iconic/internal/plural"
	"iconic/internal/regular"
	"iconic/internal/relay"
	"iconic/progress"
	"iconic/report"
	"iconic/report/page"
	"iconic/run"
)

// Options are the settings of a sweep.
type Options struct {
	Dir          string          // folder of the sweep
	Sets         []*features.Set // each combination is trained on each of them
	Combinations []Combination
	Origins      []string // where each combination comes from, such as "list.txt, line 3", for errors; nil: none is named
	Seeds        int      // runs of each combination, with the seeds 0, 1, …

	// Part, 1 to Parts, makes this process one of several: it begins with its own share of the runs, continues with all unclaimed ones, and
	// ends without waiting for others. 0 of 0: it waits, so that it can take over runs left unfinished by others.
	Part, Parts int
	Workers     int  // runs at the same time; all processors when < 1
	Safe        bool // put an apostrophe before cells of CSV files that a spreadsheet would treat as formulas
	Hooks       progress.Hooks
	Ended       func(j *Job, done int) // called on the goroutine that called Train, for each run that ends, with the number of ended runs; may be nil
}

// Sweep is a set of runs in a folder.
type Sweep struct {
	Jobs []*Job // each once, however many points share it
	Page string // path of its page

	Formulas int // cells of sweep.csv that a spreadsheet treats as formulas, or would without the apostrophe before them

	options Options
	varied  []string // varying settings, beginning with the store if there are several
	points  []*point
	counted []page.Counted // for each store, if the number of clusters varies and can be compared
	missing []page.Uncounted

	told  int             // number of runs reported as ended
	notes map[string]bool // texts of those reported
	relay *relay.Relay    // to the goroutine of Train, while runs are made

	mutex     sync.Mutex // guards what follows and the metrics of the jobs
	madeSafe  int        // number of finished runs whose assignments.csv was made safe
	baselines map[string]*sharedBaseline
	graphs    []sharedGraph
}

// point is a combination on one store, with one job per seed.
type point struct {
	name   string // of its own first run; points with equal configurations have the same
	values []string
	jobs   []*Job // perhaps those of another point that trains the same
}

// Job is one run.
type Job struct {
	Name    string // name of its folder
	Config  head.Config
	Metrics *report.Metrics // nil until it has ended; while Train runs, only Options.Ended may read it, of the run that it is given

	set    *features.Set
	wanted head.Wanted
	number int // position in the order of the jobs
}

// sharedGraph is a neighbour graph of the features of a key.
type sharedGraph struct {
	features string
	made     head.Wanted
	graph    *knn.Graph
}

// sharedBaseline is k-means on the same features with the same clusters and seed, computed by the first job that needs it, or if that fails by
// the next one.
type sharedBaseline struct {
	mutex sync.Mutex
	found *run.Baseline
}

// ErrUnfinished is in the chain of Report's error for a sweep with unfinished runs.
var ErrUnfinished = errors.New("not finished")

// SettingsError says that options make no sweep, or that a combination cannot be trained.
type SettingsError struct{ Err error }

func (e *SettingsError) Error() string { return e.Err.Error() }

func (e *SettingsError) Unwrap() error { return e.Err }

// Plan lists the runs of a sweep. It trains nothing. It fails with a SettingsError if there is nothing to train, and on a run that cannot be trained,
// such as one whose method needs a second set of features or the edges of a graph, which a sweep does not have.
func Plan(o Options) (*Sweep, error) {
	if err := o.validate(); err != nil {
		return nil, &SettingsError{err}
	}
	o.Workers = parallel.Workers(o.Workers)
	s := &Sweep{options: o, Page: filepath.Join(o.Dir, "sweep.html"), notes: map[string]bool{}, baselines: map[string]*sharedBaseline{}}
	return s, s.plan()
}

// validate checks what can be checked without the settings of the combinations.
func (o *Options) validate() error {
	switch {
	case len(o.Sets) == 0:
		return errors.New("a sweep without features: want at least one set")
	case len(o.Combinations) == 0:
		return errors.New("a sweep without combinations: want at least one, which is empty for the default settings")
	case o.Seeds < 1:
		return fmt.Errorf("seeds %d: want at least 1", o.Seeds)
	case o.Parts < 0 || o.Part < min(1, o.Parts) || o.Part > o.Parts:
		return fmt.Errorf("part %d of %d: want 1 to the number of parts, or 0 of 0 for a process that makes the whole sweep", o.Part, o.Parts)
	}
	for i, set := range o.Sets {
		if err := set.Check(); err != nil {
			return fmt.Errorf("set %d: %w", i, err)
		}
	}
	return nil
}

// Train makes the runs that are not finished and that no other process is making. Once all are finished, it writes sweep.csv and
// sweep.html; runs may remain unfinished only if this process is one of several, see Missing.
func (s *Sweep) Train(ctx context.Context) error {
	for _, folder := range [...]string{"runs", claims} {
		if err := regular.MakeFolder(filepath.Join(s.options.Dir, folder), 0o755); err != nil {
			return fmt.Errorf("folder of the sweep: %w", err)
		}
	}
	err := s.train(ctx)
	if err := errors.Join(err, s.tidy()); err != nil {
		return err
	}
	// The process that ends last finds the runs of all others.
	left, err := s.unfinished()
	s.tellSafe()
	if err != nil || len(left) > 0 {
		return err
	}
	return s.write(ctx)
}

// Report writes sweep.csv and sweep.html of a sweep whose runs are all finished. Otherwise it fails with ErrUnfinished.
func (s *Sweep) Report(ctx context.Context) error {
	if _, err := s.unfinished(); err != nil {
		return err
	}
	s.tellSafe()
	if n := s.Missing(); n > 0 {
		return fmt.Errorf("%s: %d of %s %s %w", s.options.Dir, n, plural.Of(len(s.Jobs), "run", "runs"), plural.Word(n, "is", "are"), ErrUnfinished)
	}
	return s.write(ctx)
}

// Missing is the number of unfinished runs. It may be called while Train runs.
func (s *Sweep) Missing() int {
	n := 0
	for _, j := range s.Jobs {
		if s.metrics(j) == nil {
			n++
		}
	}
	return n
}

// metrics are those of a run, nil until it has ended.
func (s *Sweep) metrics(j *Job) *report.Metrics {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return j.Metrics
}

// keep takes over the metrics of a run that has ended.
func (s *Sweep) keep(j *Job, m *report.Metrics) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	j.Metrics = m
}

// write writes table and page, one process after the other.
func (s *Sweep) write(ctx context.Context) error {
	unlock, err := lockfile.Wait(ctx, filepath.Join(s.options.Dir, ".lock"), nil)
	if err != nil {
		return fmt.Errorf("folder of the sweep: %w", err)
	}
	defer unlock()
	s.options.Hooks.Begin("page")
	if err := s.finish(ctx); err != nil {
		return err
	}
	return s.tellOthers()
}

// Folder is the folder of a job's run.
func (s *Sweep) Folder(j *Job) string { return filepath.Join(s.options.Dir, "runs", j.Name) }

// train makes the unfinished runs, one per processor.
func (s *Sweep) train(ctx context.Context) error {
	left, err := s.unfinished()
	if err != nil {
		return err
	}
	if done := len(s.Jobs) - len(left); done > 0 {
		s.options.Hooks.Notef("%d of %s %s finished already", done, plural.Of(len(s.Jobs), "run", "runs"), plural.Word(done, "is", "are"))
	}
	if len(left) == 0 {
		return nil
	}
	if err := s.neighbours(ctx, left); err != nil {
		return err
	}
	if n := s.options.Parts; n > 0 { // its own share first, then the others in order
		slices.SortStableFunc(left, func(a, b *Job) int {
			return cmp.Compare((a.number%n-s.options.Part+1+n)%n, (b.number%n-s.options.Part+1+n)%n)
		})
	}
	s.told = len(s.Jobs) - len(left)
	s.tellRuns()
	for told := false; ; told = true {
		if left, err = s.pass(ctx, left); err != nil || len(left) == 0 || s.options.Parts > 0 {
			return err
		}
		if !told {
			s.waiting(len(left))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// waiting notes how many runs are claimed by others.
func (s *Sweep) waiting(runs int) {
	s.options.Hooks.Notef("waiting for %s", plural.Of(runs, "run that another process is making", "runs that other processes are making"))
}

// pass makes every run that it can claim, and returns those claimed by others.
func (s *Sweep) pass(ctx context.Context, jobs []*Job) (left []*Job, err error) {
	err = relay.Run(ctx, func(ctx context.Context, r *relay.Relay) (err error) {
		s.relay = r
		left, err = s.claimed(ctx, jobs)
		return err
	})
	return left, err
}

// claimed is the work of pass.
func (s *Sweep) claimed(ctx context.Context, jobs []*Job) (left []*Job, err error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(min(s.options.Workers, len(jobs)))
	for _, j := range jobs {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			busy, err := s.once(ctx, j)
			if busy {
				s.mutex.Lock()
				left = append(left, j)
				s.mutex.Unlock()
			}
			return err
		})
	}
	err = g.Wait()
	slices.SortFunc(left, func(a, b *Job) int { return cmp.Compare(a.number, b.number) })
	return left, err
}

// once makes a run unless it is finished by now. busy is true if another process is making it.
func (s *Sweep) once(ctx context.Context, j *Job) (busy bool, err error) {
	release, err := s.claim(j)
	if release == nil || err != nil {
		return err == nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	there, err := s.finished(j)
	if err != nil {
		return false, err
	}
	if !there {
		switch err := s.run(ctx, j); {
		case errors.Is(err, run.ErrBusy): // a training of its own in the run's folder
			return true, nil
		case err != nil:
			return false, fmt.Errorf("run %s: %w", j.Name, err)
		}
	}
	s.ended(j)
	return false, nil
}

// graph is the shared graph with which a job trains as with its own, nil if there is none yet.
func (s *Sweep) graph(j *Job) *knn.Graph {
	for _, g := range s.graphs {
		if g.features == j.set.Source.Key && g.made.Serves(j.wanted) {
			return g.graph
		}
	}
	return nil
}

// neighbours computes each graph once, beginning with those of most neighbours, which serve other jobs, too.
func (s *Sweep) neighbours(ctx context.Context, jobs []*Job) error {
	sorted := slices.Clone(jobs)
	slices.SortStableFunc(sorted, func(a, b *Job) int { return cmp.Compare(b.wanted.Neighbours, a.wanted.Neighbours) })
	for _, j := range sorted {
		if s.graph(j) != nil {
			continue
		}
		g, err := head.Neighbours(ctx, j.set, j.Config, head.Options{Workers: s.options.Workers, Cache: j.set.Graphs, GraphProgress: s.options.Hooks.Stage("neighbours", "comparisons")})
		if err != nil {
			return fmt.Errorf("%s: %w", j.set.Source.Store, err)
		}
		s.graphs = append(s.graphs, sharedGraph{j.set.Source.Key, j.wanted, g})
	}
	return nil
}

// RunsStage is the stage whose steps are ended runs.
const RunsStage = "runs"

// tellRuns reports the number of ended runs.
func (s *Sweep) tellRuns() {
	s.options.Hooks.At(progress.Step{Stage: RunsStage, Unit: "runs", Done: int64(s.told), Total: int64(len(s.Jobs))})
}

// ended reports a run.
func (s *Sweep) ended(j *Job) {
	s.relay.Do(func() {
		s.told++
		s.tellRuns()
		if s.options.Ended != nil {
			s.options.Ended(j, s.told)
		}
	})
}

// baseline is the k-means baseline, shared by all runs that would compute the same.
func (s *Sweep) baseline(ctx context.Context, set *features.Set, in report.Input) (*run.Baseline, error) {
	key, err := identity.Run{Features: set.Source.Key, Labels: set.Labels, Classes: set.Classes, Training: head.Config{Clusters: in.Clusters, Seed: in.Seed}}.Key()
	if err != nil {
		return nil, err
	}
	s.mutex.Lock()
	b := s.baselines[key]
	if b == nil {
		b = new(sharedBaseline)
		s.baselines[key] = b
	}
	s.mutex.Unlock()
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if b.found == nil {
		b.found, err = run.KMeans(ctx, set, in, progress.Hooks{})
	}
	return b.found, err
}

// finish writes sweep.csv and sweep.html.
func (s *Sweep) finish(ctx context.Context) error {
	points, err := s.Points()
	if err != nil {
		return err
	}
	if err := s.writeCSV(filepath.Join(s.options.Dir, "sweep.csv")); err != nil {
		return err
	}
	panels, err := s.panels(ctx)
	if err != nil {
		return err
	}
	if err := s.count(ctx); err != nil {
		return err
	}
	stores, images := s.features()
	view := page.Sweep{
		Title: "Sweep of " + plural.Of(len(s.Jobs), "run", "runs"), Names: s.varied, Points: points, Panels: panels, Counted: s.counted, Uncounted: s.missing,
		Facts: []page.Setting{
			{Name: "Features", Value: stores}, {Name: "Images", Value: images}, {Name: "Seeds", Value: strconv.Itoa(len(s.points[0].jobs))}, {Name: "Version", Value: run.Version()},
		},
	}
	return atomicfile.Write(s.Page, func(w io.Writer) error { return page.WriteSweep(ctx, w, view) })
}

// features lists the stores, and the number of images in each.
func (s *Sweep) features() (stores, images string) {
	var names, counts []string
	for _, j := range s.Jobs {
		if name := j.set.Source.Store; !slices.Contains(names, name) {
			names, counts = append(names, name), append(counts, strconv.Itoa(j.set.Len()))
		}
	}
	return strings.Join(names, ", "), strings.Join(counts, ", ")
}

// Points collects, for each point, the metrics of the ended runs and their agreement. It fails with a RunError if the folder of such a run has
// something else by now.
func (s *Sweep) Points() ([]page.Point, error) {
	var points []page.Point
	for _, p := range s.points {
		point := page.Point{Values: p.values, Agreement: report.Number(math.NaN())}
		var clusterings [][]int
		for _, j := range p.jobs {
			m := s.metrics(j)
			if m == nil {
				continue
			}
			point.Runs = append(point.Runs, m)
			if len(p.jobs) > 1 {
				f, err := s.open(j)
				if err != nil {
					return nil, &RunError{s.Folder(j), err}
				}
				clusterings = append(clusterings, f.Table.Cluster)
			}
		}
		if len(clusterings) > 1 {
			agreement, err := report.SeedAgreement(clusterings)
			if err != nil {
				return nil, err
			}
			point.Agreement = report.Number(agreement)
		}
		points = append(points, point)
	}
	return points, nil
}

// Values says in words what a job is a run of: the settings that vary, of the first point that has it, and the seed.
func (s *Sweep) Values(j *Job) string {
	seed := fmt.Sprintf("seed %d", j.Config.Seed)
	if at := slices.IndexFunc(s.points, func(p *point) bool { return slices.Contains(p.jobs, j) }); at >= 0 && len(s.varied) > 0 {
		return s.words(s.points[at]) + ", " + seed
	}
	return seed
}

// words says in words what a point is: the values of the settings that vary.
func (s *Sweep) words(p *point) string {
	var words []string
	for k, value := range p.values {
		words = append(words, s.varied[k]+" "+value)
	}
	return strings.Join(words, ", ")
}

// SoFar returns the points that have ended runs, with these, for a table of a running sweep. It may be called while Train runs.
func (s *Sweep) SoFar() []page.Point {
	var points []page.Point
	for _, p := range s.points {
		one := page.Point{Values: p.values}
		for _, j := range p.jobs {
			if m := s.metrics(j); m != nil {
				one.Runs = append(one.Runs, m)
			}
		}
		if len(one.Runs) > 0 {
			points = append(points, one)
		}
	}
	return points
}

// count compares the swept numbers of clusters, on each store. A note says which are not compared, and why.
func (s *Sweep) count(ctx context.Context) error {
	var numbers []int
	for _, j := range s.Jobs {
		if !slices.Contains(numbers, j.Config.Clusters) {
			numbers = append(numbers, j.Config.Clusters)
		}
	}
	s.counted, s.missing = nil, nil
	if len(numbers) < 2 || !slices.Contains(s.varied, "clusters") {
		return nil
	}
	names := s.stores()
	for k, set := range s.options.Sets {
		name := ""
		if len(names) > 1 {
			name = names[k]
		}
		found, err := clustercount.Compare(ctx, set, numbers, clustercount.Options{
			Workers: s.options.Workers, Progress: s.options.Hooks.Stage("number of clusters", "partitions"),
		})
		switch {
		case errors.Is(err, clustercount.ErrIncomparable):
			s.uncounted(name, err.Error())
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", set.Source.Store, err)
		}
		for _, number := range numbers {
			if !slices.ContainsFunc(found.Curve, func(p clustercount.Point) bool { return p.Clusters == number }) {
				s.uncounted(name, fmt.Sprintf("%d clusters are not compared with the other numbers, as there are only %d images to compare them on", number, found.Rows))
			}
		}
		c := run.CountedPage(found)
		c.Name = name
		s.counted = append(s.counted, *c)
	}
	return nil
}

// uncounted notes, in a sentence, that numbers of clusters are not compared on a store, named if there are several.
func (s *Sweep) uncounted(store, why string) {
	s.missing = append(s.missing, page.Uncounted{Name: store, Why: strings.ToUpper(why[:1]) + why[1:]})
	if store != "" {
		store += ": "
	}
	s.options.Hooks.Warnf("%s%s", store, why)
}

// stores are short names of the sets.
func (s *Sweep) stores() []string {
	names := make([]string, len(s.options.Sets))
	for k, set := range s.options.Sets {
		names[k] = set.Source.Store
	}
	return comparison.ShortNames(names)
}

// Suggestion says for each store which of the swept numbers of clusters is the best, judged without labels; "" before the sweep has ended,
// and if that number does not vary.
func (s *Sweep) Suggestion() string {
	var lines []string
	for _, c := range s.counted {
		of := ""
		if c.Name != "" {
			of = " for " + c.Name
		}
		lines = append(lines, fmt.Sprintf("suggestion%s: %s", of, c.Sentence))
	}
	return strings.Join(lines, "\n")
}

// Result is a sweep in machine-readable form.
type Result struct {
	Page       string        `json:"page"`
	Suggestion string        `json:"suggestion,omitempty"` // see Sweep.Suggestion
	Points     []ResultPoint `json:"points"`
}

// ResultPoint is a combination on one store.
type ResultPoint struct {
	Settings  map[string]string `json:"settings"`       // the values of the settings that vary, by name
	Agreement report.Number     `json:"seed_agreement"` // between the ended runs, see report.SeedAgreement; NaN if fewer than two have ended
	Runs      []string          `json:"runs"`           // the folders, one per seed
	Metrics   []*report.Metrics `json:"metrics"`        // of the ended runs, in the order of Runs
}

// Result collects what Points does, with the folders of the runs. It fails as Points does.
func (s *Sweep) Result() (*Result, error) {
	points, err := s.Points()
	if err != nil {
		return nil, err
	}
	whole := &Result{Page: s.Page, Suggestion: s.Suggestion()}
	for k, p := range points { // one for each of s.points
		one := ResultPoint{Settings: map[string]string{}, Agreement: p.Agreement, Metrics: p.Runs}
		for i, name := range s.varied {
			one.Settings[name] = p.Values[i]
		}
		for _, j := range s.points[k].jobs {
			one.Runs = append(one.Runs, s.Folder(j))
		}
		whole.Points = append(whole.Points, one)
	}
	return whole, nil
}

// panels maps the same images once for each α on the side that is swept first, on the first store, with the first seed.
func (s *Sweep) panels(ctx context.Context) ([]page.Panel, error) {
	jobs, titles := s.mapped()
	if len(jobs) < 2 {
		return nil, nil // a single map belongs to the page of its run
	}
	var panels []page.Panel
	for k, j := range jobs {
		f, err := run.Open(s.Folder(j))
		if err != nil {
			return nil, err
		}
		m, err := f.Layout(ctx, j.set, run.PageOptions{Points: panelPoints, Workers: s.options.Workers, Hooks: s.options.Hooks})
		if err != nil {
			return nil, err
		}
		panel := page.Panel{Title: titles[k], XY: m.XY}
		for _, i := range m.Rows {
			colour := f.Table.Cluster[i]
			if f.Table.Labels != nil {
				colour = f.Table.Labels[i] // -1 without a class
			}
			panel.Colour = append(panel.Colour, colour)
		}
		panels = append(panels, panel)
	}
	return panels, nil
}

// mapped are the jobs that panels shows, with what to call each: its α, and the sides on which it is unless that is on both in the whole sweep.
func (s *Sweep) mapped() (jobs []*Job, titles []string) {
	first, several := "", false
	var shares []string
	for _, p := range s.points {
		j := p.jobs[0]
		share, side := sharesOf(j.Config)
		if j.set != s.Jobs[0].set || j.Config.Clusters != s.Jobs[0].Config.Clusters || share == "" {
			continue
		}
		first = cmp.Or(first, side)
		if side != "" && side != first {
			several = true
			continue
		}
		if !slices.Contains(shares, share) && len(jobs) < panelLimit {
			jobs, shares = append(jobs, j), append(shares, share)
		}
	}
	for k, share := range shares {
		title := "α = " + share
		if _, side := sharesOf(jobs[k].Config); side != "" && (several || side != bothSides) {
			title += " on " + side
		}
		titles = append(titles, title)
	}
	return jobs, titles
}

// bothSides are the sides on which α is by default, in words.
const bothSides = "both sides"

// sharesOf is the α of a run, and in words the sides on which it is: "" for α = 0, which is the same on all. Both are "" if the method has none, and
// if the two sides have different ones.
func sharesOf(c head.Config) (share, side string) {
	switch p, q := c.Text("alpha"), c.Text("beta"); {
	case p == q && p == "0":
		return p, ""
	case p == q && p != "":
		return p, bothSides
	case q == "0":
		return p, "the target side"
	case p == "0":
		return q, "the learned side"
	}
	return "", ""
}

const (
	panelLimit  = 8
	panelPoints = 2000
)
