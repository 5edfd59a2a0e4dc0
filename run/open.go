package run

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"iconic/curation"
	"iconic/internal/owned"
	"iconic/report"
)

const (
	metricsFile     = owned.RunMetrics
	assignmentsFile = owned.RunAssignments
)

// ErrNoScores is in the chain of Open's error for a run whose training has ended but was not scored, or whose assignments are missing.
var ErrNoScores = errors.New("has no scores")

// Finished is a run folder with its scores: the source of pages, comparisons and sorted folders.
type Finished struct {
	*Run
	Metrics *report.Metrics
	Table   *report.Assignments
	// Curated, unless nil, holds the changes made by hand: Table then includes them, Metrics does not.
	Curated *curation.State
	// Unchanged says that a training asked to resume this run found it complete, and did nothing.
	Unchanged bool
}

// Open reads a finished run folder. It fails on a folder with files of several runs, or without one that config.json describes. If its training has
// not ended, ErrUnfinished is in the error's chain; if its scores or assignments are missing, ErrNoScores and fs.ErrNotExist are.
func Open(dir string) (*Finished, error) {
	run, err := Load(dir)
	if err != nil {
		return nil, err
	}
	f := &Finished{Run: run}
	f.Metrics, err = run.Scores()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("run folder %s %w: %w", dir, ErrNoScores, err)
	}
	if err != nil {
		return nil, err
	}
	var classes []string
	if f.Metrics.Labelled != nil {
		classes = f.Metrics.Labelled.Classes
	}
	f.Table, err = Assignments(dir, classes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("run folder %s %w: %w", dir, ErrNoScores, err)
	}
	if err != nil {
		return nil, err
	}
	if err := f.checkTable(); err != nil {
		return nil, err
	}
	if f.Metrics.Labelled != nil {
		if f.Metrics.Names, err = f.Metrics.ReadNames(func() (*report.Assignments, error) { return f.Table, nil }); err != nil {
			return nil, err
		}
		f.Table.Names = calledNames(f.Metrics)
	}
	return f, nil
}

// Whole reports whether a folder has the scores and the page of a run.
func Whole(dir string) bool {
	for _, name := range []string{metricsFile, assignmentsFile, PageFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// Metrics reads the scores of a run; fs.ErrNotExist is in the error's chain if it has none.
func Metrics(dir string) (*report.Metrics, error) {
	return report.ReadMetrics(filepath.Join(dir, metricsFile))
}

// Assignments reads the clusters of a run's images, whose labels belong to the classes; nil: labels are numbers.
func Assignments(dir string, classes []string) (*report.Assignments, error) {
	return report.ReadAssignments(filepath.Join(dir, assignmentsFile), classes)
}

// MakeSafe writes assignments.csv, duplicates.csv and outliers.csv again, as far as there are any, as a training with Safe writes them. Changes made by hand are kept elsewhere and must not be among them.
func (f *Finished) MakeSafe() error {
	if f.Curated != nil {
		return fmt.Errorf("run folder %s: its assignments, as trained, cannot be written with the changes made by hand", f.Dir)
	}
	paths := make(map[string]bool, len(f.Table.Paths))
	for _, path := range f.Table.Paths {
		paths[path] = true
	}
	for _, name := range []string{DuplicatesFile, OutliersFile} { // first, since assignments.csv is what says that a run is safe
		if err := makeTableSafe(filepath.Join(f.Dir, name), paths); err != nil {
			return err
		}
	}
	f.Table.Safe = true
	return report.WriteAssignments(filepath.Join(f.Dir, assignmentsFile), f.Table)
}

// Page is the path of the run's page.
func (f *Finished) Page() string { return filepath.Join(f.Dir, PageFile) }
