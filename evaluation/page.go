package evaluation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"iconic/extract/dataset"
	"iconic/features"
	"iconic/internal/atomicfile"
	"iconic/internal/plural"
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
}

// WritePage writes the result as a page: scores, reliability, confusion and the images of each cluster, with their neighbours. It reads the features again, and fails on
// images that cannot belong to them, and with ctx's error.
func (r *Result) WritePage(ctx context.Context, name string, o PageOptions) (err error) {
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
	if o.Images != "" {
		if features.Numbered(r.Assignments.Paths) {
			return run.ErrUnnamed
		}
		pictures, err := run.OpenPictures(ctx, o.Images, dataset.Options{LabelsFrom: dataset.None, ImageColumn: o.ImageColumn, Memory: o.Memory}, r.Assignments.Paths)
		if err != nil {
			return fmt.Errorf("images of %s: %w", r.Features.Store, err)
		}
		defer func() { err = errors.Join(err, pictures.Close()) }()
		p.Picture = pictures.Show
	}
	var html bytes.Buffer
	summary, err := page.Write(ctx, &html, p)
	if err != nil {
		return err
	}
	if n := summary.Missing; n > 0 {
		o.Hooks.Warnf("%d of %s of the page could not be read: %s grey", n, plural.Of(summary.Pictures, "picture", "pictures"), plural.Word(n, "it is", "they are"))
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
