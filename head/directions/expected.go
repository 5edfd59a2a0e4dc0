package directions

import (
	"context"
	"fmt"
	"slices"

	"iconic/head/confidence"
	"iconic/head/kmeans"
	"iconic/head/partition"
	"iconic/internal/parallel"
)

// Expected is the expected accuracy of a partition, measured without labels.
type Expected struct {
	Halves float64 `json:"halves"` // mean agreement with clusterings of random halves of the features by the chosen mixture, or by joining groups
	Plain  float64 `json:"plain"`  // mean agreement with k-means on the unprocessed features
	Share  float64 `json:"share"`  // both together (confidence.Together), or Halves for joined groups; with few clusters corrected by what neighbours explain

	// likely is for each row the share of the witnesses that assign it to the same cluster; its mean is (2·Halves + Plain)/3. Joined groups, whose
	// witnesses have only a sample of the rows, have none.
	likely []float64

	both float64 // Share by the rule for mixtures, by which clusterings of different features are compared
}

// unprocessed is the name of the critics' stage, and of a start from one of them.
const unprocessed = "k-means on the unprocessed features"

// critics runs k-means on the unprocessed features and returns the run with the lowest error first.
func (s *search) critics(ctx context.Context) ([]start, error) {
	o := s.options
	runs := make([]*kmeans.Result, s.effort().critics)
	done := o.Run.Parts(unprocessed, len(runs))
	err := parallel.Blocks(ctx, o.Workers, len(runs), 1, func(_, c, _ int) (err error) {
		runs[c], err = kmeans.Cluster(ctx, s.raw, kmeans.Options{
			Clusters: o.Clusters, Starts: s.restarts(), MaxIterations: iterations, Still: s.still(), Seed: seed(o.Seed, 'c', c),
			Workers: parallel.Each(o.Workers, len(runs)),
		})
		done()
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(runs, byInertia)
	list := make([]start, len(runs))
	for c, r := range runs {
		list[c] = start{unprocessed, r.Assignment}
	}
	return list, nil
}

// Expected compares a partition of the rows, such as a head's, with cruder ones that were found independently of it.
//
// Let m be the partition, t the truth, w a cruder partition, and d the share of rows that the best matching of two leaves over, which obeys
// the triangle inequality (up to the matching): d(m,t) ≤ d(m,w) + d(w,t). So 1 − d(m,w) indicates the accuracy 1 − d(m,t) if m is no
// farther from the truth than from w. There are two kinds of witnesses, since either may be cruder than the other: halves of the features
// if these are not redundant, k-means if classes differ in size. Halves count twice, because they are clustered by the chosen mixture,
// while k-means makes groups of one size whatever the data are. The rest follows from no theorem: m and w share the biases of the features,
// which makes d(m,w) smaller than d(m,t), and labelled sets show that the two errors balance (docs/results.md). An error that all
// partitions share stays undetected.
//
// Joined groups are chosen where clusters seem to differ much in size, which k-means would miss whatever the truth; only halves, joined in the same way,
// are their witnesses.
//
// With few clusters the two are averaged in log-odds (confidence.Together), and corrected by what neighbours explain (confidence.Corrected).
func (f *Found) Expected(cluster []int32) (e Expected, err error) {
	plain := make([][]int32, len(f.critics))
	for c := range plain {
		plain[c] = f.critics[c].cluster
	}
	const halves = 2. / 3 // weight of the halves
	if !f.Chosen.joined() {
		e.likely = make([]float64, len(cluster))
	}
	if e.Halves, err = f.agreement(e.likely, halves, f.search.probed(f.Chosen, cluster), f.Chosen.probes); err != nil {
		return e, err
	}
	if e.Plain, err = f.agreement(e.likely, 1-halves, cluster, plain); err != nil {
		return e, err
	}
	e.both = confidence.Corrected(confidence.Together(e.Halves, e.Plain, f.options.Clusters), f.Chosen.Explained, f.options.Clusters)
	if e.Share = e.both; f.Chosen.joined() {
		e.Share = confidence.Corrected(e.Halves, f.Chosen.Explained, f.options.Clusters)
	}
	return e, nil
}

// explain says where the expected accuracy comes from.
func (f *Found) explain(e Expected) string {
	also := ""
	if f.options.Clusters <= confidence.Few {
		also = fmt.Sprintf(", and from how well neighbours predict an image's cluster (they explain %.0f %% of its entropy)", 100*f.Chosen.Explained)
	}
	with := fmt.Sprintf("%.0f %% with halves of the features, %.0f %% with k-means", 100*e.Halves, 100*e.Plain)
	if f.Chosen.joined() {
		with = fmt.Sprintf("%.0f %% with groups joined in halves of the features; the %.0f %% with k-means do not count, since k-means makes groups of similar size", 100*e.Halves, 100*e.Plain)
	}
	return fmt.Sprintf("expected accuracy: %.0f %%, from the agreement with cruder clusterings (%s)%s; errors that all of them share cannot be detected", 100*e.Share, with, also)
}

// agreement is the mean agreement of a partition with witnesses; each adds its part of weight to the rows that it assigns to the same cluster.
func (f *Found) agreement(rows []float64, weight float64, cluster []int32, witnesses [][]int32) (mean float64, err error) {
	each := 1 / float64(len(witnesses))
	for _, other := range witnesses {
		a, err := partition.Agreeing(rows, weight*each, cluster, other, f.options.Clusters)
		if err != nil {
			return 0, err
		}
		mean += a / float64(len(witnesses))
	}
	return mean, nil
}
