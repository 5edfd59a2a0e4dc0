package sweep

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"

	"iconic/internal/atomicfile"
	"iconic/internal/spreadsheet"
	"iconic/report"
	"iconic/report/page"
)

// csvScores are the columns of sweep.csv after the settings; a missing score is empty.
var csvScores = []struct {
	name string
	of   func(m *report.Metrics) report.Number
}{
	{"clusters_used", func(m *report.Metrics) report.Number { return report.Number(m.ClustersUsed) }},
	{"effective_clusters", func(m *report.Metrics) report.Number { return m.EffectiveClusters }},
	{"loss", func(m *report.Metrics) report.Number { return m.Loss }},
	{"mean_confidence", func(m *report.Metrics) report.Number { return m.MeanConfidence }},
	{"accuracy", labelled(func(l *report.Labelled) report.Number { return l.Accuracy })},
	{"nmi", labelled(func(l *report.Labelled) report.Number { return l.NMI })},
	{"ari", labelled(func(l *report.Labelled) report.Number { return l.ARI })},
	{"ami", labelled(func(l *report.Labelled) report.Number { return l.AMI })},
	{"ece", labelled(func(l *report.Labelled) report.Number { return l.ECE })},
	{"mce", labelled(func(l *report.Labelled) report.Number { return l.MCE })},
	{"adaptive_ece", labelled(func(l *report.Labelled) report.Number { return l.AdaptiveECE })},
	{"brier", labelled(func(l *report.Labelled) report.Number { return l.Brier })},
	{"nll", labelled(func(l *report.Labelled) report.Number { return l.NLL })},
	{"silhouette", labelFree(func(l *report.LabelFree) report.Number { return l.Silhouette })},
	{"davies_bouldin", labelFree(func(l *report.LabelFree) report.Number { return l.DaviesBouldin })},
	{"calinski_harabasz", labelFree(func(l *report.LabelFree) report.Number { return l.CalinskiHarabasz })},
	{"neighbour_agreement", labelFree(func(l *report.LabelFree) report.Number { return l.NeighbourAgreement })},
}

func labelled(of func(*report.Labelled) report.Number) func(*report.Metrics) report.Number {
	return func(m *report.Metrics) report.Number {
		if m.Labelled == nil {
			return report.Number(math.NaN())
		}
		return of(m.Labelled)
	}
}

func labelFree(of func(*report.LabelFree) report.Number) func(*report.Metrics) report.Number {
	return func(m *report.Metrics) report.Number {
		if m.LabelFree == nil {
			return report.Number(math.NaN())
		}
		return of(m.LabelFree)
	}
}

// writeCSV writes one line per run: store, varying settings, seed, scores, folder.
func (s *Sweep) writeCSV(name string) error {
	return atomicfile.Write(name, func(w io.Writer) error {
		c := spreadsheet.NewWriter(w, s.options.Safe)
		header := append(slices.Clone(s.varied), "seed")
		for _, score := range csvScores {
			header = append(header, score.name)
		}
		if err := c.Write(append(header, "run")); err != nil {
			return err
		}
		for _, p := range s.points {
			for _, j := range p.jobs {
				line := append(slices.Clone(p.values), strconv.FormatUint(j.Config.Seed, 10))
				for _, score := range csvScores {
					text := ""
					if v := score.of(j.Metrics); v.Defined() {
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

// Row is a point as a row of a table whose columns are Header.
func Row(p page.Point) []string {
	scores := []func(*report.Metrics) report.Number{
		labelled(func(l *report.Labelled) report.Number { return l.Accuracy }),
		labelled(func(l *report.Labelled) report.Number { return l.NMI }),
		labelled(func(l *report.Labelled) report.Number { return l.ECE }),
		labelFree(func(l *report.LabelFree) report.Number { return l.Silhouette }),
	}
	row := append(slices.Clone(p.Values), strconv.Itoa(len(p.Runs)))
	for _, score := range scores {
		text := "-"
		if v := p.Over(score); v.Median.Defined() {
			text = report.Unsigned(fmt.Sprintf("%.4f", v.Median))
		}
		row = append(row, text)
	}
	return row
}

// Header names the columns of a table of points: the varying settings, and the medians of a few scores.
func (s *Sweep) Header() []string {
	return append(slices.Clone(s.varied), "runs", "accuracy", "NMI", "ECE", "silhouette")
}
