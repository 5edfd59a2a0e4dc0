package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"sort"
	"strings"
	"time"

	"github.com/klauspost/cpuid/v2"

	"iconic"
	"iconic/features"
	"iconic/head/knn"
	"iconic/internal/kernel"
	"iconic/internal/npy"
	"iconic/internal/parallel"
	"iconic/progress"
)

type imagenetOptions struct {
	classes         int
	folder, profile string
}

// Rows and columns of a ViT-S's features of ImageNet's training images, and the spread of the synthetic class centres: the standard
// deviation of each coordinate, relative to that of the rows around their centre. With this many rows and classes, three quarters of the ten nearest
// neighbours have the same class.
const (
	imagenetRows    = 1_281_167
	imagenetColumns = 384
	apart           = 0.35
	sizeRatio       = 4 // ratio of the largest to the smallest class
)

// mixture is a mixture of isotropic normal classes of unequal size. They are a hard case for inverted lists, because they have as many directions as dimensions.
type mixture struct {
	d       int
	centres []float32 // classes×d
	shares  []float64 // cumulative shares of the classes
}

func newMixture(classes, d int) *mixture {
	m := &mixture{d: d, centres: make([]float32, classes*d), shares: make([]float64, classes)}
	r := rand.New(rand.NewPCG(5, 0))
	for e := range m.centres {
		m.centres[e] = apart * float32(r.NormFloat64())
	}
	sum := 0.0
	for c := range m.shares {
		sum += math.Pow(sizeRatio, float64(c)/float64(max(1, classes-1)))
		m.shares[c] = sum
	}
	for c := range m.shares {
		m.shares[c] /= sum
	}
	return m
}

// row writes row i, which depends only on i, and returns its class.
func (m *mixture) row(x []float32, i int) int {
	r := rand.New(rand.NewPCG(6, uint64(i)))
	c := min(sort.SearchFloat64s(m.shares, r.Float64()), len(m.shares)-1)
	for e, v := range m.centres[c*m.d : (c+1)*m.d] {
		x[e] = v + float32(r.NormFloat64())
	}
	return c
}

// write makes the files of features and labels unless they exist.
func (m *mixture) write(ctx context.Context, folder string, n, workers int) (data, labels string, err error) {
	data = filepath.Join(folder, fmt.Sprintf("mixture-%d-%d.npy", n, len(m.shares)))
	labels = strings.TrimSuffix(data, ".npy") + ".labels.npy"
	if _, err := os.Stat(labels); err == nil {
		return data, labels, nil
	}
	class := make([]int, n)
	err = npy.WriteRows(data, n, m.d, func(x []float32, lo, hi int) error {
		return parallel.Blocks(ctx, workers, hi-lo, 64, func(_, from, to int) error {
			for i := from; i < to; i++ {
				class[lo+i] = m.row(x[i*m.d:(i+1)*m.d], lo+i)
			}
			return nil
		})
	})
	if err != nil {
		return "", "", err
	}
	return data, labels, npy.WriteInts(labels, class)
}

// imagenet trains with the default method on memory-mapped synthetic features of ImageNet's size, as `pipeline train` does, and reports the time of each stage.
func imagenet(ctx context.Context, o options) (string, error) {
	if o.rows == 0 {
		o.rows = imagenetRows
	}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(folder)
	kept := o.images.folder
	if kept == "" {
		kept = folder
	}
	data, labels, err := newMixture(o.images.classes, imagenetColumns).write(ctx, kept, o.rows, o.workers)
	if err != nil {
		return "", err
	}
	set, err := features.Open(data, labels)
	if err != nil {
		return "", err
	}
	defer set.Close()
	set.Graphs = "" // every training searches for its own neighbours
	same, err := sameClass(ctx, set, 10, o.workers)
	if err != nil {
		return "", err
	}
	if o.images.profile != "" {
		f, err := os.Create(o.images.profile)
		if err != nil {
			return "", err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return "", err
		}
		defer pprof.StopCPUProfile()
	}
	watch := newWatch()
	began := time.Now()
	finished, err := iconic.Train(ctx, set, iconic.Training{
		Out: filepath.Join(folder, "run"), Clusters: o.images.classes, Workers: o.workers,
		Hooks: progress.Hooks{Begun: watch.begin, Note: say, Found: say},
	})
	if err != nil {
		return "", err
	}
	watch.begin("")
	took := time.Since(began)
	var text strings.Builder
	fmt.Fprintf(&text, "%s, %s, kernels %q, %d threads. %d × %d, %d classes, the largest %d times the smallest; of the 10 nearest of a row %.2f are of its class.\n\n",
		cpuid.CPU.BrandName, runtime.Version(), kernel.Path(), o.workers, set.Len(), set.Dim(), o.images.classes, sizeRatio, same)
	fmt.Fprintf(&text, "| accuracy | ECE | k-means | clock | processors | peak memory | of it features |\n|---|---|---|---|---|---|---|\n")
	m := finished.Metrics
	fmt.Fprintf(&text, "| %.3f | %.3f | %.3f | %.1f min | %.1f min | %s GB | %.1f GB |\n", float64(m.Accuracy), float64(m.ECE), float64(m.KMeans.Accuracy), took.Minutes(), watch.total().Minutes(),
		peak(1e9), float64(4*set.Len()*set.Dim())/1e9)
	return text.String() + watch.table(), nil
}

// sameClass is the mean share, among the k nearest rows by cosine similarity, of those with the row's own class, over a sample of rows.
func sameClass(ctx context.Context, set *features.Set, k, workers int) (float64, error) {
	rows := make([]int32, min(512, set.Len()))
	for e := range rows {
		rows[e] = int32(e * set.Len() / len(rows))
	}
	g, err := knn.Some(ctx, set, rows, knn.Options{K: k, Workers: workers})
	if err != nil {
		return 0, err
	}
	same := 0
	for e, i := range rows {
		for _, j := range g.Row(e) {
			if set.Labels[i] == set.Labels[j] {
				same++
			}
		}
	}
	return float64(same) / float64(len(rows)*k), nil
}

// say prints a note.
func say(text string) { fmt.Fprintln(os.Stderr, "   ", text) }

// watch measures the time of stages.
type watch struct {
	names []string
	clock map[string]time.Duration
	work  map[string]time.Duration // CPU time
	at    string
	since time.Time
	used  time.Duration
}

func newWatch() *watch {
	w := &watch{clock: map[string]time.Duration{}, work: map[string]time.Duration{}}
	w.begin("opening")
	return w
}

// begin ends the previous stage.
func (w *watch) begin(stage string) {
	now, used := time.Now(), used()
	if w.at != "" {
		if _, found := w.clock[w.at]; !found {
			w.names = append(w.names, w.at)
		}
		w.clock[w.at] += now.Sub(w.since)
		w.work[w.at] += used - w.used
		fmt.Fprintf(os.Stderr, "%8.1f s %8.1f s  %s\n", now.Sub(w.since).Seconds(), (used - w.used).Seconds(), w.at)
	}
	w.at, w.since, w.used = stage, now, used
}

func (w *watch) total() (sum time.Duration) {
	for _, d := range w.work {
		sum += d
	}
	return sum
}

func (w *watch) table() string {
	var text strings.Builder
	total := w.total().Seconds()
	text.WriteString("\n| stage | clock | processors | share |\n|---|---|---|---|\n")
	for _, name := range w.names {
		fmt.Fprintf(&text, "| %s | %.1f s | %.1f s | %.1f %% |\n", name, w.clock[name].Seconds(), w.work[name].Seconds(), 100*w.work[name].Seconds()/total)
	}
	return text.String()
}
