package head

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"

	"iconic/head/confidence"
	"iconic/head/knn"
	"iconic/head/method"
)

// Wanted is the neighbour graph that a training searches for in its features.
type Wanted struct {
	Neighbours   int // of each row
	Metric       knn.Metric
	Search       knn.Search // SearchExact or SearchApproximate
	Standardized bool
	// Some is set if only the neighbours of some rows are searched, those by which the clusters are evaluated.
	Some bool
}

// Serves reports whether the graph w of the same features makes every bit of a training that searches for o the same as its own search. A graph of more
// neighbours does after an exact search only: an approximate one compares other rows if it is to find more of them.
func (w Wanted) Serves(o Wanted) bool {
	enough := w.Neighbours == o.Neighbours || w.Neighbours > o.Neighbours && w.Search == knn.SearchExact
	o.Neighbours = w.Neighbours
	return enough && w == o
}

// Wanted is the graph that a training under c on n rows searches for. It fails as Validate does.
func (c Config) Wanted(n int) (Wanted, error) {
	recipe, err := c.ready(n)
	if err != nil {
		return Wanted{}, err
	}
	return wanted(recipe, n)
}

// wanted is the graph that a resolved recipe needs of n rows.
func wanted(r method.Recipe, n int) (Wanted, error) {
	near, err := neighbourhood(r, n)
	if err != nil {
		return Wanted{}, err
	}
	w := Wanted{Neighbours: near.Neighbours, Metric: cmp.Or(near.Metric, knn.Cosine), Search: near.Search}
	if s, ok := r.(method.Scaler); ok {
		w.Standardized = s.Scaled()
	}
	if s, ok := r.(method.Sampler); ok && s.Sampled(n) < n {
		w.Some, w.Search = true, knn.SearchExact
	}
	return w, nil
}

// Neighbours computes the neighbour graph of a training under c, for the Options.Graph of trainings that share it (see Wanted).
func Neighbours(ctx context.Context, f Features, c Config, o Options) (*knn.Graph, error) {
	p, err := preparedFor(ctx, f, c, o)
	if err != nil {
		return nil, err
	}
	return p.graph, nil
}

// Evaluation computes the Result.Evaluation of a training under c.
func Evaluation(ctx context.Context, f Features, c Config, o Options) (*knn.Graph, error) {
	p, err := preparedFor(ctx, f, c, o)
	if err != nil {
		return nil, err
	}
	return p.evaluation(ctx, o.Workers)
}

// neighbourhood is what a recipe learns from in n rows or, if it learns from none, that by which its clusters are evaluated.
func neighbourhood(r method.Recipe, n int) (method.Neighbourhood, error) {
	near := method.Neighbourhood{Neighbours: min(10, n-1), Metric: knn.Cosine, Search: knn.SearchAuto}
	if g, ok := r.(method.Grapher); ok {
		near = g.Near()
		near.Neighbours = min(near.Neighbours, n-1)
	}
	_, err := near.Resolve(n)
	return near, err
}

// judged is the number of rows whose neighbours evaluate the clusters if the method does not learn from those of all rows: it determines a share
// of pairs to better than a hundredth. evaluating is the number of their neighbours.
const judged, evaluating = 2048, 10

// evaluation is Result.Evaluation: the graph itself if it has enough neighbours by cosine, or a new one of some rows.
func (p *prepared) evaluation(ctx context.Context, workers int) (*knn.Graph, error) {
	n := p.features.Len()
	k := min(evaluating, n-1)
	if p.metric == knn.Cosine && p.graph.K >= k {
		return p.graph.Nearest(k), nil
	}
	return knn.Some(ctx, p.features, confidence.Evenly(n, judged), knn.Options{K: k, Metric: knn.Cosine, Workers: workers})
}

// neighbours provides the graph: the given one, the cached one, or a new one.
func (p *prepared) neighbours(ctx context.Context, want Wanted, o Options) (err error) {
	n, k := p.features.Len(), want.Neighbours
	var rows []int32 // nil: all
	if want.Some {
		rows = confidence.Evenly(n, judged)
	}
	if g := of(o.Graph, rows); g != nil {
		if rows == nil && g.N != n || g.K < k {
			return fmt.Errorf("neighbour graph of %d rows with %d neighbours does not match %d rows with %d: omit it to have it computed", g.N, g.K, n, k)
		}
		p.graph = g.Nearest(k)
		return nil
	}
	search := knn.Options{K: k, Metric: want.Metric, Workers: o.Workers, Progress: o.GraphProgress}
	if want.Some {
		p.graph, err = knn.Some(ctx, p.features, rows, search)
		return err
	}
	if o.Cache == "" {
		p.graph, err = want.Search.Find(ctx, p.features, search)
		return err
	}
	scale := "raw"
	if p.standardised {
		scale = "standardized"
	}
	// One file for each way to compute it, so that they don't overwrite each other.
	name := fmt.Sprintf("%s-%s-%s-%d.knn", scale, want.Metric, want.Search, k)
	p.graph, err = knn.Cached(ctx, filepath.Join(o.Cache, name), want.Search, p.features, search)
	if p.graph != nil && err != nil {
		p.notes = append(p.notes, fmt.Sprintf("the neighbour graph could not be cached: %v", err))
		err = nil
	}
	return err
}

// of returns g if it covers the given rows (nil: all rows), reduced to them if a search would find the same neighbours; otherwise nil.
func of(g *knn.Graph, rows []int32) *knn.Graph {
	switch {
	case g == nil:
		return nil
	case rows == nil && g.Of == nil, rows != nil && slices.Equal(g.Of, rows):
		return g
	case rows != nil && g.Of == nil && g.Compared == 1 && g.N > int(rows[len(rows)-1]):
		return g.Only(rows)
	}
	return nil
}
