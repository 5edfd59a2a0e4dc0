package report

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// whole is a valid metrics file.
func whole() *Metrics {
	half := Number(0.5)
	scores := func() *Labelled {
		return &Labelled{
			LabelledItems: 5, Classes: []string{"a", "b"}, Matching: Matching{FittedOn: "all", ClassOfCluster: []int{1, -1, 0}},
			Accuracy: half, PerClassAccuracy: []Number{half, Number(math.NaN())}, Reliability: append([]Bin{{Count: 5}}, make([]Bin, Bins-1)...),
		}
	}
	return &Metrics{
		N: 5, Clusters: 3, ClustersUsed: 2, ClusterSizes: []int{4, 0, 1}, Labelled: scores(),
		KMeans: &Metrics{N: 5, Clusters: 3, ClustersUsed: 3, ClusterSizes: []int{2, 2, 1}, Labelled: scores()},
	}
}

func TestMetricsThatDoNotFitThemselves(t *testing.T) {
	name := filepath.Join(t.TempDir(), "metrics.json")
	for change, c := range map[string]struct {
		make func(m *Metrics)
		want string
	}{
		"nothing":                   {func(m *Metrics) {}, ""},
		"no labels":                 {func(m *Metrics) { m.Labelled, m.KMeans = nil, nil }, ""},
		"clusters −1":               {func(m *Metrics) { m.Clusters = -1 }, "clusters -1"},
		"clusters 2^50":             {func(m *Metrics) { m.Clusters = 1 << 50 }, "clusters 1125899906842624"},
		"too few clusters":          {func(m *Metrics) { m.Clusters = 2 }, "cluster_sizes has 3 entries, for 2 clusters"},
		"no sizes":                  {func(m *Metrics) { m.ClusterSizes = nil }, "cluster_sizes has 0"},
		"a negative size":           {func(m *Metrics) { m.ClusterSizes = []int{7, -3, 1} }, "cluster 0 has 7"},
		"sizes that overflow":       {func(m *Metrics) { m.ClusterSizes = []int{math.MaxInt, math.MaxInt, 7} }, "cluster 0"},
		"images that are missing":   {func(m *Metrics) { m.ClusterSizes = []int{3, 0, 1} }, "add up to 4 of 5"},
		"a wrong count":             {func(m *Metrics) { m.ClustersUsed = 3 }, "clusters_used 3"},
		"a merged cluster":          {func(m *Metrics) { m.Merged = []int{1} }, ""},
		"merged with images":        {func(m *Metrics) { m.Merged = []int{1, 2} }, "merged: cluster 2"},
		"merged twice":              {func(m *Metrics) { m.Merged = []int{1, 1} }, "merged: cluster 1"},
		"merged from elsewhere":     {func(m *Metrics) { m.Merged = []int{3} }, "merged: cluster 3"},
		"no matching":               {func(m *Metrics) { m.Matching.ClassOfCluster = nil }, "class_of_cluster has 0 entries, for 3"},
		"a longer matching":         {func(m *Metrics) { m.Matching.ClassOfCluster = []int{1, 0, 1, 0} }, "class_of_cluster has 4 entries"},
		"a class that is not there": {func(m *Metrics) { m.Matching.ClassOfCluster = []int{1, 0, 2} }, "class 2 of cluster 2"},
		"class −2":                  {func(m *Metrics) { m.Matching.ClassOfCluster = []int{1, 0, -2} }, "class -2"},
		"accuracies of no class":    {func(m *Metrics) { m.PerClassAccuracy = nil }, "per_class_accuracy has 0 entries, for 2"},
		"an accuracy of 200 %":      {func(m *Metrics) { m.Accuracy = 2 }, "a share of 2"},
		"no bins":                   {func(m *Metrics) { m.Reliability = nil }, "reliability has 0 bins: want 15"},
		"fewer bins":                {func(m *Metrics) { m.Reliability = m.Reliability[:10] }, "reliability has 10 bins"},
		"a bin of too many":         {func(m *Metrics) { m.Reliability[0].Count = 6 }, "bin 0 has 6"},
		"more labels than images":   {func(m *Metrics) { m.LabelledItems = 6 }, "labelled 6"},
		"a wrong baseline":          {func(m *Metrics) { m.KMeans.Clusters = 9 }, "kmeans: cluster_sizes has 3 entries, for 9"},
		"baselines without end":     {func(m *Metrics) { m.KMeans.KMeans = whole() }, "kmeans has a baseline of its own"},
	} {
		m := whole()
		c.make(m)
		b, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = ReadMetrics(name)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), name)) {
			t.Errorf("%s: %v, want %q", change, err, c.want)
		}
	}
	for content, want := range map[string]string{"": "not a metrics file", "null": "n 0", "[]": "not a metrics file", `{"n":1e300}`: "not a metrics file", "{}": "n 0"} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadMetrics(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", content, err, want)
		}
	}
	if _, err := ReadMetrics(filepath.Join(t.TempDir(), "none.json")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}
