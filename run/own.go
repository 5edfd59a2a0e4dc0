package run

import (
	"os"
	"path/filepath"
	"strings"

	"iconic/curation"
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
	names := []string{file}
	if target, err := filepath.EvalSymlinks(file); err == nil {
		names = append(names, target)
	}
	for _, name := range names {
		dir := filepath.Dir(name)
		if !Is(dir) {
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
