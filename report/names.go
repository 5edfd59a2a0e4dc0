package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// NamedAbove is the share of a cluster's labelled images that one class must exceed to name the cluster. More than half is what
// "most of its images" means, and no two classes can have it.
const NamedAbove = 0.5

// ClusterName is what a cluster is called, and how far the name holds.
type ClusterName struct {
	Name     string `json:"name"`     // "" where no class has more than NamedAbove of the cluster
	Class    int    `json:"class"`    // its most frequent class, the lowest on ties; −1: none of its images has a label
	Share    Number `json:"share"`    // of that class among the cluster's labelled images, 0 to 1; undefined without one
	Labelled int    `json:"labelled"` // images of the cluster that have a label
}

// NameClusters names each cluster by the class that most of its labelled images have. It is a matter of each cluster alone, unlike
// Match: a class that was split over several clusters names all of them, and no cluster is called by what it does not hold. Of
// several clusters of one class, the one that holds most of the class has the plain name and the others are numbered, as in
// "Motorbikes" and "Motorbikes 2". A class without a name in classes is called by its number. Both slices have one entry per item;
// items that are in no cluster (−1) or have no label are passed over.
func NameClusters(cluster, labels []int, clusters int, classes []string) ([]ClusterName, error) {
	if len(cluster) != len(labels) {
		return nil, fmt.Errorf("name clusters: %d clusters and %d labels of the same items", len(cluster), len(labels))
	}
	count := make([]map[int]int, clusters)
	names := make([]ClusterName, clusters)
	for i, c := range cluster {
		switch {
		case c >= clusters:
			return nil, fmt.Errorf("name clusters: item %d is in cluster %d of %d", i, c, clusters)
		case c < 0 || labels[i] < 0:
			continue
		case count[c] == nil:
			count[c] = map[int]int{}
		}
		count[c][labels[i]]++
		names[c].Labelled++
	}
	for c := range names {
		names[c].Class = NoLabel
		most := 0
		for class, n := range count[c] {
			if n > most || n == most && class < names[c].Class {
				names[c].Class, most = class, n
			}
		}
		names[c].Share = Number(float64(most) / float64(names[c].Labelled))
	}
	call(names, count, classes)
	return names, nil
}

// call gives names to the clusters that one class has most of.
func call(names []ClusterName, count []map[int]int, classes []string) {
	var named []int
	for c, n := range names {
		if n.Share > NamedAbove {
			named = append(named, c)
		}
	}
	slices.SortStableFunc(named, func(a, b int) int {
		return cmp.Compare(count[b][names[b].Class], count[a][names[a].Class])
	})
	taken := map[string]bool{}
	for _, class := range classes {
		taken[class] = true // "Motorbikes 2" may be a class of its own
	}
	plain := map[int]bool{}
	for _, c := range named {
		class := names[c].Class
		name := strconv.Itoa(class)
		if class < len(classes) {
			name = classes[class]
		}
		if !plain[class] {
			plain[class], taken[name] = true, true
			names[c].Name = name
			continue
		}
		names[c].Name = Numbered(name, taken)
		taken[names[c].Name] = true
	}
}

// Numbered is the first of "name 2", "name 3" and so on that is not taken.
func Numbered(name string, taken map[string]bool) string {
	for n := 2; ; n++ {
		if numbered := name + " " + strconv.Itoa(n); !taken[numbered] {
			return numbered
		}
	}
}

// ReadNames gives the names of the clusters of a run's metrics. Runs of before names were kept have none there; a is asked for the
// run's assignments then, and the names are made from those.
func (m *Metrics) ReadNames(a func() (*Assignments, error)) ([]ClusterName, error) {
	if m.Labelled == nil || m.Names != nil {
		return m.labelledNames(), nil
	}
	table, err := a()
	if err != nil {
		return nil, fmt.Errorf("the names of the clusters: %w", err)
	}
	labels := table.Labels
	if labels == nil {
		labels = slices.Repeat([]int{NoLabel}, len(table.Cluster))
	}
	return NameClusters(table.Cluster, labels, m.Clusters, m.Classes)
}

func (m *Metrics) labelledNames() []ClusterName {
	if m.Labelled == nil {
		return nil
	}
	return m.Names
}
