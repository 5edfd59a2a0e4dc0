package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"iconic/features"
	"iconic/head"
	"iconic/head/baseline"
	"iconic/head/kmeans"
	"iconic/head/knn"
	"iconic/head/methods"
	"iconic/head/partition"
	"iconic/head/space"
	"iconic/head/spectral"
	"iconic/internal/kernel"
	"iconic/internal/npy"
	"iconic/matrix"
	"iconic/report"
)

// scienceOptions select what `bench science` runs.
type scienceOptions struct {
	sets, methods string // comma-separated names; if empty, all sets but the largest, and the default beside k-means
	seeds         int
	unseen        string  // a set of the same classes whose rows are scored separately; "": none
	held          float64 // share of the rows that is excluded from training and scored separately; 0: none
	extra         string  // additional sets, name=FEATURES or name=FEATURES:LABELS, separated by commas
	record        string  // file of finished runs, one per line; they are not repeated
	tell          bool    // make the tables from the record only
	signs         bool    // compare methods with the first one, seed by seed
}

// drawn is a set of labelled features.
type drawn struct {
	name    string
	x       *matrix.Dense
	labels  []int
	classes int
}

// setNames are the sets in the order of the table. Subsets are drawn with their own seed, which is the same in every run.
var setNames = []string{"cifar100-train", "cifar100-test", "superclasses", "ten-1", "ten-2", "ten-3", "tail-10", "tail-50", "tail-100"}

// draw makes the named set from the features in a folder, or from an additional set: "photos-tail-10" is a long tail of "photos".
func draw(folder, name string, further map[string]string) (*drawn, error) {
	if of, least, found := strings.Cut(name, "-tail-"); found {
		d, err := draw(folder, of, further)
		if err != nil {
			return nil, err
		}
		d.name = name
		return d.tail(least)
	}
	if files, found := further[name]; found {
		features, labels, _ := strings.Cut(files, ":")
		return openSet(name, features, labels)
	}
	split, labels := "train", "labels"
	switch name {
	case "cifar100-test":
		split = "test"
	case "superclasses":
		split, labels = "test", "superclasses"
	}
	d, err := readSet(name, filepath.Join(folder, "cifar100-"+split+".features.npy"), filepath.Join(folder, "cifar100-"+split+"."+labels+".npy"))
	if err != nil {
		return nil, err
	}
	switch kind, number, _ := strings.Cut(name, "-"); kind {
	case "ten":
		return d.ten(number)
	case "tail":
		return d.tail(number)
	case "equal", "small", "uneven":
		return d.some(kind, number)
	case "cifar100", "superclasses":
		return d, nil
	}
	return nil, fmt.Errorf("no set %q", name)
}

// ten selects all rows of ten classes.
func (d *drawn) ten(number string) (*drawn, error) {
	seed, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("set %q: %w", d.name, err)
	}
	r := rand.New(rand.NewPCG(seed, 0x647261776e))
	quota := make([]int, d.classes)
	for _, c := range r.Perm(d.classes)[:10] {
		quota[c] = d.x.Len()
	}
	return d.keep(r, quota), nil
}

// tail draws rows of all classes, with exponentially decreasing numbers: all rows of the most frequent class, and that number
// divided by least for the last class.
func (d *drawn) tail(least string) (*drawn, error) {
	of, err := strconv.ParseUint(least, 10, 64)
	if err != nil || of == 0 {
		return nil, fmt.Errorf("set %q: a tail of %q: want a whole number from 1", d.name, least)
	}
	r := rand.New(rand.NewPCG(of, 0x647261776e))
	count, quota := make([]int, d.classes), make([]int, d.classes)
	for _, c := range d.labels {
		count[c]++
	}
	for at, c := range r.Perm(d.classes) {
		quota[c] = max(1, int(math.Round(float64(slices.Max(count))*math.Pow(float64(of), -float64(at)/float64(d.classes-1)))))
	}
	return d.keep(r, quota), nil
}

// readSet reads a matrix and its integer labels, starting at 0.
func readSet(name, from, labels string) (*drawn, error) {
	f, err := npy.Open(from)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := &drawn{name: name, x: matrix.NewDense(f.Len(), f.Dim())}
	if err := f.Block(d.x.X, 0, f.Len()); err != nil {
		return nil, err
	}
	if d.labels, err = npy.ReadInts(labels); err != nil {
		return nil, err
	}
	d.classes = slices.Max(d.labels) + 1
	return d, nil
}

// openSet reads a labelled set: a store, or a matrix with labels beside it.
func openSet(name, from, labels string) (*drawn, error) {
	f, err := features.Open(from, labels)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Labels == nil || slices.Contains(f.Labels, report.NoLabel) {
		return nil, fmt.Errorf("set %q of %s: want a label for every row", name, from)
	}
	d := &drawn{name: name, x: matrix.NewDense(f.Len(), f.Dim()), labels: f.Labels, classes: slices.Max(f.Labels) + 1}
	return d, f.Block(d.x.X, 0, f.Len())
}

// keep draws each class's quota of rows and renumbers the remaining classes.
func (d *drawn) keep(r *rand.Rand, quota []int) *drawn {
	name := make([]int, d.classes)
	kept := &drawn{name: d.name, x: &matrix.Dense{Width: d.x.Width}}
	for c, q := range quota {
		if name[c] = kept.classes; q > 0 {
			kept.classes++
		}
	}
	rows := r.Perm(d.x.Len())
	var chosen []int
	for _, i := range rows {
		if c := d.labels[i]; quota[c] > 0 {
			quota[c]--
			chosen = append(chosen, i)
		}
	}
	slices.Sort(chosen)
	for _, i := range chosen {
		kept.x.X = append(kept.x.X, d.x.Row(i)...)
		kept.labels = append(kept.labels, name[d.labels[i]])
	}
	return kept
}

// split separates a share of the rows. The shares of consecutive turns are disjoint, until all rows have been in one.
func (d *drawn) split(share float64, turn int) (rest, held *drawn) {
	r := rand.New(rand.NewPCG(7, 0x68656c64))
	from := share * float64(turn%max(1, int(1/share)))
	rest, held = &drawn{name: d.name, x: &matrix.Dense{Width: d.x.Width}, classes: d.classes}, &drawn{name: d.name, x: &matrix.Dense{Width: d.x.Width}, classes: d.classes}
	for i, c := range d.labels {
		to := rest
		if u := r.Float64(); from <= u && u < from+share {
			to = held
		}
		to.x.X = append(to.x.X, d.x.Row(i)...)
		to.labels = append(to.labels, c)
	}
	return rest, held
}

// outcome contains the scores of one run.
type outcome struct {
	Accuracy  float64      `json:"accuracy"`
	NMI       float64      `json:"nmi"`
	ARI       float64      `json:"ari"`
	ECE       float64      `json:"ece"`
	Expected  float64      `json:"expected,omitempty"`  // 0: not measured
	Unseen    float64      `json:"unseen,omitempty"`    // accuracy on rows excluded from training, with clusters matched on the training rows
	UnseenECE float64      `json:"unseenECE,omitempty"` // on those rows
	UnseenOf  []report.Bin `json:"unseenOf,omitempty"`  // the reliability diagram of those rows
	Processor float64      `json:"processor"`           // CPU seconds
}

// String is the line that tells of a run as it ends.
func (o outcome) String() string {
	line := fmt.Sprintf("accuracy %.4f, NMI %.4f, ARI %.4f, ECE %.4f, expected accuracy %.4f, processor %.1f s", o.Accuracy, o.NMI, o.ARI, o.ECE, o.Expected, o.Processor)
	if o.UnseenOf != nil {
		line += fmt.Sprintf("; unseen rows: accuracy %.4f, ECE %.4f", o.Unseen, o.UnseenECE)
	}
	return line
}

// piece is one run in the table.
type piece struct {
	Set    string  `json:"set"`
	Rows   int     `json:"rows"`
	Of     int     `json:"classes"`
	Held   float64 `json:"held,omitempty"`
	On     string  `json:"on,omitempty"` // set whose rows are the unseen ones
	Method string  `json:"method"`
	Seed   int     `json:"seed"`
	outcome
}

// found is a clustering: the cluster of every row, or a classifier that can also assign other rows.
type found struct {
	cluster    []int32
	classifier interface {
		Probabilities(dst, x []float32, n int) error
	}
	expected float64
}

// scored scores a clustering of a set with the given mapping of clusters to classes; if mapping is nil, it is fitted here.
func scored(ctx context.Context, d *drawn, f *found, workers int, mapping []int) (*report.Metrics, error) {
	in := report.Input{Clusters: d.classes, Items: d.x.Len(), Labels: d.labels, Resamples: 2, Workers: workers, Mapping: mapping}
	if mapping != nil {
		in.FittedOn = "train"
	}
	if f.classifier == nil {
		in.Cluster = partition.Classes(f.cluster)
		return report.Score(ctx, in)
	}
	in.Probabilities = func(dst []float64, lo, hi int) error {
		p := make([]float32, len(dst))
		if err := f.classifier.Probabilities(p, d.x.X[lo*d.x.Width:hi*d.x.Width], hi-lo); err != nil {
			return err
		}
		for i, v := range p {
			dst[i] = float64(v)
		}
		return nil
	}
	if err := in.Assign(ctx); err != nil {
		return nil, err
	}
	return report.Score(ctx, in)
}

// closed are the rivals that are not methods of `pipeline methods`.
var closed = map[string]func(ctx context.Context, d *drawn, seed uint64, workers int) (*found, error){
	"k-means": func(ctx context.Context, d *drawn, seed uint64, workers int) (*found, error) {
		b, err := baseline.Cluster(ctx, d.x, baseline.Options{Clusters: d.classes, Seed: seed, Workers: workers})
		if err != nil {
			return nil, err
		}
		return &found{classifier: b, expected: b.Expected}, nil
	},
	"k-means-whitened": func(ctx context.Context, d *drawn, seed uint64, workers int) (*found, error) {
		q, err := whitened(ctx, d, workers)
		if err != nil {
			return nil, err
		}
		r, err := kmeans.Cluster(ctx, q, kmeans.Options{Clusters: d.classes, Starts: 3, Seed: seed, Workers: workers})
		if err != nil {
			return nil, err
		}
		return &found{cluster: r.Assignment}, nil
	},
	"spectral-shared": shared,
}

// whitened are directions of standardised features, whitened by the covariance of differences between neighbours as in the default method.
func whitened(ctx context.Context, d *drawn, workers int) (*matrix.Dense, error) {
	moments, err := matrix.Measure(ctx, d.x, workers)
	if err != nil {
		return nil, err
	}
	u, err := space.Unit(ctx, matrix.Standardize(d.x, moments), workers)
	if err != nil {
		return nil, err
	}
	near, err := knn.Exact(ctx, u, knn.Options{K: 5, Metric: knn.Euclidean, Workers: workers})
	if err != nil {
		return nil, err
	}
	return space.Whiten(ctx, u, near, 0.1, workers)
}

// shared is k-means, best of three, on as many eigenvectors of the shared-neighbour graph as there are clusters.
func shared(ctx context.Context, d *drawn, seed uint64, workers int) (*found, error) {
	q, err := whitened(ctx, d, workers)
	if err != nil {
		return nil, err
	}
	n := q.Len()
	g, err := knn.Exact(ctx, q, knn.Options{K: min(n-1, max(20, min(100, n/(2*d.classes)))), Metric: knn.Euclidean, Workers: workers})
	if err != nil {
		return nil, err
	}
	m, err := spectral.Shared(ctx, g, workers)
	if err != nil {
		return nil, err
	}
	leading, err := spectral.Leading(ctx, m, spectral.Options{Count: d.classes, Seed: seed, Workers: workers})
	if err != nil {
		return nil, err
	}
	e := leading.Vectors
	kernel.NormalizeRows(e.X, e.Width)
	r, err := kmeans.Cluster(ctx, e, kmeans.Options{Clusters: d.classes, Starts: 3, Seed: seed, Workers: workers})
	if err != nil {
		return nil, err
	}
	return &found{cluster: r.Assignment}, nil
}

// cluster runs a method, whose name may be followed by settings: "turtle:epochs=3000".
func cluster(ctx context.Context, d *drawn, method string, seed uint64, workers int) (*found, error) {
	name, settings, _ := strings.Cut(method, ":")
	if f := closed[name]; f != nil {
		return f(ctx, d, seed, workers)
	}
	config, err := head.Preset(name, d.classes)
	if err != nil {
		return nil, err
	}
	config.Seed = seed
	for _, s := range strings.Split(settings, ":") {
		if key, value, given := strings.Cut(s, "="); given {
			if err := config.Set(key, value); err != nil {
				return nil, err
			}
		}
	}
	r, err := head.Train(ctx, d.x, head.Inputs{}, config, head.Options{Workers: workers})
	if err != nil {
		return nil, err
	}
	for _, n := range append(r.Notes, r.Findings...) {
		fmt.Fprintln(os.Stderr, "   ", n)
	}
	return &found{classifier: r.Head, expected: r.Expected}, nil
}

// try runs one method on one set.
func try(ctx context.Context, d, held *drawn, method string, seed uint64, workers int) (o outcome, err error) {
	var f *found
	took, err := processorTime(func() (err error) {
		f, err = cluster(ctx, d, method, seed, workers)
		return err
	})
	if err != nil {
		return o, fmt.Errorf("%s on %s: %w", method, d.name, err)
	}
	m, err := scored(ctx, d, f, workers, nil)
	if err != nil {
		return o, err
	}
	o = outcome{Accuracy: float64(m.Accuracy), NMI: float64(m.NMI), ARI: float64(m.ARI), ECE: float64(m.ECE), Expected: f.expected, Processor: took.Seconds()}
	if held != nil && f.classifier != nil {
		u, err := scored(ctx, held, f, workers, m.Matching.ClassOfCluster)
		if err != nil {
			return o, err
		}
		o.Unseen, o.UnseenECE, o.UnseenOf = float64(u.Accuracy), float64(u.ECE), u.Reliability
	}
	return o, nil
}

// science runs methods on sets over seeds, and reports the medians. Runs in the record are not repeated.
func science(ctx context.Context, o options) (string, error) {
	names, compared := setNames[1:], []string{"k-means", methods.Default}
	if o.science.sets != "" {
		names = strings.Split(o.science.sets, ",")
	}
	if o.science.methods != "" {
		compared = strings.Split(o.science.methods, ",")
	}
	if o.science.held > 0 && o.science.unseen != "" {
		return "", errors.New("-unseen and -held both say which rows are not trained on: give one of them")
	}
	kept, err := readRecord(o.science.record)
	if err != nil {
		return "", err
	}
	var text, signs strings.Builder
	text.WriteString("| set (rows; classes) | method | seeds | accuracy | least | NMI | ARI | ECE | expected | processor, s |")
	rule := "|---|---|---|---|---|---|---|---|---|---|"
	if o.science.held > 0 || o.science.unseen != "" {
		text.WriteString(" unseen rows: accuracy | ECE | by chance | of all | by chance |")
		rule += "---|---|---|---|---|"
	}
	fmt.Fprintf(&text, "\n%s\n", rule)
	for _, name := range names {
		set := &examined{options: o, name: name}
		var first []piece
		for _, method := range compared {
			all, err := set.runs(ctx, method, kept)
			if err != nil {
				return "", err
			}
			text.WriteString(row(all))
			if first == nil {
				first = all
			} else {
				signs.WriteString(signRow(all, first))
			}
		}
	}
	if o.science.signs {
		fmt.Fprintf(&text, "\n| set | method | against | accuracy: higher, lower, p | ECE: lower, higher, p |\n|---|---|---|---|---|\n%s", signs.String())
	}
	return text.String(), nil
}

// examined is a set on which methods are run.
type examined struct {
	options options
	name    string
	d, on   *drawn // the set and the one of unseen rows; made only if a run needs them
}

// runs returns the runs of a method over the seeds: those in the record, and otherwise new ones, which it records.
func (e *examined) runs(ctx context.Context, method string, kept []piece) (all []piece, err error) {
	o := e.options
	for seed := range o.science.seeds {
		p := piece{Set: e.name, Held: o.science.held, On: o.science.unseen, Method: method, Seed: seed}
		if at := slices.IndexFunc(kept, p.same); at >= 0 {
			all = append(all, kept[at])
			continue
		}
		if o.science.tell {
			continue
		}
		d, held, err := e.parts(seed)
		if err != nil {
			return nil, err
		}
		p.Rows, p.Of = d.x.Len(), d.classes
		if p.outcome, err = try(ctx, d, held, method, uint64(seed), o.workers); err != nil {
			return nil, err
		}
		fmt.Fprintf(os.Stderr, "%s %s %d: %v\n", e.name, method, seed, p.outcome)
		if err := p.write(o.science.record); err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// parts are the rows to train on with a seed, and those to score separately, if there are any.
func (e *examined) parts(seed int) (d, held *drawn, err error) {
	o := e.options.science
	if e.d == nil {
		if e.d, err = e.draw(e.name); err == nil && o.unseen != "" {
			e.on, err = e.draw(o.unseen)
		}
		if err != nil {
			return nil, nil, err
		}
	}
	if o.held > 0 {
		d, held = e.d.split(o.held, seed)
		return d, held, nil
	}
	return e.d, e.on, nil
}

// draw reads a set.
func (e *examined) draw(name string) (*drawn, error) {
	further := map[string]string{}
	for _, f := range strings.Split(e.options.science.extra, ",") {
		if name, files, found := strings.Cut(f, "="); found {
			further[name] = files
		}
	}
	return draw(filepath.Join(e.options.shared, "features"), name, further)
}

// signRow compares the runs of a method with those of another method with the same seeds.
func signRow(all, other []piece) string {
	if len(all) == 0 || len(other) == 0 {
		return ""
	}
	var accuracy, ece [2]int // numbers of seeds that are better, and worse
	count := func(of *[2]int, better, worse float64) {
		if better > worse {
			of[0]++
		} else if better < worse {
			of[1]++
		}
	}
	for _, p := range all {
		if at := slices.IndexFunc(other, func(o piece) bool { return o.Seed == p.Seed }); at >= 0 {
			count(&accuracy, p.Accuracy, other[at].Accuracy)
			count(&ece, other[at].ECE, p.ECE)
		}
	}
	return fmt.Sprintf("| %s | %s | %s | %d, %d, %.3f | %d, %d, %.3f |\n", all[0].Set, all[0].Method, other[0].Method,
		accuracy[0], accuracy[1], signTest(accuracy[0], accuracy[1]), ece[0], ece[1], signTest(ece[0], ece[1]))
}

// signTest is the two-sided p value of a sign test without ties, for a and b signs of either kind: 2·P(X ≤ min) of a binomial X, at most 1.
func signTest(a, b int) float64 {
	n, term, sum := a+b, 1.0, 0.0 // term = (n choose k)
	for k := 0; k <= min(a, b); k++ {
		sum += term
		term *= float64(n-k) / float64(k+1)
	}
	return min(1, 2*sum*math.Pow(0.5, float64(n)))
}

// same reports whether p is the run described by another record.
func (p piece) same(o piece) bool {
	return p.Set == o.Set && p.Held == o.Held && p.On == o.On && p.Method == o.Method && p.Seed == o.Seed
}

// readRecord reads the finished runs, one JSON object per line.
func readRecord(name string) ([]piece, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []piece
	for lines := json.NewDecoder(f); ; {
		var p piece
		if err := lines.Decode(&p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("%s: after %d runs: %w", name, len(all), err)
		}
		all = append(all, p)
	}
}

// write appends a run to the record.
func (p piece) write(name string) error {
	if name == "" {
		return nil
	}
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// row formats a line of the table, for the runs of one method on one set; "" if there are none.
func row(all []piece) string {
	if len(all) == 0 {
		return ""
	}
	middle := func(digits int, of func(outcome) float64) string {
		var x []float64
		for _, p := range all {
			x = append(x, of(p.outcome))
		}
		if slices.Max(x) == 0 {
			return "–"
		}
		return fmt.Sprintf("%.*f", digits, median(x))
	}
	least := math.Inf(1)
	for _, p := range all {
		least = min(least, p.Accuracy)
	}
	line := fmt.Sprintf("| %s (%d; %d) | %s | %d | %s | %.3f | %s | %s | %s | %s | %s |", all[0].Set, all[0].Rows, all[0].Of, all[0].Method, len(all),
		middle(3, func(o outcome) float64 { return o.Accuracy }), least, middle(3, func(o outcome) float64 { return o.NMI }), middle(3, func(o outcome) float64 { return o.ARI }),
		middle(3, func(o outcome) float64 { return o.ECE }), middle(3, func(o outcome) float64 { return o.Expected }), middle(0, func(o outcome) float64 { return o.Processor }))
	if all[0].Held > 0 || all[0].On != "" {
		line += unseen(all, middle)
	}
	return line + "\n"
}

// unseen formats the columns of the rows excluded from training: the medians over the runs, and the ECE of the rows of all runs together.
func unseen(all []piece, middle func(digits int, of func(outcome) float64) string) string {
	pooled := together(all)
	ece, chance := report.ExpectedCalibrationError(pooled), report.ChanceCalibrationError(pooled)
	if math.IsNaN(ece) {
		return " – | – | – | – | – |"
	}
	return fmt.Sprintf(" %s | %s | %s | %.3f | %.3f |", middle(3, func(o outcome) float64 { return o.Unseen }), middle(3, func(o outcome) float64 { return o.UnseenECE }),
		middle(3, func(o outcome) float64 { return report.ChanceCalibrationError(o.UnseenOf) }), ece, chance)
}

// together is the reliability diagram of the unseen rows of all runs.
func together(all []piece) []report.Bin {
	sum := make([]report.Bin, report.Bins)
	for b := range sum {
		var confidence, right float64
		for _, p := range all {
			if b < len(p.UnseenOf) && p.UnseenOf[b].Count > 0 {
				of := p.UnseenOf[b]
				sum[b].Count += of.Count
				confidence += float64(of.Count) * float64(of.Confidence)
				right += float64(of.Count) * float64(of.Accuracy)
			}
		}
		sum[b].Confidence, sum[b].Accuracy = report.Number(confidence/float64(sum[b].Count)), report.Number(right/float64(sum[b].Count))
	}
	return sum
}
