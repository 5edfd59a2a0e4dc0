package run

import (
	"path/filepath"
	"strconv"
	"testing"

	"iconic/features"
	"iconic/head/methods"
	"iconic/internal/densetest"
	"iconic/internal/kernel"
)

// One image unlike all others does not end a run at its page, although the head gives it one cluster with certainty.
func TestAnOutlierHasAPage(t *testing.T) {
	const n, d, k = 880, 24, 22
	x := densetest.Clouds(3, n, d, k, 1.5)
	kernel.Scale(x.X[5*d:6*d], 100)
	set := &features.Set{Features: x, Source: features.Source{Store: "m", Key: "k", Rows: n, Dim: d}, Paths: make([]string, n)}
	for i := range set.Paths {
		set.Paths[i] = strconv.Itoa(i)
	}
	config, _, err := Configure(map[string]string{"clusters": strconv.Itoa(k), "method": methods.Default}, 0, n, 0)
	if err != nil {
		t.Fatal(err)
	}
	training := Training{Dir: filepath.Join(t.TempDir(), "run"), Features: set, Config: config}
	if _, err := training.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := Load(training.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Head.Flat == 0 {
		t.Fatal("the head has no flat share, so this test shows nothing")
	}
	if err := WritePage(t.Context(), training.Dir, set, PageOptions{}); err != nil {
		t.Error(err)
	}
}
