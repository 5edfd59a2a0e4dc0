package page

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"iconic/report"
)

// swept is a made-up sweep over α on either side and three seeds.
func swept(t testing.TB, labels bool) Sweep {
	s := Sweep{Title: "Sweep of made-up runs", Names: []string{"alpha", "sides"}, Facts: []Setting{{"Store", "none"}, {"Seeds", "3"}}}
	r := rand.New(rand.NewPCG(1, 1))
	for _, sides := range []string{"target", "both"} {
		for _, alpha := range []string{"0", "0.2", "0.4", "0.6"} {
			p := Point{Values: []string{alpha, sides}, Agreement: .8}
			for range 3 {
				p.Runs = append(p.Runs, jittered(made(t, 300, 5, labels).Metrics, r))
			}
			s.Points = append(s.Points, p)
		}
	}
	for _, alpha := range []string{"0", "0.2", "0.4", "0.6"} {
		m := made(t, 300, 5, true)
		s.Panels = append(s.Panels, Panel{"α = " + alpha, m.Map.XY, m.Labels})
	}
	return s
}

func jittered(m *report.Metrics, r *rand.Rand) *report.Metrics {
	if m.Labelled != nil {
		m.Labelled.Accuracy += report.Number(.05 * r.Float64())
		m.Labelled.ECE += report.Number(.05 * r.Float64())
	}
	m.LabelFree.Silhouette += report.Number(.05 * r.Float64())
	return m
}

func TestSweepPage(t *testing.T) {
	var page bytes.Buffer
	if err := WriteSweep(context.Background(), &page, swept(t, true)); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"By alpha", "accuracy against alpha", "ECE against alpha", "Calibration curves", "Embedding of 300 images, α = 0.6", "sides target"} {
		if !strings.Contains(page.String(), words) {
			t.Errorf("the page does not say %q", words)
		}
	}
	if strings.Contains(page.String(), "By sides") {
		t.Error("a chart against a setting that is no number")
	}
	golden(t, "sweep.html", page.Bytes())
}

// sweptWide is a made-up sweep over four settings on two stores: more combinations than one chart can show.
func sweptWide(t testing.TB) Sweep {
	s := Sweep{Title: "Wide sweep of made-up runs", Names: []string{"store", "alpha", "sides", "batch", "metric"}}
	r := rand.New(rand.NewPCG(2, 1))
	base := made(t, 60, 4, true).Metrics
	for _, store := range []string{"photos", "photos-int8"} {
		for _, batch := range []string{"256", "512", "1024", "4096"} {
			for _, sides := range []string{"target", "both"} {
				for _, alpha := range []string{"0", "0.2", "0.4", "0.6"} {
					for _, metric := range []string{"cosine", "euclidean"} {
						m, labelled, free := *base, *base.Labelled, *base.LabelFree
						m.Labelled, m.LabelFree = &labelled, &free
						m.MeanConfidence += report.Number(.01 * r.Float64()) // no two runs are equal
						s.Points = append(s.Points, Point{Values: []string{store, alpha, sides, batch, metric}, Runs: []*report.Metrics{jittered(&m, r)}, Agreement: .8})
					}
				}
			}
		}
	}
	return s
}

// Every combination is drawn: what colours cannot tell apart in one chart stands in charts of its own, on the same axes.
func TestWideSweepHasSmallMultiples(t *testing.T) {
	s := sweptWide(t)
	var page bytes.Buffer
	if err := WriteSweep(context.Background(), &page, s); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	if strings.Contains(text, "The first ") {
		t.Error("some combinations are left out")
	}
	byAlpha := text[strings.Index(text, `<section id="by-1"`):strings.Index(text, `<section id="by-3"`)]
	// Against α: colours for the four batch sizes, charts for 2 stores × 2 sides × 2 metrics, for accuracy and ECE; a dot for each point.
	if n := strings.Count(byAlpha, "<svg"); n != 2*8 {
		t.Errorf("%d charts against alpha, want 16", n)
	}
	if n := strings.Count(byAlpha, "<circle"); n != 2*len(s.Points) {
		t.Errorf("%d points are drawn, want %d", n, 2*len(s.Points))
	}
	if !strings.Contains(byAlpha, `<span class="k3">batch 4096</span>`) || !strings.Contains(byAlpha, "<h4>store photos-int8, sides both, metric euclidean</h4>") {
		t.Error("charts or colours are not named")
	}
	calibration := text[strings.Index(text, `<section id="calibration"`):]
	if n := strings.Count(calibration, `<path class="line k`); n != len(s.Points) {
		t.Errorf("%d calibration curves, want %d", n, len(s.Points))
	}
}

// A setting with more values than there are colours has a chart for each.
func TestManyValuesHaveChartsEach(t *testing.T) {
	s := Sweep{Names: []string{"alpha", "batch"}}
	m := made(t, 60, 4, true).Metrics
	for batch := range 8 {
		for alpha := range 3 {
			s.Points = append(s.Points, Point{Values: []string{fmt.Sprint(alpha), fmt.Sprint(batch)}, Runs: []*report.Metrics{m}})
		}
	}
	f := s.figure(0)
	if f == nil || len(f.Rows) == 0 || len(f.Rows[0].Charts) != 8 || f.Rows[0].Charts[7].Name != "batch 7" || len(f.Key) != 0 {
		t.Errorf("%+v", f)
	}
}

func TestSweepPageWithoutLabels(t *testing.T) {
	var page bytes.Buffer
	if err := WriteSweep(context.Background(), &page, swept(t, false)); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "silhouette against alpha") || strings.Contains(page.String(), "accuracy against") {
		t.Error("without labels the page should draw the silhouette, and no accuracy")
	}
}

// points of candidates for the number of clusters.
func candidates(silhouette, daviesBouldin, agreement []float64) []Point {
	var list []Point
	for k := range silhouette {
		m := &report.Metrics{N: 1, Clusters: 1, ClustersUsed: 1, ClusterSizes: []int{1}, LabelFree: &report.LabelFree{Silhouette: report.Number(silhouette[k]), DaviesBouldin: report.Number(daviesBouldin[k])}}
		list = append(list, Point{Runs: []*report.Metrics{m}, Agreement: report.Number(agreement[k])})
	}
	return list
}

func TestSweepOverClustersSuggestsOne(t *testing.T) {
	s := Sweep{Title: "How many?", Names: []string{"clusters"}}
	for k, p := range candidates([]float64{.1, .3, .2}, []float64{2, 1, 1.5}, []float64{.5, .9, .7}) {
		p.Values = []string{fmt.Sprint([]int{5, 10, 20}[k])}
		s.Points = append(s.Points, p)
	}
	s.Counted = []Counted{{
		Clusters: 10, From: 10, To: 10, Sentence: "10 clusters, for a reason",
		Curve: []CountedAt{{5, 1, 1, 1}, {10, 3, 1, 1}, {20, 2, 1, 1}},
	}}
	var page bytes.Buffer
	if err := WriteSweep(context.Background(), &page, s); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(page.String(), "Suggested without using labels: 10 clusters, for a reason.") || strings.Count(page.String(), "k0 chosen") < 4 {
		t.Errorf("no suggestion, or it is not marked in every chart")
	}
}

// Images without a class have no class's colour in the embeddings.
func TestItemsWithoutAClassAreFaint(t *testing.T) {
	faint, words := []byte(`<path class="points none"`), []byte("images without a class are faint grey")
	for without, colours := range map[int][]int{0: {0, 13, 1}, 1: {-1, 0, 13}, 2: {-1, -1, -1}} {
		s := swept(t, true)
		s.Panels = []Panel{{"α = 0", make([]float32, 6), colours}, {"α = 1", make([]float32, 6), []int{0, 1, 2}}}
		var page bytes.Buffer
		if err := WriteSweep(context.Background(), &page, s); err != nil {
			t.Fatal(err)
		}
		if bytes.Count(page.Bytes(), faint) != min(without, 1) || bytes.Contains(page.Bytes(), words) != (without > 0) {
			t.Errorf("colours %v: the page says %t", colours, bytes.Contains(page.Bytes(), words))
		}
	}
}

func TestWriteSweepRefuses(t *testing.T) {
	m, short := made(t, 10, 2, true).Metrics, made(t, 10, 2, true).Metrics
	short.Reliability = short.Reliability[:9]
	for want, s := range map[string]Sweep{
		"no runs":                   {},
		"0 values of 1 settings":    {Names: []string{"alpha"}, Points: []Point{{Runs: []*report.Metrics{m}}}},
		"0 runs":                    {Names: []string{"alpha"}, Points: []Point{{Values: []string{"1"}}}},
		"reliability has 9 bins":    {Points: []Point{{Runs: []*report.Metrics{m, short}}}},
		"no metrics":                {Points: []Point{{Runs: []*report.Metrics{m, nil}}}},
		"3 coordinates of 2 points": {Points: []Point{{Runs: []*report.Metrics{m}}}, Panels: []Panel{{"x", make([]float32, 3), make([]int, 2)}}},
	} {
		if err := WriteSweep(context.Background(), &bytes.Buffer{}, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

// The section on the number of clusters says which numbers could not be compared, with or without a suggestion.
func TestNumbersThatAreNotCompared(t *testing.T) {
	s := Sweep{Title: "Sweep of made-up runs", Names: []string{"clusters"}, Uncounted: []Uncounted{{"b&w", "Numbers of clusters cannot be compared"}, {"", "20 clusters are not compared"}}}
	for _, k := range []string{"10", "20"} {
		s.Points = append(s.Points, Point{Values: []string{k}, Runs: []*report.Metrics{made(t, 60, 4, false).Metrics}})
	}
	for _, counted := range [][]Counted{nil, {{Clusters: 10, Sentence: "10 clusters", Curve: []CountedAt{{Clusters: 10}}}}} {
		s.Counted = counted
		var page bytes.Buffer
		if err := WriteSweep(t.Context(), &page, s); err != nil {
			t.Fatal(err)
		}
		for _, words := range []string{"Choosing K", "b&amp;w. Numbers of clusters cannot be compared.", ">20 clusters are not compared.", "silhouette against clusters"} {
			if !strings.Contains(page.String(), words) {
				t.Errorf("the page does not say %q", words)
			}
		}
		if suggested := strings.Contains(page.String(), "Suggested"); suggested != (counted != nil) {
			t.Errorf("a suggestion: %t", suggested)
		}
	}
}

// Without labels, the expected accuracy comes first, in a run's headline and in the charts of a sweep, and other scores where no run has it.
func TestExpectedAccuracyComesFirstWithoutLabels(t *testing.T) {
	names := func(list []report.Measure) (names []string) {
		for _, x := range list {
			names = append(names, x.Name)
		}
		return names
	}
	for _, expected := range []report.Number{0, .875} {
		for _, labels := range []bool{true, false} {
			s := swept(t, labels)
			m := s.Points[0].Runs[0]
			m.ExpectedAccuracy = expected
			charts, first := []string{"accuracy", "ECE"}, []string{"accuracy", "NMI", "ARI", "ECE"}
			switch {
			case !labels && expected > 0:
				charts, first = []string{"expected accuracy", "silhouette"}, []string{"expected accuracy", "silhouette", "mean confidence", "effective clusters"}
			case !labels:
				charts, first = []string{"silhouette", "mean confidence"}, []string{"silhouette", "mean confidence", "effective clusters"}
			}
			if got := names(s.charted()); !slices.Equal(got, charts) {
				t.Errorf("labels %t, expected %g: charts %q, want %q", labels, expected, got, charts)
			}
			if got := names(headlines(m)); !slices.Equal(got, first) {
				t.Errorf("labels %t, expected %g: headline %q, want %q", labels, expected, got, first)
			}
		}
	}
}

// The charts ring the suggested number, also on a logarithmic axis, and no dot if no run has it.
func TestSuggestedNumberIsRinged(t *testing.T) {
	for chosen, want := range map[int]int{5: 1, 100: 1, 7: 0} {
		s := Sweep{Names: []string{"clusters"}, Counted: []Counted{{Clusters: chosen, Curve: []CountedAt{{5, 1, 1, 1}}}}}
		for _, k := range []int{2, 5, 50, 100} {
			s.Points = append(s.Points, Point{Values: []string{fmt.Sprint(k)}, Runs: []*report.Metrics{{MeanConfidence: .5, EffectiveClusters: report.Number(k)}}, Agreement: report.Number(math.NaN())})
		}
		charts := s.choice().Charts[1:] // after the score's
		if len(charts) != 1 || strings.Count(string(charts[0].Chart), "chosen") != want {
			t.Errorf("%d clusters: %v", chosen, charts)
		} else if want == 1 && !strings.Contains(string(charts[0].Chart), fmt.Sprintf(`"><title>clusters %d: `, chosen)) {
			t.Errorf("%d clusters are not in the chart", chosen)
		}
	}
}
