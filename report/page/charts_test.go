package page

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"iconic/report"
)

func TestCountsInShort(t *testing.T) {
	for v, want := range map[float64][2]string{ // elsewhere, and over a bar
		0: {"0", "0"}, 950: {"950", "950"}, 1200: {"1200", "1.2k"}, 9960: {"9960", "10k"}, 34560: {"34.6k", "35k"}, 999_499: {"999.5k", "999k"}, 999_600: {"999.6k", "1M"},
		999_960: {"1M", "1M"}, 1_280_000: {"1.28M", "1.28M"},
	} {
		if got := [2]string{compact(v), overBar(v)}; got != want {
			t.Errorf("%g: %q, want %q", v, got, want)
		}
	}
}

// The histogram counts each confidence in the bin in which the reliability diagram does, also at the edges, where c·15 is rounded.
func TestHistogramHasTheBinsOfTheDiagram(t *testing.T) {
	var confidence []float64
	for k := range report.Bins + 1 {
		edge := float64(k) / report.Bins
		confidence = append(confidence, edge, max(0, math.Nextafter(edge, 0)), min(1, math.Nextafter(edge, 2)))
	}
	for _, c := range confidence {
		bins, err := report.Reliability([]float64{c}, []bool{true}, report.Bins)
		if err != nil {
			t.Fatal(err)
		}
		chart := string(counts([]float64{c}, nil, "x"))
		for _, b := range bins {
			if want := fmt.Sprintf("%.2f to %.2f: 1 image.", b.Low, b.High); b.Count == 1 && !strings.Contains(chart, want) {
				t.Errorf("confidence %.17g is not counted in %s", c, want)
			}
		}
	}
}

func TestOversizedClustersInWords(t *testing.T) {
	for want, size := range map[string][]int{
		"0 hold more than 3 times their share": {5, 5, 5, 5, 5, 5, 5, 5},
		"1 holds more than 3 times its share":  {33, 1, 1, 1, 1, 1, 1, 1},
	} {
		r := made(t, 40, 8, false)
		r.Metrics.ClusterSizes = size
		v := new(runView)
		v.clusterSizes(&r)
		if !strings.Contains(v.SizesNote, want) {
			t.Errorf("%q does not say %q", v.SizesNote, want)
		}
	}
}
