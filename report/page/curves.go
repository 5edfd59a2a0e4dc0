package page

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"

	"iconic/report"
)

// drawn are the points whose calibration curves are drawn: those with different runs.
func (s *Sweep) drawn() []Point {
	var list []Point
	for _, p := range s.Points {
		if !slices.ContainsFunc(list, p.sameRuns) {
			list = append(list, p)
		}
	}
	return list
}

// sameRuns reports whether two points have the same runs, as α = 0 on one side and on both.
func (p Point) sameRuns(q Point) bool {
	return slices.EqualFunc(p.Runs, q.Runs, func(a, b *report.Metrics) bool {
		return a.Loss == b.Loss && a.MeanConfidence == b.MeanConfidence && slices.Equal(a.ClusterSizes, b.ClusterSizes)
	})
}

// calibrationCurves plots accuracy against confidence, with all seeds pooled; none without labels.
func (s *Sweep) calibrationCurves() (m multiples, key []keyEntry, note string) {
	if len(Scored(s.Points, report.Measures("accuracy"))) == 0 {
		return m, nil, ""
	}
	points := s.drawn()
	parts := s.facets(-1, points)
	if len(points) < len(s.Points) {
		note = " Combinations with identical runs are drawn once."
	}
	panels := parts.panels
	if len(panels) > multiplesLimit {
		note += fmt.Sprintf(" The first %d of %d charts are shown.", multiplesLimit, len(panels))
		panels = panels[:multiplesLimit]
	}
	for _, panel := range panels {
		of := points
		if panel != "" {
			of = slices.DeleteFunc(slices.Clone(points), func(p Point) bool { return s.describe(p, parts.panel) != panel })
		}
		m.Charts = append(m.Charts, named{panel, s.curves(of, panel, parts, len(panels) > 1)})
	}
	return m, parts.key(), note
}

// curves plots the calibration curves of some points.
func (s *Sweep) curves(points []Point, of string, parts facets, small bool) template.HTML {
	words := "Calibration curves: accuracy against confidence."
	if of != "" {
		words = fmt.Sprintf("Calibration curves, %s: accuracy against confidence.", of)
	}
	p, steps := newPlot(520, 380, words), 5
	if small {
		p, steps = newPlot(300, 250, words), 3
	}
	p.axes("confidence", "accuracy", ticks(0, 1, steps), ticks(0, 1, steps), short, short)
	p.line("diagonal", []float64{0, 1}, []float64{0, 1})
	for _, point := range points {
		var xs, ys []float64
		for b := range report.Bins {
			var n, confidence, right float64
			for _, m := range point.Runs {
				if m.Labelled == nil || m.Reliability[b].Count == 0 {
					continue
				}
				bin := m.Reliability[b]
				n += float64(bin.Count)
				confidence += float64(bin.Count) * float64(bin.Confidence)
				right += float64(bin.Count) * float64(bin.Accuracy)
			}
			if n > 0 {
				xs, ys = append(xs, confidence/n), append(ys, right/n)
			}
		}
		class := "k" + strconv.Itoa(max(0, slices.Index(parts.colours, s.describe(point, parts.colour))))
		p.line(class, xs, ys)
		for i := range xs {
			p.dot(class, xs[i], ys[i], 2.6, fmt.Sprintf("%s: accuracy %.3f at confidence %.3f", s.whole(point), ys[i], xs[i]))
		}
	}
	return p.done()
}
