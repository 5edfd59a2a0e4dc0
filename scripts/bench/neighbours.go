package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"iconic/head/kmeans"
	"iconic/head/knn"
	"iconic/head/tsne"
	"iconic/internal/kernel"
	"iconic/internal/npy"
	"iconic/matrix"
)

// duel is a line of the table: one task, run in turns by us and by the rival.
type duel struct {
	name  string
	words []string // of the rival's command
	ours  func() (note string, err error)
	note  func(a answer) string
}

type answer struct {
	Seconds, Inertia, KL float64
}

// neighbours compares graph, k-means and map with PyTorch and scikit-learn on CIFAR-100 features.
func neighbours(ctx context.Context, o options) (string, error) {
	o.script = filepath.Join(filepath.Dir(o.script), "neighbours.py")
	var text strings.Builder
	for _, part := range []struct {
		file  string
		duels func(f *npy.File) []duel
	}{
		{"cifar100-train.features.npy", func(f *npy.File) []duel { return trainDuels(ctx, f, o) }},
		{"cifar100-test.features.npy", func(f *npy.File) []duel { return testDuels(ctx, f, o) }},
	} {
		if err := compareAll(ctx, o, part.file, part.duels, &text); err != nil {
			return "", err
		}
	}
	return text.String(), nil
}

func compareAll(ctx context.Context, o options, file string, duels func(*npy.File) []duel, text *strings.Builder) error {
	name := filepath.Join(o.shared, "features", file)
	f, err := npy.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := startRival(ctx, o)
	if err != nil {
		return err
	}
	defer r.close()
	if err := r.ask(&answer{}, "load", name); err != nil {
		return err
	}
	if text.Len() == 0 {
		fmt.Fprintf(text, "PyTorch %s, %s, %d threads each (%s/%s), medians of %d in turns.\n\n", r.about.Version, r.about.Variants[0],
			o.workers, runtime.GOOS, runtime.GOARCH, o.repeats)
		text.WriteString("| work | ours | theirs | ratio | |\n|---|---|---|---|---|\n")
	}
	for _, d := range duels(f) {
		var ours, theirs []time.Duration
		var note string
		var a answer
		for range o.repeats {
			start := time.Now()
			if note, err = d.ours(); err != nil {
				return err
			}
			ours = append(ours, time.Since(start))
			if err := r.ask(&a, d.words...); err != nil {
				return err
			}
			theirs = append(theirs, time.Duration(a.Seconds*float64(time.Second)))
		}
		if d.note != nil {
			note += d.note(a)
		}
		fmt.Fprintf(text, "| %s | %.2f s | %.2f s | %.2f | %s |\n", d.name, median(ours).Seconds(), median(theirs).Seconds(),
			median(theirs).Seconds()/median(ours).Seconds(), note)
	}
	return nil
}

func trainDuels(ctx context.Context, f *npy.File, o options) []duel {
	size := fmt.Sprintf("%d × %d", f.Len(), f.Dim())
	const k, clusters = 50, 100
	exact := func() (string, error) {
		_, err := knn.Exact(ctx, f, knn.Options{K: k, Workers: o.workers})
		return "", err
	}
	return []duel{
		{"exact cosine graph, " + size + ", k = 50; PyTorch in chunks of 1024", []string{"graph", strconv.Itoa(k), "1024"}, exact, nil},
		{"the same; PyTorch in chunks of 4096", []string{"graph", strconv.Itoa(k), "4096"}, exact, nil},
		{"k-means, " + size + ", 100 clusters, 3 starts; scikit-learn", []string{"kmeans", strconv.Itoa(clusters)}, func() (string, error) {
			result, err := kmeans.Cluster(ctx, f, kmeans.Options{Clusters: clusters, Starts: 3, Workers: o.workers})
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("inertia %.6g, ", result.Inertia), nil
		}, func(a answer) string { return fmt.Sprintf("theirs %.6g", a.Inertia) }},
	}
}

func testDuels(ctx context.Context, f *npy.File, o options) []duel {
	return []duel{{
		fmt.Sprintf("t-SNE map, %d × %d, perplexity 30, graph included; scikit-learn", f.Len(), f.Dim()), []string{"map"},
		func() (string, error) {
			_, kl, err := tsne.Layout(ctx, f, tsne.Options{Metric: knn.Euclidean, Workers: o.workers})
			return fmt.Sprintf("KL %.4f, ", kl), err
		}, func(a answer) string { return fmt.Sprintf("theirs %.4f", a.KL) },
	}}
}

// makeClustered generates clustered features: 2000 random centres, each with a cloud of rows in its own 12 directions and a little noise in all others,
// because image features have far fewer directions than dimensions. Row i belongs to a centre drawn from (seed, i).
func makeClustered(ctx context.Context, name string, n, d int) (*npy.File, error) {
	const centres, directions = 2000, 12
	basis := make([]float32, centres*(directions+1)*d)
	r := rand.New(rand.NewPCG(1, 0))
	for e := range basis {
		basis[e] = float32(r.NormFloat64())
	}
	err := npy.WriteRows(name, n, d, func(x []float32, lo, hi int) error {
		for i := lo; i < hi; i++ {
			r := rand.New(rand.NewPCG(2, uint64(i)))
			own := basis[r.IntN(centres)*(directions+1)*d:][:(directions+1)*d]
			row := x[(i-lo)*d : (i-lo+1)*d]
			for e := range row {
				row[e] = own[e] + 0.1*float32(r.NormFloat64())
			}
			for a := range directions {
				w := 0.3 * float32(r.NormFloat64())
				for e, v := range own[(a+1)*d : (a+2)*d] {
					row[e] += w * v
				}
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return nil, err
	}
	return npy.Open(name)
}

// large compares the approximate graph of many rows with the exact one, whose time is extrapolated from a tenth of the rows by a factor
// of 100, because it grows quadratically. The features are memory-mapped, as in real use. The two run one after the other, and their CPU time counts, because other
// programs on the machine disturb it less than wall-clock time.
func large(ctx context.Context, o options) (string, error) {
	const d, k, part = 384, 20, 10
	if o.rows == 0 {
		o.rows = 1_000_000
	}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(folder)
	m, err := makeClustered(ctx, filepath.Join(folder, "features.npy"), o.rows, d)
	if err != nil {
		return "", err
	}
	defer m.Close()
	some := matrix.NewDense(o.rows/part, d)
	if err := m.Block(some.X, 0, some.Len()); err != nil {
		return "", err
	}
	exact, err := processorTime(func() error {
		_, err := knn.Exact(ctx, some, knn.Options{K: k, Workers: o.workers})
		return err
	})
	if err != nil {
		return "", err
	}
	exact *= part * part
	some = nil
	runtime.GC()
	var recall float64
	took, err := processorTime(func() (err error) {
		g, err := knn.Approximate(ctx, m, knn.Options{K: k, Workers: o.workers})
		if err == nil {
			recall = g.Recall
		}
		return err
	})
	if err != nil {
		return "", err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "| graph of made-up features, k = %d, cosine, processor time (%s/%s) | exact, extrapolated | approximate | share of the time | recall@%d | peak memory / features |\n|---|---|---|---|---|---|\n", k, runtime.GOOS, runtime.GOARCH, k)
	fmt.Fprintf(&text, "| %d × %d | %.0f s | %.1f s | 1/%.1f | %.4f | %s |\n", o.rows, d,
		exact.Seconds(), took.Seconds(), exact.Seconds()/took.Seconds(), recall, peak(4*o.rows*d))
	return text.String(), nil
}

// isotropic measures the approximate graph of rows with no structure except their class, and the cost of recall there.
func isotropic(ctx context.Context, o options) (string, error) {
	const k = 20
	if o.rows == 0 {
		o.rows = imagenetRows
	}
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(folder)
	data, _, err := newMixture(o.images.classes, imagenetColumns).write(ctx, folder, o.rows, o.workers)
	if err != nil {
		return "", err
	}
	f, err := npy.Open(data)
	if err != nil {
		return "", err
	}
	defer f.Close()
	var text strings.Builder
	fmt.Fprintf(&text, "| isotropic mixture, k = %d, cosine (kernels %q) | lists probed | comparisons, of each row with every other | recall@%d | processors |\n|---|---|---|---|---|\n", k, kernel.Path(), k)
	for _, probes := range []int{64, 0} { // the former limit, and no limit
		var g *knn.Graph
		took, err := processorTime(func() (err error) {
			g, err = knn.Approximate(ctx, f, knn.Options{K: k, Workers: o.workers, Probes: probes})
			return err
		})
		if err != nil {
			return "", err
		}
		most := "as many as it takes"
		if probes > 0 {
			most = fmt.Sprintf("at most %d", probes)
		}
		fmt.Fprintf(&text, "| %d × %d, %d classes | %s | %.1f %% | %.3f | %.0f s |\n", f.Len(), f.Dim(), o.images.classes, most, 100*g.Compared, g.Recall, took.Seconds())
	}
	return text.String(), nil
}

// peak is the process's peak resident memory as a multiple of the given number of bytes, if the system reports it.
func peak(bytes int) string {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return "unknown"
	}
	_, after, found := strings.Cut(string(status), "VmHWM:")
	if !found {
		return "unknown"
	}
	kilobytes, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%.2f", float64(kilobytes)*1024/float64(bytes))
}
