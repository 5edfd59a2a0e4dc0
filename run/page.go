package run

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"iconic/extract/store"
	"iconic/features"
	"iconic/head"
	"iconic/head/baseline"
	"iconic/head/knn"
	"iconic/head/method"
	"iconic/head/methods"
	"iconic/head/partition"
	"iconic/head/tsne"
	"iconic/internal/atomicfile"
	"iconic/internal/owned"
	"iconic/internal/plural"
	"iconic/internal/regular"
	"iconic/matrix"
	"iconic/models"
	"iconic/option"
	"iconic/progress"
	"iconic/report"
	"iconic/report/inspection"
	"iconic/report/page"
)

// PageFile is the name of a run's page in its folder.
const PageFile = owned.RunPage

// The stages of a page in which images are read.
const (
	inspectStage = "duplicates and outliers"
	pageStage    = "page"
)

// PictureStages are the stages of a page, as its hooks are told, in which images are read.
func PictureStages() []string { return []string{inspectStage, pageStage} }

// MapPoints is the default number of images on a map: enough to show every cluster, computed within seconds.
const MapPoints = 5000

// PageOptions say what a page shows, and where its sources are.
type PageOptions struct {
	Features string // store or matrix of the run; "": as recorded in the run
	Images   string // data set of the features; "": as recorded in the run
	// ImageColumn is the image column of a Parquet data set; "": the recorded one, or else it is found.
	ImageColumn string
	Reference   string // folder of another run on the same data, added to the reliability diagram; "": none
	Raw         bool   // use the clusters as trained, ignoring any curation
	Points      int    // most images on the map, drawn at random; 0: MapPoints
	Workers     int    // goroutines; all processors when < 1
	Memory      int64  // bytes for reading and decoding images; 0: half of what the machine or its control group has
	Hooks       progress.Hooks

	shown page.Shown    // by the existing page; a new one must show as much
	all   *features.Set // with the images that were left out by hand; nil without features
}

// Input is a source of a page besides the run folder; it may have been moved.
type Input string

// The inputs of a page.
const (
	FeaturesInput Input = "features"
	ImagesInput   Input = "images"
)

// KeptError says that a page is kept because a new one would show less.
type KeptError struct {
	Page    string // its file
	Loses   string // what the new page would lack
	Missing Input  // source that is not where the run recorded it
	Err     error
}

func (e *KeptError) Error() string {
	return fmt.Sprintf("%s is kept, because a new page would have no %s: %v", e.Page, e.Loses, e.Err)
}

func (e *KeptError) Unwrap() error { return e.Err }

// ErrReference is in the chain of an error about a run that cannot be a reference.
var ErrReference = errors.New("is not a run on the same data with the same labels")

// Remake makes the page of a finished run again, from features and images at their present places. A page that shows more than a new one
// could is kept (KeptError).
func Remake(ctx context.Context, dir string, o PageOptions) (*Finished, error) {
	if o.Points < 0 {
		return nil, option.Errorf("Points", "a map of %d images: want at least 1, or 0 for %d", o.Points, MapPoints)
	}
	f, err := OpenAs(dir, o.Raw, o.Hooks)
	if err != nil {
		return nil, err
	}
	if html, err := regular.Read(filepath.Join(dir, PageFile)); err == nil {
		o.shown, _ = page.ReadShown(html) // a file that is not a page shows nothing
	}
	set, err := f.OpenFeatures(o.Features)
	switch {
	case err != nil && o.Features != "":
		return nil, fmt.Errorf("features of %s: %w", dir, err)
	case err != nil && (o.shown.Map || o.shown.Neighbours):
		return nil, f.keepPage("map and neighbours", FeaturesInput, fmt.Errorf("the features cannot be opened (%w)", err))
	case err != nil:
		o.Hooks.Warnf("the features of %s cannot be opened (%v): its page has no map", dir, err)
	default:
		defer set.Close()
	}
	o.all = set
	if f, set, err = f.scoredByHand(ctx, set, o.Workers); err != nil {
		return nil, err
	}
	return f, full(f.writePage(ctx, set, o))
}

// WritePage writes the page of a run that was just made from a set.
func WritePage(ctx context.Context, dir string, set *features.Set, o PageOptions) error {
	o.Hooks.Begin(pageStage)
	f, err := Open(dir)
	if err != nil {
		return err
	}
	return full(f.writePage(ctx, set, o))
}

// keepPage is the error for keeping report.html because a new page would lose content.
func (f *Finished) keepPage(loses string, missing Input, why error) error {
	return &KeptError{filepath.Join(f.Dir, PageFile), loses, missing, why}
}

// writePage writes report.html of a finished run; without a set it has no map and no neighbours.
func (f *Finished) writePage(ctx context.Context, set *features.Set, o PageOptions) error {
	r := page.Run{
		Title: fmt.Sprintf("%s in %s", f.Title(), plural.Of(f.Metrics.Existing(), "cluster", "clusters")), Facts: f.facts(), Settings: f.Config.Lines(), Metrics: f.Metrics,
		Assignments: *f.Table, Workers: o.Workers,
	}
	if m, err := methods.Find(f.Config.Training.Method); err == nil {
		r.Supervised = m.About().Needs == method.NeedsLabels
	}
	if s := f.Config.Counted; s != nil {
		r.Counted = CountedPage(s)
	}
	history, err := f.History()
	if err != nil {
		return fmt.Errorf("run folder %s: %w", f.Dir, err)
	}
	for _, e := range history {
		r.History = append(r.History, page.Epoch{Epoch: e.Epoch, Loss: e.Loss, Rate: e.LearningRate})
	}
	if o.Reference != "" {
		if r.Reference, err = f.reference(ctx, o); err != nil {
			return err
		}
	}
	paths, hashes := f.Table.Paths, [][16]byte(nil)
	if set != nil {
		paths, hashes = set.Paths, set.Hashes
	}
	p, err := f.OpenPictures(ctx, o.Images, o.ImageColumn, o.Memory, paths, hashes)
	switch {
	case err == nil:
		defer p.Close()
		r.Picture = p.Show
	case o.Images != "" || o.ImageColumn != "":
		return fmt.Errorf("images of %s: %w", f.Dir, err)
	case o.shown.Pictures > 0:
		return f.keepPage("pictures", ImagesInput, err)
	case !errors.Is(err, ErrNoImages) && !errors.Is(err, ErrUnnamed):
		o.Hooks.Warnf("the page of %s has no pictures: %v", f.Dir, err)
	}
	if set != nil {
		if err := f.look(ctx, set, p, o, &r); err != nil {
			return err
		}
	}
	return f.render(ctx, set, r, o)
}

// look adds to a page what needs the features: duplicates and outliers, the map, and without labels the k-means baseline.
func (f *Finished) look(ctx context.Context, set *features.Set, p *Pictures, o PageOptions, r *page.Run) error {
	r.Features = set
	o.Hooks.Begin(inspectStage)
	found, err := Inspect(ctx, set, f.Table.Cluster, p, inspection.Options{Workers: o.Workers}, o.Hooks)
	if err != nil {
		return err
	}
	if err := f.writeTables(ctx, found, p, o); err != nil {
		return err
	}
	r.Found = found.Findings
	o.Hooks.Begin("map")
	if r.Map, err = f.Layout(ctx, set, o); err != nil || f.Table.Labels != nil { // with labels, the confusion matrix shows those
		return err
	}
	// Clusters that were merged into others by hand are not counted, and images that were left out can leave fewer than there were clusters.
	km, err := baseline.Clusters(ctx, set, baseline.Options{
		Clusters: min(f.Metrics.Existing(), set.Len()), Seed: f.Config.Training.Seed, Workers: o.Workers, Progress: o.Hooks.Stage("k-means baseline", "iterations"),
	})
	if err == nil {
		r.Baseline = partition.Classes(km.Assignment)
	}
	return err
}

// writeTables writes the tables of duplicates and outliers, which have all images of the run and its clusters as trained. If images were moved or
// left out by hand, what was found is not that: the tables stay as they are, and are made if one is missing.
func (f *Finished) writeTables(ctx context.Context, found *Inspected, p *Pictures, o PageOptions) error {
	if f.edited() {
		if hasTables(f.Dir) {
			return nil
		}
		trained, err := Open(f.Dir)
		if err != nil {
			return err
		}
		if p != nil {
			all := *p
			all.paths, all.hashes = o.all.Paths, o.all.Hashes
			p = &all
		}
		if found, err = Inspect(ctx, o.all, trained.Table.Cluster, p, inspection.Options{Workers: o.Workers}, o.Hooks); err != nil {
			return err
		}
	}
	found.Names.Safe = f.Table.Safe
	_, err := found.Write(f.Dir)
	return err
}

// render writes the page, unless it would show fewer pictures than the one that is there.
func (f *Finished) render(ctx context.Context, set *features.Set, r page.Run, o PageOptions) error {
	o.Hooks.Begin(pageStage)
	var html bytes.Buffer
	summary, err := page.Write(ctx, &html, r)
	if err != nil {
		return err
	}
	if had := summary.Pictures - summary.Missing; summary.Missing > 0 && had < o.shown.Pictures {
		missing := errors.New(summary.Lacks())
		return f.keepPage(fmt.Sprintf("more than %d of the %d pictures that it shows", had, o.shown.Pictures), ImagesInput, missing)
	}
	if set != nil {
		if err := set.Unchanged(); err != nil {
			return err
		}
	}
	if err := atomicfile.WriteBytes(filepath.Join(f.Dir, PageFile), html.Bytes()); err != nil {
		return err
	}
	if summary.Missing > 0 {
		o.Hooks.Warnf("%s", summary.Grey("the report"))
	}
	return nil
}

// reference is the calibration of another run on the same data, with the same labels; of its edited clusters unless o.Raw.
func (f *Finished) reference(ctx context.Context, o PageOptions) (*page.Reference, error) {
	dir := o.Reference
	other, err := OpenAs(dir, o.Raw, o.Hooks)
	if err != nil {
		return nil, err
	}
	own, err := Open(f.Dir) // with the images that were left out by hand
	if err != nil {
		return nil, err
	}
	if other.Config.Features.Key != own.Config.Features.Key || other.Metrics.Labelled == nil || !report.SameDivision(other.Table.Labels, own.Table.Labels) {
		return nil, fmt.Errorf("reference: %s %w as %s", dir, ErrReference, f.Dir)
	}
	if other, _, err = other.scoredByHand(ctx, nil, o.Workers); err != nil {
		return nil, err
	}
	return &page.Reference{
		Name: shareName(other.Config.Training),
		Bins: other.Metrics.Reliability, ECE: other.Metrics.ECE,
	}, nil
}

// Layout maps the logits of a sample of the items into the plane.
func (f *Finished) Layout(ctx context.Context, set *features.Set, o PageOptions) (*page.Map, error) {
	rows := matrix.RandomRows(rand.New(rand.NewPCG(f.Config.Training.Seed, 1)), set.Len(), min(set.Len(), cmp.Or(o.Points, MapPoints)))
	m := &page.Map{Rows: make([]int, len(rows))}
	for k, i := range rows {
		m.Rows[k] = int(i)
	}
	if len(rows) < 4 {
		m.Rows, m.Note = nil, "There is no map: fewer than 4 images."
		return m, nil
	}
	x := make([]float32, len(rows)*set.Dim())
	if err := set.Gather(x, rows); err != nil {
		return nil, err
	}
	k := f.Head.Clusters
	z := make([]float32, len(rows)*k)
	if err := f.Head.Logits(ctx, z, x, len(rows), o.Workers); err != nil {
		return nil, err
	}
	options := tsne.Options{Metric: knn.Euclidean, Workers: o.Workers, Progress: o.Hooks.Stage("map", "iterations")}
	y, kl, err := tsne.Layout(ctx, &matrix.Dense{Width: k, X: z}, options)
	if err != nil {
		return nil, err
	}
	m.XY = y
	which := "all images"
	if len(rows) < set.Len() {
		which = fmt.Sprintf("%d of %d images, drawn at random", len(rows), set.Len())
	}
	m.Note = fmt.Sprintf("Barnes-Hut t-SNE of the head's logits of %s (KL %.2f): nearby dots are similar images; large distances mean little.", which, kl)
	return m, nil
}

// calledNames are the names of a run's clusters; nil without labels.
func calledNames(m *report.Metrics) []string {
	if m.Labelled == nil {
		return nil
	}
	return report.Called(m.Names)
}

// Title names a run by its data: by the images if they are known, since their features may be in a cache.
func (r *Run) Title() string {
	data := cmp.Or(r.Config.Features.Images, r.Config.Features.Store)
	if data == "" {
		return plural.Of(r.Config.Features.Rows, "row", "rows")
	}
	if whole, err := filepath.Abs(data); err == nil { // so that "." gets a name, too
		data = whole
	}
	return filepath.Base(data)
}

// facts are the most important facts about a run.
func (f *Finished) facts() []page.Setting {
	c := f.Config
	facts := []page.Setting{
		{Name: "Images", Value: fmt.Sprint(f.Metrics.N)},
		{Name: "Features", Value: fmt.Sprintf("%s, %d dimensions", cmp.Or(c.Features.Store, "in memory"), c.Features.Dim)},
		{Name: "Method", Value: c.Training.Method},
	}
	if m := f.Head.Members; m > 1 {
		facts = append(facts, page.Setting{Name: "Head", Value: fmt.Sprintf("%d linear heads that vote", m)})
	}
	if share := alphas(c.Training); share != "" {
		facts = append(facts, page.Setting{Name: "α", Value: share})
	}
	var extraction store.Settings
	if json.Unmarshal(c.Encoder, &extraction) == nil && extraction.Encoder.Name != "" {
		facts = append(facts, page.Setting{Name: "Encoder", Value: extraction.Encoder.Name})
		if extraction.Encoder.Name == models.TinyName {
			facts = append(facts, page.Setting{Name: "Caution", Value: c.tinyCaution()})
		}
	}
	if by := f.ByHand(); by != "" {
		facts = append(facts, page.Setting{Name: "Curation", Value: by})
	}
	if info, err := os.Stat(filepath.Join(f.Dir, metricsFile)); err == nil {
		facts = append(facts, page.Setting{Name: "Finished", Value: info.ModTime().UTC().Format("2006-01-02 15:04 UTC")})
	}
	return append(facts, page.Setting{Name: "Version", Value: c.Version})
}

// DemoMark is the name of an empty file that the demo writes into its folder, in which the images that it draws have a folder.
const DemoMark = ".iconic-demo"

// tinyCaution is what to know about scores with the built-in encoder, which was trained for the demo's images.
func (c Config) tinyCaution() string {
	if c.Features.Images == "" {
		return models.TinyElsewhere
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(c.Features.Images), DemoMark)); err != nil {
		return models.TinyElsewhere
	}
	return models.TinyCaution
}

// shareName identifies runs by their uniform share or, if a method has none, by its name.
func shareName(c head.Config) string {
	if share := alphas(c); share != "" {
		return "α = " + share
	}
	return c.Method
}

// alphas formats one number if both sides have the same share, and nothing if the method has none.
func alphas(c head.Config) string {
	p, q := c.Text("alpha"), c.Text("beta")
	if p == q {
		return p
	}
	return fmt.Sprintf("%s on the target, %s on the learned side", p, q)
}

// Lines lists every setting of a run by the names of its config.json, nested ones with dots, in order of name. What was found, not set, is not
// among them.
func (c Config) Lines() []page.Setting {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil // it was read from JSON
	}
	var tree map[string]any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil
	}
	for _, result := range []string{"classes", "times", "expected_accuracy", "clusters_found", "choice", "loss", "checksums"} { // which have places of their own on a page, or need none
		delete(tree, result)
	}
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
