package page

import (
	"fmt"
	"html/template"
	"math"
	"slices"
)

// Counted is how a number of clusters was found without labels.
type Counted struct {
	Name     string      // of the features; "" where there are no others
	Sentence string      // what was taken, why, and with how much doubt
	Clusters int         // taken
	From, To int         // numbers as good
	Also     []int       // other numbers that stand out
	Curve    []CountedAt // by number
}

// CountedAt is what was measured at a number of clusters.
type CountedAt struct {
	Clusters                      int
	Score, Agreement, Information float64
}

// countedView is the section that shows it.
type countedView struct {
	Sentence string
	Charts   []template.HTML
}

func (c *Counted) view() *countedView {
	if c == nil || len(c.Curve) == 0 {
		return nil
	}
	v := &countedView{Sentence: c.Sentence}
	for _, m := range []struct {
		name string
		of   func(CountedAt) float64
	}{
		{"score", func(p CountedAt) float64 { return p.Score }},
		{"agreement of halves", func(p CountedAt) float64 { return p.Agreement }},
		{"information of neighbours", func(p CountedAt) float64 { return p.Information }},
	} {
		v.Charts = append(v.Charts, c.chart(m.name, m.of))
	}
	return v
}

// chart draws a measure against the number of clusters on a logarithmic axis, with the numbers as good shaded, and those that were taken or stand
// out ringed.
func (c *Counted) chart(name string, of func(CountedAt) float64) template.HTML {
	xs, ys := make([]float64, len(c.Curve)), make([]float64, len(c.Curve))
	for i, p := range c.Curve {
		xs[i], ys[i] = math.Log2(float64(p.Clusters)), of(p)
	}
	p := newPlot(440, 300, fmt.Sprintf("%s against the number of clusters, from %d to %d; %d taken.", name, c.Curve[0].Clusters, c.Curve[len(c.Curve)-1].Clusters, c.Clusters))
	low, high := slices.Min(ys), slices.Max(ys)
	margin := max((high-low)*.08, 1e-3)
	p.left = 54
	p.rangeX(xs[0], xs[len(xs)-1])
	p.rangeY(low-margin, high+margin)
	p.axes("clusters", name, powers(c.Curve[0].Clusters, c.Curve[len(c.Curve)-1].Clusters), ticks(p.y0, p.y1, 5), func(v float64) string { return short(math.Exp2(v)) }, short)
	if c.To > c.From {
		p.area("k1", []float64{math.Log2(float64(c.From)), math.Log2(float64(c.To))}, []float64{p.y0, p.y0}, []float64{p.y1, p.y1})
	}
	p.line("k0", xs, ys)
	for i, at := range c.Curve {
		class, radius := "k0", 2.2
		if at.Clusters == c.Clusters || slices.Contains(c.Also, at.Clusters) {
			class, radius = "k0 chosen", 3.2
		}
		p.dot(class, xs[i], ys[i], radius, fmt.Sprintf("%d clusters: %s %.4f", at.Clusters, name, ys[i]))
	}
	return p.done()
}

// powers are the ticks of a logarithmic axis: the powers of two from lo to hi, every other one where there are many.
func powers(lo, hi int) []float64 {
	var at []float64
	for e := math.Ceil(math.Log2(float64(lo))); e <= math.Log2(float64(hi)); e++ {
		at = append(at, e)
	}
	if len(at) > 8 {
		var fewer []float64
		for i := 0; i < len(at); i += 2 {
			fewer = append(fewer, at[i])
		}
		at = fewer
	}
	return at
}
