package page

import (
	"context"
	"fmt"
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

// Over is the spread of a score over those runs of a point that have it; NaN if none has. The agreement between seeds is the point's.
func (p Point) Over(x report.Measure) Spread {
	if x.Key == "seed_agreement" {
		return Spread{p.Agreement, p.Agreement, p.Agreement}
	}
	var list []float64
	for _, m := range p.Runs {
		if v := x.Of(m); v.Defined() {
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

// Scored lists those measures that any of the points has.
func Scored(points []Point, measures []report.Measure) []report.Measure {
	var list []report.Measure
	for _, x := range measures {
		if slices.ContainsFunc(points, func(p Point) bool { return p.Over(x).Median.Defined() }) {
			list = append(list, x)
		}
	}
	return list
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
			if err := m.Check(); err != nil {
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

type sweepRow struct {
	Values []string
	Runs   int
	Cells  []string
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

// sweepColumns are the scores in the table of all results, without those that no run has.
func (s *Sweep) sweepColumns() []report.Measure {
	return Scored(s.Points, report.Measures("accuracy", "nmi", "ari", "ece", "adaptive_ece", "nll", "silhouette", "neighbour_agreement", "seed_agreement",
		"expected_accuracy", "mean_confidence", "effective_clusters"))
}

func (v *sweepView) table(s *Sweep) {
	v.Heads = s.Names
	columns := s.sweepColumns()
	for _, x := range columns {
		v.Columns = append(v.Columns, x.Name)
	}
	for _, p := range s.Points {
		row := sweepRow{Values: p.Values, Runs: len(p.Runs)}
		for _, x := range columns {
			spread := p.Over(x)
			text := decimals(spread.Median, 3)
			if spread.Low != spread.High && spread.Median.Defined() {
				text += fmt.Sprintf(" (%s to %s)", decimals(spread.Low, 3), decimals(spread.High, 3))
			}
			row.Cells = append(row.Cells, text)
		}
		v.Rows = append(v.Rows, row)
	}
}
