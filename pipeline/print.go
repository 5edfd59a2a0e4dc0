package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	number "iconic/internal/plural"
	"iconic/report"
	"iconic/report/page"
)

// printJSON writes the result of a command as JSON, indented. What a command writes as it goes has an object per line instead: progress, notes and
// warnings on standard error, and the images of predict and assignments.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// jsonPath is an image's path in JSON, with its bytes if it is not UTF-8, as in a store's items.jsonl.
type jsonPath struct {
	Path  string `json:"path"`
	Bytes []byte `json:"path_bytes,omitempty"`
}

func jsonPathOf(name string) jsonPath {
	p := jsonPath{Path: name}
	if !utf8.ValidString(name) {
		p.Bytes = []byte(name)
	}
	return p
}

// plural formats a number with the singular or plural of a word.
func plural(n int, one, several string) string { return number.Of(n, one, several) }

// wordFor is the form of a word that goes with a number.
func wordFor(n int, one, several string) string { return number.Word(n, one, several) }

// rate formats a count and its duration, with the rate per second if it is meaningful.
func rate(n int, one, several string, d time.Duration) string {
	s := plural(n, one, several) + " in " + duration(d)
	if perSecond := float64(n) / d.Seconds(); n > 0 && !math.IsInf(perSecond, 0) {
		s += " (" + speed(perSecond, several) + ")"
	}
	return s
}

// table is an aligned table for the terminal, in plain text without rules or colours.
type table struct {
	lines  []string
	headed bool // the first line has the names of the columns
}

func newTable(names ...string) *table {
	t := &table{headed: true}
	t.row(names...)
	return t
}

// row adds a line. Names may contain line breaks and tabs, which are escaped.
func (t *table) row(cells ...string) {
	shown := make([]string, len(cells))
	for i, cell := range cells {
		shown[i] = escaped(cell)
	}
	t.lines = append(t.lines, strings.Join(shown, "\t"))
}

// columnGap is the number of spaces between columns.
const columnGap = 2

// print writes the table: all cells of a column take the same width, except that a row without the column ends it for those above.
func (t *table) print(w io.Writer) error {
	rows := make([][]string, len(t.lines))
	for i, line := range t.lines {
		rows[i] = strings.Split(line, "\t")
	}
	for k, more := 0, true; more; k++ {
		more = false
		for i, end := 0, 0; i < len(rows); i = end + 1 {
			widest := 0
			for end = i; end < len(rows) && len(rows[end]) > k+1; end++ {
				widest, more = max(widest, span(rows[end][k])), true
			}
			for _, cells := range rows[i:end] {
				cells[k] = padded(cells[k], widest+columnGap)
			}
		}
	}
	var b strings.Builder
	for _, cells := range rows {
		b.WriteString(strings.Join(cells, "") + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// padded is a text with blanks that make it a number of columns wide.
func padded(text string, columns int) string {
	return text + strings.Repeat(" ", max(0, columns-span(text)))
}

// printTable prints a table to standard output; on a terminal it wraps the last column, or has a block for each row if that does not suffice.
func (a *app) printTable(t *table) error {
	if columns, terminal := a.columns(); terminal {
		t = t.fitted(columns)
	}
	return t.print(a.out)
}

// printLines prints names and values, one pair per line.
func (a *app) printLines(lines [][2]string) error {
	t := new(table)
	for _, line := range lines {
		t.row(line[0], plain(line[1])) // which may be joined errors
	}
	return a.printTable(t)
}

// printSummary writes the result of a run to standard output: a short table, or all scores with --json.
func (a *app) printSummary(dir string, m *report.Metrics) error {
	if a.json {
		return a.printJSON(struct {
			Run     string          `json:"run"`
			Metrics *report.Metrics `json:"metrics"`
		}{dir, m})
	}
	if _, terminal := a.columns(); terminal {
		fmt.Fprintln(a.out) // below the messages of the stages
	}
	t := summaryTable(m)
	t.row("run folder", dir)
	return a.printTable(t)
}

// summaryTable has the most important scores of a run and of k-means, and the intervals of those that use labels, each if there are any.
func summaryTable(m *report.Metrics) *table {
	names, used, both := []string{plural(m.N, "image", "images"), "head"}, []string{"clusters used"}, []*report.Metrics{m}
	if m.KMeans != nil {
		names, both = append(names, "k-means"), append(both, m.KMeans)
	}
	if m.Labelled != nil {
		names = append(names, "95 % interval (fixed matching)")
	}
	for _, of := range both {
		used = append(used, fmt.Sprintf("%d of %d", of.ClustersUsed, of.Existing()))
	}
	t := newTable(names...)
	t.row(append(used, make([]string, len(names)-len(used))...)...)
	brief := report.Measures("accuracy", "nmi", "ari", "ece", "silhouette", "neighbour_agreement", "expected_accuracy", "mean_confidence")
	for _, s := range page.ScoreLines(both, brief) {
		line := append([]string{s.Name}, s.Text...)
		if m.Labelled != nil {
			interval, _ := s.Interval(m)
			line = append(line, between(interval))
		}
		t.row(line...)
	}
	return t
}

func between(interval [2]report.Number) string {
	if math.IsNaN(float64(interval[0])) {
		return ""
	}
	return fmt.Sprintf("%.3f to %.3f", interval[0], interval[1])
}
