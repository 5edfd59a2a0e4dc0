package directions

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"

	"iconic/head/knn"
	"iconic/head/mixture"
	"iconic/head/partition"
	"iconic/head/space"
	"iconic/matrix"
)

// search is the state of a Find.
type search struct {
	options Options
	z, raw  knn.Features
	near    *knn.Graph
	first   []int32       // clusters of the first pass, within which the second whitens; nil in the first
	q, v    *matrix.Dense // directions whitened, and then averaged; nil before prepare
	graph   *knn.Graph    // neighbours in q, used by the average and the eigenvectors
}

func (s *search) few() bool { return s.options.Clusters <= few }

// choosesSizes reports whether how far sizes may differ is to be chosen.
func (s *search) choosesSizes() bool {
	return s.options.Sizes != SizesFree && s.options.Sizes != SizesBalanced
}

// still is the share of rows that may move in the last round.
func (s *search) still() float64 {
	if s.z.Len() > manyRows {
		return stillOfMany
	}
	return still
}

// prepare computes the space of the pass, once.
func (s *search) prepare(ctx context.Context) error {
	if s.v != nil {
		return nil
	}
	o := s.options
	o.Run.Begin("whitening")
	u, err := space.Unit(ctx, s.z, o.Workers)
	if err != nil {
		return err
	}
	if s.first == nil {
		s.q, err = space.Whiten(ctx, u, s.near.Nearest(min(s.near.K, neighboursWhitening)), shrinkage, o.Workers)
	} else {
		s.q, err = space.WhitenWithin(ctx, u, s.first, shrinkage, o.Workers)
	}
	if err != nil {
		return err
	}
	o.Run.Begin("neighbours of directions")
	// For rows of length 1 the Euclidean order is the cosine order, and a row of zeros is allowed.
	s.graph, err = knn.SearchAuto.Find(ctx, s.q, knn.Options{K: sharing(s.q.Len(), o.Clusters), Metric: knn.Euclidean, Workers: o.Workers, Seed: o.Seed})
	if err != nil {
		return err
	}
	s.v, err = space.Diffuse(ctx, s.q, s.closest(s.graph), roundsDiffusion, o.Workers)
	return err
}

// closest has the neighbours that are averaged: no more than a row has in a cluster of equal size, so that small groups do not merge into others.
func (s *search) closest(g *knn.Graph) *knn.Graph {
	own := max(1, min(neighboursDiffusion, g.N/s.options.Clusters-1))
	return g.Nearest(min(g.K, own))
}

// sharing is the number of neighbours among n rows that are compared to count shared neighbours: about half of a cluster's rows.
func sharing(n, clusters int) int { return min(n-1, max(20, min(100, n/(2*clusters)))) }

// clusterings returns the candidates: mixtures of some kinds, each trained from every start, and joined groups. Without kinds, they are those that the sizes
// allow, repaired if need be.
func (s *search) clusterings(ctx context.Context, starts []start, kinds []Candidate) ([]Candidate, error) {
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	first := kinds == nil
	if first {
		kinds = candidates(s.options.Sizes)
	}
	all, err := s.mixtures(ctx, starts, kinds)
	if err == nil && first {
		all, err = s.repair(ctx, starts, all)
	}
	if err != nil {
		return nil, err
	}
	freest := slices.MinFunc(all, func(a, b Candidate) int { return cmp.Compare(a.strictness(), b.strictness()) })
	joined, err := s.joinedCandidates(ctx, freest)
	return append(all, joined...), err
}

// repair returns the mixtures, or, if sizes are to be chosen and all leave many clusters empty, those of equal proportions: that clusters have died says nothing about
// the sizes of classes.
func (s *search) repair(ctx context.Context, starts []start, all []Candidate) ([]Candidate, error) {
	whole := func(c Candidate) bool { return float64(used(c.cluster)) >= (1-lost)*float64(s.options.Clusters) }
	if !s.choosesSizes() || slices.ContainsFunc(all, whole) {
		return all, nil
	}
	return s.mixtures(ctx, starts, candidates(SizesBalanced))
}

// mixtures returns the mixtures of some kinds, each trained from every start.
func (s *search) mixtures(ctx context.Context, starts []start, kinds []Candidate) (all []Candidate, err error) {
	done := s.options.Run.Parts("mixtures", len(starts)*len(kinds))
	for _, start := range starts {
		for _, c := range kinds {
			c = Candidate{Kappa: c.Kappa, Equal: c.Equal, Start: start.name}
			m, err := s.mix(ctx, s.v, start.cluster, c, rounds, s.options.Workers)
			if err != nil {
				return nil, err
			}
			c.cluster, c.likelihood, c.Explained = m.Assignment, m.Likelihood, s.explained(m.Assignment)
			all = append(all, c)
			done()
		}
	}
	return all, nil
}

// kinds returns one candidate of each kind of mixture, whatever its start.
func kinds(all []Candidate) (list []Candidate) {
	for _, c := range all {
		if c.mixture() && !slices.ContainsFunc(list, c.sameMixture) {
			list = append(list, c)
		}
	}
	return list
}

// mix returns the partition by a candidate's mixture, trained from a start.
func (s *search) mix(ctx context.Context, v *matrix.Dense, start []int32, c Candidate, rounds, workers int) (*mixture.Result, error) {
	return mixture.Fit(ctx, v, start, mixture.Options{
		Clusters: s.options.Clusters, Kappa: c.Kappa, Equal: c.Equal, Rounds: rounds, Still: s.still(), Workers: workers,
	})
}

// explained is the share of a cluster's entropy that the neighbours explain.
func (s *search) explained(cluster []int32) float64 {
	return partition.Explained(cluster, s.near, s.options.Clusters)
}

// seed gives every k-means run a seed of its own.
func seed(seed uint64, kind byte, number int) uint64 {
	return rand.New(rand.NewPCG(seed, uint64(kind)<<32|uint64(number))).Uint64()
}
