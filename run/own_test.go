package run

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFilesOfARun(t *testing.T) {
	dir := t.TempDir()
	runs, other := filepath.Join(dir, "run"), filepath.Join(dir, "other")
	for _, folder := range []string{runs, other} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{configFile, assignmentsFile, "mine.csv"} {
		if err := os.WriteFile(filepath.Join(runs, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link": runs, "other/table.csv": filepath.Join(runs, assignmentsFile)} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	for name, want := range map[string]bool{
		"run/assignments.csv": true, "run/curation.jsonl": true, "run/report.html": true, "link/metrics.json": true, "other/table.csv": true,
		"run/mine.csv": false, "run/new.html": false, "other/assignments.csv": false, "run/old/report.html": false,
	} {
		if got := Of(filepath.Join(dir, name)); (got != "") != want {
			t.Errorf("%s is of %q", name, got)
		}
	}
}
