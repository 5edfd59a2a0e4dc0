package page

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"iconic/report"
)

// axes are the axes that the charts of a score share.
type axes struct {
	left, right, low, high float64
	xs                     []float64
	score                  report.Measure
	logarithmic            bool    // for settings that grow by factors
	chosen                 float64 // value of the setting whose dots are ringed; NaN: none
}

func axesOf(score report.Measure, list []series) axes {
	a := axes{score: score, chosen: math.NaN(), left: math.Inf(1), right: math.Inf(-1), low: math.Inf(1), high: math.Inf(-1)}
	for _, c := range list {
		for k, p := range c.points {
			if spread := p.Over(score); spread.Median.Defined() {
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
func (a axes) draw(name, of string, list []series, small bool) template.HTML {
	score := a.score.Name
	words := fmt.Sprintf("%s against %s, median over seeds.", score, name)
	if of != "" {
		words = fmt.Sprintf("%s against %s, %s, median over seeds.", score, name, of)
	}
	for _, c := range list {
		for k, p := range c.points {
			if spread := p.Over(a.score); spread.Median.Defined() {
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
		var drawn, xs, medians, lows, highs []float64
		for i, point := range c.points {
			if spread := point.Over(a.score); spread.Median.Defined() {
				drawn, xs = append(drawn, c.x[i]), append(xs, a.place(c.x[i]))
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
			dot := class
			if drawn[i] == a.chosen {
				dot += " chosen"
			}
			p.dot(dot, xs[i], medians[i], 3.2, fmt.Sprintf("%s%s %s: %s %s (%s to %s)", strings.TrimPrefix(c.name+", ", ", "), name, label(xs[i]), score, four(medians[i]), four(lows[i]), four(highs[i])))
		}
	}
	return p.done()
}
