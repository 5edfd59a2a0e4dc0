package directions

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"

	"iconic/head/kmeans"
	"iconic/head/knn"
	"iconic/head/mixture"
	"iconic/head/partition"
	"iconic/head/spectral"
	"iconic/internal/kernel"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// start is a partition from which mixtures are trained.
type start struct {
	name    string
	cluster []int32
}

// allStarts returns the starts by k-means and, unless there are too many clusters, an ensemble of k-means on eigenvectors. With few
// clusters it adds the best of the critics: a large group around the mean has no direction of its own.
func (s *search) allStarts(ctx context.Context, plain []start) ([]start, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	starts, err := s.plainStarts(ctx)
	if s.few() {
		starts = append(starts, plain[0])
	}
	if err != nil || s.options.Clusters > mostSpectral {
		return starts, err
	}
	eigen, err := s.spectralStart(ctx)
	return append(starts, start{"eigenvectors", eigen}), err
}

// plainStarts returns the ensemble of the k-means runs: with many clusters of all runs, since their local minima are of equal quality; with
// few of those with the lowest error, since the others have merged or split groups. With few clusters it adds the single run with the
// lowest error, because an ensemble of two different minima is neither.
func (s *search) plainStarts(ctx context.Context) ([]start, error) {
	o := s.options
	done := o.Run.Parts("starts by k-means", s.effort().starts)
	runs, err := kmeans.Runs(ctx, s.v, kmeans.Options{
		Clusters: o.Clusters, Starts: s.effort().starts, MaxIterations: iterations, Still: s.still(), Workers: o.Workers, Seed: seed(o.Seed, 's', 0),
		Progress: func(int, int) { done() },
	})
	if err != nil {
		return nil, err
	}
	if s.few() {
		slices.SortStableFunc(runs, byInertia)
		runs = runs[:best]
	}
	members := make([][]int32, len(runs))
	for m, r := range runs {
		members[m] = r.Assignment
	}
	vote, err := partition.Vote(ctx, members, o.Clusters, o.Workers)
	starts := []start{{"k-means", vote}}
	if s.few() {
		starts = append(starts, start{"the best k-means", members[0]})
	}
	return starts, err
}

func byInertia(a, b *kmeans.Result) int { return cmp.Compare(a.Inertia, b.Inertia) }

// spectralStart is an ensemble of k-means runs on the leading eigenvectors of the graph of shared neighbours. A large set is represented by
// random rows, drawn several times; the other rows join the cluster with the nearest mean direction.
func (s *search) spectralStart(ctx context.Context) ([]int32, error) {
	o, n := s.options, s.z.Len()
	rows := max(landmarks, landmarksEach*o.Clusters)
	draws := 1
	if n > 2*rows {
		draws = landmarkDraws
	} else {
		rows = n
	}
	var members [][]int32
	done := o.Run.Parts("starts by eigenvectors", draws)
	for d := range draws {
		found, err := s.landmarkRuns(ctx, rows, d, spectralRuns/draws)
		if err != nil {
			return nil, err
		}
		done()
		members = append(members, found...)
	}
	return partition.Vote(ctx, members, o.Clusters, o.Workers)
}

// landmarkRuns runs k-means on the eigenvectors of one draw of rows, and extends each result to all rows.
func (s *search) landmarkRuns(ctx context.Context, rows, draw, runs int) ([][]int32, error) {
	o, n, d := s.options, s.z.Len(), s.q.Width
	q, chosen := s.q, []int32(nil)
	if rows < n {
		chosen = matrix.RandomRows(rand.New(rand.NewPCG(o.Seed, 0x6c616e64<<16|uint64(draw))), n, rows)
		q = matrix.NewDense(rows, d)
		if err := s.q.Gather(q.X, chosen); err != nil {
			return nil, err
		}
	}
	g := s.graph
	if chosen != nil {
		var err error
		if g, err = knn.Exact(ctx, q, knn.Options{K: sharing(rows, o.Clusters), Metric: knn.Euclidean, Workers: o.Workers}); err != nil {
			return nil, err
		}
	}
	m, err := spectral.Shared(ctx, g, o.Workers)
	if err != nil {
		return nil, err
	}
	leading, err := spectral.Leading(ctx, m, spectral.Options{Count: o.Clusters, Seed: seed(o.Seed, 'e', draw), Workers: o.Workers})
	if err != nil {
		return nil, err
	}
	e := leading.Vectors
	kernel.NormalizeRows(e.X, e.Width)
	found, err := kmeans.Runs(ctx, e, kmeans.Options{
		Clusters: o.Clusters, Starts: runs, MaxIterations: iterations, Still: s.still(), Workers: o.Workers, Seed: seed(o.Seed, 'k', draw),
	})
	if err != nil {
		return nil, err
	}
	members := make([][]int32, runs)
	err = parallel.Blocks(ctx, o.Workers, runs, 1, func(_, r, _ int) (err error) {
		if members[r] = found[r].Assignment; chosen != nil {
			members[r], err = s.extend(ctx, chosen, members[r])
		}
		return err
	})
	return members, err
}

// extend assigns every row to the cluster of landmarks with the nearest mean direction.
func (s *search) extend(ctx context.Context, chosen, cluster []int32) ([]int32, error) {
	marks := matrix.NewDense(len(chosen), s.v.Width)
	if err := s.v.Gather(marks.X, chosen); err != nil {
		return nil, err
	}
	return mixture.Extend(ctx, marks, cluster, s.options.Clusters, s.v)
}
