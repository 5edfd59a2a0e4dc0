package directions

import (
	"context"
	"slices"

	"iconic/head/confidence"
	"iconic/head/kmeans"
	"iconic/head/knn"
	"iconic/head/partition"
	"iconic/head/space"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// Mixtures of one concentration prefer groups of one radius: with few clusters and a class ten times as large as another, they split the large
// class and join the small ones, whatever the proportions. Groups joined along the neighbour graph have no such preference.

const joinedName = "joined groups" // their name as a start

// groups lists how many groups to join into clusters: a few large ones for each cluster, or more small ones, of at least four rows on average. There
// are none if there are many clusters or sizes must not differ.
func (s *search) groups() (list []int) {
	if !s.few() || s.options.Sizes == SizesBalanced {
		return nil
	}
	const rows = 4
	for _, each := range []int{2, 6} {
		groups := min(each*s.options.Clusters, s.z.Len()/rows)
		if groups > s.options.Clusters && !slices.Contains(list, groups) {
			list = append(list, groups)
		}
	}
	return list
}

// joinedCandidates returns joined groups as candidates beside the mixtures, of which free is the freest.
func (s *search) joinedCandidates(ctx context.Context, free Candidate) ([]Candidate, error) {
	var list []Candidate
	for _, groups := range s.groups() {
		s.options.Run.Begin(joinedName)
		c := free
		c.Groups, c.Start = groups, joinedName
		var err error
		if c.cluster, err = s.join(ctx, s.v, s.closest(s.graph), groups, seed(s.options.Seed, 'j', 0), s.options.Workers); err != nil {
			return nil, err
		}
		// Its likelihood is that of the mixture trained from its clusters.
		m, err := s.mix(ctx, s.v, c.cluster, c, rounds, s.options.Workers)
		if err != nil {
			return nil, err
		}
		c.likelihood, c.Explained = m.Likelihood, s.explained(c.cluster)
		list = append(list, c)
	}
	return list, nil
}

// join clusters rows into a number of groups by k-means and joins these by the edges of a neighbour graph of the rows.
func (s *search) join(ctx context.Context, v knn.Features, near *knn.Graph, groups int, seed uint64, workers int) ([]int32, error) {
	km, err := kmeans.Cluster(ctx, v, kmeans.Options{
		Clusters: groups, Starts: 2, MaxIterations: iterations, Still: s.still(), Workers: workers, Seed: seed,
	})
	if err != nil {
		return nil, err
	}
	return partition.Join(km.Assignment, near, groups, s.options.Clusters)
}

// joinedHalves is the mean agreement of a partition with groups that are joined in the random halves of the features, on a sample of the rows: the
// same method without whitening, diffusion and the other half, as other candidates have it from their probes. The groups are joined once.
func (f *Found) joinedHalves(ctx context.Context, cluster []int32) (mean float64, err error) {
	s := f.search
	rows := confidence.Sample(s.z.Len(), s.options.Clusters, s.options.Seed)
	if f.witnesses == nil {
		if f.witnesses, err = s.joinHalves(ctx, rows, f.Chosen.Groups); err != nil {
			return 0, err
		}
	}
	own := make([]int32, len(rows))
	for e, i := range rows {
		own[e] = cluster[i]
	}
	return f.agreement(nil, 0, own, f.witnesses)
}

// joinHalves joins groups of some of the rows in every half.
func (s *search) joinHalves(ctx context.Context, rows []int32, groups int) ([][]int32, error) {
	o := s.options
	joined := make([][]int32, s.effort().probes)
	workers := parallel.Each(o.Workers, len(joined))
	err := parallel.Blocks(ctx, o.Workers, len(joined), 1, func(_, p, _ int) error {
		half, err := space.Unit(ctx, &matrix.Columns{Features: &matrix.Subset{Features: s.z, Rows: rows}, Columns: s.columns(p)}, workers)
		if err != nil {
			return err
		}
		near, err := knn.Exact(ctx, half, knn.Options{K: min(neighboursDiffusion, half.Len()-1), Metric: knn.Euclidean, Workers: workers})
		if err != nil {
			return err
		}
		joined[p], err = s.join(ctx, half, s.closest(near), groups, seed(o.Seed, 'g', p), workers)
		return err
	})
	return joined, err
}
