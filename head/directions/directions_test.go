package directions

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"iconic/head/knn"
	"iconic/head/method"
	"iconic/head/partition"
	"iconic/head/train"
	"iconic/internal/densetest"
	"iconic/matrix"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func near(t testing.TB, z *matrix.Dense) *knn.Graph {
	t.Helper()
	g, err := knn.Exact(context.Background(), z, knn.Options{K: min(10, z.Len()-1), Metric: knn.Euclidean})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// uneven returns clouds of the given sizes.
func uneven(seed uint64, d int, apart float64, sizes ...int) (*matrix.Dense, []int32) {
	r := rand.New(rand.NewPCG(seed, 2))
	z := &matrix.Dense{Width: d}
	var truth []int32
	for c, size := range sizes {
		centre := make([]float64, d)
		step(r, centre, apart)
		cloud(r, z, centre, size)
		truth = append(truth, slices.Repeat([]int32{int32(c)}, size)...)
	}
	return z, truth
}

// step moves a centre at random.
func step(r *rand.Rand, centre []float64, by float64) {
	for e := range centre {
		centre[e] += by * r.NormFloat64()
	}
}

// cloud adds rows around a centre.
func cloud(r *rand.Rand, z *matrix.Dense, centre []float64, rows int) {
	for range rows {
		for _, m := range centre {
			z.X = append(z.X, float32(m+r.NormFloat64()))
		}
	}
}

func TestFindsCloudsOfAnySize(t *testing.T) {
	z, truth := uneven(3, 16, 1.5, 400, 200, 100, 50, 25)
	f, err := Find(context.Background(), z, z, near(t, z), Options{Clusters: 5, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := partition.Agreement(f.Cluster, truth, 5); a < 0.97 {
		t.Errorf("%.3f of the rows are in their cloud's cluster", a)
	}
	e, err := f.Expected(f.Cluster)
	if err != nil {
		t.Fatal(err)
	}
	if e.Share < 0.8 || e.Share > 1 {
		t.Errorf("well separated clouds have the expected accuracy %+v", e)
	}
}

// Clusters without structure get a low expected accuracy.
func TestNoiseIsExpectedToBeWrong(t *testing.T) {
	z := densetest.Clouds(8, 600, 16, 1, 0)
	f, err := Find(context.Background(), z, z, near(t, z), Options{Clusters: 8})
	if err != nil {
		t.Fatal(err)
	}
	e, err := f.Expected(f.Cluster)
	if err != nil {
		t.Fatal(err)
	}
	if e.Share > 0.5 {
		t.Errorf("clusters of noise have the expected accuracy %+v", e)
	}
}

// Halves of the features count twice, each kind by its mean.
func TestExpected(t *testing.T) {
	cluster := make([]int32, 10)
	apart := func(rows int) []int32 { // a partition that differs in that many rows
		other := slices.Clone(cluster)
		for i := range rows {
			other[i] = 1
		}
		return other
	}
	for i := 5; i < 10; i++ {
		cluster[i] = 2
	}
	for _, c := range []struct {
		clusters  int
		explained float64
		want      float64
	}{
		{few + 1, 0.9, 2.6 / 3},      // many clusters are not corrected
		{3, 0.8, 0.8855059872568966}, // odds ∛(7²·17/3)·√(4/(0.74/0.26))
	} {
		f := &Found{options: Options{Clusters: c.clusters}, Chosen: Candidate{Explained: c.explained, probes: [][]int32{apart(2), apart(0), apart(1), apart(2)}}, critics: []start{{cluster: apart(2)}, {cluster: apart(1)}}}
		got, err := f.Expected(cluster)
		if err != nil || math.Abs(got.Halves-0.875) > 1e-12 || math.Abs(got.Plain-0.85) > 1e-12 || math.Abs(got.Share-c.want) > 1e-12 {
			t.Errorf("%d clusters, %g explained: %+v, want %v, %v", c.clusters, c.explained, got, c.want, err)
		}
		if said := f.explain(got); strings.Contains(said, "neighbours") != (c.clusters <= few) {
			t.Errorf("%d clusters: %q", c.clusters, said)
		}
		mean := 0.0
		for _, l := range got.likely {
			mean += l / float64(len(got.likely))
		}
		if math.Abs(mean-2.6/3) > 1e-12 {
			t.Errorf("rows are likely with a mean of %v", mean)
		}
	}
}

func TestSameBitsOnAnyNumberOfWorkers(t *testing.T) {
	z := densetest.Clouds(2, 700, 12, 25, 0.8)
	g := near(t, z)
	var first *Found
	for _, workers := range []int{1, 3} {
		f, err := Find(context.Background(), z, z, g, Options{Clusters: 25, Seed: 9, Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = f
		} else if diff := cmp.Diff(first, f, cmpopts.IgnoreUnexported(Candidate{}, Found{})); diff != "" {
			t.Fatalf("%d workers differ from one:\n%s", workers, diff)
		}
	}
}

// Extreme but valid sets are clustered too.
func TestEdges(t *testing.T) {
	for _, test := range []struct {
		name    string
		n, d, k int
		change  func(m *matrix.Dense)
	}{
		{"two rows", 2, 4, 2, nil},
		{"as many clusters as rows", 7, 5, 7, nil},
		{"more columns than rows", 12, 200, 3, nil},
		{"one column", 40, 1, 3, nil},
		{"duplicates", 60, 6, 10, func(m *matrix.Dense) {
			for i := range m.Len() {
				copy(m.Row(i), m.Row(i%3))
			}
		}},
		{"zero rows", 60, 6, 4, func(m *matrix.Dense) { clear(m.X[:20*6]) }},
		{"constant columns", 60, 6, 4, func(m *matrix.Dense) {
			for i := range m.Len() {
				m.Row(i)[0], m.Row(i)[5] = 0, 0
			}
		}},
		{"all zeros", 30, 4, 3, func(m *matrix.Dense) { clear(m.X) }},
		{"fewer than two rows a cluster", 50, 6, 30, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			z := densetest.Clouds(1, test.n, test.d, 3, 2)
			if test.change != nil {
				test.change(z)
			}
			for _, sizes := range []Sizes{SizesAuto, SizesFree, SizesBalanced} {
				f, err := Find(context.Background(), z, z, near(t, z), Options{Clusters: test.k, Sizes: sizes})
				if err != nil {
					t.Fatal(err)
				}
				e, err := f.Expected(f.Cluster)
				if err != nil {
					t.Fatal(err)
				}
				if len(f.Cluster) != test.n || !(e.Share > 0 && e.Share <= 1) {
					t.Errorf("%d clusters of %d rows, expected %+v", len(f.Cluster), test.n, e)
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	z := densetest.Clouds(1, 10, 2, 2, 1)
	g := near(t, z)
	for name, o := range map[string]Options{
		"1 clusters of 10 rows":  {Clusters: 1},
		"11 clusters of 10 rows": {Clusters: 11},
		`sizes "round"`:          {Clusters: 2, Sizes: "round"},
	} {
		if _, err := Find(context.Background(), z, z, g, o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v, want %q", err, name)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Find(ctx, z, z, g, Options{Clusters: 2}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Likelihood chooses among starts; agreement with halves and neighbours chooses among concentrations; if these do not decide, the candidate
// whose sizes are least free is chosen.
func TestChoose(t *testing.T) {
	of := func(start string, kappa, likelihood float64, agreement ...float64) Candidate {
		c := Candidate{Start: start, Kappa: kappa, likelihood: likelihood, agreement: agreement, Explained: 0.7}
		for _, a := range agreement {
			c.Agreement += a / float64(len(agreement))
		}
		return c
	}
	filled := func(c Candidate, clusters ...int32) Candidate { c.cluster = clusters; return c }
	refined := func(c Candidate) Candidate { c.Refined = true; return c }
	joined := func(c Candidate) Candidate { c.Groups = 8; return c }
	explaining := func(c Candidate, share float64) Candidate { c.Explained = share; return c }
	chance := func(c Candidate, share float64) Candidate { c.byChance = share; return c }
	free, alike, worse := []float64{0.62, 0.60, 0.61, 0.63}, []float64{0.61, 0.61, 0.62, 0.61}, []float64{0.52, 0.50, 0.51, 0.53}
	for _, test := range []struct {
		name    string
		all     []Candidate
		start   string
		kappa   float64
		refined bool
	}{
		{"the likelier start", []Candidate{of("a", 10, 5.0, alike...), of("b", 10, 4.9, free...)}, "a", 10, false},
		{"though halves agree better with another", []Candidate{of("a", 10, 5.0, worse...), of("b", 10, 4.9, free...)}, "a", 10, false},
		{"not if neighbours explain less of it", []Candidate{of("a", 10, 5, free...), explaining(of("a", 30, 20, alike...), 0.6)}, "a", 10, false},
		{"nor by the I-Con loss", []Candidate{of("a", 10, 5, free...), explaining(of("a", 30, 20, free...), 0.6), explaining(refined(of("b", 30, 20, free...)), 0.6)}, "a", 10, false},
		{"agreement with neighbours counts twice", []Candidate{explaining(of("a", 10, 5, 0.50, 0.51, 0.50, 0.51), 0.8), explaining(of("a", 30, 20, 0.60, 0.61, 0.60, 0.61), 0.7)}, "a", 10, false},
		{"joined groups if they lead clearly", []Candidate{of("a", 10, 5, worse...), of("a", 30, 20, worse...), joined(of("j", 10, 4, 0.67, 0.66, 0.67, 0.66))}, "j", 10, false},
		{"not if another scores higher", []Candidate{of("a", 10, 5, free...), of("a", 30, 20, worse...), joined(of("j", 10, 4, 0.61, 0.59, 0.60, 0.61))}, "a", 10, false},
		{"nor if they lead the strictest mixture by less than 20 %", []Candidate{of("a", 10, 5, alike...), of("a", 30, 20, alike...), joined(of("j", 10, 4, 0.73, 0.73, 0.73, 0.73))}, "a", 30, false},
		{"but by more", []Candidate{of("a", 10, 5, alike...), of("a", 30, 20, alike...), joined(of("j", 10, 4, 0.74, 0.74, 0.74, 0.74))}, "j", 10, false},
		{"nor do they decide between mixtures that they do not lead clearly", []Candidate{
			of("a", 10, 5, 0.62, 0.60, 0.61, 0.63, 0.62, 0.60, 0.61, 0.63), of("a", 30, 20, 0.63, 0.62, 0.59, 0.59, 0.57, 0.58, 0.56, 0.57),
			joined(of("j", 10, 4, 0.64, 0.62, 0.65, 0.61, 0.64, 0.61, 0.56, 0.67)),
		}, "a", 10, false},
		{"not with an empty cluster", []Candidate{filled(of("a", 10, 5, worse...), 0, 1, 2), joined(filled(of("j", 10, 5, free...), 0, 1, 1))}, "a", 10, false},
		{"not one with an empty cluster", []Candidate{filled(of("a", 10, 5.0, worse...), 0, 1, 2), filled(of("b", 10, 5.1, free...), 0, 2, 2)}, "a", 10, false},
		{"nor if the I-Con loss has emptied a cluster", []Candidate{filled(of("a", 30, 5.0, alike...), 0, 1, 2), refined(filled(of("b", 30, 5.0, free...), 1, 1, 2))}, "a", 30, false},
		{"nor one with half of the clusters of another concentration", []Candidate{filled(of("a", 10, 5, free...), 0, 0, 1, 1), filled(of("a", 30, 20, worse...), 0, 1, 2, 3)}, "a", 30, false},
		{"but one with fewer empty clusters", []Candidate{filled(of("a", 10, 5, free...), 0, 0, 1, 2), filled(of("a", 30, 20, worse...), 0, 1, 2, 3)}, "a", 10, false},
		{"not joined groups that agree by chance", []Candidate{of("a", 10, 5, worse...), of("a", 30, 20, worse...), chance(joined(of("j", 10, 4, 0.67, 0.66, 0.67, 0.66)), 0.6)}, "a", 30, false},
		{"an unlikely start that leads clearly", []Candidate{of("a", 10, 5.0, worse...), explaining(of("b", 10, 4, worse...), 0.8)}, "b", 10, false},
		{"not if it leads by chance", []Candidate{of("a", 10, 5.0, worse...), chance(explaining(of("b", 10, 4, worse...), 0.8), 0.4)}, "a", 10, false},
		{"the concentration with the better agreement", []Candidate{of("a", 10, 5, free...), of("a", 30, 20, worse...)}, "a", 10, false},
		{"the least free of equal ones", []Candidate{of("a", 10, 5, free...), of("a", 30, 20, alike...)}, "a", 30, false},
		{"the I-Con loss if it is as good", []Candidate{of("a", 10, 5, free...), of("a", 30, 20, alike...), refined(of("b", 30, 19.98, alike...))}, "b", 30, true},
		{"not if it is less likely", []Candidate{of("a", 10, 5, free...), of("a", 30, 20, alike...), refined(of("b", 30, 19.9, free...))}, "a", 30, false},
		{"not if halves do not reproduce it", []Candidate{of("a", 10, 5, free...), of("a", 30, 20, worse...), refined(of("b", 30, 20.1, worse...))}, "a", 10, false},
		{"a likelier refinement does not rule out the mixture", []Candidate{of("a", 10, 5, free...), refined(of("b", 30, 20.1, worse...)), of("a", 30, 20, alike...)}, "a", 30, false},
	} {
		got := choose(test.all, SizesAuto)
		if got.Start != test.start || got.Kappa != test.kappa || got.Refined != test.refined {
			t.Errorf("%s: from %s, κ = %g, refined %v", test.name, got.Start, got.Kappa, got.Refined)
		}
	}
}

// With free sizes joined groups must lead by no more than the I-Con loss may add to a mixture.
func TestChooseAmongFreeSizes(t *testing.T) {
	mixture := Candidate{Start: "a", Kappa: 10, Explained: 0.7, Agreement: 0.60, agreement: []float64{0.60, 0.58, 0.62, 0.60}}
	for agreement, chosen := range map[float64]bool{0.64: true, 0.62: false, 0.58: false} {
		groups := Candidate{Start: "j", Kappa: 10, Explained: 0.7, Groups: 8, Agreement: agreement, agreement: []float64{agreement, agreement, agreement, agreement}}
		if got := choose([]Candidate{mixture, groups}, SizesFree); got.joined() != chosen {
			t.Errorf("joined groups that halves find again by %g: chosen %v", agreement, got.joined())
		}
	}
}

// With many clusters the evenest valid candidate is chosen if sizes are alike, whatever its score.
func TestEvenest(t *testing.T) {
	mixture := Candidate{Start: "a", Kappa: 10, Explained: 0.7, Agreement: 0.62, agreement: []float64{0.62, 0.62}, cluster: []int32{0, 1}}
	strict, refined := mixture, mixture
	strict.Kappa, strict.Agreement, strict.agreement = 30, 0.5, []float64{0.5, 0.5}
	refined.Kappa, refined.Refined, refined.Agreement, refined.agreement = 30, true, 0.4, []float64{0.4, 0.4}
	emptied := refined
	emptied.cluster = []int32{1, 1}
	for _, test := range []struct {
		all  []Candidate
		want Candidate
	}{
		{[]Candidate{mixture, strict}, strict},
		{[]Candidate{mixture, strict, refined}, refined},
		{[]Candidate{mixture, strict, emptied}, strict},
	} {
		measure(test.all)
		if got := evenest(test.all); got.Kappa != test.want.Kappa || got.Refined != test.want.Refined {
			t.Errorf("of %d candidates the one at κ = %g, refined %v", len(test.all), got.Kappa, got.Refined)
		}
	}
}

// Clouds of one size have a small spread, and clouds of very different sizes a large one; the former end in the evenest candidate, and the
// sentence says why.
func TestSpreadOfClouds(t *testing.T) {
	const k = 24
	for _, test := range []struct {
		ratio float64
		alike bool
	}{{1, true}, {30, false}} {
		var sizes []int
		for c := range k {
			sizes = append(sizes, int(90*math.Pow(test.ratio, -float64(c)/(k-1))))
		}
		z, _ := uneven(7, 24, 0.8, sizes...)
		f, err := Find(context.Background(), z, z, near(t, z), Options{Clusters: k, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		if f.alike() != test.alike {
			t.Errorf("sizes that fall to 1/%g have the spread %.3f", test.ratio, f.Spread)
		}
		if strings.Contains(f.Sentence(), "hardly any differences") != test.alike || strings.Contains(f.Sentence(), "confirm that they differ") == test.alike ||
			(f.Chosen.Kappa == 30) != test.alike || f.worthwhile() != test.alike {
			t.Errorf("sizes that fall to 1/%g: %s", test.ratio, f.Sentence())
		}
	}
}

// The sentence says what was requested or chosen.
func TestSentence(t *testing.T) {
	z, _ := uneven(4, 8, 2, 60, 30)
	for sizes, want := range map[Sizes]string{
		SizesAuto: "groups whose sizes follow the data: a mixture at κ = ", SizesFree: "groups of any size, as requested", SizesBalanced: "groups of about the same size, as requested",
	} {
		f, err := Find(context.Background(), z, z, near(t, z), Options{Clusters: 2, Sizes: sizes})
		if err != nil || !strings.Contains(f.Sentence(), want) {
			t.Errorf("%s: %q, %v", sizes, f.Sentence(), err)
		}
		if others := "none of the 17 other clusterings agrees clearly better"; sizes == SizesAuto && !strings.HasSuffix(f.Sentence(), others+" with these and with neighbours") {
			t.Errorf("%q does not end with %q", f.Sentence(), others)
		}
	}
}

// Each way to choose has a sentence that reads as one.
func TestSentencesOfChoices(t *testing.T) {
	all := make([]Candidate, 19)
	few, many := &search{options: Options{Clusters: 15}}, &search{options: Options{Clusters: 100}}
	for _, test := range []struct {
		s      *search
		chosen Candidate
		spread float64
		want   string
	}{
		{few, Candidate{Agreement: 0.65, Refined: true}, 0, "groups of about the same size: the I-Con clustering, which agrees with random halves of the features on 65 % of the images; " +
			"none of the 18 other clusterings agrees clearly better with these and with neighbours (if classes are known to differ in size, choose free sizes)"},
		{few, Candidate{Agreement: 0.65, Kappa: 15}, 0, "groups whose sizes follow the data: a mixture at κ = 15 (sizes are freest at 10 and most even at 30), which agrees with random halves of the features " +
			"on 65 % of the images; none of the 18 other clusterings agrees clearly better with these and with neighbours"},
		{few, Candidate{Agreement: 0.65, Groups: 30, Start: joinedName}, 0, "groups of any size, joined from 30 small ones along the neighbour graph; they agree with random halves of the features on 65 % of the images, " +
			"and clearly better with these and with neighbours than the 18 other clusterings"},
		{many, Candidate{Agreement: 0.65, Refined: true}, 0.01, "groups of about the same size, since halves of the features confirm hardly any differences (typically by a factor of 1.11); " +
			"the most even of the 19 clusterings is kept: the I-Con clustering"},
		{many, Candidate{Agreement: 0.65, Kappa: 10}, 1, "groups whose sizes follow the data, since halves of the features confirm that they differ (typically by a factor of at least 2.72); of the 19 clusterings, " +
			"the mixture at κ = 10 (sizes are freest at 10 and most even at 30) agrees best with random halves of the features (on 65 % of the images) and with neighbours"},
	} {
		f := &Found{Candidates: all, Chosen: test.chosen, Spread: test.spread, search: test.s, options: test.s.options}
		if got := f.Sentence(); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}

// The progress of every stage never decreases, and ends with all its steps done.
func TestProgress(t *testing.T) {
	z := densetest.Clouds(1, 80, 4, 3, 2)
	stage, last, whole := "", 0, map[string]int{}
	ended := func() {
		if last != whole[stage] {
			t.Errorf("%s ends with %d of %d", stage, last, whole[stage])
		}
		last = 0
	}
	_, err := Find(context.Background(), z, z, near(t, z), Options{Clusters: 3, Run: &train.Run{Begun: func(name string) {
		ended()
		stage = name
	}, Progress: func(done, total int, _ float64) {
		if done < last || total < done {
			t.Errorf("%s: %d of %d after %d", stage, done, total, last)
		}
		last, whole[stage] = done, total
	}}})
	ended()
	want := map[string]int{unprocessed: mostCritics, "starts by k-means": startsFew, "starts by eigenvectors": 1, "mixtures": 16, halvesName: mostProbes}
	if diff := cmp.Diff(want, whole); err != nil || diff != "" {
		t.Errorf("steps of stages (-want +got):\n%s%v", diff, err)
	}
}

// A set that is too large is sampled, and the head sorts the other rows.
func TestASampleOfLargeSets(t *testing.T) {
	z := densetest.Clouds(5, 3000, 12, 6, 3)
	r := mixtures{}.Recipe(6).(*Recipe)
	r.most = 400
	if r.Sampled(300) != 300 || r.Sampled(3000) != 400 {
		t.Errorf("%d rows of 300 and %d of 3000 are learned from", r.Sampled(300), r.Sampled(3000))
	}
	if _, err := r.Resolve(2 * knn.ExactRows); err != nil || r.Search != knn.SearchExact {
		t.Errorf("neighbours in a sample of 400 rows: search %q, %v", r.Search, err)
	}
	d := &method.Data{Features: z, Raw: z, Clusters: 6, Seed: 1, Run: &train.Run{}}
	part, _, err := r.sample(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	if part.Graph.K != r.Neighbours { // U is defined over as many as in a set that is not sampled
		t.Errorf("%d neighbours in the sample, want %d", part.Graph.K, r.Neighbours)
	}
	found, err := r.Learn(context.Background(), d)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(found.Notes, func(n string) bool { return strings.Contains(n, "400 of 3000 images") }) {
		t.Errorf("notes %q", found.Notes)
	}
	cluster, err := found.Head.Argmaxes(context.Background(), z, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cluster {
		if c != cluster[i%6] {
			t.Fatalf("row %d of cloud %d is in cluster %d, the first of that cloud in %d", i, i%6, c, cluster[i%6])
		}
	}
}

// A search among many rows and clusters repeats its stages less often, and its level allows for fewer probes.
func TestEffort(t *testing.T) {
	for _, c := range []struct {
		rows, columns, clusters int
		want                    effort
	}{
		{500, 192, 10, effort{startsFew, 8, 8}},
		{50_000, 192, 100, effort{32, 8, 8}},
		{100_000, 384, 400, effort{6, 6, 6}},
		{100_000, 384, 1000, effort{4, 2, 4}},
		{100_000, 4096, 20_000, effort{4, 2, 4}},
	} {
		s := &search{options: Options{Clusters: c.clusters}, z: shape{c.rows, c.columns}}
		if got := s.effort(); got != c.want {
			t.Errorf("%d × %d, %d clusters: %+v, want %+v", c.rows, c.columns, c.clusters, got, c.want)
		}
	}
	for probes := leastProbes; probes < mostProbes; probes++ {
		if doubt(probes) <= doubt(probes+1) {
			t.Errorf("%d probes: level %v, %d: %v", probes, doubt(probes), probes+1, doubt(probes+1))
		}
	}
}

// shape is a matrix without content.
type shape struct{ rows, columns int }

func (s shape) Len() int                        { return s.rows }
func (s shape) Dim() int                        { return s.columns }
func (s shape) Block([]float32, int, int) error { return nil }
func (s shape) Gather([]float32, []int32) error { return nil }

// With few clusters the mean confidence is a little above the expected accuracy on the rows learned, and below it on others like them; a head
// with more clusters has it on the rows learned.
func TestConfidenceOfLearnedAndUnseenRows(t *testing.T) {
	const n, d = 240, 40
	clusters := []int{6, few + 1}
	if testing.Short() {
		clusters = clusters[:1]
	}
	for _, k := range clusters {
		all := densetest.Clouds(8, 2*n*k/6, d, k, 0.4)
		half := len(all.X) / 2
		learned, unseen := &matrix.Dense{Width: d, X: all.X[:half]}, &matrix.Dense{Width: d, X: all.X[half:]}
		r := mixtures{}.Recipe(k).(*Recipe)
		found, err := r.Learn(context.Background(), &method.Data{Features: learned, Raw: learned, Graph: near(t, learned), Clusters: k, Seed: 3, Run: &train.Run{}})
		if err != nil {
			t.Fatal(err)
		}
		mean := func(x *matrix.Dense) float64 {
			p := make([]float32, x.Len()*k)
			if err := found.Vote.Probabilities(p, x.X, x.Len()); err != nil {
				t.Fatal(err)
			}
			_, sure := densetest.Assigned(p, k)
			return sure
		}
		a, b := mean(learned), mean(unseen)
		t.Logf("%d clusters: mean confidence %.3f learned, %.3f unseen, %.3f expected", k, a, b, found.Expected)
		if k > few {
			if math.Abs(a-found.Expected) > 1e-3 {
				t.Errorf("%d clusters: mean confidence %.3f, %.3f expected", k, a, found.Expected)
			}
		} else if !(b < found.Expected && found.Expected+0.002 < a) {
			t.Errorf("%d clusters: mean confidence %.3f learned and %.3f unseen, %.3f expected", k, a, b, found.Expected)
		}
	}
}

// A penalty is for clusters that the head's own features suggest, and not for a head of many clusters that the I-Con loss has trained.
func TestPenalised(t *testing.T) {
	for _, c := range []struct {
		clusters           int
		refined, elsewhere bool
		want               bool
	}{
		{few, false, false, true}, {few, true, false, true}, {few, false, true, false}, {few, true, true, false},
		{few + 1, false, false, true}, {few + 1, true, false, false}, {few + 1, false, true, false},
	} {
		f := &Found{Chosen: Candidate{Refined: c.refined}, elsewhere: c.elsewhere, search: &search{options: Options{Clusters: c.clusters}}}
		if f.penalised() != c.want {
			t.Errorf("%+v", c)
		}
	}
}
