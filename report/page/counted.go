package page

import (
	"fmt"
	"html/template"
	"math"
	"slices"

	"iconic/report"
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
		{"information of neighbours (nats)", func(p CountedAt) float64 { return p.Information }},
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
	p.rangeY(within(low, high, margin))
	p.axes("clusters", name, c.marks(), ticks(p.y0, p.y1, 5), func(v float64) string { return short(math.Exp2(v)) }, short)
	if c.To > c.From {
		p.area("k1", []float64{math.Log2(float64(c.From)), math.Log2(float64(c.To))}, []float64{p.y0, p.y0}, []float64{p.y1, p.y1})
	}
	p.line("k0", xs, ys)
	for i, at := range c.Curve {
		class, radius := "k0", 2.2
		if at.Clusters == c.Clusters || slices.Contains(c.Also, at.Clusters) {
			class, radius = "k0 chosen", 3.2
		}
		p.dot(class, xs[i], ys[i], radius, fmt.Sprintf("%d clusters: %s %s", at.Clusters, name, decimals(report.Number(ys[i]), 4)))
	}
	return p.done()
}

// marks are the ticks of a logarithmic axis over the curve: the chosen number, both ends, and in between as many numbers of a short curve, or
// powers of two of a long one, as have space.
func (c *Counted) marks() []float64 {
	const few, space = 9, 0.07 // the curve is short with so few numbers; least distance as a share of the axis
	first, last := c.Curve[0].Clusters, c.Curve[len(c.Curve)-1].Clusters
	numbers := []int{c.Clusters, first, last}
	for _, p := range c.Curve {
		if len(c.Curve) <= few {
			numbers = append(numbers, p.Clusters)
		}
	}
	for k := 1; k <= last; k *= 2 {
		if len(c.Curve) > few && k > first {
			numbers = append(numbers, k)
		}
	}
	least := space * math.Log2(float64(last)/float64(first))
	var at []float64
	for _, k := range numbers {
		x := math.Log2(float64(k))
		near := slices.ContainsFunc(at, func(other float64) bool { return math.Abs(x-other) <= least })
		if !near && k >= first && k <= last {
			at = append(at, x)
		}
	}
	slices.Sort(at)
	return at
}
