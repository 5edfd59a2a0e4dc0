package classify

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"iconic/curation"
	"iconic/internal/regular"
	"iconic/internal/table"
	"iconic/report"
	"iconic/run"
)

// classNames are the names that a run's labels give its clusters (report.NameClusters), "" for a cluster without one; nil if there were no
// labels. It fails if the run's metrics.json describes another head.
func classNames(r *run.Run) ([]string, error) {
	metrics, err := r.Scores()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil // trained from Go, or stopped before it was scored
	}
	if err != nil {
		return nil, err
	}
	if metrics.Labelled == nil {
		return nil, nil
	}
	called, err := metrics.ReadNames(func() (*report.Assignments, error) {
		return run.Assignments(r.Dir, metrics.Classes)
	})
	if err != nil {
		return nil, err
	}
	return report.Called(called), nil
}

// ReadNamed reads the names of some clusters from a file with lines such as 3,dogs, separated by commas, semicolons, tabs or bars, in UTF-8 or
// UTF-16. Blanks around the number and the name do not count, the first line may be a header such as cluster,name, and a name may be empty.
// It fails on a line that names no cluster from 0 to clusters−1, on a name that curation.CheckName refuses, and on a file that names none.
func ReadNamed(file string, clusters int) (map[int]string, error) {
	content, err := regular.Read(file)
	if err != nil {
		return nil, fmt.Errorf("the file of cluster names cannot be read: %w", err)
	}
	lines, err := table.Lines(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	names, separator := map[int]string{}, rune(0)
	for _, line := range lines {
		if strings.TrimSpace(line.Text) == "" {
			continue
		}
		first, header := separator == 0, ""
		if first {
			separator, header = separatorOf(line.Text), ", or a header such as cluster,name"
		}
		number, name, err := cut(line, separator)
		if err != nil {
			return nil, fmt.Errorf("%s, %w", file, err)
		}
		if first && isHeader(number) {
			continue
		}
		c, err := strconv.Atoi(number)
		if err != nil || c < 0 || c >= clusters {
			return nil, fmt.Errorf("%s, line %d: cluster %q: want a number from 0 to %d%s", file, line.Number, number, clusters-1, header)
		}
		if _, twice := names[c]; twice {
			return nil, fmt.Errorf("%s, line %d: cluster %d is named a second time", file, line.Number, c)
		}
		if err := curation.CheckName(name); err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", file, line.Number, err)
		}
		names[c] = name
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s names no cluster: want lines with a cluster's number and its name, such as 3,dogs", file)
	}
	return names, nil
}

// separatorOf is the separator that comes first in a line: neither a number nor a header contains one.
func separatorOf(line string) rune {
	if i := strings.IndexAny(line, table.Separators); i >= 0 {
		return rune(line[i])
	}
	return ','
}

// cut splits a line into a cluster's number and its name, both without blanks around them.
func cut(line table.Line, separator rune) (number, name string, err error) {
	if !utf8.ValidString(line.Text) {
		return "", "", fmt.Errorf("line %d is not UTF-8 text: save the file as UTF-8", line.Number)
	}
	r := csv.NewReader(strings.NewReader(strings.TrimRight(line.Text, " "))) // strict about quotes, unlike Line.Cells
	r.Comma, r.TrimLeadingSpace = separator, separator != '\t'
	cells, err := r.Read()
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		err = parse.Err // whose line is that of the file
	}
	if err != nil {
		return "", "", fmt.Errorf("line %d: %w", line.Number, err)
	}
	if len(cells) != 2 {
		return "", "", fmt.Errorf("line %d: want a cluster's number and its name, such as 3,dogs, or 3,\"dogs, cats\" if the name contains a separator", line.Number)
	}
	return strings.TrimSpace(cells[0]), strings.TrimSpace(cells[1]), nil
}

// isHeader reports whether a first cell is the name of a column of cluster numbers.
func isHeader(cell string) bool {
	word := strings.NewReplacer(" ", "", "_", "", "-", "", "#", "").Replace(strings.ToLower(cell))
	return slices.Contains([]string{"cluster", "clusters", "clusterid", "clusternumber", "id", "index", "number"}, word)
}

// own fails if a file names a cluster that was merged into another.
func own(file string, named map[int]string, s *curation.State) error {
	for _, c := range slices.Sorted(maps.Keys(named)) {
		if !s.Own(c) {
			return fmt.Errorf("%s: there is no cluster %d: it was merged into cluster %d, so that its name is that one's", file, c, s.Into(c))
		}
	}
	return nil
}

// overlay replaces the names of the clusters that are named.
func overlay(names []string, named map[int]string, clusters int) []string {
	all := make([]string, clusters)
	copy(all, names)
	for c, name := range named {
		all[c] = name
	}
	return all
}
