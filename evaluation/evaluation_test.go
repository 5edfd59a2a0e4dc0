package evaluation_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic"
	"iconic/curation"
	"iconic/evaluation"
	"iconic/features"
	"iconic/internal/cachetest"
	"iconic/internal/npy"
	"iconic/run"
)

func TestMain(m *testing.M) { os.Exit(cachetest.Isolated(m).Run()) }

// columns of the tests' features.
const columns = 10

// points writes n rows around as many centres as there are names, with their labels, to two files in dir.
func points(t *testing.T, dir, name string, n int, seed uint64, names ...string) (x, y string) {
	t.Helper()
	x, y = filepath.Join(dir, name+".npy"), filepath.Join(dir, name+".txt")
	r := rand.New(rand.NewPCG(seed, 1))
	var numbers []float32
	var labels strings.Builder
	for i := range n {
		class := i % len(names)
		for j := range columns {
			at := 0.0
			if j%len(names) == class {
				at = 6
			}
			numbers = append(numbers, float32(at+2.4*r.NormFloat64()))
		}
		fmt.Fprintln(&labels, names[class])
	}
	if err := npy.Write(x, []int{n, columns}, numbers); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(y, []byte(labels.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	return x, y
}

// trained is a run on a matrix with labels from a file; "": without.
func trained(t *testing.T, x, y string, clusters int) *run.Finished {
	t.Helper()
	set, err := features.Open(x, y)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	f, err := iconic.Train(t.Context(), set, iconic.Training{Out: filepath.Join(t.TempDir(), "run"), Clusters: clusters})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func score(t *testing.T, f *run.Finished, x, y string) *evaluation.Result {
	t.Helper()
	r, err := evaluation.Score(t.Context(), f.Dir, evaluation.Options{Features: x, Labels: y})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// encoded is a result as JSON, in which scores that are undefined are equal.
func encoded(t *testing.T, v any) string {
	t.Helper()
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// On the images of the training an evaluation has the scores of the run, whatever the number of goroutines, and says that they were learned.
func TestLearnedImagesHaveTheScoresOfTheRun(t *testing.T) {
	x, y := points(t, t.TempDir(), "x", 90, 1, "cat", "dog", "owl")
	f := trained(t, x, y, 3)
	want := score(t, f, x, y)
	own := *want.Metrics
	own.Labelled.Matching.FittedOn = evaluation.Here
	of := *f.Metrics
	of.Loss, of.Choice, of.HeadChecksum, of.AssignmentsChecksum, of.LabelFree, of.KMeans = own.Loss, "", "", "", nil, nil // are not of the labels
	if diff := cmp.Diff(encoded(t, of), encoded(t, own)); diff != "" {
		t.Errorf("the scores of the run (-) and of the evaluation (+) differ:\n%s", diff)
	}
	own.Labelled.Matching.FittedOn = evaluation.Training
	if want.Learned != 90 || len(want.Cautions()) != 1 || !strings.Contains(want.Cautions()[0], "the images are those that the run learned") {
		t.Errorf("%d images are said to be learned: %q", want.Learned, want.Cautions())
	}
	if diff := cmp.Diff(f.Table.Cluster, want.Assignments.Cluster); diff != "" {
		t.Error(diff)
	}
	for workers := 1; workers < 4; workers++ {
		got, err := evaluation.Score(t.Context(), f.Dir, evaluation.Options{Features: x, Labels: y, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(encoded(t, want), encoded(t, got)); diff != "" {
			t.Errorf("%d goroutines: %s", workers, diff)
		}
	}
}

// Classes are recognised by name, whatever their order; the labels of the images change neither clusters nor matching.
func TestClassesAreMatchedByTheTraining(t *testing.T) {
	dir := t.TempDir()
	x, y := points(t, dir, "x", 150, 1, "cat", "dog", "owl")
	f := trained(t, x, y, 3)
	u, v := points(t, dir, "u", 60, 2, "cat", "dog", "owl")
	right := score(t, f, u, v)
	if a := right.Metrics.Accuracy; a < 0.9 || right.Rematched < a || right.Learned != 0 || right.Unknown != nil || len(right.Cautions()) != 0 {
		t.Errorf("accuracy %v, rematched %v, %d learned, unknown %q, %q", a, right.Rematched, right.Learned, right.Unknown, right.Cautions())
	}
	// The same images under names that were exchanged: wrong as the run names clusters, right if they are matched anew.
	_, exchanged := points(t, dir, "w", 60, 2, "owl", "cat", "dog")
	wrong := score(t, f, u, exchanged)
	if wrong.Metrics.Accuracy > 0.1 || wrong.Rematched != right.Rematched {
		t.Errorf("exchanged names: accuracy %v, rematched %v, want about 0 and %v", wrong.Metrics.Accuracy, wrong.Rematched, right.Rematched)
	}
	if diff := cmp.Diff(right.Metrics.Matching, wrong.Metrics.Matching); diff != "" {
		t.Errorf("the labels of the images changed the matching: %s", diff)
	}
	// A class that the run does not have is never right.
	_, other := points(t, dir, "v", 60, 2, "cat", "dog", "ape")
	unknown := score(t, f, u, other)
	if diff := cmp.Diff([]string{"ape"}, unknown.Unknown); diff != "" || unknown.Metrics.Accuracy > 0.7 || unknown.Rematched != right.Rematched {
		t.Errorf("unknown classes %q: accuracy %v, rematched %v", unknown.Unknown, unknown.Metrics.Accuracy, unknown.Rematched)
	}
	if says := unknown.Cautions(); len(says) != 1 || !strings.Contains(says[0], `class "ape" of `+u+` is not among those of the run`) {
		t.Errorf("cautions %q", says)
	}
}

// A cluster that is left over stands for no class: not for one that only the new images have, nor for one that the run lists and has never seen. The
// order of the images changes nothing.
func TestClustersLeftOverStandForNoClass(t *testing.T) {
	dir := t.TempDir()
	x, y := points(t, dir, "x", 150, 1, "cat", "dog")
	f := trained(t, x, y, 5)
	for _, names := range [][]string{{"ape", "bee"}, {"bee", "ape"}} {
		u, v := points(t, dir, "u", 60, 2, names...)
		r := score(t, f, u, v)
		if r.Metrics.Accuracy != 0 || !slices.Equal(r.Unknown, names) || r.Rematched == 0 {
			t.Errorf("%q: accuracy %v, rematched %v, unknown %q", names, r.Metrics.Accuracy, r.Rematched, r.Unknown)
		}
		if of := slices.Sorted(slices.Values(r.Metrics.Matching.ClassOfCluster)); !slices.Equal(of, []int{-1, -1, -1, 0, 1}) {
			t.Errorf("%q: classes of the clusters %d", names, of)
		}
	}
	// The same with classes that the run lists, of which no image is.
	set, err := features.Open(x, y)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	set.Classes = append(set.Classes, "ape", "bee")
	listed, err := iconic.Train(t.Context(), set, iconic.Training{Out: filepath.Join(t.TempDir(), "run"), Clusters: 5})
	if err != nil {
		t.Fatal(err)
	}
	u, v := points(t, dir, "u", 60, 2, "bee", "ape")
	if r := score(t, listed, u, v); r.Metrics.Accuracy != 0 || len(r.Unknown) != 2 {
		t.Errorf("listed classes: accuracy %v, unknown %q, classes %q", r.Metrics.Accuracy, r.Unknown, r.Metrics.Classes)
	}
}

// Without labels in the training, clusters are matched on the images of the evaluation.
func TestRunWithoutLabels(t *testing.T) {
	dir := t.TempDir()
	x, y := points(t, dir, "x", 90, 1, "cat", "dog", "owl")
	r := score(t, trained(t, x, "", 3), x, y)
	if r.Metrics.Matching.FittedOn != evaluation.Here || r.Metrics.Accuracy != r.Rematched || r.Unknown != nil {
		t.Errorf("matched on %q: accuracy %v, rematched %v, unknown %q", r.Metrics.Matching.FittedOn, r.Metrics.Accuracy, r.Rematched, r.Unknown)
	}
}

// Changes made by hand apply to new images, too, unless they are to be ignored.
func TestCuratedClusters(t *testing.T) {
	dir := t.TempDir()
	x, y := points(t, dir, "x", 90, 1, "cat", "dog", "owl")
	f := trained(t, x, y, 3)
	c, err := f.Curate()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Take(curation.Step{Kind: curation.Merge, Cluster: 0, From: []int{1}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	u, v := points(t, dir, "u", 60, 2, "cat", "dog", "owl")
	r := score(t, f, u, v)
	if diff := cmp.Diff([]int{1}, r.Metrics.Merged); diff != "" || r.Metrics.ClusterSizes[1] != 0 || r.Metrics.Accuracy > 0.7 || r.Metrics.ExpectedAccuracy != 0 {
		t.Errorf("merged %v: sizes %v, accuracy %v, expected %v", r.Metrics.Merged, r.Metrics.ClusterSizes, r.Metrics.Accuracy, r.Metrics.ExpectedAccuracy)
	}
	raw, err := evaluation.Score(t.Context(), f.Dir, evaluation.Options{Features: u, Labels: v, Raw: true})
	if err != nil || raw.Metrics.Accuracy < 0.9 || raw.Metrics.Merged != nil {
		t.Errorf("as trained: %+v, %v", raw, err)
	}
}

// What a run cannot be scored on is refused in a sentence.
func TestRefused(t *testing.T) {
	dir := t.TempDir()
	x, y := points(t, dir, "x", 90, 1, "cat", "dog", "owl")
	f := trained(t, x, y, 3)
	narrow, infinite, folder := filepath.Join(dir, "narrow.npy"), filepath.Join(dir, "infinite.npy"), t.TempDir()
	if err := npy.Write(narrow, []int{90, 4}, make([]float32, 360)); err != nil {
		t.Fatal(err)
	}
	spoilt := make([]float32, 90*columns)
	spoilt[25*columns+2] = float32(math.Inf(1))
	if err := npy.Write(infinite, []int{90, columns}, spoilt); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		dir, x, y, says string
	}{
		"no run":               {folder, x, y, "is not a run folder"},
		"a run without a name": {"", x, y, "the run folder has no name"},
		"no name":              {f.Dir, "", y, "the features to score have no name"},
		"no features":          {f.Dir, filepath.Join(dir, "none.npy"), y, "none.npy"},
		"no labels":            {f.Dir, x, "", "no image of " + x + " has a label"},
		"a store":              {f.Dir, folder, "", "in the place of " + folder},
		"other columns":        {f.Dir, narrow, y, "has rows of 4 numbers"},
		"an infinite feature":  {f.Dir, infinite, y, infinite + ": the features of row 25 are not finite (number 2 is +Inf)"},
	} {
		if _, err := evaluation.Score(t.Context(), c.dir, evaluation.Options{Features: c.x, Labels: c.y}); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want %q", name, err, c.says)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := evaluation.Score(ended, f.Dir, evaluation.Options{Features: x, Labels: y}); err == nil || err.Error() != context.Canceled.Error() {
		t.Errorf("an interrupt: %v", err)
	}
}

// A page replaces neither what was read for it nor a file of a run.
func TestPageReplacesNoInput(t *testing.T) {
	dir := t.TempDir()
	x, y := points(t, dir, "x", 90, 1, "cat", "dog", "owl")
	f := trained(t, x, y, 3)
	r := score(t, f, x, y)
	for _, name := range []string{x, y, filepath.Join(f.Dir, "report.html"), filepath.Join(f.Dir, "head.safetensors"), dir, ""} {
		before, _ := os.ReadFile(name)
		if err := r.WritePage(t.Context(), name, evaluation.PageOptions{}); err == nil || !strings.HasPrefix(err.Error(), "page: ") {
			t.Errorf("%q: error %v", name, err)
		}
		if after, _ := os.ReadFile(name); string(before) != string(after) {
			t.Errorf("%s was replaced", name)
		}
	}
	if err := r.WritePage(t.Context(), filepath.Join(dir, "new", "page.html"), evaluation.PageOptions{}); err != nil {
		t.Error(err)
	}
}
