package owned

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"iconic/internal/regular"
)

// The files of a run folder, with those of a training that has not ended and of a curation.
const (
	RunConfig         = "config.json"
	RunHead           = "head.safetensors"
	RunNovelty        = "novelty.safetensors"
	RunRepresentation = "representation.npy"
	RunHistory        = "history.jsonl"
	RunMetrics        = "metrics.json"
	RunAssignments    = "assignments.csv"
	RunDuplicates     = "duplicates.csv"
	RunOutliers       = "outliers.csv"
	RunPage           = "report.html"
	RunCheckpoint     = "checkpoint.safetensors"
	RunCuration       = "curation.jsonl"
)

// RunFiles are the names of all files that a run folder can have.
func RunFiles() []string {
	return []string{
		RunConfig, RunHead, RunNovelty, RunRepresentation, RunHistory, RunMetrics, RunAssignments, RunDuplicates, RunOutliers, RunPage, RunCheckpoint, RunCuration,
	}
}

// Run is the run folder to which a file belongs, or would belong if it was written, whatever link leads there; "" if there is none.
func Run(file string) string {
	for _, name := range regular.Names(file) {
		dir := filepath.Dir(name)
		if !isRun(dir) {
			continue
		}
		for _, own := range RunFiles() {
			if filepath.Base(name) == own {
				return dir
			}
			if strings.EqualFold(filepath.Base(name), own) && Same(name, filepath.Join(dir, own)) { // a file system that ignores case
				return dir
			}
		}
	}
	return ""
}

// isRun reports whether a folder is this program's run: many programs have a config.json. A damaged one is known by a head or a checkpoint.
func isRun(dir string) bool {
	var c struct {
		Format   int             `json:"format"`
		Training json.RawMessage `json:"training"`
	}
	content, err := regular.Read(filepath.Join(dir, RunConfig))
	if err != nil {
		return false
	}
	return json.Unmarshal(content, &c) == nil && c.Format > 0 && c.Training != nil || exists(dir, RunHead) || exists(dir, RunCheckpoint)
}

// exists reports whether a folder has a file of that name, or a link.
func exists(dir, name string) bool {
	_, err := os.Lstat(filepath.Join(dir, name))
	return err == nil
}
