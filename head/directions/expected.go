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
	Halves float64 `json:"halves"` // mean agreement with what random halves of the features give, under the chosen mixture
	Plain  float64 `json:"plain"`  // mean agreement with k-means on the features as they are
	Share  float64 `json:"share"`  // (2·Halves + Plain)/3
}

// critics are k-means on the features as they are, the one of least error first.
func (s *search) critics(ctx context.Context, done *counter) ([]start, error) {
	o := s.options
	o.Run.Begin("k-means on the features as they are")
	runs := make([]*kmeans.Result, critics)
	err := parallel.Blocks(ctx, o.Workers, critics, 1, func(_, c, _ int) (err error) {
		runs[c], err = kmeans.Cluster(ctx, s.raw, kmeans.Options{
			Clusters: o.Clusters, Starts: s.restarts(), MaxIterations: iterations, Still: still, Workers: 1, Seed: seed(o.Seed, 'c', c),
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

// Expected compares a partition of the rows, such as a head's, with cruder ones that were made apart from it. What partitions do not share
// tells how far each may be from the truth; a fault that all of them share stays unseen.
func (f *Found) Expected(cluster []int32) (Expected, error) {
	var e Expected
	for _, p := range f.Chosen.probes {
		a, err := partition.Agreement(cluster, p, f.options.Clusters)
		if err != nil {
			return e, err
		}
		e.Halves += a / float64(len(f.Chosen.probes))
	}
	for _, c := range f.critics {
		a, err := partition.Agreement(cluster, c.cluster, f.options.Clusters)
		if err != nil {
			return e, err
		}
		e.Plain += a / critics
	}
	e.Share = (2*e.Halves + e.Plain) / 3
	return e, nil
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
