package page

import (
	"context"
	"fmt"
	"html/template"
	"io"
	"math"
	"slices"

	"iconic/report"
)

// Compared is one of several runs.
type Compared struct {
	Name     string
	Settings []Setting
	Data     string // key of the features; runs on different data are compared by scores only
	Metrics  *report.Metrics
	Cluster  []int // cluster of each item; LeftOut for one that was left out by hand, which no score counts
	Labels   []int // class of each item, negative for none; nil: the run has no labels
}

// LeftOut is the cluster of an item that was left out by hand.
const LeftOut = -1

// check returns an error if the parts are inconsistent.
func (r Compared) check() error {
	if err := r.Metrics.Check(); err != nil {
		return err
	}
	if r.Labels != nil && len(r.Labels) != len(r.Cluster) {
		return fmt.Errorf("%d labels of %d items", len(r.Labels), len(r.Cluster))
	}
	for i, c := range r.Cluster {
		if c < LeftOut || c >= r.Metrics.Clusters {
			return fmt.Errorf("item %d is in cluster %d of %d", i, c, r.Metrics.Clusters)
		}
	}
	return nil
}

// items is the number of items of the run's data.
func (r Compared) items() int {
	n := r.Metrics.N
	for _, c := range r.Cluster {
		if c == LeftOut {
			n++
		}
	}
	return n
}

// inBoth are the clusters in two runs of the items that neither leaves out; nil unless their data are the same.
func inBoth(a, b Compared) (of, with []int) {
	if a.Data != b.Data || len(a.Cluster) != len(b.Cluster) {
		return nil, nil
	}
	for i, c := range a.Cluster {
		if c != LeftOut && b.Cluster[i] != LeftOut {
			of, with = append(of, c), append(with, b.Cluster[i])
		}
	}
	return of, with
}

// Difference is a setting that differs between runs.
type Difference struct {
	Name   string   `json:"name"`
	Values []string `json:"values"` // value in each run; empty: the run has no such setting
}

// Differences lists the settings that differ, in order of first appearance.
func Differences(runs []Compared) []Difference {
	var names []string
	values := map[string][]string{}
	for k, r := range runs {
		for _, s := range r.Settings {
			if values[s.Name] == nil {
				names = append(names, s.Name)
				values[s.Name] = make([]string, len(runs))
			}
			values[s.Name][k] = s.Value
		}
	}
	var list []Difference
	for _, name := range names {
		if v := values[name]; slices.ContainsFunc(v, func(s string) bool { return s != v[0] }) {
			list = append(list, Difference{name, v})
		}
	}
	return list
}

// ScoreLine is a score of several runs: Text is the formatted values, Best the index of the best run, the first of equal ones, or −1 if neither
// high nor low values are better or no run has the score.
type ScoreLine struct {
	report.Measure
	Text  []string
	Value []report.Number
	Best  int
}

// Top reports whether a run has the best score, alone or, in the digits shown, with others.
func (l ScoreLine) Top(run int) bool { return l.Best >= 0 && l.Text[run] == l.Text[l.Best] }

// ScoreLines lists scores of several runs, without those that no run has.
func ScoreLines(metrics []*report.Metrics, measures []report.Measure) []ScoreLine {
	var list []ScoreLine
	for _, x := range measures {
		line := ScoreLine{Measure: x, Best: -1}
		for k, m := range metrics {
			v := x.Of(m)
			line.Value = append(line.Value, v)
			line.Text = append(line.Text, text(x, v))
			if v.Defined() && (line.Best < 0 || (v < line.Value[line.Best]) == (x.Better < 0) && v != line.Value[line.Best]) {
				line.Best = k
			}
		}
		if line.Best < 0 {
			continue
		}
		if x.Better == 0 {
			line.Best = -1
		}
		list = append(list, line)
	}
	return list
}

// Cautions says what limits the comparison of runs, whatever their order: different data; on the same data, different images left out by hand;
// different numbers of clusters; on the same data, different labels and different names of the same classes.
func Cautions(runs []Compared) []string {
	var list []string
	groups := grouped(runs, func(a, b Compared) bool { return a.Data == b.Data && a.items() == b.items() })
	if len(groups) > 1 {
		list = append(list, "These runs are of different data: their scores are shown side by side, but images cannot be traced between runs.")
	}
	if differ(groups, func(a, b Compared) bool { return sameLeftOut(a.Cluster, b.Cluster) }) {
		list = append(list, "Different images were left out of these runs by hand: each score covers the images that its run kept; agreement and changes cover those that both kept.")
	}
	if slices.ContainsFunc(runs, func(r Compared) bool { return r.Metrics.Existing() != runs[0].Metrics.Existing() }) {
		list = append(list, "These runs have different numbers of clusters: accuracy with one cluster per class favours the number of classes, and silhouette and related scores depend on K.")
	}
	sameLabels := func(a, b Compared) bool { return report.SameDivision(a.Labels, b.Labels) }
	var labelled, divisions [][]Compared
	for _, group := range groups {
		group = slices.DeleteFunc(slices.Clone(group), func(r Compared) bool { return r.Labels == nil || r.Metrics.Labelled == nil })
		labelled, divisions = append(labelled, group), append(divisions, grouped(group, sameLabels)...)
	}
	if differ(labelled, sameLabels) {
		list = append(list, "These runs were scored with different labels of the same images: accuracy, NMI, ECE and every other score that uses labels differ for that reason, too, not only because of the clusters.")
	}
	if differ(divisions, func(a, b Compared) bool { return slices.Equal(a.Metrics.Labelled.Classes, b.Metrics.Labelled.Classes) }) {
		list = append(list, "These runs have different names for the same classes: their accuracy is not compared class by class.")
	}
	return list
}

// grouped puts runs that are alike into one group.
func grouped(runs []Compared, alike func(a, b Compared) bool) (groups [][]Compared) {
	for _, r := range runs {
		k := slices.IndexFunc(groups, func(g []Compared) bool { return alike(g[0], r) })
		if k < 0 {
			k, groups = len(groups), append(groups, nil)
		}
		groups[k] = append(groups[k], r)
	}
	return groups
}

// differ reports whether a group has runs that are not alike.
func differ(groups [][]Compared, alike func(a, b Compared) bool) bool {
	return slices.ContainsFunc(groups, func(g []Compared) bool {
		return slices.ContainsFunc(g, func(r Compared) bool { return !alike(g[0], r) })
	})
}

// sameLeftOut reports whether two runs on the same data leave out the same items.
func sameLeftOut(a, b []int) bool {
	return slices.EqualFunc(a, b, func(c, d int) bool { return (c == LeftOut) == (d == LeftOut) })
}

// Agreement is the adjusted Rand index of each pair of runs, over the items that both kept; NaN if their data differ.
func Agreement(runs []Compared) [][]report.Number {
	list := make([][]report.Number, len(runs))
	for i, a := range runs {
		list[i] = make([]report.Number, len(runs))
		for j, b := range runs {
			list[i][j] = report.Number(math.NaN())
			of, with := inBoth(a, b)
			if of == nil {
				continue
			}
			if ari, err := report.AdjustedRandIndex(of, with); err == nil {
				list[i][j] = report.Number(ari)
			}
		}
	}
	return list
}

// WriteComparison writes a page that compares at least two runs.
func WriteComparison(ctx context.Context, w io.Writer, title string, runs []Compared) error {
	if len(runs) < 2 {
		return fmt.Errorf("comparison of %d runs: want at least 2", len(runs))
	}
	for _, r := range runs {
		if err := r.check(); err != nil {
			return fmt.Errorf("comparison: %s: %w", r.Name, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	sections := []section{{"scores", "Scores"}, {"settings", "Settings"}, {"calibration", "Calibration"}, {"changes", "Changes"}}
	f, err := newFrame(title, sections, "")
	if err != nil {
		return err
	}
	v := comparisonView{frame: f, Cautions: Cautions(runs), Differences: Differences(runs), Agreement: Agreement(runs)}
	var metrics []*report.Metrics
	for _, r := range runs {
		v.Names = append(v.Names, r.Name)
		metrics = append(metrics, r.Metrics)
		if r.Metrics.Labelled != nil {
			v.Reliability = append(v.Reliability, named{r.Name, reliability(r.Metrics.Reliability, nil)})
		}
	}
	v.Scores = ScoreLines(metrics, report.Measures())
	v.Classes = perClassChanges(runs)
	v.Moves = clusterMoves(runs)
	return render(w, "compare.html", v)
}

type comparisonView struct {
	frame
	Names       []string
	Cautions    []string
	Differences []Difference
	Scores      []ScoreLine
	Reliability []named
	Agreement   [][]report.Number
	Classes     []classChange
	Moves       []move
}

// named is a chart with its heading.
type named struct {
	Name  string
	Chart template.HTML
}

// classChange is the accuracy of one class in each run.
type classChange struct {
	Name     string
	Accuracy []report.Number
	spread   float64
}

// perClassChanges lists the classes whose accuracy differs most between runs, at most twenty; nil if the runs do not
// have the same classes.
func perClassChanges(runs []Compared) []classChange {
	first := runs[0].Metrics.Labelled
	if first == nil {
		return nil
	}
	var list []classChange
	for k, name := range first.Classes {
		c := classChange{Name: name}
		low, high := math.Inf(1), math.Inf(-1)
		for _, r := range runs {
			l := r.Metrics.Labelled
			if l == nil || !slices.Equal(l.Classes, first.Classes) {
				return nil
			}
			c.Accuracy = append(c.Accuracy, l.PerClassAccuracy[k])
			low, high = min(low, float64(l.PerClassAccuracy[k])), max(high, float64(l.PerClassAccuracy[k]))
		}
		if c.spread = high - low; c.spread > 0 {
			list = append(list, c)
		}
	}
	slices.SortStableFunc(list, func(a, b classChange) int {
		switch {
		case a.spread > b.spread:
			return -1
		case a.spread < b.spread:
			return 1
		}
		return 0
	})
	return list[:min(20, len(list))]
}

// move says how a cluster of the first run changed in another run.
type move struct {
	Run                    string
	From, To, Size, Stayed int
	Share                  float64 // of the cluster's images that are in the matched cluster
}

// clusterMoves matches the clusters of each further run to those of the first and lists those that changed most, at most
// twelve per run; one that kept all its images is left out.
func clusterMoves(runs []Compared) []move {
	first := runs[0]
	var list []move
	for _, r := range runs[1:] {
		of, with := inBoth(first, r)
		if of == nil {
			continue
		}
		partner, err := report.Match(of, with, first.Metrics.Clusters, r.Metrics.Clusters)
		if err != nil {
			continue // too many clusters to match
		}
		sizes, stayed := make([]int, first.Metrics.Clusters), make([]int, first.Metrics.Clusters)
		for i, c := range of {
			sizes[c]++
			if partner[c] == with[i] {
				stayed[c]++
			}
		}
		var own []move
		for c, size := range sizes {
			if stayed[c] < size {
				own = append(own, move{r.Name, c, partner[c], size, stayed[c], float64(stayed[c]) / float64(size)})
			}
		}
		slices.SortStableFunc(own, func(a, b move) int {
			switch {
			case a.Share < b.Share:
				return -1
			case a.Share > b.Share:
				return 1
			}
			return 0
		})
		list = append(list, own[:min(12, len(own))]...)
	}
	return list
}
