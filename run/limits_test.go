package run

import (
	"math"
	"path/filepath"
	"testing"

	"iconic/head"
	"iconic/report"
)

// What could not be read again is not written.
func TestNothingUnreadableIsFinished(t *testing.T) {
	good := func() *head.Ensemble {
		return &head.Ensemble{Members: 1, Dim: 2, Clusters: 3, Weight: make([]float32, 6), Bias: make([]float32, 3), Temperature: 1}
	}
	for name, change := range map[string]func(r *head.Result){
		"no head":            func(r *head.Result) { r.Head = nil },
		"too few weights":    func(r *head.Result) { r.Head.Weight = r.Head.Weight[:5] },
		"an infinite weight": func(r *head.Result) { r.Head.Bias[1] = float32(math.Inf(1)) },
		"no temperature":     func(r *head.Result) { r.Head.Temperature = 0 },
	} {
		dir, r := t.TempDir(), &head.Result{Config: small(t, 3), Head: good()}
		change(r)
		if err := Finish(dir, Config{Training: r.Config}, r); err == nil {
			t.Errorf("%s: no error", name)
		}
		if made, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(made) > 0 {
			t.Errorf("%s: %q were written, %v", name, made, err)
		}
	}
	if err := Finish(t.TempDir(), Config{}, nil); err == nil {
		t.Error("no result: no error")
	}
	name := filepath.Join(t.TempDir(), metricsFile)
	if err := report.WriteMetrics(name, &report.Metrics{N: 3, Clusters: 2, ClusterSizes: []int{3}}); err == nil {
		t.Error("scores of too few clusters: no error")
	}
	if err := report.WriteMetrics(name, &report.Metrics{N: 3, Clusters: 2, ClusterSizes: []int{3, 0}, ClustersUsed: 1}); err != nil {
		t.Error(err)
	}
	if _, err := Metrics(filepath.Dir(name)); err != nil {
		t.Error(err)
	}
}
