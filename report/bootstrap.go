package report

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"

	"iconic/internal/parallel"
)

// subBins is the number of parts into which the bootstrap divides a calibration bin.
const subBins = 64

// bootstrap returns 95 % intervals for accuracy and expected calibration error (Efron 1979). Every resample uses the matching of clusters to
// classes from the whole data; the intervals do not include the optimism from fitting the matching on the same data.
//
// Drawing n items with replacement thousands of times is too slow for millions of items. Items with the same outcome whose
// confidences differ by less than 1/(15·64) are therefore drawn as one cell with its mean confidence: one multinomial
// draw over at most 1,920 cells is one resample, whatever n. Resample r depends on (Seed, r) only.
//
// Accuracy has the percentile interval. The expected calibration error is biased upwards, as is any sum of absolute noisy gaps, and its resamples
// are biased once more; percentiles would exclude a true error of 0, and often the estimate e itself. Each end is therefore computed separately. The
// true error is below e by at most Σ_b |G_b − Ĝ_b|, where G_b is the share of items in bin b times its true gap and Ĝ_b the observed value (triangle
// inequality); the lower end is e minus the 97.5 % quantile of that distance between resamples and data, at least 0. The upper end is e plus
// the difference between the 97.5 % quantile of the resampled errors and their mean, at most 1: their spread without their bias.
func bootstrap(ctx context.Context, in Input, correct []bool) (accuracy, ece [2]Number, err error) {
	cells := resamplingCells(in.Confidence, correct)
	var found [Bins]float64
	for _, c := range cells {
		c.add(&found, c.count)
	}
	estimate := absolute(found, [Bins]float64{}) / float64(len(correct))
	accuracies, eces, distances := make([]float64, in.Resamples), make([]float64, in.Resamples), make([]float64, in.Resamples)
	err = parallel.Blocks(ctx, in.Workers, in.Resamples, 16, func(_, lo, hi int) error {
		for r := lo; r < hi; r++ {
			source := rand.NewPCG(in.Seed, uint64(r))
			right, excess := resample(cells, len(correct), source)
			n := float64(len(correct))
			accuracies[r], eces[r], distances[r] = float64(right)/n, absolute(excess, [Bins]float64{})/n, absolute(excess, found)/n
		}
		return nil
	})
	if err != nil {
		return accuracy, ece, err
	}
	e := Number(estimate)
	centre := Number(mean(eces))
	return percentiles(accuracies), [2]Number{max(0, e-percentiles(distances)[1]), min(1, e+max(0, percentiles(eces)[1]-centre))}, nil
}

// absolute is Σ_b |a_b − b_b|.
func absolute(a, b [Bins]float64) (sum float64) {
	for k := range a {
		sum += math.Abs(a[k] - b[k])
	}
	return sum
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
		k := BinOf(c, Bins*subBins)
		if correct[i] {
			k += Bins * subBins
		}
		cells[k].bin, cells[k].correct = BinOf(c, Bins), correct[i]
		cells[k].count++
		cells[k].confidence += c
	}
	cells = slices.DeleteFunc(cells, func(c resamplingCell) bool { return c.count == 0 })
	for k := range cells {
		cells[k].confidence /= float64(cells[k].count)
	}
	return cells
}

// add adds items of the cell to the excess of its bin.
func (c *resamplingCell) add(excess *[Bins]float64, count int) {
	excess[c.bin] -= float64(count) * c.confidence
	if c.correct {
		excess[c.bin] += float64(count)
	}
}

// resample draws n items: a multinomial draw, cell by cell, each binomial given the remaining items. It returns how many drawn items were correct, and
// Σ (correct − confidence) in each bin.
func resample(cells []resamplingCell, n int, source rand.Source) (right int, excess [Bins]float64) {
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
		if c.add(&excess, drawn); c.correct {
			right += drawn
		}
	}
	return right, excess
}

// percentiles are the 2.5th and 97.5th percentiles of x, by linear interpolation; x is sorted in place.
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
