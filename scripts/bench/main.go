package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// section is a part of the page that is measured in one go. Its text is Markdown.
type section struct {
	name    string
	measure func(ctx context.Context, o options) (string, error)
}

var sections = []section{
	{"kernels", kernels},
	{"step", steps},
	{"training", trainings},
	{"neighbours", neighbours},
	{"large", large},
	{"isotropic", isotropic},
	{"imagenet", imagenet},
	{"growth", growths},
	{"sample", samples},
	{"science", science},
	{"draws", draws},
	{"clusters", clusters},
	{"choosing", choosing},
	{"eigenvectors", eigenvectors},
}

type options struct {
	python  string // interpreter with PyTorch
	script  string // of the rival's step
	shared  string // folder of the reference data; training and neighbours need its features
	only    string // variants of the rival that take part; empty: all
	repeats int
	workers int
	rows    int // of the large graph, and of the training of ImageNet's size
	science scienceOptions
	images  imagenetOptions
	sample  sampleOptions
	growth  growthOptions
}

func main() {
	var o options
	page := flag.String("page", "docs/performance.md", "page to write to; empty: only print the tables")
	flag.StringVar(&o.python, "python", "python3", "interpreter with PyTorch 2")
	flag.StringVar(&o.script, "script", "scripts/bench/step.py", "the rival")
	flag.StringVar(&o.shared, "shared", "../shared", "folder with features/cifar100-train.features.npy")
	flag.StringVar(&o.only, "variants", "", "comma-separated variants of the rival that take part; all of them when empty")
	flag.IntVar(&o.repeats, "repeats", 9, "number of measurements, of which the median counts")
	flag.IntVar(&o.workers, "threads", 2, "threads for both programs")
	flag.IntVar(&o.rows, "rows", 0, "rows of the large graph (1,000,000 when 0) and of imagenet (1,281,167 when 0)")
	flag.IntVar(&o.images.classes, "classes", 1000, "number of classes for imagenet")
	flag.StringVar(&o.growth.rows, "growing-rows", "10000,30000,100000,300000,1000000", "comma-separated numbers of rows for growth, with 100 clusters")
	flag.StringVar(&o.growth.clusters, "growing-clusters", "10,100,1000,10000", "comma-separated numbers of clusters for growth, on 30,000 rows")
	flag.StringVar(&o.images.folder, "folder", "", "folder that keeps imagenet's features for later runs; empty: a temporary folder")
	flag.StringVar(&o.images.profile, "profile", "", "file for a CPU profile of imagenet's training")
	flag.StringVar(&o.science.sets, "sets", "", "comma-separated sets of science: "+strings.Join(setNames, ", ")+"; all but the first when empty")
	flag.StringVar(&o.science.methods, "methods", "", "comma-separated methods of science: k-means, and those of `pipeline methods`, k-means-whitened and spectral-shared, each optionally followed by :SETTING=VALUE; empty: k-means and the default")
	flag.StringVar(&o.sample.columns, "columns", "0,128,256,512", "comma-separated values of debias-sample for section sample; 0: exact")
	flag.StringVar(&o.sample.epochs, "epochs", "0", "comma-separated numbers of epochs for section sample; 0: by rule")
	flag.IntVar(&o.sample.heads, "heads", 0, "number of heads for section sample; 0: the method's default")
	flag.IntVar(&o.science.seeds, "seeds", 5, "number of seeds for science, starting at 0, or of random sets for draws")
	flag.StringVar(&o.science.unseen, "unseen", "", "set of the same classes that science scores as rows not trained on; not with -held")
	flag.Float64Var(&o.science.held, "held", 0, "share of the rows that science and draws exclude from training and score separately")
	flag.StringVar(&o.science.extra, "extra", "", "comma-separated additional sets for science, name=STORE or name=features.npy:labels.npy; select them with -sets, where name-tail-10 means a long tail of one")
	flag.StringVar(&o.science.record, "record", "", "file to which science and draws append each run; runs in it are not repeated, so that a table can be made in several steps")
	flag.BoolVar(&o.science.signs, "signs", false, "compare each method in science with the first one, seed by seed, with a sign test")
	flag.BoolVar(&o.science.tell, "tell", false, "make the table of science or draws from the record only")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *page, flag.Args(), o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, page string, names []string, o options) error {
	for _, s := range sections {
		if len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		text, err := s.measure(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		fmt.Println(text) // printed first, so that a problem with the page cannot lose the measurements
		if page == "" {
			continue
		}
		content, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		replaced, err := replace(string(content), s.name, text)
		if err != nil {
			return fmt.Errorf("%s: %w", page, err)
		}
		if err := os.WriteFile(page, []byte(replaced), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// replace replaces the text between the comments of a section.
func replace(page, name, text string) (string, error) {
	start, end := "<!-- bench "+name+" -->\n", "<!-- end "+name+" -->"
	before, rest, found := strings.Cut(page, start)
	if !found {
		return "", fmt.Errorf("no line %q", strings.TrimSpace(start))
	}
	_, after, found := strings.Cut(rest, end)
	if !found {
		return "", fmt.Errorf("no %q after %q", end, strings.TrimSpace(start))
	}
	return before + start + text + end + after, nil
}

// processorTime is the CPU time that this process uses during work.
func processorTime(work func() error) (time.Duration, error) {
	before := used()
	err := work()
	return used() - before, err
}

// median is the mean of the middle two of an even number of values.
func median[T time.Duration | float64](x []T) T {
	x = slices.Sorted(slices.Values(x))
	return (x[(len(x)-1)/2] + x[len(x)/2]) / 2
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.4g ms", float64(d.Microseconds())/1000)
}
