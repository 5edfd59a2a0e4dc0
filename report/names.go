package report

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
)

// NamedAbove is the share of a cluster's labelled images that a class must exceed to name the cluster. It is one half, so that
// at most one class can exceed it.
const NamedAbove = 0.5

// ClusterName is the name of a cluster, with statistics on how well it fits.
type ClusterName struct {
	Name     string `json:"name"`     // "" if no class exceeds the share NamedAbove in the cluster
	Class    int    `json:"class"`    // its most frequent class, the lowest on ties; −1: none of its images has a label
	Share    Number `json:"share"`    // of that class among the cluster's labelled images, 0 to 1; undefined without one
	Labelled int    `json:"labelled"` // images of the cluster that have a label
}

// NameClusters names each cluster after the class of most of its labelled images. Unlike Match, it considers each cluster
// separately: a class that is split over several clusters names all of them, and no cluster is named after a class that is rare in it. Of
// several clusters of one class, the one with the most images of the class has the plain name and the others are numbered, as in
// "Motorbikes" and "Motorbikes 2". A class without a name in classes is called by its number. Both slices have one entry per item;
// items that are in no cluster (−1) or have no label are ignored.
func NameClusters(cluster, labels []int, clusters int, classes []string) ([]ClusterName, error) {
	if len(cluster) != len(labels) {
		return nil, fmt.Errorf("name clusters: %d clusters and %d labels of the same items", len(cluster), len(labels))
	}
	if clusters < 0 || clusters > mostClusters {
		return nil, fmt.Errorf("name clusters: %d clusters: want 0 to %d", clusters, mostClusters)
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

// call names the clusters in which a class is the most frequent one.
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
		taken[class] = true // "Motorbikes 2" may be the name of another class
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
		names[c].Name = numbered(name, taken)
		taken[names[c].Name] = true
	}
}

// numbered is the first unused name among "name 2", "name 3" and so on.
func numbered(name string, taken map[string]bool) string {
	for n := 2; ; n++ {
		if numbered := name + " " + strconv.Itoa(n); !taken[numbered] {
			return numbered
		}
	}
}

// Called are the names alone, "" for a cluster without one.
func Called(clusters []ClusterName) []string {
	names := make([]string, len(clusters))
	for c, n := range clusters {
		names[c] = n.Name
	}
	return names
}

// ReadNames returns the names of the clusters from a run's metrics. Runs from before names were stored have none; in that case a returns the
// run's assignments, from which the names are derived.
func (m *Metrics) ReadNames(a func() (*Assignments, error)) ([]ClusterName, error) {
	if m.Labelled == nil || m.Names != nil {
		return m.labelledNames(), nil
	}
	table, err := a()
	if err != nil {
		return nil, fmt.Errorf("cluster names: %w", err)
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
