package page

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"

	"iconic/internal/plural"
	"iconic/report"
)

// reliability plots accuracy against confidence, bin by bin, with the number of items in each bin. The expected
// calibration error sums the gaps to the diagonal, weighted by these counts.
func reliability(bins []report.Bin, reference *Reference) template.HTML {
	p := newPlot(420, 330, reliabilityInWords(bins))
	p.top = 28
	p.text("count", "end", p.left-6, p.top-10, "images")
	p.axes("confidence", "accuracy", ticks(0, 1, 5), ticks(0, 1, 5), short, short)
	for _, b := range bins {
		if b.Count == 0 {
			continue
		}
		lo, hi := float64(b.Low)+.003, float64(b.High)-.003
		tip := fmt.Sprintf("confidence %.3f to %.3f: %s, accuracy %.3f, mean confidence %.3f", b.Low, b.High, items(b.Count), b.Accuracy, b.Confidence)
		p.rect("bar", lo, 0, hi, float64(b.Accuracy), tip)
		p.rect("gap", lo, float64(b.Accuracy), hi, float64(b.Confidence), "")
		p.text("count", "middle", p.x((lo+hi)/2), p.top-10, overBar(float64(b.Count)))
		p.rect("hit", lo, 0, hi, 1, tip)
	}
	p.line("diagonal", []float64{0, 1}, []float64{0, 1})
	if reference != nil {
		var xs, ys []float64
		for _, b := range reference.Bins {
			if b.Count > 0 {
				xs, ys = append(xs, float64(b.Confidence)), append(ys, float64(b.Accuracy))
			}
		}
		p.line("second", xs, ys)
		for i := range xs {
			p.dot("second", xs[i], ys[i], 2.5, fmt.Sprintf("%s: accuracy %.3f at confidence %.3f", reference.Name, ys[i], xs[i]))
		}
	}
	return p.done()
}

func reliabilityInWords(bins []report.Bin) string {
	s := "Reliability diagram."
	for _, b := range bins {
		if b.Count > 0 {
			s += fmt.Sprintf(" %.2f to %.2f: accuracy %.2f, %s.", b.Low, b.High, b.Accuracy, items(b.Count))
		}
	}
	return s
}

// counts plots how many items fall into each confidence bin, with correct and wrong ones separated if that is known.
func counts(confidence []float64, wrong func(i int) bool, name string) template.HTML {
	all, bad := make([]float64, report.Bins), make([]float64, report.Bins)
	for i, c := range confidence {
		b := report.BinOf(c, report.Bins)
		all[b]++
		if wrong != nil && wrong(i) {
			bad[b]++
		}
	}
	words := name + "."
	for b, count := range all {
		if count > 0 {
			words += fmt.Sprintf(" %.2f to %.2f: %s.", float64(b)/report.Bins, float64(b+1)/report.Bins, items(int(count)))
		}
	}
	p := newPlot(420, 330, words)
	p.rangeY(0, niceTop(slices.Max(all)))
	p.axes("confidence", "images", ticks(0, 1, 5), ticks(0, p.y1, 5), short, compact)
	for b, count := range all {
		if count == 0 {
			continue
		}
		lo, hi := float64(b)/report.Bins+.003, float64(b+1)/report.Bins-.003
		tip := fmt.Sprintf("confidence %.3f to %.3f: %s", float64(b)/report.Bins, float64(b+1)/report.Bins, items(int(count)))
		if wrong != nil {
			tip += fmt.Sprintf(", %d wrong", int(bad[b]))
		}
		p.rect("bar", lo, bad[b], hi, count, tip)
		if bad[b] > 0 {
			p.rect("bad", lo, 0, hi, bad[b], tip)
		}
		p.rect("hit", lo, 0, hi, p.y1, tip)
		if all[b] > 0 {
			p.text("count", "middle", p.x((lo+hi)/2), p.y(count)-4, overBar(count))
		}
	}
	return p.done()
}

// oversized is the multiple of its equal share above which a cluster is marked.
const oversized = 3

// sizeBar is a cluster with its size, in the order of the chart.
type sizeBar struct {
	cluster, size int
	name          string
}

// mark is "dead" for a cluster without items, "oversized" for one with more than three times its equal share, otherwise empty.
func mark(size, n, clusters int) string {
	switch {
	case size == 0:
		return "dead"
	case clusters > 1 && size > oversized*n/clusters:
		return "oversized"
	}
	return ""
}

// sizes plots how many items each cluster contains, the largest first.
func sizes(bars []sizeBar, n int) template.HTML {
	slices.SortStableFunc(bars, func(a, b sizeBar) int { return b.size - a.size })
	k := len(bars)
	words := fmt.Sprintf("Sizes of %d clusters, the largest first: from %d to %d images; equal shares would be %.1f.", k, bars[0].size, bars[k-1].size, float64(n)/float64(k))
	p := newPlot(880, 260, words)
	p.rangeX(0, float64(k))
	p.rangeY(0, niceTop(float64(bars[0].size)))
	p.axes("clusters, the largest first", "images", nil, ticks(0, p.y1, 4), short, compact)
	gap := 0.12
	if k > 200 {
		gap = 0
	}
	for i, b := range bars {
		class, tip := "bar", fmt.Sprintf("cluster %d%s: %s", b.cluster, b.name, items(b.size))
		switch m := mark(b.size, n, k); m {
		case "dead":
			p.text("dead", "middle", p.x(float64(i)+.5), p.y(0)-4, "×")
			tip += ", dead"
		case "oversized":
			class = "bad"
			tip += fmt.Sprintf(", oversized: more than %d times its equal share", oversized)
		}
		p.rect(class, float64(i)+gap, 0, float64(i+1)-gap, float64(b.size), tip)
		p.rect("hit", float64(i), 0, float64(i+1), p.y1, tip)
		if k <= 40 {
			p.text("tick", "middle", p.x(float64(i)+.5), p.height-p.bottom+16, strconv.Itoa(b.cluster))
		}
	}
	fair := float64(n) / float64(k)
	p.line("diagonal", []float64{0, float64(k)}, []float64{fair, fair})
	p.text("tick", "end", p.width-p.right, p.y(fair)-4, "equal shares")
	return p.done()
}

// curve plots a quantity against the epoch.
func curve(name string, epochs []int, values []float64) template.HTML {
	first, last := values[0], values[len(values)-1]
	p := newPlot(420, 240, fmt.Sprintf("%s: %.4g at epoch %d, %.4g at epoch %d.", name, first, epochs[0], last, epochs[len(epochs)-1]))
	xs := make([]float64, len(epochs))
	for i, e := range epochs {
		xs[i] = float64(e)
	}
	p.left = 56
	p.rangeX(xs[0], xs[len(xs)-1])
	lo, hi := slices.Min(values), slices.Max(values)
	margin := (hi - lo) * .05
	p.rangeY(lo-margin, hi+margin)
	p.axes("epoch", name, wholeTicks(p.x0, p.x1), ticks(p.y0, p.y1, 4), short, short)
	p.line("first", xs, values)
	p.dot("first", xs[len(xs)-1], last, 3, fmt.Sprintf("%s %.5g", name, last))
	return p.done()
}

// wholeTicks keeps only integer ticks.
func wholeTicks(lo, hi float64) []float64 {
	return slices.DeleteFunc(ticks(lo, hi, 6), func(v float64) bool { return v != math.Trunc(v) })
}

// niceTop is the smallest of some round numbers from 1.06·v on, for the end of an axis: a bar of height v then has space for a number above it.
func niceTop(v float64) float64 {
	if v <= 0 {
		return 1
	}
	v *= 1.06
	step := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10} {
		if m*step >= v {
			return m * step
		}
	}
	return v
}

// compact formats a count: 950, 1200, 34.6k, 1.28M.
func compact(v float64) string {
	switch {
	case v >= 999_950: // 1000k if it were rounded to tenths
		return strconv.FormatFloat(math.Round(v/1e4)/100, 'f', -1, 64) + "M"
	case v >= 1e4:
		return strconv.FormatFloat(math.Round(v/1e2)/10, 'f', -1, 64) + "k"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

// overBar formats a count for the narrow space above a bar: 950, 1.2k, 35k, 1.28M.
func overBar(v float64) string {
	switch {
	case v >= 999_500: // 1000k if it were rounded
		return compact(max(v, 1e6))
	case v >= 1e4:
		return strconv.FormatFloat(math.Round(v/1e3), 'f', -1, 64) + "k"
	case v >= 1e3:
		return strconv.FormatFloat(math.Round(v/1e2)/10, 'f', -1, 64) + "k"
	}
	return compact(v)
}

func items(n int) string {
	return plural.Thousands(n) + plural.Word(n, " image", " images")
}
