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

	"github.com/klauspost/cpuid/v2"

	"iconic/head"
	"iconic/head/knn"
	"iconic/internal/kernel"
	"iconic/matrix"
)

// work is one row of the table: a step of B rows of D features into C clusters. A sample of 0 columns is the exact form.
type work struct {
	b, d, c     int
	alpha, beta float64
	sample      int
}

// defaultSample is the default of the method whose step is measured.
func defaultSample(clusters int) (int, error) {
	c, err := head.Preset("debiased-infonce-clustering", clusters)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(c.Text("debias-sample"))
}

// steps runs the real training loop, one step at a time, alternating with the rival's steps.
func steps(ctx context.Context, o options) (string, error) {
	var text strings.Builder
	r, err := startRival(ctx, o)
	if err != nil {
		return "", err
	}
	defer r.close()
	fmt.Fprintf(&text, "%s, kernels %q, %d threads. PyTorch %s (%s; %s), %d threads. Ours is the training loop's own step: gathering of the next batch, logits, loss, gradients, Adam. Medians of %d steps, in turns; the time of all processors together leaves out what other programs took.\n\n",
		cpuid.CPU.BrandName, kernel.Path(), o.workers, r.about.Version, blas(r.about.Blas), r.about.Capability, r.about.Threads, o.repeats)
	fmt.Fprintf(&text, "| step | ours | PyTorch, best of %s | ratio | ratio of processor time |\n|---|---|---|---|---|\n", strings.Join(r.about.Variants, ", "))
	for _, w := range []work{{4096, 384, 1000, 0.6, 0.6, 0}, {4096, 192, 100, 0.6, 0.6, 0}} {
		if err := w.against(ctx, o, r, &text); err != nil {
			return "", err
		}
	}
	sparse, err := sparseStep(ctx, o)
	return text.String() + sparse, err
}

// against writes the lines of a step: exact, and with the default's sample.
func (w work) against(ctx context.Context, o options, r *rival, text *strings.Builder) error {
	best, others, err := r.best(w)
	if err != nil {
		return err
	}
	sample, err := defaultSample(w.c)
	if err != nil {
		return err
	}
	for _, w.sample = range []int{0, sample} {
		var theirs []cost
		ours, err := w.alternate(ctx, o, func() error {
			d, err := r.step(best)
			theirs = append(theirs, d)
			return err
		})
		if err != nil {
			return err
		}
		mine, rivals := middle(ours[1:]), middle(theirs[1:])
		form := "exact"
		if w.sample > 0 {
			form = fmt.Sprintf("%d columns", w.sample)
		}
		name := best
		if others != "" {
			name += "; " + others
		}
		fmt.Fprintf(text, "| B = %d, D = %d, C = %d, α = %g, β = %g, %s | %s | %s (%s) | %.2f | %.2f |\n", w.b, w.d, w.c, w.alpha, w.beta, form,
			milliseconds(mine.clock), milliseconds(rivals.clock), name, rivals.clock.Seconds()/mine.clock.Seconds(), rivals.work.Seconds()/mine.work.Seconds())
	}
	return nil
}

// sparseStep compares our own step without a uniform share of p, which touches only the entries of p, with the dense one.
func sparseStep(ctx context.Context, o options) (string, error) {
	took := make(map[float64]time.Duration)
	for _, alpha := range []float64{0.6, 0} {
		t, err := work{4096, 384, 1000, alpha, 0.6, 0}.alternate(ctx, o, func() error { return nil })
		if err != nil {
			return "", err
		}
		took[alpha] = middle(t[1:]).work
	}
	return fmt.Sprintf("\n| step, processor time | α = 0 | α = 0.6, exact | ratio |\n|---|---|---|---|\n| B = 4096, D = 384, C = 1000, β = 0.6, ours | %s | %s | %.2f |\n",
		milliseconds(took[0]), milliseconds(took[0.6]), took[0.6].Seconds()/took[0].Seconds()), nil
}

// best prepares every variant and returns the fastest; others lists the times of the other variants after warm-up.
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

// alternate trains on synthetic features and calls other after every step. It returns the time of each step.
func (w work) alternate(ctx context.Context, o options, other func() error) ([]cost, error) {
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
	}{{"alpha", w.alpha}, {"beta", w.beta}, {"neighbours", 1}, {"batch", w.b}, {"epochs", 1 + o.repeats}, {"schedule", "constant"}, {"debias-sample", w.sample}} {
		if err := c.Set(s.name, s.value); err != nil {
			return nil, err
		}
	}
	var took []cost
	start, before := time.Now(), used()
	_, err = head.Train(ctx, f, head.Inputs{}, c, head.Options{Workers: o.workers, Graph: graph, Progress: func(int, int, float64) {
		took = append(took, cost{time.Since(start), used() - before})
		if err := other(); err != nil {
			cancel(err)
		} else if len(took) > o.repeats {
			cancel(errEnough)
		}
		start, before = time.Now(), used()
	}})
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, errEnough) {
		return nil, cause
	}
	if len(took) <= o.repeats {
		return nil, fmt.Errorf("training ended after %d steps: %w", len(took), err)
	}
	return took, nil
}

func madeUp(n, d int) *matrix.Dense {
	r := rand.New(rand.NewPCG(1, 2))
	f := matrix.NewDense(n, d)
	for i := range f.X {
		f.X[i] = float32(r.NormFloat64())
	}
	return f
}

// blas finds the line about the BLAS in PyTorch's build information.
func blas(account string) string {
	for line := range strings.Lines(account) {
		if strings.Contains(line, "Math Kernel Library") || strings.Contains(line, "OpenBLAS") {
			return strings.TrimLeft(strings.TrimSpace(line), "- ")
		}
	}
	return "BLAS unknown"
}
