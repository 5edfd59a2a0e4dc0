package curation

// Route leads an image of one of the head's clusters to its curated cluster: Cluster or, if Centres are set, the part whose centre is
// nearer to the image's features. Routes must not be modified.
type Route struct {
	Cluster int
	Centres *Centres
	Part    [2]*Route
}

// Routes are the routes of the head's clusters. They are shared: ask again after a step.
func (s *State) Routes() []*Route { return s.routes }

// Led reports for each cluster whether a route leads to it. None leads to one that was merged into another, nor to one that was made for images
// that were moved there.
func (s *State) Led() []bool {
	led := make([]bool, len(s.Clusters))
	for _, r := range s.routes {
		r.each(func(end *Route) { led[end.Cluster] = true })
	}
	return led
}

// Follow returns the curated cluster for features of the head's dimension.
func (r *Route) Follow(features []float32) int {
	for r.Centres != nil {
		r = r.Part[r.Centres.Nearer(features)]
	}
	return r.Cluster
}

// Split reports whether the route depends on features.
func (r *Route) Split() bool { return r.Centres != nil }

// Nearer is the index of the centre nearer to the features, 0 or 1; 0 on ties.
func (c *Centres) Nearer(features []float32) int {
	if square(features, c[1]) < square(features, c[0]) {
		return 1
	}
	return 0
}

func square(x, y []float32) float64 {
	var sum float64
	for k, v := range x {
		d := float64(v) - float64(y[k])
		sum += d * d
	}
	return sum
}

// each calls f with every end of the route.
func (r *Route) each(f func(end *Route)) {
	if r.Centres == nil {
		f(r)
		return
	}
	r.Part[0].each(f)
	r.Part[1].each(f)
}

func (r *Route) split(cluster, created int, centres *Centres) {
	r.each(func(end *Route) {
		if end.Cluster == cluster {
			*end = Route{Centres: centres, Part: [2]*Route{{Cluster: cluster}, {Cluster: created}}}
		}
	})
}

func (r *Route) merge(part []bool, into int) {
	r.each(func(end *Route) {
		if part[end.Cluster] {
			end.Cluster = into
		}
	})
}
