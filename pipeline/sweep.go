package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"iconic/head"
	"iconic/head/knn"
	"iconic/internal/atomicfile"
	"iconic/internal/identity"
	"iconic/internal/lockfile"
	"iconic/internal/parallel"
	"iconic/report"
	"iconic/report/page"
)

func newSweepCommand(a *app) *cobra.Command {
	o := sweepOptions{values: map[string]*[]string{}}
	c := &cobra.Command{
		Use:   "sweep STORE… --out DIR [--clusters 10,20,40] [--seeds 3]",
		Short: "Train over a grid of settings, several seeds each",
		Long: `Train over a grid of settings, several seeds each, on cached features.

Every setting takes a list: the runs are all combinations, or with --list the lines of a file ("alpha=0.2 batch=1024"), each
with every seed. Runs share the machine one to a processor. A finished run is never repeated: the same command, or one with
more values, goes on where the last one stopped. DIR gets sweep.csv, sweep.html and runs/, a run folder for each.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return a.runSweep(c.Context(), args, &o) },
	}
	f := c.Flags()
	for _, s := range trainSettings() {
		o.values[s.name] = f.StringSliceP(s.name, s.shorthand(), nil, s.usage)
	}
	count(f, &o.seeds, "seeds", 1, 1, maxSeeds, "runs of each combination, seeds 0, 1, …")
	f.StringVar(&o.list, "list", "", "file of combinations, one a line, in place of the grid")
	f.StringSliceVar(&o.labels, "labels", nil, "labels of each features.npy: labels.npy, or a text or CSV file with a name or number a line")
	f.StringVarP(&o.out, "out", "o", "", "folder of the sweep")
	count(f, &o.workers, "threads", 0, 0, maxThreads, "runs at once (default: one per processor)")
	cobra.CheckErr(c.MarkFlagRequired("out"))
	return c
}

type sweepOptions struct {
	values  map[string]*[]string
	seeds   int
	list    string
	labels  []string
	out     string
	workers int
}

// combination is one line of the grid: values by the names of their settings.
type combination map[string]string

// combinations lists what to run: the grid of all given values, or the lines of the file.
func (o *sweepOptions) combinations() ([]combination, error) {
	if o.list != "" {
		return o.listed()
	}
	list := []combination{{}}
	for _, s := range trainSettings() {
		values := *o.values[s.name]
		if len(values) == 0 {
			continue
		}
		var longer []combination
		for _, c := range list {
			for _, v := range values {
				next := combination{s.name: strings.TrimSpace(v)}
				for name, value := range c {
					next[name] = value
				}
				longer = append(longer, next)
			}
		}
		list = longer
	}
	return list, nil
}

// listed reads combinations from a file; empty lines and what follows # are left out.
func (o *sweepOptions) listed() ([]combination, error) {
	for _, s := range trainSettings() {
		if len(*o.values[s.name]) > 0 {
			return nil, usagef("--%s and --list: give the values in the file, or the grid by flags", s.name)
		}
	}
	f, err := os.Open(o.list)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var list []combination
	lines := bufio.NewScanner(f)
	for at := 1; lines.Scan(); at++ {
		text, _, _ := strings.Cut(lines.Text(), "#")
		c := combination{}
		for _, word := range strings.Fields(text) {
			name, value, ok := strings.Cut(word, "=")
			if known := slices.ContainsFunc(trainSettings(), func(s setting) bool { return s.name == name }); !ok || !known {
				return nil, usagef("%s, line %d: %q: want name=value with a setting of this command", o.list, at, word)
			}
			c[name] = value
		}
		if len(c) > 0 {
			list = append(list, c)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", o.list, err)
	}
	if len(list) == 0 {
		return nil, usagef("%s lists no combination", o.list)
	}
	return list, nil
}

// config turns a combination into settings for items. The notes say which defaults were lowered for a small set.
func (c combination) config(it *items, seed int) (config head.Config, notes []string, err error) {
	if err := enough(it.Len()); err != nil {
		return config, nil, err
	}
	clusters := len(it.classes)
	if c["clusters"] == "" && clusters == 0 {
		return config, nil, usagef("%s has no classes to count: give the numbers of groups with --clusters", it.source.Store)
	}
	if v := c["clusters"]; v != "" {
		if clusters, err = strconv.Atoi(v); err != nil {
			return config, nil, usagef("clusters %q: want a number", v)
		}
	}
	config = head.Default(clusters)
	for _, s := range trainSettings() {
		if v, given := c[s.name]; given {
			if err := s.apply(&config, v); err != nil {
				return config, nil, usageError{wayOut(err, c["method"] != "")}
			}
		}
	}
	config.Seed = uint64(seed)
	if config, notes, err = config.Fit(it.Len(), func(name string) bool { _, given := c[name]; return given }); err != nil {
		return config, nil, err
	}
	if err := config.Validate(it.Len()); err != nil {
		return config, nil, usageError{err}
	}
	return config, notes, nil
}

// sweep is a set of runs in a folder.
type sweep struct {
	*app
	dir     string
	workers int
	names   []string // settings that vary, the store first where there are several
	points  []*sweepPoint
	jobs    []*sweepJob // each once, however many points share it

	mutex     sync.Mutex
	baselines map[string]*baselineOnce
	graphs    map[string]*knn.Graph
}

// sweepPoint is a combination on one store, with a job for each seed.
type sweepPoint struct {
	values []string
	jobs   []*sweepJob
}

// sweepJob is one run.
type sweepJob struct {
	items   *items
	config  head.Config
	name    string // of its folder
	metrics *report.Metrics
}

// baselineOnce is k-means on the same features with the same clusters and seed, computed by who comes first.
type baselineOnce struct {
	once  sync.Once
	found *baseline
	err   error
}

func (a *app) runSweep(ctx context.Context, stores []string, o *sweepOptions) error {
	if o.seeds < 1 {
		return usagef("seeds %d: want at least 1", o.seeds)
	}
	if len(o.labels) > 0 && len(o.labels) != len(stores) {
		return usagef("%d files of labels for %d stores: give one for each", len(o.labels), len(stores))
	}
	combinations, err := o.combinations()
	if err != nil {
		return err
	}
	s := &sweep{app: a, dir: o.out, workers: parallel.Workers(o.workers), baselines: map[string]*baselineOnce{}, graphs: map[string]*knn.Graph{}}
	var opened []*items
	for k, store := range stores {
		labels := ""
		if len(o.labels) > 0 {
			labels = o.labels[k]
		}
		it, err := openItems(store, labels)
		if err != nil {
			return err
		}
		defer it.close()
		opened = append(opened, it)
	}
	if err := s.plan(opened, combinations, o.seeds); err != nil {
		return err
	}
	unlock, err := s.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := s.train(ctx); err != nil {
		return err
	}
	return s.finish(ctx)
}

// lock keeps two sweeps out of one folder.
func (s *sweep) lock() (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Join(s.dir, "runs"), 0o755); err != nil {
		return nil, fmt.Errorf("folder of the sweep: %w", err)
	}
	unlock, err = lockfile.Try(filepath.Join(s.dir, ".lock"))
	if errors.Is(err, lockfile.ErrBusy) {
		return nil, fmt.Errorf("another sweep is at work in %s: wait for it, or choose another --out", s.dir)
	}
	if err != nil {
		return nil, fmt.Errorf("folder of the sweep: %w", err)
	}
	return unlock, nil
}

// plan lists points and jobs.
func (s *sweep) plan(stores []*items, combinations []combination, seeds int) error {
	if len(stores) > 1 {
		s.names = append(s.names, "store")
	}
	var varied []string
	for _, setting := range trainSettings() {
		seen := map[string]bool{}
		for _, c := range combinations {
			seen[c[setting.name]] = true
		}
		if len(seen) > 1 {
			varied = append(varied, setting.name)
		}
	}
	s.names = append(s.names, varied...)
	storeNames := make([]string, len(stores))
	for k, it := range stores {
		storeNames[k] = it.source.Store
	}
	storeNames = shortNames(storeNames)
	byName, seen, told, again := map[string]*sweepJob{}, map[string]bool{}, map[string]bool{}, 0
	for k, it := range stores {
		for _, c := range combinations {
			p := new(sweepPoint)
			if len(stores) > 1 {
				p.values = append(p.values, storeNames[k])
			}
			for _, name := range varied {
				p.values = append(p.values, cmp.Or(c[name], "default"))
			}
			for seed := range seeds {
				config, notes, err := c.config(it, seed)
				if err != nil {
					return err
				}
				for _, note := range notes {
					if !told[note] {
						s.note("%s", note)
					}
					told[note] = true
				}
				job := &sweepJob{items: it, config: config}
				if job.name, err = runName(it, config); err != nil {
					return err
				}
				if byName[job.name] == nil {
					byName[job.name] = job
					s.jobs = append(s.jobs, job)
				}
				p.jobs = append(p.jobs, byName[job.name])
			}
			if seen[p.jobs[0].name] {
				again++
				continue
			}
			seen[p.jobs[0].name] = true
			s.points = append(s.points, p)
		}
	}
	if again > 0 {
		s.note("%d combinations say the same as others: each counts once", again)
	}
	return nil
}

// runName is the same for the same settings on the same features, scored by the same labels, and for no others.
func runName(it *items, c head.Config) (string, error) {
	key, err := identity.Key("run of a sweep", struct {
		Features string
		Labels   []int
		Classes  []string
		Training head.Config
	}{it.source.Key, it.labels, it.classes, c})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("k%d-%s-seed%d-%s", c.Clusters, c.Method, c.Seed, key), nil
}

func (s *sweep) folder(j *sweepJob) string { return filepath.Join(s.dir, "runs", j.name) }

// train runs what is not finished, one run a processor.
func (s *sweep) train(ctx context.Context) error {
	var left []*sweepJob
	for _, j := range s.jobs {
		m, err := report.ReadMetrics(filepath.Join(s.folder(j), metricsFile))
		switch {
		case err == nil:
			j.metrics = m
		case errors.Is(err, fs.ErrNotExist):
			left = append(left, j)
		default:
			return fmt.Errorf("%w; remove the folder %s to make the run again", err, s.folder(j))
		}
	}
	if done := len(s.jobs) - len(left); done > 0 {
		s.note("%d of %d runs are finished already", done, len(s.jobs))
	}
	if len(left) == 0 {
		return nil
	}
	if err := s.neighbours(ctx, left); err != nil {
		return err
	}
	live := newLiveTable(s)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(min(s.workers, len(left)))
	for _, j := range left {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.run(ctx, j); err != nil {
				return fmt.Errorf("run %s: %w", j.name, err)
			}
			live.finished(j)
			return nil
		})
	}
	return g.Wait()
}

// graphKey names what runs must agree on to share a neighbour graph.
func graphKey(j *sweepJob) string {
	return fmt.Sprintf("%s %s %s %s", j.items.source.Key, j.config.Text("metric"), j.config.Text("standardize"), j.config.Text("neighbour-search"))
}

// neighbours computes each graph once, with as many neighbours as any of its runs asks for.
func (s *sweep) neighbours(ctx context.Context, jobs []*sweepJob) error {
	most := map[string]*sweepJob{}
	var keys []string
	for _, j := range jobs {
		key := graphKey(j)
		if most[key] == nil {
			keys = append(keys, key)
			most[key] = j
		} else if neighboursOf(j) > neighboursOf(most[key]) {
			most[key] = j
		}
	}
	for _, key := range keys {
		j := most[key]
		g, err := head.Neighbours(ctx, j.items, j.config, head.Options{Workers: s.workers, Cache: j.items.graphs, GraphProgress: s.portion("neighbours", "comparisons")})
		if err != nil {
			return err
		}
		s.graphs[key] = g
	}
	return nil
}

// neighboursOf is how many a job asks for; where its method reads no graph, those that its clusters are judged by.
func neighboursOf(j *sweepJob) int {
	n, err := strconv.Atoi(j.config.Text("neighbours"))
	if err != nil {
		return 10
	}
	return n
}

// run makes one run folder. It grows under another name, from where its last attempt stopped, and takes its own when it is
// whole.
func (s *sweep) run(ctx context.Context, j *sweepJob) error {
	partial := s.folder(j) + ".partial"
	silent := &app{out: io.Discard, err: io.Discard, quiet: true}
	o := &trainOptions{workers: 1, resume: true, shared: shared{graph: s.graphs[graphKey(j)], baseline: s.baseline}}
	m, err := silent.train(ctx, j.items, j.config, partial, o)
	var usage usageError
	if errors.As(err, &usage) { // a run that ended before its name was changed, or of an older version
		if err := os.RemoveAll(partial); err != nil {
			return err
		}
		m, err = silent.train(ctx, j.items, j.config, partial, o)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(partial, s.folder(j)); err != nil {
		return err
	}
	j.metrics = m
	return atomicfile.SyncFolder(filepath.Join(s.dir, "runs"))
}

// baseline is k-means for all runs that would compute the same.
func (s *sweep) baseline(ctx context.Context, it *items, in report.Input) (*baseline, error) {
	key := fmt.Sprintf("%s %d %d", it.source.Key, in.Clusters, in.Seed)
	s.mutex.Lock()
	b := s.baselines[key]
	if b == nil {
		b = new(baselineOnce)
		s.baselines[key] = b
	}
	s.mutex.Unlock()
	b.once.Do(func() {
		silent := &app{out: io.Discard, err: io.Discard, quiet: true}
		b.found, b.err = silent.baseline(ctx, it, in)
	})
	return b.found, b.err
}

// finish writes sweep.csv and sweep.html and prints the table.
func (s *sweep) finish(ctx context.Context) error {
	points, err := s.results()
	if err != nil {
		return err
	}
	if err := s.writeCSV(filepath.Join(s.dir, "sweep.csv")); err != nil {
		return err
	}
	panels, err := s.panels(ctx)
	if err != nil {
		return err
	}
	name := filepath.Join(s.dir, "sweep.html")
	stores, images := s.features()
	view := page.Sweep{
		Title: fmt.Sprintf("Sweep of %d runs", len(s.jobs)), Names: s.names, Points: points, Panels: panels,
		Facts: []page.Setting{
			{Name: "Features", Value: stores}, {Name: "Images", Value: images}, {Name: "Seeds", Value: strconv.Itoa(len(s.points[0].jobs))}, {Name: "Version", Value: version()},
		},
	}
	err = atomicfile.Write(name, func(w io.Writer) error { return page.WriteSweep(ctx, w, view) })
	if err != nil {
		return err
	}
	return s.print(points, name)
}

// features lists the stores, and how many images each has.
func (s *sweep) features() (stores, images string) {
	var names, counts []string
	for _, j := range s.jobs {
		if name := j.items.source.Store; !slices.Contains(names, name) {
			names, counts = append(names, name), append(counts, strconv.Itoa(j.items.Len()))
		}
	}
	return strings.Join(names, ", "), strings.Join(counts, ", ")
}

// results gathers metrics and the agreement between seeds of each point.
func (s *sweep) results() ([]page.Point, error) {
	var points []page.Point
	for _, p := range s.points {
		point := page.Point{Values: p.values, Agreement: report.Number(math.NaN())}
		var clusterings [][]int
		for _, j := range p.jobs {
			point.Runs = append(point.Runs, j.metrics)
			if len(p.jobs) > 1 {
				table, err := report.ReadAssignments(filepath.Join(s.folder(j), assignmentsFile), nil)
				if err != nil {
					return nil, err
				}
				clusterings = append(clusterings, table.Cluster)
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

// csvScores are the columns of sweep.csv after the settings; a score that a run has not is empty.
var csvScores = []struct {
	name string
	of   func(m *report.Metrics) report.Number
}{
	{"clusters_used", func(m *report.Metrics) report.Number { return report.Number(m.ClustersUsed) }},
	{"effective_clusters", func(m *report.Metrics) report.Number { return m.EffectiveClusters }},
	{"loss", func(m *report.Metrics) report.Number { return m.Loss }},
	{"mean_confidence", func(m *report.Metrics) report.Number { return m.MeanConfidence }},
	{"accuracy", labelled(func(l *report.Labelled) report.Number { return l.Accuracy })},
	{"nmi", labelled(func(l *report.Labelled) report.Number { return l.NMI })},
	{"ari", labelled(func(l *report.Labelled) report.Number { return l.ARI })},
	{"ami", labelled(func(l *report.Labelled) report.Number { return l.AMI })},
	{"ece", labelled(func(l *report.Labelled) report.Number { return l.ECE })},
	{"mce", labelled(func(l *report.Labelled) report.Number { return l.MCE })},
	{"adaptive_ece", labelled(func(l *report.Labelled) report.Number { return l.AdaptiveECE })},
	{"brier", labelled(func(l *report.Labelled) report.Number { return l.Brier })},
	{"nll", labelled(func(l *report.Labelled) report.Number { return l.NLL })},
	{"silhouette", labelFree(func(l *report.LabelFree) report.Number { return l.Silhouette })},
	{"davies_bouldin", labelFree(func(l *report.LabelFree) report.Number { return l.DaviesBouldin })},
	{"calinski_harabasz", labelFree(func(l *report.LabelFree) report.Number { return l.CalinskiHarabasz })},
	{"neighbour_agreement", labelFree(func(l *report.LabelFree) report.Number { return l.NeighbourAgreement })},
}

func labelled(of func(*report.Labelled) report.Number) func(*report.Metrics) report.Number {
	return func(m *report.Metrics) report.Number {
		if m.Labelled == nil {
			return report.Number(math.NaN())
		}
		return of(m.Labelled)
	}
}

func labelFree(of func(*report.LabelFree) report.Number) func(*report.Metrics) report.Number {
	return func(m *report.Metrics) report.Number {
		if m.LabelFree == nil {
			return report.Number(math.NaN())
		}
		return of(m.LabelFree)
	}
}

// writeCSV writes a line for each run: store, settings that vary, seed, scores, folder.
func (s *sweep) writeCSV(name string) error {
	return atomicfile.Write(name, func(w io.Writer) error {
		c := csv.NewWriter(w)
		header := append(slices.Clone(s.names), "seed")
		for _, score := range csvScores {
			header = append(header, score.name)
		}
		if err := c.Write(append(header, "run")); err != nil {
			return err
		}
		for _, p := range s.points {
			for _, j := range p.jobs {
				line := append(slices.Clone(p.values), strconv.FormatUint(j.config.Seed, 10))
				for _, score := range csvScores {
					text := ""
					if v := score.of(j.metrics); v.Defined() {
						text = strconv.FormatFloat(float64(v), 'g', -1, 64)
					}
					line = append(line, text)
				}
				if err := c.Write(append(line, filepath.Join("runs", j.name))); err != nil {
					return err
				}
			}
		}
		c.Flush()
		return c.Error()
	})
}

// summaryRow is a point in the table on the terminal.
func summaryRow(p page.Point) []string {
	scores := []func(*report.Metrics) report.Number{
		labelled(func(l *report.Labelled) report.Number { return l.Accuracy }),
		labelled(func(l *report.Labelled) report.Number { return l.NMI }),
		labelled(func(l *report.Labelled) report.Number { return l.ECE }),
		labelFree(func(l *report.LabelFree) report.Number { return l.Silhouette }),
	}
	row := append(slices.Clone(p.Values), strconv.Itoa(len(p.Runs)))
	for _, score := range scores {
		text := "-"
		if v := p.Over(score); v.Median.Defined() {
			text = fmt.Sprintf("%.4f", v.Median)
		}
		row = append(row, text)
	}
	return row
}

func (s *sweep) header() []string {
	return append(slices.Clone(s.names), "runs", "accuracy", "NMI", "ECE", "silhouette")
}

// print writes the result to standard output.
func (s *sweep) print(points []page.Point, pageName string) error {
	suggestion := s.suggestion(points)
	if s.json {
		type entry struct {
			Settings  map[string]string `json:"settings"`
			Agreement report.Number     `json:"seed_agreement"`
			Runs      []string          `json:"runs"`
			Metrics   []*report.Metrics `json:"metrics"`
		}
		whole := struct {
			Page       string  `json:"page"`
			Suggestion string  `json:"suggestion,omitempty"`
			Points     []entry `json:"points"`
		}{Page: pageName, Suggestion: suggestion}
		for k, p := range points {
			e := entry{Settings: map[string]string{}, Agreement: p.Agreement, Metrics: p.Runs}
			for i, name := range s.names {
				e.Settings[name] = p.Values[i]
			}
			for _, j := range s.points[k].jobs {
				e.Runs = append(e.Runs, s.folder(j))
			}
			whole.Points = append(whole.Points, e)
		}
		b, err := json.Marshal(whole)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s\n", b)
		return err
	}
	t := newTable(s.header()...)
	for _, p := range points {
		t.row(summaryRow(p)...)
	}
	if err := t.print(s.out); err != nil {
		return err
	}
	if suggestion != "" {
		fmt.Fprintln(s.out, suggestion)
	}
	_, err := fmt.Fprintf(s.out, "page  %s\n", pageName)
	return err
}

// suggestion says which number of clusters the label-free scores speak for, where that was swept.
func (s *sweep) suggestion(points []page.Point) string {
	k, reason, ok := page.Sweep{Names: s.names, Points: points}.Suggestion()
	if !ok {
		return ""
	}
	return fmt.Sprintf("suggestion: %d clusters, for %s", k, reason)
}

// panels maps the same images once for each α, on the first store, with the first seed.
func (s *sweep) panels(ctx context.Context) ([]page.Panel, error) {
	var panels []page.Panel
	seen := map[string]bool{}
	for _, p := range s.points {
		j := p.jobs[0]
		c := j.config
		if j.items != s.jobs[0].items || c.Clusters != s.jobs[0].config.Clusters || c.Text("alpha") == "" || c.Text("alpha") != c.Text("beta") || seen[c.Text("alpha")] || len(panels) == panelLimit {
			continue
		}
		seen[c.Text("alpha")] = true
		f, err := openRun(s.folder(j))
		if err != nil {
			return nil, err
		}
		m, err := s.layout(ctx, f, j.items, reportOptions{points: panelPoints, workers: s.workers})
		if err != nil {
			return nil, err
		}
		panel := page.Panel{Title: "α = " + c.Text("alpha"), XY: m.XY}
		for _, i := range m.Rows {
			colour := f.table.Cluster[i]
			if f.table.Labels != nil {
				colour = max(0, f.table.Labels[i])
			}
			panel.Colour = append(panel.Colour, colour)
		}
		panels = append(panels, panel)
	}
	if len(panels) < 2 {
		return nil, nil // one map belongs to the page of its run
	}
	return panels, nil
}

const (
	panelLimit  = 8
	panelPoints = 2000
)
