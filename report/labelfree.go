package report

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"iconic/internal/parallel"
	"iconic/matrix"
)

// LabelFree are the scores that need features but no labels. They are undefined for one cluster and for n clusters, and Davies-Bouldin also where
// clusters that have any spread share their centre.
type LabelFree struct {
	// Silhouette (Rousseeuw 1987) with cosine distance, in [−1, 1], higher is better: the mean over SilhouetteRows rows
	// of (b − a)/max(a, b), where a is the mean distance to the row's own cluster and b that to the nearest other cluster; rows
	// that are alone in their cluster count 0. Distances are to all rows: only the rows themselves are sampled.
	Silhouette     Number `json:"silhouette"`
	SilhouetteRows int    `json:"silhouette_rows"`

	// DaviesBouldin (1979), at least 0, lower is better: the spread of clusters divided by the distance between their centres.
	DaviesBouldin Number `json:"davies_bouldin"`

	// CalinskiHarabasz (1974), at least 0, higher is better: variance between clusters divided by variance within.
	CalinskiHarabasz Number `json:"calinski_harabasz"`

	NeighbourAgreement Number `json:"neighbour_agreement"` // share of nearest neighbours, on LabelFreeOptions.Graph, in the same cluster
	SeedAgreement      Number `json:"seed_agreement"`      // mean ARI between runs that differ only in their seed
}

// LabelFreeOptions are the settings of the measurement; the zero value is valid.
type LabelFreeOptions struct {
	Rows    int     // sampled for the silhouette; 0: 20,000
	Seed    uint64  // of the sample
	Workers int     // goroutines; 0: one per CPU. It does not change the result
	Graph   []int32 // k nearest neighbours of each row, excluding itself; nil: the neighbour agreement is undefined
	Of      []int32 // rows whose neighbours are in Graph; nil: all, in order
}

// ScoreFeatures measures how well clusters, with values 0 … clusters−1, one per row, fit the features as they are
// stored. Time is O(n·d + rows·clusters·d); memory O(clusters·d) per goroutine. Rows of length 0 have cosine distance 1 to
// every row.
func ScoreFeatures(ctx context.Context, f matrix.Features, cluster []int, clusters int, o LabelFreeOptions) (*LabelFree, error) {
	if err := matrix.Check(f); err != nil {
		return nil, fmt.Errorf("score features: %w", err)
	}
	if o.Rows < 0 {
		return nil, fmt.Errorf("score features: a sample of %d rows: want at least 1, or 0 for 20000", o.Rows)
	}
	if f.Len() != len(cluster) || len(cluster) == 0 {
		return nil, fmt.Errorf("score features: %d rows and %d assignments: want as many of each, at least 1", f.Len(), len(cluster))
	}
	if err := checkClusters(clusters); err != nil {
		return nil, fmt.Errorf("score features: %w", err)
	}
	if o.Rows == 0 {
		o.Rows = 20000
	}
	s := &featureScorer{Features: f, cluster: cluster, d: f.Dim(), sizes: make([]int, clusters), o: o}
	for i, c := range cluster {
		if c < 0 || c >= clusters {
			return nil, fmt.Errorf("score features: row %d is in cluster %d of %d", i, c, clusters)
		}
		s.sizes[c]++
	}
	l := &LabelFree{Silhouette: undefined, DaviesBouldin: undefined, CalinskiHarabasz: undefined, NeighbourAgreement: undefined, SeedAgreement: undefined}
	if o.Graph != nil {
		agreement, err := NeighbourAgreement(o.Graph, o.Of, cluster)
		if err != nil {
			return nil, err
		}
		l.NeighbourAgreement = Number(agreement)
	}
	if k := used(s.sizes); k < 2 || k == len(cluster) {
		return l, nil
	}
	if err := s.centres(ctx); err != nil {
		return nil, fmt.Errorf("score features: %w", err)
	}
	if err := s.spread(ctx); err != nil {
		return nil, fmt.Errorf("score features: %w", err)
	}
	l.DaviesBouldin, l.CalinskiHarabasz = Number(s.daviesBouldin()), Number(s.calinskiHarabasz())
	silhouette, rows, err := s.silhouette(ctx)
	if err != nil {
		return nil, fmt.Errorf("score features: %w", err)
	}
	l.Silhouette, l.SilhouetteRows = Number(silhouette), rows
	return l, nil
}

// NeighbourAgreement is the share of pairs (row, neighbour) in the same cluster; graph lists k ≥ 1 neighbours of each row in of, or, if of
// is nil, of all rows in order. A row listed as its own neighbour has no neighbours and is left out; NaN if no pair is left.
func NeighbourAgreement(graph, of []int32, cluster []int) (float64, error) {
	n := len(cluster)
	rows := n
	if of != nil {
		rows = len(of)
	}
	if rows == 0 || len(graph) == 0 || len(graph)%rows != 0 {
		return 0, fmt.Errorf("neighbour agreement: %d neighbours of %d rows: want the same number of each", len(graph), rows)
	}
	k := len(graph) / rows
	same, pairs := 0, 0
	for e, j := range graph {
		i := e / k
		if of != nil {
			i = int(of[i])
		}
		if i < 0 || i >= n || j < 0 || int(j) >= n {
			return 0, fmt.Errorf("neighbour agreement: row %d has neighbour %d of %d", i, j, n)
		}
		if int(j) == i {
			continue
		}
		pairs++
		if cluster[j] == cluster[i] {
			same++
		}
	}
	return float64(same) / float64(pairs), nil
}

// SeedAgreement is the mean adjusted Rand index over all pairs of runs on the same items; NaN for fewer than two.
func SeedAgreement(runs [][]int) (float64, error) {
	var sum float64
	pairs := 0
	for i, a := range runs {
		for _, b := range runs[:i] {
			ari, err := AdjustedRandIndex(a, b)
			if err != nil {
				return 0, err
			}
			sum += ari
			pairs++
		}
	}
	return sum / float64(pairs), nil
}

type featureScorer struct {
	matrix.Features
	cluster []int
	sizes   []int
	d       int
	o       LabelFreeOptions

	centre    []float64 // clusters×d means of rows
	direction []float64 // clusters×d means of rows scaled to length 1
	whole     []float64 // mean of all rows

	distance []float64 // of each cluster: mean Euclidean distance of its rows to its centre
	within   float64   // Σ squared distances to the row's own centre
	between  float64   // Σ squared distances of centres to the overall mean, weighted by cluster size
}

// eachBlock calls work for all rows in blocks, which are the same for any number of workers.
func (s *featureScorer) eachBlock(ctx context.Context, work func(block, lo int, rows []float32)) error {
	n := s.Len()
	return parallel.Blocks(ctx, s.o.Workers, n, featureBlock(n), func(block, lo, hi int) error {
		const step = 1024
		buffer := make([]float32, step*s.d)
		for start := lo; start < hi; start += step {
			if err := ctx.Err(); err != nil {
				return err
			}
			end := min(hi, start+step)
			rows := buffer[:(end-start)*s.d]
			if err := s.Block(rows, start, end); err != nil {
				return err
			}
			work(block, start, rows)
		}
		return nil
	})
}

// featureBlock divides rows into at most 16 blocks, each with its own sums for every cluster.
func featureBlock(n int) int { return max(4096, (n+15)/16) }

// centres computes the means.
func (s *featureScorer) centres(ctx context.Context) error {
	n, d, k := s.Len(), s.d, len(s.sizes)
	partials := make([][]float64, parallel.Count(n, featureBlock(n))) // k×d sums of rows, then k×d of unit rows
	err := s.eachBlock(ctx, func(block, lo int, rows []float32) {
		if partials[block] == nil {
			partials[block] = make([]float64, 2*k*d)
		}
		sums, units := partials[block][:k*d], partials[block][k*d:]
		for r := 0; r*d < len(rows); r++ {
			row := rows[r*d : (r+1)*d]
			c := s.cluster[lo+r]
			sum, unit := sums[c*d:(c+1)*d], units[c*d:(c+1)*d]
			scale := inverseLength(row)
			for j, v := range row {
				sum[j] += float64(v)
				unit[j] += float64(v) * scale
			}
		}
	})
	if err != nil {
		return err
	}
	s.centre, s.direction, s.whole = make([]float64, k*d), make([]float64, k*d), make([]float64, d)
	for _, p := range partials {
		addTo(s.centre, p[:k*d])
		addTo(s.direction, p[k*d:])
	}
	for c, size := range s.sizes {
		addTo(s.whole, s.centre[c*d:(c+1)*d])
		for j := c * d; j < (c+1)*d; j++ {
			s.centre[j] /= float64(max(1, size))
			s.direction[j] /= float64(max(1, size))
		}
	}
	for j := range s.whole {
		s.whole[j] /= float64(n)
		if math.IsNaN(s.whole[j]) || math.IsInf(s.whole[j], 0) {
			return fmt.Errorf("dimension %d holds NaN or infinity", j)
		}
	}
	return nil
}

// spread computes the distances to the centres.
func (s *featureScorer) spread(ctx context.Context) error {
	n, d, k := s.Len(), s.d, len(s.sizes)
	type partial struct {
		distance []float64
		within   float64
	}
	partials := make([]partial, parallel.Count(n, featureBlock(n)))
	err := s.eachBlock(ctx, func(block, lo int, rows []float32) {
		p := &partials[block]
		if p.distance == nil {
			p.distance = make([]float64, k)
		}
		for r := 0; r*d < len(rows); r++ {
			c := s.cluster[lo+r]
			var square, length float64
			for j, v := range rows[r*d : (r+1)*d] {
				e := float64(v) - s.centre[c*d+j]
				square += e * e
				length += float64(v) * float64(v)
			}
			if square <= rounding*rounding*length {
				continue // a row of a cluster of identical rows, whose mean was rounded
			}
			p.within += square
			p.distance[c] += math.Sqrt(square)
		}
	})
	if err != nil {
		return err
	}
	s.distance = make([]float64, k)
	for _, p := range partials {
		s.within += p.within
		addTo(s.distance, p.distance)
	}
	for c, size := range s.sizes {
		if size == 0 {
			continue
		}
		s.distance[c] /= float64(size)
		s.between += float64(size) * squaredDistance(s.centre[c*d:(c+1)*d], s.whole)
	}
	return nil
}

// daviesBouldin is the mean over clusters of the worst (s_c + s_k)/‖centre_c − centre_k‖; for clusters with the same centre
// the ratio is 0 if neither has any spread, and infinite otherwise; those that differ only by rounding count as the same.
func (s *featureScorer) daviesBouldin() float64 {
	var sum float64
	count := 0
	for c, size := range s.sizes {
		if size == 0 {
			continue
		}
		var worst float64
		for k, other := range s.sizes {
			if k == c || other == 0 {
				continue
			}
			if spread := s.distance[c] + s.distance[k]; spread > 0 {
				apart := math.Sqrt(squaredDistance(s.centre[c*s.d:(c+1)*s.d], s.centre[k*s.d:(k+1)*s.d]))
				if apart <= rounding*spread {
					return math.Inf(1)
				}
				worst = max(worst, spread/apart)
			}
		}
		sum += worst
		count++
	}
	return sum / float64(count)
}

// calinskiHarabasz is (between/(k−1)) / (within/(n−k)); NaN if no cluster has any spread.
func (s *featureScorer) calinskiHarabasz() float64 {
	if s.within == 0 {
		return math.NaN()
	}
	k := used(s.sizes)
	return s.between / s.within * float64(s.Len()-k) / float64(k-1)
}

// silhouette relies on cosine distance being linear in the other row: the mean distance of x to a cluster is
// 1 − x·m/‖x‖, where m is the mean of the cluster's rows scaled to length 1. In the row's own cluster its distance to
// itself, 0, is left out.
func (s *featureScorer) silhouette(ctx context.Context) (mean float64, count int, err error) {
	sample := s.sample()
	const size = 256
	partials := make([]float64, parallel.Count(len(sample), size))
	err = parallel.Blocks(ctx, s.o.Workers, len(sample), size, func(block, lo, hi int) error {
		rows := make([]float32, (hi-lo)*s.d)
		if err := s.Gather(rows, sample[lo:hi]); err != nil {
			return err
		}
		for r := range hi - lo {
			partials[block] += s.silhouetteOf(rows[r*s.d:(r+1)*s.d], s.cluster[sample[lo+r]])
		}
		return nil
	})
	for _, p := range partials {
		mean += p
	}
	return mean / float64(len(sample)), len(sample), err
}

func (s *featureScorer) silhouetteOf(x []float32, own int) float64 {
	if s.sizes[own] == 1 {
		return 0
	}
	scale := inverseLength(x)
	a, b := 0.0, math.Inf(1)
	for c, size := range s.sizes {
		if size == 0 {
			continue
		}
		var dot float64
		for j, v := range x {
			dot += float64(v) * s.direction[c*s.d+j]
		}
		distance := cosineDistance(dot * scale)
		if c == own {
			if scale == 0 {
				a = 1
			} else {
				a = distance * float64(size) / float64(size-1)
			}
		} else {
			b = min(b, distance)
		}
	}
	if a == b {
		return 0
	}
	return (b - a) / max(a, b)
}

// rounding is above the relative error of the sums over rows and dimensions, and below that of features in single precision.
const rounding = 1e-12

// cosineDistance is 1 − cosine, or 0 for a distance that is not above the rounding of the sums behind it: identical rows are at distance 0, not at one
// of either sign, whose ratio to another such distance would be of any size.
func cosineDistance(cosine float64) float64 {
	if distance := 1 - cosine; distance > rounding {
		return distance
	}
	return 0
}

// sample draws rows without replacement, in ascending order.
func (s *featureScorer) sample() []int32 {
	n := s.Len()
	all := make([]int32, n)
	for i := range all {
		all[i] = int32(i)
	}
	if n <= s.o.Rows {
		return all
	}
	r := rand.New(rand.NewPCG(s.o.Seed, 0))
	for i := range s.o.Rows {
		j := i + r.IntN(n-i)
		all[i], all[j] = all[j], all[i]
	}
	slices.Sort(all[:s.o.Rows])
	return all[:s.o.Rows]
}

func inverseLength(row []float32) float64 {
	var square float64
	for _, v := range row {
		square += float64(v) * float64(v)
	}
	if square == 0 {
		return 0
	}
	return 1 / math.Sqrt(square)
}

func addTo(sum, x []float64) {
	for j, v := range x {
		sum[j] += v
	}
}

func squaredDistance(x, y []float64) float64 {
	var sum float64
	for j, v := range x {
		sum += (v - y[j]) * (v - y[j])
	}
	return sum
}
