package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iconic/features"
	"iconic/head"
	"iconic/head/clustercount"
	"iconic/head/train"
	"iconic/internal/densetest"
	"iconic/internal/kernel"
	"iconic/progress"
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

// A training that other kernels began warns when it continues, unless their bits are the same, and records all of them.
func TestATrainingOfSeveralKernelsTellsThem(t *testing.T) {
	now := kernel.Path()
	other := "generic"
	if now == other {
		other = "avx2"
	}
	type test struct {
		began, recorded []string
		warned          bool
	}
	tests := map[string]test{
		"an earlier version":  {nil, []string{now}, false},
		"the same":            {[]string{now}, []string{now}, false},
		"others":              {[]string{other}, []string{other, now}, true},
		"others, then these":  {[]string{other, now}, []string{other, now}, true},
		"these, then others":  {[]string{now, other}, []string{now, other, now}, true},
		"none that was saved": {},
	}
	for _, like := range []string{"avx2", "avx512"} {
		if like != now && kernel.SameBits(like, now) {
			tests["the same bits"] = test{[]string{like}, []string{like, now}, false}
		}
	}
	for name, c := range tests {
		training := clouds(t, map[string]string{"method": "icon-paper", "epochs": "2"})
		warned := 0
		training.Hooks.Warn = func(text string) {
			if strings.Contains(text, "kernels "+strings.Join(c.began, ", ")+" so far and continues with "+now) {
				warned++
			}
		}
		config := Config{Version: Version(), Training: training.Config, Features: training.Features.Source}
		if err := errors.Join(os.MkdirAll(training.Dir, 0o700), Create(training.Dir, config)); err != nil {
			t.Fatal(err)
		}
		if stop(t, training); name == "none that was saved" {
			c.recorded = []string{now}
			if err := os.Remove(filepath.Join(training.Dir, checkpointFile)); err != nil {
				t.Fatal(err)
			}
		} else {
			state, err := LoadCheckpoint(training.Dir)
			if err != nil || !slices.Equal(state.Kernels, []string{now}) {
				t.Fatalf("the checkpoint has kernels %v, %v", state.Kernels, err)
			}
			state.Kernels = c.began
			if err := SaveCheckpoint(training.Dir, state); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := training.Train(t.Context()); err != nil {
			t.Fatal(err)
		}
		r, err := Open(training.Dir)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.Config.Kernels, c.recorded) || (warned == 1) != c.warned {
			t.Errorf("%s: recorded %v, want %v; %d warnings", name, r.Config.Kernels, c.recorded, warned)
		}
	}
}

// A training that stopped tells what it has kept, for lack of room as at an interrupt, and does not forget what an earlier process has saved.
func TestATrainingThatStoppedTellsWhatItKept(t *testing.T) {
	state := &head.State{Phases: []train.Phase{{Name: "head", Step: 3, Steps: 9}}}
	room, interrupt, late := fmt.Errorf("write checkpoint: %w", syscall.ENOSPC), context.Canceled, context.DeadlineExceeded
	for _, c := range []struct {
		what, method string
		saved        *head.State
		ended        bool
		cause        error
		want         string
	}{
		{"no room for the first checkpoint", "simclr", nil, false, room, "no step of the training was saved: it starts again"},
		{"interrupted before the first step", "simclr", nil, false, interrupt, "no step of the training was finished: it starts again"},
		{"no room for a later checkpoint", "simclr", state, false, room, "is saved in %s at step 3 of 9 (head), and continues from there"},
		{"interrupted on its way to that step", "simclr", state, false, interrupt, "is saved in %s at step 3 of 9 (head), and continues from there"},
		{"no room for the head", "kmeans", nil, false, room, "method kmeans computes in one piece, and starts again"},
		{"no room for the scores", "kmeans", nil, true, room, "the training in %s has ended; its scores and its page are made when it is resumed"},
		{"out of time before the first step", "simclr", nil, false, late, "no step of the training was finished: it starts again"},
		{"out of time on its way to that step", "simclr", state, false, late, "is saved in %s at step 3 of 9 (head), and continues from there"},
		{"out of time at the scores", "simclr", state, true, late, "the training in %s has ended; its scores"},
		{"interrupted at the scores", "simclr", state, true, interrupt, "the training in %s has ended; its scores"},
		{"another error", "simclr", state, false, errors.New("another"), ""},
	} {
		training, said := clouds(t, map[string]string{"method": c.method}), ""
		training.Clock = progress.NewClock("preparation")
		training.Hooks.Note = func(text string) { said += text }
		kept := &keeper{dir: training.Dir, ended: c.ended}
		kept.note(c.saved)
		err := training.failed(t.Context(), kept, c.cause)
		if !errors.Is(err, c.cause) {
			t.Errorf("%s: error %v", c.what, err)
		}
		if want := strings.ReplaceAll(c.want, "%s", training.Dir); !strings.Contains(said, want) || want == "" && said != "" {
			t.Errorf("%s: said %q, want %q", c.what, said, want)
		}
		if typed := new(FullError); errors.As(full(err), &typed) != (c.cause == room) {
			t.Errorf("%s: %T", c.what, full(err))
		}
	}
}

// The error for a folder that contains a run says whether that is the same one, and whether it can be continued.
func TestAFolderWithARunSaysWhichItIs(t *testing.T) {
	begun := func() *Training { return clouds(t, map[string]string{"method": "icon-paper", "epochs": "2"}) }
	for want, c := range map[string]struct {
		before func(*Training) // changes the folder of a training without a page
		now    func(*Training)
	}{
		"contains an unfinished run of these settings": {before: func(*Training) {}},
		"contains a finished run of these settings": {before: func(of *Training) {
			if err := os.WriteFile(filepath.Join(of.Dir, PageFile), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		"contains another run": {before: func(*Training) {}, now: func(of *Training) { of.Config.Seed = 1 }},
		"contains a run that cannot be read": {before: func(of *Training) {
			if err := os.WriteFile(filepath.Join(of.Dir, configFile), []byte("{"), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		training := begun()
		if _, err := training.Train(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.before(training)
		training.Resume = false
		if c.now != nil {
			c.now(training)
		}
		if _, err := training.Train(t.Context()); !errors.Is(err, ErrExists) || err.Error() != "output folder "+training.Dir+" "+want {
			t.Errorf("%v, want %q", err, want)
		}
	}
	training := begun()
	if _, err := training.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, ended := range []bool{true, false} {
		if !ended {
			if err := os.Remove(filepath.Join(training.Dir, headFile)); err != nil {
				t.Fatal(err)
			}
			stop(t, training)
		}
		settings := func(more ...string) map[string]string {
			return map[string]string{"method": "icon-paper", "epochs": "2", "clusters": strconv.Itoa(training.Config.Clusters), more[0]: more[1]}
		}
		for what, c := range map[string]struct {
			values map[string]string
			seed   uint64
			want   Likeness
		}{
			"same":      {settings("epochs", "2"), training.Config.Seed, AnyRun},
			"auto":      {settings("clusters", "auto"), training.Config.Seed, AnyRun},
			"invalid":   {settings("clusters", "1"), training.Config.Seed, AnyRun},
			"seed":      {settings("epochs", "2"), training.Config.Seed + 1, OtherRun},
			"auto seed": {settings("clusters", "auto"), training.Config.Seed + 1, OtherRun},
			"method":    {map[string]string{"method": "kmeans", "clusters": "auto"}, training.Config.Seed, OtherRun},
			"setting":   {settings("epochs", "3"), training.Config.Seed, OtherRun},
			"clusters":  {settings("clusters", "2"), training.Config.Seed, OtherRun},
		} {
			var exists *ExistsError
			if err := CheckPlace(training.Dir, c.values, c.seed); !errors.As(err, &exists) || exists.Run != c.want {
				t.Errorf("before the features are known, %s, ended %v: %v, want %d", what, ended, err, c.want)
			}
		}
	}
	training.Resume = false
	if _, err := training.Train(t.Context()); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), "an unfinished run of these settings") {
		t.Errorf("an interrupted training: %v", err)
	}
}

// A process that is killed while it writes the last of a run, the times of its stages, leaves a finished run beside a file of its own.
func TestWhatAKilledTrainingLeftInAFinishedRunIsRemoved(t *testing.T) {
	training := clouds(t, map[string]string{"method": "kmeans"})
	if _, err := training.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(training.Dir, ".iconic-tmp-00000000-"+strconv.FormatInt(1e9, 36)+"-aaaaaaaaaaaa") // of another machine, long ago
	page, long := filepath.Join(training.Dir, PageFile), time.Unix(1e9, 0)
	if err := errors.Join(os.WriteFile(page, nil, 0o600), os.WriteFile(left, nil, 0o600), os.Chtimes(left, long, long)); err != nil {
		t.Fatal(err)
	}
	if _, err := training.Train(t.Context()); err != nil || !training.Unchanged {
		t.Fatalf("unchanged: %t, %v", training.Unchanged, err)
	}
	if _, err := os.Lstat(left); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: %v", left, err)
	}
}
