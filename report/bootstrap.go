package report

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"iconic/internal/parallel"
)

// subBins is the number of parts into which the bootstrap cuts a calibration bin.
const subBins = 64

// bootstrap returns percentile intervals of 95 % for accuracy and expected calibration error (Efron 1979).
//
// Drawing n items with replacement, thousands of times, is too slow for millions. Items of the same outcome whose
// confidences differ by less than 1/(15·64) are therefore drawn as one cell with its mean confidence: one multinomial
// draw over at most 1,920 cells stands for one resample, whatever n. Resample r draws from (Seed, r) alone.
//
// The expected calibration error of a resample is biased upwards, as any sum of sizes of noisy gaps; the interval
// shows the spread, and may lie above the estimate where n is small.
func bootstrap(ctx context.Context, in Input, correct []bool) (accuracy, ece [2]Number, err error) {
	cells := resamplingCells(in.Confidence, correct)
	accuracies, eces := make([]float64, in.Resamples), make([]float64, in.Resamples)
	err = parallel.Blocks(ctx, in.Workers, in.Resamples, 16, func(_, lo, hi int) error {
		for r := lo; r < hi; r++ {
			source := rand.NewPCG(in.Seed, uint64(r))
			accuracies[r], eces[r] = resample(cells, len(correct), source)
		}
		return nil
	})
	if err != nil {
		return accuracy, ece, err
	}
	return percentiles(accuracies), percentiles(eces), nil
}

type resamplingCell struct {
	bin        int
	correct    bool
	count      int
	confidence float64 // mean
}

func resamplingCells(confidence []float64, correct []bool) []resamplingCell {
	cells := make([]resamplingCell, 2*Bins*subBins)
	for i, c := range confidence {
		k := binOf(c, Bins*subBins)
		if correct[i] {
			k += Bins * subBins
		}
		cells[k].bin, cells[k].correct = binOf(c, Bins), correct[i]
		cells[k].count++
		cells[k].confidence += c
	}
	cells = slices.DeleteFunc(cells, func(c resamplingCell) bool { return c.count == 0 })
	for k := range cells {
		cells[k].confidence /= float64(cells[k].count)
	}
	return cells
}

// resample draws n items: a multinomial draw, cell by cell, each binomial given what is left.
func resample(cells []resamplingCell, n int, source rand.Source) (accuracy, ece float64) {
	var excess [Bins]float64 // Σ (right − confidence)
	right := 0
	toDraw, left := n, n
	for _, c := range cells {
		if toDraw == 0 {
			break
		}
		drawn := toDraw
		if c.count < left {
			drawn = int(distuv.Binomial{N: float64(toDraw), P: float64(c.count) / float64(left), Src: source}.Rand())
		}
		toDraw -= drawn
		left -= c.count
		excess[c.bin] -= float64(drawn) * c.confidence
		if c.correct {
			right += drawn
			excess[c.bin] += float64(drawn)
		}
	}
	for _, e := range excess {
		ece += math.Abs(e)
	}
	return float64(right) / float64(n), ece / float64(n)
}

// percentiles are the 2.5th and 97.5th of x, which is sorted in place, by linear interpolation.
func percentiles(x []float64) [2]Number {
	slices.Sort(x)
	at := func(q float64) Number {
		position := q * float64(len(x)-1)
		below := int(position)
		above := min(below+1, len(x)-1)
		return Number(x[below] + (position-float64(below))*(x[above]-x[below]))
	}
	return [2]Number{at(0.025), at(0.975)}
}
