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

// section is a part of the page that is measured at one go. Its text is Markdown.
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
	{"clusters", clusters},
	{"choosing", choosing},
	{"eigenvectors", eigenvectors},
}

type options struct {
	python  string // interpreter with PyTorch
	script  string // of the rival's step
	shared  string // folder of the reference data; training and neighbours need its features
	only    string // the rival's variants that may take part, all when empty
	repeats int
	workers int
	rows    int // of the large graph, and of the training as large as ImageNet's
	science scienceOptions
	images  imagenetOptions
	sample  sampleOptions
	growth  growthOptions
}

func main() {
	var o options
	page := flag.String("page", "docs/performance.md", "page to write into; empty: the tables are printed alone")
	flag.StringVar(&o.python, "python", "python3", "interpreter with PyTorch 2")
	flag.StringVar(&o.script, "script", "scripts/bench/step.py", "the rival")
	flag.StringVar(&o.shared, "shared", "../shared", "folder with features/cifar100-train.features.npy")
	flag.StringVar(&o.only, "variants", "", "comma-separated variants of the rival that take part; all of them when empty")
	flag.IntVar(&o.repeats, "repeats", 9, "measurements of each, of which the median counts")
	flag.IntVar(&o.workers, "threads", 2, "threads of both")
	flag.IntVar(&o.rows, "rows", 0, "rows of the large graph (1,000,000 when 0) and of imagenet (1,281,167 when 0)")
	flag.IntVar(&o.images.classes, "classes", 1000, "classes of imagenet")
	flag.StringVar(&o.growth.rows, "growing-rows", "10000,30000,100000,300000,1000000", "comma-separated numbers of rows of growth, with 100 clusters")
	flag.StringVar(&o.growth.clusters, "growing-clusters", "10,100,1000,10000", "comma-separated numbers of clusters of growth, on 30,000 rows")
	flag.StringVar(&o.images.folder, "folder", "", "folder in which imagenet's features are kept for the next time; a temporary one when empty")
	flag.StringVar(&o.images.profile, "profile", "", "file for a processor profile of imagenet's training")
	flag.StringVar(&o.science.sets, "sets", "", "comma-separated sets of science: "+strings.Join(setNames, ", ")+"; all but the first when empty")
	flag.StringVar(&o.science.methods, "methods", "", "comma-separated methods of science: k-means, and those of `pipeline methods`, k-means-whitened and spectral-shared, each with :SETTING=VALUE behind its name where that is not the default; k-means and the default when empty")
	flag.StringVar(&o.sample.columns, "columns", "0,128,256,512", "comma-separated values of debias-sample for sample; 0: exact")
	flag.StringVar(&o.sample.epochs, "epochs", "0", "comma-separated numbers of epochs for sample; 0: by rule")
	flag.IntVar(&o.sample.heads, "heads", 0, "heads of sample; 0: as many as the method has")
	flag.IntVar(&o.science.seeds, "seeds", 5, "seeds of science, from 0")
	flag.Float64Var(&o.science.held, "held", 0, "share of the rows that science keeps from the training and scores apart")
	flag.StringVar(&o.science.extra, "extra", "", "further sets of science, name=STORE or name=features.npy:labels.npy, separated by commas; name them in -sets, name-tail-10 for a long tail of one")
	flag.StringVar(&o.science.record, "record", "", "file that science adds each run to, and whose runs it does not make again: so a table is made in pieces")
	flag.BoolVar(&o.science.signs, "signs", false, "science compares methods with the first one seed by seed, by a sign test")
	flag.BoolVar(&o.science.tell, "tell", false, "science makes its table of the record alone")
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
		fmt.Println(text) // first of all, so that no page can cost what was measured
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

// replace puts text between the comments of a section.
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

// processorTime is how long all processors together worked for this process during work.
func processorTime(work func() error) (time.Duration, error) {
	before := used()
	err := work()
	return used() - before, err
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.4g ms", float64(d.Microseconds())/1000)
}
