package head

import (
	"context"
	"fmt"

	"iconic/head/method"
	"iconic/head/methods"
)

// Distributions trains as Train does, and also returns the p and q that the method has learned, for plotting. It fails if Train does, and
// for a method without p and q, giving the reason (method.About.Undrawn). Use it for sets of a few thousand rows: it may store all pairs.
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
		return nil, nil, fmt.Errorf("method %s has no p and q", c.Method)
	}
	d, err := found.Distributions(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("method %s: %w", c.Method, err)
	}
	return r, d, nil
}
