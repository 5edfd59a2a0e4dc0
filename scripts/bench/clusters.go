package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"iconic/head/clustercount"
	"iconic/head/kmeans"
	"iconic/head/partition"
	"iconic/report"
)

// clusterSets are the sets in the table of docs/choosing-k.md. The measure was chosen on the first group.
var clusterSets = []string{
	"ten-1", "ten-2", "ten-3", "equal-2-1", "equal-3-1", "equal-4-1", "equal-5-1", "equal-6-1", "equal-8-1", "equal-12-1", "equal-16-1", "equal-25-1", "equal-40-1",
	"equal-60-1", "small-20-1", "small-60-1", "uneven-15-1", "uneven-30-1", "tail-10", "tail-50", "tail-100", "cifar100-test", "cifar100-train",
}

// some draws classes: "equal-10-3" means ten classes of the third draw with the same number of images each, at most 6,000 in total; "small-10-3" has 40
// images per class, "uneven-10-3" from 500 down to 10.
func (d *drawn) some(kind, rest string) (*drawn, error) {
	var classes, number int
	if _, err := fmt.Sscanf(rest, "%d-%d", &classes, &number); err != nil || classes < 1 || classes > d.classes {
		return nil, fmt.Errorf("set %q: want %s-CLASSES-DRAW with 1 to %d classes", d.name, kind, d.classes)
	}
	r := rand.New(rand.NewPCG(uint64(number), 0x736f6d65<<16|uint64(classes)))
	quota := make([]int, d.classes)
	for at, c := range r.Perm(d.classes)[:classes] {
		switch kind {
		case "equal":
			quota[c] = min(500, 6000/classes)
		case "small":
			quota[c] = 40
		case "uneven":
			quota[c] = int(math.Round(500 * math.Pow(50, -float64(at)/float64(max(1, classes-1)))))
		}
	}
	return d.keep(r, quota), nil
}

// candidate is a rule that chooses a point of a curve.
type candidate struct {
	name  string
	score func(p measured) float64 // the maximum is chosen
}

// measured is a number of clusters with the scores of all candidates.
type measured struct {
	clustercount.Point
	silhouette, daviesBouldin, calinskiHarabasz float64
}

var candidates = []candidate{
	{"D²·I", func(p measured) float64 { return p.Score }},
	{"D·I", func(p measured) float64 { return p.Agreement * p.Information }},
	{"D³·I", func(p measured) float64 { return math.Pow(p.Agreement, 3) * p.Information }},
	{"D", func(p measured) float64 { return p.Agreement }},
	{"I", func(p measured) float64 { return p.Information }},
	{"I − 0.45·ln K", func(p measured) float64 { return p.Information - 0.45*math.Log(float64(p.Clusters)) }},
	{"silhouette", func(p measured) float64 { return p.silhouette }},
	{"Davies-Bouldin", func(p measured) float64 { return -p.daviesBouldin }},
	{"Calinski-Harabasz", func(p measured) float64 { return p.calinskiHarabasz }},
}

// clusters suggests numbers of clusters for sets with a known number of classes.
func clusters(ctx context.Context, o options) (string, error) {
	names := clusterSets
	if o.science.sets != "" {
		names = strings.Split(o.science.sets, ",")
	}
	var text strings.Builder
	fmt.Fprintf(&text, "Suggestions of %d seeds, and the range of the first; other candidates by its curve.\n\n| set (images; classes) | suggested | range | also | s |", o.science.seeds)
	for _, c := range candidates[1:] {
		fmt.Fprintf(&text, " %s |", c.name)
	}
	text.WriteString("\n|---|---|---|---|---|" + strings.Repeat("---|", len(candidates)-1) + "\n")
	tally := make([]hits, len(candidates))
	for _, name := range names {
		d, err := draw(filepath.Join(o.shared, "features"), name, nil)
		if err != nil {
			return "", err
		}
		line, chosen, err := counted(ctx, d, o)
		if err != nil {
			return "", err
		}
		for c, ks := range chosen {
			for _, k := range ks {
				tally[c].add(k, d.classes)
			}
		}
		text.WriteString(line)
		fmt.Fprint(os.Stderr, line)
	}
	text.WriteString("\n| candidate | within 1.25 | within 1.5 | mean factor |\n|---|---|---|---|\n")
	for c, h := range tally {
		fmt.Fprintf(&text, "| %s | %d of %d | %d of %d | %.2f |\n", candidates[c].name, h.near, h.all, h.about, h.all, math.Exp(h.logs/float64(max(1, h.all))))
	}
	return text.String(), nil
}

// hits counts how often a candidate came near the number of classes.
type hits struct {
	near, about, all int
	logs             float64
}

func (h *hits) add(k, classes int) {
	off := math.Abs(math.Log(float64(k) / float64(classes)))
	h.all++
	h.logs += off
	if off <= math.Log(1.25)+1e-9 {
		h.near++
	}
	if off <= math.Log(1.5)+1e-9 {
		h.about++
	}
}

// counted formats a line of the table, and returns the choices of each candidate: the first has one per seed.
func counted(ctx context.Context, d *drawn, o options) (line string, chosen [][]int, err error) {
	chosen = make([][]int, len(candidates))
	var first *clustercount.Suggestion
	began := time.Now()
	for seed := range o.science.seeds {
		s, err := clustercount.Suggest(ctx, d.x, clustercount.Options{Seed: uint64(seed), Workers: o.workers})
		if err != nil {
			return "", nil, err
		}
		if first == nil {
			first = s
		}
		chosen[0] = append(chosen[0], s.Clusters)
		fmt.Fprintf(os.Stderr, "    %s: %s\n", d.name, s.Sentence())
	}
	seconds := time.Since(began).Seconds() / float64(o.science.seeds)
	line = fmt.Sprintf("| %s (%d; %d) | %s | %d–%d | %s | %.0f |", d.name, d.x.Len(), d.classes, strings.Trim(fmt.Sprint(chosen[0]), "[]"), first.From, first.To,
		strings.Trim(fmt.Sprint(first.Also), "[]"), seconds)
	all, err := measure(ctx, d, first.Curve, o.workers)
	if err != nil {
		return "", nil, err
	}
	for c, candidate := range candidates[1:] {
		best := all[0]
		for _, p := range all[1:] {
			if candidate.score(p) > candidate.score(best) {
				best = p
			}
		}
		chosen[c+1] = []int{best.Clusters}
		line += fmt.Sprintf(" %d |", best.Clusters)
	}
	return line + "\n", chosen, nil
}

// measure adds the classic scores, for k-means on the unscaled features.
func measure(ctx context.Context, d *drawn, curve []clustercount.Point, workers int) ([]measured, error) {
	var all []measured
	for _, p := range curve {
		km, err := kmeans.Cluster(ctx, d.x, kmeans.Options{Clusters: p.Clusters, Starts: 1, MaxIterations: 30, Workers: workers})
		if err != nil {
			return nil, err
		}
		l, err := report.ScoreFeatures(ctx, d.x, partition.Classes(km.Assignment), p.Clusters, report.LabelFreeOptions{Rows: 2000, Workers: workers})
		if err != nil {
			return nil, err
		}
		all = append(all, measured{p, float64(l.Silhouette), float64(l.DaviesBouldin), float64(l.CalinskiHarabasz)})
	}
	return all, nil
}
