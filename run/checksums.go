package run

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"

	"iconic/curation"
	"iconic/head"
	"iconic/head/novelty"
	"iconic/report"
)

// The files of a run folder record which others they belong to, so that a folder into which files of another run were copied is refused:
// config.json has the checksums of the head and of the novelty detector, metrics.json those of the head and of the assignments that it
// scores. Runs of earlier versions have none of them.

// checksum is over the bytes of weights, biases, the temperature where heads vote, and the flat share where there is one.
func checksum(h *head.Ensemble) (string, error) {
	parts := h.Parameters()
	if h.Members > 1 {
		parts = append(parts, []float32{h.Temperature})
	}
	if h.Flat > 0 {
		parts = append(parts, flatShare(h))
	}
	sum := xxhash.New()
	for _, x := range parts {
		if err := binary.Write(sum, binary.LittleEndian, x); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%016x", sum.Sum64()), nil
}

// HeadSum is the checksum of the run's head: heads that assign features differently have different ones.
func (r *Run) HeadSum() (string, error) { return checksum(r.Head) }

// checksums are those of a head and, unless it is nil, of a novelty detector, by the names of their files.
func checksums(h *head.Ensemble, d *novelty.Detector) (map[string]string, error) {
	of, err := checksum(h)
	if err != nil || d == nil {
		return map[string]string{headFile: of}, err
	}
	sum := xxhash.New()
	for _, x := range []any{d.Threshold, d.References} {
		if err := binary.Write(sum, binary.LittleEndian, x); err != nil {
			return nil, err
		}
	}
	return map[string]string{headFile: of, noveltyFile: fmt.Sprintf("%016x", sum.Sum64())}, nil
}

// assigned is the checksum of the images' names and clusters. Carriage returns do not count: earlier versions read a name without one
// that is before a line feed.
func assigned(table *report.Assignments, clusters int) string {
	paths := table.Paths
	if slices.ContainsFunc(paths, func(path string) bool { return strings.Contains(path, "\r") }) {
		paths = slices.Clone(paths)
		for i := range paths {
			paths[i] = strings.ReplaceAll(paths[i], "\r", "")
		}
	}
	return curation.Identify("", paths, table.Cluster, clusters).Images
}

// mixed is the error for files of a run folder that contradict each other; out says how to make them again.
func (r *Run) mixed(contradiction, out string) error {
	return fmt.Errorf("run folder %s: %s: one of the two was changed or belongs to another run; copy the whole folder again, or %s", r.Dir, contradiction, out)
}

// unscored is the error for scores or assignments that contradict the rest of the run folder.
func (r *Run) unscored(format string, args ...any) error {
	return r.mixed(fmt.Sprintf(format, args...), "remove "+metricsFile+" and resume the training, which scores the run again")
}

// checkParts fails unless the head and the novelty detector are those with which config.json was written, and every file that it describes is there.
func (r *Run) checkParts() error {
	now, err := checksums(r.Head, r.Novelty)
	if err != nil {
		return fmt.Errorf("run folder %s: %w", r.Dir, err)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Config.Checksums)) {
		is, read := now[name]
		switch was := r.Config.Checksums[name]; {
		case !read && !r.has(name):
			return fmt.Errorf("run folder %s: %s, which %s describes, is missing: copy the whole folder again, or train again in another one", r.Dir, name, configFile)
		case read && was != "" && was != is:
			return r.mixed(fmt.Sprintf("%s is not the one that %s describes", name, configFile), "train again")
		}
	}
	return nil
}

// has reports whether the folder has a file.
func (r *Run) has(name string) bool {
	_, err := os.Stat(filepath.Join(r.Dir, name))
	return err == nil
}

// Scores reads the scores of a run that Load read; fs.ErrNotExist is in the error's chain if it has none. It fails on those of another head.
func (r *Run) Scores() (*report.Metrics, error) {
	m, err := Metrics(r.Dir)
	if err != nil {
		return nil, err
	}
	if m.Clusters != r.Head.Clusters {
		return nil, r.unscored("%s describes %d clusters, but %s has %d", metricsFile, m.Clusters, headFile, r.Head.Clusters)
	}
	sum, err := checksum(r.Head)
	if err != nil {
		return nil, fmt.Errorf("run folder %s: %w", r.Dir, err)
	}
	if m.HeadChecksum != "" && m.HeadChecksum != sum {
		return nil, r.unscored("%s does not describe the clusters of %s", metricsFile, headFile)
	}
	return m, nil
}

// checkTable fails unless the assignments, as trained, are those that the scores describe.
func (f *Finished) checkTable() error {
	if n := len(f.Table.Cluster); n != f.Metrics.N {
		return f.unscored("%s lists %d images, but %s has %d", assignmentsFile, n, metricsFile, f.Metrics.N)
	}
	sizes := make([]int, f.Head.Clusters)
	for i, c := range f.Table.Cluster {
		if c >= len(sizes) {
			return f.unscored("%s, record %d, has cluster %d, but the clusters of %s are 0 to %d", assignmentsFile, i+2, c, headFile, len(sizes)-1)
		}
		sizes[c]++
	}
	for c, n := range f.Metrics.ClusterSizes {
		if n != sizes[c] {
			return f.unscored("%s has %d images in cluster %d, but %s has %d", assignmentsFile, sizes[c], c, metricsFile, n)
		}
	}
	if was := f.Metrics.AssignmentsChecksum; was != "" && was != assigned(f.Table, len(sizes)) {
		return f.unscored("%s has other images or clusters than those that %s describes", assignmentsFile, metricsFile)
	}
	return nil
}
