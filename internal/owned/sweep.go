package owned

import (
	"os"
	"path/filepath"
	"strings"

	"iconic/internal/regular"
)

// The files of a sweep, in its folder, and the folder of its runs.
const (
	SweepTable = "sweep.csv"
	SweepPage  = "sweep.html"
	SweepRuns  = "runs"
)

// Sweep is the folder of a sweep whose table or page a file is, or would be if it was written, whatever link leads there; "" if there is none.
func Sweep(file string) string {
	for _, name := range regular.Names(file) {
		base, dir := filepath.Base(name), filepath.Dir(name)
		if !strings.EqualFold(base, SweepTable) && !strings.EqualFold(base, SweepPage) {
			continue
		}
		if stat, err := os.Stat(filepath.Join(dir, SweepRuns)); err == nil && stat.IsDir() {
			return dir
		}
	}
	return ""
}
