package page

import (
	"bytes"
	"context"
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

// A cluster that was merged into another is not there, and neither dead nor a share of the images.
func TestMergedClustersAreNotCounted(t *testing.T) {
	r := made(t, 40, 4, true)
	r.Title = "made up"
	replaced(r.Cluster, 1, 2)
	m := r.Metrics
	m.ClusterSizes[2] += m.ClusterSizes[1]
	m.ClusterSizes[1], m.ClustersUsed, m.Merged = 0, 3, []int{1}
	var page bytes.Buffer
	if _, err := Write(context.Background(), &page, r); err != nil {
		t.Fatal(err)
	}
	for words, there := range map[string]bool{
		"No cluster is dead, and none holds more than 3 times its share.": true, "3 of 3 clusters": true, "Sizes of 3 clusters": true, "equal shares would be 13.3": true,
		"4 rows by class, 3 columns by cluster": true, "4 clusters": false, "cluster 1": false,
	} {
		if strings.Contains(page.String(), words) != there {
			t.Errorf("the page says %q: %t, want %t", words, !there, there)
		}
	}
}

func TestOversizedClustersInWords(t *testing.T) {
	for want, size := range map[string][]int{
		"none holds more than 3 times its share": {5, 5, 5, 5, 5, 5, 5, 5},
		"1 holds more than 3 times its share":    {33, 1, 1, 1, 1, 1, 1, 1},
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

func TestSizesNote(t *testing.T) {
	for counts, want := range map[[2]int]string{
		{0, 0}: "No cluster is dead, and none holds more than 3 times its share.",
		{1, 0}: "1 cluster is dead (×), and none holds more than 3 times its share.",
		{0, 2}: "No cluster is dead, and 2 hold more than 3 times their share.",
		{3, 1}: "3 clusters are dead (×), and 1 holds more than 3 times its share.",
	} {
		if got := sizesNote(counts[0], counts[1]); got != want {
			t.Errorf("%v: %q, want %q", counts, got, want)
		}
	}
}

func TestChangeOf(t *testing.T) {
	for _, c := range []struct {
		difference, better float64
		want               change
	}{
		{0.12, 1, change{"+0.120", "better"}}, {0.12, -1, change{"+0.120", "worse"}}, {-0.12, 1, change{"−0.120", "worse"}}, {-0.12, -1, change{"−0.120", "better"}},
		{0, 1, change{"no difference", ""}}, {-0.0004, 1, change{"no difference", ""}}, {0.0005, -1, change{"+0.001", "worse"}},
	} {
		if got := changeOf(c.difference, c.better); *got != c.want {
			t.Errorf("%v, better %v: %+v, want %+v", c.difference, c.better, *got, c.want)
		}
	}
}
