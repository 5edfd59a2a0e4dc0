package directions

import (
	"context"
	"math/rand/v2"
	"slices"

	"iconic/head/kmeans"
	"iconic/head/knn"
	"iconic/head/mixture"
	"iconic/head/partition"
	"iconic/head/space"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// halvesName is the name of the stage in which halves of the features are clustered.
const halvesName = "halves of the features"

// probe clusters random halves of the features as each candidate was, and measures how well they reproduce it (agree). Probes use neither the whitening nor
// the diffusion nor the other half. Those of joined groups are of a sample of the rows.
func (s *search) probe(ctx context.Context, all []Candidate) error {
	if err := s.probeMixtures(ctx, all); err != nil {
		return err
	}
	if err := s.probeJoined(ctx, all); err != nil {
		return err
	}
	return s.agree(ctx, all)
}

// probeMixtures clusters every half by each mixture. From several starts the one with the highest likelihood counts.
func (s *search) probeMixtures(ctx context.Context, all []Candidate) error {
	probes, kinds := s.effort().probes, kinds(all)
	done := s.options.Run.Parts(halvesName, probes)
	for c := range all {
		all[c].probes = make([][]int32, probes)
	}
	workers := parallel.Each(s.options.Workers, probes)
	return parallel.Blocks(ctx, s.options.Workers, probes, 1, func(_, p, _ int) error {
		half, starts, err := s.half(ctx, p, workers)
		if err != nil {
			return err
		}
		for _, kind := range kinds {
			var found *mixture.Result
			for _, start := range starts {
				m, err := s.mix(ctx, half, start, kind, roundsProbe, workers)
				if err != nil {
					return err
				}
				if found == nil || m.Likelihood > found.Likelihood {
					found = m
				}
			}
			for c := range all {
				if all[c].sameProbes(kind) {
					all[c].probes[p] = found.Assignment
				}
			}
		}
		done()
		return nil
	})
}

// agree measures how well the probes of candidates reproduce them.
func (s *search) agree(ctx context.Context, all []Candidate) error {
	return parallel.Blocks(ctx, s.options.Workers, len(all), 1, func(_, i, _ int) error { return s.agreeOne(&all[i]) })
}

// agreeOne measures how well its probes reproduce a candidate.
func (s *search) agreeOne(c *Candidate) (err error) {
	own := s.probed(*c, c.cluster)
	c.agreement, c.Agreement = make([]float64, len(c.probes)), 0
	for p, probe := range c.probes {
		if c.agreement[p], err = partition.Agreement(own, probe, s.options.Clusters); err != nil {
			return err
		}
		c.Agreement += c.agreement[p] / float64(len(c.probes))
	}
	return nil
}

// measureChance sets the agreement that a candidate has with its probes by chance.
func (s *search) measureChance(c *Candidate) error {
	own := s.probed(*c, c.cluster)
	c.byChance = 0
	for _, probe := range c.probes {
		same, err := partition.ByChance(own, probe, s.options.Clusters)
		if err != nil {
			return err
		}
		c.byChance += same / float64(len(c.probes))
	}
	return nil
}

// probed is a clustering of the rows that the probes of a candidate cluster.
func (s *search) probed(c Candidate, cluster []int32) []int32 {
	if !c.joined() {
		return cluster
	}
	rows := s.sampled()
	own := make([]int32, len(rows))
	for e, i := range rows {
		own[e] = cluster[i]
	}
	return own
}

// columns are those of a random half of the features.
func (s *search) columns(p int) []int {
	d := s.z.Dim()
	columns := rand.New(rand.NewPCG(s.options.Seed, 0x68616c66<<16|uint64(p))).Perm(d)[:max(1, d/2)]
	slices.Sort(columns)
	return columns
}

// half returns the directions of a random half of the features, and starts in it: k-means on them, and with few clusters also on the
// features themselves.
func (s *search) half(ctx context.Context, p, workers int) (*matrix.Dense, [][]int32, error) {
	columns := s.columns(p)
	half, err := space.Unit(ctx, &matrix.Columns{Features: s.z, Columns: columns}, workers)
	if err != nil {
		return nil, nil, err
	}
	on := []knn.Features{half}
	if s.few() {
		on = append(on, &matrix.Columns{Features: s.raw, Columns: columns})
	}
	var starts [][]int32
	for _, x := range on {
		km, err := kmeans.Cluster(ctx, x, kmeans.Options{
			Clusters: s.options.Clusters, Starts: s.restarts(), MaxIterations: iterations, Still: s.still(), Workers: workers, Seed: seed(s.options.Seed, 'p', p),
		})
		if err != nil {
			return nil, nil, err
		}
		starts = append(starts, km.Assignment)
	}
	return half, starts, nil
}

// restarts is the number of k-means runs of which a probe or critic takes the best.
func (s *search) restarts() int {
	if s.few() {
		return best
	}
	return 1
}
