package sweep

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"

	"iconic/internal/atomicfile"
	"iconic/internal/spreadsheet"
	"iconic/report"
	"iconic/report/page"
)

// csvScores are the columns of sweep.csv after the settings; a missing score is empty.
func csvScores() []report.Measure {
	return report.Measures("clusters_used", "effective_clusters", "loss", "mean_confidence", "accuracy", "nmi", "ari", "ami", "ece", "ece_by_chance", "mce", "adaptive_ece", "brier", "nll",
		"silhouette", "davies_bouldin", "calinski_harabasz", "neighbour_agreement", "expected_accuracy")
}

// writeCSV writes one line per run: store, varying settings, seed, scores, folder.
func (s *Sweep) writeCSV(name string) error {
	return atomicfile.Write(name, func(w io.Writer) error {
		c := spreadsheet.NewWriter(w, s.options.Safe)
		header, scores := append(slices.Clone(s.varied), "seed"), csvScores()
		for _, score := range scores {
			header = append(header, score.Key)
		}
		if err := c.Write(append(header, "run")); err != nil {
			return err
		}
		for _, p := range s.points {
			for _, j := range p.jobs {
				line := append(slices.Clone(p.values), strconv.FormatUint(j.Config.Seed, 10))
				for _, score := range scores {
					text := ""
					if v := score.Of(j.Metrics); v.Defined() {
						text = strconv.FormatFloat(float64(v), 'g', -1, 64)
					}
					line = append(line, text)
				}
				if err := c.Write(append(line, filepath.Join("runs", j.Name))); err != nil {
					return err
				}
			}
		}
		s.Formulas = c.Computed
		return c.Flush()
	})
}

// Table is a table of points, for a terminal: the varying settings, the number of runs, and the medians of a few scores, which are those that use
// labels if any run has them. The first line names the columns.
func (s *Sweep) Table(points []page.Point) [][]string {
	columns := report.Measures("accuracy", "nmi", "ece", "silhouette")
	if len(page.Scored(points, columns[:1])) == 0 {
		columns = page.Scored(points, report.Measures("expected_accuracy", "silhouette", "neighbour_agreement", "mean_confidence"))
	}
	header := append(slices.Clone(s.varied), "runs")
	for _, x := range columns {
		header = append(header, x.Name)
	}
	lines := [][]string{header}
	for _, p := range points {
		line := append(slices.Clone(p.Values), strconv.Itoa(len(p.Runs)))
		for _, x := range columns {
			text := "-"
			if v := p.Over(x); v.Median.Defined() {
				text = report.Unsigned(fmt.Sprintf("%.4f", v.Median))
			}
			line = append(line, text)
		}
		lines = append(lines, line)
	}
	return lines
}
