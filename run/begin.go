package run

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"iconic/features"
	"iconic/head"
	"iconic/head/method"
	"iconic/head/train"
	"iconic/internal/identity"
	"iconic/internal/kernel"
	"iconic/report"
)

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
		return nil, nil, &AttemptError{Dir: t.Dir, Err: err}
	}
	resolved, _, err := c.Training.Resolve(c.Features.Rows) // as a finished training writes it
	if err != nil {
		return nil, nil, err
	}
	unfinished := !old.Ended() || !old.Config.Training.Equal(resolved)
	if unfinished { // a damaged checkpoint is useless with any settings
		if state, err = LoadCheckpoint(t.Dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, nil, &AttemptError{t.Dir, true, err}
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
	if what := old.otherInput(c.identity(), c.Encoder); what != "" {
		return what
	}
	return old.otherSettings(c.Training, resolved)
}

// otherSettings says in which setting the training of a run folder differs from the one asked for, also given with its rules resolved; "" if in none.
func (r *Run) otherSettings(asked, resolved head.Config) string {
	was := r.Config.Training
	if was.Equal(asked) || was.Equal(resolved) {
		return ""
	}
	if r.Ended() {
		asked = resolved
	}
	return fmt.Sprintf("settings (%s)", difference(was, asked))
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

// mixed warns when earlier steps used kernels whose results are not bit-identical to the current ones.
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
