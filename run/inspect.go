package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"

	"iconic/features"
	"iconic/inspect"
	"iconic/internal/atomicfile"
	"iconic/internal/owned"
	"iconic/internal/plural"
	"iconic/internal/regular"
	"iconic/internal/spreadsheet"
	"iconic/progress"
	"iconic/report/inspection"
	"iconic/report/page"
)

// The tables of duplicates and outliers in a run folder.
const (
	DuplicatesFile = owned.RunDuplicates
	OutliersFile   = owned.RunOutliers
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
	var others atomic.Int64
	if p != nil {
		o.Picture = func(ctx context.Context, row int, show func(image.Image) error) error {
			err := p.Show(ctx, row, show)
			if errors.Is(err, page.ErrOther) {
				others.Add(1)
			}
			return err
		}
	}
	of := inspect.Set{Features: set, Hashes: set.Hashes, Bytes: set.Bytes, Cluster: cluster, Cache: set.Graphs}
	found, err := inspect.Look(ctx, of, inspect.Options{Options: o, Progress: hooks.Stage("neighbours", "comparisons")})
	if found == nil {
		return nil, err
	}
	if err != nil {
		hooks.Notef("the neighbour graph could not be cached: %v", err)
	}
	other := int(others.Load())
	if n := found.Unread - other; n > 0 {
		hooks.Warnf("%s could not be read for comparison: only %s features are compared", plural.Of(n, "image", "images"), plural.Word(n, "its", "their"))
	}
	if other > 0 {
		hooks.Warnf("%s of which the features were made: only %s features are compared", plural.Of(other, "image is another file than the one", "images are other files than those"), plural.Word(other, "its", "their"))
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

// hasTables reports whether a run folder has both tables.
func hasTables(dir string) bool {
	for _, name := range []string{DuplicatesFile, OutliersFile} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// makeTableSafe writes a table of a run folder again, if there is one, with an apostrophe before cells that a spreadsheet would read as formulas. A table
// that is safe already stays as it is: its cells are known by the images' paths.
func makeTableSafe(name string, paths map[string]bool) error {
	content, err := regular.Read(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	lines, err := spreadsheet.NewReader(bytes.NewReader(content)).ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return atomicfile.Write(name, func(w io.Writer) error {
		table := spreadsheet.NewWriter(w, true)
		for _, cells := range lines {
			for k, cell := range cells {
				if !paths[cell] {
					cells[k] = spreadsheet.Plain(cell)
				}
			}
			if err := table.Write(cells); err != nil {
				return err
			}
		}
		return table.Flush()
	})
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
