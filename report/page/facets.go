package page

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"iconic/report"
)

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
	for _, x := range s.charted() {
		row := multiples{Name: x.Name}
		a := axesOf(x, slices.Concat(charts...))
		for k, list := range charts {
			row.Charts = append(row.Charts, named{parts.panels[k], a.draw(name, parts.panels[k], list, len(charts) > 1)})
		}
		f.Rows = append(f.Rows, row)
	}
	return f
}

// charted are the two scores to plot: those that use labels if any run has them, otherwise the first two that there are of the others.
func (s *Sweep) charted() []report.Measure {
	if list := Scored(s.Points, report.Measures("accuracy", "ece")); len(list) > 0 {
		return list
	}
	list := Scored(s.Points, report.Measures("expected_accuracy", "silhouette", "mean_confidence"))
	return list[:min(2, len(list))]
}
