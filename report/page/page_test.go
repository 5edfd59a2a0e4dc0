package page

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"html"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/internal/plural"
	"iconic/matrix"
	"iconic/report"
	"iconic/report/inspection"
)

// made is a run that never happened: n points about k centres on a ring, assigned with some mistakes.
func made(t testing.TB, n, k int, labels bool) Run {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(n), uint64(k)))
	in := report.Input{Clusters: k, Loss: 1.25, Resamples: 100}
	run := Run{Title: fmt.Sprintf("Made-up run with %d clusters", k), Map: &Map{Note: "t-SNE of the logits of all images, exact, perplexity 30."}}
	f := &matrix.Dense{Width: 8}
	var baseline []int
	for i := range n {
		class := i % k
		cluster, confidence := class, 1-.6*math.Pow(r.Float64(), 3)
		if r.Float64() > confidence {
			cluster = (class + 1 + r.IntN(2)) % k
		}
		if cluster == k-1 && k > 4 {
			cluster = 0 // a dead cluster, and a large one
		}
		in.Labels = append(in.Labels, class)
		in.Cluster = append(in.Cluster, cluster)
		in.Confidence = append(in.Confidence, confidence)
		baseline = append(baseline, (cluster+r.IntN(10)/9)%k)
		angle := 2 * math.Pi * float64(class) / float64(k)
		run.Map.Rows = append(run.Map.Rows, i)
		run.Map.XY = append(run.Map.XY, float32(10*math.Cos(angle)+r.NormFloat64()), float32(10*math.Sin(angle)+r.NormFloat64()))
		for range f.Width {
			f.X = append(f.X, float32(r.NormFloat64()+10*math.Cos(angle)))
		}
		run.Paths = append(run.Paths, fmt.Sprintf("class%02d/%05d.png", class, i))
	}
	for c := range k {
		in.Classes = append(in.Classes, fmt.Sprintf("class %02d", c))
	}
	if !labels {
		in.Labels, in.Classes = nil, nil
	}
	score := func(in report.Input) *report.Metrics {
		m, err := report.Score(context.Background(), in)
		if err != nil {
			t.Fatal(err)
		}
		if m.LabelFree, err = report.ScoreFeatures(context.Background(), f, in.Cluster, k, report.LabelFreeOptions{}); err != nil {
			t.Fatal(err)
		}
		return m
	}
	run.Metrics = score(in)
	hard := in
	hard.Cluster, hard.Confidence = baseline, nil
	run.Metrics.KMeans = score(hard)
	run.Assignments = report.Assignments{Paths: run.Paths, Labels: in.Labels, Cluster: in.Cluster, Confidence: in.Confidence, Classes: in.Classes}
	if labels {
		for _, n := range run.Metrics.Names {
			run.Names = append(run.Names, n.Name)
		}
	}
	run.Baseline, run.Features = baseline, f
	run.Picture = shown(func(i int) (image.Image, error) { return noise(i, i%k, k), nil })
	if run.Found = (&inspection.Findings{Images: n, Fence: 0.7}); n > 8 {
		run.Found.Groups = []inspection.Group{{{Image: 3}, {Image: 1, Exact: true}, {Image: 2, Distance: 0.02}}, {{Image: 5, Distance: 0.03}, {Image: 8, Distance: 0.03}}}
		run.Found.Unlike = []inspection.Outlier{{Image: 7, Distance: 0.75}}
		run.Found.Elsewhere = []inspection.Stray{{Image: 4, Cluster: 1, Share: 0.8}}
	}
	for e := range 30 {
		run.History = append(run.History, Epoch{e + 1, 1.2 + 2*math.Exp(-float64(e)/6), 1e-3 / math.Pow(2, float64(e/10))})
	}
	run.Facts = []Setting{{"Images", plural.Thousands(n)}, {"Encoder", "tiny, 192 dimensions"}, {"Method", "debiased InfoNCE clustering, α = 0.6"}, {"Made", "2026-01-02"}}
	run.Settings = []Setting{{"alpha", "0.6"}, {"batch", "4096"}, {"seed", "1"}}
	return run
}

// noise is a picture in a colour of its class that compresses badly, as photographs do.
// shown makes a Picture of a function that returns an image.
func shown(of func(i int) (image.Image, error)) func(context.Context, int, func(image.Image) error) error {
	return func(_ context.Context, i int, show func(image.Image) error) error {
		m, err := of(i)
		if err != nil {
			return err
		}
		return show(m)
	}
}

func noise(seed, class, classes int) image.Image {
	r := rand.New(rand.NewPCG(uint64(seed), 7))
	im := image.NewRGBA(image.Rect(0, 0, 64, 48))
	angle := 2 * math.Pi * float64(class) / float64(classes)
	for y := range 48 {
		for x := range 64 {
			v := 40 * math.Sin(float64(x*(class%5+1))/6) * math.Cos(float64(y)/5)
			at := func(phase float64) uint8 {
				return uint8(min(255, max(0, 128+70*math.Cos(angle+phase)+v+20*r.NormFloat64())))
			}
			im.SetRGBA(x, y, color.RGBA{at(0), at(2.1), at(4.2), 255})
		}
	}
	return im
}

var errGone = errors.New("gone")

func write(t testing.TB, r Run) ([]byte, Summary) {
	t.Helper()
	var b bytes.Buffer
	s, err := Write(context.Background(), &b, r)
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), s
}

// policy is the content security policy that every page must state.
const policy = "default-src 'none'; img-src data:; style-src 'sha256-"

func TestPageOfAHundredClustersIsSmall(t *testing.T) {
	page, s := write(t, made(t, 10000, 100, true))
	if len(page) > 5_000_000 {
		t.Errorf("the page has %d bytes, want at most 5 MB", len(page))
	}
	if s.Pictures < 1000 || s.Missing != 0 {
		t.Errorf("%+v", s)
	}
	for _, word := range []string{"Reliability", "Confusion", "Most certain", "Least certain", "Wrong", "1 cluster is dead"} {
		if !bytes.Contains(page, []byte(word)) {
			t.Errorf("the page does not mention %q", word)
		}
	}
}

func TestPageIsTheSameOnAnyNumberOfThreads(t *testing.T) {
	r := made(t, 200, 5, true)
	r.Workers = 1
	a, _ := write(t, r)
	r.Workers = 7
	if b, _ := write(t, r); !bytes.Equal(a, b) {
		t.Error("7 workers wrote other bytes than 1")
	}
}

func TestPageAsksForNothing(t *testing.T) {
	page, _ := write(t, made(t, 60, 3, true))
	if !strings.Contains(html.UnescapeString(string(page)), policy) {
		t.Error("no content security policy")
	}
	for _, address := range []string{"http:", "https:", "src=\"//", "@import", "url(http"} {
		if bytes.Contains(page, []byte(address)) {
			t.Errorf("the page contains %q", address)
		}
	}
	if bytes.Contains(page, []byte("style=\"")) || bytes.Contains(page, []byte("onclick")) {
		t.Error("the page holds inline style or handlers, which its policy forbids")
	}
}

func TestNamesFromOutsideStayText(t *testing.T) {
	const attack = `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	r := made(t, 40, 2, true)
	for i := range r.Paths {
		r.Paths[i] = fmt.Sprintf("../../%s/%d\u2028</script>.png", attack, i)
	}
	r.Metrics.Labelled.Classes = []string{attack, "</svg></title><script>alert(2)</script>"}
	r.Classes = r.Metrics.Labelled.Classes
	r.Title = attack
	r.Facts = []Setting{{attack, attack}}
	page, _ := write(t, r)
	for _, tag := range []string{"<script>alert", "<img src=x"} {
		if bytes.Contains(page, []byte(tag)) {
			t.Errorf("a name became %s", tag)
		}
	}
	if n := bytes.Count(page, []byte("</script>")); n != 2 {
		t.Errorf("%d scripts end, want the data and the program: a name closed one", n)
	}
}

func TestClustersAreMarked(t *testing.T) {
	for want, sizes := range map[string][]int{"dead": {0}, "oversized": {31, 100}, "": {1, 10, 30}} {
		for _, size := range sizes {
			if got := mark(size, 100, 10); got != want {
				t.Errorf("%d of 100 items in one of 10 clusters is marked %q, want %q", size, got, want)
			}
		}
	}
}

func TestDegeneratePages(t *testing.T) {
	one := made(t, 40, 2, true)
	for i := range one.Cluster {
		one.Cluster[i] = 0
	}
	in := report.Input{Cluster: one.Cluster, Clusters: 2, Labels: one.Labels}
	var err error
	if one.Metrics, err = report.Score(context.Background(), in); err != nil {
		t.Fatal(err)
	}
	bare := made(t, 9, 3, false)
	bare.Map, bare.Picture, bare.Features, bare.History, bare.Baseline = nil, nil, nil, nil, nil
	bare.Metrics.LabelFree, bare.Metrics.KMeans = nil, nil
	gone := made(t, 30, 3, true)
	gone.Picture = shown(func(i int) (image.Image, error) {
		if i%3 == 0 {
			return nil, errGone
		}
		return noise(i, 0, 1), nil
	})
	single := made(t, 1, 1, true)
	class := made(t, 20, 2, true)
	for i := range class.Labels {
		class.Labels[i] = 0
	}
	in = report.Input{Cluster: class.Cluster, Clusters: 2, Labels: class.Labels}
	if class.Metrics, err = report.Score(context.Background(), in); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		run     Run
		missing int
		says    []string
	}{
		"one cluster used":                {one, 0, []string{"the clustering has collapsed"}},
		"nothing but assignments, n < 15": {bare, 0, []string{"There is no map", "No images are shown", "no training history", "There are no labels", "fewer than the bins"}},
		"a third of the images missing":   {gone, 10, []string{"10 of 30 images could not be read"}},
		"one item":                        {single, 0, []string{"1 image,"}},
		"labels of one class":             {class, 0, []string{"All labels belong to one class"}},
	} {
		t.Run(name, func(t *testing.T) {
			page, s := write(t, c.run)
			if s.Missing != c.missing {
				t.Errorf("%+v, want %d missing", s, c.missing)
			}
			for _, words := range c.says {
				if !bytes.Contains(page, []byte(words)) {
					t.Errorf("the page does not say %q", words)
				}
			}
			if regexp.MustCompile(`[^A-Za-z0-9+/]NaN[^A-Za-z0-9+/]`).Match(page) {
				t.Error("the page says NaN")
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	for want, spoil := range map[string]func(r *Run){
		"no metrics":                                    func(r *Run) { r.Metrics = nil },
		"assignments and metrics of":                    func(r *Run) { r.Cluster = r.Cluster[1:] },
		"9 paths":                                       func(r *Run) { r.Paths = r.Paths[:9] },
		"3 labels of 10 items":                          func(r *Run) { r.Labels = r.Labels[:3] },
		"item 0 is in cluster 7 of 2":                   func(r *Run) { r.Cluster[0] = 7 },
		"map of 10 items has 3 coordinates":             func(r *Run) { r.Map.XY = r.Map.XY[:3] },
		"map shows item 99":                             func(r *Run) { r.Map.Rows[2] = 99 },
		"map places item 1 at [NaN":                     func(r *Run) { r.Map.XY[2] = float32(math.NaN()) },
		"4 k-means assignments":                         func(r *Run) { r.Baseline = r.Baseline[:4] },
		"k-means puts item 3 into cluster -1":           func(r *Run) { r.Baseline[3] = -1 },
		"into cluster 9223372036854775807: want 0 to 9": func(r *Run) { r.Baseline[3] = math.MaxInt },
		"item 2 has label 7 of 2 classes":               func(r *Run) { r.Labels[2] = 7 },
		"item 2 has label -2 of 2 classes":              func(r *Run) { r.Labels[2] = -2 },
		"item 1 has the confidence NaN":                 func(r *Run) { r.Confidence[1] = math.NaN() },
		"item 1 has the confidence 1.5":                 func(r *Run) { r.Confidence[1] = 1.5 },
		"merged: cluster 1: want clusters of 2":         func(r *Run) { r.Metrics.Merged = []int{1} },
		"cluster_sizes has 1 entries, for 2":            func(r *Run) { r.Metrics.ClusterSizes = r.Metrics.ClusterSizes[:1] },
		"class_of_cluster has 0 entries, for 2":         func(r *Run) { r.Metrics.Matching.ClassOfCluster = nil },
		"per_class_accuracy has 1 entries, for 2":       func(r *Run) { r.Metrics.PerClassAccuracy = r.Metrics.PerClassAccuracy[:1] },
		"reliability has 0 bins: want 15":               func(r *Run) { r.Metrics.Reliability = nil },
	} {
		r := made(t, 10, 2, true)
		spoil(&r)
		if _, err := Write(context.Background(), &bytes.Buffer{}, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Write(ctx, &bytes.Buffer{}, made(t, 10, 2, true)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

var update = flag.Bool("update", false, "write golden files anew")

// TestPageIsAsItWas compares with testdata, style sheet and script left out: read the difference before -update.
func TestPageIsAsItWas(t *testing.T) {
	for name, labels := range map[string]bool{"labelled": true, "unlabelled": false} {
		t.Run(name, func(t *testing.T) {
			r := made(t, 24, 3, labels)
			r.Picture = shown(func(i int) (image.Image, error) {
				if i == 1 {
					return nil, errGone
				}
				return image.NewGray(image.Rect(0, 0, 4, 4)), nil
			})
			page, _ := write(t, r)
			golden(t, name+".html", page)
		})
	}
}

// golden compares a page, without what is the same on all pages or no text, with a file.
func golden(t *testing.T, name string, page []byte) {
	t.Helper()
	for pattern, with := range map[string]string{
		`(?s)<style>.*?</style>`:                "<style></style>",
		`(?s)<script>.*?</script>`:              "<script></script>",
		`sha256-(?:[A-Za-z0-9+/=]|&#43;)+`:      "sha256-",
		`data:image/png;base64,[A-Za-z0-9+/=]+`: "data:image/png;base64,",
	} {
		page = regexp.MustCompile(pattern).ReplaceAll(page, []byte(with))
	}
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(page), "\n")); diff != "" {
		t.Errorf("%s differs (-want +got); if that is meant, run with -update:\n%s", file, diff)
	}
}
