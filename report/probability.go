package report

import (
	"context"
	"fmt"
	"math"

	"iconic/internal/parallel"
)

// likelihoodFloor keeps the negative log-likelihood finite if a class has probability 0.
const likelihoodFloor = 1e-12

// probabilityRows is the number of probability rows that one goroutine holds at a time: 1 MiB.
func (in *Input) probabilityRows() int { return max(1, (1<<17)/in.Clusters) }

// blockSize divides n items into at most 64 blocks, whatever the number of workers, so that the sums per block stay small.
func blockSize(n int) int { return max(1024, (n+63)/64) }

// eachRow calls work for every row of probabilities; the rows of a block come in order, on one goroutine.
func (in *Input) eachRow(ctx context.Context, work func(block, i int, p []float64)) error {
	k := in.Clusters
	return parallel.Blocks(ctx, in.Workers, in.Items, blockSize(in.Items), func(block, lo, hi int) error {
		step := in.probabilityRows()
		buffer := make([]float64, min(step, hi-lo)*k)
		for start := lo; start < hi; start += step {
			if err := ctx.Err(); err != nil {
				return err
			}
			end := min(hi, start+step)
			rows := buffer[:(end-start)*k]
			if err := in.Probabilities(rows, start, end); err != nil {
				return fmt.Errorf("probabilities of items %d to %d: %w", start, end-1, err)
			}
			for i := start; i < end; i++ {
				p := rows[(i-start)*k : (i-start+1)*k]
				if err := checkRow(p, i); err != nil {
					return err
				}
				work(block, i, p)
			}
		}
		return nil
	})
}

func checkRow(p []float64, i int) error {
	var sum float64
	for c, v := range p {
		if !(v >= 0) { // written so that NaN fails too
			return fmt.Errorf("probability %v of item %d, cluster %d: want a number from 0 to 1", v, i, c)
		}
		sum += v
	}
	if !(math.Abs(sum-1) <= 1e-3) {
		return fmt.Errorf("probabilities of item %d sum to %v: want 1", i, sum)
	}
	return nil
}

// Assign fills Cluster and Confidence from the probabilities if they are nil: the cluster with the highest probability, the lowest on
// ties, and that probability. It returns an error for rows that are not distributions, and ctx's error when ctx ends.
func (in *Input) Assign(ctx context.Context) error {
	n := in.Items
	if in.Probabilities == nil { // a hard assignment has confidence 1
		in.Confidence = make([]float64, n)
		for i := range in.Confidence {
			in.Confidence[i] = 1
		}
		return nil
	}
	top, best := make([]float64, n), make([]int, n)
	err := in.eachRow(ctx, func(_, i int, p []float64) {
		for c, v := range p {
			if v > p[best[i]] {
				best[i] = c
			}
		}
		top[i] = min(1, p[best[i]]) // above 1 only by rounding, since the sum is checked
	})
	if err != nil {
		return err
	}
	if in.Cluster == nil {
		in.Cluster = best
	}
	if in.Confidence == nil {
		in.Confidence = top
	}
	return nil
}

// probabilityScores are the scores that use all probabilities, not only the top one.
type probabilityScores struct{ classWise, brier, nll float64 }

// probabilityScores compares the probabilities with the labels. A class has the probability of its matched cluster, or 0 if it
// has none; t is the cluster of the true class:
//
//	Brier           1/n Σ_i Σ_c (p_ic − 1[c = t_i])²; plus 1 for an item whose class has no cluster
//	NLL             −1/n Σ_i log max(p_it, 10⁻¹²)
//	class-wise ECE  1/K Σ_k Σ_b n_kb/n |frequency_kb − confidence_kb|, all items binned by p_ik (Kull et al. 2019)
//
// The scores are NaN for items with a confidence but no probabilities; a hard assignment has probability 1 for its cluster.
func (in *Input) probabilityScores(ctx context.Context, mapping []int, classes int) (probabilityScores, error) {
	n, clusters := len(in.Labels), in.Clusters
	clusterOf := make([]int, classes)
	for k := range clusterOf {
		clusterOf[k] = NoLabel
	}
	for c, k := range mapping {
		if k >= 0 {
			clusterOf[k] = c
		}
	}
	rows, known := in.withProbabilities()
	if !known {
		return probabilityScores{math.NaN(), math.NaN(), math.NaN()}, nil
	}
	partials := make([]partialScores, parallel.Count(n, blockSize(n)))
	err := rows.eachRow(ctx, func(block, i int, p []float64) {
		s := &partials[block]
		if s.excess == nil {
			s.low, s.excess = make([]float64, clusters), make([]float64, clusters*Bins)
		}
		s.add(p, clusterOf[in.Labels[i]])
	})
	if err != nil {
		return probabilityScores{}, err
	}
	var sum probabilityScores
	excess := make([]float64, clusters*Bins)
	for _, s := range partials {
		sum.brier += s.brier
		sum.nll += s.nll
		for k, v := range s.excess {
			excess[k] += v
		}
		for c, v := range s.low {
			excess[c*Bins] -= v
		}
	}
	for _, y := range in.Labels {
		if clusterOf[y] == NoLabel {
			sum.classWise++
		}
	}
	for c, k := range mapping {
		if k >= 0 {
			for _, v := range excess[c*Bins : (c+1)*Bins] {
				sum.classWise += math.Abs(v)
			}
		}
	}
	sum.brier /= float64(n)
	sum.nll /= float64(n)
	sum.classWise /= float64(n) * float64(classes)
	return sum, nil
}

// withProbabilities is the input of the labelled items with probabilities, those of hard assignments if it has none; known is false for assignments with a
// confidence but no probabilities.
func (in *Input) withProbabilities() (rows Input, known bool) {
	rows = *in
	rows.Items = len(in.Labels)
	if in.Probabilities != nil {
		return rows, true
	}
	for _, c := range in.Confidence {
		if c != 1 {
			return rows, false
		}
	}
	rows.Probabilities = func(dst []float64, lo, hi int) error {
		clear(dst)
		for i := lo; i < hi; i++ {
			dst[(i-lo)*in.Clusters+in.Cluster[i]] = 1
		}
		return nil
	}
	return rows, true
}

// partialScores are the sums of a block of items.
type partialScores struct {
	brier, nll float64
	low        []float64 // of each cluster: Σ p in the first bin, where nearly all probabilities are if there are many clusters
	excess     []float64 // clusters×Bins: Σ (1[correct] − p), without low; n_b·|frequency − confidence| is its absolute value
}

// add adds an item with the probabilities p, whose class has the cluster t, or NoLabel.
func (s *partialScores) add(p []float64, t int) {
	const firstEdge = 1.0 / Bins
	var squares float64
	low := s.low[:len(p)]
	for c, v := range p {
		squares += v * v
		if v <= firstEdge {
			low[c] += v
		} else {
			s.excess[c*Bins+BinOf(v, Bins)] -= v
		}
	}
	truth := 0.0
	if t != NoLabel {
		truth = p[t]
		s.excess[t*Bins+BinOf(truth, Bins)]++
	}
	s.brier += squares - 2*truth + 1
	s.nll -= math.Log(max(truth, likelihoodFloor))
}
