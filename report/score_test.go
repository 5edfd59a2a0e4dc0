package report

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"iconic/internal/sharedtest"
	"iconic/internal/spreadsheet"
)

// rowsOf provides a matrix in memory as Input.Probabilities.
func rowsOf(p [][]float64) func(dst []float64, lo, hi int) error {
	return func(dst []float64, lo, hi int) error {
		copy(dst, slices.Concat(p[lo:hi]...))
		return nil
	}
}

// failer is what *testing.T, *testing.B and *rapid.T have in common.
type failer interface {
	Helper()
	Fatal(args ...any)
}

func score(t failer, in Input) *Metrics {
	t.Helper()
	m, err := Score(context.Background(), in)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func near(t testing.TB, name string, got Number, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= tolerance) {
		t.Errorf("%s is %v, want %v", name, got, want)
	}
}

func TestScoreAgreesWithTheReference(t *testing.T) {
	raw, err := os.ReadFile(sharedtest.Path(t, "vectors", "metrics.json"))
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		N, Clusters, Classes    int
		Labels, Pred            []int
		Probs                   [][]float64
		Matched                 int
		Accuracy, NMI, ARI, AMI float64
		ECE15, MCE15            float64
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%d items, %d clusters, %d classes", c.N, c.Clusters, c.Classes), func(t *testing.T) {
			in := Input{Items: c.N, Clusters: c.Clusters, Probabilities: rowsOf(c.Probs), Labels: c.Labels}
			m := score(t, in)
			const exact = 1e-9
			near(t, "accuracy", m.Accuracy, c.Accuracy, exact)
			near(t, "nmi", m.NMI, c.NMI, exact)
			near(t, "ari", m.ARI, c.ARI, exact)
			near(t, "ami", m.AMI, c.AMI, exact)
			near(t, "ece", m.ECE, c.ECE15, exact)
			near(t, "mce", m.MCE, c.MCE15, exact)
		})
	}
}

// TestScoreByHand computes one small case by hand: cluster 0 contains a a b, cluster 1 contains b, cluster 2 has no class.
func TestScoreByHand(t *testing.T) {
	p := [][]float64{{.7, .2, .1}, {.5, .3, .2}, {.6, .4, 0}, {.1, .9, 0}, {.2, 0, .8}}
	in := Input{Items: 5, Clusters: 3, Probabilities: rowsOf(p), Labels: []int{0, 0, 1, 1, 1}, Classes: []string{"a", "b"}, Loss: 2}
	m := score(t, in)
	if want := []int{0, 1, -1}; !slices.Equal(m.Matching.ClassOfCluster, want) {
		t.Fatalf("mapping %v, want %v", m.Matching.ClassOfCluster, want)
	}
	const exact = 1e-12
	near(t, "accuracy", m.Accuracy, 3./5, exact)
	near(t, "many-to-one", m.ManyToOne, 4./5, exact)
	near(t, "accuracy of a", m.PerClassAccuracy[0], 1, exact)
	near(t, "accuracy of b", m.PerClassAccuracy[1], 1./3, exact)
	near(t, "mean confidence", m.MeanConfidence, (.7+.5+.6+.9+.8)/5, exact)
	near(t, "ece: every item has a bin of its own", m.ECE, (.3+.5+.6+.1+.8)/5, exact)
	near(t, "mce", m.MCE, .8, exact)
	near(t, "adaptive ece", m.AdaptiveECE, (.3+.5+.6+.1+.8)/5, exact)
	near(t, "brier", m.Brier, ((.09+.04+.01)+(.25+.09+.04)+(.36+.36)+(.01+.01)+(.04+1+.64))/5, exact)
	near(t, "nll", m.NLL, -(math.Log(.7)+math.Log(.5)+math.Log(.4)+math.Log(.9)+math.Log(1e-12))/5, exact)
	// class a: p = .7 .5 | .6 .1 .2 in five bins; class b: .2 .3 | .4 .9 0, likewise
	near(t, "class-wise ece", m.ClassWiseECE, ((.3+.5+.6+.1+.2)+(.2+.3+.6+.1+1))/2/5, exact)
	near(t, "effective clusters", m.EffectiveClusters, math.Exp(-.6*math.Log(.6)-.4*math.Log(.2)), exact)
	if m.ClustersUsed != 3 || m.N != 5 {
		t.Errorf("%d used of n = %d", m.ClustersUsed, m.N)
	}
}

// Clusters of the same size are as many effective ones, and no more by rounding.
func TestEffectiveClustersAreNoMoreThanThoseUsed(t *testing.T) {
	for clusters := 1; clusters <= 300; clusters++ {
		in := Input{Clusters: clusters + 1, Cluster: make([]int, 3*clusters)}
		for i := range in.Cluster {
			in.Cluster[i] = i % clusters
		}
		if m := score(t, in); m.EffectiveClusters > Number(clusters) || m.EffectiveClusters < Number(clusters)*(1-1e-12) {
			t.Errorf("%d clusters: %v effective ones", clusters, m.EffectiveClusters)
		}
	}
}

func TestDegenerateClusterings(t *testing.T) {
	for name, c := range map[string]struct {
		cluster, labels []int
		clusters        int
		accuracy, nmi   float64
		ari, ami        float64
	}{
		"one item":                         {[]int{0}, []int{0}, 1, 1, 1, 1, 1},
		"one cluster used, two classes":    {[]int{1, 1, 1, 1}, []int{0, 0, 1, 1}, 3, .5, 0, 0, 0},
		"two clusters, labels of one kind": {[]int{0, 0, 1, 1}, []int{0, 0, 0, 0}, 2, .5, 0, 0, 0},
		"one cluster and one class":        {[]int{0, 0, 0}, []int{2, 2, 2}, 2, 1, 1, 1, 1},
		"every item alone, rightly":        {[]int{2, 1, 0}, []int{0, 1, 2}, 3, 1, 1, 1, 1},
		"more clusters than items":         {[]int{9, 4}, []int{0, 1}, 10, 1, 1, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			m := score(t, Input{Clusters: c.clusters, Cluster: c.cluster, Labels: c.labels})
			near(t, "accuracy", m.Accuracy, c.accuracy, 1e-12)
			near(t, "nmi", m.NMI, c.nmi, 1e-12)
			near(t, "ari", m.ARI, c.ari, 1e-12)
			near(t, "ami", m.AMI, c.ami, 1e-12)
			near(t, "ece of a hard assignment", m.ECE, 1-c.accuracy, 1e-12)
			near(t, "brier of a hard assignment", m.Brier, 2*(1-c.accuracy), 1e-12)
		})
	}
}

func TestTiesGoToTheLowestIndex(t *testing.T) {
	// Clusters 0 and 1 each contain one item of either class: both matchings have one correct item per cluster.
	m := score(t, Input{Clusters: 3, Cluster: []int{0, 0, 1, 1, 2, 2}, Labels: []int{0, 1, 0, 1, 0, 1}})
	if want := []int{0, 1, -1}; !slices.Equal(m.Matching.ClassOfCluster, want) {
		t.Fatalf("mapping %v, want %v", m.Matching.ClassOfCluster, want)
	}
}

func TestUnlabelledItemsAreLeftOut(t *testing.T) {
	p := [][]float64{{.9, .1}, {.2, .8}, {.6, .4}, {.3, .7}}
	some := score(t, Input{Items: 4, Clusters: 2, Probabilities: rowsOf(p), Labels: []int{NoLabel, 0, 1, NoLabel}})
	alone := score(t, Input{Items: 2, Clusters: 2, Probabilities: rowsOf(p[1:3]), Labels: []int{0, 1}})
	if a, b := fmt.Sprint(*some.Labelled), fmt.Sprint(*alone.Labelled); a != b {
		t.Errorf("scores of the labelled items alone\n%s\nbecame\n%s", b, a)
	}
	if none := score(t, Input{Clusters: 2, Cluster: []int{0, 1}, Labels: []int{NoLabel, NoLabel}}); none.Labelled != nil {
		t.Errorf("without one label there are scores: %+v", none.Labelled)
	}
}

// Any rows may lack a label: the others have the scores that they have alone, and are read in few calls, of which each costs as much as
// several rows.
func TestLabelledItemsAreReadTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		missing := rapid.Float64Range(0, 1).Draw(t, "missing")
		var all, labelled [][]float64
		var labels, own []int
		for i := range 300 {
			a := rapid.Float64Range(0, 1).Draw(t, "probability")
			all, labels = append(all, []float64{a, 1 - a}), append(labels, NoLabel)
			if rapid.Float64Range(0, 1).Draw(t, "draw") >= missing {
				labels[i] = i % 3 % 2
				labelled, own = append(labelled, all[i]), append(own, labels[i])
			}
		}
		if len(own) == 0 {
			return
		}
		calls := 0
		counted := func(dst []float64, lo, hi int) error {
			calls++
			return rowsOf(all)(dst, lo, hi)
		}
		some := score(t, Input{Items: len(all), Clusters: 2, Probabilities: counted, Labels: labels, Workers: 1, Resamples: 10})
		alone := score(t, Input{Items: len(own), Clusters: 2, Probabilities: rowsOf(labelled), Labels: own, Workers: 1, Resamples: 10})
		if a, b := fmt.Sprint(*some.Labelled), fmt.Sprint(*alone.Labelled); a != b {
			t.Fatalf("scores of the labelled items alone\n%s\nbecame\n%s", b, a)
		}
		if calls > 100 {
			t.Fatalf("%d calls for %d rows", calls, len(all))
		}
	})
}

func TestAMappingOfAnotherSplitIsKept(t *testing.T) {
	m := score(t, Input{Clusters: 2, Cluster: []int{0, 1, 1}, Labels: []int{0, 1, 1}, Mapping: []int{1, 0}, FittedOn: "train"})
	if m.Accuracy != 0 || m.Matching.FittedOn != "train" {
		t.Errorf("accuracy %v, fitted on %q: the mapping given was not used", m.Accuracy, m.Matching.FittedOn)
	}
}

func TestScoreRefuses(t *testing.T) {
	good := func() Input {
		return Input{Clusters: 2, Cluster: []int{0, 1}, Confidence: []float64{.5, 1}, Labels: []int{0, 1}}
	}
	for name, c := range map[string]struct {
		spoil func(in *Input)
		want  string
	}{
		"a negative bootstrap":      {func(in *Input) { in.Resamples = -1 }, "-1 resamples of the bootstrap: want at least 1"},
		"no clusters":               {func(in *Input) { in.Clusters = 0 }, "0 clusters: want at least 1"},
		"no items":                  {func(in *Input) { in.Cluster = []int{} }, "no items"},
		"nothing at all":            {func(in *Input) { in.Cluster = nil }, "neither clusters nor probabilities"},
		"a cluster out of range":    {func(in *Input) { in.Cluster[1] = 2 }, "item 1 is in cluster 2 of 2"},
		"too few labels":            {func(in *Input) { in.Labels = in.Labels[:1] }, "1 labels of 2 items"},
		"a label below −1":          {func(in *Input) { in.Labels[0] = -2 }, "item 0 has label -2"},
		"a label far below −1":      {func(in *Input) { in.Labels[1] = -5 }, "item 1 has label -5: want 0 to 16777215, or -1 for none"},
		"a huge label":              {func(in *Input) { in.Labels[1] = 1 << 60 }, "item 1 has label 1152921504606846976: want 0 to 16777215"},
		"labels of no class":        {func(in *Input) { in.Classes = []string{} }, "item 0 has label 0, but there are no classes"},
		"far too many clusters":     {func(in *Input) { in.Clusters = math.MaxInt }, "9223372036854775807 clusters: want at most 16777216"},
		"a huge class in a mapping": {func(in *Input) { in.Mapping = []int{0, math.MaxInt} }, "cluster 1 is mapped to class 9223372036854775807"},
		"a label without name":      {func(in *Input) { in.Classes = []string{"a"} }, "item 1 has label 1"},
		"too few confidences":       {func(in *Input) { in.Confidence = in.Confidence[:1] }, "1 confidences of 2 items"},
		"a confidence of NaN":       {func(in *Input) { in.Confidence[0] = math.NaN() }, "confidence NaN of item 0"},
		"a confidence above 1":      {func(in *Input) { in.Confidence[1] = 1.1 }, "confidence 1.1 of item 1"},
		"a short mapping":           {func(in *Input) { in.Mapping = []int{0} }, "names 1 clusters of 2"},
		"a class mapped twice":      {func(in *Input) { in.Mapping = []int{0, 0} }, "class 0 is mapped to clusters 0 and 1"},
		"a NaN among probabilities": {func(in *Input) { in.Probabilities = rowsOf([][]float64{{1, 0}, {0, math.NaN()}}) }, "probability NaN of item 1, cluster 1"},
		"rows that sum to 2":        {func(in *Input) { in.Probabilities = rowsOf([][]float64{{1, 0}, {1, 1}}) }, "item 1 sum to 2"},
		"a failing source":          {func(in *Input) { in.Probabilities = func([]float64, int, int) error { return os.ErrClosed } }, "items 0 to 1: file already closed"},
	} {
		t.Run(name, func(t *testing.T) {
			in := good()
			c.spoil(&in)
			if _, err := Score(context.Background(), in); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v does not say %q", err, c.want)
			}
		})
	}
	over := good()
	over.Confidence[1] = 1 + 1e-7
	if m := score(t, over); m.MCE > 1 || over.Confidence[1] == 1 {
		t.Error("a float32 softmax value above 1 was not reduced to 1, or the caller's slice was changed")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Score(ctx, good()); err == nil {
		t.Error("a cancelled context was not noticed")
	}
}

// drawn is a random clustering with its probabilities.
func drawn(t *rapid.T) Input {
	n, clusters, classes := rapid.IntRange(1, 60).Draw(t, "n"), rapid.IntRange(1, 7).Draw(t, "clusters"), rapid.IntRange(1, 7).Draw(t, "classes")
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	p := make([][]float64, n)
	labels := make([]int, n)
	for i := range p {
		p[i] = make([]float64, clusters)
		var sum float64
		for c := range p[i] {
			p[i][c] = r.ExpFloat64()
			sum += p[i][c]
		}
		for c := range p[i] {
			p[i][c] /= sum
		}
		labels[i] = r.IntN(classes)
	}
	return Input{Items: n, Clusters: clusters, Probabilities: rowsOf(p), Labels: labels, Seed: 3, Resamples: 20}
}

// TestNeitherNamesOfClustersNorOrderOfItemsMatter reverses the numbers of the clusters, then the order of the items.
func TestNeitherNamesOfClustersNorOrderOfItemsMatter(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		in := drawn(rt)
		renamed, turned := in, in
		renamed.Probabilities = func(dst []float64, lo, hi int) error {
			err := in.Probabilities(dst, lo, hi)
			for row := range slices.Chunk(dst[:(hi-lo)*in.Clusters], in.Clusters) {
				slices.Reverse(row)
			}
			return err
		}
		turned.Labels = slices.Clone(in.Labels)
		slices.Reverse(turned.Labels)
		turned.Probabilities = func(dst []float64, lo, hi int) error {
			for i := lo; i < hi; i++ {
				if err := in.Probabilities(dst[(i-lo)*in.Clusters:(i-lo+1)*in.Clusters], in.Items-1-i, in.Items-i); err != nil {
					return err
				}
			}
			return nil
		}
		m := score(rt, in)
		for name, other := range map[string]*Metrics{"clusters were renamed": score(rt, renamed), "items were turned": score(rt, turned)} {
			for score, pair := range map[string][2]Number{
				"accuracy": {m.Accuracy, other.Accuracy}, "many-to-one": {m.ManyToOne, other.ManyToOne},
				"nmi": {m.NMI, other.NMI}, "ari": {m.ARI, other.ARI}, "ami": {m.AMI, other.AMI},
				"mean confidence": {m.MeanConfidence, other.MeanConfidence}, "effective": {m.EffectiveClusters, other.EffectiveClusters},
			} {
				if math.Abs(float64(pair[0]-pair[1])) > 1e-9 {
					rt.Errorf("%s: %v became %v when %s", score, pair[0], pair[1], name)
				}
			}
		}
	})
}

func TestScoresStayInTheirRanges(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := score(rt, drawn(rt))
		for name, x := range map[string]Number{"accuracy": m.Accuracy, "nmi": m.NMI, "ece": m.ECE, "mce": m.MCE, "adaptive": m.AdaptiveECE, "class-wise": m.ClassWiseECE, "half of brier": m.Brier / 2} {
			if !(x >= 0 && x <= 1) {
				rt.Errorf("%s %v is outside [0, 1]", name, x)
			}
		}
		if m.ECE > m.MCE+1e-12 || m.Accuracy > m.ManyToOne || m.ARI > 1 || m.AMI > 1+1e-12 {
			rt.Errorf("ece %v > mce %v, accuracy %v > many-to-one %v, or ari %v, ami %v > 1", m.ECE, m.MCE, m.Accuracy, m.ManyToOne, m.ARI, m.AMI)
		}
		var sum float64
		for _, b := range m.Reliability {
			sum += float64(b.Count)
		}
		if int(sum) != m.LabelledItems || m.AccuracyInterval[0] > m.AccuracyInterval[1] {
			rt.Errorf("bins hold %v of %d items, or the interval %v is upside down", sum, m.LabelledItems, m.AccuracyInterval)
		}
	})
}

func TestMetricsFileHasTheSameBytesOnAnyNumberOfThreads(t *testing.T) {
	const n, clusters = 9000, 12
	probability := func(dst []float64, lo, hi int) error {
		for i := lo; i < hi; i++ {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			row := dst[(i-lo)*clusters : (i-lo+1)*clusters]
			var sum float64
			for c := range row {
				row[c] = math.Pow(r.Float64(), 4)
				sum += row[c]
			}
			for c := range row {
				row[c] /= sum
			}
		}
		return nil
	}
	labels := make([]int, n)
	for i := range labels {
		labels[i] = i * 7 % 11
	}
	var first []byte
	for _, workers := range []int{1, 2, 7} {
		m := score(t, Input{Items: n, Clusters: clusters, Probabilities: probability, Labels: labels, Workers: workers, Loss: math.NaN()})
		m.KMeans = score(t, Input{Cluster: labels, Clusters: clusters, Labels: labels})
		name := filepath.Join(t.TempDir(), "metrics.json")
		if err := WriteMetrics(name, m); err != nil {
			t.Fatal(err)
		}
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = raw
		} else if string(first) != string(raw) {
			t.Fatalf("%d workers wrote other bytes", workers)
		}
		read, err := ReadMetrics(name)
		if err != nil {
			t.Fatal(err)
		}
		if read.ECE != m.ECE || read.KMeans.Accuracy != 1 || read.Loss.Defined() || read.KMeans.KMeans != nil {
			t.Errorf("read back as %+v", read)
		}
	}
	for _, key := range []string{"n", "clusters", "clusters_used", "loss", "mean_confidence", "accuracy", "nmi", "ari", "ami", "ece", "mce", "adaptive_ece", "brier", "nll", "per_class_accuracy", "kmeans"} {
		var keys map[string]json.RawMessage
		if err := json.Unmarshal(first, &keys); err != nil {
			t.Fatal(err)
		}
		if _, there := keys[key]; !there {
			t.Errorf("metrics.json has no %q", key)
		}
	}
}

// TestBootstrapIntervalsCoverTheTruth draws many data sets of accuracy 0.7 and counts how often the interval contains it.
func TestBootstrapIntervalsCoverTheTruth(t *testing.T) {
	const sets, n = 300, 300
	covered := 0
	for s := range sets {
		r := rand.New(rand.NewPCG(uint64(s), 9))
		in := Input{Resamples: 300, Confidence: make([]float64, n)}
		correct := make([]bool, n)
		for i := range correct {
			correct[i], in.Confidence[i] = r.Float64() < .7, float64(r.IntN(10))/10
		}
		accuracy, _, err := bootstrap(context.Background(), in, correct)
		if err != nil {
			t.Fatal(err)
		}
		if accuracy[0] <= .7 && .7 <= accuracy[1] {
			covered++
		}
	}
	if rate := float64(covered) / sets; rate < .91 || rate > .99 { // 95 % ± 3 standard errors of the count
		t.Errorf("intervals of 95 %% hold the truth %v of the time", rate)
	}
}

// The interval of the calibration error always contains its estimate, and contains the true error at about the nominal rate. The true error is 0 if confidence is
// correct, and otherwise the amount by which it is too high.
func TestCalibrationIntervalsHoldEstimateAndTruth(t *testing.T) {
	const sets = 100
	for _, c := range []struct {
		n    int
		over float64 // confidence minus accuracy
	}{{300, 0}, {2000, 0}, {2000, 0.05}, {300, 0.15}} {
		covered := 0
		for s := range sets {
			r := rand.New(rand.NewPCG(uint64(s), 10))
			in := Input{Resamples: 150, Confidence: make([]float64, c.n)}
			correct := make([]bool, c.n)
			for i := range correct {
				in.Confidence[i] = 0.315 + 0.07*float64(r.IntN(10))
				correct[i] = r.Float64() < in.Confidence[i]-c.over
			}
			_, interval, err := bootstrap(context.Background(), in, correct)
			if err != nil {
				t.Fatal(err)
			}
			bins, err := Reliability(in.Confidence, correct, Bins)
			if err != nil {
				t.Fatal(err)
			}
			if e := Number(ExpectedCalibrationError(bins)); e < interval[0]-1e-12 || e > interval[1]+1e-12 || interval[0] < 0 {
				t.Fatalf("n = %d: the interval %v does not hold the estimate %v", c.n, interval, e)
			}
			if Number(c.over) >= interval[0] && Number(c.over) <= interval[1] {
				covered++
			}
		}
		if rate := float64(covered) / sets; rate < .91 {
			t.Errorf("n = %d: an error of %v lies in %v of the intervals of 95 %%", c.n, c.over, rate)
		} else {
			t.Logf("n = %d: an error of %v lies in %v of the intervals", c.n, c.over, rate)
		}
	}
}

// For a few images that are nearly all wrong, the calibration error spreads beyond 1, but its interval does not.
func TestCalibrationIntervalsEndAtOne(t *testing.T) {
	for seed := range uint64(20) {
		in := Input{Resamples: 200, Seed: seed, Confidence: []float64{1, 1, 1, 1}}
		_, interval, err := bootstrap(context.Background(), in, []bool{true, false, false, false})
		if err != nil {
			t.Fatal(err)
		}
		if interval[0] < 0 || interval[0] > 0.75 || interval[1] < 0.75 || interval[1] > 1 {
			t.Errorf("seed %d: interval %v of an estimate of 0.75", seed, interval)
		}
	}
}

func TestAssignmentsSurviveTheirFile(t *testing.T) {
	a := Assignments{
		Paths:      []string{"a/1.jpg", "b/\"2\",\n<script>.png", "../../etc/passwd", "=1+1.png", "'=1.png", "'a.png", "c\r\nd.png", "c\nd.png"},
		Labels:     []int{1, 0, NoLabel, 2, 2, 2, 3, 4},
		Cluster:    []int{0, 2, 1, 0, 0, 0, 0, 0},
		Confidence: []float64{.25, 1, 1. / 3, 1, 1, 1, 1, 1},
		Classes:    []string{"b", "a", "@SUM(A1)", "line one\r\nline two", "line one\nline two"},
		Names:      []string{"a", "", "b"},
	}
	name := filepath.Join(t.TempDir(), "assignments.csv")
	for _, a.Safe = range []bool{false, true} {
		if err := WriteAssignments(name, &a); err != nil {
			t.Fatal(err)
		}
		if a.Computed != 4 {
			t.Errorf("%d cells would be computed, want 4", a.Computed)
		}
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			for cell := range strings.SplitSeq(line, ",") {
				if a.Safe && spreadsheet.Computed(strings.TrimSpace(cell)) {
					t.Errorf("%q would be computed", cell)
				}
			}
		}
		b, err := ReadAssignments(name, a.Classes)
		if err != nil {
			t.Fatal(err)
		}
		b.Names, b.Safe, b.Computed = a.Names, a.Safe, a.Computed
		if got, want := fmt.Sprint(*b), fmt.Sprint(a); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if _, err := ReadAssignments(name, []string{"other"}); err == nil || !strings.Contains(err.Error(), "not a class of this run") {
		t.Errorf("foreign classes: %v", err)
	}
	for content, want := range map[string]string{
		"":      "the first line does not have the columns",
		"a,b\n": "the first line does not have the columns",
		"path,label,cluster,class,confidence\nx,,y,,1\n":   "cluster \"y\" is not a number",
		"path,label,cluster,class,confidence\nx,,0,,NaN\n": "confidence \"NaN\" is not a number",
		"path,label,cluster,class,confidence\nx,,0\n":      "wrong number of fields",
	} {
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadAssignments(name, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v does not say %q", content, err, want)
		}
	}
}

// The benchmark is bound by memory: clusters and labels are counted, then each item's confidence is binned three times.
// What cannot be read as a table is told from a table without a column.
func TestAssignmentsWithoutTheirFirstLine(t *testing.T) {
	name := filepath.Join(t.TempDir(), "assignments.csv")
	for content, want := range map[string]string{
		"":                         `"path" is missing`,
		"path,label,cluster\n":     `"confidence" is missing`,
		"path,\"label,cluster\n\n": "extraneous or missing \" in quoted-field",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadAssignments(name, nil); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%q: error %v does not say %q", content, err, want)
		}
	}
}

// The name of an image's cluster is empty if the cluster has none, or if there are fewer names than clusters.
func TestNameOfAnImagesCluster(t *testing.T) {
	a := &Assignments{Cluster: []int{0, 1, 2, 3}, Names: []string{"dogs", "", "cats"}}
	for i, want := range []string{"dogs", "", "cats", ""} {
		if got := a.Name(i); got != want {
			t.Errorf("image %d: %q, want %q", i, got, want)
		}
	}
}

func BenchmarkScore(b *testing.B) {
	const n, clusters = 1_280_000, 1000
	r := rand.New(rand.NewPCG(1, 2))
	in := Input{Clusters: clusters, Cluster: make([]int, n), Labels: make([]int, n), Confidence: make([]float64, n)}
	for i := range n {
		in.Labels[i] = r.IntN(clusters)
		in.Cluster[i] = in.Labels[i]
		if r.Float64() < .5 {
			in.Cluster[i] = r.IntN(clusters)
		}
		in.Confidence[i] = r.Float64()
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Score(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
}

// The benchmark is bound by arithmetic: three operations for each of 1000 probabilities per item, and one to generate it here.
func BenchmarkScoreProbabilities(b *testing.B) {
	const n, clusters = 64_000, 1000
	in := Input{Clusters: clusters, Cluster: make([]int, n), Confidence: make([]float64, n), Labels: make([]int, n)}
	for i := range n {
		in.Labels[i] = i * 7919 % clusters
		in.Cluster[i], in.Confidence[i] = in.Labels[i], .5
	}
	in.Probabilities = func(dst []float64, lo, hi int) error {
		for k := range dst {
			dst[k] = .5 / (clusters - 1)
		}
		for i := lo; i < hi; i++ {
			dst[(i-lo)*clusters+in.Cluster[i]] = .5
		}
		return nil
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Score(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n/clusters, "ns/probability")
}
