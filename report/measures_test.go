package report

import (
	"encoding/json"
	"math"
	"testing"
)

// Each measure has the value that metrics.json has under its key, once each, and none where that part is missing.
func TestMeasuresAreTheScoresOfTheFile(t *testing.T) {
	m := score(t, Input{Clusters: 2, Cluster: []int{0, 0, 1, 1, 0}, Labels: []int{0, 0, 1, 1, 1}, Classes: []string{"a", "b"}, Confidence: []float64{.9, .8, .7, .95, .6}, Resamples: 50})
	m.LabelFree = &LabelFree{Silhouette: .5, DaviesBouldin: .25, CalinskiHarabasz: 12, NeighbourAgreement: .75, SeedAgreement: .625}
	m.ExpectedAccuracy, m.Loss = .875, 1.5
	bytes, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var file map[string]any
	if err := json.Unmarshal(bytes, &file); err != nil {
		t.Fatal(err)
	}
	free := file["label_free"].(map[string]any)
	seen := map[string]bool{}
	for _, x := range append(Measures(), Measures("clusters_used", "loss")...) {
		want, has := file[x.Key]
		if !has {
			want, has = free[x.Key]
		}
		number, _ := want.(float64)
		if got := float64(x.Of(m)); !has || (want == nil) != math.IsNaN(got) || want != nil && got != number {
			t.Errorf("%s is %g, in the file %v", x.Key, got, want)
		}
		if seen[x.Key] || seen[x.Name] || x.Name == "" || x.Why == "" {
			t.Errorf("%+v", x)
		}
		seen[x.Key], seen[x.Name] = true, true
		if one := Measures(x.Key); len(one) != 1 || one[0].Name != x.Name {
			t.Errorf("the measure of %s is %+v", x.Key, one)
		}
		if interval, has := x.Interval(m); has != (x.Key == "accuracy" || x.Key == "ece") || has && !(interval[0] <= interval[1]) {
			t.Errorf("%s has the interval %v", x.Key, interval)
		}
	}
	bare := &Metrics{MeanConfidence: .5, EffectiveClusters: 2}
	for _, x := range Measures() {
		_, has := x.Interval(bare)
		if want := x.Key == "mean_confidence" || x.Key == "effective_clusters"; x.Of(bare).Defined() != want || has {
			t.Errorf("%s of metrics without it is %g", x.Key, x.Of(bare))
		}
	}
	if x := Measures("unknown")[0]; x.Of(m).Defined() || x.Name != "unknown" {
		t.Errorf("%+v", x)
	}
}
