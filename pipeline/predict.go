package main

import (
	"cmp"
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"iconic/classify"
	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/internal/budget"
	"iconic/internal/spreadsheet"
	"iconic/prediction"
	"iconic/progress"
	"iconic/sorting"
)

func newPredictCommand(a *app) *cobra.Command {
	var o predictOptions
	c := &cobra.Command{
		Use:   "predict RUN DATA…",
		Short: "Assign new images to the clusters of a trained run",
		Long: `Assign new images to the clusters of a trained run.

RUN is the folder of a finished run, which records its encoder and preprocessing. DATA is an image file or anything that
'pipeline extract' takes; there may be several. Standard output gets one line per image as it is classified: CSV, or a JSON
object with --json. DATA may also be a feature store or the folder of its parts; then nothing is encoded. A run that was trained on a matrix of
features takes only such matrices (.npy), and writes a line per row. An image is marked none_of_these if it
is farther from its nearest training image than 95 % of the training images are from theirs. For an image that cannot be read, the last column
gives the reason.

--copy-to and --link-to also sort the files into one folder per cluster. The originals are not moved or changed, and nothing is
overwritten; a link whose file has become an image of another cluster is removed. A folder into which files were sorted by other clusters or names is refused. --watch continues with images that arrive later, until it is interrupted.
A file that cannot be put into its folder is then reported at once, and tried again.`,
		Example: `  pipeline predict out photo.jpg
  pipeline predict out holiday/*.jpg scans --json
  pipeline predict out inbox --copy-to sorted --watch`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			o.flags = c.Flags()
			return a.predict(c.Context(), args[0], args[1:], &o)
		},
	}
	o.useOptions.add(c.Flags())
	o.dataOptions.add(c.Flags())
	f := c.Flags()
	count(f, &o.workers, "decode-threads", 0, 0, maxThreads, "threads that read and decode images (default: one per CPU)")
	count(f, &o.batch, "batch-images", 0, 0, maxBatch, batchHelp)
	addMemory(f, &o.memory)
	f.StringVar(&o.copyTo, "copy-to", "", "copy the files into this folder, one subfolder per cluster")
	f.StringVar(&o.linkTo, "link-to", "", "create symbolic links to the files in this folder, one subfolder per cluster")
	addCSVSafe(f, &o.csvSafe)
	f.BoolVar(&o.watch, "watch", false, "continue with images that arrive later, until interrupted")
	f.DurationVar(&o.every, "every", 2*time.Second, "how often --watch looks for new images; a file is taken once it has not changed for that long")
	return c
}

type predictOptions struct {
	useOptions
	dataOptions
	workers, batch int
	memory         budget.Size
	copyTo, linkTo string
	csvSafe, watch bool
	every          time.Duration
	flags          *pflag.FlagSet // all of them, to find out which were given
}

// encodingFlags are those that have no effect if no image is encoded.
var encodingFlags = []string{
	"model", "precision", "image-size", "output", "attention-heads", "from", "onnxruntime", "provider", "encoder-threads", "decode-threads", "batch-images",
	"memory",
}

func (o *predictOptions) validate() error {
	switch {
	case o.copyTo != "" && o.linkTo != "":
		return usagef("--copy-to and --link-to are mutually exclusive: give one")
	case o.every < 10*time.Millisecond:
		return usagef("every %s: want 10 ms or more", o.every)
	}
	return nil
}

// prediction converts the flags to library options.
func (o *predictOptions) prediction(a *app, data []string) (prediction.Options, error) {
	use, err := o.options(a)
	use.Batch = o.batch
	p := prediction.Options{
		Data: data, Model: use, Dataset: o.dataset(), Workers: o.workers, Memory: int64(o.memory),
		Strict: o.strict, MaxBad: o.maxBad / 100, Passed: func(p prediction.Pass) { a.passed(p, cmp.Or(o.copyTo, o.linkTo)) },
		Unencoded: func() {
			a.idle(o.flags, "the data are features, so nothing is encoded", encodingFlags...)
		},
	}
	if p.Dataset.LabelsFrom != dataset.None {
		a.idle(o.flags, "predictions do not depend on labels", "labels-from", "label-column")
	}
	p.Dataset.LabelsChosen = false
	if _, terminal := a.columns(); terminal {
		p.Model.Hooks.Step = stepsBefore(prediction.Stage, p.Model.Hooks.Step) // the output lines themselves show the progress
	}
	if to := cmp.Or(o.copyTo, o.linkTo); to != "" {
		p.Folders = &sorting.Folders{Dir: to, Link: o.linkTo != ""}
	}
	if o.watch {
		p.Watch, p.MaxBad = o.every, 0 // a share of all images is for those that end
	}
	return p, err
}

// stepsBefore drops the steps of a stage and of its parts.
func stepsBefore(stage string, tell func(progress.Step)) func(progress.Step) {
	return func(s progress.Step) {
		if !strings.HasPrefix(s.Stage, stage) {
			tell(s)
		}
	}
}

func (a *app) predict(ctx context.Context, dir string, data []string, o *predictOptions) error {
	if err := o.validate(); err != nil {
		return err
	}
	p, err := o.prediction(a, data)
	if err != nil {
		return err
	}
	defer budget.SetRuntimeLimit(cmp.Or(int64(o.memory), budget.Default()))()
	lines := a.predictionLines(o.csvSafe)
	err = prediction.Run(ctx, dir, p, lines.write)
	lines.end()
	if err == nil && o.watch {
		a.note("watching has ended; %s", keptBy(a.command))
	}
	return err
}

// passed reports on a data set when it is finished.
func (a *app) passed(p prediction.Pass, to string) {
	if p.LeftOut > 0 {
		a.warn("%s", prediction.LeftOutNote(p.LeftOut, to))
	}
	for _, k := range p.Unread {
		a.warn("%d not read: %s", k.Count, k)
	}
	if p.Several > 0 {
		a.note("%s", extract.SeveralNote(p.Several))
	}
	if p.Dark > 0 {
		a.warn("%s", extract.DarkNote(p.Dark))
	}
	a.note("%s", rate(p.Images, "image", "images", p.Duration))
}

// predictionLines writes one line per image as it is classified.
type predictionLines struct {
	app     *app
	json    *json.Encoder // nil: CSV
	csv     *spreadsheet.Writer
	started bool // the header has been written
}

func (a *app) predictionLines(safe bool) *predictionLines {
	l := &predictionLines{app: a}
	if a.json {
		l.json = json.NewEncoder(a.out)
		l.json.SetEscapeHTML(false)
	} else {
		l.csv = spreadsheet.NewWriter(a.out, safe)
	}
	return l
}

// write writes the line for an image.
func (l *predictionLines) write(i prediction.Image) error {
	reason := ""
	if i.Err != nil {
		reason = i.Err.Error()
	}
	if l.json != nil {
		return l.json.Encode(struct {
			jsonPath
			*classify.Prediction
			Error string `json:"error,omitempty"`
		}{jsonPathOf(i.Path), i.Prediction, reason})
	}
	if i.Prediction == nil {
		return l.row(i.Path, "", "", "", "", "", "", "", "", reason)
	}
	p := i.Prediction
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 6, 64) }
	var distance, runner, runnerName, confidence string
	if p.Distance != nil {
		distance = number(*p.Distance)
	}
	if r := p.RunnerUp; r != nil {
		runner, runnerName, confidence = strconv.Itoa(r.Cluster), r.Name, number(r.Confidence)
	}
	return l.row(i.Path, strconv.Itoa(p.Cluster), p.Name, number(p.Confidence), runner, runnerName, confidence, distance,
		strconv.FormatBool(p.NoneOfThese), reason)
}

// row writes a CSV line, preceded by the header if it is the first.
func (l *predictionLines) row(cells ...string) error {
	if !l.started {
		l.started = true
		if err := l.csv.Write([]string{"path", "cluster", "name", "confidence", "runner_up", "runner_up_name", "runner_up_confidence", "distance", "none_of_these", "error"}); err != nil {
			return err
		}
	}
	if err := l.csv.Write(cells); err != nil {
		return err
	}
	return l.csv.Flush()
}

// end reports cells that a spreadsheet would read as formulas.
func (l *predictionLines) end() {
	if l.csv != nil {
		l.app.formulas("", l.csv.Computed, l.csv.Safe)
	}
}
