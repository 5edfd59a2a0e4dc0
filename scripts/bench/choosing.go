package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"iconic/head/clustercount"
	"iconic/head/methods"
)

// choosingSets are the sets in the table of the suggestion's cost and benefit. The last two have 10,000 and 50,000 rows.
var choosingSets = []string{
	"ten-1", "ten-2", "ten-3", "equal-25-1", "small-60-1", "uneven-15-1", "uneven-30-1", "tail-10", "tail-50", "tail-100", "cifar100-test", "cifar100-train",
}

// choice is the result of one seed on one set: the default method at the suggested number of clusters and at the number of classes.
type choice struct {
	suggested        int
	there, atClasses outcome
	cost             float64 // CPU time of the search, relative to a training at the number of classes
}

// choosing trains the default method with the suggested number of clusters and with the number of classes.
func choosing(ctx context.Context, o options) (string, error) {
	names := choosingSets
	if o.science.sets != "" {
		names = strings.Split(o.science.sets, ",")
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Medians over %d seeds, %d threads; times are of the processor.\n\n", o.science.seeds, o.workers)
	text.WriteString("| set (images; classes) | suggested | accuracy there | at the number of classes | ARI there | at the number of classes | search / training |\n|---|---|---|---|---|---|---|\n")
	for _, name := range names {
		d, err := draw(filepath.Join(o.shared, "features"), name, nil)
		if err != nil {
			return "", err
		}
		var all []choice
		for seed := range o.science.seeds {
			c, err := choose(ctx, d, uint64(seed), o.workers)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(os.Stderr, "%s %d: %+.4v\n", name, seed, c)
			all = append(all, c)
		}
		line := choiceRow(d, all)
		text.WriteString(line)
		fmt.Fprint(os.Stderr, line)
	}
	return text.String(), nil
}

func choose(ctx context.Context, d *drawn, seed uint64, workers int) (c choice, err error) {
	search, err := processorTime(func() error {
		s, err := clustercount.Suggest(ctx, d.x, clustercount.Options{Seed: seed, Workers: workers})
		if err == nil {
			c.suggested = s.Clusters
		}
		return err
	})
	if err != nil {
		return c, err
	}
	training, err := processorTime(func() (err error) {
		c.atClasses, err = try(ctx, d, nil, methods.Default, seed, workers)
		return err
	})
	if err != nil {
		return c, err
	}
	c.cost = search.Seconds() / training.Seconds()
	there := *d
	there.classes = c.suggested
	c.there, err = try(ctx, &there, nil, methods.Default, seed, workers)
	return c, err
}

// choiceRow formats a line of the table.
func choiceRow(d *drawn, all []choice) string {
	middle := func(of func(choice) float64) float64 {
		var x []float64
		for _, c := range all {
			x = append(x, of(c))
		}
		return median(x)
	}
	var suggested []string
	for _, c := range all {
		suggested = append(suggested, fmt.Sprint(c.suggested))
	}
	return fmt.Sprintf("| %s (%d; %d) | %s | %.3f | %.3f | %.3f | %.3f | %.1f |\n", d.name, d.x.Len(), d.classes, strings.Join(suggested, " "),
		middle(func(c choice) float64 { return c.there.Accuracy }), middle(func(c choice) float64 { return c.atClasses.Accuracy }),
		middle(func(c choice) float64 { return c.there.ARI }), middle(func(c choice) float64 { return c.atClasses.ARI }),
		middle(func(c choice) float64 { return c.cost }))
}
