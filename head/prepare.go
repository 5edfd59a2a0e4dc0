package head

import (
	"context"
	"fmt"
	"strings"

	"iconic/head/knn"
	"iconic/head/method"
	"iconic/head/methods"
	"iconic/internal/plural"
	"iconic/matrix"
)

// preparedFor prepares the features for a training under c.
func preparedFor(ctx context.Context, f Features, c Config, o Options) (*prepared, error) {
	recipe, err := c.ready(f.Len())
	if err != nil {
		return nil, err
	}
	return prepare(ctx, f, recipe, o)
}

// ready is the recipe of c, resolved for n rows.
func (c Config) ready(n int) (method.Recipe, error) {
	m, err := methods.Find(c.Method)
	if err != nil {
		return nil, err
	}
	recipe, _, err := c.resolved(m, n)
	return recipe, err
}

// prepared holds the features in the form that a recipe needs, and their neighbour graph.
type prepared struct {
	features     Features
	raw          Features // not standardised
	standardised bool
	moments      *matrix.Moments      // of the features; if they are not standardised, in the unit in which the recipe sees them
	scaled       *matrix.Standardized // nil if they are not scaled
	graph        *knn.Graph
	metric       knn.Metric // of the graph
	notes        []string
}

// prepare checks the features, standardises them if the recipe requires it or else brings them to a unit in which it can learn, and finds
// their neighbours.
func prepare(ctx context.Context, f Features, r method.Recipe, o Options) (*prepared, error) {
	moments, err := matrix.Measure(ctx, f, o.Workers)
	if err != nil {
		return nil, err
	}
	p := &prepared{features: f, raw: shortened(f, moments), moments: moments, notes: o.remote(moments, f.Len(), "features")}
	want, err := wanted(r, f.Len())
	if err != nil {
		return nil, err
	}
	if want.Standardized {
		p.standardised, p.scaled = true, matrix.Standardize(f, moments)
	} else if p.scaled = matrix.InUnit(f, moments); p.scaled != nil {
		unit := float64(p.scaled.Inverse[0])
		if p.moments = moments.Times(unit); unit != 1 {
			p.notes = append(p.notes, fmt.Sprintf("the features are very small or very large numbers, so the method works on them multiplied by %.4g, and reports its loss on that scale; the head takes the original features", unit))
		}
	}
	if p.scaled != nil {
		p.features = p.scaled
	}
	p.metric = want.Metric
	if err := p.neighbours(ctx, want, o); err != nil {
		return nil, err
	}
	switch g := p.graph; {
	case g.Recall < 1:
		p.notes = append(p.notes, fmt.Sprintf("the approximate neighbour search made %.1f %% of the comparisons of each image with every other and found %.1f %% of the true neighbours, measured on a sample; an exact search compares all pairs",
			100*g.Compared, 100*g.Recall))
	case want.Search == knn.SearchApproximate && g.Of == nil:
		p.notes = append(p.notes, "the features have too little structure for an approximate neighbour search, so all pairs were compared, as in an exact search")
	}
	if alone := p.graph.Alone(); alone > 0 {
		p.notes = append(p.notes, fmt.Sprintf("%d of %d rows %s of their own", alone, p.graph.N, plural.Word(alone,
			"has no direction (it is zero or equal to the mean), so it has no neighbours", "have no direction (they are zero or equal to the mean), so they have no neighbours")))
	}
	return p, nil
}

// shortened returns f, with its far rows shortened if there are any.
func shortened(f Features, m *matrix.Moments) Features {
	if len(m.Far) == 0 {
		return f
	}
	return matrix.InUnit(f, m)
}

// remote is a note on the far rows of n, if there are any; what says what features they are.
func (o Options) remote(m *matrix.Moments, n int, what string) []string {
	const most = 3 // named
	if len(m.Far) == 0 {
		return nil
	}
	var names []string
	for _, i := range m.Far[:min(most, len(m.Far))] {
		if o.Name != nil {
			names = append(names, o.Name(i))
		} else {
			names = append(names, fmt.Sprintf("row %d", i))
		}
	}
	if more := len(m.Far) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return []string{fmt.Sprintf("the %s of %d of %d images are more than %d times as far from the centre as those of half of the images (%s): they are left out when the features are scaled, and methods see them shortened to three times the usual length; correct or exclude such rows, or encode their images again",
		what, len(m.Far), n, matrix.Remote, strings.Join(names, ", "))}
}
