package main

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"iconic/head"
	"iconic/head/knn"
	"iconic/internal/npy"
)

// trainings runs the whole training from the last lines of the design: CIFAR-100's training features, a linear head, 30 epochs of
// Adam at 1e-3 halved every 10, α = 0.6, batches of 4096 rows. The rival's time is that of its step, measured after every tenth of
// our steps, times the number of steps: its batches are not charged.
func trainings(ctx context.Context, o options) (string, error) {
	f, err := npy.Open(filepath.Join(o.shared, "features", "cifar100-train.features.npy"))
	if err != nil {
		return "", err
	}
	defer f.Close()
	r, err := startRival(ctx, o)
	if err != nil {
		return "", err
	}
	defer r.close()
	w := work{4096, f.Dim(), 100, 0.6, 0.6, 0}
	best, _, err := r.best(w)
	if err != nil {
		return "", err
	}
	c, err := head.Preset("icon-paper", w.c)
	if err != nil {
		return "", err
	}
	graph, err := knn.Exact(ctx, f, knn.Options{K: 3, Workers: o.workers})
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var theirs []cost
	var paused time.Duration
	steps := 0
	start := time.Now()
	result, err := head.Train(ctx, f, head.Inputs{}, c, head.Options{Workers: o.workers, Graph: graph, Progress: func(step, _ int, _ float64) {
		if steps = step; step%10 != 0 {
			return
		}
		began := time.Now()
		d, err := r.step(best)
		if err != nil {
			cancel(err)
		}
		theirs = append(theirs, d)
		paused += time.Since(began)
	}})
	if err != nil {
		return "", err
	}
	ours := time.Since(start) - paused
	whole := time.Duration(steps) * middle(theirs).clock
	var text strings.Builder
	fmt.Fprintf(&text, "CIFAR-100 training features (50,000 × %d), %d steps of %d epochs, graph given to both, %d threads (%s/%s).\n\n",
		f.Dim(), steps, len(result.History), o.workers, runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(&text, "| training | ours | PyTorch %s | ratio |\n|---|---|---|---|\n", r.about.Version)
	fmt.Fprintf(&text, "| 30 epochs, α = β = 0.6 | %.1f s | %.1f s (%s, %s a step) | %.2f |\n",
		ours.Seconds(), whole.Seconds(), best, milliseconds(middle(theirs).clock), whole.Seconds()/ours.Seconds())
	return text.String(), nil
}
