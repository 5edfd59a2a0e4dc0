package run

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"testing"

	"iconic/head/clustercount"
)

func TestConfigure(t *testing.T) {
	type values = map[string]string
	for _, c := range []struct {
		name            string
		values          values
		images, classes int
		err             string
	}{
		{"classes count as clusters", nil, 100, 4, ""},
		{"clusters are given", values{"clusters": "7"}, 100, 0, ""},
		{"a method and its setting", values{"clusters": "3", "method": "tsne", "perplexity": "5"}, 100, 0, ""},
		{"no image", values{"clusters": "3"}, 0, 0, "there is none"},
		{"one image", values{"clusters": "3"}, 1, 0, "there is 1"},
		{"an unknown number of clusters", nil, 100, 0, ErrClusters.Error()},
		{"one class", nil, 100, 1, "the labels have a single class"},
		{"one cluster", values{"clusters": "1"}, 100, 0, "want at least 2"},
		{"more clusters than images", values{"clusters": "101"}, 100, 0, "at most as many clusters as images"},
		{"no such method", values{"clusters": "3", "method": "tsnee"}, 100, 0, "tsne"},
		{"a setting that the method does not read", values{"clusters": "3", "method": "tsne", "alpha": "0"}, 100, 0, "does not read the setting alpha"},
		{"a setting that the default method does not read", values{"clusters": "3", "alpha": "0"}, 100, 0, "is the default method: to set alpha, choose one of these, such as"},
		{"a misspelt setting", values{"clusters": "3", "methd": "kmeans"}, 100, 0, `setting "methd" is not known: did you mean "method"?`},
		{"a setting in capitals", values{"clusters": "3", "METHOD": "kmeans"}, 100, 0, `setting "METHOD" is not known: did you mean "method"?`},
		{"American spelling", values{"clusters": "3", "neighbors": "5"}, 100, 0, `did you mean "neighbours"?`},
		{"a misspelt number of clusters", values{"Clusters": "3"}, 100, 0, `did you mean "clusters"?`},
		{"a setting like no other", values{"clusters": "3", "frobnication": "1"}, 100, 0, `setting "frobnication" is not known: leave it out`},
		{"a seed among the settings", values{"clusters": "3", "seed": "9"}, 100, 0, "give the seed in the field Seed"},
		{"out of range", values{"clusters": "3", "method": "debiased-infonce-clustering", "alpha": "2"}, 100, 0, "alpha"},
	} {
		config, _, err := Configure(c.values, 9, c.images, c.classes)
		switch {
		case c.err == "" && err != nil, c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)):
			t.Errorf("%s: error %v, want %q", c.name, err, c.err)
		case c.err == "" && config.Seed != 9:
			t.Errorf("%s: seed %d, want 9", c.name, config.Seed)
		}
		var refused *SettingsError
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("%s: %v is not a SettingsError", c.name, err)
		}
	}
	for classes := range 2 {
		if _, _, err := Configure(nil, 0, 100, classes); !errors.Is(err, ErrClusters) {
			t.Errorf("%d classes: %v is not ErrClusters", classes, err)
		}
	}
	c, notes, err := Configure(map[string]string{"clusters": "2", "method": "debiased-infonce-clustering"}, 0, 6, 0)
	if err != nil || len(notes) == 0 || c.Text("neighbours") != "2" {
		t.Errorf("six images in two clusters: neighbours %s, notes %q, %v", c.Text("neighbours"), notes, err)
	}
}

// A value that is given and has no effect beside the others is noted, in one sentence with the reason; one that says what holds anyway is not.
func TestValuesWithoutEffectAreNoted(t *testing.T) {
	const cluster, pmi = "debiased-infonce-clustering", "pmi"
	for _, c := range []struct {
		method, values string // name=value, separated by blanks
		want           string // "": no note
	}{
		{pmi, "epochs=3 min-steps=1000", "min-steps 1000 has no effect: epochs is 3, and it applies only if epochs is 0"},
		{pmi, "epochs=3 max-steps=1", "max-steps 1 has no effect: epochs is 3, and it applies only if epochs is 0"},
		{pmi, "epochs=3 max-steps=0 min-steps=0", ""},
		{pmi, "epochs=0 min-steps=1000", ""},
		{pmi, "epochs=3", ""},
		{pmi, "least-gain=100", "least-gain 100 has no effect: it applies only to epochs of at least 100 steps, and one of 400 images has 1"},
		{pmi, "least-gain=0", ""},
		{pmi, "least-gain=100 batch=8", ""},
		{pmi, "debias-sample=64", "debias-sample 64 has no effect: alpha is 0, so there is no uniform share to sample"},
		{pmi, "debias-sample=64 alpha=0.1", ""},
		{pmi, "debias-sample=0", ""},
		{pmi, "heads=1 consensus=true", "consensus true has no effect: heads is 1, and a single head cannot be combined"},
		{pmi, "heads=1 consensus=false", ""},
		{pmi, "heads=1 distil=true", "distil true has no effect: heads is 1, and it applies only if heads vote"},
		{pmi, "heads=2 distil=true", "distil true has no effect: consensus is false, and it applies only if heads vote"},
		{cluster, "distil=true", ""},
		{cluster, "divergence=hellinger", ""},
		{cluster, "sides=target beta=0.3", "sides target has no effect: it makes beta 0, but beta 0.3 is given"},
		{cluster, "sides=target beta=0.0", ""},
		{cluster, "sides=both alpha=0.2 beta=0.3", "sides both has no effect: it leaves beta as alpha, which is 0.2, but beta 0.3 is given"},
		{cluster, "sides=both alpha=0.2 beta=.2", ""},
		{cluster, "sides=both", ""},
		{cluster, "sides=learned beta=0.3", ""},
		{cluster, "sides=learned alpha=0.2", ""},
		{cluster, "sides=learned alpha=0.2 beta=0.3", "alpha 0.2 has no effect: sides is learned, which makes it 0, and beta is 0.3"},
		{cluster, "sides=learned alpha=0 beta=0.3", ""},
		{cluster, "sides=target alpha=0.2", ""},
		{cluster, "sides=target alpha=0", ""}, // where the curve of each side begins
		{pmi, "sides=target", "sides target has no effect: alpha is 0 in pmi unless it is given, so there is no uniform share"},
		{pmi, "sides=both", "sides both has no effect: alpha is 0 in pmi unless it is given, so there is no uniform share"},
		{pmi, "sides=learned beta=0.3", "sides learned has no effect: alpha is 0 in pmi unless it is given, so there is no uniform share"},
		{pmi, "sides=target beta=0.3", "sides target has no effect: it makes beta 0, but beta 0.3 is given"},
		{pmi, "sides=both beta=0.3", "sides both has no effect: it leaves beta as alpha, which is 0, but beta 0.3 is given"},
		{"simclr", "use-views=true", "use-views true has no effect: the features have one view of each image"},
		{"simclr", "use-views=false", ""},
		{"simclr", "", ""},
	} {
		values := map[string]string{"clusters": "4", "method": c.method}
		for _, v := range strings.Fields(c.values) {
			name, value, _ := strings.Cut(v, "=")
			values[name] = value
		}
		config, notes, err := Configure(values, 0, 400, 0)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(append(notes, Unviewed(values, config, 0)...), "\n"); got != c.want {
			t.Errorf("%s %s: notes %q, want %q", c.method, c.values, got, c.want)
		}
		if got := Unviewed(values, config, 1); got != nil {
			t.Errorf("%s %s, with views: %q", c.method, c.values, got)
		}
	}
	for _, sample := range []string{"255", "256"} {
		_, _, err := Configure(map[string]string{"clusters": "4", "method": cluster, "divergence": "hellinger", "debias-sample": sample}, 0, 400, 0)
		if want := "debias-sample " + sample + ": the uniform share is sampled only for the divergence kl, not for hellinger: set debias-sample to 0"; err == nil || err.Error() != want {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for values, want := range map[[2]string]string{
		{"500", "70"}: "min-steps 500 is more than max-steps 70: set max-steps to at least 500, or to 0 for any number",
		{"3000", ""}:  "min-steps 3000 is more than max-steps 2000: set max-steps to at least 3000, or to 0 for any number",
		{"3000", "0"}: "", {"70", "70"}: "", {"", "70"}: "",
	} {
		given := map[string]string{"clusters": "4", "method": pmi}
		for k, name := range []string{"min-steps", "max-steps"} {
			if values[k] != "" {
				given[name] = values[k]
			}
		}
		c, _, err := Configure(given, 0, 400, 0)
		if got := fmt.Sprint(err); got != cmp.Or(want, "<nil>") {
			t.Errorf("%v: %s, want %q", values, got, want)
		}
		if _, notes, _ := c.Resolve(4000); values == [2]string{"", "70"} && !strings.Contains(strings.Join(notes, "\n"), "70 steps: max-steps 70 allows no more") {
			t.Errorf("%v: notes %q", values, notes)
		}
	}
	_, _, err := Configure(map[string]string{"clusters": "4", "method": pmi, "batch": "0", "least-gain": "1"}, 0, 400, 0)
	if err == nil || !strings.Contains(err.Error(), "batch 0") {
		t.Error(err)
	}
}

// A page lists what was set, each as a person would write it; what was found has places of its own.
func TestLinesAreSettings(t *testing.T) {
	c := Config{Format: 1, Version: "v", Expected: 0.6378333333333334, Choice: "one of 17", Classes: []string{"a"}, Counted: &clustercount.Suggestion{Clusters: 4, Curve: []clustercount.Point{{Clusters: 2}}}}
	seen := map[string]string{}
	for _, l := range c.Lines() {
		seen[l.Name] = l.Value
		if strings.Contains(l.Value, "map[") || strings.Contains(l.Value, "0.6378") || strings.Contains(l.Value, "17") {
			t.Errorf("%s is %q: no setting", l.Name, l.Value)
		}
	}
	if seen["version"] != "v" {
		t.Errorf("settings %v: want the version among them", seen)
	}
}
