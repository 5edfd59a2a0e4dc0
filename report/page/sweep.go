package page

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"iconic/report"
)

// Sweep is a set of runs that differ in known settings.
type Sweep struct {
	Title  string
	Facts  []Setting
	Names  []string // of the settings that vary, except the seed
	Points []Point  // combinations, in the order of the grid
	Panels []Panel  // embeddings to show side by side
	// Counted compares the numbers of clusters, once for each store, if they vary.
	Counted []Counted
	// Uncounted says which numbers of clusters could not be compared.
	Uncounted []Uncounted
}

// Uncounted says why numbers of clusters could not be compared.
type Uncounted struct {
	Name string // of the store, if there are several
	Why  string // a sentence without a full stop
}

// Point is one combination of settings with its runs, one per seed.
type Point struct {
	Values    []string // one per name
	Runs      []*report.Metrics
	Agreement report.Number // between its seeds
}

// Panel is a coloured layout of some items.
type Panel struct {
	Title  string
	XY     []float32 // n×2
	Colour []int     // class or cluster of each of the n items; negative: it has none
}

// Spread is a score over seeds.
type Spread struct{ Median, Low, High report.Number }

// Over is the spread of a score over those runs of a point that have it; NaN if none has.
func (p Point) Over(score func(m *report.Metrics) report.Number) Spread {
	var list []float64
	for _, m := range p.Runs {
		if v := score(m); v.Defined() {
			list = append(list, float64(v))
		}
	}
	if len(list) == 0 {
		undefined := report.Number(math.NaN())
		return Spread{undefined, undefined, undefined}
	}
	slices.Sort(list)
	half := len(list) / 2
	median := list[half]
	if len(list)%2 == 0 {
		median = (median + list[half-1]) / 2
	}
	return Spread{report.Number(median), report.Number(list[0]), report.Number(list[len(list)-1])}
}

// measureNamed finds a score by the name used on all pages.
func measureNamed(name string) measure {
	all := allMeasures()
	return all[slices.IndexFunc(all, func(x measure) bool { return x.name == name })]
}

// seedAgreement is the name of the score that belongs to a point, not to its runs.
const seedAgreement = "agreement between seeds"

func (p Point) over(name string) Spread {
	if name == seedAgreement {
		return Spread{p.Agreement, p.Agreement, p.Agreement}
	}
	return p.Over(measureNamed(name).value)
}

// has reports whether any run of the sweep has a score.
func (s *Sweep) has(name string) bool {
	return slices.ContainsFunc(s.Points, func(p Point) bool { return p.over(name).Median.Defined() })
}

// check returns an error for points that do not match the names and for scores that do not fit themselves.
func (s *Sweep) check() error {
	if len(s.Points) == 0 {
		return fmt.Errorf("sweep page: no runs")
	}
	for _, p := range s.Points {
		if len(p.Values) != len(s.Names) || len(p.Runs) == 0 {
			return fmt.Errorf("sweep page: a combination has %d values of %d settings and %d runs", len(p.Values), len(s.Names), len(p.Runs))
		}
		for _, m := range p.Runs {
			if err := checkMetrics(m); err != nil {
				return fmt.Errorf("sweep page: %w", err)
			}
		}
	}
	for _, p := range s.Panels {
		if len(p.XY) != 2*len(p.Colour) {
			return fmt.Errorf("sweep page: panel %q has %d coordinates of %d points", p.Title, len(p.XY), len(p.Colour))
		}
	}
	return nil
}

// WriteSweep writes the page of a sweep: scores against every numeric setting, calibration curves, embeddings,
// label-free scores against the number of clusters, and the table of all results.
func WriteSweep(ctx context.Context, w io.Writer, s Sweep) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	v := sweepView{Facts: s.Facts, Panels: s.panels(), Uncoloured: s.uncoloured()}
	sections := []section{}
	for k, name := range s.Names {
		if f := s.figure(k); f != nil {
			f.ID = "by-" + strconv.Itoa(k)
			sections = append(sections, section{f.ID, "By " + name})
			v.Figures = append(v.Figures, *f)
		}
	}
	if choice := s.choice(); choice != nil {
		v.Choice = choice
		sections = append(sections, section{"choice", "Choosing K"})
	}
	if v.Curves, v.CurveKey, v.CurveNote = s.calibrationCurves(); len(v.Curves.Charts) > 0 {
		sections = append(sections, section{"calibration", "Calibration"})
	}
	if len(v.Panels) > 0 {
		sections = append(sections, section{"panels", "Embeddings"})
	}
	v.table(&s)
	var err error
	if v.frame, err = newFrame(s.Title, append(sections, section{"all", "All results"}), ""); err != nil {
		return err
	}
	return render(w, "sweep.html", v)
}

type sweepView struct {
	frame
	Facts      []Setting
	Figures    []figure
	Choice     *choice
	Curves     multiples
	CurveKey   []keyEntry
	CurveNote  string
	Panels     []named
	Uncoloured bool     // some items of the panels have no class
	Heads      []string // names of settings
	Columns    []string // names of scores
	Rows       []sweepRow
}

// figure contains the charts against one setting: one for each score, or, if the other settings give more curves than one chart can show, a row of
// small charts for each score.
type figure struct {
	ID, Name string
	Rows     []multiples
	Key      []keyEntry
	Note     string
}

// multiples are charts of the same score on the same axes, each for some of the points.
type multiples struct {
	Name   string
	Charts []named // one without a name, or several
}

// Small reports whether there are several charts.
func (m multiples) Small() bool { return len(m.Charts) > 1 }

type keyEntry struct {
	Class, Name string
}

type sweepRow struct {
	Values []string
	Runs   int
	Cells  []string
}

// seriesLimit is the maximum number of curves in one chart: more cannot be told apart.
const seriesLimit = 6

// multiplesLimit is the maximum number of small charts in a row.
const multiplesLimit = 36

// series are points that differ in only one setting, ordered by it.
type series struct {
	name   string
	colour int // index below seriesLimit
	points []Point
	x      []float64
}

// facets say how points that differ in other settings are distinguished: by colour within a chart, or by separate charts.
type facets struct {
	colour, panel []int // settings
	colours       []string
	panels        []string // labels of the charts, in the order of the points; a single "" if there is one chart
}

// facets divides the settings other than without (−1: all settings). If all their combinations fit in one chart, that
// chart is used. Otherwise colour distinguishes the values of the setting with the most values, up to the limit of a chart, and every
// combination of the others has its own chart.
func (s *Sweep) facets(without int, points []Point) facets {
	var f facets
	for k := range s.Names {
		if k != without && len(values(points, []int{k}, s)) > 1 {
			f.colour = append(f.colour, k)
		}
	}
	if f.colours = values(points, f.colour, s); len(f.colours) <= seriesLimit {
		f.panels = []string{""}
		return f
	}
	others, best := f.colour, -1
	for _, k := range others {
		n := len(values(points, []int{k}, s))
		if n <= seriesLimit && (best < 0 || n > len(values(points, []int{best}, s))) {
			best = k
		}
	}
	f.colour = nil
	for _, k := range others {
		if k == best {
			f.colour = []int{k}
		} else {
			f.panel = append(f.panel, k)
		}
	}
	f.colours, f.panels = values(points, f.colour, s), values(points, f.panel, s)
	return f
}

// values lists the points' values of some settings, as text, in order.
func values(points []Point, settings []int, s *Sweep) []string {
	var list []string
	for _, p := range points {
		if v := s.describe(p, settings); !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

// describe names a point by some of its settings.
func (s *Sweep) describe(p Point, settings []int) string {
	var parts []string
	for _, k := range settings {
		parts = append(parts, s.Names[k]+" "+p.Values[k])
	}
	return strings.Join(parts, ", ")
}

// whole names a point by all its settings.
func (s *Sweep) whole(p Point) string {
	all := make([]int, len(s.Names))
	for k := range all {
		all[k] = k
	}
	return s.describe(p, all)
}

// key is the legend of the colours.
func (f *facets) key() []keyEntry {
	var list []keyEntry
	for k, name := range f.colours {
		if name != "" {
			list = append(list, keyEntry{"k" + strconv.Itoa(k), name})
		}
	}
	return list
}

// seriesAgainst returns the points of each chart as series; nil if the setting is not numeric.
func (s *Sweep) seriesAgainst(setting int, f facets) [][]series {
	charts := make([][]series, len(f.panels))
	for _, p := range s.Points {
		x, err := strconv.ParseFloat(p.Values[setting], 64)
		if err != nil {
			return nil
		}
		name := s.describe(p, f.colour)
		panel := slices.Index(f.panels, s.describe(p, f.panel))
		at := slices.IndexFunc(charts[panel], func(c series) bool { return c.name == name })
		if at < 0 {
			at = len(charts[panel])
			charts[panel] = append(charts[panel], series{name: name, colour: slices.Index(f.colours, name)})
		}
		c := &charts[panel][at]
		place, _ := slices.BinarySearch(c.x, x)
		c.x = slices.Insert(c.x, place, x)
		c.points = slices.Insert(c.points, place, p)
	}
	return charts
}

// figure plots two scores against a setting; nil if it does not vary or is not numeric.
func (s *Sweep) figure(setting int) *figure {
	parts := s.facets(setting, s.Points)
	charts := s.seriesAgainst(setting, parts)
	if len(charts) == 0 || len(values(s.Points, []int{setting}, s)) < 2 {
		return nil
	}
	name := s.Names[setting]
	f := &figure{Name: "By " + name, Key: parts.key()}
	if len(charts) > multiplesLimit {
		f.Note = fmt.Sprintf(" The first %d of %d combinations of the other settings have a chart; the table has all.", multiplesLimit, len(charts))
		charts = charts[:multiplesLimit]
	}
	scores := []string{"accuracy", "ECE"}
	if !s.has("accuracy") {
		scores = []string{"silhouette", "mean confidence"}
	}
	for _, score := range scores {
		if !s.has(score) {
			continue
		}
		row := multiples{Name: score}
		a := axesOf(score, slices.Concat(charts...))
		for k, list := range charts {
			row.Charts = append(row.Charts, named{parts.panels[k], a.draw(name, score, parts.panels[k], list, len(charts) > 1)})
		}
		f.Rows = append(f.Rows, row)
	}
	return f
}

// axes are the axes that the charts of a score share.
type axes struct {
	left, right, low, high float64
	xs                     []float64
	logarithmic            bool // for settings that grow by factors
}

func axesOf(score string, list []series) axes {
	a := axes{left: math.Inf(1), right: math.Inf(-1), low: math.Inf(1), high: math.Inf(-1)}
	for _, c := range list {
		for k, p := range c.points {
			if spread := p.over(score); spread.Median.Defined() {
				a.low, a.high = min(a.low, float64(spread.Low)), max(a.high, float64(spread.High))
				a.left, a.right = min(a.left, c.x[k]), max(a.right, c.x[k])
			}
			if !slices.Contains(a.xs, c.x[k]) {
				a.xs = append(a.xs, c.x[k])
			}
		}
	}
	slices.Sort(a.xs)
	a.logarithmic = a.left > 0 && a.right/a.left >= 16
	return a
}

// place is the position of a value of the setting on its axis.
func (a axes) place(x float64) float64 {
	if a.logarithmic {
		return math.Log2(x)
	}
	return x
}

// ticks are the positions of at most the given number of the setting's values, spread over its range.
func (a axes) ticks(most int) []float64 {
	var list []float64
	for k := range min(most, len(a.xs)) {
		list = append(list, a.place(a.xs[k*(len(a.xs)-1)/max(1, min(most, len(a.xs))-1)]))
	}
	return list
}

// draw plots the median of a score over seeds, with a band from the minimum to the maximum. Small charts are for a row of several.
func (a axes) draw(name, score, of string, list []series, small bool) template.HTML {
	words := fmt.Sprintf("%s against %s, median over seeds.", score, name)
	if of != "" {
		words = fmt.Sprintf("%s against %s, %s, median over seeds.", score, name, of)
	}
	for _, c := range list {
		for k, p := range c.points {
			if spread := p.over(score); spread.Median.Defined() {
				words += fmt.Sprintf(" %s%s %g: %s.", strings.TrimPrefix(c.name+", ", ", "), name, c.x[k], decimals(spread.Median, 3))
			}
		}
	}
	p, most := newPlot(440, 300, words), 9
	if small {
		p, most = newPlot(300, 210, words), 5
	}
	margin := max((a.high-a.low)*.08, 1e-3)
	p.left = 54
	p.rangeX(a.place(a.left), a.place(a.right))
	p.rangeY(within(a.low, a.high, margin))
	label := func(v float64) string {
		if a.logarithmic {
			return short(math.Exp2(v))
		}
		return short(v)
	}
	p.axes(name, score, a.ticks(most), ticks(p.y0, p.y1, 5), label, short)
	for _, c := range list {
		class := "k" + strconv.Itoa(c.colour)
		var xs, medians, lows, highs []float64
		for i, point := range c.points {
			if spread := point.over(score); spread.Median.Defined() {
				xs = append(xs, a.place(c.x[i]))
				medians = append(medians, float64(spread.Median))
				lows, highs = append(lows, float64(spread.Low)), append(highs, float64(spread.High))
			}
		}
		if len(xs) == 0 {
			continue
		}
		p.area(class, xs, lows, highs)
		p.line(class, xs, medians)
		for i := range xs {
			four := func(x float64) string { return decimals(report.Number(x), 4) }
			p.dot(class, xs[i], medians[i], 3.2, fmt.Sprintf("%s%s %s: %s %s (%s to %s)", strings.TrimPrefix(c.name+", ", ", "), name, label(xs[i]), score, four(medians[i]), four(lows[i]), four(highs[i])))
		}
	}
	return p.done()
}

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
	if !s.has("accuracy") {
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

// panels plots the embeddings, with one colour per class or cluster; the twelve colours repeat. Items without one are faint, below the others.
func (s *Sweep) panels() []named {
	var list []named
	for _, panel := range s.Panels {
		x, y := quantised(panel.XY)
		p := newPlot(300, 300, fmt.Sprintf("Embedding of %d images, %s.", len(x), panel.Title))
		const colours = 12
		var none strings.Builder
		var paths [colours]strings.Builder
		for i, c := range panel.Colour {
			path := &none
			if c >= 0 {
				path = &paths[c%colours]
			}
			fmt.Fprintf(path, "M%s %sh0", num(6+float64(x[i])*288/4095), num(6+float64(y[i])*288/4095))
		}
		if none.Len() > 0 {
			fmt.Fprintf(p, `<path class="points none" d="%s"/>`, none.String())
		}
		for c := range paths {
			if paths[c].Len() > 0 {
				fmt.Fprintf(p, `<path class="points p%d" d="%s"/>`, c, paths[c].String())
			}
		}
		list = append(list, named{panel.Title, p.done()})
	}
	return list
}

// uncoloured reports whether a panel has items without a class or cluster.
func (s *Sweep) uncoloured() bool {
	return slices.ContainsFunc(s.Panels, func(p Panel) bool { return slices.ContainsFunc(p.Colour, func(c int) bool { return c < 0 }) })
}

// columns are the columns of the table of all results.
var sweepColumns = []string{"accuracy", "NMI", "ARI", "ECE", "adaptive ECE", "NLL", "silhouette", "neighbours together", seedAgreement, expectedMeasure.name, "mean confidence", "effective clusters"}

func (v *sweepView) table(s *Sweep) {
	v.Heads = s.Names
	var columns []string
	for _, c := range sweepColumns {
		if s.has(c) {
			columns = append(columns, c)
		}
	}
	v.Columns = columns
	for _, p := range s.Points {
		row := sweepRow{Values: p.Values, Runs: len(p.Runs)}
		for _, c := range columns {
			spread := p.over(c)
			text := decimals(spread.Median, 3)
			if spread.Low != spread.High && spread.Median.Defined() {
				text += fmt.Sprintf(" (%s to %s)", decimals(spread.Low, 3), decimals(spread.High, 3))
			}
			row.Cells = append(row.Cells, text)
		}
		v.Rows = append(v.Rows, row)
	}
}
