package sweep

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"iconic/features"
	"iconic/head"
	"iconic/internal/atomicfile"
	"iconic/internal/lockfile"
	"iconic/internal/owned"
	"iconic/internal/parallel"
	"iconic/internal/plural"
	"iconic/internal/regular"
	"iconic/internal/relay"
	"iconic/option"
	"iconic/progress"
	"iconic/report"
	"iconic/report/page"
	"iconic/run"
)

// The files of a sweep, in its folder, and the folder of its runs.
const (
	runsFolder = owned.SweepRuns
	tableFile  = owned.SweepTable
	pageFile   = owned.SweepPage
	lockFile   = ".lock" // held while the others are written
)

// Options are the settings of a sweep.
type Options struct {
	Dir          string          // folder of the sweep
	Sets         []*features.Set // each combination is trained on each of them
	Combinations []Combination
	Origins      []string // where each combination comes from, such as "list.txt, line 3", for errors; nil: none is named
	Seeds        int      // runs of each combination, with the seeds 0, 1, …; 1 to MostSeeds

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

// MostSeeds is the largest number of seeds of a sweep.
const MostSeeds = 10_000

// ErrUnfinished is in the chain of Report's error for a sweep with unfinished runs.
var ErrUnfinished = errors.New("not finished")

// SettingsError says that options make no sweep, or that a combination cannot be trained.
type SettingsError struct{ Err error }

func (e *SettingsError) Error() string { return e.Err.Error() }

func (e *SettingsError) Unwrap() error { return e.Err }

// Plan lists the runs of a sweep. It trains nothing. It fails with a SettingsError if there is nothing to train, and on a run that cannot be trained,
// such as one whose method needs a second set of features or the edges of a graph, which a sweep does not have. It ends with the context's error.
func Plan(ctx context.Context, o Options) (*Sweep, error) {
	if err := o.validate(); err != nil {
		return nil, &SettingsError{err}
	}
	o.Workers = parallel.Workers(o.Workers)
	s := &Sweep{options: o, Page: filepath.Join(o.Dir, pageFile), notes: map[string]bool{}, baselines: map[string]*sharedBaseline{}}
	return s, s.plan(ctx)
}

// validate checks what can be checked without the settings of the combinations.
func (o *Options) validate() error {
	switch {
	case len(o.Sets) == 0:
		return errors.New("a sweep without features: want at least one set")
	case len(o.Combinations) == 0:
		return errors.New("a sweep without combinations: want at least one, which is empty for the default settings")
	case o.Dir == "":
		return option.Errorf("Dir", "the folder of the sweep has no name")
	case o.Seeds < 1 || o.Seeds > MostSeeds:
		return fmt.Errorf("seeds %d: want 1 to %d", o.Seeds, MostSeeds)
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
	if err := s.place(); err != nil {
		return err
	}
	for _, folder := range [...]string{runsFolder, claims} {
		if err := regular.MakeFolder(filepath.Join(s.options.Dir, folder), 0o755); err != nil {
			return fmt.Errorf("folder of the sweep: %w", err)
		}
	}
	err := s.train(ctx)
	if err := errors.Join(err, s.tidy()); err != nil {
		return err
	}
	// The process that ends last finds the runs of all others.
	left, err := s.unfinished(ctx)
	s.tellSafe()
	if err != nil || len(left) > 0 {
		return err
	}
	return s.write(ctx)
}

// place fails if a folder has the name of a file that the sweep writes in the end.
func (s *Sweep) place() error {
	for _, name := range []string{tableFile, pageFile, lockFile} {
		name = filepath.Join(s.options.Dir, name)
		if stat, err := os.Stat(name); err == nil && stat.IsDir() {
			return fmt.Errorf("folder of the sweep: %s is a folder, in the place of a file of the sweep: move it away", name)
		}
	}
	return nil
}

// Report writes sweep.csv and sweep.html of a sweep whose runs are all finished. Otherwise it fails with ErrUnfinished.
func (s *Sweep) Report(ctx context.Context) error {
	if err := s.place(); err != nil {
		return err
	}
	if _, err := s.unfinished(ctx); err != nil {
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
	unlock, err := lockfile.Wait(ctx, filepath.Join(s.options.Dir, lockFile), nil)
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
func (s *Sweep) Folder(j *Job) string { return filepath.Join(s.options.Dir, runsFolder, j.Name) }

// finish writes sweep.csv and sweep.html.
func (s *Sweep) finish(ctx context.Context) error {
	points, err := s.Points()
	if err != nil {
		return err
	}
	panels, err := s.panels(ctx)
	if err != nil {
		return err
	}
	if err := s.count(ctx); err != nil {
		return err
	}
	for _, set := range s.options.Sets {
		if err := set.Unchanged(); err != nil {
			return err
		}
	}
	stores, images := s.features()
	view := page.Sweep{
		Title: "Sweep of " + plural.Of(len(s.Jobs), "run", "runs"), Names: s.varied, Points: points, Panels: panels, Counted: s.counted, Uncounted: s.missing,
		Facts: []page.Setting{
			{Name: "Features", Value: stores}, {Name: "Images", Value: images}, {Name: "Seeds", Value: strconv.Itoa(len(s.points[0].jobs))}, {Name: "Version", Value: run.Version()},
		},
	}
	if err := s.writeCSV(filepath.Join(s.options.Dir, tableFile)); err != nil { // not before, so that an interrupt leaves an earlier table with its page
		return err
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
