package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"iconic/head/methods"
)

// draws compares methods on random data sets, one for each number from 0: between 2 and 60 classes of the CIFAR-100 training images, or groups of
// related classes, with equal or unequal numbers of images. It reports means by kind of set. Runs in the record are not repeated.
func draws(ctx context.Context, o options) (string, error) {
	compared := []string{"k-means", methods.Default}
	if o.science.methods != "" {
		compared = strings.Split(o.science.methods, ",")
	}
	folder := filepath.Join(o.shared, "features")
	all, err := readSet("", filepath.Join(folder, "cifar100-train.features.npy"), filepath.Join(folder, "cifar100-train.labels.npy"))
	if err != nil {
		return "", err
	}
	related, err := readSet("", filepath.Join(folder, "cifar100-train.features.npy"), filepath.Join(folder, "cifar100-train.superclasses.npy"))
	if err != nil {
		return "", err
	}
	kept, err := readRecord(o.science.record)
	if err != nil {
		return "", err
	}
	runs := map[kindOfDraw]map[string][]piece{}
	for number := range o.science.seeds {
		d, kind := all.random(related, uint64(number))
		own, err := o.compare(ctx, d, number, compared, kept)
		if err != nil {
			return "", err
		}
		for _, p := range own {
			if runs[kind] == nil {
				runs[kind] = map[string][]piece{}
			}
			runs[kind][p.Method] = append(runs[kind][p.Method], p)
		}
	}
	return tableOfDraws(runs, compared, o.science.held > 0), nil
}

// compare returns the run of each method on a random set; none if only the record is told and lacks one.
func (o options) compare(ctx context.Context, d *drawn, number int, compared []string, kept []piece) ([]piece, error) {
	var held *drawn
	if o.science.held > 0 {
		d, held = d.split(o.science.held, 0)
	}
	var own []piece
	for _, method := range compared {
		p := piece{Set: d.name, Held: o.science.held, Method: method, Seed: number, Rows: d.x.Len(), Of: d.classes}
		if at := slices.IndexFunc(kept, p.same); at >= 0 {
			own = append(own, kept[at])
			continue
		}
		if o.science.tell {
			return nil, nil
		}
		var err error
		if p.outcome, err = try(ctx, d, held, method, uint64(number), o.workers); err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "%s %s: %v\n", d.name, method, p.outcome)
		if err := p.write(o.science.record); err != nil {
			return nil, err
		}
		own = append(own, p)
	}
	return own, nil
}

// kindOfDraw is the kind of a random set, a row of the table.
type kindOfDraw struct {
	sizes  string // equal, small or uneven
	groups bool   // of related classes
	many   bool   // more than 20 classes
}

func (k kindOfDraw) String() string {
	of, clusters := "classes", "2 to 20"
	if k.groups {
		of = "groups of classes"
	}
	if k.many {
		clusters = "21 to 60"
	}
	return fmt.Sprintf("%s %s, %s", clusters, of, k.sizes)
}

// random draws the set of a number. "Equal" has up to 500 images of a class, and about 6,000 in total at most; "small" has 20 to 80 of a class; "uneven"
// falls exponentially to a third, tenth, thirtieth or hundredth of the largest, but not below 5, with about 6,000 in total at most.
func (d *drawn) random(related *drawn, number uint64) (*drawn, kindOfDraw) {
	r := rand.New(rand.NewPCG(number, 0x72616e646f6d))
	kind := kindOfDraw{sizes: []string{"equal", "small", "uneven", "uneven"}[r.IntN(4)], groups: r.IntN(3) == 0}
	groups := d.groups(r, related, kind.groups)
	most := min(60, len(groups))
	groups = groups[:int(math.Round(2*math.Pow(float64(most)/2, r.Float64())))]
	k := len(groups)
	kind.many = k > 20
	largest, ratio := min(500, 6000/float64(k)), 1.
	switch kind.sizes {
	case "small":
		largest = []float64{20, 40, 80}[r.IntN(3)]
	case "uneven":
		ratio = []float64{3, 10, 30, 100}[r.IntN(4)]
		sum := 0.0
		for at := range k {
			sum += math.Pow(ratio, -float64(at)/float64(k-1))
		}
		largest = min(500, 6000/sum)
	}
	quota, label := make([]int, d.classes), make([]int, d.classes)
	for at, group := range groups {
		images := max(5, largest*math.Pow(ratio, -float64(at)/float64(k-1)))
		for _, c := range group {
			quota[c], label[c] = int(math.Ceil(images/float64(len(group)))), at
		}
	}
	set := d.keep(r, slices.Clone(quota)) // which counts down
	name := []int{}                       // group of each class that is kept, in order
	for c, q := range quota {
		if q > 0 {
			name = append(name, label[c])
		}
	}
	for i, c := range set.labels {
		set.labels[i] = name[c]
	}
	set.name, set.classes = fmt.Sprintf("draw-%d", number), k
	return set, kind
}

// groups are the classes in random order, each alone, or in random groups of one to four classes of a superclass.
func (d *drawn) groups(r *rand.Rand, related *drawn, together bool) (groups [][]int) {
	of := make([]int, d.classes)
	for i, c := range d.labels {
		of[c] = related.labels[i]
	}
	for s := range related.classes {
		var own []int
		for _, c := range r.Perm(d.classes) {
			if of[c] == s {
				own = append(own, c)
			}
		}
		for len(own) > 0 {
			size := 1
			if together {
				size = min(len(own), 1+r.IntN(4))
			}
			groups, own = append(groups, own[:size]), own[size:]
		}
	}
	r.Shuffle(len(groups), func(a, b int) { groups[a], groups[b] = groups[b], groups[a] })
	return groups
}

// tableOfDraws has a row for each kind and method: the mean accuracy, the share of draws on which the method is at most half a point less accurate than the
// first, the mean and median ECE, and the mean absolute difference between expected and actual accuracy, where one is expected; with held, also the mean
// accuracy, and the mean and median ECE, on the rows excluded from training, where the method assigns them.
func tableOfDraws(runs map[kindOfDraw]map[string][]piece, compared []string, held bool) string {
	var text strings.Builder
	head, rule := fmt.Sprintf("| sets | draws | method | accuracy | at least %s | ECE: mean | median | expected accuracy: mean error |", compared[0]), "|---|---|---|---|---|---|---|---|"
	if held {
		head, rule = head+" unseen rows: accuracy | ECE: mean | median |", rule+"---|---|---|"
	}
	fmt.Fprintf(&text, "\n%s\n%s\n", head, rule)
	for _, sizes := range []string{"equal", "small", "uneven"} {
		for _, many := range []bool{false, true} {
			for _, groups := range []bool{false, true} {
				kind := kindOfDraw{sizes, groups, many}
				for _, method := range compared {
					if all := runs[kind][method]; len(all) > 0 {
						text.WriteString(rowOfDraws(kind, method, all, runs[kind][compared[0]], held))
					}
				}
			}
		}
	}
	return text.String()
}

func rowOfDraws(kind kindOfDraw, method string, all, first []piece, held bool) string {
	n := float64(len(all))
	var accuracy, ece, off, above, unseen, unseenECE float64
	var eces, unseenECEs []float64
	unknown := false
	for i, p := range all {
		accuracy += p.Accuracy / n
		ece += p.ECE / n
		off += math.Abs(p.Expected-p.Accuracy) / n
		unknown = unknown || p.Expected == 0
		if p.Accuracy >= first[i].Accuracy-0.005 {
			above++
		}
		unseen += p.Unseen / n
		unseenECE += p.UnseenECE / n
		eces, unseenECEs = append(eces, p.ECE), append(unseenECEs, p.UnseenECE)
	}
	expected := "–"
	if !unknown {
		expected = fmt.Sprintf("%.3f", off)
	}
	row := fmt.Sprintf("| %s | %d | %s | %.3f | %.0f %% | %.3f | %.3f | %s |", kind, len(all), method, accuracy, 100*above/n, ece, median(eces), expected)
	if held && unseen > 0 {
		row += fmt.Sprintf(" %.3f | %.3f | %.3f |", unseen, unseenECE, median(unseenECEs))
	} else if held {
		row += " – | – | – |"
	}
	return row + "\n"
}
