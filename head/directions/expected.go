package directions

import (
	"context"
	"slices"
	"sync"

	"iconic/head/kmeans"
	"iconic/head/partition"
	"iconic/internal/parallel"
)

// critics are how many k-means on features as they are a partition is compared with.
const critics = 8

// Expected is the accuracy to be expected of a partition, measured without labels.
type Expected struct {
	Halves float64 `json:"halves"` // agreement with what random halves of the features give under the chosen mixture, the mean of the better ones
	Plain  float64 `json:"plain"`  // the same with k-means on the features as they are
	Share  float64 `json:"share"`  // (Halves + Plain)/2
}

// critics are k-means on the features as they are, the one of least error first.
func (s *search) critics(ctx context.Context, done *counter) ([]start, error) {
	o := s.options
	o.Run.Begin("k-means on the features as they are")
	runs := make([]*kmeans.Result, critics)
	err := parallel.Blocks(ctx, o.Workers, critics, 1, func(_, c, _ int) (err error) {
		runs[c], err = kmeans.Cluster(ctx, s.raw, kmeans.Options{
			Clusters: o.Clusters, Starts: s.restarts(), MaxIterations: iterations, Still: s.still(), Workers: 1, Seed: seed(o.Seed, 'c', c),
		})
		done.one()
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(runs, byInertia)
	list := make([]start, critics)
	for c, r := range runs {
		list[c] = start{"k-means on the features as they are", r.Assignment}
	}
	return list, nil
}

// Expected compares a partition of the rows, such as a head's, with cruder ones that were made apart from it.
//
// Let m be the partition, t the truth, w a cruder partition, and d the share of rows that the best matching of two leaves over, which obeys the
// triangle inequality (up to the matching): d(m,t) ≤ d(m,w) + d(w,t), and so 1 − d(m,w) says something of the accuracy 1 − d(m,t) as far as m is no
// farther from the truth than from w. Two things make d(m,w) larger than that. A w that has ended in a poor minimum is wrong for reasons of its own, which
// say nothing of t: so of the witnesses of one kind the half that agrees better counts. And a kind of witness may be cruder than another: halves of
// the features where these are not redundant, k-means where classes differ in size; so there are two kinds, which count alike. What is left rests on no
// theorem: m and w share the biases of the features, which makes d(m,w) smaller than d(m,t), and that the two errors balance is what sets
// with labels have shown (docs/results.md). A fault that all partitions share stays unseen.
func (f *Found) Expected(cluster []int32) (e Expected, err error) {
	if e.Halves, err = f.better(cluster, f.Chosen.probes); err != nil {
		return e, err
	}
	plain := make([][]int32, len(f.critics))
	for c := range plain {
		plain[c] = f.critics[c].cluster
	}
	if e.Plain, err = f.better(cluster, plain); err != nil {
		return e, err
	}
	e.Share = (e.Halves + e.Plain) / 2
	return e, nil
}

// better is the mean agreement of a partition with that half of the witnesses that agrees with it better.
func (f *Found) better(cluster []int32, witnesses [][]int32) (float64, error) {
	agreement := make([]float64, len(witnesses))
	for w, other := range witnesses {
		var err error
		if agreement[w], err = partition.Agreement(cluster, other, f.options.Clusters); err != nil {
			return 0, err
		}
	}
	slices.Sort(agreement)
	upper, mean := agreement[len(agreement)/2:], 0.0
	for _, a := range upper {
		mean += a / float64(len(upper))
	}
	return mean, nil
}

// counter tells progress from one goroutine at a time.
type counter struct {
	mu   sync.Mutex
	done int
	told func(done int)
}

func (c *counter) one() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	if c.told != nil {
		c.told(c.done)
	}
}
