package knn

import (
	"fmt"
	"testing"

	"iconic/internal/identitytest"
	"iconic/matrix"
)

// graph is the input of a neighbour search.
type graph struct {
	Features *matrix.Dense
	Search   Search
	Options  Options
}

func TestKeysKnowEveryInputOfAGraph(t *testing.T) {
	in, out := identitytest.In[graph], identitytest.Out[graph]
	rule := func(change func(*graph)) identitytest.Rule[graph] {
		return identitytest.Rule[graph]{In: []string{"key"}, Change: change}
	}
	rules := map[string]identitytest.Rule[graph]{
		"Features":         rule(func(g *graph) { g.Features.X[3]++ }),
		"Search":           rule(func(g *graph) { g.Search = SearchExact }),
		"Options.K":        in("key"),
		"Options.Metric":   in("key"),
		"Options.Lists":    in("key"),
		"Options.Recall":   in("key"),
		"Options.Probes":   in("key"),
		"Options.Seed":     in("key"),
		"Options.Workers":  out("it does not change the graph"),
		"Options.Progress": out("it only reports"),
	}
	identitytest.Check(t, func() graph {
		m := matrix.NewDense(3, 2)
		copy(m.X, []float32{1, 2, 3, 4, 5, 6})
		return graph{m, SearchApproximate, Options{K: 1, Metric: Cosine}}
	}, func(g graph) (map[string]string, error) {
		key, err := Key(t.Context(), g.Search, g.Features, g.Options)
		return map[string]string{"key": fmt.Sprint(key)}, err
	}, rules)
}
