package report

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"

	"iconic/internal/atomicfile"
	"iconic/internal/regular"
	"iconic/internal/spreadsheet"
)

// Assignments is the content of assignments.csv. Slices have one entry per item; Labels is nil without labels.
type Assignments struct {
	Paths      []string
	Labels     []int // index into Classes, NoLabel for none
	Cluster    []int
	Confidence []float64
	Classes    []string
	Names      []string // of the clusters, "" for one without a name; nil if clusters have no names

	// Safe puts an apostrophe before cells that a spreadsheet would read as formulas. An extra last column marks such a file, so that
	// ReadAssignments can restore the cells and set Safe. Computed is the number of such cells, in either case, in the file last written.
	Safe     bool
	Computed int
}

// Assigned is the cluster of one image.
type Assigned struct {
	Cluster    int
	Name       string  // of the cluster; "" if it has none
	Confidence float64 // 0 to 1
	Label      int     // NoLabel for none
}

// All iterates over the images by path, in order.
func (a *Assignments) All() iter.Seq2[string, Assigned] {
	return func(yield func(string, Assigned) bool) {
		for i, path := range a.Paths {
			one := Assigned{Cluster: a.Cluster[i], Name: a.Name(i), Confidence: a.Confidence[i], Label: NoLabel}
			if a.Labels != nil {
				one.Label = a.Labels[i]
			}
			if !yield(path, one) {
				return
			}
		}
	}
}

var assignmentColumns = []string{"path", "label", "cluster", "name", "confidence"}

// safeColumn is the extra column of a file written with Safe.
const safeColumn = "csv_safe"

// WriteAssignments writes a to a file atomically. The column `label` is the name of the item's true class, `name`
// that of its cluster; either is empty if there is none.
func WriteAssignments(name string, a *Assignments) error {
	if a == nil {
		return fmt.Errorf("write %s: there are no assignments", name)
	}
	if n := len(a.Cluster); len(a.Paths) != n || len(a.Confidence) != n || a.Labels != nil && len(a.Labels) != n {
		return fmt.Errorf("write %s: %d paths, %d labels, %d clusters, %d confidences: want as many of each", name, len(a.Paths), len(a.Labels), n, len(a.Confidence))
	}
	return atomicfile.Write(name, func(w io.Writer) error {
		c := spreadsheet.NewWriter(w, a.Safe)
		row := func(last string, cells ...string) error {
			if a.Safe {
				cells = append(cells, last)
			}
			return c.Write(cells)
		}
		if err := row(safeColumn, assignmentColumns...); err != nil {
			return err
		}
		for i, cluster := range a.Cluster {
			confidence := strconv.FormatFloat(a.Confidence[i], 'g', -1, 64)
			if err := row("true", a.Paths[i], a.Label(i), strconv.Itoa(cluster), a.Name(i), confidence); err != nil {
				return err
			}
		}
		a.Computed = c.Computed
		return c.Flush()
	})
}

// Label is the name of the class of image i, its number if the class has no name, and "" without a label.
func (a *Assignments) Label(i int) string {
	switch {
	case a.Labels == nil || a.Labels[i] < 0:
		return ""
	case a.Labels[i] < len(a.Classes):
		return a.Classes[a.Labels[i]]
	}
	return strconv.Itoa(a.Labels[i])
}

// Name is the name of the cluster of image i, "" if it has none.
func (a *Assignments) Name(i int) string {
	if c := a.Cluster[i]; c >= 0 && c < len(a.Names) {
		return a.Names[c]
	}
	return ""
}

// SameDivision reports whether two lists of labels, negative for none, divide the same items into classes, whatever numbers these have.
func SameDivision(a, b []int) bool {
	if len(a) != len(b) {
		return false
	}
	there, back := map[int]int{}, map[int]int{}
	for i, x := range a {
		y := b[i]
		if x < 0 || y < 0 {
			if x >= 0 || y >= 0 {
				return false
			}
			continue
		}
		u, known := there[x]
		v, taken := back[y]
		if known != taken || known && (u != y || v != x) {
			return false
		}
		there[x], back[y] = y, x
	}
	return true
}

// ReadAssignments reads a file written by this or an earlier version of WriteAssignments: columns are identified by name, and unknown
// columns are ignored. Classes are ordered as in classes, if given, otherwise by name; a name that is not in classes is an error.
// Names is nil.
func ReadAssignments(name string, classes []string) (*Assignments, error) {
	f, _, err := regular.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := spreadsheet.NewReader(f)
	r.ReuseRecord = true
	header, err := r.Read()
	if err != nil && err != io.EOF {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var at [4]int // path, label, cluster, confidence
	for k, column := range []string{"path", "label", "cluster", "confidence"} {
		at[k] = slices.Index(header, column)
		if at[k] < 0 {
			return nil, fmt.Errorf("%s: the first line does not have the columns %[3]q: %[2]q is missing", name, column, assignmentColumns)
		}
	}
	plain := func(cell string) string { return cell }
	if slices.Contains(header, safeColumn) {
		plain = spreadsheet.Plain
	}
	a := &Assignments{Classes: classes, Safe: slices.Contains(header, safeColumn)}
	var labels []string
	for line := 2; ; line++ {
		record, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		cluster, err := strconv.Atoi(record[at[2]])
		if err != nil || cluster < 0 {
			return nil, fmt.Errorf("%s, record %d: cluster %q is not a number from 0", name, line, record[at[2]])
		}
		confidence, err := strconv.ParseFloat(record[at[3]], 64)
		if err != nil || !(confidence >= 0 && confidence <= 1) {
			return nil, fmt.Errorf("%s, record %d: confidence %q is not a number from 0 to 1", name, line, record[at[3]])
		}
		a.Paths = append(a.Paths, plain(record[at[0]]))
		labels = append(labels, plain(record[at[1]]))
		a.Cluster = append(a.Cluster, cluster)
		a.Confidence = append(a.Confidence, confidence)
	}
	return a, a.index(name, labels)
}

// index converts label names to Labels, unless all are empty.
func (a *Assignments) index(name string, labels []string) error {
	if !slices.ContainsFunc(labels, func(s string) bool { return s != "" }) {
		return nil
	}
	if a.Classes == nil {
		a.Classes = slices.Compact(slices.Sorted(slices.Values(labels)))
		if a.Classes[0] == "" {
			a.Classes = a.Classes[1:]
		}
	}
	number := map[string]int{"": NoLabel}
	for k, class := range a.Classes {
		number[class] = k
	}
	a.Labels = make([]int, len(labels))
	for i, label := range labels {
		k, known := number[label]
		if !known {
			return fmt.Errorf("%s, record %d: label %q is not a class of this run", name, i+2, label)
		}
		a.Labels[i] = k
	}
	return nil
}
