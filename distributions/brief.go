package distributions

import (
	"fmt"
	"strconv"

	"iconic/head"
)

// Presets are for tens of thousands of rows, of which a step sees a part. So few points as are drawn would be few steps.
const (
	stepsOfEpoch = 6  // that batches are cut to
	moreEpochs   = 10 // times those of the preset
)

// Fit makes a method's settings those of so few points as s has, where nobody has chosen them: batches that make several steps of an epoch, ten
// times the epochs, and for points of the plane, whose directions are half of what there is to them, Euclidean neighbours. It returns c so, and
// what it changed, in words.
func (s *Subject) Fit(c head.Config, chosen func(name string) bool) (head.Config, []string, error) {
	var notes []string
	change := func(name string, value any) error {
		was := c.Text(name)
		if err := c.Set(name, value); err != nil {
			return err
		}
		if now := c.Text(name); now != was {
			notes = append(notes, fmt.Sprintf("%s is %s here, not %s", name, now, was))
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
