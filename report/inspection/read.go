package inspection

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"iconic/internal/spreadsheet"
)

// DuplicateLine is a line of the table that WriteDuplicates writes.
type DuplicateLine struct {
	Group int    // starting at 1
	Kind  string // KindFirst, KindExact or KindNear
	Path  string
}

// OutlierLine is a line of the table that WriteOutliers writes.
type OutlierLine struct {
	Kind       string // KindUnlike or KindElsewhere
	Path       string
	Neighbours int // the cluster of most of its neighbours; −1 if the table gives none
}

// ReadDuplicates reads a table written by WriteDuplicates. Paths keep the apostrophe that
// Names.Safe put before them.
func ReadDuplicates(r io.Reader) ([]DuplicateLine, error) {
	var all []DuplicateLine
	err := eachLine(r, []string{"group", "kind", "path"}, func(cells []string) error {
		group, err := strconv.Atoi(cells[0])
		if err != nil {
			return fmt.Errorf("group %q is not a number", cells[0])
		}
		all = append(all, DuplicateLine{group, cells[1], cells[2]})
		return nil
	})
	return all, err
}

// ReadOutliers reads a table written by WriteOutliers, in the same way as ReadDuplicates.
func ReadOutliers(r io.Reader) ([]OutlierLine, error) {
	var all []OutlierLine
	err := eachLine(r, []string{"kind", "path", "neighbours_cluster"}, func(cells []string) error {
		o := OutlierLine{cells[0], cells[1], -1}
		if cells[2] != "" {
			var err error
			if o.Neighbours, err = strconv.Atoi(cells[2]); err != nil {
				return fmt.Errorf("neighbours_cluster %q is not a number", cells[2])
			}
		}
		all = append(all, o)
		return nil
	})
	return all, err
}

// eachLine calls f with the given columns of each line of a table.
func eachLine(r io.Reader, columns []string, f func(cells []string) error) error {
	table := spreadsheet.NewReader(r)
	header, err := table.Read()
	if errors.Is(err, io.EOF) {
		return errors.New("the table is empty")
	}
	if err != nil {
		return err
	}
	at := make([]int, len(columns))
	for k, column := range columns {
		if at[k] = slices.Index(header, column); at[k] < 0 {
			return fmt.Errorf("the table has no column %q", column)
		}
	}
	cells := make([]string, len(columns))
	for {
		line, err := table.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for k := range at {
			cells[k] = line[at[k]]
		}
		if err := f(cells); err != nil {
			number, _ := table.FieldPos(0)
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
}
