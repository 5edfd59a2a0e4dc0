package run

import (
	"errors"
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
