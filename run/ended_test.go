package run

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"iconic/features"
	"iconic/internal/densetest"
)

// A training that stopped between its head and its scores gets the scores of an uninterrupted one, with its loss, by every kind of method.
func TestScoresAfterAnInterruptAreTheSame(t *testing.T) {
	const n, d = 90, 6
	set := &features.Set{Features: densetest.Clouds(3, n, d, 3, 3), Source: features.Source{Store: "m", Key: "k", Rows: n, Dim: d}, Paths: make([]string, n)}
	for i := range set.Paths {
		set.Paths[i] = strconv.Itoa(i)
	}
	for name, settings := range map[string]map[string]string{
		"kmeans": {}, "pca": {}, "spectral": {}, "tsne": {"epochs": "30"}, "icon-paper": {"epochs": "2"}, "direction-mixture": {},
	} {
		t.Run(name, func(t *testing.T) {
			settings["clusters"], settings["method"] = "3", name
			config, _, err := Configure(settings, 0, n, 0)
			if err != nil {
				t.Fatal(err)
			}
			training := Training{Dir: filepath.Join(t.TempDir(), "run"), Features: set, Config: config, Workers: 1, Resume: true}
			metrics := func() []byte {
				t.Helper()
				if _, err := training.Train(t.Context()); err != nil {
					t.Fatal(err)
				}
				b, err := os.ReadFile(filepath.Join(training.Dir, metricsFile))
				if err != nil {
					t.Fatal(err)
				}
				return b
			}
			whole := metrics()
			if err := os.Remove(filepath.Join(training.Dir, metricsFile)); err != nil {
				t.Fatal(err)
			}
			if again := metrics(); !bytes.Equal(again, whole) {
				t.Errorf("%s\nbecame\n%s", whole, again)
			}
		})
	}
}
