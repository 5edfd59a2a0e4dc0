package main

import (
	"context"
	"math/rand/v2"
	"strings"
	"testing"

	"iconic/matrix"
)

// A random set has every one of its groups, whole classes of one superclass each, and the numbers of images of its kind.
func TestRandomSets(t *testing.T) {
	const classes, images = 100, 500
	r := rand.New(rand.NewPCG(1, 1))
	all, related := &drawn{x: &matrix.Dense{Width: 1}, classes: classes}, &drawn{classes: 20}
	for _, i := range r.Perm(classes * images) {
		c := i % classes
		all.x.X, all.labels, related.labels = append(all.x.X, float32(c)), append(all.labels, c), append(related.labels, c/5)
	}
	seen := map[kindOfDraw]bool{}
	for number := range uint64(60) {
		d, kind := all.random(related, number)
		if seen[kind] = true; d.classes < 2 || d.classes > 60 || kind.many != (d.classes > 20) {
			t.Fatalf("%s: %d classes, %s", d.name, d.classes, kind)
		}
		count, superclass := make([]int, d.classes), make([]int, d.classes)
		for i, c := range d.labels {
			s := int(d.x.X[i])/5 + 1
			if count[c]++; superclass[c] != 0 && superclass[c] != s {
				t.Fatalf("%s: class %d has images of two superclasses", d.name, c)
			}
			superclass[c] = s
		}
		least, most, sum := d.x.Len(), 0, 0
		for _, n := range count {
			least, most, sum = min(least, n), max(most, n), sum+n
		}
		if least < 5 || sum > 6300 || kind.sizes != "uneven" && most-least > 4 || kind.sizes == "small" && most > 84 || kind.sizes == "uneven" && d.classes > 1 && most < 2*least {
			t.Errorf("%s: %d to %d images of %d classes, %d in total, %s", d.name, least, most, d.classes, sum, kind)
		}
		again, _ := all.random(related, number)
		if again.x.Len() != d.x.Len() || again.x.X[0] != d.x.X[0] {
			t.Errorf("%s differs from one draw to the next", d.name)
		}
	}
	if len(seen) < 8 {
		t.Errorf("only %d kinds", len(seen))
	}
}

// From the record alone, a draw counts only if every method has run on it.
func TestDrawsOfTheRecord(t *testing.T) {
	o := options{science: scienceOptions{tell: true}}
	d := &drawn{name: "draw-3", x: &matrix.Dense{Width: 1, X: []float32{1, 2}}, classes: 2}
	kept := []piece{{Set: "draw-3", Method: "k-means", Seed: 3}, {Set: "draw-3", Method: "other", Seed: 4}}
	if own, err := o.compare(context.Background(), d, 3, []string{"k-means", "other"}, kept); err != nil || own != nil {
		t.Errorf("a draw without a run of one method counts: %+v, %v", own, err)
	}
	kept[1].Seed = 3
	if own, err := o.compare(context.Background(), d, 3, []string{"k-means", "other"}, kept); err != nil || len(own) != 2 {
		t.Errorf("a recorded draw does not count: %+v, %v", own, err)
	}
}

func TestTableOfDraws(t *testing.T) {
	kind := kindOfDraw{sizes: "uneven"}
	runs := map[kindOfDraw]map[string][]piece{kind: {
		"k-means": {{outcome: outcome{Accuracy: 0.5, ECE: 0.1, Expected: 0.6}}, {outcome: outcome{Accuracy: 0.7, ECE: 0.3, Expected: 0.6}}},
		"other":   {{outcome: outcome{Accuracy: 0.6, ECE: 0.2}}, {outcome: outcome{Accuracy: 0.6, ECE: 0.4}}},
	}}
	got := tableOfDraws(runs, []string{"k-means", "other"}, false)
	for _, line := range []string{
		"| 2 to 20 classes, uneven | 2 | k-means | 0.600 | 100 % | 0.200 | 0.200 | 0.100 |",
		"| 2 to 20 classes, uneven | 2 | other | 0.600 | 50 % | 0.300 | 0.300 | – |",
	} {
		if !strings.Contains(got, line) {
			t.Errorf("no %q in\n%s", line, got)
		}
	}
	runs[kind]["other"][0].Unseen, runs[kind]["other"][1].Unseen, runs[kind]["other"][1].UnseenECE = 0.4, 0.5, 0.3
	got = tableOfDraws(runs, []string{"k-means", "other"}, true)
	for _, line := range []string{"| k-means | 0.600 | 100 % | 0.200 | 0.200 | 0.100 | – | – | – |", "| 0.300 | 0.300 | – | 0.450 | 0.150 | 0.150 |"} {
		if !strings.Contains(got, line) {
			t.Errorf("no %q in the table with rows excluded from training:\n%s", line, got)
		}
	}
}
