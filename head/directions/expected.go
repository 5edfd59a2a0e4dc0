package directions

import (
	"context"
	"sync"

	"iconic/head/kmeans"
	"iconic/head/knn"
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

// Expected compares a partition of the rows, such as a head's, with cruder ones that were made apart from it. What partitions do not share
// tells how far each may be from the truth; a fault that all of them share stays unseen. The rows of raw are those of the search, unscaled.
func (f *Found) Expected(ctx context.Context, raw knn.Features, cluster []int32) (Expected, error) {
	o := f.options
	restarts := 1
	if o.Clusters <= few {
		restarts = best
	}
	var e Expected
	for _, p := range f.Chosen.probes {
		a, err := partition.Agreement(cluster, p, o.Clusters)
		if err != nil {
			return e, err
		}
		e.Halves += a / float64(len(f.Chosen.probes))
	}
	plain := make([]float64, critics)
	err := parallel.Blocks(ctx, o.Workers, critics, 1, func(_, c, _ int) error {
		km, err := kmeans.Cluster(ctx, raw, kmeans.Options{
			Clusters: o.Clusters, Starts: restarts, MaxIterations: iterations, Still: still, Workers: 1, Seed: seed(o.Seed, 'c', c),
		})
		if err != nil {
			return err
		}
		plain[c], err = partition.Agreement(cluster, km.Assignment, o.Clusters)
		return err
	})
	if err != nil {
		return e, err
	}
	for _, a := range plain {
		e.Plain += a / critics
	}
	e.Share = (2*e.Halves + e.Plain) / 3
	return e, nil
}

// report tells progress from one goroutine at a time.
type report struct {
	mu          sync.Mutex
	done, total int
	told        func(done, total int)
}

func (r *report) one() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done++
	if r.told != nil {
		r.told(r.done, r.total)
	}
}

func (r *report) end() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.told != nil && r.done < r.total {
		r.told(r.total, r.total)
	}
}
