package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"iconic/head"
	"iconic/head/knn"
	"iconic/internal/dense"
)

// work is one row of the table: a step of B rows of D features into C clusters.
type work struct {
	b, d, c     int
	alpha, beta float64
}

// steps takes the real training loop, one step at a time, between the rival's steps.
func steps(ctx context.Context, o options) (string, error) {
	var text strings.Builder
	r, err := startRival(ctx, o)
	if err != nil {
		return "", err
	}
	defer r.close()
	fmt.Fprintf(&text, "PyTorch %s (%s; %s), %d threads. Ours is the training loop's own step: logits, loss, gradients, Adam.\n\n",
		r.about.Version, blas(r.about.Blas), r.about.Capability, r.about.Threads)
	fmt.Fprintf(&text, "| step | ours | PyTorch, best of %s | ratio |\n|---|---|---|---|\n", strings.Join(r.about.Variants, ", "))
	for _, w := range []work{{4096, 384, 1000, 0.6, 0.6}, {4096, 192, 100, 0.6, 0.6}} {
		best, others, err := r.best(w)
		if err != nil {
			return "", err
		}
		var theirs []time.Duration
		ours, err := w.alternate(ctx, o, func() error {
			d, err := r.step(best)
			theirs = append(theirs, d)
			return err
		})
		if err != nil {
			return "", err
		}
		mine, rivals := median(ours[1:]), median(theirs[1:])
		fmt.Fprintf(&text, "| B = %d, D = %d, C = %d, α = %g, β = %g | %s | %s (%s; %s) | %.2f |\n", w.b, w.d, w.c, w.alpha, w.beta,
			milliseconds(mine), milliseconds(rivals), best, others, rivals.Seconds()/mine.Seconds())
	}
	sparse, err := sparseStep(ctx, o)
	return text.String() + sparse, err
}

// sparseStep compares our own step without a uniform share of p, where only p's entries are touched, with the dense one.
func sparseStep(ctx context.Context, o options) (string, error) {
	took := make(map[float64]time.Duration)
	for _, alpha := range []float64{0.6, 0} {
		t, err := work{4096, 384, 1000, alpha, 0.6}.alternate(ctx, o, func() error { return nil })
		if err != nil {
			return "", err
		}
		took[alpha] = median(t[1:])
	}
	return fmt.Sprintf("\n| step | α = 0 | α = 0.6 | ratio |\n|---|---|---|---|\n| B = 4096, D = 384, C = 1000, β = 0.6, ours | %s | %s | %.2f |\n",
		milliseconds(took[0]), milliseconds(took[0.6]), took[0.6].Seconds()/took[0].Seconds()), nil
}

// best prepares every variant and names the fastest; others tells how long each of the others took, once warm.
func (r *rival) best(w work) (name, others string, err error) {
	least := math.Inf(1)
	took := make(map[string]float64)
	for _, v := range r.about.Variants {
		var answer struct{ Seconds float64 }
		if err := r.ask(&answer, "prepare", v, strconv.Itoa(w.b), strconv.Itoa(w.d), strconv.Itoa(w.c), fmt.Sprint(w.alpha), fmt.Sprint(w.beta)); err != nil {
			return "", "", err
		}
		if took[v] = answer.Seconds; answer.Seconds < least {
			name, least = v, answer.Seconds
		}
	}
	var list []string
	for _, v := range r.about.Variants {
		if v != name {
			list = append(list, fmt.Sprintf("%s %.3g s", v, took[v]))
		}
	}
	return name, strings.Join(list, ", "), nil
}

var errEnough = errors.New("enough steps")

// alternate trains on made-up features and lets other run after every step. It returns the time of each step.
func (w work) alternate(ctx context.Context, o options, other func() error) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	n := 2 * w.b
	f := madeUp(n, w.d)
	graph := &knn.Graph{N: n, K: 1, Neighbours: make([]int32, n), Distances: make([]float32, n)}
	for i := range graph.Neighbours {
		graph.Neighbours[i] = int32(i ^ 1)
	}
	c, err := head.Preset("icon-paper", w.c)
	if err != nil {
		return nil, err
	}
	for _, s := range []struct {
		name  string
		value any
	}{{"alpha", w.alpha}, {"beta", w.beta}, {"neighbours", 1}, {"batch", w.b}, {"epochs", 1 + o.repeats}, {"schedule", "constant"}} {
		if err := c.Set(s.name, s.value); err != nil {
			return nil, err
		}
	}
	var took []time.Duration
	start := time.Now()
	_, err = head.Train(ctx, f, head.Inputs{}, c, head.Options{Workers: o.workers, Graph: graph, Progress: func(int, int, float64) {
		took = append(took, time.Since(start))
		if err := other(); err != nil {
			cancel(err)
		} else if len(took) > o.repeats {
			cancel(errEnough)
		}
		start = time.Now()
	}})
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errEnough) {
		return nil, cause
	}
	if len(took) <= o.repeats {
		return nil, fmt.Errorf("training ended after %d steps: %w", len(took), err)
	}
	return took, nil
}

func madeUp(n, d int) *dense.Rows {
	r := rand.New(rand.NewPCG(1, 2))
	f := dense.New(n, d)
	for i := range f.X {
		f.X[i] = float32(r.NormFloat64())
	}
	return f
}

// blas picks the line about the BLAS from PyTorch's account of itself.
func blas(account string) string {
	for line := range strings.Lines(account) {
		if strings.Contains(line, "Math Kernel Library") || strings.Contains(line, "OpenBLAS") {
			return strings.TrimLeft(strings.TrimSpace(line), "- ")
		}
	}
	return "BLAS unknown"
}
