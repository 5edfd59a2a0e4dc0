package run

import (
	"encoding/json"
	"fmt"

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
	if what := r.otherInput(t.identity(m.About().Needs), t.Features.Encoder); what != "" {
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

// otherInput names the first input in which a training differs from the one that made or began a run folder, "" if there is none. encoder describes what
// made its features, as features.Set does.
func (r *Run) otherInput(now identity.Inputs, encoder json.RawMessage) string {
	if r.Config.Format == 1 { // which recorded the features only
		now = identity.Inputs{Features: now.Features, Rows: now.Rows, Dim: now.Dim}
	}
	what := now.Other(r.Config.identity())
	if what == "features" {
		what += resharded(r.Config.Encoder, encoder)
	}
	return what
}

// resharded says in brackets that the shards of a store have other numbers of rows than those of the store before: then its key is another, even if every
// number is the same. "" if they have as many, or one of the two is no store.
func resharded(before, now json.RawMessage) string {
	var was, is struct {
		Rows int `json:"shard_rows"`
	}
	if json.Unmarshal(before, &was) != nil || json.Unmarshal(now, &is) != nil || was.Rows == is.Rows || was.Rows == 0 || is.Rows == 0 {
		return ""
	}
	return fmt.Sprintf(" (in shards of %d rows, not of %d as before, by which they count as others)", is.Rows, was.Rows)
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
