package sweep

import (
	"context"
	"strings"
	"testing"

	"iconic/features"
	"iconic/head"
	"iconic/internal/densetest"
	"iconic/internal/identitytest"
)

func names(o Options) (map[string]string, error) {
	s, err := Plan(context.Background(), o)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, j := range s.Jobs {
		all = append(all, j.Name)
	}
	return map[string]string{"runs": strings.Join(all, " ")}, nil
}

func planned() Options {
	labels := make([]int, 30)
	for i := range labels {
		labels[i] = i % 3
	}
	return Options{
		Sets: []*features.Set{{
			Features: densetest.Clouds(1, 30, 4, 3, 3), Source: features.Source{Store: "s", Key: "k", Rows: 30, Dim: 4},
			Labels: labels, Classes: []string{"a", "b", "c"},
		}},
		Combinations: []Combination{{"clusters": "3"}}, Seeds: 1, Dir: "none",
	}
}

func TestKeysKnowEveryInputOfASweep(t *testing.T) {
	type rule = identitytest.Rule[Options]
	in, out := identitytest.In[Options], identitytest.Out[Options]
	const told = "it only reports"
	identitytest.Check(t, planned, names, map[string]rule{
		"Dir":          out("a sweep's folder may be moved"),
		"Sets":         {In: []string{"runs"}, Change: func(o *Options) { o.Sets[0].Source.Key = "l" }}, // field by field below
		"Combinations": {In: []string{"runs"}, Change: func(o *Options) { o.Combinations[0]["method"] = "kmeans" }},
		"Origins":      out("it is only for errors"),
		"Seeds":        in("runs"),
		"Part":         {Why: "it says who makes which runs first", Change: func(o *Options) { o.Part, o.Parts = 2, 2 }},
		"Parts":        {Why: "as Part", Change: func(o *Options) { o.Part, o.Parts = 1, 3 }},
		"Workers":      out("it does not change the results"),
		"Safe":         out("it changes how tables are written"),
		"Hooks.Begun":  out(told), "Hooks.Step": out(told), "Hooks.Note": out(told), "Hooks.Found": out(told), "Hooks.Warn": out(told), "Ended": out(told),
	})
	type setRule = identitytest.Rule[features.Set]
	known, unknown := identitytest.In[features.Set]("runs"), identitytest.Out[features.Set]
	const store = "the key of a store covers it, and a matrix has none"
	identitytest.Check(t, func() features.Set { return *planned().Sets[0] }, func(s features.Set) (map[string]string, error) {
		o := planned()
		o.Sets[0] = &s
		return names(o)
	}, map[string]setRule{
		"Features":           {Why: "Source.Key identifies them", Change: func(s *features.Set) { s.Features = densetest.Clouds(2, 30, 4, 3, 3) }},
		"Source.Store":       unknown("features are identified by their content, not by their location"),
		"Source.Images":      unknown("it is for the pictures of pages"),
		"Source.ImageColumn": unknown("like Source.Images"),
		"Source.Key":         known,
		"Source.Rows":        unknown("the key covers their number"), "Source.Dim": unknown("the key covers it"),
		"Paths": unknown(store), "Hashes": unknown(store), "Bytes": unknown(store),
		"Labels": known, "Classes": known,
		"Encoder":    unknown(store),
		"Views":      {Why: store, Change: func(s *features.Set) { s.Views = []head.Features{s.Features} }},
		"Graphs":     unknown("it is the folder of neighbour graphs"),
		"Gone":       unknown(store),
		"Unnamed":    unknown("it refuses images, and changes no result"),
		"LabelsFile": unknown("it names the labels, which are identified by their content"),
		"Notes":      unknown("they are told, and change no result"),
	})
}

func TestKeysKnowEverySettingOfARun(t *testing.T) {
	set := planned().Sets[0]
	config, err := head.Preset("debiased-infonce-clustering", 3)
	if err != nil {
		t.Fatal(err)
	}
	known := identitytest.In[head.Config]("run")
	identitytest.Check(t, func() head.Config { return config }, func(c head.Config) (map[string]string, error) {
		name, err := runName(set, c)
		return map[string]string{"run": name}, err
	}, map[string]identitytest.Rule[head.Config]{
		"Method": known, "Clusters": known, "Seed": known,
		"Settings": {In: []string{"run"}, Change: func(c *head.Config) {
			if err := c.Set("neighbours", 7); err != nil {
				panic(err)
			}
		}},
	})
}

// The k-means baseline is shared by the runs on one set only: the same features with other labels have other scores.
func TestTheBaselineKnowsTheLabels(t *testing.T) {
	o := planned()
	o.Dir, o.Combinations[0]["method"] = t.TempDir(), "kmeans"
	o.Sets[0].Paths = make([]string, 30)
	other := *o.Sets[0]
	other.Labels = make([]int, 30)
	for i := range other.Labels {
		o.Sets[0].Labels[i], other.Labels[i] = i%3, i/10
	}
	o.Sets = append(o.Sets, &other)
	s, err := Plan(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	var accuracy []float64
	for _, j := range s.Jobs {
		accuracy = append(accuracy, float64(j.Metrics.KMeans.Labelled.Accuracy))
	}
	if len(accuracy) != 2 || accuracy[0] == accuracy[1] {
		t.Errorf("k-means has accuracies %v with two kinds of labels", accuracy)
	}
}
