package optim

import (
	"fmt"
	"math"
)

// Schedule determines how the learning rate changes over a training. The zero value keeps it constant.
type Schedule struct {
	Kind string `json:"kind"` // "constant" (or empty), "step", "cosine"
	// Parts and Factor belong to "step": training is divided into Parts equal parts, and the rate is multiplied by Factor from each part to
	// the next. The I-Con paper halves every 10 of 30 epochs: 3 parts, factor 0.5.
	Parts  int     `json:"parts,omitempty"`
	Factor float64 `json:"factor,omitempty"`
	// WarmUp is the share of the training over which the rate first rises from 0, 0 to 1.
	WarmUp float64 `json:"warm_up,omitempty"`
}

// Validate returns an error for a field out of range.
func (s Schedule) Validate() error {
	switch {
	case s.Kind != "" && s.Kind != "constant" && s.Kind != "step" && s.Kind != "cosine":
		return fmt.Errorf("schedule %q: want constant, step or cosine", s.Kind)
	case s.Kind == "step" && s.Parts < 1:
		return fmt.Errorf("schedule parts %d: want at least 1", s.Parts)
	case s.Kind == "step" && !(s.Factor > 0 && s.Factor <= 1):
		return fmt.Errorf("schedule factor %g: want a number above 0 and at most 1", s.Factor)
	case !(s.WarmUp >= 0 && s.WarmUp <= 1):
		return fmt.Errorf("warm-up %g: want a share from 0 to 1", s.WarmUp)
	}
	return nil
}

// At returns the factor of the base rate at a point of the training, done/total from 0 to 1.
func (s Schedule) At(done, total int) float64 {
	point := float64(done) / float64(max(1, total))
	rise := 1.0
	if point < s.WarmUp {
		rise = float64(done+1) / (s.WarmUp*float64(total) + 1)
	}
	switch s.Kind {
	case "step":
		return rise * math.Pow(s.Factor, math.Floor(point*float64(s.Parts)))
	case "cosine":
		return rise * (1 + math.Cos(math.Pi*point)) / 2
	default:
		return rise
	}
}
