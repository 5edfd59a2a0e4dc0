package report

import (
	"errors"
	"fmt"
	"math"
)

// mostClusters is far above any real clustering, and small enough for the memory kept per cluster. It is also the most classes.
const mostClusters = 1 << 24

// Check checks that there are metrics, and that their parts are consistent, so that one may be indexed by another. Its error names the inconsistent
// field as in metrics.json.
func (m *Metrics) Check() error {
	switch {
	case m == nil:
		return errors.New("no metrics")
	case m.N < 1:
		return fmt.Errorf("n %d: want 1 or more", m.N)
	case m.Clusters < 1 || m.Clusters > mostClusters:
		return fmt.Errorf("clusters %d: want 1 to %d", m.Clusters, mostClusters)
	case len(m.ClusterSizes) != m.Clusters:
		return fmt.Errorf("cluster_sizes has %d entries, for %d clusters", len(m.ClusterSizes), m.Clusters)
	}
	sum, used := 0, 0
	for c, size := range m.ClusterSizes {
		if size < 0 || size > m.N-sum {
			return fmt.Errorf("cluster_sizes: cluster %d has %d images, and all %d have %d", c, size, m.Clusters, m.N)
		}
		if sum += size; size > 0 {
			used++
		}
	}
	switch {
	case sum != m.N:
		return fmt.Errorf("cluster_sizes add up to %d of %d images", sum, m.N)
	case used != m.ClustersUsed:
		return fmt.Errorf("clusters_used %d: %d have images", m.ClustersUsed, used)
	}
	for k, c := range m.Merged {
		if c < 0 || c >= m.Clusters || k > 0 && c <= m.Merged[k-1] || m.ClusterSizes[c] > 0 {
			return fmt.Errorf("merged: cluster %d: want clusters of %d without images, ascending", c, m.Clusters)
		}
	}
	if m.Labelled != nil {
		if err := m.Labelled.validate(m.N, m.Clusters); err != nil {
			return err
		}
	}
	if m.KMeans != nil {
		if m.KMeans.KMeans != nil {
			return fmt.Errorf("kmeans has a baseline of its own")
		}
		if err := m.KMeans.Check(); err != nil {
			return fmt.Errorf("kmeans: %w", err)
		}
	}
	return nil
}

// validate checks the scores that use labels, for n images in k clusters.
func (l *Labelled) validate(n, k int) error {
	switch {
	case l.LabelledItems < 0 || l.LabelledItems > n:
		return fmt.Errorf("labelled %d: want 0 to %d", l.LabelledItems, n)
	case len(l.Matching.ClassOfCluster) != k:
		return fmt.Errorf("class_of_cluster has %d entries, for %d clusters", len(l.Matching.ClassOfCluster), k)
	case l.Names != nil && len(l.Names) != k:
		return fmt.Errorf("there are %d names, for %d clusters", len(l.Names), k)
	case len(l.PerClassAccuracy) != len(l.Classes):
		return fmt.Errorf("per_class_accuracy has %d entries, for %d classes", len(l.PerClassAccuracy), len(l.Classes))
	case len(l.Reliability) != Bins:
		return fmt.Errorf("reliability has %d bins: want %d", len(l.Reliability), Bins)
	}
	for c, class := range l.Matching.ClassOfCluster {
		if class < -1 || class >= len(l.Classes) {
			return fmt.Errorf("class_of_cluster: class %d of cluster %d: want one of %d, or -1", class, c, len(l.Classes))
		}
	}
	for b, bin := range l.Reliability {
		if bin.Count < 0 || bin.Count > n {
			return fmt.Errorf("reliability: bin %d has %d images of %d", b, bin.Count, n)
		}
	}
	shares := append([]Number{l.Accuracy, l.ManyToOne, l.ECE, l.ECEByChance, l.MCE, l.AdaptiveECE}, l.PerClassAccuracy...)
	shares = append(append(shares, l.AccuracyInterval[:]...), l.ECEInterval[:]...)
	for _, x := range shares {
		const slack = 1e-9 // for rounded sums
		if v := float64(x); !math.IsNaN(v) && !(v >= -slack && v <= 1+slack) {
			return fmt.Errorf("a share of %g: want 0 to 1", v)
		}
	}
	return nil
}
