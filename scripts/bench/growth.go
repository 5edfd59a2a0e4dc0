package main

import (
	"context"
	"fmt"
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"iconic/head"
	"iconic/internal/npy"
)

// growthOptions are the sizes of `bench growth`.
type growthOptions struct{ rows, clusters string }

// growths trains with the default method on increasing numbers of rows and of clusters, and fits power laws to time and memory.
func growths(ctx context.Context, o options) (string, error) {
	var text strings.Builder
	fmt.Fprintf(&text, "The default on made-up features (those of `imagenet`), %d threads. Memory is the peak of the process; the features, mapped, are in it.\n\n| rows | clusters | processors | peak memory |\n|---|---|---|---|\n", o.workers)
	const few, many = 100, 30_000
	for _, axis := range []struct {
		name  string
		sizes string
		of    func(size int) (rows, clusters int)
	}{
		{"rows", o.growth.rows, func(n int) (int, int) { return n, few }},
		{"clusters", o.growth.clusters, func(c int) (int, int) { return many, c }},
	} {
		var sizes, seconds, bytes []float64
		for _, s := range strings.Split(axis.sizes, ",") {
			size, err := strconv.Atoi(s)
			if err != nil {
				return "", fmt.Errorf("size %q: want a whole number", s)
			}
			rows, clusters := axis.of(size)
			took, memory, err := grown(ctx, o, rows, clusters)
			if err != nil {
				return "", err
			}
			sizes, seconds, bytes = append(sizes, float64(size)), append(seconds, took), append(bytes, memory)
			line := fmt.Sprintf("| %d | %d | %.0f s | %.2f GB |\n", rows, clusters, took, memory/1e9)
			fmt.Fprint(os.Stderr, line)
			text.WriteString(line)
		}
		fmt.Fprintf(&text, "| power of %s | | %.2f | %.2f |\n", axis.name, exponent(sizes, seconds), exponent(sizes, bytes))
	}
	return text.String(), nil
}

// grown trains once. Peak memory is measured from the start of the training if the system can reset it.
func grown(ctx context.Context, o options, rows, clusters int) (seconds, bytes float64, err error) {
	folder, err := os.MkdirTemp("", "bench")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(folder)
	data, _, err := newMixture(clusters, imagenetColumns).write(ctx, folder, rows, o.workers)
	if err != nil {
		return 0, 0, err
	}
	f, err := npy.Open(data)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	debug.FreeOSMemory() // what an earlier training has left does not count
	const peaks = "5"    // proc(5): resets the peak resident size to the current one
	if err := os.WriteFile("/proc/self/clear_refs", []byte(peaks), 0); err != nil {
		fmt.Fprintln(os.Stderr, "peak memory includes all trainings so far:", err)
	}
	took, err := processorTime(func() error {
		_, err := head.Train(ctx, f, head.Inputs{}, head.Default(clusters), head.Options{Workers: o.workers})
		return err
	})
	if err != nil {
		return 0, 0, err
	}
	memory, err := strconv.ParseFloat(peak(1), 64)
	if err != nil {
		memory = math.NaN()
	}
	return took.Seconds(), memory, nil
}

// exponent is the slope of ln y over ln x by least squares.
func exponent(x, y []float64) float64 {
	var mx, my, xy, xx float64
	for i := range x {
		mx += math.Log(x[i]) / float64(len(x))
		my += math.Log(y[i]) / float64(len(x))
	}
	for i := range x {
		xy += (math.Log(x[i]) - mx) * (math.Log(y[i]) - my)
		xx += (math.Log(x[i]) - mx) * (math.Log(x[i]) - mx)
	}
	return xy / xx
}
