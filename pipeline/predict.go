package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/store"
	"iconic/internal/placing"
	"iconic/pipeline/classify"
)

func newPredictCommand(a *app) *cobra.Command {
	var o predictOptions
	c := &cobra.Command{
		Use:   "predict RUN DATA",
		Short: "Sort new images into the clusters of a trained run",
		Long: `Sort new images into the clusters of a trained run.

RUN is the folder of a finished run; it knows its encoder and how images are prepared for it. DATA is what 'pipeline extract' takes.
Standard output gets a line an image as they come: CSV, or with --json a JSON object. An image further from all training images than
95 % of those are from each other is marked as none of these; an image that cannot be read has a reason in the last column.

--copy-to and --link-to sort the files into a folder a cluster as well. Originals stay where and as they are, and nothing is
overwritten. --watch goes on with images that come later, until it is interrupted.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return a.predict(c.Context(), args[0], args[1], &o)
		},
	}
	o.useOptions.add(c.Flags())
	o.dataOptions.add(c.Flags())
	f := c.Flags()
	f.IntVar(&o.workers, "decode-threads", 0, "threads that read and decode images (default: one a processor)")
	f.IntVar(&o.batch, "batch-images", 0, "images that the encoder gets at once (default: found by a short probe)")
	f.StringVar(&o.copyTo, "copy-to", "", "folder to copy the files into, a subfolder a cluster")
	f.StringVar(&o.linkTo, "link-to", "", "folder to link the files into by symbolic links, a subfolder a cluster")
	f.BoolVar(&o.watch, "watch", false, "go on with images that come later, until interrupted")
	f.DurationVar(&o.every, "every", 2*time.Second, "how often --watch looks")
	return c
}

type predictOptions struct {
	useOptions
	dataOptions
	workers, batch int
	copyTo, linkTo string
	watch          bool
	every          time.Duration
}

func (o *predictOptions) validate(data string) error {
	switch {
	case o.copyTo != "" && o.linkTo != "":
		return usagef("--copy-to and --link-to exclude each other: give one")
	case o.workers < 0 || o.batch < 0 || o.threads < 0:
		return usagef("threads and batch-images: want 1 or more, or 0 for the rule")
	case !(o.maxBad >= 0 && o.maxBad <= 100):
		return usagef("max-bad %g: want a percentage from 0 to 100", o.maxBad)
	case o.every < 10*time.Millisecond:
		return usagef("every %s: want 10 ms or more", o.every)
	}
	for _, to := range []string{o.copyTo, o.linkTo} {
		if to != "" && placing.Within(to, data) {
			return usagef("%s lies in %s: the sorted files would be taken for new images; choose a folder elsewhere", to, data)
		}
	}
	return nil
}

func (a *app) predict(ctx context.Context, dir, data string, o *predictOptions) error {
	if err := o.validate(data); err != nil {
		return err
	}
	t, err := a.openTrained(ctx, dir, &o.useOptions)
	if err != nil {
		return err
	}
	if set, err := dataset.Open(ctx, data, dataset.Options{}); err == nil { // what is wrong with DATA is told before the encoder is fetched
		err = set.Close()
		if err != nil {
			return err
		}
	} else if !o.watch || !errors.Is(err, dataset.ErrNoImages) {
		return err
	}
	m, err := t.open(ctx, a, &o.useOptions)
	if err != nil {
		return err
	}
	p := &prediction{app: a, model: m, lines: a.predictionWriter(), sorted: o.sorter(), watched: o.watch, seen: map[string]string{}, doubtful: map[string]string{}}
	stream := extract.Stream{
		Data: data, Dataset: dataset.Options{LabelsFrom: o.labelsFrom, Splits: o.splits}, Workers: o.workers, Batch: o.batch,
		Strict: o.strict, MaxBad: o.maxBad / 100, Visit: p.visit,
	}
	if o.watch {
		err = p.follow(ctx, stream, o.every)
	} else {
		err = p.pass(ctx, stream)
	}
	return errors.Join(err, m.Images.Close())
}

// prediction is one call of the command.
type prediction struct {
	app    *app
	model  *classify.Model
	lines  predictionWriter
	sorted *sorter // nil: files are not sorted

	watched  bool
	seen     map[string]string // stamp of each image that was told of
	doubtful map[string]string // stamp of each bad image that may still be being written
}

// pass tells of every image once.
func (p *prediction) pass(ctx context.Context, s extract.Stream) error {
	var bar *progress
	defer func() { bar.end() }()
	summary, err := p.model.Images.Each(ctx, s, extract.Hooks{Progress: func(done, total int) {
		if bar == nil {
			bar = p.app.progress("predict", "images", total)
		}
		bar.at(done, "")
	}})
	bar.end()
	if summary != nil {
		for _, k := range summary.Skipped {
			p.app.warn("%d not read: %s (as %s: %s)", k.Count, k.Kind, k.Example, k.Reason)
		}
		p.app.note("%d images in %.1f s (%.1f images/s)", summary.Rows, summary.Seconds, float64(summary.Rows)/summary.Seconds)
	}
	return err
}

// follow passes over the data again and again, until interrupted: that is its regular end.
func (p *prediction) follow(ctx context.Context, s extract.Stream, every time.Duration) error {
	s.Seen, s.MaxBad = p.seen, 1
	for {
		summary, err := p.model.Images.Each(ctx, s, extract.Hooks{})
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !errors.Is(err, dataset.ErrNoImages):
			return err
		case summary != nil && summary.Batch > 0 && s.Batch == 0:
			s.Batch = summary.Batch // one probe is enough
		}
		select {
		case <-time.After(every):
		case <-ctx.Done():
			return nil
		}
	}
}

// visit writes the line of an image and puts its file where it belongs.
func (p *prediction) visit(set *dataset.Set, it store.Item, stamp string, features []float32) error {
	if features == nil {
		// A file that is just being written looks broken, until it is looked at again.
		if p.watched && p.doubtful[it.Path] != stamp {
			p.doubtful[it.Path] = stamp
			return nil
		}
		p.seen[it.Path] = stamp
		return p.lines.bad(it.Path, fmt.Sprintf("%s: %s", it.Kind, it.Skipped))
	}
	all, err := p.model.Classify(features, 1)
	if err != nil {
		return fmt.Errorf("%s: %w", it.Path, err)
	}
	if p.watched {
		p.seen[it.Path] = stamp
		delete(p.doubtful, it.Path)
	}
	if p.sorted != nil {
		if err := p.sorted.place(set, it.Path, all[0]); err != nil {
			return err
		}
	}
	return p.lines.good(it.Path, all[0])
}

// predictionWriter writes a line an image.
type predictionWriter struct {
	good func(path string, p classify.Prediction) error
	bad  func(path, reason string) error
}

func (a *app) predictionWriter() predictionWriter {
	if a.json {
		e := json.NewEncoder(a.out)
		e.SetEscapeHTML(false)
		return predictionWriter{
			good: func(path string, p classify.Prediction) error {
				return e.Encode(struct {
					Path string `json:"path"`
					classify.Prediction
				}{path, p})
			},
			bad: func(path, reason string) error {
				return e.Encode(map[string]string{"path": path, "error": reason})
			},
		}
	}
	w := csv.NewWriter(a.out)
	line := func(fields ...string) error {
		if err := w.Write(fields); err != nil {
			return err
		}
		w.Flush() // as they come
		return w.Error()
	}
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
	started := false
	header := func() error {
		if started {
			return nil
		}
		started = true
		return line("path", "cluster", "name", "confidence", "runner_up", "runner_up_name", "runner_up_confidence", "distance", "none_of_these", "error")
	}
	return predictionWriter{
		good: func(path string, p classify.Prediction) error {
			distance := ""
			if p.Distance != nil {
				distance = number(*p.Distance)
			}
			return errors.Join(header(), line(path, strconv.Itoa(p.Cluster), p.Name, number(p.Confidence),
				strconv.Itoa(p.RunnerUp.Cluster), p.RunnerUp.Name, number(p.RunnerUp.Confidence), distance, strconv.FormatBool(p.NoneOfThese), ""))
		},
		bad: func(path, reason string) error {
			return errors.Join(header(), line(path, "", "", "", "", "", "", "", "", reason))
		},
	}
}
