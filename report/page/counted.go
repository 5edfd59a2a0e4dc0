package page

import (
	"fmt"
	"html/template"
	"math"
	"slices"
)

// Counted is how the number of clusters was estimated without labels.
type Counted struct {
	Name     string      // of the features; "" if there is only one set
	Sentence string      // the choice, its reason, and its uncertainty
	Clusters int         // chosen
	From, To int         // range of equally good numbers
	Also     []int       // other local maxima
	Curve    []CountedAt // by number
}

// CountedAt holds the measures for one number of clusters.
type CountedAt struct {
	Clusters                      int
	Score, Agreement, Information float64
}

// countedView is the section of the page.
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

// chart plots a measure against the number of clusters on a logarithmic axis, with the equally good numbers shaded, and the chosen number and
// other local maxima ringed.
func (c *Counted) chart(name string, of func(CountedAt) float64) template.HTML {
	xs, ys := make([]float64, len(c.Curve)), make([]float64, len(c.Curve))
	for i, p := range c.Curve {
		xs[i], ys[i] = math.Log2(float64(p.Clusters)), of(p)
	}
	p := newPlot(440, 300, fmt.Sprintf("%s against the number of clusters, from %d to %d; %d chosen.", name, c.Curve[0].Clusters, c.Curve[len(c.Curve)-1].Clusters, c.Clusters))
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

// powers are the ticks of a logarithmic axis: the powers of two from lo to hi, or every second one if there are many.
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
