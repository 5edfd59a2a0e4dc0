package page

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"gonum.org/v1/gonum/stat"

	"iconic/report"
)

// choice is the section on how many clusters there should be.
type choice struct {
	Clusters int
	Reason   string
	Charts   []named
}

// votes are the label-free scores that have a say in the number of clusters. Neighbours together and Calinski-Harabasz
// favour few clusters whatever the data: they are drawn, but have none.
var votes = []string{"silhouette", "Davies-Bouldin", seedAgreement}

// SuggestClusters names the number of clusters with the best mean rank over silhouette, Davies-Bouldin index and
// agreement between seeds, as far as the runs have them, the fewest clusters on ties, and says why. Points are the runs
// of each candidate in ascending order of clusters; ok is false where there is nothing to choose from.
func SuggestClusters(clusters []int, points []Point) (best int, reason string, ok bool) {
	if len(clusters) < 2 {
		return 0, "", false
	}
	rank := make([]float64, len(points))
	var says []string
	for _, name := range votes {
		lower := name != seedAgreement && measureNamed(name).lower
		values := make([]float64, len(points))
		defined := true
		for k, p := range points {
			v := p.over(name).Median
			defined = defined && v.Defined()
			values[k] = float64(v)
			if lower {
				values[k] = -values[k]
			}
		}
		if !defined {
			continue
		}
		says = append(says, name)
		for k, v := range values {
			for _, other := range values {
				if other > v {
					rank[k]++
				}
			}
		}
	}
	if len(says) == 0 {
		return 0, "", false
	}
	at := 0
	for k := range rank {
		if rank[k] < rank[at] {
			at = k
		}
	}
	var parts []string
	for _, name := range says {
		parts = append(parts, fmt.Sprintf("%s %s", name, decimals(points[at].over(name).Median, 3)))
	}
	return clusters[at], fmt.Sprintf("the best mean rank of %d candidates over %s (here %s)", len(clusters), strings.Join(says, ", "), strings.Join(parts, ", ")), true
}

// candidates gathers the points by their number of clusters, ascending, those that differ in other settings together; none
// where that number does not vary.
func (s *Sweep) candidates() (clusters []int, points []Point) {
	setting := slices.Index(s.Names, "clusters")
	if setting < 0 || s.distinct(setting) < 2 {
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

// Suggestion is SuggestClusters of a sweep over numbers of clusters; ok is false for other sweeps.
func (s Sweep) Suggestion() (clusters int, reason string, ok bool) {
	return SuggestClusters(s.candidates())
}

// choice draws the label-free scores against the number of clusters, nil where that does not vary.
func (s *Sweep) choice() *choice {
	best, reason, ok := s.Suggestion()
	if !ok {
		return nil
	}
	clusters, points := s.candidates()
	line := series{points: points}
	for _, k := range clusters {
		line.x = append(line.x, float64(k))
	}
	c := &choice{Clusters: best, Reason: reason}
	for _, name := range []string{"silhouette", "Davies-Bouldin", seedAgreement, "neighbours together", "Calinski-Harabasz", "effective clusters"} {
		drawn := slices.ContainsFunc(points, func(p Point) bool { return p.over(name).Median.Defined() })
		if drawn {
			c.Charts = append(c.Charts, named{name, marked(against("clusters", name, []series{line}), best)})
		}
	}
	return c
}

// marked is the place to draw a suggestion into a finished chart: the dots of other numbers stay, those of the
// suggestion are ringed by its class.
func marked(chart template.HTML, clusters int) template.HTML {
	old := fmt.Sprintf("<title>clusters %d:", clusters)
	before, after, found := strings.Cut(string(chart), old)
	if !found {
		return chart
	}
	at := strings.LastIndex(before, `class="k0"`)
	return template.HTML(before[:at] + `class="k0 chosen"` + before[at+len(`class="k0"`):] + old + after)
}
