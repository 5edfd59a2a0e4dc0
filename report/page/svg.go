package page

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// plot is a chart under construction: a frame with two linear axes, in units of the view box. Colours come from the
// page's style sheet by class, so that a chart follows the theme.
type plot struct {
	strings.Builder
	title                    string // describes the chart in words, for screen readers
	width, height            float64
	left, right, top, bottom float64 // margins
	x0, x1, y0, y1           float64 // range of the data
	own                      bool    // not drawn larger than it is, so that a small chart has letters of the usual size
}

// newPlot starts a chart.
func newPlot(width, height float64, title string) *plot {
	return &plot{title: title, width: width, height: height, left: 46, right: 12, top: 12, bottom: 40, x1: 1, y1: 1}
}

func (p *plot) rangeX(lo, hi float64) { p.x0, p.x1 = widened(lo, hi) }
func (p *plot) rangeY(lo, hi float64) { p.y0, p.y1 = widened(lo, hi) }

// widened makes an empty range non-empty, so that it can be divided by.
func widened(lo, hi float64) (float64, float64) {
	if hi > lo {
		return lo, hi
	}
	return lo - 0.5, lo + 0.5
}

func (p *plot) x(v float64) float64 {
	return p.left + (v-p.x0)/(p.x1-p.x0)*(p.width-p.left-p.right)
}

func (p *plot) y(v float64) float64 {
	return p.height - p.bottom - (v-p.y0)/(p.y1-p.y0)*(p.height-p.top-p.bottom)
}

// rect draws the box between two data points.
func (p *plot) rect(class string, xa, ya, xb, yb float64, tip string) {
	left, right := p.x(xa), p.x(xb)
	top, bottom := p.y(max(ya, yb)), p.y(min(ya, yb))
	fmt.Fprintf(p, `<rect class="%s" x="%s" y="%s" width="%s" height="%s">`, class, num(left), num(top), num(right-left), num(bottom-top))
	p.tip(tip)
	p.WriteString("</rect>")
}

func (p *plot) tip(text string) {
	if text != "" {
		fmt.Fprintf(p, "<title>%s</title>", template.HTMLEscapeString(text))
	}
}

// line draws a polyline through data points; NaN interrupts it.
func (p *plot) line(class string, xs, ys []float64) {
	var path strings.Builder
	pen := byte('M')
	for i := range xs {
		if math.IsNaN(ys[i]) {
			pen = 'M'
			continue
		}
		fmt.Fprintf(&path, "%c%s %s", pen, num(p.x(xs[i])), num(p.y(ys[i])))
		pen = 'L'
	}
	fmt.Fprintf(p, `<path class="line %s" d="%s"/>`, class, path.String())
}

// area fills the area between two curves over the same points.
func (p *plot) area(class string, xs, low, high []float64) {
	var path strings.Builder
	for i := range xs {
		pen := 'L'
		if i == 0 {
			pen = 'M'
		}
		fmt.Fprintf(&path, "%c%s %s", pen, num(p.x(xs[i])), num(p.y(high[i])))
	}
	for i := len(xs) - 1; i >= 0; i-- {
		fmt.Fprintf(&path, "L%s %s", num(p.x(xs[i])), num(p.y(low[i])))
	}
	fmt.Fprintf(p, `<path class="area %s" d="%sZ"/>`, class, path.String())
}

func (p *plot) dot(class string, x, y, radius float64, tip string) {
	fmt.Fprintf(p, `<circle class="%s" cx="%s" cy="%s" r="%s">`, class, num(p.x(x)), num(p.y(y)), num(radius))
	p.tip(tip)
	p.WriteString("</circle>")
}

// text writes text at view box coordinates; anchor is start, middle or end.
func (p *plot) text(class, anchor string, x, y float64, s string) {
	fmt.Fprintf(p, `<text class="%s" text-anchor="%s" x="%s" y="%s">%s</text>`, class, anchor, num(x), num(y), template.HTMLEscapeString(s))
}

// axes draws grid lines, tick labels and the names of both axes. formatX and formatY format the ticks. It widens the left margin if the ticks
// need it, so data is drawn after it.
func (p *plot) axes(xName, yName string, xTicks, yTicks []float64, formatX, formatY func(float64) string) {
	if yName != "" {
		p.fitTicks(yTicks, formatY)
	}
	base := p.height - p.bottom
	for _, v := range yTicks {
		y := p.y(v)
		fmt.Fprintf(p, `<path class="grid" d="M%s %sH%s"/>`, num(p.left), num(y), num(p.width-p.right))
		p.text("tick", "end", p.left-6, y+3.5, formatY(v))
	}
	for _, v := range xTicks {
		x := p.x(v)
		fmt.Fprintf(p, `<path class="axis" d="M%s %sv4"/>`, num(x), num(base))
		p.text("tick", "middle", x, base+16, formatX(v))
	}
	fmt.Fprintf(p, `<path class="axis" d="M%s %sH%s"/>`, num(p.left), num(base), num(p.width-p.right))
	p.names(xName, yName)
}

// names writes the names of both axes, below the chart and at its left edge.
func (p *plot) names(xName, yName string) {
	p.text("name", "middle", (p.left+p.width-p.right)/2, p.height-5, xName)
	if yName != "" {
		y := (p.top + p.height - p.bottom) / 2
		fmt.Fprintf(p, `<text class="name" text-anchor="middle" transform="translate(11 %s) rotate(-90)">%s</text>`, num(y), template.HTMLEscapeString(yName))
	}
}

// fitTicks widens the left margin to what the longest tick label needs beside the name of the axis.
func (p *plot) fitTicks(ticks []float64, format func(float64) string) {
	const name, digit = 24, 6.2 // the width of the name with the gaps around it, and of a digit
	for _, v := range ticks {
		p.left = max(p.left, name+digit*float64(utf8.RuneCountInString(format(v))))
	}
}

// within widens a range by a margin, but not beyond 0 and 1 if the data is within them: there is no agreement above 1.
func within(lo, hi, margin float64) (from, to float64) {
	from, to = lo-margin, hi+margin
	if lo >= 0 {
		from = max(0, from)
	}
	if hi <= 1 {
		to = min(1, to)
	}
	return from, to
}

// narrow is the width below which a chart of its own size shrinks to the width of a small screen; in wider ones the letters would become too small.
const narrow = 400

// done is the finished chart, as wide as its container, or at most of its own size.
func (p *plot) done() template.HTML {
	class, size := "chart", ""
	if p.own {
		class, size = "chart own", fmt.Sprintf(` width="%s" height="%s"`, num(p.width), num(p.height))
		if p.width < narrow {
			class += " narrow"
		}
	}
	// All untrusted text went through HTMLEscapeString.
	return template.HTML(fmt.Sprintf(`<svg class="%s"%s viewBox="0 0 %s %s" role="img" aria-label="%s">%s</svg>`, class, size, num(p.width), num(p.height), template.HTMLEscapeString(p.title), p.String()))
}

// at is the chart inside another image, at its own size.
func (p *plot) at(x, y float64) string {
	return fmt.Sprintf(`<svg x="%s" y="%s" width="%s" height="%s" viewBox="0 0 %s %s">%s</svg>`, num(x), num(y), num(p.width), num(p.height), num(p.width), num(p.height), p.String())
}

// num formats a coordinate with at most two decimals.
func num(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64)
}

// ticks are about count round numbers within [lo, hi].
func ticks(lo, hi float64, count int) []float64 {
	lo, hi = widened(lo, hi)
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/float64(count))))
	for _, m := range []float64{1, 2, 5, 10} {
		if (hi-lo)/(step*m) <= float64(count) {
			step *= m
			break
		}
	}
	var list []float64
	for k := math.Ceil(lo/step - 1e-9); k*step <= hi+step*1e-9; k++ {
		list = append(list, k*step+0) // −0 + 0 is 0
	}
	return list
}

// short formats a tick with no more digits than needed.
func short(v float64) string {
	return minus(strconv.FormatFloat(v, 'g', 6, 64))
}
