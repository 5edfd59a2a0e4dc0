package clustercount

import (
	"context"
	"math/rand/v2"
	"slices"

	"iconic/head/kmeans"
	"iconic/head/knn"
	"iconic/head/partition"
	"iconic/head/space"
	"iconic/internal/parallel"
	"iconic/matrix"
)

// Constants of the space, the same as in head/directions.
const (
	neighboursWhitening = 5
	neighboursDiffusion = 10
	roundsDiffusion     = 2
	shrinkage           = 0.1

	few        = 20 // number of clusters up to which local minima differ
	startsFew  = 4  // starts of k-means then
	iterations = 30
	still      = 1e-3
)

// half holds the rows in the space of half of the features.
type half struct {
	v    *matrix.Dense // whitened directions, diffused
	near *knn.Graph    // neighbours before the diffusion
}

// split computes both halves of several random splits of the columns of f.
func split(ctx context.Context, f matrix.Features, splits int, o Options) ([]half, error) {
	halves := make([]half, 0, 2*splits)
	for s := range splits {
		columns := rand.New(rand.NewPCG(o.Seed, 0x73706c69<<16|uint64(s))).Perm(f.Dim())
		for _, own := range [][]int{columns[:f.Dim()/2], columns[f.Dim()/2:]} {
			own = slices.Sorted(slices.Values(own))
			h, err := prepare(ctx, &matrix.Columns{Features: f, Columns: own}, o)
			if err != nil {
				return nil, err
			}
			halves = append(halves, h)
		}
	}
	return halves, nil
}

// prepare computes the space of features.
func prepare(ctx context.Context, f matrix.Features, o Options) (half, error) {
	u, err := space.Unit(ctx, f, o.Workers)
	if err != nil {
		return half{}, err
	}
	// For rows of length 1 the Euclidean order is the cosine order, and a row of zeros is allowed.
	near := func(x *matrix.Dense, k int) (*knn.Graph, error) {
		return knn.SearchAuto.Find(ctx, x, knn.Options{K: min(k, x.Len()-1), Metric: knn.Euclidean, Workers: o.Workers, Seed: o.Seed})
	}
	g, err := near(u, neighboursWhitening)
	if err != nil {
		return half{}, err
	}
	q, err := space.Whiten(ctx, u, g, shrinkage, o.Workers)
	if err != nil {
		return half{}, err
	}
	if g, err = near(q, neighboursDiffusion); err != nil {
		return half{}, err
	}
	v, err := space.Diffuse(ctx, q, g, roundsDiffusion, o.Workers)
	return half{v, g}, err
}

// cluster returns the partition of a half into k clusters.
func (h half) cluster(ctx context.Context, k int, seed uint64, number, workers int) ([]int32, error) {
	starts := 1
	if k <= few {
		starts = startsFew
	}
	km, err := kmeans.Cluster(ctx, h.v, kmeans.Options{
		Clusters: k, Starts: starts, MaxIterations: iterations, Still: still, Workers: workers,
		Seed: rand.New(rand.NewPCG(seed, uint64(number)<<32|uint64(k))).Uint64(),
	})
	if err != nil {
		return nil, err
	}
	return km.Assignment, nil
}

// compare returns the agreement of the two halves' partitions, and the mean of each one's information about the other's neighbours.
func compare(halves []half, clusters [][]int32, k int) (agreement, information float64, err error) {
	if agreement, err = partition.Agreement(clusters[0], clusters[1], k); err != nil {
		return 0, 0, err
	}
	for h := range 2 {
		one, _ := partition.Information(clusters[h], halves[1-h].near, k)
		information += one / 2
	}
	return agreement, information, nil
}

// chance is the agreement of k clusters on features whose columns are permuted independently: the agreement of halves if there are no
// clusters.
func chance(ctx context.Context, f matrix.Features, k int, o Options) (float64, error) {
	x, err := permuted(ctx, f, o)
	if err != nil {
		return 0, err
	}
	halves, err := split(ctx, x, 1, o)
	if err != nil {
		return 0, err
	}
	clusters := make([][]int32, len(halves))
	err = parallel.Blocks(ctx, o.Workers, len(halves), 1, func(_, h, _ int) (err error) {
		clusters[h], err = halves[h].cluster(ctx, k, o.Seed, h, parallel.Each(o.Workers, len(halves)))
		return err
	})
	if err != nil {
		return 0, err
	}
	return partition.Agreement(clusters[0], clusters[1], k)
}

// permuted returns a copy of f with each column permuted independently.
func permuted(ctx context.Context, f matrix.Features, o Options) (*matrix.Dense, error) {
	n, d := f.Len(), f.Dim()
	x, y := matrix.NewDense(n, d), matrix.NewDense(n, d)
	if err := f.Block(x.X, 0, n); err != nil {
		return nil, err
	}
	err := parallel.Blocks(ctx, o.Workers, d, 1, func(_, e, _ int) error {
		for i, j := range rand.New(rand.NewPCG(o.Seed, 0x7065726d<<16|uint64(e))).Perm(n) {
			y.X[i*d+e] = x.X[j*d+e]
		}
		return nil
	})
	return y, err
}
