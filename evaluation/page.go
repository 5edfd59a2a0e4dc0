package evaluation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"iconic/extract/dataset"
	"iconic/features"
	"iconic/internal/atomicfile"
	"iconic/internal/owned"
	"iconic/option"
	"iconic/progress"
	"iconic/report/page"
	"iconic/run"
)

// PageOptions say what the page of an evaluation shows.
type PageOptions struct {
	Images string // data set of the features, whose images the page shows; "": none
	// ImageColumn is the image column of a Parquet data set; "": it is found.
	ImageColumn string
	Workers     int   // goroutines; all processors when < 1
	Memory      int64 // bytes for reading and decoding images; 0: half of what the machine or its control group has
	Hooks       progress.Hooks

	opened *run.Pictures // by Open
	of     []string      // paths of the features for which they were opened
}

// Open opens the images for the page of an evaluation of features before that, so that a mistake about them is found first. Close them after use. It fails on images
// that cannot belong to the features, and on features that name none.
func (o *PageOptions) Open(ctx context.Context, name string) (err error) {
	switch {
	case o.Images == "" && o.ImageColumn != "":
		return option.Errorf("ImageColumn", "image column %q: there are no images to take it from", o.ImageColumn)
	case o.Images == "":
		return nil
	}
	set, err := features.Open(name, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	if set.Unnamed {
		return run.ErrUnnamed
	}
	options := dataset.Options{LabelsFrom: dataset.None, ImageColumn: o.ImageColumn, Memory: o.Memory}
	pictures, err := run.OpenPictures(ctx, o.Images, options, set.Paths, set.Hashes)
	if err != nil {
		return fmt.Errorf("images of %s: %w", set.Source.Store, err)
	}
	err = o.Close()
	o.opened, o.of = pictures, set.Paths
	return err
}

// Close closes the images, if they were opened.
func (o *PageOptions) Close() error {
	opened := o.opened
	if o.opened = nil; opened == nil {
		return nil
	}
	return opened.Close()
}

// WritePage writes the result as a page: scores, reliability, confusion and the images of each cluster, with their neighbours. It reads the features again, and fails on
// images that cannot belong to them, on a file that belongs to a run, a feature store or a sweep or that was read for the result, and with ctx's error. Another file of
// that name is replaced.
func (r *Result) WritePage(ctx context.Context, name string, o PageOptions) (err error) {
	if r.Metrics == nil || r.Assignments == nil {
		return errors.New("the evaluation has no scores to show: Score makes one")
	}
	if err := owned.Replaceable(name, r.Features.Store, r.labels, o.Images); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	o.Hooks.Begin("page")
	p := page.Run{
		Title: fmt.Sprintf("%s on %s", filepath.Base(r.Run), filepath.Base(r.Features.Store)), Facts: r.facts(), Metrics: r.Metrics,
		Assignments: *r.Assignments, Evaluation: true, Workers: o.Workers,
	}
	set, err := features.Open(r.Features.Store, "")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, set.Close()) }()
	p.Features = set
	if o.opened == nil || !slices.Equal(o.of, set.Paths) {
		own := o
		own.opened = nil
		if err := own.Open(ctx, r.Features.Store); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, own.Close()) }()
		o.opened = own.opened
	}
	if o.opened != nil {
		p.Picture = o.opened.Show
	}
	var html bytes.Buffer
	summary, err := page.Write(ctx, &html, p)
	if err != nil {
		return err
	}
	if summary.Missing > 0 && summary.Missing == summary.Pictures {
		return fmt.Errorf("images of %s: there are none to show: %s", r.Features.Store, summary.Lacks())
	}
	if summary.Missing > 0 {
		o.Hooks.Warnf("%s", summary.Grey("the page"))
	}
	if err := atomicfile.MakeFolder(name); err != nil {
		return err
	}
	return atomicfile.WriteBytes(name, html.Bytes())
}

func (r *Result) facts() []page.Setting {
	facts := []page.Setting{
		{Name: "Run", Value: r.Run},
		{Name: "Features", Value: fmt.Sprintf("%s, %d dimensions", r.Features.Store, r.Features.Dim)},
		{Name: "Images", Value: fmt.Sprint(r.Metrics.N)},
	}
	if r.Metrics.Matching.FittedOn == Training {
		facts = append(facts, page.Setting{Name: "Accuracy if matched on these images", Value: fmt.Sprintf("%.3f", r.Rematched)})
	}
	for _, caution := range r.Cautions() {
		facts = append(facts, page.Setting{Name: "Caution", Value: caution})
	}
	return facts
}
