package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"iconic/evaluation"
	"iconic/report"
	"iconic/report/page"
)

func newEvaluateCommand(a *app) *cobra.Command {
	var o evaluateOptions
	c := &cobra.Command{
		Use:   "evaluate RUN STORE",
		Short: "Score a run on labelled images that it has not learned",
		Long: `Score a run on labelled images that it has not learned, such as a validation set.

RUN is the folder of a finished run. STORE is a feature store of other images, made by 'pipeline extract' with the run's encoder, or a matrix of
features for a run on a matrix. Which class a cluster stands for is decided by the labels that the run was scored with, if it has any, so that the
labels of STORE only count what is right. The last line gives the accuracy with clusters matched with classes on these images, as papers
report it. 'pipeline predict RUN STORE' tells the cluster of each image, and --page shows them.`,
		Example: `  pipeline evaluate runs/a stores/validation
  pipeline evaluate runs/a stores/validation --page validation.html \
      --images validation
  pipeline evaluate runs/b validation.npy --labels validation-labels.npy --json`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			o.Features = args[1]
			return a.evaluate(c.Context(), args[0], &o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.Labels, "labels", "", "labels of a matrix: labels.npy of whole numbers (NaN or negative: no label), or a text or CSV file with one name or number per line")
	f.StringVar(&o.page, "page", "", "page to write, with reliability, confusion and clusters (default: none)")
	f.StringVar(&o.images, "images", "", "data set that the features of STORE came from, to show its images on the page")
	addImageColumn(f, &o.column)
	addNoCuration(f, &o.Raw)
	count(f, &o.Workers, "threads", 0, 0, maxThreads, "number of CPUs to use (default: all); the result is the same")
	return c
}

type evaluateOptions struct {
	evaluation.Options
	page, images, column string
}

// validate finds what is wrong with the page before any work.
func (o *evaluateOptions) validate() error {
	if o.page == "" {
		return nil
	}
	if err := spared([]string{o.page}, o.Features, o.Labels, o.images); err != nil {
		return err
	}
	return writablePage("page", o.page, "an evaluation")
}

func (a *app) evaluate(ctx context.Context, dir string, o *evaluateOptions) (err error) {
	if err := o.validate(); err != nil {
		return err
	}
	hooks, restore := whilePictures(0, a.hooks())
	defer restore()
	o.Hooks = hooks
	shown := evaluation.PageOptions{Images: o.images, ImageColumn: o.column, Workers: o.Workers, Hooks: hooks}
	if o.page != "" {
		if err := shown.Open(ctx, o.Features); err != nil { // before anything is scored
			return err
		}
		defer func() { err = errors.Join(err, shown.Close()) }()
	}
	var unwritten error // the scores are told nevertheless
	r, err := evaluation.Score(ctx, dir, o.Options)
	if err != nil {
		a.endStage()
		return err
	}
	if o.page != "" {
		unwritten = r.WritePage(ctx, o.page, shown)
	}
	a.endStage()
	if o.page != "" && unwritten == nil {
		a.note("wrote %s", o.page)
	}
	for _, caution := range r.Cautions() {
		a.warn("%s", caution)
	}
	if a.json {
		return errors.Join(unwritten, a.printJSON(r))
	}
	return errors.Join(unwritten, a.printTable(evaluationTable(r)))
}

// evaluationTable has the scores on the images of an evaluation.
func evaluationTable(r *evaluation.Result) *table {
	m := r.Metrics
	t := newTable(plural(m.N, "image", "images"), "head", "95 % interval (fixed matching)")
	t.row("clusters used", fmt.Sprintf("%d of %d", m.ClustersUsed, m.Existing()), "")
	brief := report.Measures("accuracy", "nmi", "ari", "ece", "ece_by_chance", "expected_accuracy", "mean_confidence")
	for _, s := range page.ScoreLines([]*report.Metrics{m}, brief) {
		interval, _ := s.Interval(m)
		t.row(append(append([]string{s.Name}, s.Text...), between(interval))...)
	}
	if m.Matching.FittedOn == evaluation.Training {
		t.row("clusters matched on", "the images of the training")
		t.row("accuracy if matched on these images", fmt.Sprintf("%.3f", r.Rematched))
	} else {
		t.row("clusters matched on", "these images, since the run was trained on images without labels")
	}
	return t
}
