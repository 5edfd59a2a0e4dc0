package head

import (
	"context"
	"fmt"

	"iconic/head/method"
	"iconic/head/methods"
)

// Distributions trains as Train does, and gives besides the result the p and q of what the method has learned, to look at. It fails where Train
// does, and on a method that has none, with its reason (method.About.Undrawn). It is for sets of some thousand rows: all pairs may be held.
func Distributions(ctx context.Context, f Features, in Inputs, c Config, o Options) (*Result, *method.Distributions, error) {
	m, err := methods.Find(c.Method)
	if err != nil {
		return nil, nil, err
	}
	if why := m.About().Undrawn; why != "" {
		return nil, nil, fmt.Errorf("method %s has no p and q to draw. %s", c.Method, why)
	}
	r, found, err := trainMethod(ctx, m, f, in, c, o)
	if err != nil {
		return nil, nil, err
	}
	if found.Distributions == nil {
		return nil, nil, fmt.Errorf("method %s gives no p and q", c.Method)
	}
	d, err := found.Distributions(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("method %s: %w", c.Method, err)
	}
	return r, d, nil
}
