package page

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Points are coordinates in the plane.
type Points struct{ X, Y []float64 }

// Field is the probability of each of some points, plotted at their coordinates.
type Field struct {
	Name string
	Points
	Probability []float64  // of each point, 0 to 1
	Behind      Points     // points without a probability, drawn faintly
	Chosen      [2]float64 // the point whose distribution it is
}

// Series is a list of numbers over ranks or other positions shared with other series.
type Series struct {
	Name   string
	Values []float64
}

// Distributions compares p and q of a method around a point, and kinds of neighbours around the same point.
type Distributions struct {
	Title           string
	Facts, Settings []Setting
	Note            string // a sentence without a full stop; "": none
	Method          []Field
	MethodCurves    []Series
	CurveName       string // name of the horizontal axis of the method's curves
	Discrete        bool   // positions are unordered: points from 0, not lines from rank 1
	Neighbours      []Field
	NeighbourCurves []Series
}

func (d *Distributions) check() error {
	if d == nil {
		return errors.New("there are no distributions to draw")
	}
	for _, f := range slices.Concat(d.Method, d.Neighbours) {
		if len(f.X) != len(f.Y) || len(f.X) != len(f.Probability) || len(f.Behind.X) != len(f.Behind.Y) {
			return fmt.Errorf("page of distributions: %s has %d, %d and %d numbers of its points", f.Name, len(f.X), len(f.Y), len(f.Probability))
		}
	}
	return nil
}

// distributionsStyle adds the styles that these charts need.
const distributionsStyle = `.chart .shaded{fill:var(--accent)}.chart .faint{fill:var(--muted);fill-opacity:.28}.chart .ring{fill:none;stroke:var(--bad);stroke-width:2}
.quad{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr));gap:16px}
`

// distributionsView is the data for distributions.html.
type distributionsView struct {
	frame
	Facts, Settings    []Setting
	Note               string
	Method, Neighbours []named
}

// WriteDistributions writes the page of d.
func WriteDistributions(w io.Writer, d *Distributions) error {
	if err := d.check(); err != nil {
		return err
	}
	f, err := newFrame(d.Title, []section{{"method", "p and q"}, {"neighbours", "Kinds of neighbours"}, {"settings", "Settings"}}, distributionsStyle)
	if err != nil {
		return err
	}
	rows := d.charts()
	v := &distributionsView{frame: f, Facts: d.Facts, Settings: d.Settings, Note: d.Note, Method: finished(rows[0]), Neighbours: finished(rows[1])}
	return render(w, "distributions.html", v)
}

// DrawDistributions writes the same charts as one SVG image, in two rows.
func DrawDistributions(w io.Writer, d *Distributions) error {
	if err := d.check(); err != nil {
		return err
	}
	const gap, heading = 16, 26
	rows := d.charts()
	columns := max(len(rows[0]), len(rows[1]))
	width, height := gap+columns*(fieldWidth+gap), 2*(heading+fieldHeight+gap)+gap
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s"><style>%s%s</style><rect width="%d" height="%d" style="fill:var(--panel)"/>`,
		width, height, width, height, template.HTMLEscapeString(d.Title), stylesheet, distributionsStyle, width, height)
	for r, row := range rows {
		for k, c := range row {
			if k == len(row)-1 { // curves are stacked
				k = columns - 1
			}
			x, y := gap+k*(fieldWidth+gap), gap+r*(heading+fieldHeight+gap)
			fmt.Fprintf(&b, `<text class="name" x="%d" y="%d" style="font-size:14px;font-weight:600">%s</text>`, x, y+14, template.HTMLEscapeString(c.name))
			b.WriteString(c.plot.at(float64(x), float64(y+heading)))
		}
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// fieldChart is a chart with its name.
type fieldChart struct {
	name string
	plot *plot
}

// finished are charts as a page holds them.
func finished(row []fieldChart) []named {
	var list []named
	for _, c := range row {
		list = append(list, named{c.name, c.plot.done()})
	}
	return list
}

// charts returns the charts of the method, and those of the kinds of neighbours.
func (d *Distributions) charts() [2][]fieldChart {
	var rows [2][]fieldChart
	for _, f := range d.Method {
		rows[0] = append(rows[0], fieldChart{f.Name, f.draw()})
	}
	rows[0] = append(rows[0], fieldChart{"p and q by rank", ranks(d.CurveName, d.MethodCurves, d.Discrete)})
	for _, f := range d.Neighbours {
		rows[1] = append(rows[1], fieldChart{f.Name, f.draw()})
	}
	rows[1] = append(rows[1], fieldChart{"comparison", ranks("others, nearest first", d.NeighbourCurves, false)})
	return rows
}

const (
	fieldWidth, fieldHeight = 300, 280
	decades                 = 2 // decades of probability that shades distinguish
)

// shade is the opacity for a probability, from 0 to 1 over two decades below the largest.
func shade(p, most float64) float64 {
	if !(p > 0 && most > 0) {
		return 0
	}
	return min(1, max(0, 1+math.Log10(p/most)/decades))
}

// draw plots the points, less likely ones first, with the chosen point ringed and the scale below.
func (f *Field) draw() *plot {
	most := slices.Max(append([]float64{0}, f.Probability...))
	words := fmt.Sprintf("%s: %d points, the largest probability %s.", f.Name, len(f.X), probability(most))
	p := newPlot(fieldWidth, fieldHeight, words)
	p.left, p.right, p.top, p.bottom = 10, 10, 10, 34
	xs, ys := slices.Concat(f.X, f.Behind.X, f.Chosen[:1]), slices.Concat(f.Y, f.Behind.Y, f.Chosen[1:])
	p.square(slices.Min(xs), slices.Max(xs), slices.Min(ys), slices.Max(ys))
	for j := range f.Behind.X {
		p.dot("faint", f.Behind.X[j], f.Behind.Y[j], 1.6, "")
	}
	order := make([]int, len(f.X))
	for j := range order {
		order[j] = j
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch pa, pb := f.Probability[a], f.Probability[b]; {
		case pa < pb:
			return -1
		case pa > pb:
			return 1
		}
		return 0
	})
	for _, j := range order {
		if s := shade(f.Probability[j], most); s > 0 {
			p.shaded(f.X[j], f.Y[j], 1.8+4*s, s, probability(f.Probability[j]))
		} else {
			p.dot("faint", f.X[j], f.Y[j], 1.6, "")
		}
	}
	p.dot("ring", f.Chosen[0], f.Chosen[1], 7, "the point i")
	if most > 0 {
		p.scale(most)
	}
	return p
}

// square gives both axes the same unit, with the data centred and a margin.
func (p *plot) square(x0, x1, y0, y1 float64) {
	w, h := p.width-p.left-p.right, p.height-p.top-p.bottom
	unit := 1.08 * max((x1-x0)/w, (y1-y0)/h)
	if unit == 0 {
		unit = 1
	}
	x, y := (x0+x1)/2, (y0+y1)/2
	p.rangeX(x-unit*w/2, x+unit*w/2)
	p.rangeY(y-unit*h/2, y+unit*h/2)
}

// shaded draws a point with its shade as opacity.
func (p *plot) shaded(x, y, radius, shade float64, tip string) {
	fmt.Fprintf(p, `<circle class="shaded" fill-opacity="%s" cx="%s" cy="%s" r="%s">`, num(0.12+0.88*shade), num(p.x(x)), num(p.y(y)), num(radius))
	p.tip(tip)
	p.WriteString("</circle>")
}

// scale draws the legend of the shades below the points.
func (p *plot) scale(most float64) {
	y := p.height - 12
	step := (p.width - 20) / (decades + 1)
	for k := range decades + 1 {
		v := most / math.Pow(10, float64(k))
		s := shade(v, most)
		if k == decades {
			s = 0.01
		}
		x := 18 + float64(k)*step
		fmt.Fprintf(p, `<circle class="shaded" fill-opacity="%s" cx="%s" cy="%s" r="%s"/>`, num(0.12+0.88*s), num(x), num(y), num(1.8+4*s))
		p.text("tick", "start", x+9, y+4, probability(v))
	}
}

// ranks plots series over the same ranks, from 1, or over discrete positions from 0.
func ranks(over string, series []Series, discrete bool) *plot {
	first, radius := 1.0, 1.6
	if discrete {
		first, radius = 0, 4
	}
	words, most, longest := "Probability by rank.", 0.0, 1
	for _, s := range series {
		words += fmt.Sprintf(" %s: the largest %s.", s.Name, probability(slices.Max(append([]float64{0}, s.Values...))))
		most, longest = max(most, slices.Max(append([]float64{0}, s.Values...))), max(longest, len(s.Values))
	}
	p := newPlot(fieldWidth, fieldHeight, words)
	p.left, p.top = 52, 26
	p.rangeX(first, first+float64(max(1, longest-1)))
	p.rangeY(0, most*1.04)
	p.axes(over, "probability", whole(ticks(first, p.x1, 5)), ticks(0, p.y1, 4), short, probability)
	x := p.left
	for k, s := range series {
		class := "k" + strconv.Itoa(k)
		var xs []float64
		for i := range s.Values {
			xs = append(xs, first+float64(i))
		}
		if !discrete {
			p.line(class, xs, s.Values)
		}
		for i, v := range s.Values {
			p.dot(class, xs[i], v, radius, fmt.Sprintf("%s at %g: %s", s.Name, xs[i], probability(v)))
		}
		fmt.Fprintf(p, `<circle class="%s" cx="%s" cy="10" r="4"/>`, class, num(x+4))
		p.text("tick", "start", x+12, 14, s.Name)
		x += 24 + 6.2*float64(len([]rune(s.Name)))
	}
	return p
}

// whole keeps only integer ticks.
func whole(list []float64) []float64 {
	return slices.DeleteFunc(list, func(v float64) bool { return v != math.Round(v) })
}

// probability formats a probability with three digits.
func probability(v float64) string { return minus(strconv.FormatFloat(v, 'g', 3, 64)) }
