package owned

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFilesOfARun(t *testing.T) {
	dir := t.TempDir()
	runs, other, project, damaged := filepath.Join(dir, "run"), filepath.Join(dir, "other"), filepath.Join(dir, "project"), filepath.Join(dir, "damaged")
	for _, folder := range []string{runs, other, project, damaged} {
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{
		"run/config.json": `{"format":1,"training":{}}`, "run/assignments.csv": "", "run/mine.csv": "",
		"project/config.json": `{"format":1,"name":"of another program"}`, "project/assignments.csv": "",
		"damaged/config.json": "{", "damaged/head.safetensors": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"link": runs, "other/table.csv": filepath.Join(runs, RunAssignments)} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Skip(err)
		}
	}
	for name, want := range map[string]bool{
		"run/assignments.csv": true, "run/curation.jsonl": true, "run/report.html": true, "link/metrics.json": true, "other/table.csv": true, "damaged/metrics.json": true,
		"run/mine.csv": false, "run/new.html": false, "other/assignments.csv": false, "run/old/report.html": false,
		"project/assignments.csv": false, "project/report.html": false, "project/config.json": false,
	} {
		if got := Run(filepath.Join(dir, name)); (got != "") != want {
			t.Errorf("%s is of %q", name, got)
		}
	}
}
