package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"iconic/head"
)

// sampleOptions select what `bench sample` runs.
type sampleOptions struct {
	columns, epochs string // comma-separated values of debias-sample and epochs; 0: exact, and by rule
	heads           int    // 0: the method's default
}

// samples compares debiased InfoNCE clustering with a sampled uniform share to the exact form: medians over seeds, and the spread of the exact form.
func samples(ctx context.Context, o options) (string, error) {
	names := []string{"cifar100-test", "superclasses", "tail-50", "cifar100-train"}
	if o.science.sets != "" {
		names = strings.Split(o.science.sets, ",")
	}
	further := map[string]string{}
	for _, e := range strings.Split(o.science.extra, ",") {
		if name, files, found := strings.Cut(e, "="); found {
			further[name] = files
		}
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Medians (least to most) over %d seeds.\n\n| set | debias-sample | epochs | accuracy | ECE | processors, a seed |\n|---|---|---|---|---|---|\n", o.science.seeds)
	for _, name := range names {
		d, err := draw(filepath.Join(o.shared, "features"), name, further)
		if err != nil {
			return "", err
		}
		for _, columns := range strings.Split(o.sample.columns, ",") {
			for _, epochs := range strings.Split(o.sample.epochs, ",") {
				line, err := o.sampled(ctx, d, columns, epochs)
				if err != nil {
					return "", fmt.Errorf("%s: %w", name, err)
				}
				text.WriteString(line)
				fmt.Fprint(os.Stderr, line)
			}
		}
	}
	return text.String(), nil
}

// sampled formats a line of the table.
func (o options) sampled(ctx context.Context, d *drawn, columns, epochs string) (string, error) {
	var accuracy, ece, seconds []float64
	steps := 0
	for seed := range o.science.seeds {
		c, err := head.Preset("debiased-infonce-clustering", d.classes)
		if err != nil {
			return "", err
		}
		c.Seed = uint64(seed)
		values := map[string]string{"debias-sample": columns, "epochs": epochs}
		if o.sample.heads > 0 {
			values["heads"] = strconv.Itoa(o.sample.heads)
		}
		for name, value := range values {
			if err := c.Set(name, value); err != nil {
				return "", err
			}
		}
		before := used()
		r, err := head.Train(ctx, d.x, head.Inputs{}, c, head.Options{Workers: o.workers})
		if err != nil {
			return "", err
		}
		seconds = append(seconds, (used() - before).Seconds())
		if n := len(r.History); n > 0 {
			steps = r.History[n-1].Step
		}
		m, err := scored(ctx, d, &found{classifier: r.Head}, o.workers, nil)
		if err != nil {
			return "", err
		}
		accuracy, ece = append(accuracy, float64(m.Accuracy)), append(ece, float64(m.ECE))
	}
	if columns == "0" {
		columns = "exact"
	}
	_, of := spreadOf(seconds)
	return fmt.Sprintf("| %s (%d; %d) | %s | %s (%d steps) | %s | %s | %.0f s |\n", d.name, d.x.Len(), d.classes, columns, epochs, steps, first(spreadOf(accuracy)), first(spreadOf(ece)), of), nil
}

// spreadOf is the median of x with its range, as text, and the median itself.
func spreadOf(x []float64) (string, float64) {
	x = slices.Sorted(slices.Values(x))
	middle := median(x)
	return fmt.Sprintf("%.3f (%.3f to %.3f)", middle, x[0], x[len(x)-1]), middle
}

func first(text string, _ float64) string { return text }
