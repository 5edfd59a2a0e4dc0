package directions

import (
	"context"

	"iconic/head/confidence"
	"iconic/head/kmeans"
	"iconic/head/knn"
	"iconic/head/partition"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// Mixtures of one concentration prefer groups of one radius: with few clusters and a class ten times as large as another, they split the large
// class and join the small ones, whatever the proportions. Groups joined along the neighbour graph have no such preference.

const (
	groupsEach = 3               // groups per cluster that are joined
	groupRows  = 4               // rows per group, at least, in the mean
	joinedName = "joined groups" // their name as a start
)

// groups is how many groups of n rows are joined.
func (s *search) groups(n int) int { return min(groupsEach*s.options.Clusters, n/groupRows) }

// joins reports whether joined groups are a candidate.
func (s *search) joins() bool {
	return s.few() && s.options.Sizes != SizesBalanced && s.groups(s.z.Len()) > s.options.Clusters
}

// joinedCandidate returns the joined groups as a candidate beside the mixtures.
func (s *search) joinedCandidate(ctx context.Context, all []Candidate) (Candidate, error) {
	c := freest(all)
	c.Joined, c.Start = true, joinedName
	var err error
	if c.cluster, err = s.join(ctx, s.v, s.closest(s.graph), seed(s.options.Seed, 'j', 0), s.options.Workers); err != nil {
		return c, err
	}
	// Its likelihood is that of the mixture trained from its clusters.
	m, err := s.mix(ctx, s.v, c.cluster, c, rounds, s.options.Workers)
	if err != nil {
		return c, err
	}
	c.likelihood, c.Explained = m.Likelihood, s.explained(c.cluster)
	return c, nil
}

// freest is the first candidate whose sizes are most free.
func freest(all []Candidate) Candidate {
	best := all[0]
	for _, c := range all[1:] {
		if c.strictness() < best.strictness() {
			best = c
		}
	}
	return best
}

// join clusters rows into groups by k-means and joins these by the edges of a neighbour graph of the rows.
func (s *search) join(ctx context.Context, v knn.Features, near *knn.Graph, seed uint64, workers int) ([]int32, error) {
	groups := s.groups(v.Len())
	km, err := kmeans.Cluster(ctx, v, kmeans.Options{
		Clusters: groups, Starts: s.restarts(), MaxIterations: iterations, Still: s.still(), Workers: workers, Seed: seed,
	})
	if err != nil {
		return nil, err
	}
	return partition.Join(km.Assignment, near, groups, s.options.Clusters)
}

// joinedHalves is the mean agreement of a partition with groups that are joined in the random halves of the features, on a sample of the rows: the
// same method without whitening, diffusion and the other half, as other candidates have it from their probes.
func (s *search) joinedHalves(ctx context.Context, cluster []int32) (float64, error) {
	o := s.options
	o.Run.Begin("joined groups of halves of the features")
	rows := confidence.Sample(s.z.Len(), o.Clusters, o.Seed)
	own := make([]int32, len(rows))
	for e, i := range rows {
		own[e] = cluster[i]
	}
	probes := s.effort().probes
	agreement := make([]float64, probes)
	err := parallel.Blocks(ctx, o.Workers, probes, 1, func(_, p, _ int) error {
		half, err := s.directions(ctx, p, &matrix.Subset{Features: s.z, Rows: rows})
		if err != nil {
			return err
		}
		near, err := knn.Exact(ctx, half, knn.Options{K: min(neighboursDiffusion, half.Len()-1), Metric: knn.Euclidean, Workers: 1})
		if err != nil {
			return err
		}
		other, err := s.join(ctx, half, s.closest(near), seed(o.Seed, 'g', p), 1)
		if err != nil {
			return err
		}
		agreement[p], err = partition.Agreement(own, other, o.Clusters)
		return err
	})
	mean := 0.0
	for _, a := range agreement {
		mean += a / float64(probes)
	}
	return mean, err
}
