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
	Names  []string // of the settings that vary, the seed left out
	Points []Point  // combinations, in the order of the grid
	Panels []Panel  // embeddings to show side by side
	// Counted compares the numbers of clusters, once for each store, where they vary.
	Counted []Counted
}

// Point is one combination of settings with its runs, one a seed.
type Point struct {
	Values    []string // of each name
	Runs      []*report.Metrics
	Agreement report.Number // between its seeds
}

// Panel is a layout of some items, coloured.
type Panel struct {
	Title  string
	XY     []float32 // n×2
	Colour []int     // class or cluster of each of n
}

// Spread is a score over seeds.
type Spread struct{ Median, Low, High report.Number }

// Over is the spread of a score over the runs of a point that have it, NaN where none has.
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

// measureNamed finds a score by the name it has on all pages.
func measureNamed(name string) measure {
	all := slices.Concat(labelledMeasures, labelFreeMeasures, plainMeasures)
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

// has tells whether any run of the sweep has a score.
func (s *Sweep) has(name string) bool {
	return slices.ContainsFunc(s.Points, func(p Point) bool { return p.over(name).Median.Defined() })
}

// check refuses points that do not fit the names.
func (s *Sweep) check() error {
	if len(s.Points) == 0 {
		return fmt.Errorf("sweep page: no runs")
	}
	for _, p := range s.Points {
		if len(p.Values) != len(s.Names) || len(p.Runs) == 0 {
			return fmt.Errorf("sweep page: a combination has %d values of %d settings and %d runs", len(p.Values), len(s.Names), len(p.Runs))
		}
	}
	for _, p := range s.Panels {
		if len(p.XY) != 2*len(p.Colour) {
			return fmt.Errorf("sweep page: panel %q has %d coordinates of %d points", p.Title, len(p.XY), len(p.Colour))
		}
	}
	return nil
}

// WriteSweep writes the page of a sweep: scores against every setting that is a number, calibration curves, embeddings,
// label-free scores against the number of clusters, and the whole table.
func WriteSweep(ctx context.Context, w io.Writer, s Sweep) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	v := sweepView{Facts: s.Facts, Panels: s.panels()}
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
	if v.Curves = s.calibrationCurves(); v.Curves != "" {
		sections = append(sections, section{"calibration", "Calibration"})
		v.CurveKey = s.key()
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
	Facts    []Setting
	Figures  []figure
	Choice   *choice
	Curves   template.HTML
	CurveKey []keyEntry
	Panels   []named
	Heads    []string // names of settings
	Columns  []string // names of scores
	Rows     []sweepRow
	Many     bool // more combinations than curves can tell apart
}

// figure is a pair of charts against one setting.
type figure struct {
	ID, Name string
	Charts   []named
	Key      []keyEntry
	Note     string
}

type keyEntry struct {
	Class, Name string
}

type sweepRow struct {
	Values []string
	Runs   int
	Cells  []string
}

// seriesLimit is the number of curves in one chart: more cannot be told apart.
const seriesLimit = 6

// series are points that differ in one setting alone, ordered by it.
type series struct {
	name   string
	points []Point
	x      []float64
}

// seriesAgainst groups the points by all settings but one.
func (s *Sweep) seriesAgainst(setting int) []series {
	var list []series
	for _, p := range s.Points {
		x, err := strconv.ParseFloat(p.Values[setting], 64)
		if err != nil {
			return nil
		}
		name := s.describe(p, setting)
		at := slices.IndexFunc(list, func(c series) bool { return c.name == name })
		if at < 0 {
			at = len(list)
			list = append(list, series{name: name})
		}
		c := &list[at]
		place, _ := slices.BinarySearch(c.x, x)
		c.x = slices.Insert(c.x, place, x)
		c.points = slices.Insert(c.points, place, p)
	}
	return list
}

// describe names a point by its settings, one left out (none: −1).
func (s *Sweep) describe(p Point, without int) string {
	var parts []string
	for k, name := range s.Names {
		if k != without {
			parts = append(parts, name+" "+p.Values[k])
		}
	}
	return strings.Join(parts, ", ")
}

// distinct counts the values of a setting.
func (s *Sweep) distinct(setting int) int {
	seen := map[string]bool{}
	for _, p := range s.Points {
		seen[p.Values[setting]] = true
	}
	return len(seen)
}

// figure draws two scores against a setting, nil where it does not vary or is no number.
func (s *Sweep) figure(setting int) *figure {
	all := s.seriesAgainst(setting)
	if len(all) == 0 || s.distinct(setting) < 2 {
		return nil
	}
	name := s.Names[setting]
	f := &figure{Name: "By " + name}
	shown := all[:min(seriesLimit, len(all))]
	if len(shown) < len(all) {
		f.Note = fmt.Sprintf(" The first %d of %d combinations of the other settings are drawn; the table has all.", len(shown), len(all))
	}
	for k, c := range shown {
		if c.name != "" {
			f.Key = append(f.Key, keyEntry{"k" + strconv.Itoa(k), c.name})
		}
	}
	scores := []string{"accuracy", "ECE"}
	if !s.has("accuracy") {
		scores = []string{"silhouette", "mean confidence"}
	}
	for _, score := range scores {
		if s.has(score) {
			f.Charts = append(f.Charts, named{score, against(name, score, shown)})
		}
	}
	return f
}

// against draws the median of a score over seeds, with a band from the least to the greatest.
func against(name, score string, list []series) template.HTML {
	words := fmt.Sprintf("%s against %s, median over seeds.", score, name)
	low, high := math.Inf(1), math.Inf(-1)
	left, right := math.Inf(1), math.Inf(-1)
	for _, c := range list {
		for k, p := range c.points {
			spread := p.over(score)
			if !spread.Median.Defined() {
				continue
			}
			low, high = min(low, float64(spread.Low)), max(high, float64(spread.High))
			left, right = min(left, c.x[k]), max(right, c.x[k])
			words += fmt.Sprintf(" %s%s %g: %.3f.", strings.TrimPrefix(c.name+", ", ", "), name, c.x[k], spread.Median)
		}
	}
	// Settings that grow by factors are drawn on a logarithmic axis.
	logarithmic := left > 0 && right/left >= 16
	place := func(x float64) float64 {
		if logarithmic {
			return math.Log2(x)
		}
		return x
	}
	p := newPlot(440, 300, words)
	margin := max((high-low)*.08, 1e-3)
	p.left = 54
	p.rangeX(place(left), place(right))
	p.rangeY(low-margin, high+margin)
	var xTicks []float64
	for _, c := range list {
		for _, x := range c.x {
			if !slices.Contains(xTicks, place(x)) && len(xTicks) < 9 {
				xTicks = append(xTicks, place(x))
			}
		}
	}
	label := func(v float64) string {
		if logarithmic {
			return short(math.Exp2(v))
		}
		return short(v)
	}
	p.axes(name, score, xTicks, ticks(p.y0, p.y1, 5), label, short)
	for k, c := range list {
		class := "k" + strconv.Itoa(k)
		var xs, medians, lows, highs []float64
		for i, point := range c.points {
			if spread := point.over(score); spread.Median.Defined() {
				xs = append(xs, place(c.x[i]))
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
			p.dot(class, xs[i], medians[i], 3.2, fmt.Sprintf("%s%s %s: %s %.4f (%.4f to %.4f)", strings.TrimPrefix(c.name+", ", ", "), name, label(xs[i]), score, medians[i], lows[i], highs[i]))
		}
	}
	return p.done()
}

// drawn are the points whose calibration curves are drawn: those of different runs, of many as many as are told apart, spread
// evenly over the rest.
func (s *Sweep) drawn() []Point {
	var list []Point
	for _, p := range s.Points {
		if !slices.ContainsFunc(list, p.sameRuns) {
			list = append(list, p)
		}
	}
	if len(list) <= seriesLimit {
		return list
	}
	spread := make([]Point, seriesLimit)
	for k := range spread {
		spread[k] = list[k*(len(list)-1)/(seriesLimit-1)]
	}
	return spread
}

// sameRuns tells whether two points are one, as α = 0 on one side and on both.
func (p Point) sameRuns(q Point) bool {
	return slices.EqualFunc(p.Runs, q.Runs, func(a, b *report.Metrics) bool {
		return a.Loss == b.Loss && a.MeanConfidence == b.MeanConfidence && slices.Equal(a.ClusterSizes, b.ClusterSizes)
	})
}

// key names the curves of the points themselves.
func (s *Sweep) key() []keyEntry {
	var list []keyEntry
	for k, p := range s.drawn() {
		list = append(list, keyEntry{"k" + strconv.Itoa(k), s.describe(p, -1)})
	}
	return list
}

// calibrationCurves draws accuracy against confidence of the points that are drawn, all seeds taken together; empty without labels.
func (s *Sweep) calibrationCurves() template.HTML {
	if !s.has("accuracy") {
		return ""
	}
	p := newPlot(520, 380, "Calibration curves: accuracy against confidence.")
	p.axes("confidence", "accuracy", ticks(0, 1, 5), ticks(0, 1, 5), short, short)
	p.line("diagonal", []float64{0, 1}, []float64{0, 1})
	for k, point := range s.drawn() {
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
		class := "k" + strconv.Itoa(k)
		p.line(class, xs, ys)
		for i := range xs {
			p.dot(class, xs[i], ys[i], 2.6, fmt.Sprintf("%s: accuracy %.3f at confidence %.3f", s.describe(point, -1), ys[i], xs[i]))
		}
	}
	return p.done()
}

// panels draws the embeddings, one colour a class or cluster, twelve colours in turn.
func (s *Sweep) panels() []named {
	var list []named
	for _, panel := range s.Panels {
		x, y := quantised(panel.XY)
		p := newPlot(300, 300, fmt.Sprintf("Embedding of %d images, %s.", len(x), panel.Title))
		const colours = 12
		var paths [colours]strings.Builder
		for i, c := range panel.Colour {
			fmt.Fprintf(&paths[c%colours], "M%s %sh0", num(6+float64(x[i])*288/4095), num(6+float64(y[i])*288/4095))
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

// columns of the table of all results.
var sweepColumns = []string{"accuracy", "NMI", "ARI", "ECE", "adaptive ECE", "NLL", "silhouette", "neighbours together", seedAgreement, "mean confidence", "effective clusters"}

func (v *sweepView) table(s *Sweep) {
	v.Heads = s.Names
	var columns []string
	for _, c := range sweepColumns {
		if s.has(c) {
			columns = append(columns, c)
		}
	}
	v.Columns = columns
	v.Many = len(s.drawn()) < len(s.Points)
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
