package comparison

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"iconic/internal/atomicfile"
	"iconic/internal/owned"
	"iconic/progress"
	"iconic/report"
	"iconic/report/page"
	"iconic/run"
)

// Comparison holds finished runs in the order in which they were given.
type Comparison struct {
	Page string // the file last written by Write; "" before
	Runs []page.Compared
}

// Options say which clusters of the runs are compared.
type Options struct {
	Raw     bool // the clusters as trained, ignoring any curation
	Workers int  // goroutines that score edited clusters; all processors when < 1
	Hooks   progress.Hooks
}

// Open reads the runs in the folders, with the changes made by hand and the scores of the edited clusters unless o.Raw. A run without scores is
// left out with a warning, as is one whose training has not ended; a folder that is given again is left out with a note. It is an error if fewer than
// two remain.
func Open(ctx context.Context, dirs []string, o Options) (*Comparison, error) {
	c, given := new(Comparison), len(dirs)
	dirs = once(dirs, o.Hooks)
	for k, name := range ShortNames(dirs) {
		r, err := compared(ctx, dirs[k], o)
		if errors.Is(err, run.ErrNoScores) || errors.Is(err, run.ErrUnfinished) {
			o.Hooks.Warnf("%s is left out: it has no scores (%v)", dirs[k], err)
			continue
		}
		if err != nil {
			return nil, err
		}
		r.Name = name
		c.Runs = append(c.Runs, *r)
	}
	if len(c.Runs) < 2 {
		return nil, fmt.Errorf("%d of %d run folders can be compared: want at least 2", len(c.Runs), given)
	}
	return c, nil
}

// once are the folders without those that are the same as an earlier one, whatever their names.
func once(dirs []string, hooks progress.Hooks) (own []string) {
	var stats []fs.FileInfo
	for _, dir := range dirs {
		stat, err := os.Stat(dir)
		k := slices.IndexFunc(stats, func(s fs.FileInfo) bool { return err == nil && s != nil && os.SameFile(s, stat) }) // compared says what is wrong with a folder
		switch {
		case k < 0:
			own, stats = append(own, dir), append(stats, stat)
		case dir == own[k]:
			hooks.Notef("%s is given more than once, and compared once", dir)
		default:
			hooks.Notef("%s is the same folder as %s, and compared once", dir, own[k])
		}
	}
	return own
}

// compared reads one run.
func compared(ctx context.Context, dir string, o Options) (*page.Compared, error) {
	f, err := run.OpenAs(dir, o.Raw, o.Hooks)
	if err != nil {
		return nil, err
	}
	r := &page.Compared{Settings: f.Config.Lines(), Data: f.Config.Features.Key, Cluster: slices.Clone(f.Table.Cluster), Labels: f.Table.Labels}
	if by := f.ByHand(); by != "" {
		r.Settings = append(r.Settings, page.Setting{Name: "curation", Value: by})
	}
	for i := range r.Cluster {
		if f.Excluded(i) {
			r.Cluster[i] = page.LeftOut
		}
	}
	r.Metrics, err = f.EditedScores(ctx, o.Workers, o.Hooks)
	return r, err
}

// Write writes the page of the comparison to a file, and makes its folder if there is none. It replaces a file of that name, but fails on one that belongs to a run, a
// feature store or a sweep.
func (c *Comparison) Write(ctx context.Context, name string) error {
	if len(c.Runs) == 0 {
		return errors.New("page: there are no runs to compare: Open reads them")
	}
	if err := owned.Replaceable(name); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	if err := atomicfile.MakeFolder(name); err != nil {
		return err
	}
	err := atomicfile.Write(name, func(w io.Writer) error {
		return page.WriteComparison(ctx, w, fmt.Sprintf("Comparison of %d runs", len(c.Runs)), c.Runs)
	})
	if err == nil {
		c.Page = name
	}
	return err
}

// Cautions says what limits the comparison of the runs.
func (c *Comparison) Cautions() []string { return page.Cautions(c.Runs) }

// Lines is a table of the differences, settings first and then scores: a name, and a cell for each run.
func (c *Comparison) Lines() [][]string {
	var lines [][]string
	for _, d := range page.Differences(c.Runs) {
		lines = append(lines, append([]string{d.Name}, d.Values...))
	}
	metrics := make([]*report.Metrics, len(c.Runs))
	for k, r := range c.Runs {
		metrics[k] = r.Metrics
	}
	for _, s := range page.ScoreLines(metrics, report.Measures()) {
		lines = append(lines, append([]string{s.Name}, s.Text...))
	}
	return lines
}

// MarshalJSON writes the page's name, the cautions, the differences, the agreement, and the metrics of each run.
func (c *Comparison) MarshalJSON() ([]byte, error) {
	type entry struct {
		Run     string          `json:"run"`
		Metrics *report.Metrics `json:"metrics"`
	}
	whole := struct {
		Page        string            `json:"page"`
		Cautions    []string          `json:"cautions"`
		Differences []page.Difference `json:"differences"`
		Agreement   [][]report.Number `json:"agreement"`
		Runs        []entry           `json:"runs"`
	}{Page: c.Page, Cautions: append([]string{}, c.Cautions()...), Differences: page.Differences(c.Runs), Agreement: page.Agreement(c.Runs)}
	for _, r := range c.Runs {
		whole.Runs = append(whole.Runs, entry{r.Name, r.Metrics})
	}
	return json.Marshal(whole)
}

// ShortNames removes the common prefix from the paths of all folders.
func ShortNames(dirs []string) []string {
	names := make([]string, len(dirs))
	for k, d := range dirs {
		names[k] = filepath.Clean(d)
	}
	if len(names) == 0 {
		return names
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
