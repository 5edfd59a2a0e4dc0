package page

import (
	"math"
	"slices"
	"strconv"

	"gonum.org/v1/gonum/stat"

	"iconic/report"
)

// choice is the section on the number of clusters.
type choice struct {
	Counted   []Counted
	Uncounted []Uncounted
	Charts    []named
}

// candidates groups the points by their number of clusters, ascending, whatever their other settings; nil
// if that number does not vary.
func (s *Sweep) candidates() (clusters []int, points []Point) {
	setting := slices.Index(s.Names, "clusters")
	if setting < 0 || len(values(s.Points, []int{setting}, s)) < 2 {
		return nil, nil
	}
	byK, agreements := map[int]*Point{}, map[int][]float64{}
	for _, p := range s.Points {
		k, err := strconv.Atoi(p.Values[setting])
		if err != nil {
			return nil, nil
		}
		if byK[k] == nil {
			byK[k] = new(Point)
			clusters = append(clusters, k)
		}
		byK[k].Runs = append(byK[k].Runs, p.Runs...)
		if p.Agreement.Defined() {
			agreements[k] = append(agreements[k], float64(p.Agreement))
		}
	}
	slices.Sort(clusters)
	for _, k := range clusters {
		byK[k].Agreement = report.Number(math.NaN())
		if a := agreements[k]; len(a) > 0 {
			byK[k].Agreement = report.Number(stat.Mean(a, nil)) // over all combinations of that many clusters
		}
		points = append(points, *byK[k])
	}
	return clusters, points
}

// choice plots the scores by which numbers of clusters were compared, and label-free scores of the runs; nil if that number does not vary.
func (s *Sweep) choice() *choice {
	clusters, points := s.candidates()
	if len(clusters) < 2 || len(s.Counted)+len(s.Uncounted) == 0 {
		return nil
	}
	line := series{points: points}
	for _, k := range clusters {
		line.x = append(line.x, float64(k))
	}
	c := &choice{Counted: s.Counted, Uncounted: s.Uncounted}
	for i := range s.Counted {
		name := "score"
		if s.Counted[i].Name != "" {
			name += ", " + s.Counted[i].Name
		}
		c.Charts = append(c.Charts, named{name, s.Counted[i].chart("score", func(p CountedAt) float64 { return p.Score })})
	}
	for _, x := range Scored(points, report.Measures("silhouette", "davies_bouldin", "seed_agreement", "neighbour_agreement", "calinski_harabasz", "effective_clusters")) {
		a := axesOf(x, []series{line})
		if len(s.Counted) > 0 {
			a.chosen = float64(s.Counted[0].Clusters)
		}
		c.Charts = append(c.Charts, named{x.Name, a.draw("clusters", "", []series{line}, false)})
	}
	return c
}
