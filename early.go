package iconic

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/store"
	"iconic/features"
	"iconic/internal/plural"
	"iconic/report"
	"iconic/run"
)

// What can be known is refused before the work that it would waste: before images are encoded, and before clusters are counted.

// checkPlace fails where the run folder can neither be made nor, if that was asked for, continued with these settings.
func (o Training) checkPlace() error {
	if o.Resume {
		return run.CheckResume(o.Out, o.settings(), o.Seed)
	}
	return run.CheckPlace(o.Out, o.settings(), o.Seed)
}

// checkFor rejects settings that are invalid for a set of features, two different numbers of clusters, and inputs that are missing or not those of its
// images. Nothing is read of the features themselves.
func (o Training) checkFor(set *features.Set) error {
	if given, twice := o.Settings["clusters"]; twice && o.Clusters != 0 {
		if n, err := strconv.Atoi(given); err != nil || n != o.Clusters {
			return &run.SettingsError{Err: fmt.Errorf("the field Clusters is %d, but the setting clusters is %q: give only one of them", o.Clusters, given)}
		}
	}
	settings := o.settings()
	counted := settings["clusters"] == run.AutoClusters
	if counted { // not found yet: check the other settings against the smallest number
		settings["clusters"] = "2"
	}
	c, _, err := run.ConfigureFor(set, settings, o.Seed)
	if err != nil {
		return err
	}
	if counted { // and the labels against the smallest that suits them
		c.Clusters = max(c.Clusters, set.WithImages())
	}
	t := o.training(set, c)
	return t.ValidateInputs()
}

// continued is the run that is to be continued, nil if there is none.
func (o Training) continued() (*run.Run, error) {
	if !o.Resume || !errors.Is(run.CheckFree(o.Out), run.ErrExists) {
		return nil, nil
	}
	return run.LoadUnfinished(o.Out)
}

// checkResumed fails if the run to be continued was made from features of other settings than those of an extraction, such as other views.
func (o Options) checkResumed(c extract.Config) error {
	old, err := o.continued()
	if old == nil || old.Config.Plain() { // there is none, or it was trained on a matrix
		return err
	}
	now, err := c.Settings()
	if err != nil {
		return err
	}
	var was store.Settings
	if err := json.Unmarshal(old.Config.Encoder, &was); err != nil {
		return nil // of another program, whose store has another key
	}
	now.Dim, now.ShardRows = was.Dim, was.ShardRows // one is not known yet, the other does not matter
	if differences := now.Differences(was); len(differences) > 0 {
		return &run.OtherError{Dir: o.Out, Other: fmt.Sprintf("features (now %s before)", differences[0])}
	}
	return nil
}

// checkImages fails if the run to be continued has more images than are listed, or fewer than are left if the share maxBad of them is unreadable.
func (o Options) checkImages(listed *dataset.Set, maxBad float64) error {
	old, err := o.continued()
	if old == nil {
		return err
	}
	was, most := old.Config.Features.Rows, len(listed.Items)
	if least := most - int(maxBad*float64(most)); was < least || was > most {
		return &run.OtherError{Dir: o.Out, Other: fmt.Sprintf("features (of %s, where there are %d now)", plural.Of(was, "image", "images"), most)}
	}
	return nil
}

// promised is what the features of listed images will be, as far as it is known before they are encoded: the rows with their paths and labels, and the
// number of views. A share of the images up to maxBad may turn out to be unreadable; if they could be those that the second set lacks, or those without
// a label, they are assumed to be.
func promised(listed *dataset.Set, views int, maxBad float64, second *features.Set) *features.Set {
	items, most := listed.Items, int(maxBad*float64(len(listed.Items)))
	s := &features.Set{Classes: listed.Classes}
	if second != nil && second.Check() == nil {
		items = shared(items, most, second)
		s.Encoder = second.Encoder // so that the paths are compared if it has any
	}
	without := 0
	for i := range items {
		s.Paths = append(s.Paths, items[i].Path)
		s.Labels = append(s.Labels, items[i].Label)
		if items[i].Label < 0 {
			s.Labels[i] = report.NoLabel
			without++
		}
	}
	switch {
	case without == len(items):
		s.Labels = nil
	case without <= most:
		for i, l := range s.Labels {
			if l < 0 {
				s.Labels[i] = slices.Max(s.Labels) // of a class that has images in any case
			}
		}
	}
	s.Features = unread(len(items))
	for range views - 1 {
		s.Views = append(s.Views, s.Features)
	}
	return s
}

// shared are the items that a second set of features has, if it lacks at most so many of them; otherwise all items.
func shared(items []dataset.Item, most int, second *features.Set) []dataset.Item {
	lacking := len(items) - second.Len()
	if lacking < 1 || lacking > most {
		return items
	}
	if second.Encoder == nil { // its rows name no images
		return items[:second.Len()]
	}
	has := make(map[string]bool, second.Len())
	for _, path := range second.Paths {
		has[path] = true
	}
	return slices.DeleteFunc(slices.Clone(items), func(it dataset.Item) bool { return !has[it.Path] })
}

// unread are that many rows of features that are not there yet.
type unread int

// Len implements head.Features.
func (u unread) Len() int { return int(u) }

// Dim implements head.Features: the encoder knows it.
func (u unread) Dim() int { return 1 }

// Block implements head.Features.
func (u unread) Block([]float32, int, int) error { return errUnread }

// Gather implements head.Features.
func (u unread) Gather([]float32, []int32) error { return errUnread }

var errUnread = errors.New("the images are not encoded yet")
