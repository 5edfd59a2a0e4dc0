package run

import (
	"encoding/json"
	"testing"

	"iconic/features"
	"iconic/head"
	"iconic/head/clustercount"
	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/method"
	"iconic/internal/densetest"
	"iconic/internal/identitytest"
	"iconic/matrix"
)

// resumes are the identities of a training whose method needs each of the inputs: they must be equal for it to be resumed.
func resumes(t Training) (map[string]string, error) {
	keys := map[string]string{}
	for need, name := range map[method.Need]string{
		"": "plain", method.NeedsLabels: "by labels", method.NeedsViews: "by views", method.NeedsSecond: "by second", method.NeedsEdges: "by edges",
	} {
		id, err := json.Marshal(t.identity(need))
		if err != nil {
			return nil, err
		}
		config, err := json.Marshal(t.Config)
		if err != nil {
			return nil, err
		}
		keys[name] = string(id) + string(config)
	}
	return keys, nil
}

func training(t *testing.T) func() Training {
	config := small(t, 3)
	return func() Training {
		set := &features.Set{
			Features: densetest.Clouds(1, 30, 4, 3, 3), Source: features.Source{Store: "s", Key: "k", Rows: 30, Dim: 4},
			Labels: make([]int, 30), Classes: []string{"a"}, Views: []head.Features{densetest.Clouds(2, 30, 4, 3, 3)},
		}
		return Training{Features: set, Config: config}
	}
}

var all = []string{"plain", "by labels", "by views", "by second", "by edges"}

func TestKeysKnowEveryInputOfATraining(t *testing.T) {
	type rule = identitytest.Rule[Training]
	in, out := identitytest.In[Training], identitytest.Out[Training]
	const told = "it only reports"
	identitytest.Check(t, training(t), resumes, map[string]rule{
		"Dir":             out("a run folder may be moved"),
		"Features":        {In: all, Change: func(t *Training) { t.Features.Source.Key = "l" }}, // field by field below
		"Config.Method":   in(all...),
		"Config.Clusters": in(all...),
		"Config.Seed":     in(all...),
		"Config.Settings": {In: all, Change: func(t *Training) {
			if err := t.Config.Set("epochs", 4); err != nil {
				panic(err)
			}
		}},
		"Images":          out("it only supplies the page's pictures"),
		"ImageColumn":     out("as Images"),
		"Counted":         {Why: "it says how Config.Clusters was found", Change: func(t *Training) { t.Counted = &clustercount.Suggestion{} }},
		"Second":          {In: all, Change: func(t *Training) { t.Second = &features.Set{Source: features.Source{Key: "s"}} }},
		"Edges":           {In: all, Change: func(t *Training) { t.Edges = []icon.Edge{{From: 1, To: 2, Weight: 1}} }},
		"Resume":          out("it says that there is something to compare with"),
		"Workers":         out("it does not change the result"),
		"Safe":            out("it only changes how a table is written"),
		"Shared.Graph":    {Why: "it is computed from Features and Config", Change: func(t *Training) { t.Shared.Graph = &knn.Graph{} }},
		"Shared.Baseline": out("like Shared.Graph"),
		"Clock":           out(told), "Hooks.Begun": out(told), "Hooks.Step": out(told), "Hooks.Note": out(told), "Hooks.Found": out(told), "Hooks.Warn": out(told),
		"Formulas": out("it is a result"), "Unchanged": out("it is a result"),
	})
}

func TestKeysKnowEveryFieldOfFeatures(t *testing.T) {
	type rule = identitytest.Rule[features.Set]
	in, out := identitytest.In[features.Set], identitytest.Out[features.Set]
	const store = "the key of a store covers it, and a matrix has none"
	base := training(t)
	identitytest.Check(t, func() features.Set { return *base().Features }, func(s features.Set) (map[string]string, error) {
		now := base()
		now.Features = &s
		return resumes(now)
	}, map[string]rule{
		"Features":           {Why: "Source.Key says which they are", Change: func(s *features.Set) { s.Features = nil }},
		"Source.Store":       out("features are known by what they are, not by where they lie"),
		"Source.Images":      out("it only supplies the page's pictures"),
		"Source.ImageColumn": out("as Source.Images"),
		"Source.Key":         in(all...), "Source.Rows": in(all...), "Source.Dim": in(all...),
		"Paths":      out(store),
		"Hashes":     out(store),
		"Bytes":      out(store),
		"Labels":     in("by labels"), // other methods use them only for scores, which are computed each time
		"Classes":    out("they name the labels, and are written again"),
		"Encoder":    out(store),
		"Views":      {In: []string{"by views"}, Change: func(s *features.Set) { s.Views = append(s.Views, matrix.Features(nil)) }},
		"Graphs":     out("it is the folder of neighbour graphs"),
		"Gone":       out(store),
		"Unnamed":    out("it refuses images, and changes no result"),
		"LabelsFile": out("it names the labels, which are identified by their content"),
		"Notes":      out("they are told, and change no result"),
	})
}
