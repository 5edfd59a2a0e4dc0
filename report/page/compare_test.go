package page

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"testing"

	"iconic/report"
)

// compared makes the summary of a made-up run.
func compared(t *testing.T, name string, n, k int) Compared {
	r := made(t, n, k, true)
	return Compared{Name: name, Settings: append(r.Settings, Setting{"name", name}), Data: "key", Metrics: r.Metrics, Cluster: r.Cluster, Labels: r.Labels}
}

func TestComparison(t *testing.T) {
	a, b := compared(t, "a", 120, 4), compared(t, "b<script>", 120, 4)
	for i := range 40 {
		b.Cluster[i*3] = (b.Cluster[i*3] + 1) % 4
	}
	var page bytes.Buffer
	if err := WriteComparison(context.Background(), &page, "Two runs", []Compared{a, b}); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"Clusters that changed most", "<td class=\"path\"><code>b&lt;script&gt;</code>", "Agreement"} {
		if !strings.Contains(page.String(), words) {
			t.Errorf("the page does not say %q", words)
		}
	}
	if strings.Contains(page.String(), "b<script>") {
		t.Error("a run's name is not escaped")
	}
	if d := Differences([]Compared{a, b}); len(d) != 1 || d[0].Name != "name" {
		t.Errorf("differences %v, want the name alone", d)
	}
}

func TestComparisonOfDifferentDataAndClustersSaysSo(t *testing.T) {
	a, b := compared(t, "a", 120, 4), compared(t, "b", 90, 5)
	b.Data = "other"
	var page bytes.Buffer
	if err := WriteComparison(context.Background(), &page, "Two runs", []Compared{a, b}); err != nil {
		t.Fatal(err)
	}
	for _, words := range []string{"of different data", "different numbers of clusters"} {
		if !strings.Contains(page.String(), words) {
			t.Errorf("the page does not say %q", words)
		}
	}
	if strings.Contains(page.String(), "Clusters that changed most") {
		t.Error("images of one data set are followed into another")
	}
}

// Runs that were scored with different labels say so; the numbers of classes and their order do not matter, and runs without labels have no such scores.
func TestComparisonOfDifferentLabelsSaysSo(t *testing.T) {
	const labels, names = "scored with different labels", "different names for the same classes"
	for what, c := range map[string]struct {
		change func(r *Compared)
		want   string
	}{
		"the same":         {func(*Compared) {}, ""},
		"one other label":  {func(r *Compared) { r.Labels[7] = (r.Labels[7] + 1) % 4 }, labels},
		"a merged class":   {func(r *Compared) { replaced(r.Labels, 3, 2) }, labels},
		"a label missing":  {func(r *Compared) { r.Labels[7] = report.NoLabel }, labels},
		"other numbers":    {func(r *Compared) { replaced(r.Labels, 3, 9) }, ""},
		"other names":      {func(r *Compared) { r.Metrics.Labelled.Classes[2] = "another" }, names},
		"no labels":        {func(r *Compared) { r.Labels, r.Metrics.Labelled = nil, nil }, ""},
		"labels elsewhere": {func(r *Compared) { r.Data, r.Labels[7] = "other", report.NoLabel }, "of different data"},
	} {
		a, b := compared(t, "a", 120, 4), compared(t, "b", 120, 4)
		c.change(&b)
		for _, runs := range [][]Compared{{a, b}, {b, a}, {a, compared(t, "c", 120, 4), b}} {
			got := Cautions(runs)
			if (c.want == "") != (len(got) == 0) || len(got) > 1 || c.want != "" && !strings.Contains(got[0], c.want) {
				t.Errorf("%s: %q, want %q", what, got, c.want)
			}
		}
	}
}

// What limits a comparison is said of every group of runs on the same data, in whatever order the runs are given.
func TestCautionsDoNotDependOnTheOrder(t *testing.T) {
	const other, named, data, out, number = "scored with different labels", "different names for the same classes", "of different data", "left out of these runs by hand", "different numbers of clusters"
	run := func(change func(r *Compared)) Compared {
		r := compared(t, "r", 120, 4)
		r.Cluster, r.Labels = slices.Clone(r.Cluster), slices.Clone(r.Labels)
		change(&r)
		return r
	}
	plain := func(*Compared) {}
	relabelled := func(r *Compared) { r.Labels[7] = (r.Labels[7] + 1) % 4 }
	renamed := func(r *Compared) { r.Metrics.Labelled.Classes[2] = "another" }
	elsewhere := func(r *Compared) { r.Data = "other" }
	without := func(i int) func(r *Compared) {
		return func(r *Compared) { r.Cluster[i], r.Metrics = LeftOut, kept(r.Metrics, 119) }
	}
	unlabelled := func(r *Compared) { r.Labels, r.Metrics.Labelled = nil, nil }
	both := func(a, b func(r *Compared)) func(r *Compared) { return func(r *Compared) { a(r); b(r) } }
	merged := func(r *Compared) {
		replaced(r.Cluster, 3, 0)
		r.Metrics.ClusterSizes[0] += r.Metrics.ClusterSizes[3]
		r.Metrics.ClusterSizes[3], r.Metrics.ClustersUsed, r.Metrics.Merged = 0, 3, []int{3}
	}
	for what, c := range map[string]struct {
		runs []func(r *Compared)
		want []string
	}{
		"other labels beside other data":        {[]func(r *Compared){plain, relabelled, elsewhere}, []string{data, other}},
		"other labels of the other data":        {[]func(r *Compared){plain, elsewhere, both(elsewhere, relabelled)}, []string{data, other}},
		"no labels first":                       {[]func(r *Compared){unlabelled, plain, relabelled}, []string{other}},
		"other names beside other data":         {[]func(r *Compared){plain, renamed, elsewhere}, []string{data, named}},
		"other labels, and other names of them": {[]func(r *Compared){plain, relabelled, both(relabelled, renamed)}, []string{other, named}},
		"left out beside other data":            {[]func(r *Compared){without(1), without(2), elsewhere}, []string{data, out}},
		"left out alike":                        {[]func(r *Compared){without(1), without(1), elsewhere}, []string{data}},
		"a merged cluster":                      {[]func(r *Compared){plain, merged}, []string{number}},
		"the same merged cluster":               {[]func(r *Compared){merged, merged}, nil},
	} {
		var runs []Compared
		for _, change := range c.runs {
			runs = append(runs, run(change))
		}
		for range len(runs) {
			runs = append(runs[1:], runs[0])
			for range 2 {
				slices.Reverse(runs)
				got := Cautions(runs)
				if len(got) != len(c.want) {
					t.Errorf("%s: %q, want %q", what, got, c.want)
				}
				for k, want := range c.want {
					if k < len(got) && !strings.Contains(got[k], want) {
						t.Errorf("%s: %q, want %q", what, got[k], want)
					}
				}
			}
		}
	}
}

// replaced gives one label instead of another.
func replaced(labels []int, from, to int) {
	for i, l := range labels {
		if l == from {
			labels[i] = to
		}
	}
}

func TestScoreLinesMarkTheBest(t *testing.T) {
	a, b := compared(t, "a", 120, 4), compared(t, "b", 120, 4)
	b.Metrics.Labelled.Accuracy = a.Metrics.Accuracy + .1
	b.Metrics.Labelled.ECE = a.Metrics.ECE - .01
	for _, line := range ScoreLines(metricsOf(a, b), report.Measures()) {
		if want := map[string]int{"accuracy": 1, "ECE": 1, "NMI": 0, "mean confidence": -1}; len(line.Text) != 2 {
			t.Errorf("%+v", line)
		} else if best, asked := want[line.Name]; asked && line.Best != best {
			t.Errorf("best %s is run %d, want %d", line.Name, line.Best, best)
		}
	}
	if err := WriteComparison(context.Background(), &bytes.Buffer{}, "", []Compared{a}); err == nil {
		t.Error("one run was compared with nothing")
	}
}

func TestComparisonRefuses(t *testing.T) {
	for want, spoil := range map[string]func(r *Compared){
		"b: no metrics":                              func(r *Compared) { r.Metrics = nil },
		"b: item 5 is in cluster 4 of 4":             func(r *Compared) { r.Cluster[5] = 4 },
		"b: item 5 is in cluster -2 of 4":            func(r *Compared) { r.Cluster[5] = -2 },
		"b: 7 labels of 40 items":                    func(r *Compared) { r.Labels = r.Labels[:7] },
		"b: per_class_accuracy has 0 entries, for 4": func(r *Compared) { r.Metrics.PerClassAccuracy = nil },
		"b: reliability has 3 bins: want 15":         func(r *Compared) { r.Metrics.Reliability = r.Metrics.Reliability[:3] },
	} {
		a, b := compared(t, "a", 40, 4), compared(t, "b", 40, 4)
		spoil(&b)
		if err := WriteComparison(context.Background(), &bytes.Buffer{}, "", []Compared{a, b}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

// The expected accuracy, the main score without labels, is compared like the others; a run without one has a dash.
func TestExpectedAccuracyIsCompared(t *testing.T) {
	a, b := compared(t, "a", 60, 3), compared(t, "b", 60, 3)
	b.Metrics.ExpectedAccuracy = .875
	lines := ScoreLines(metricsOf(a, b), report.Measures())
	at := slices.IndexFunc(lines, func(l ScoreLine) bool { return l.Name == "expected accuracy" })
	if at < 0 || !slices.Equal(lines[at].Text, []string{"–", "0.875"}) || lines[at].Best != 1 {
		t.Fatalf("%+v", lines)
	}
	s := Sweep{Points: []Point{{Runs: []*report.Metrics{a.Metrics, b.Metrics}}}}
	var page bytes.Buffer
	if err := WriteSweep(context.Background(), &page, s); err != nil || !strings.Contains(page.String(), "expected accuracy") {
		t.Errorf("the page of a sweep does not show it: %v", err)
	}
}

// Equal scores, as shown, are equally good; a cluster that kept all its images has not changed.
func TestComparisonOfEqualRuns(t *testing.T) {
	runs := []Compared{compared(t, "a", 60, 3), compared(t, "b", 60, 3)}
	for _, line := range ScoreLines(metricsOf(runs...), report.Measures()) {
		if line.Best >= 0 && !(line.Top(0) && line.Top(1)) {
			t.Errorf("%s: %v, of which only one is best", line.Name, line.Text)
		}
	}
	if moves := clusterMoves(runs); len(moves) > 0 {
		t.Errorf("the same clusters have changed: %v", moves)
	}
	runs[1].Cluster = slices.Clone(runs[1].Cluster)
	runs[1].Cluster[0] = (runs[1].Cluster[0] + 1) % 3
	if moves := clusterMoves(runs); len(moves) != 1 || moves[0].From != runs[0].Cluster[0] || moves[0].Stayed != moves[0].Size-1 {
		t.Errorf("one image has moved: %v", moves)
	}
}

func metricsOf(runs ...Compared) []*report.Metrics {
	var list []*report.Metrics
	for _, r := range runs {
		list = append(list, r.Metrics)
	}
	return list
}

// Items that were left out by hand are in no agreement and no change, even if two runs leave out equally many; the runs are still of the same data.
func TestComparisonWithoutItemsLeftOut(t *testing.T) {
	a, b := compared(t, "a", 60, 3), compared(t, "b", 60, 3)
	b.Cluster = slices.Clone(b.Cluster)
	a.Cluster, a.Metrics = slices.Clone(a.Cluster), kept(a.Metrics, 58)
	a.Cluster[0], a.Cluster[1] = LeftOut, LeftOut
	for what, c := range map[string]struct {
		out     []int
		caution bool
	}{"none of the other": {nil, true}, "others of the other": {[]int{2, 3}, true}, "the same of the other": {[]int{0, 1}, false}} {
		b := b
		b.Cluster, b.Metrics = slices.Clone(b.Cluster), kept(b.Metrics, 60-len(c.out))
		for _, i := range c.out {
			b.Cluster[i] = LeftOut
		}
		runs := []Compared{a, b}
		got := Cautions(runs)
		if c.caution != (len(got) == 1) || len(got) > 1 || c.caution && !strings.Contains(got[0], "left out of these runs by hand") {
			t.Errorf("%s: cautions %q", what, got)
		}
		if ari := Agreement(runs)[0][1]; ari != 1 {
			t.Errorf("%s: the same clusters agree by %g", what, ari)
		}
		if moves := clusterMoves(runs); len(moves) > 0 {
			t.Errorf("%s: the same clusters have changed: %v", what, moves)
		}
	}
}

// kept are scores of n items.
func kept(m *report.Metrics, n int) *report.Metrics {
	some := *m
	some.N = n
	return &some
}
