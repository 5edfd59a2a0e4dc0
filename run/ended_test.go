package run

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/features"
	"iconic/head"
	"iconic/head/clustercount"
	"iconic/internal/densetest"
)

// clouds is a training, to be resumed, on three clouds of images.
func clouds(t *testing.T, settings map[string]string) *Training {
	t.Helper()
	const n, d = 90, 6
	set := &features.Set{Features: densetest.Clouds(3, n, d, 3, 3), Source: features.Source{Store: "m", Key: "k", Rows: n, Dim: d}, Paths: make([]string, n)}
	for i := range set.Paths {
		set.Paths[i] = strconv.Itoa(i)
	}
	settings["clusters"] = "3"
	config, _, err := Configure(settings, 0, n, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &Training{Dir: filepath.Join(t.TempDir(), "run"), Features: set, Config: config, Workers: 1, Resume: true}
}

// A training that stopped between its head and its scores gets the scores of an uninterrupted one, with its loss, by every kind of method.
func TestScoresAfterAnInterruptAreTheSame(t *testing.T) {
	for name, settings := range map[string]map[string]string{
		"kmeans": {}, "pca": {}, "spectral": {}, "tsne": {"epochs": "30"}, "icon-paper": {"epochs": "2"}, "direction-mixture": {},
	} {
		t.Run(name, func(t *testing.T) {
			settings["method"] = name
			training := clouds(t, settings)
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

// A training that is resumed between its head and its page, or in between its steps, keeps what is said of its data: what is given now, or else what
// was given then.
func TestAResumedTrainingKeepsWhereItsImagesAre(t *testing.T) {
	type said struct {
		images, column string
		counted        *clustercount.Suggestion
	}
	found := &clustercount.Suggestion{Clusters: 3, Seed: 7}
	for name, c := range map[string]struct{ then, now, want said }{
		"given now":          {said{}, said{"/data", "image", found}, said{"/data", "image", found}},
		"given then":         {said{"/data", "image", found}, said{}, said{"/data", "image", found}},
		"given twice":        {said{"/data", "image", found}, said{"/moved", "", found}, said{"/moved", "", found}},
		"never given":        {},
		"only images, later": {said{counted: found}, said{images: "/data"}, said{"/data", "", found}},
	} {
		for _, lost := range [][]string{{metricsFile}, {assignmentsFile}, {}, {headFile}} { // the last is a training between its steps
			training := clouds(t, map[string]string{"method": "icon-paper", "epochs": "2"})
			run := func(s said) {
				t.Helper()
				training.Images, training.ImageColumn, training.Counted = s.images, s.column, s.counted
				training.Features.Source.Store = "/" + strconv.Itoa(len(s.images))
				if _, err := training.Train(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			run(c.then)
			for _, file := range lost {
				if err := os.Remove(filepath.Join(training.Dir, file)); err != nil {
					t.Fatal(err)
				}
				if file == headFile {
					stop(t, training)
				}
			}
			run(c.now)
			r, err := Open(training.Dir)
			if err != nil {
				t.Fatal(err)
			}
			source := r.Config.Features
			if diff := cmp.Diff(c.want, said{source.Images, source.ImageColumn, r.Config.Counted}, cmp.AllowUnexported(said{})); diff != "" {
				t.Errorf("%s, without %v: (-want +recorded)\n%s", name, lost, diff)
			}
			if want := training.Features.Source.Store; source.Store != want {
				t.Errorf("%s, without %v: features at %s, want %s", name, lost, source.Store, want)
			}
		}
	}
}

// stop makes a run folder that of a training that was interrupted after its first epoch.
func stop(t *testing.T, training *Training) {
	t.Helper()
	_, err := head.Train(t.Context(), training.Features, head.Inputs{}, training.Config, head.Options{Workers: 1, Save: func(s *head.State, _ bool) error {
		return errors.Join(SaveCheckpoint(training.Dir, s), context.Canceled)
	}})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}
