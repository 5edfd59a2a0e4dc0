package run

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"iconic/features"
	"iconic/internal/densetest"
)

// onClouds is a training of k-means on images of some clouds.
func onClouds(t *testing.T, seed uint64, clusters int, path string) *Training {
	t.Helper()
	const rows = 60
	set := &features.Set{Features: densetest.Clouds(seed, rows, 5, 3, 3), Source: features.Source{Key: "k", Rows: rows, Dim: 5}, Classes: []string{"a", "b", "c"}}
	for i := range rows {
		set.Paths, set.Labels = append(set.Paths, path+strconv.Itoa(i)), append(set.Labels, i%3)
	}
	c, _, err := Configure(map[string]string{"method": "kmeans", "clusters": strconv.Itoa(clusters)}, seed, rows, 3)
	if err != nil {
		t.Fatal(err)
	}
	return &Training{Dir: filepath.Join(t.TempDir(), "run"), Features: set, Config: c, Workers: 1}
}

// finished trains on images of some clouds and returns the files of the run folder.
func finished(t *testing.T, seed uint64, clusters int, path string) map[string]string {
	t.Helper()
	training := onClouds(t, seed, clusters, path)
	if _, err := training.Train(t.Context()); err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, name := range []string{configFile, headFile, noveltyFile, historyFile, metricsFile, assignmentsFile} {
		b, err := os.ReadFile(filepath.Join(training.Dir, name))
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(b)
	}
	return files
}

// opened opens a run folder with the given files.
func opened(t *testing.T, files map[string]string) error {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	_, err := Open(dir)
	return err
}

// old is a run as earlier versions wrote it, without checksums.
func old(files map[string]string) map[string]string {
	files = maps.Clone(files)
	files[configFile] = regexp.MustCompile(`(?s),\s*"checksums": \{.*?\}`).ReplaceAllString(files[configFile], "")
	files[metricsFile] = regexp.MustCompile(`\s*"(head|assignments)_checksum": ".*",`).ReplaceAllString(files[metricsFile], "")
	return files
}

// A run folder into which a file of another run was copied is refused with the name of the file, whether or not the numbers of clusters and of
// images are the same.
func TestAFolderOfTwoRunsIsRefused(t *testing.T) {
	run, other, fewer, moved := finished(t, 1, 4, "p"), finished(t, 2, 4, "p"), finished(t, 1, 3, "p"), finished(t, 1, 4, "q")
	if err := opened(t, run); err != nil {
		t.Fatal(err)
	}
	if err := opened(t, old(run)); err != nil || strings.Contains(old(run)[configFile]+old(run)[metricsFile], "checksum") {
		t.Fatalf("a run of an earlier version: %v", err)
	}
	if err := opened(t, finished(t, 3, 3, "a\r\r\nb")); err != nil {
		t.Fatalf("paths with carriage returns: %v", err)
	}
	record := func(cells string) map[string]string {
		lines := strings.SplitAfter(run[assignmentsFile], "\n")
		cut := strings.SplitN(lines[1], ",", 4)
		lines[1] = cut[0] + "," + cut[1] + "," + cells + "," + cut[3]
		return map[string]string{assignmentsFile: strings.Join(lines, "")}
	}
	for _, c := range []struct {
		what  string
		into  map[string]string
		from  map[string]string
		files []string
		want  string
	}{
		{"the head", run, other, []string{headFile}, "head.safetensors is not the one that config.json describes"},
		{"the settings", run, other, []string{configFile}, "head.safetensors is not the one that config.json describes"},
		{"the novelty detector", run, other, []string{noveltyFile}, "novelty.safetensors is not the one that config.json describes"},
		{"settings and head", run, other, []string{configFile, headFile, noveltyFile}, "metrics.json does not describe the clusters of head.safetensors"},
		{"the scores", run, other, []string{metricsFile}, "metrics.json does not describe the clusters of head.safetensors"},
		{"the scores of fewer clusters", run, fewer, []string{metricsFile}, "metrics.json describes 3 clusters, but head.safetensors has 4"},
		{"the assignments", run, other, []string{assignmentsFile}, "assignments.csv has "},
		{"the assignments of fewer clusters", run, fewer, []string{assignmentsFile}, "assignments.csv has "},
		{"the assignments of other images", run, moved, []string{assignmentsFile}, "assignments.csv has other images or clusters than those that metrics.json describes"},
		{"the scores of fewer clusters, of an earlier version", old(run), old(fewer), []string{metricsFile}, "metrics.json describes 3 clusters"},
		{"the assignments of fewer clusters, of an earlier version", old(run), old(fewer), []string{assignmentsFile}, "assignments.csv has "},
		{"a cluster that is not there", run, record("99"), []string{assignmentsFile}, "assignments.csv, record 2, has cluster 99, but the clusters of head.safetensors are 0 to 3"},
	} {
		files := maps.Clone(c.into)
		for _, name := range c.files {
			files[name] = c.from[name]
		}
		err := opened(t, files)
		if err == nil || !strings.Contains(err.Error(), c.want) || !slices.ContainsFunc([]string{"train again", "resume the training"}, func(out string) bool { return strings.Contains(err.Error(), out) }) {
			t.Errorf("%s: %v, want %q and a way out", c.what, err, c.want)
		}
	}
}

// A run folder that has lost a file, as in a copy that was cut short, is refused with the name of the file and a way out, also by a resumed
// training that has nothing to do, or only the page to make. A run of an earlier version, which describes no files, may be without a novelty detector.
func TestAFolderThatLostAFileIsRefused(t *testing.T) {
	whole := finished(t, 1, 4, "p")
	without := func(files map[string]string, name string) map[string]string {
		files = maps.Clone(files)
		delete(files, name)
		return files
	}
	for name, want := range map[string]string{
		noveltyFile: "novelty.safetensors, which config.json describes, is missing: copy the whole folder again, or train again in another one",
		headFile:    "has no head.safetensors: its training has not ended", metricsFile: "has no scores: open ", assignmentsFile: "has no scores: open ",
	} {
		if err := opened(t, without(whole, name)); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if err := opened(t, without(old(whole), noveltyFile)); err != nil {
		t.Errorf("a run of an earlier version without a novelty detector: %v", err)
	}
	training := onClouds(t, 1, 4, "p")
	training.Resume = true
	for _, page := range []bool{true, false} {
		if err := errors.Join(os.RemoveAll(training.Dir), os.Mkdir(training.Dir, 0o755)); err != nil {
			t.Fatal(err)
		}
		files := without(whole, noveltyFile)
		if page {
			files[PageFile] = "a page"
		}
		for name, content := range files {
			if err := os.WriteFile(filepath.Join(training.Dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := training.Train(t.Context()); err == nil || !strings.Contains(err.Error(), noveltyFile) {
			t.Errorf("resumed, with a page: %t: %v", page, err)
		}
	}
}

// A training that stopped while it wrote its results, which are all there except for the head, or for it and others, is resumed.
func TestATrainingThatStoppedWhileItWroteIsResumed(t *testing.T) {
	whole := finished(t, 1, 4, "p")
	for _, left := range [][]string{{configFile, historyFile, noveltyFile}, {configFile, historyFile}, {configFile, noveltyFile}, {configFile}} {
		training := onClouds(t, 1, 4, "p")
		training.Resume = true
		if err := os.Mkdir(training.Dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range left {
			if err := os.WriteFile(filepath.Join(training.Dir, name), []byte(whole[name]), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := training.Train(t.Context()); err != nil {
			t.Errorf("with %v: %v", left, err)
		}
		if _, err := Open(training.Dir); err != nil {
			t.Errorf("with %v: %v", left, err)
		}
	}
}
