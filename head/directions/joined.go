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
// are none if there are many clusters, sizes must not differ, or no halves of the features could judge them.
func (s *search) groups() (list []int) {
	if !s.few() || s.options.Sizes == SizesBalanced || s.options.Redundant {
		return nil
	}
	const rows = 4
	for _, each := range []int{fewGroups, manyGroups} {
		groups := min(each*s.options.Clusters, s.z.Len()/rows)
		if groups > s.options.Clusters && !slices.Contains(list, groups) {
			list = append(list, groups)
		}
	}
	return list
}

// joinedCandidates returns joined groups as candidates beside the mixtures, of which free is the freest. Small groups often are a few outliers, which are
// joined last, so that they are left as clusters while related classes are joined: many of them are no candidate if one of the clusters is tiny.
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
		if groups > fewGroups*s.options.Clusters && smallest(c.cluster, s.options.Clusters) < tiny*float64(s.z.Len())/float64(s.options.Clusters) {
			continue
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

// smallest is the number of rows in the smallest of so many clusters.
func smallest(cluster []int32, clusters int) float64 {
	rows := make([]float64, clusters)
	for _, c := range cluster {
		rows[c]++
	}
	return slices.Min(rows)
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

// sampled are the rows of which groups are joined in halves.
func (s *search) sampled() []int32 {
	return confidence.Sample(s.z.Len(), s.options.Clusters, s.options.Seed)
}

// probeJoined joins groups in every half of the features, of a sample of the rows, as many as each candidate of joined groups has. It is the same method
// without whitening, diffusion and the other half, as the probes of mixtures are. A mixture in a half would split the large classes for which groups are joined.
func (s *search) probeJoined(ctx context.Context, all []Candidate) error {
	if !slices.ContainsFunc(all, Candidate.joined) {
		return nil
	}
	o, rows, probes := s.options, s.sampled(), s.effort().probes
	workers, done := parallel.Each(o.Workers, probes), o.Run.Parts(halvesName, probes)
	return parallel.Blocks(ctx, o.Workers, probes, 1, func(_, p, _ int) error {
		half, err := space.Unit(ctx, &matrix.Columns{Features: &matrix.Subset{Features: s.z, Rows: rows}, Columns: s.columns(p)}, workers)
		if err != nil {
			return err
		}
		near, err := knn.Exact(ctx, half, knn.Options{K: min(neighboursDiffusion, half.Len()-1), Metric: knn.Euclidean, Workers: workers})
		if err != nil {
			return err
		}
		for c := range all {
			if !all[c].joined() {
				continue
			}
			if all[c].probes[p], err = s.join(ctx, half, s.closest(near), all[c].Groups, seed(o.Seed, 'g', p), workers); err != nil {
				return err
			}
		}
		done()
		return nil
	})
}
