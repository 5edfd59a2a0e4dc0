package run

import (
	"iconic/head/methods"
	"iconic/internal/identity"
)

// Matches fails with an OtherError unless the training that made or began a run folder is this one: with the same features and other inputs,
// method, clusters, seed and settings. Settings that a rule resolves are not compared: another version may resolve them in another way.
func (t *Training) Matches(r *Run) error {
	m, err := methods.Find(t.Config.Method)
	if err != nil {
		return err
	}
	other := func(what string) error { return &OtherError{r.Dir, what} }
	if what := r.otherInput(t.identity(m.About().Needs)); what != "" {
		return other(what)
	}
	asked, _, err := t.Config.Resolve(t.Features.Len())
	if err != nil {
		return err
	}
	for name := range asked.Settings { // its values are its own: Resolve made them
		if v, ok := r.Config.Training.Settings[name]; ok && asked.Text(name) != t.Config.Text(name) {
			asked.Settings[name] = v
		}
	}
	if !r.Config.Training.Equal(asked) {
		return other("settings (" + difference(r.Config.Training, asked) + ")")
	}
	return nil
}

// otherInput names the first input in which a training differs from the one that made or began a run folder, "" if there is none.
func (r *Run) otherInput(now identity.Inputs) string {
	if r.Config.Format == 1 { // which recorded the features only
		now = identity.Inputs{Features: now.Features, Rows: now.Rows, Dim: now.Dim}
	}
	return now.Other(r.Config.identity())
}

// MatchesScored is Matches for a finished run, which must also be scored with the labels of this training.
func (t *Training) MatchesScored(f *Finished) error {
	if err := t.Matches(f.Run); err != nil {
		return err
	}
	switch {
	case len(f.Table.Paths) != t.Features.Len():
		return &OtherError{f.Dir, "images"}
	case !sameLabels(f.Table, t.Features):
		return &OtherError{f.Dir, "labels"}
	}
	return nil
}
