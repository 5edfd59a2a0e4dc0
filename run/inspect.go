package run

import (
	"context"
	"fmt"
	"io"
	"path/filepath"

	"iconic/features"
	"iconic/inspect"
	"iconic/internal/atomicfile"
	"iconic/internal/plural"
	"iconic/internal/regular"
	"iconic/progress"
	"iconic/report/inspection"
)

// The tables of duplicates and outliers in a run folder.
const (
	DuplicatesFile = "duplicates.csv"
	OutliersFile   = "outliers.csv"
)

// Inspected is what was found in a set of images, with their names.
type Inspected struct {
	*inspection.Findings
	Names inspection.Names
}

// Inspect searches a set for duplicates and outliers. Without clusters no image counts as misplaced; without pictures, only the features
// are compared.
func Inspect(ctx context.Context, set *features.Set, cluster []int, p *Pictures, o inspection.Options, hooks progress.Hooks) (*Inspected, error) {
	if err := set.Check(); err != nil {
		return nil, err
	}
	if p != nil {
		o.Picture = p.Image
	}
	of := inspect.Set{Features: set, Hashes: set.Hashes, Bytes: set.Bytes, Cluster: cluster, Cache: set.Graphs}
	found, err := inspect.Look(ctx, of, inspect.Options{Options: o, Progress: hooks.Stage("neighbours", "comparisons")})
	if found == nil {
		return nil, err
	}
	if err != nil {
		hooks.Notef("the neighbour graph could not be cached: %v", err)
	}
	if found.Unread > 0 {
		hooks.Warnf("%s could not be read for comparison: only %s features are compared", plural.Of(found.Unread, "image", "images"), plural.Word(found.Unread, "its", "their"))
	}
	return &Inspected{found, inspection.Names{Paths: set.Paths, Hashes: set.Hashes, Bytes: set.Bytes, Cluster: cluster}}, nil
}

// Write writes both tables into a folder, duplicates first, or only that of duplicates if only exact copies were searched. It returns the number of cells that a
// spreadsheet would compute.
func (f *Inspected) Write(dir string) (computed int, err error) {
	type table struct {
		name  string
		write func(io.Writer, inspection.Names) (int, error)
	}
	tables := []table{{DuplicatesFile, f.WriteDuplicates}}
	if !f.Exact {
		tables = append(tables, table{OutliersFile, f.WriteOutliers})
	}
	for _, t := range tables {
		err := atomicfile.Write(filepath.Join(dir, t.name), func(w io.Writer) error {
			n, err := t.write(w, f.Names)
			computed += n
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return computed, nil
}

// ReadInspected reads the tables of duplicates and outliers that a run folder has; fs.ErrNotExist is in the error's chain where it has none.
func ReadInspected(dir string) (duplicates []inspection.DuplicateLine, outliers []inspection.OutlierLine, err error) {
	if duplicates, err = readTable(filepath.Join(dir, DuplicatesFile), inspection.ReadDuplicates); err != nil {
		return nil, nil, err
	}
	outliers, err = readTable(filepath.Join(dir, OutliersFile), inspection.ReadOutliers)
	return duplicates, outliers, err
}

func readTable[T any](name string, read func(io.Reader) ([]T, error)) ([]T, error) {
	f, _, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines, err := read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return lines, nil
}
