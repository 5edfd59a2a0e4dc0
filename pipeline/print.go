package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"iconic/report"
	"iconic/report/page"
)

// printJSON writes a result for machines.
func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// table is a small aligned table for the terminal, plain text without rules or colours.
type table struct{ lines []string }

func newTable(names ...string) *table {
	t := new(table)
	t.row(names...)
	return t
}

func (t *table) row(cells ...string) { t.lines = append(t.lines, strings.Join(cells, "\t")) }

func (t *table) print(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, line := range t.lines {
		if _, err := fmt.Fprintln(tw, line); err != nil {
			return err
		}
	}
	return tw.Flush()
}

// printSummary writes the result of a run to standard output: a short table, or with --json everything.
func (a *app) printSummary(dir string, m *report.Metrics) error {
	if a.json {
		b, err := json.Marshal(struct {
			Run     string          `json:"run"`
			Metrics *report.Metrics `json:"metrics"`
		}{dir, m})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(a.out, "%s\n", b)
		return err
	}
	t := newTable(fmt.Sprintf("%d images", m.N), "head", "k-means", "95 % interval, the matching held fixed")
	both := []*report.Metrics{m}
	if m.KMeans != nil {
		both = append(both, m.KMeans)
	}
	used := fmt.Sprintf("%d of %d", m.ClustersUsed, m.Clusters)
	if m.KMeans != nil {
		t.row("clusters used", used, fmt.Sprintf("%d of %d", m.KMeans.ClustersUsed, m.KMeans.Clusters))
	} else {
		t.row("clusters used", used)
	}
	brief := []string{"accuracy", "NMI", "ARI", "ECE", "silhouette", "neighbours together", "expected accuracy", "mean confidence"}
	for _, s := range page.ScoreLines(both) {
		if !slices.Contains(brief, s.Name) {
			continue
		}
		interval := ""
		if m.Labelled != nil {
			switch s.Name {
			case "accuracy":
				interval = between(m.AccuracyInterval)
			case "ECE":
				interval = between(m.ECEInterval)
			}
		}
		t.row(append(append([]string{s.Name}, s.Text...), interval)...)
	}
	t.row("run folder", dir)
	return t.print(a.out)
}

func between(interval [2]report.Number) string {
	if math.IsNaN(float64(interval[0])) {
		return ""
	}
	return fmt.Sprintf("%.3f to %.3f", interval[0], interval[1])
}
