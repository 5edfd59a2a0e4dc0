package sweep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iconic/internal/densetest"
	"iconic/internal/lockfile"
	"iconic/progress"
	"iconic/report"
	"iconic/run"
)

// swept are the options of a sweep of k-means with 2 and 3 clusters and two seeds, whose 30 images have labels and names.
func swept(t *testing.T) Options {
	t.Helper()
	o := planned()
	o.Dir, o.Seeds, o.Workers = filepath.Join(t.TempDir(), "sweep"), 2, 1
	o.Combinations = Grid(map[string][]string{"clusters": {"2", "3"}, "method": {"kmeans"}})
	o.Sets[0].Paths = make([]string, 30)
	for i := range o.Sets[0].Paths {
		o.Sets[0].Paths[i], o.Sets[0].Labels[i] = fmt.Sprintf("=%d.jpg", i), i%3
	}
	return o
}

// plan is Plan, which must succeed.
func plan(t *testing.T, o Options) *Sweep {
	t.Helper()
	s, err := Plan(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// trained is a sweep that was trained.
func trained(t *testing.T, o Options) *Sweep {
	t.Helper()
	s := plan(t, o)
	if err := s.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// listed are the notes of a sweep, in order.
func listed(o *Options) *[]string {
	notes := new([]string)
	o.Hooks.Note = func(text string) { *notes = append(*notes, text) }
	return notes
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// copied copies a file over another.
func copied(t *testing.T, from, to string) {
	t.Helper()
	b, err := os.ReadFile(from)
	must(t, err)
	must(t, os.WriteFile(to, b, 0o600))
}

// A folder counts as finished only if it has the whole run that belongs there. Otherwise the error names the folder, before anything is trained.
func TestAFinishedRunIsTheOneThatBelongsThere(t *testing.T) {
	whole := swept(t)
	trained(t, whole)
	table, err := os.ReadFile(filepath.Join(whole.Dir, "sweep.csv"))
	must(t, err)
	for name, c := range map[string]struct {
		tamper func(t *testing.T, run, seed1, other string) // changes files in the first of these run folders
		says   string                                       // "": the run is made again, or completed
	}{
		"another seed's scores":      {func(t *testing.T, run, seed1, _ string) { copied(t, seed1+"/metrics.json", run+"/metrics.json") }, "metrics.json does not describe the clusters of head.safetensors"},
		"scores of another number":   {func(t *testing.T, run, _, other string) { copied(t, other+"/metrics.json", run+"/metrics.json") }, "metrics.json describes 3 clusters"},
		"another seed's assignments": {func(t *testing.T, run, seed1, _ string) { copied(t, seed1+"/assignments.csv", run+"/assignments.csv") }, "assignments.csv has"},
		"assignments that were cut": {func(t *testing.T, run, _, _ string) {
			b, err := os.ReadFile(run + "/assignments.csv")
			must(t, err, os.WriteFile(run+"/assignments.csv", bytes.Join(bytes.SplitAfter(b, []byte("\n"))[:15], nil), 0o600))
		}, "assignments.csv lists 14 images"},
		"damaged scores": {func(t *testing.T, run, _, _ string) { must(t, os.WriteFile(run+"/metrics.json", []byte("{"), 0o600)) }, "metrics.json"},
		"the folder of another number": {func(t *testing.T, run, _, other string) {
			must(t, os.RemoveAll(run), os.CopyFS(run, os.DirFS(other)))
		}, "has other settings (clusters 3, which is 2 now)"},
		"the folder of another seed": {func(t *testing.T, run, seed1, _ string) {
			must(t, os.RemoveAll(run), os.CopyFS(run, os.DirFS(seed1)))
		}, "has other settings (seed 1, which is 0 now)"},
		"another seed's folder without scores": {func(t *testing.T, run, seed1, _ string) {
			must(t, os.RemoveAll(run), os.CopyFS(run, os.DirFS(seed1)), os.Remove(run+"/metrics.json"))
		}, "has other settings (seed 1, which is 0 now)"},
		"a file":            {func(t *testing.T, run, _, _ string) { must(t, os.RemoveAll(run), os.WriteFile(run, nil, 0o600)) }, "not a directory"},
		"something else":    {func(t *testing.T, run, _, _ string) { must(t, os.Remove(run+"/config.json")) }, "is not a run folder: it has no config.json"},
		"a link to nothing": {func(t *testing.T, run, _, _ string) { must(t, os.RemoveAll(run), os.Symlink("nowhere", run)) }, "is a link to nowhere, which does not exist"},
		"no head":           {func(t *testing.T, run, _, _ string) { must(t, os.Remove(run+"/head.safetensors")) }, ""},
		"no scores":         {func(t *testing.T, run, _, _ string) { must(t, os.Remove(run+"/metrics.json")) }, ""},
		"no assignments":    {func(t *testing.T, run, _, _ string) { must(t, os.Remove(run+"/assignments.csv")) }, ""},
		"no folder":         {func(t *testing.T, run, _, _ string) { must(t, os.RemoveAll(run)) }, ""},
		"an empty folder":   {func(t *testing.T, run, _, _ string) { must(t, os.RemoveAll(run), os.Mkdir(run, 0o700)) }, ""},
		"an attempt too many": {func(t *testing.T, run, _, _ string) {
			must(t, os.CopyFS(run+partialEnd, os.DirFS(run)), os.Remove(run+"/metrics.json"))
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := swept(t)
			must(t, os.CopyFS(o.Dir, os.DirFS(whole.Dir)))
			s := plan(t, o)
			folder := s.Folder(s.Jobs[0])
			c.tamper(t, folder, s.Folder(s.Jobs[1]), s.Folder(s.Jobs[2]))
			must(t, os.RemoveAll(s.Folder(s.Jobs[3])), os.Remove(filepath.Join(o.Dir, "sweep.csv")))
			again := plan(t, o)
			err := again.Train(t.Context())
			if c.says != "" {
				refused(t, again, err, folder, c.says)
				return
			}
			must(t, err)
			if after, err := os.ReadFile(filepath.Join(o.Dir, "sweep.csv")); err != nil || !bytes.Equal(table, after) {
				t.Errorf("sweep.csv differs: %v", err)
			}
			if left, err := filepath.Glob(filepath.Join(o.Dir, "runs", "*"+partialEnd)); err != nil || len(left) > 0 {
				t.Errorf("%v stay, %v", left, err)
			}
			must(t, plan(t, o).Report(t.Context()))
		})
	}
}

// An attempt that cannot be continued is found before anything is trained, and one that can is continued.
func TestADamagedAttemptIsFoundFirst(t *testing.T) {
	whole := swept(t)
	whole.Combinations = Grid(map[string][]string{"clusters": {"2", "3"}, "method": {"pca"}})
	s := trained(t, whole)
	config, err := os.ReadFile(filepath.Join(s.Folder(s.Jobs[0]), "config.json"))
	must(t, err)
	for name, c := range map[string]struct {
		files map[string]string // "-": a folder
		says  string            // "": the run is made
	}{
		"an empty checkpoint":           {map[string]string{"config.json": string(config), "checkpoint.safetensors": ""}, "checkpoint.safetensors"},
		"a folder for a checkpoint":     {map[string]string{"config.json": string(config), "checkpoint.safetensors": "-"}, "checkpoint.safetensors"},
		"empty settings":                {map[string]string{"config.json": "", "checkpoint.safetensors": ""}, "config.json: unexpected end"},
		"no settings":                   {map[string]string{"checkpoint.safetensors": ""}, "it has no config.json"},
		"a newer version":               {map[string]string{"config.json": `{"format": 99}`, "checkpoint.safetensors": ""}, "has format 99"},
		"a file":                        {nil, "is a file, not a folder"},
		"a link to nothing":             {nil, "is a link to nowhere"},
		"nothing but settings":          {map[string]string{"config.json": "{"}, ""},
		"nothing":                       {map[string]string{}, ""},
		"something that is no training": {map[string]string{"notes.txt": "mine"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := whole
			o.Dir = filepath.Join(t.TempDir(), "sweep")
			s := plan(t, o)
			partial := s.Folder(s.Jobs[0]) + partialEnd
			must(t, os.MkdirAll(filepath.Dir(partial), 0o700))
			switch name {
			case "a file":
				must(t, os.WriteFile(partial, nil, 0o600))
			case "a link to nothing":
				must(t, os.Symlink("nowhere", partial))
			default:
				must(t, os.Mkdir(partial, 0o700))
			}
			for file, content := range c.files {
				if file = filepath.Join(partial, file); content == "-" {
					must(t, os.Mkdir(file, 0o700))
				} else {
					must(t, os.WriteFile(file, []byte(content), 0o600))
				}
			}
			if err := s.Train(t.Context()); c.says != "" {
				refused(t, s, err, partial, c.says)
			} else {
				must(t, err)
			}
		})
	}
}

// refused fails unless a sweep was refused because of a run's folder, before it trained the run that was missing.
func refused(t *testing.T, s *Sweep, err error, folder, says string) {
	t.Helper()
	var bad *RunError
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), says) || !strings.HasSuffix(err.Error(), "; remove the folder "+folder+" to make the run again") {
		t.Errorf("error %v, want one with %q that says to remove %s", err, says, folder)
	}
	if _, err := os.Stat(s.Folder(s.Jobs[3])); err == nil {
		t.Error("a run was trained before the error")
	}
	if reported := plan(t, s.options).Report(t.Context()); reported == nil || err == nil || reported.Error() != err.Error() {
		t.Errorf("the report says %v, not %v", reported, err)
	}
}

// Two sweeps in one folder: the one that ends first leaves the claims of the other, and removes its own, those of killed processes included.
func TestASweepRemovesItsOwnClaimsOnly(t *testing.T) {
	a, b := swept(t), swept(t)
	b.Dir = a.Dir
	b.Combinations = Grid(map[string][]string{"clusters": {"4"}, "method": {"kmeans"}})
	sa, sb := plan(t, a), plan(t, b)
	release, err := sb.claim(sb.Jobs[0])
	must(t, err)
	must(t, os.WriteFile(sa.claimFile(sa.Jobs[0]), nil, 0o600)) // of a process that was killed
	must(t, sa.Train(t.Context()))
	must(t, plan(t, a).Report(t.Context()))
	if other, err := plan(t, b).claim(sb.Jobs[0]); other != nil || err != nil {
		t.Errorf("the claim of the other sweep is free: %v", err)
	}
	left, err := os.ReadDir(filepath.Join(a.Dir, claims))
	must(t, err)
	if len(left) != 1 {
		t.Errorf("%d claims, want the other sweep's: %v", len(left), left)
	}
	must(t, release(), sb.Train(t.Context()))
	if _, err := os.Stat(filepath.Join(a.Dir, claims)); err == nil {
		t.Error("claims are left behind")
	}
}

// A run that somebody trains without a claim is one that another process is making.
func TestATrainingInTheFolderOfARunIsWaitedFor(t *testing.T) {
	o := swept(t)
	s := plan(t, o)
	partial := s.Folder(s.Jobs[0]) + partialEnd
	must(t, os.MkdirAll(partial, 0o700))
	unlock, err := lockfile.Try(filepath.Join(partial, ".lock"))
	must(t, err)
	notes := listed(&s.options)
	s.options.Hooks.Note = func(text string) {
		if *notes = append(*notes, text); strings.HasPrefix(text, "waiting for 1 run") {
			must(t, unlock())
		}
	}
	must(t, s.Train(t.Context()))
	if s.Missing() > 0 || !slices.Contains(*notes, "waiting for 1 run that another process is making") {
		t.Errorf("%d runs are missing, notes %q", s.Missing(), *notes)
	}
}

// A run completed in its own folder continues where an interrupt left it.
func TestACompletionCanBeInterrupted(t *testing.T) {
	o := swept(t)
	o.Seeds, o.Combinations = 1, []Combination{{"clusters": "3", "method": "debiased-infonce-clustering", "epochs": "400", "batch": "8"}}
	s := trained(t, o)
	folder := s.Folder(s.Jobs[0])
	whole, err := os.ReadFile(folder + "/head.safetensors")
	must(t, err)
	must(t, os.Remove(folder+"/head.safetensors"))
	interrupt(t, run.Training{Dir: folder, Features: o.Sets[0], Config: s.Jobs[0].Config, Workers: 1})
	if _, err := run.LoadCheckpoint(folder); err != nil {
		t.Fatal(err)
	}
	notes := listed(&o)
	trained(t, o)
	if again, err := os.ReadFile(folder + "/head.safetensors"); err != nil || !bytes.Equal(whole, again) {
		t.Errorf("the head differs: %v", err)
	}
	if !slices.ContainsFunc(*notes, func(text string) bool { return strings.Contains(text, ": continuing after step ") }) {
		t.Errorf("notes %q", *notes)
	}
}

// Assignments of finished runs become safe for spreadsheets, with the same bytes as those of a sweep that was safe from the start.
func TestFinishedRunsAreMadeSafe(t *testing.T) {
	o := swept(t)
	s := trained(t, o)
	fresh := swept(t)
	fresh.Safe = true
	trained(t, fresh)
	o.Safe = true
	for i, want := range []string{"4 runs were finished already: their assignments are written again, with an apostrophe before cells that a spreadsheet would read as formulas", ""} {
		notes := listed(&o)
		work := plan(t, o).Train
		if i > 0 {
			work = plan(t, o).Report
		}
		must(t, work(t.Context()))
		if want != "" && !slices.Contains(*notes, want) || want == "" && len(*notes) > 0 {
			t.Errorf("notes %q, want %q", *notes, want)
		}
	}
	for _, j := range s.Jobs {
		a, errA := os.ReadFile(filepath.Join(o.Dir, "runs", j.Name, "assignments.csv"))
		b, errB := os.ReadFile(filepath.Join(fresh.Dir, "runs", j.Name, "assignments.csv"))
		if must(t, errA, errB); !bytes.Equal(a, b) || !bytes.Contains(a, []byte("'=1.jpg")) {
			t.Errorf("%s: the assignments differ from those of a safe sweep", j.Name)
		}
	}
}

// A sweep of fewer runs counts those that its table leaves out.
func TestRunsOfOtherSweepsAreCounted(t *testing.T) {
	o := swept(t)
	trained(t, o)
	must(t, os.MkdirAll(filepath.Join(o.Dir, "runs", "something else"), 0o700))
	runs := filepath.Join(o.Dir, "runs")
	for seeds, want := range map[int]string{1: "3 other runs in " + runs + " are not in this table", 2: "2 other runs in " + runs + " are not in this table"} {
		o.Seeds, o.Combinations = seeds, Grid(map[string][]string{"clusters": {"2"}, "method": {"kmeans"}})
		notes := listed(&o)
		if trained(t, o); !slices.Contains(*notes, want) {
			t.Errorf("notes %q, want %q", *notes, want)
		}
	}
}

// What a training notes is told with the name of its run, each text once.
func TestNotesOfRunsAreTold(t *testing.T) {
	o := swept(t)
	o.Combinations = Grid(map[string][]string{"clusters": {"3"}, "method": {"pca"}, "dimensions": {"4", "300"}})
	notes := listed(&o)
	s := trained(t, o)
	want := "features of 4 numbers have only 4 principal components, not 300"
	told := slices.DeleteFunc(*notes, func(text string) bool { return !strings.HasSuffix(text, want) })
	if len(told) != 1 || told[0] != "run "+s.points[1].jobs[0].Name+": "+want {
		t.Errorf("notes %q, want one with %q and its run", told, want)
	}
}

// Points whose settings differ but mean the same for this many images share their runs, and a note says which.
func TestPointsThatTrainTheSameShareTheirRuns(t *testing.T) {
	for values, want := range map[string]string{
		"28,29":       "",
		"29,30":       "neighbours 30 trains the same as neighbours 29: they share their runs",
		"20,29,30,31": "2 combinations train the same as earlier ones and share their runs, such as neighbours 30 with neighbours 29",
	} {
		o := swept(t)
		list := strings.Split(values, ",")
		o.Combinations = Grid(map[string][]string{"clusters": {"3"}, "method": {"debiased-infonce-clustering"}, "neighbours": list})
		notes := listed(&o)
		s := plan(t, o)
		said := slices.ContainsFunc(*notes, func(text string) bool { return strings.Contains(text, "share") })
		if len(s.points) != len(list) || said != (want != "") || said && !slices.Contains(*notes, want) {
			t.Errorf("%s: %d points, notes %q, want %q", values, len(s.points), *notes, want)
		}
		lowered := "neighbours 30 of 30 images: reduced to 29, all the others"
		if slices.Contains(*notes, lowered) != (want != "") {
			t.Errorf("%s: notes %q, want %q if one was lowered", values, *notes, lowered)
		}
	}
}

// So do those that a shorthand makes the same.
func TestPointsThatAShorthandMakesTheSameAreNoted(t *testing.T) {
	o := swept(t)
	o.Combinations = Grid(map[string][]string{"clusters": {"3"}, "method": {"debiased-infonce-clustering"}, "sides": {"both", "target"}, "alpha": {"0", "0.1"}})
	notes := listed(&o)
	s := plan(t, o)
	if want := "alpha 0, sides target trains the same as alpha 0, sides both: they share their runs"; len(s.points) != 4 || len(s.Jobs) != 6 || !slices.Contains(*notes, want) {
		t.Errorf("%d points, %d runs, notes %q, want %q", len(s.points), len(s.Jobs), *notes, want)
	}
}

// A run without an input that its method needs is refused before any run is trained.
func TestMissingInputsAreFoundBeforeTraining(t *testing.T) {
	for method, want := range map[string]string{
		"clip": "method clip pairs two sets of features", "tsne-graph": "method tsne-graph draws a graph", "supcon": "method supcon learns from labels", "kmeans": "",
	} {
		o := swept(t)
		o.Sets[0].Labels, o.Sets[0].Classes = nil, nil
		o.Combinations = []Combination{{"clusters": "3", "method": "kmeans"}, {"clusters": "3", "method": method}}
		o.Origins = []string{"list, line 1", "list, line 4"}
		_, err := Plan(t.Context(), o)
		var settings *SettingsError
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", method, err)
		case want != "" && (!errors.As(err, &settings) || !strings.HasPrefix(err.Error(), "list, line 4: "+want)):
			t.Errorf("%s: error %v, want %q", method, err, want)
		}
	}
}

func TestErrorsOfCombinationsNameTheirOrigin(t *testing.T) {
	o := swept(t)
	o.Combinations = []Combination{{"clusters": "3"}, {"clusters": ""}}
	if _, err := Plan(t.Context(), o); err == nil || err.Error() != `clusters "": want a whole number` {
		t.Errorf("error %v", err)
	}
	o.Origins = []string{"list, line 1", "list, line 2"}
	if _, err := Plan(t.Context(), o); err == nil || err.Error() != `list, line 2: clusters "": want a whole number` {
		t.Errorf("error %v", err)
	}
}

// Each of several processes begins with its own share of the runs, and continues with the others, all in order: together they begin with all.
func TestAPartBeginsWithItsOwnShare(t *testing.T) {
	for part, want := range map[int][]int{1: {0, 3, 1, 2}, 2: {1, 2, 0, 3}, 3: {2, 0, 3, 1}} {
		o := swept(t)
		o.Part, o.Parts = part, 3
		var order []int
		o.Ended = func(j *Job, _ int) { order = append(order, j.number) }
		if trained(t, o); !slices.Equal(order, want) {
			t.Errorf("part %d of 3 makes the runs %d, want %d", part, order, want)
		}
	}
}

// A sweep that waits ends with its context.
// What is in the place of a sweep's own files is found before anything is trained.
func TestFoldersInThePlaceOfFilesAreFoundFirst(t *testing.T) {
	for _, name := range []string{"sweep.csv", "sweep.html", ".lock"} {
		s := plan(t, swept(t))
		at := filepath.Join(s.options.Dir, name)
		must(t, os.MkdirAll(at, 0o700))
		for _, err := range []error{s.Train(t.Context()), s.Report(t.Context())} {
			if err == nil || !strings.Contains(err.Error(), at+" is a folder, in the place of a file of the sweep: move it away") {
				t.Errorf("%s: error %v", name, err)
			}
		}
		if _, err := os.Stat(filepath.Join(s.options.Dir, "runs")); err == nil {
			t.Errorf("%s: there are runs", name)
		}
	}
}

func TestPlanningEndsWithTheContext(t *testing.T) {
	o := swept(t)
	o.Seeds = 5000
	ctx, cancel := context.WithCancel(t.Context())
	told := 0
	o.Hooks.Step = func(s progress.Step) {
		if told++; s.Unit != "runs" || s.Total != 10_000 {
			t.Errorf("step %+v", s)
		}
		cancel()
	}
	if _, err := Plan(ctx, o); !errors.Is(err, context.Canceled) || told != 1 {
		t.Errorf("error %v after %d steps", err, told)
	}
	o.Hooks.Step = nil
	s := plan(t, o)
	if err := s.Report(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v of a report that was interrupted", err)
	}
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	o := swept(t)
	holder := plan(t, o)
	release, err := holder.claim(holder.Jobs[0])
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	o.Hooks.Note = func(text string) {
		if strings.HasPrefix(text, "waiting") {
			cancel()
		}
	}
	if err := plan(t, o).Train(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	must(t, release())
}

// Hooks and Ended are called where Train was called: there a panic in one can be recovered. The same sweep can then be continued.
func TestHooksThatPanicCanBeRecovered(t *testing.T) {
	for name, set := range map[string]func(o *Options, leave func()){
		"Note":  func(o *Options, leave func()) { o.Hooks.Note = func(string) { leave() } },
		"Step":  func(o *Options, leave func()) { o.Hooks.Step = func(s progress.Step) { leave() } },
		"Ended": func(o *Options, leave func()) { o.Ended = func(*Job, int) { leave() } },
	} {
		o := swept(t)
		o.Workers = 2
		o.Combinations = []Combination{{"clusters": "2", "method": "pmi", "epochs": "1", "heads": "1"}}
		here := false
		set(&o, func() {
			if here {
				panic("left")
			}
		})
		s := plan(t, o) // whose own notes are not meant
		here = true
		func() {
			defer func() {
				if got := recover(); got != "left" {
					t.Errorf("%s: recovered %v", name, got)
				}
			}()
			t.Errorf("%s: returned %v", name, s.Train(t.Context()))
		}()
		here = false
		trained(t, o)
	}
}

// What has ended can be asked for while other runs train: the race detector would find a result read as it is written.
func TestWhatHasEndedIsReadWhileOthersTrain(t *testing.T) {
	o := swept(t)
	o.Workers = 4
	var s *Sweep
	o.Ended = func(_ *Job, done int) {
		runs := 0
		for _, p := range s.SoFar() {
			runs += len(p.Runs)
		}
		if runs < done || len(s.Jobs)-s.Missing() < done {
			t.Errorf("%d runs have ended, but the points have %d and %d are missing", done, runs, s.Missing())
		}
	}
	s = plan(t, o)
	must(t, s.Train(t.Context()))
}

// A baseline that was interrupted is computed when the sweep is trained again, and one that was found is shared.
func TestABaselineThatWasInterruptedIsComputedAgain(t *testing.T) {
	o := swept(t)
	s := plan(t, o)
	in := report.Input{Clusters: 2, Items: 30, Workers: 1}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.baseline(over, o.Sets[0], in); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	first, err := s.baseline(t.Context(), o.Sets[0], in)
	must(t, err)
	if again, err := s.baseline(over, o.Sets[0], in); err != nil || again != first {
		t.Errorf("%p after %p, %v", again, first, err)
	}
}

// The result has each point with its own runs, also while only later points have ended runs.
func TestResultsOfAPointAreItsOwn(t *testing.T) {
	o := swept(t)
	trained(t, o)
	o.Seeds = 1
	s := plan(t, o)
	if _, err := s.finished(s.Jobs[1]); err != nil {
		t.Fatal(err)
	}
	r, err := s.Result()
	must(t, err)
	if len(r.Points) != 2 || len(r.Points[0].Metrics) != 0 || len(r.Points[1].Metrics) != 1 {
		t.Fatalf("%+v", r)
	}
	for k, p := range r.Points {
		if want := []string{s.Folder(s.Jobs[k])}; !slices.Equal(p.Runs, want) || p.Settings["clusters"] != []string{"2", "3"}[k] {
			t.Errorf("point %d: %v of %v, want %v", k, p.Runs, p.Settings, want)
		}
	}
}

// A run is the one that a training of its own makes, also if its neighbours were searched approximately and runs with more neighbours are in the sweep.
func TestRunsDoNotDependOnTheOtherRunsOfTheSweep(t *testing.T) {
	o := planned()
	o.Dir, o.Workers = filepath.Join(t.TempDir(), "sweep"), 1
	const n = 2000
	set := o.Sets[0]
	set.Features, set.Source.Rows, set.Source.Dim = densetest.Clouds(1, n, 24, 30, 1), n, 24
	set.Labels, set.Classes, set.Paths = nil, nil, make([]string, n)
	for i := range set.Paths {
		set.Paths[i] = fmt.Sprintf("%d.jpg", i)
	}
	few := Combination{"method": "pmi", "clusters": "5", "epochs": "1", "neighbours": "3", "neighbour-search": "approximate"}
	many := maps.Clone(few)
	many["neighbours"] = "40"
	o.Combinations = []Combination{few, many}
	for _, j := range trained(t, o).Jobs {
		alone := run.Training{Dir: filepath.Join(t.TempDir(), "run"), Features: set, Config: j.Config, Workers: 1}
		_, err := alone.Train(t.Context())
		must(t, err)
		for _, file := range []string{"head.safetensors", "metrics.json", "assignments.csv"} {
			want, err := os.ReadFile(filepath.Join(alone.Dir, file))
			must(t, err)
			got, err := os.ReadFile(filepath.Join(o.Dir, "runs", j.Name, file))
			must(t, err)
			if !bytes.Equal(got, want) {
				t.Errorf("%s neighbours: %s is not that of a training alone", j.Config.Text("neighbours"), file)
			}
		}
	}
}
