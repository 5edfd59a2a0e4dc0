package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"iconic/head/clustercount"
	"iconic/report/page"
	"iconic/run"
)

// count compares the swept numbers of clusters, on each store. A note says which are not compared, and why.
func (s *Sweep) count(ctx context.Context) error {
	var numbers []int
	for _, j := range s.Jobs {
		if !slices.Contains(numbers, j.Config.Clusters) {
			numbers = append(numbers, j.Config.Clusters)
		}
	}
	s.counted, s.missing = nil, nil
	if len(numbers) < 2 || !slices.Contains(s.varied, "clusters") {
		return nil
	}
	names := s.stores()
	for k, set := range s.options.Sets {
		name := ""
		if len(names) > 1 {
			name = names[k]
		}
		found, err := clustercount.Compare(ctx, set, numbers, clustercount.Options{
			Workers: s.options.Workers, Progress: s.options.Hooks.Stage("number of clusters", "partitions"),
		})
		switch {
		case errors.Is(err, clustercount.ErrIncomparable):
			s.uncounted(name, err.Error())
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", set.Source.Store, err)
		}
		for _, number := range numbers {
			if !slices.ContainsFunc(found.Curve, func(p clustercount.Point) bool { return p.Clusters == number }) {
				s.uncounted(name, fmt.Sprintf("%d clusters are not compared with the other numbers, as there are only %d images to compare them on", number, found.Rows))
			}
		}
		c := run.CountedPage(found)
		c.Name = name
		s.counted = append(s.counted, *c)
	}
	return nil
}

// uncounted notes, in a sentence, that numbers of clusters are not compared on a store, named if there are several.
func (s *Sweep) uncounted(store, why string) {
	s.missing = append(s.missing, page.Uncounted{Name: store, Why: strings.ToUpper(why[:1]) + why[1:]})
	if store != "" {
		store += ": "
	}
	s.options.Hooks.Warnf("%s%s", store, why)
}

// Suggestions say for each store which of the swept numbers of clusters is the best, judged without labels; there are none before the sweep has ended,
// and if that number does not vary.
func (s *Sweep) Suggestions() []string {
	var lines []string
	for _, c := range s.counted {
		of := ""
		if c.Name != "" {
			of = " for " + c.Name
		}
		lines = append(lines, fmt.Sprintf("suggestion%s: %s", of, c.Sentence))
	}
	return lines
}

// Suggestion has a line for each of Suggestions, without the word, and headed by the name of the store if there are several; "" for none.
func (s *Sweep) Suggestion() string {
	var lines []string
	for _, c := range s.counted {
		line := c.Sentence
		if c.Name != "" {
			line = c.Name + ": " + line
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}
