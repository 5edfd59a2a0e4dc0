package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"iconic/extract/store"
	"iconic/head"
	"iconic/head/knn"
	"iconic/head/tsne"
	"iconic/internal/atomicfile"
	"iconic/internal/dense"
	"iconic/internal/regular"
	"iconic/models"
	"iconic/report"
	"iconic/report/page"
)

func newReportCommand(a *app) *cobra.Command {
	var o reportOptions
	c := &cobra.Command{
		Use:   "report DIR…",
		Short: "Make the page of a run again, or compare several runs",
		Long: `Make the page of a run again, or compare several runs.

With one run folder, report.html is written anew: with map, pictures and neighbours where the features and the images are
still where they were, or where --features and --images say. A page that shows more than a new one could is kept.
With several, a page sets them side by side: settings that differ, scores, clusters that changed.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				if c.Flags().Changed("out") {
					return usagef("--out names the page of a comparison: give at least two run folders")
				}
				return a.remakeReport(c.Context(), args[0], o)
			}
			if o.features != "" || o.images != "" {
				return usagef("--features and --images are for the page of one run: give one run folder")
			}
			return a.compareRuns(c.Context(), args, o.out)
		},
	}
	f := c.Flags()
	f.StringVarP(&o.out, "out", "o", "comparison.html", "page to write when comparing")
	f.StringVar(&o.reference, "reference", "", "another run on the same data, drawn beside in the reliability diagram (an α = 0 run, say)")
	f.StringVar(&o.features, "features", "", "feature store or features.npy of the run, where it is no longer where the run found it")
	f.StringVar(&o.images, "images", "", "data set that the features are of, where it is no longer where the run found it")
	count(f, &o.points, "map-points", mapPoints, 1, 20000, "images on the map at most, drawn at random")
	count(f, &o.workers, "threads", 0, 0, maxThreads, "processors to use (default: all)")
	return c
}

type reportOptions struct {
	out, reference   string
	features, images string
	points           int
	workers          int

	shown page.Shown // by the page that is there; a new one must show as much
}

// mapPoints is how many items a map shows unless more are asked for: enough to see every cluster, and seconds of work.
const mapPoints = 5000

const (
	metricsFile     = "metrics.json"
	assignmentsFile = "assignments.csv"
	pageFile        = "report.html"
)

// finished is a run folder that was read: what scores and pages are made from.
type finished struct {
	*head.Run
	metrics *report.Metrics
	table   *report.Assignments
}

// openRun reads a finished run folder.
func openRun(dir string) (*finished, error) {
	run, err := head.Load(dir)
	if err != nil {
		return nil, err
	}
	f := &finished{Run: run}
	if f.metrics, err = report.ReadMetrics(filepath.Join(dir, metricsFile)); err != nil {
		return nil, err
	}
	var classes []string
	if f.metrics.Labelled != nil {
		classes = f.metrics.Labelled.Classes
	}
	if f.table, err = report.ReadAssignments(filepath.Join(dir, assignmentsFile), classes); err != nil {
		return nil, err
	}
	if n := len(f.table.Cluster); n != f.metrics.N {
		return nil, fmt.Errorf("run folder %s: %s is of %d images, %s of %d: make the run again", dir, assignmentsFile, n, metricsFile, f.metrics.N)
	}
	if f.metrics.Labelled != nil {
		if f.metrics.Names, err = f.metrics.ReadNames(func() (*report.Assignments, error) { return f.table, nil }); err != nil {
			return nil, err
		}
		f.table.Names = calledNames(f.metrics)
	}
	return f, nil
}

func (a *app) remakeReport(ctx context.Context, dir string, o reportOptions) error {
	f, err := openRun(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("run folder %s has no scores: %w; train again with `pipeline train`", dir, err)
	}
	if err != nil {
		return err
	}
	if html, err := regular.Read(filepath.Join(dir, pageFile)); err == nil {
		o.shown, _ = page.ReadShown(html) // what is no page shows nothing
	}
	it, err := f.recordedFeatures(o.features)
	switch {
	case err != nil && o.features != "":
		return fmt.Errorf("features of %s: %w", dir, err)
	case err != nil && (o.shown.Map || o.shown.Neighbours):
		return f.keepPage("map and neighbours", fmt.Errorf("the features are not to be had (%w)", err), "name them with --features")
	case err != nil:
		a.warn("the features of %s are not to be had (%v): its page has no map; name them with --features", dir, err)
	default:
		defer it.close()
	}
	if err := a.writePage(ctx, f, it, o); err != nil {
		return err
	}
	if err := a.printSummary(dir, f.metrics); err != nil {
		return err
	}
	a.note("wrote %s", filepath.Join(dir, pageFile))
	return nil
}

// writeReport writes report.html of the run that was just made of items.
func (a *app) writeReport(ctx context.Context, dir string, it *items, workers int) error {
	f, err := openRun(dir)
	if err != nil {
		return err
	}
	return a.writePage(ctx, f, it, reportOptions{points: mapPoints, workers: workers})
}

// keepPage says that report.html stays as it is, for a new one would lose what it shows.
func (f *finished) keepPage(what string, why error, remedy string) error {
	return fmt.Errorf("%s stays as it is, for a new page would have no %s: %w; %s, or remove the file for a page without", filepath.Join(f.Dir, pageFile), what, why, remedy)
}

// writePage writes report.html of a finished run; without items it has no map and no neighbours.
func (a *app) writePage(ctx context.Context, f *finished, it *items, o reportOptions) error {
	r := page.Run{
		Title: runTitle(f.Run), Facts: runFacts(f), Settings: settings(f.Config), Metrics: f.metrics,
		Assignments: *f.table, Workers: o.workers,
	}
	history, err := f.History()
	if err != nil {
		return fmt.Errorf("run folder %s: %w", f.Dir, err)
	}
	for _, e := range history {
		r.History = append(r.History, page.Epoch{Epoch: e.Epoch, Loss: e.Loss, Rate: e.LearningRate})
	}
	if o.reference != "" {
		if r.Reference, err = reference(o.reference, f); err != nil {
			return err
		}
	}
	paths := f.table.Paths
	if it != nil {
		paths = it.paths
	}
	p, err := f.recordedPictures(ctx, o.images, paths)
	switch {
	case err == nil:
		defer p.set.Close()
		r.Picture = p.image
	case o.images != "":
		return fmt.Errorf("images of %s: %w", f.Dir, err)
	case o.shown.Pictures > 0:
		return f.keepPage("pictures", err, "name the images with --images")
	case !errors.Is(err, errNoImages):
		a.warn("the report has no pictures: %v; say where the images are with `pipeline report %s --images DATA`", err, f.Dir)
	}
	if it != nil {
		r.Features = it
		if r.Map, err = a.layout(ctx, f, it, o); err != nil {
			return err
		}
		if f.table.Labels == nil { // with labels the confusion matrix shows those
			km, err := a.kmeans(ctx, it, f.metrics.Clusters, f.Config.Training.Seed, o.workers)
			if err != nil {
				return err
			}
			r.Baseline = ints(km.Assignment)
		}
	}
	var html bytes.Buffer
	summary, err := page.Write(ctx, &html, r)
	if err != nil {
		return err
	}
	if had := summary.Pictures - summary.Missing; summary.Missing > 0 && had < o.shown.Pictures {
		missing := fmt.Errorf("%d of %d images could not be read", summary.Missing, summary.Pictures)
		return f.keepPage(fmt.Sprintf("more than %d of the %d pictures that it shows", had, o.shown.Pictures), missing, "name the images with --images")
	}
	if err := atomicfile.WriteBytes(filepath.Join(f.Dir, pageFile), html.Bytes()); err != nil {
		return err
	}
	if summary.Missing > 0 {
		a.warn("%d of %d pictures of the report could not be read: they are grey", summary.Missing, summary.Pictures)
	}
	return nil
}

// reference is the calibration of another run on the same data.
func reference(dir string, f *finished) (*page.Reference, error) {
	other, err := openRun(dir)
	if err != nil {
		return nil, err
	}
	if other.Config.Features.Key != f.Config.Features.Key || other.metrics.Labelled == nil {
		return nil, usagef("reference %s is not a labelled run on the data of %s", dir, f.Dir)
	}
	return &page.Reference{
		Name: shareName(other.Config.Training),
		Bins: other.metrics.Reliability, ECE: other.metrics.ECE,
	}, nil
}

// layout maps the logits of a sample of the items into the plane.
func (a *app) layout(ctx context.Context, f *finished, it *items, o reportOptions) (*page.Map, error) {
	rows := sampleRows(it.Len(), o.points, f.Config.Training.Seed)
	m := &page.Map{Rows: make([]int, len(rows))}
	for k, i := range rows {
		m.Rows[k] = int(i)
	}
	if len(rows) < 4 {
		m.Rows, m.Note = nil, "There is no map: fewer than 4 images."
		return m, nil
	}
	x := make([]float32, len(rows)*it.Dim())
	if err := it.Gather(x, rows); err != nil {
		return nil, err
	}
	k := f.Head.Clusters
	z := make([]float32, len(rows)*k)
	if err := f.Head.Logits(ctx, z, x, len(rows), o.workers); err != nil {
		return nil, err
	}
	options := tsne.Options{Metric: knn.Euclidean, Workers: o.workers, Progress: a.portion("map", "iterations")}
	y, kl, err := tsne.Layout(ctx, &dense.Rows{Width: k, X: z}, options)
	if err != nil {
		return nil, err
	}
	m.XY = y
	which := "all images"
	if len(rows) < it.Len() {
		which = fmt.Sprintf("%d of %d images, drawn at random", len(rows), it.Len())
	}
	m.Note = fmt.Sprintf("Barnes-Hut t-SNE of the head's logits of %s (KL %.2f): near dots are alike, far distances mean little.", which, kl)
	return m, nil
}

// sampleRows draws at most limit of n rows, ascending.
func sampleRows(n, limit int, seed uint64) []int32 {
	rows := make([]int32, n)
	for i := range rows {
		rows[i] = int32(i)
	}
	if n <= limit {
		return rows
	}
	rand.New(rand.NewPCG(seed, 1)).Shuffle(n, func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	rows = rows[:limit]
	slices.Sort(rows)
	return rows
}

// calledNames are the names of a run's clusters; nil without labels.
func calledNames(m *report.Metrics) []string {
	if m.Labelled == nil {
		return nil
	}
	names := make([]string, len(m.Names))
	for c, n := range m.Names {
		names[c] = n.Name
	}
	return names
}

// runTitle names a run by its data: by the images where it is known which they are, for their features may lie in a cache.
func runTitle(r *head.Run) string {
	data := cmp.Or(r.Config.Features.Images, r.Config.Features.Store)
	if whole, err := filepath.Abs(data); err == nil { // "." has a name, too
		data = whole
	}
	return fmt.Sprintf("%s in %d clusters", filepath.Base(data), r.Config.Training.Clusters)
}

// runFacts are what a reader wants to know first.
func runFacts(f *finished) []page.Setting {
	c := f.Config
	facts := []page.Setting{
		{Name: "Images", Value: fmt.Sprint(f.metrics.N)},
		{Name: "Features", Value: fmt.Sprintf("%s, %d dimensions", c.Features.Store, c.Features.Dim)},
		{Name: "Method", Value: c.Training.Method},
	}
	if share := alphas(c.Training); share != "" {
		facts = append(facts, page.Setting{Name: "α", Value: share})
	}
	var extraction store.Settings
	if json.Unmarshal(c.Encoder, &extraction) == nil && extraction.Encoder.Name != "" {
		facts = append(facts, page.Setting{Name: "Encoder", Value: extraction.Encoder.Name})
		if extraction.Encoder.Name == models.TinyName {
			facts = append(facts, page.Setting{Name: "Caution", Value: models.TinyCaution})
		}
	}
	if info, err := os.Stat(filepath.Join(f.Dir, metricsFile)); err == nil {
		facts = append(facts, page.Setting{Name: "Finished", Value: info.ModTime().UTC().Format("2006-01-02 15:04 UTC")})
	}
	return append(facts, page.Setting{Name: "Version", Value: c.Version})
}

// shareName tells runs apart by their uniform share, or where a method has none by its name.
func shareName(c head.Config) string {
	if share := alphas(c); share != "" {
		return "α = " + share
	}
	return c.Method
}

// alphas writes one number where both sides have the same share, and nothing where the method has none.
func alphas(c head.Config) string {
	p, q := c.Text("alpha"), c.Text("beta")
	if p == q {
		return p
	}
	return fmt.Sprintf("%s on the target, %s on the learned side", p, q)
}

// settings lists every setting of a run by the names of its config.json, nested ones with dots, in order of name.
func settings(c head.RunConfig) []page.Setting {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil // it was read from JSON
	}
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil
	}
	delete(tree, "classes")
	var list []page.Setting
	var walk func(prefix string, v any)
	walk = func(prefix string, v any) {
		m, nested := v.(map[string]any)
		if !nested {
			list = append(list, page.Setting{Name: prefix, Value: fmt.Sprint(v)})
			return
		}
		for name, v := range m {
			walk(strings.TrimPrefix(prefix+"."+name, "."), v)
		}
	}
	walk("", tree)
	slices.SortFunc(list, func(a, b page.Setting) int { return cmp.Compare(a.Name, b.Name) })
	return list
}

func (a *app) compareRuns(ctx context.Context, dirs []string, out string) error {
	var runs []page.Compared
	var metrics []*report.Metrics
	for k, name := range shortNames(dirs) {
		f, err := openRun(dirs[k])
		if errors.Is(err, fs.ErrNotExist) {
			a.warn("%s is left out: it has no scores (%v)", dirs[k], err)
			continue
		}
		if err != nil {
			return err
		}
		runs = append(runs, page.Compared{Name: name, Settings: settings(f.Config), Data: f.Config.Features.Key, Metrics: f.metrics, Cluster: f.table.Cluster})
		metrics = append(metrics, f.metrics)
	}
	if len(runs) < 2 {
		return fmt.Errorf("%d of %d run folders can be compared: want at least 2", len(runs), len(dirs))
	}
	err := atomicfile.Write(out, func(w io.Writer) error {
		return page.WriteComparison(ctx, w, fmt.Sprintf("Comparison of %d runs", len(runs)), runs)
	})
	if err != nil {
		return err
	}
	for _, c := range page.Cautions(runs) {
		a.warn("%s", c)
	}
	if a.json {
		return a.printComparisonJSON(runs, out)
	}
	names := make([]string, len(runs))
	for k, r := range runs {
		names[k] = r.Name
	}
	t := newTable(append([]string{""}, names...)...)
	for _, d := range page.Differences(runs) {
		t.row(append([]string{d.Name}, d.Values...)...)
	}
	for _, s := range page.ScoreLines(metrics) {
		t.row(append([]string{s.Name}, s.Text...)...)
	}
	t.row("page", out)
	return t.print(a.out)
}

func (a *app) printComparisonJSON(runs []page.Compared, out string) error {
	type entry struct {
		Run     string          `json:"run"`
		Metrics *report.Metrics `json:"metrics"`
	}
	whole := struct {
		Page        string            `json:"page"`
		Differences []page.Difference `json:"differences"`
		Agreement   [][]report.Number `json:"agreement"`
		Runs        []entry           `json:"runs"`
	}{Page: out, Differences: page.Differences(runs), Agreement: page.Agreement(runs)}
	for _, r := range runs {
		whole.Runs = append(whole.Runs, entry{r.Name, r.Metrics})
	}
	b, err := json.Marshal(whole)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "%s\n", b)
	return err
}

// shortNames leaves out what all folders' paths begin with.
func shortNames(dirs []string) []string {
	names := make([]string, len(dirs))
	for k, d := range dirs {
		names[k] = filepath.Clean(d)
	}
	for {
		head, _, cut := strings.Cut(names[0], string(filepath.Separator))
		if !cut || slices.ContainsFunc(names, func(s string) bool {
			return !strings.HasPrefix(s, head+string(filepath.Separator))
		}) {
			return names
		}
		for k := range names {
			names[k] = names[k][len(head)+1:]
		}
	}
}

// table is a small aligned table for the terminal, plain text without rules or colours.
type table struct{ lines []string }

func newTable(names ...string) *table {
	t := new(table)
	t.row(names...)
	return t
}

func (t *table) row(cells ...string) { t.lines = append(t.lines, strings.Join(cells, "\t")) }

func (t *table) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range t.lines {
		if _, err := fmt.Fprintln(tw, line); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// printSummary writes the result of a run to standard output: a short table, or with --json everything.
func (a *app) printSummary(dir string, m *report.Metrics) error {
	if a.json {
		b, err := json.Marshal(struct {
			Run     string          `json:"run"`
			Metrics *report.Metrics `json:"metrics"`
		}{dir, m})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.out, "%s\n", b)
		return err
	}
	t := newTable(fmt.Sprintf("%d images", m.N), "head", "k-means", "95 % interval")
	both := []*report.Metrics{m}
	if m.KMeans != nil {
		both = append(both, m.KMeans)
	}
	used := fmt.Sprintf("%d of %d", m.ClustersUsed, m.Clusters)
	if m.KMeans != nil {
		t.row("clusters used", used, fmt.Sprintf("%d of %d", m.KMeans.ClustersUsed, m.KMeans.Clusters))
	} else {
		t.row("clusters used", used)
	}
	brief := []string{"accuracy", "NMI", "ARI", "ECE", "silhouette", "neighbours together", "expected accuracy", "mean confidence"}
	for _, s := range page.ScoreLines(both) {
		if !slices.Contains(brief, s.Name) {
			continue
		}
		interval := ""
		if m.Labelled != nil {
			switch s.Name {
			case "accuracy":
				interval = between(m.AccuracyInterval)
			case "ECE":
				interval = between(m.ECEInterval)
			}
		}
		t.row(append(append([]string{s.Name}, s.Text...), interval)...)
	}
	t.row("run folder", dir)
	return t.print(a.out)
}

func between(interval [2]report.Number) string {
	if math.IsNaN(float64(interval[0])) {
		return ""
	}
	return fmt.Sprintf("%.3f to %.3f", interval[0], interval[1])
}
