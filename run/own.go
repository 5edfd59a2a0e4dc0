package run

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"iconic/curation"
	"iconic/internal/regular"
)

// Files are the names of all files that a run folder can have, with those of a training that has not ended and of a curation.
func Files() []string {
	return []string{
		configFile, headFile, noveltyFile, representationFile, historyFile, metricsFile, assignmentsFile, DuplicatesFile, OutliersFile, PageFile, checkpointFile,
		curation.FileName,
	}
}

// Of is the run folder to which a file belongs, or would belong if it was written, whatever link leads there; "" if there is none.
func Of(file string) string {
	for _, name := range regular.Names(file) {
		dir := filepath.Dir(name)
		if !made(dir) {
			continue
		}
		there, err := os.Stat(name)
		for _, own := range Files() {
			if filepath.Base(name) == own {
				return dir
			}
			if !strings.EqualFold(filepath.Base(name), own) || err != nil {
				continue
			}
			if stat, err := os.Stat(filepath.Join(dir, own)); err == nil && os.SameFile(stat, there) { // a file system that ignores case
				return dir
			}
		}
	}
	return ""
}

// made reports whether a folder is this program's run: many programs have a config.json. A damaged one is known by a head or a checkpoint.
func made(dir string) bool {
	var c struct {
		Format   int             `json:"format"`
		Training json.RawMessage `json:"training"`
	}
	content, err := regular.Read(filepath.Join(dir, configFile))
	if err != nil {
		return false
	}
	if json.Unmarshal(content, &c) == nil && c.Format > 0 && c.Training != nil {
		return true
	}
	for _, name := range []string{headFile, checkpointFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}
