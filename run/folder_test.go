package run

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/features"
	"iconic/head"
	"iconic/internal/densetest"
	"iconic/option"
)

// small is a short training.
func small(t *testing.T, clusters int) head.Config {
	t.Helper()
	c, err := head.Preset("debiased-infonce-clustering", clusters)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]any{"batch": 128, "epochs": 3, "lr": 1e-2} {
		if err := c.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestRunFolderKeepsTheHead(t *testing.T) {
	m := densetest.Clouds(7, 120, 5, 3, 3)
	config := small(t, 3)
	dir := filepath.Join(t.TempDir(), "run")
	c := Config{Version: "test", Training: config, Features: features.Source{Store: "m", Key: "k", Rows: 120, Dim: 5}, Classes: []string{"a", "b", "c"}, Encoder: []byte(`{"model":"x"}`)}
	if err := Create(dir, c); err != nil {
		t.Fatal(err)
	}
	if err := Create(dir, c); err != nil {
		t.Fatalf("a folder without finished work: %v", err)
	}
	if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), "has not ended") {
		t.Fatalf("loading an unfinished run: %v", err)
	}
	r, err := head.Train(context.Background(), m, head.Inputs{}, config, head.Options{Save: func(s *head.State, _ bool) error { return SaveCheckpoint(dir, s) }})
	if err != nil {
		t.Fatal(err)
	}
	if err := Create(dir, c); !errors.Is(err, ErrExists) || !strings.Contains(err.Error(), dir) {
		t.Fatalf("a second run in the same folder: %v", err)
	}
	if err := Finish(dir, c, r); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, checkpointFile)); err == nil {
		t.Error("the checkpoint is left behind")
	}
	run, err := Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r.Head, run.Head); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(r.Config, run.Config.Training); diff != "" || !run.Ended() {
		t.Errorf("ended: %t; settings (-used +read):\n%s", run.Ended(), diff)
	}
	history, err := run.History()
	if diff := cmp.Diff(r.History, history); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestDamagedRunFolders(t *testing.T) {
	for name, content := range map[string]string{
		"is not a run folder": "",
		"config.json":         "{",
		"has format 9":        `{"format": 9, "version": "later"}`,
		"has format 0":        `{}`,
	} {
		dir := t.TempDir()
		if content != "" {
			if err := os.WriteFile(filepath.Join(dir, configFile), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Load(dir); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: error %v, want one with %q", content, err, name)
		}
	}
}

// Of the results of a training the head is written last: if it exists, so do all others, including a representation.
func TestTheHeadComesLast(t *testing.T) {
	m := densetest.Clouds(7, 60, 5, 3, 3)
	config, err := head.Preset("pca", 3)
	if err != nil {
		t.Fatal(err)
	}
	r, err := head.Train(t.Context(), m, head.Inputs{}, config, head.Options{})
	if err != nil || r.Representation == nil {
		t.Fatalf("%v without a representation, %v", r, err)
	}
	c := Config{Version: "test", Training: config, Features: features.Source{Store: "m", Key: "k", Rows: 60, Dim: 5}}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, historyFile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, historyFile, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Finish(dir, c, r); err == nil {
		t.Fatal("a history cannot be written, but no error is returned")
	}
	if _, err := os.Stat(filepath.Join(dir, headFile)); err == nil {
		t.Error("the head exists before the history")
	}
	dir = t.TempDir()
	if err := Finish(dir, c, r); err != nil {
		t.Fatal(err)
	}
	run, err := Load(dir)
	if err != nil || !run.Ended() || run.Config.Dimensions != r.Dimensions {
		t.Fatalf("%+v, %v", run, err)
	}
	if err := os.Remove(filepath.Join(dir, representationFile)); err != nil {
		t.Fatal(err)
	}
	if run.Ended() {
		t.Error("a run without its representation counts as ended")
	}
}

// A folder without a name is refused before anything is read or written.
func TestFolderWithoutAName(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, err := range map[string]error{
		"free": CheckFree(""), "place": CheckPlace("", nil, 0), "resume": CheckResume("", nil, 0), "create": Create("", Config{}),
	} {
		var refused *SettingsError
		var of *option.Error
		if !errors.As(err, &refused) || !errors.As(err, &of) || of.Option != "Out" {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 0 {
		t.Errorf("%v was written, %v", left, err)
	}
	if _, _, err := ConfigureFor(nil, nil, 0); err == nil {
		t.Error("no set of features: no error")
	}
}
