package directions

import (
	"context"
	"slices"

	"iconic/head/train"
)

// leastRows is the mean number of rows in a cluster from which the clusters of a first pass are worth a second.
const leastRows = 4

// repeats reports whether clusters are searched a second time, in a space whitened within the clusters of the first pass. With few clusters that gains
// nothing on average: one cluster that is two classes then has a large part in the covariance. With very many, the second pass would nearly double the time of the
// largest sets.
func (s *search) repeats() bool {
	k := s.options.Clusters
	return !s.few() && k <= mostSpectral && k*leastRows <= s.z.Len()
}

// repaired reports whether learned proportions have failed in the first pass, because classes lie in groups that are far apart (search.repair). Whitened within
// clusters, directions hardly differ within such a group, so there is no second pass.
func (f *Found) repaired() bool {
	return f.search.choosesSizes() && slices.ContainsFunc(f.Candidates, func(c Candidate) bool { return c.Equal })
}

// again is the second pass. Its mixtures are trained from new starts and from the clusters of the first pass, and replace the candidates. Probes and critics use no
// whitening, so those of the first pass serve again.
func (f *Found) again(ctx context.Context) error {
	s, run := f.search, f.options.Run
	s.first, s.v = f.Cluster, nil
	found, err := run.Stage(train.Stage{Name: "starts of the second pass", Parts: s.effort().starts, Compute: func() ([]train.Tensor, error) {
		starts, err := s.allStarts(ctx, f.critics)
		return keepStarts(starts), err
	}})
	if err != nil {
		return err
	}
	if f.starts, err = s.keptStarts(found, 0); err != nil {
		return err
	}
	f.starts = append(f.starts, start{"first pass", s.first})
	found, err = run.Stage(train.Stage{Name: "clusters of the second pass", Parts: 1, Compute: func() ([]train.Tensor, error) {
		all, err := s.clusterings(ctx, f.starts, kinds(f.Candidates))
		if err != nil {
			return nil, err
		}
		for i := range all {
			all[i].probes = f.Candidates[slices.IndexFunc(f.Candidates, all[i].sameProbes)].probes
		}
		if err := s.agree(ctx, all); err != nil {
			return nil, err
		}
		return keepCandidates(all), nil
	}})
	if err != nil {
		return err
	}
	if f.Candidates, err = s.keptCandidates(found); err != nil {
		return err
	}
	if err := f.spread(ctx); err != nil {
		return err
	}
	f.choose()
	return nil
}
