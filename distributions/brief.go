package distributions

import (
	"fmt"
	"strconv"

	"iconic/head"
)

// Presets are for tens of thousands of rows, of which each step sees a part. With the few points drawn here an epoch would have only a few
// steps.
const (
	stepsOfEpoch = 6  // at least this many, by smaller batches
	moreEpochs   = 10 // multiple of the preset's epochs
)

// Fit adapts a method's settings to the small number of points in s, except those that the user chose: batches that make several steps of
// an epoch, ten times the epochs, and, for points in the plane, whose directions are only half of their information, Euclidean neighbours.
// It returns the changed c and a description of each change.
func (s *Subject) Fit(c head.Config, chosen func(name string) bool) (head.Config, []string, error) {
	var notes []string
	change := func(name string, value any) error {
		was := c.Text(name)
		if err := c.Set(name, value); err != nil {
			return err
		}
		if now := c.Text(name); now != was {
			notes = append(notes, fmt.Sprintf("%s is %s here instead of %s", name, now, was))
		}
		return nil
	}
	free := func(name string) bool { return c.Text(name) != "" && !chosen(name) }
	n := s.Features.Len()
	if free("metric") && s.Features.Dim() == 2 {
		if err := change("metric", "euclidean"); err != nil {
			return c, nil, err
		}
	}
	if !free("batch") {
		return c, notes, nil
	}
	if batch, err := strconv.Atoi(c.Text("batch")); err != nil || batch > 2*n/stepsOfEpoch {
		if err := change("batch", max(2, 2*(n/stepsOfEpoch))); err != nil {
			return c, nil, err
		}
	}
	if epochs, err := strconv.Atoi(c.Text("epochs")); err == nil && epochs > 0 && free("epochs") {
		if err := change("epochs", moreEpochs*epochs); err != nil {
			return c, nil, err
		}
	}
	return c, notes, nil
}
