package report

import (
	"fmt"
	"math"
	"slices"
)

// Bin is one bar of a reliability diagram: the items whose confidence is in (Low, High]; the first bin includes 0.
type Bin struct {
	Low        Number `json:"low"`
	High       Number `json:"high"`
	Count      int    `json:"count"`
	Confidence Number `json:"confidence"` // mean; null when empty
	Accuracy   Number `json:"accuracy"`   // null when empty
}

// gap is |accuracy − confidence|; 0 for an empty bin.
func (b Bin) gap() float64 {
	if b.Count == 0 {
		return 0
	}
	return math.Abs(float64(b.Accuracy - b.Confidence))
}

// Reliability sorts items into equal-width bins of confidence. Both slices have length n ≥ 1; confidences are in
// [0, 1]. It returns an error for bins out of range, unequal lengths and NaN.
func Reliability(confidence []float64, correct []bool, bins int) ([]Bin, error) {
	if err := checkCalibration(confidence, correct, bins); err != nil {
		return nil, err
	}
	sum, right := make([]float64, bins), make([]int, bins)
	list := make([]Bin, bins)
	for i, c := range confidence {
		b := BinOf(c, bins)
		list[b].Count++
		sum[b] += c
		if correct[i] {
			right[b]++
		}
	}
	for b := range list {
		count := float64(list[b].Count) // 0/0 is NaN: undefined, as intended
		list[b].Low, list[b].High = Number(edge(b, bins)), Number(edge(b+1, bins))
		list[b].Confidence, list[b].Accuracy = Number(sum[b]/count), Number(float64(right[b])/count)
	}
	return list, nil
}

// edge is the lower end of bin b; edge(bins, bins) is 1.
func edge(b, bins int) float64 { return float64(b) / float64(bins) }

// BinOf is the bin, from 0, of a confidence c in [0, 1] among bins of equal width, at least 1: the b with b/bins < c ≤ (b+1)/bins, and 0 for c = 0.
func BinOf(c float64, bins int) int {
	b := min(bins-1, int(c*float64(bins)))
	for b > 0 && c <= edge(b, bins) {
		b--
	}
	for b < bins-1 && c > edge(b+1, bins) {
		b++
	}
	return b
}

// ExpectedCalibrationError is Σ_b n_b/n · |accuracy_b − confidence_b| (Guo et al. 2017, eq. 3), in [0, 1].
func ExpectedCalibrationError(bins []Bin) float64 {
	var sum float64
	n := 0
	for _, b := range bins {
		sum += float64(b.Count) * b.gap()
		n += b.Count
	}
	return sum / float64(n)
}

// ChanceCalibrationError is the expected calibration error that n items in these bins would show on average if their confidence were exactly right:
// a sum of absolute gaps is never 0 for finitely many items. With p_b the mean confidence of bin b and n_b its items, of which m_b are correct,
//
//	Σ_b 1/n · E|m_b − n_b·p_b|,  m_b ~ Binomial(n_b, p_b)
//
// whose mean absolute deviation is 2ν·C(n_b, ν)·p_b^ν·(1−p_b)^(n_b−ν+1) with ν = ⌊n_b·p_b⌋ + 1 (de Moivre 1730; Diaconis and Zabell 1991). Items of
// a bin have nearly the same confidence; for different ones the value is an upper bound (Hoeffding 1956). It is in [0, 1], and NaN without items.
func ChanceCalibrationError(bins []Bin) float64 {
	var sum float64
	n := 0
	for _, b := range bins {
		if b.Count > 0 {
			sum += meanDeviation(b.Count, min(1, float64(b.Confidence)))
			n += b.Count
		}
	}
	return sum / float64(n)
}

// meanDeviation is E|m − np| of m ~ Binomial(n, p), for p in [0, 1].
func meanDeviation(n int, p float64) float64 {
	if p <= 0 || p >= 1 {
		return 0
	}
	count := float64(n)
	nu := min(count, math.Floor(count*p)+1)
	logFactorial := func(x float64) float64 {
		v, _ := math.Lgamma(x + 1)
		return v
	}
	logChoose := logFactorial(count) - logFactorial(nu) - logFactorial(count-nu)
	return 2 * nu * math.Exp(logChoose+nu*math.Log(p)+(count-nu+1)*math.Log1p(-p))
}

// MaximumCalibrationError is max_b |accuracy_b − confidence_b| over bins with items (Guo et al. 2017, eq. 5), in [0, 1].
func MaximumCalibrationError(bins []Bin) float64 {
	var worst float64
	for _, b := range bins {
		worst = max(worst, b.gap())
	}
	return worst
}

// AdaptiveCalibrationError is the expected calibration error over bins of equal count, in order of confidence; counts
// differ by at most 1, the first bins being larger. Items of equal confidence count as the same mixture of correct
// and wrong, so the order of items does not matter. It returns the same errors as Reliability.
func AdaptiveCalibrationError(confidence []float64, correct []bool, bins int) (float64, error) {
	if err := checkCalibration(confidence, correct, bins); err != nil {
		return 0, err
	}
	n := len(confidence)
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int {
		switch {
		case confidence[a] < confidence[b]:
			return -1
		case confidence[a] > confidence[b]:
			return 1
		}
		return a - b
	})
	var sum, excess float64 // excess: Σ (correct − confidence) of the current bin
	bin, room := 0, binCount(n, bins, 0)
	for lo := 0; lo < n; {
		c := confidence[order[lo]]
		hi, right := lo, 0
		for ; hi < n && confidence[order[hi]] == c; hi++ {
			if correct[order[hi]] {
				right++
			}
		}
		each := float64(right)/float64(hi-lo) - c
		for left := hi - lo; left > 0; {
			take := min(left, room)
			excess += float64(take) * each
			left -= take
			if room -= take; room == 0 {
				sum += math.Abs(excess)
				excess = 0
				bin++
				room = binCount(n, bins, bin)
			}
		}
		lo = hi
	}
	return sum / float64(n), nil
}

// binCount is the size of part b when n items are divided into bins parts, of which the first n mod bins have one more.
func binCount(n, bins, bin int) int {
	if bin < n%bins {
		return n/bins + 1
	}
	return n / bins
}

func checkCalibration(confidence []float64, correct []bool, bins int) error {
	if bins < 1 || bins > mostClusters {
		return fmt.Errorf("calibration: %d bins: want 1 to %d", bins, mostClusters)
	}
	if len(confidence) != len(correct) || len(confidence) == 0 {
		return fmt.Errorf("calibration: %d confidences and %d outcomes: want the same number, at least 1", len(confidence), len(correct))
	}
	return checkConfidence(confidence)
}

func checkConfidence(confidence []float64) error {
	for i, c := range confidence {
		if !(c >= 0 && c <= 1) { // written so that NaN fails too
			return fmt.Errorf("confidence %v of item %d: want a number from 0 to 1", c, i)
		}
	}
	return nil
}
