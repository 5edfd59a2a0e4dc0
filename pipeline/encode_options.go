package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/onnxruntime"
	"iconic/extract/pixels"
	"iconic/internal/budget"
	"iconic/models"
)

// encodeOptions are the flags of every command that turns images into features.
type encodeOptions struct {
	modelFlags
	model       string
	onnxruntime string
	transform   pixels.Transform
	mean, std   triple
	provider    encoder.Provider
	threads     int
	workers     int
	batch       int
	memory      budget.Size
	ignoreEXIF  bool
}

func (o *encodeOptions) add(f *pflag.FlagSet) {
	o.provider = encoder.Auto
	o.modelFlags.add(f)
	f.StringVar(&o.model, "model", "", "encoder: a name of 'pipeline models list', 'tiny', a file of weights, or an ONNX file with --resize, --crop, --mean and --std")
	addRuntime(f, &o.onnxruntime, &o.provider, &o.threads)
	count(f, &o.transform.Resize, "resize", 0, 0, maxSide, "pixels of an image's shorter side before cropping (default: the model's, or the crop)")
	count(f, &o.transform.Crop, "crop", 0, 0, maxSide, "side of the square that is cut from the middle, the model's input size (default: the model's)")
	f.BoolVar(&o.transform.Whole, "whole", false, "squeeze the whole image into the square instead of cropping")
	f.Var(&o.mean, "mean", "mean of red, green and blue, from 0 to 1 (default: the model's)")
	f.Var(&o.std, "std", "standard deviation of red, green and blue (default: the model's)")
	f.BoolVar(&o.ignoreEXIF, "ignore-exif", false, "leave pictures as they are stored, not as their EXIF orientation says")
	count(f, &o.workers, "decode-threads", 0, 0, maxThreads, "threads that read and decode images (default: one per processor)")
	count(f, &o.batch, "batch-images", 0, 0, maxBatch, "images that the encoder gets at once (default: found by a short probe)")
	addMemory(f, &o.memory)
}

// addMemory adds the flag that bounds what reading and decoding images take.
func addMemory(f *pflag.FlagSet, memory *budget.Size) {
	f.Var(memory, "memory", "memory for reading and decoding images, as 800MB or 2GB; images wait for it, and larger ones are skipped (default: half of the machine's, or of the container's)")
}

// triple is a flag of three numbers, for red, green and blue; one number stands for three.
type triple struct {
	v   [3]float32
	set bool
}

// Set reads "0.5,0.5,0.5" or "0.5".
func (t *triple) Set(s string) error {
	parts := strings.Split(s, ",")
	if len(parts) == 1 {
		parts = []string{s, s, s}
	}
	if len(parts) != 3 {
		return fmt.Errorf("%q: want three numbers, as 0.5,0.5,0.5", s)
	}
	for i, part := range parts {
		x, err := strconv.ParseFloat(strings.TrimSpace(part), 32)
		if err != nil {
			return fmt.Errorf("%q: want three numbers, as 0.5,0.5,0.5", s)
		}
		t.v[i] = float32(x)
	}
	t.set = true
	return nil
}

func (t *triple) String() string {
	if !t.set {
		return ""
	}
	return fmt.Sprintf("%g,%g,%g", t.v[0], t.v[1], t.v[2])
}

// Type is the word that a flag's help shows.
func (t *triple) Type() string { return "r,g,b" }

// resolveEncoder finds the model and how images are prepared for it, and puts both into c.
func (a *app) resolveEncoder(ctx context.Context, o *encodeOptions, c *extract.Config) error {
	if o.model == "" {
		return usagef("--model is needed: a name of 'pipeline models list', 'tiny', or an ONNX file")
	}
	m, err := o.resolve(ctx, a, o.model, "")
	if err != nil {
		return err
	}
	t := o.transform
	t.Mean, t.Std = o.mean.v, o.std.v
	if p := m.Preprocessing; p != nil {
		if t.Crop == 0 {
			t.Crop = p.Crop
		}
		if t.Resize == 0 {
			t.Resize = p.Resize
		}
		if !o.mean.set {
			t.Mean = p.Mean
		}
		if !o.std.set {
			t.Std = p.Std
		}
	} else if !o.mean.set || !o.std.set {
		return usagef("--mean and --std are needed with %s: what is taken from each pixel and what it is divided by, as --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225", o.model)
	}
	if t.Crop == 0 {
		t.Crop = m.ImageSize
	}
	if t.Crop == 0 {
		return usagef("--crop is needed with %s, which leaves the image size open", o.model)
	}
	if t.Resize == 0 {
		t.Resize = t.Crop
	}
	if err := t.Validate(); err != nil {
		return usagef("%w", err)
	}
	c.Model, c.ModelName, c.Transform, c.IgnoreEXIF = m.Path, m.Name, t, o.ignoreEXIF
	c.Encoder = encoder.Options{Provider: o.provider, Threads: o.threads}
	c.Workers, c.Batch, c.Memory = o.workers, o.batch, int64(o.memory)
	c.Library = func() (string, error) { return a.findLibrary(ctx, o.onnxruntime, o.provider) }
	return nil
}

// findLibrary finds or fetches the ONNX Runtime library, showing what happens.
func (a *app) findLibrary(ctx context.Context, path string, p encoder.Provider) (string, error) {
	h := a.hooks()
	return onnxruntime.Find(ctx, onnxruntime.Options{
		Path: path, CUDA: p == encoder.CUDA || p == encoder.TensorRT, Note: h.Note,
		Progress: func(done, total int64) { h.Bytes("ONNX Runtime", done, total) },
	})
}

// dataOptions are the flags that say how to understand DATA, and what to do about bad images.
type dataOptions struct {
	labelsFrom               dataset.LabelsFrom
	splits                   []string
	imageColumn, labelColumn string
	strict                   bool
	maxBad                   float64 // percent
}

func (o *dataOptions) add(f *pflag.FlagSet) {
	o.labelsFrom = dataset.First
	f.Var(&o.labelsFrom, "labels-from", "which folder above an image names its class: first, last, none")
	f.StringSliceVar(&o.splits, "split", nil, "keep only these splits of DATA, as train,val (default: all)")
	addImageColumn(f, &o.imageColumn)
	f.StringVar(&o.labelColumn, "label-column", "", "column of a Parquet data set that holds the labels (default: label, or what is called like it)")
	f.BoolVar(&o.strict, "strict", false, "stop at the first bad image instead of skipping it")
	f.Float64Var(&o.maxBad, "max-bad", 5, "percent of bad images above which the run fails at its end, all others kept")
}

// addImageColumn adds the flag that names the images' column.
func addImageColumn(f *pflag.FlagSet, column *string) {
	f.StringVar(column, "image-column", "", "column of a Parquet data set that holds the images (default: found by the file's metadata and its name)")
}

func (o *dataOptions) dataset() dataset.Options {
	return dataset.Options{LabelsFrom: o.labelsFrom, Splits: o.splits, ImageColumn: o.imageColumn, LabelColumn: o.labelColumn}
}

func (o *dataOptions) put(c *extract.Config, data string) {
	c.Data = data
	c.Dataset = o.dataset()
	c.Strict, c.MaxBad = o.strict, o.maxBad/100
}

// storeOptions are the flags that say what a feature store holds.
type storeOptions struct {
	views     int
	viewSeed  uint64
	half      bool
	shardRows int
	prune     bool
}

func (o *storeOptions) add(f *pflag.FlagSet) {
	count(f, &o.views, "views", 1, 1, 1000, "views of each image: the plain one, and augmented ones drawn from its content and --view-seed")
	f.Uint64Var(&o.viewSeed, "view-seed", 0, "of the augmented views")
	f.BoolVar(&o.half, "float16", false, "keep features as float16: half the disk, about three digits")
	count(f, &o.shardRows, "shard-rows", 0, 0, maxShardRows, fmt.Sprintf("rows of a file of features, of which a kill loses one at most (default: %d, or what the store has)", extract.DefaultShardRows))
	f.BoolVar(&o.prune, "prune", false, "drop the features of images that DATA no longer has")
}

func (o *storeOptions) put(c *extract.Config) {
	c.Views, c.Seed, c.Half, c.ShardRows, c.Prune = o.views, o.viewSeed, o.half, o.shardRows, o.prune
	c.Augment = pixels.DefaultAugmentation()
}

// extract runs an extraction with a progress bar and a closing table. listed, unless nil, may refuse the data before any image
// is encoded. The summary is valid when the error says only that too many images were bad.
func (a *app) extract(ctx context.Context, c extract.Config, listed func(items, classes int) error) (*extract.Summary, error) {
	h := a.hooks()
	defer budget.SetRuntimeLimit(cmp.Or(c.Memory, budget.Default()))()
	s, err := extract.Run(ctx, c, extract.Hooks{
		Listed: listed, Note: h.Note, Progress: h.Stage("encode", "images"),
	})
	a.endStage()
	if s != nil {
		a.describeExtraction(s)
		if err := models.Remember("", s.SHA256, c.Model); err != nil { // a cache that cannot be written costs a flag later
			a.note("where the encoder lies is not remembered (%v): 'pipeline predict' will want --model", err)
		}
	}
	return s, err
}

// describeExtraction writes the closing lines.
func (a *app) describeExtraction(s *extract.Summary) {
	for _, k := range s.Skipped {
		if !a.json {
			a.warn("%d skipped: %s (as %s: %s)", k.Count, k.Kind, k.Example, k.Reason)
		}
	}
	if s.Duplicates > 0 {
		a.note("%d images are copies of others; their features were computed once", s.Duplicates)
	}
	if s.Gone > 0 {
		a.note("%d images are gone from the data; their features are kept, and take no part in trainings (--prune drops them)", s.Gone)
	}
	if s.Pruned > 0 {
		a.note("%d images are gone from the data; their features were dropped", s.Pruned)
	}
	switch {
	case s.Encoded == 0:
		a.note("encoded 0 images: the features of all %d are in %s", s.Rows, s.Store)
	default:
		a.note("encoded %d images in %.1f s (%.1f images/s); %s has the features of %d", s.Encoded, s.Seconds, float64(s.Encoded)/s.Seconds, s.Store, s.Rows)
	}
}
