package distributions

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"iconic/head"
	"iconic/head/icon"
	"iconic/head/knn"
	"iconic/head/method"
	"iconic/head/methods"
	"iconic/head/principal"
	"iconic/matrix"
	"iconic/report/page"
)

// Draw trains the method of c on the points and plots its p and q around the subject's point. It fails if the training does, and for a
// method that has no p and q, giving the reason.
func Draw(ctx context.Context, s *Subject, c head.Config, o head.Options) (*page.Distributions, error) {
	m, err := methods.Find(c.Method)
	if err != nil {
		return nil, err
	}
	r, d, err := head.Distributions(ctx, s.Features, s.Inputs, c, o)
	if err != nil {
		return nil, err
	}
	v := &view{subject: s, about: m.About(), d: d, workers: o.Workers}
	if err := v.place(ctx); err != nil {
		return nil, err
	}
	p := &page.Distributions{Title: fmt.Sprintf("%s around %s", c.Method, s.Name), Facts: v.facts(), Note: d.Note}
	for _, name := range slices.Sorted(maps.Keys(r.Config.Settings)) {
		p.Settings = append(p.Settings, page.Setting{Name: name, Value: r.Config.Text(name)})
	}
	if err := v.method(ctx, p); err != nil {
		return nil, err
	}
	return p, v.neighbours(ctx, p)
}

// view is a drawing in progress.
type view struct {
	subject *Subject
	about   method.About
	d       *method.Distributions
	workers int

	x       *head.Matrix // the features, scaled to mean 0 and variance 1
	plane   page.Points  // their positions in the drawing
	nearest []int        // all other points, nearest first
}

func (v *view) facts() []page.Setting {
	facts := []page.Setting{{Name: "points", Value: v.subject.Of}, {Name: "around", Value: v.subject.Name}, {Name: "p", Value: v.about.Supervisory}, {Name: "q", Value: v.about.Learned}, {Name: "mapper", Value: v.about.Mapper}}
	if v.about.Equation != "" {
		facts = append(facts, page.Setting{Name: "minimises", Value: v.about.Equation})
	}
	return append(facts, page.Setting{Name: "source", Value: v.about.Source})
}

// place computes where points are drawn, and their order by distance.
func (v *view) place(ctx context.Context) error {
	f := v.subject.Features
	moments, err := matrix.Measure(ctx, f, v.workers)
	if err != nil {
		return err
	}
	v.x = &head.Matrix{Width: f.Dim(), X: make([]float32, f.Len()*f.Dim())}
	if err := matrix.Standardize(f, moments).Block(v.x.X, 0, f.Len()); err != nil {
		return err
	}
	raw := &head.Matrix{Width: f.Dim(), X: make([]float32, f.Len()*f.Dim())}
	if err := f.Block(raw.X, 0, f.Len()); err != nil {
		return err
	}
	if v.plane, err = inPlane(ctx, raw, v.workers); err != nil {
		return err
	}
	at := v.subject.Point
	distance := make([]float64, f.Len())
	for i := range distance {
		for e, a := range v.x.Row(at) {
			b := float64(a) - float64(v.x.Row(i)[e])
			distance[i] += b * b
		}
		if i != at {
			v.nearest = append(v.nearest, i)
		}
	}
	slices.SortStableFunc(v.nearest, func(i, j int) int { return cmp.Compare(distance[i], distance[j]) })
	return nil
}

// inPlane returns points of two numbers as they are, and others along their first two principal components.
func inPlane(ctx context.Context, m *head.Matrix, workers int) (page.Points, error) {
	n := m.Len()
	p := page.Points{X: make([]float64, n), Y: make([]float64, n)}
	switch {
	case m.Width == 2:
		for i := range n {
			p.X[i], p.Y[i] = float64(m.Row(i)[0]), float64(m.Row(i)[1])
		}
		return p, nil
	case m.Width == 1:
		for i := range n {
			p.X[i] = float64(m.Row(i)[0])
		}
		return p, nil
	}
	c, err := principal.Find(ctx, m, 2, workers)
	if err != nil {
		return p, err
	}
	y, err := c.Project(ctx, m, 1, workers)
	for i := range n {
		p.X[i], p.Y[i] = y[2*i], y[2*i+1]
	}
	return p, err
}

// mostRanks is the largest number of neighbours that the curves show.
const mostRanks = 60

// method plots p and q.
func (v *view) method(ctx context.Context, drawing *page.Distributions) error {
	at, d := v.subject.Point, v.d
	p, err := d.P(at)
	if err != nil {
		return err
	}
	q, err := d.Q(at)
	if err != nil {
		return err
	}
	plane, behind := v.plane, page.Points{}
	if d.Candidates == method.ClassCandidates {
		plane, behind = v.classes(d.Count()), v.plane
	}
	chosen := [2]float64{v.plane.X[at], v.plane.Y[at]}
	drawing.Method = []page.Field{
		{Name: "p over the features", Points: plane, Behind: behind, Probability: p, Chosen: chosen},
		{Name: "q over the features", Points: plane, Behind: behind, Probability: q, Chosen: chosen},
	}
	_, clusters := d.Learned.(icon.Cluster)
	_, overFeatures := d.Learned.(icon.Gaussian)
	overFeatures = overFeatures && d.Dim == v.x.Width && v.about.Mapper == "cluster assignment"
	if d.Others == nil && !clusters && !overFeatures {
		z, err := inPlane(ctx, &head.Matrix{Width: d.Dim, X: d.Z}, v.workers)
		if err != nil {
			return err
		}
		drawing.Method = append(drawing.Method, page.Field{Name: "q over the representation", Points: z, Probability: q, Chosen: [2]float64{z.X[at], z.Y[at]}})
	}
	order := v.nearest
	drawing.CurveName = "others, nearest first"
	switch d.Candidates {
	case method.SecondCandidates:
		order, drawing.CurveName = append([]int{at}, v.nearest...), "others' partners, nearest first"
	case method.ClassCandidates:
		order, drawing.CurveName, drawing.Discrete = nil, "class", true
		for c := range d.Count() {
			order = append(order, c)
		}
	}
	drawing.MethodCurves = []page.Series{{Name: "p", Values: ranked(p, order)}, {Name: "q", Values: ranked(q, order)}}
	return nil
}

// classes returns the mean of the points of each class, if there are labels.
func (v *view) classes(count int) page.Points {
	p := page.Points{X: make([]float64, count), Y: make([]float64, count)}
	members := make([]float64, count)
	for i, l := range v.subject.Inputs.Labels {
		if l < 0 {
			continue
		}
		p.X[l], p.Y[l], members[l] = p.X[l]+v.plane.X[i], p.Y[l]+v.plane.Y[i], members[l]+1
	}
	for c, m := range members {
		p.X[c], p.Y[c] = p.X[c]/max(1, m), p.Y[c]/max(1, m)
	}
	return p
}

func ranked(p []float64, order []int) []float64 {
	var list []float64
	for _, j := range order[:min(len(order), mostRanks)] {
		list = append(list, p[j])
	}
	return list
}

// neighbours plots Gaussian, Student-t and uniform neighbours of about the same width.
func (v *view) neighbours(ctx context.Context, drawing *page.Distributions) error {
	n, d, at := v.x.Len(), v.x.Width, v.subject.Point
	count := min(15, n-1) // neighbours with noticeable weight
	g, err := knn.Exact(ctx, v.x, knn.Options{K: count, Metric: knn.Euclidean, Workers: v.workers})
	if err != nil {
		return err
	}
	scale := 0.0
	for _, distance := range g.Distances[at*g.K : (at+1)*g.K] {
		scale += float64(distance) * float64(distance) / float64(g.K)
	}
	perplexity := min(float64(count), float64(n)/3)
	gaussian, err := icon.GaussianNeighbours(v.x.X, n, d, icon.Width{Perplexity: perplexity})
	if err != nil {
		return err
	}
	scaled := slices.Clone(v.x.X)
	for e := range scaled {
		scaled[e] /= float32(math.Sqrt(max(scale, 1e-30)))
	}
	student, err := icon.StudentTNeighbours(scaled, n, d, 1)
	if err != nil {
		return err
	}
	for _, kind := range []struct {
		name, short string
		p           *icon.Rows
	}{
		{fmt.Sprintf("Gaussian, perplexity %g", perplexity), "Gaussian", gaussian},
		{"Student-t, ν = 1", "Student-t", student},
		{fmt.Sprintf("uniform, %d nearest", count), "uniform", icon.KNN(g)},
	} {
		row := make([]float64, n)
		column, weight := kind.p.Row(at)
		for e, j := range column {
			row[j] = float64(weight[e])
		}
		drawing.Neighbours = append(drawing.Neighbours, page.Field{Name: kind.name, Points: v.plane, Probability: row, Chosen: [2]float64{v.plane.X[at], v.plane.Y[at]}})
		drawing.NeighbourCurves = append(drawing.NeighbourCurves, page.Series{Name: kind.short, Values: ranked(row, v.nearest)})
	}
	return nil
}
