package main

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/spf13/pflag"

	"iconic"
	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/internal/budget"
	"iconic/models"
	"iconic/progress"
	"iconic/run"
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
	f.StringVar(&o.model, "model", "", "encoder: a name from 'pipeline models list', 'tiny', a weights file, or an ONNX file with --resize, --crop, --mean and --std")
	addRuntime(f, &o.onnxruntime, &o.provider, &o.threads)
	count(f, &o.transform.Resize, "resize", 0, 0, maxSide, "length in pixels of an image's shorter side before cropping (default: the model's, or the crop)")
	count(f, &o.transform.Crop, "crop", 0, 0, maxSide, "side of the central square crop, the model's input size (default: the model's)")
	f.BoolVar(&o.transform.Whole, "whole", false, "resize the whole image to the square instead of cropping")
	f.Var(&o.mean, "mean", "mean of red, green and blue, from 0 to 1 (default: the model's)")
	f.Var(&o.std, "std", "standard deviation of red, green and blue, at most 1 (default: the model's)")
	f.BoolVar(&o.ignoreEXIF, "ignore-exif", false, "ignore EXIF orientation and use images as they are stored")
	count(f, &o.workers, "decode-threads", 0, 0, maxThreads, "threads that read and decode images (default: one per CPU)")
	count(f, &o.batch, "batch-images", 0, 0, maxBatch, batchHelp)
	addMemory(f, &o.memory)
}

// addMemory adds the flag that limits the memory for reading and decoding images.
func addMemory(f *pflag.FlagSet, memory *budget.Size) {
	f.Var(memory, "memory", "memory for reading and decoding images and for their views, such as 800MB or 2GB; an image waits until it fits, and one that is too large is skipped (default: half of the machine's or container's memory)")
}

// encodeStage is the stage of an extraction within a longer piece of work.
const encodeStage = "encode"

// whileEncoding applies the memory for images to the process until a stage after the extraction begins, which may need more, or until restore
// is called. It returns hooks that watch for that stage.
func whileEncoding(memory budget.Size, h progress.Hooks) (_ progress.Hooks, restore func()) {
	restore = sync.OnceFunc(budget.SetRuntimeLimit(cmp.Or(int64(memory), budget.Default())))
	var encoding atomic.Bool
	at := func(stage string) {
		if stage == encodeStage {
			encoding.Store(true)
		} else if encoding.Load() {
			restore()
		}
	}
	tell := h
	h.Step = func(s progress.Step) {
		at(s.Stage)
		tell.At(s)
	}
	h.Begun = func(stage string) {
		at(stage)
		tell.Begin(stage)
	}
	return h, restore
}

// whilePictures limits the process's memory while the stages of a page read images: to what the process holds when such a stage begins, and the
// memory for images, since what was decoded would otherwise be kept for as long as the garbage collector likes. It returns hooks that watch for
// those stages, and restore, which ends the limit.
func whilePictures(memory budget.Size, h progress.Hooks) (_ progress.Hooks, restore func()) {
	end := func() {}
	tell := h
	h.Begun = func(stage string) {
		end()
		end = func() {}
		if slices.Contains(run.PictureStages(), stage) {
			var held runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&held)
			end = budget.SetRuntimeLimit(int64(held.HeapAlloc) + cmp.Or(int64(memory), budget.Default()))
		}
		tell.Begin(stage)
	}
	return h, func() { end() }
}

// triple is a flag of three numbers, for red, green and blue; one number sets all three.
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
		return fmt.Errorf("%q: want three numbers, such as 0.5,0.5,0.5", s)
	}
	for i, part := range parts {
		x, err := strconv.ParseFloat(strings.TrimSpace(part), 32)
		if err != nil {
			return fmt.Errorf("%q: want three numbers, such as 0.5,0.5,0.5", s)
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

// Type is the type name shown in the flag's help.
func (t *triple) Type() string { return "r,g,b" }

// encoding converts the flags to library options.
func (o *encodeOptions) encoding(a *app) (iconic.Encoding, error) {
	if o.model == "" {
		return iconic.Encoding{}, usagef("--model is required: a name from 'pipeline models list', 'tiny', or an ONNX file")
	}
	shape, err := o.modelFlags.options(a)
	e := iconic.Encoding{
		Model: o.model, Shape: shape, Resize: o.transform.Resize, Crop: o.transform.Crop, Whole: o.transform.Whole, IgnoreEXIF: o.ignoreEXIF,
		Library: o.onnxruntime, Provider: o.provider, Threads: o.threads,
	}
	if o.mean.set {
		e.Mean = o.mean.v[:]
	}
	if o.std.set {
		e.Std = o.std.v[:]
	}
	return e, err
}

// cautionTiny says what the built-in encoder is for if it is chosen for the user's images.
func (o *encodeOptions) cautionTiny(a *app) {
	if o.model == models.TinyName {
		a.note("tiny was trained for the demo, on generated images: for photographs, choose an encoder from 'pipeline models list'")
	}
}

// put sets how images are read.
func (o *encodeOptions) put(c *extract.Config) {
	c.Workers, c.Batch, c.Memory = o.workers, o.batch, int64(o.memory)
}

// dataOptions are the flags that say how to interpret DATA and how to handle bad images.
type dataOptions struct {
	labelsFrom               labelsFrom
	splits                   []string
	imageColumn, labelColumn string
	strict                   bool
	maxBad                   float64 // percent
}

func (o *dataOptions) add(f *pflag.FlagSet) {
	o.labelsFrom.LabelsFrom = dataset.First
	f.Var(&o.labelsFrom, "labels-from", "which folder in an image's path names its class: first, last, none")
	f.StringSliceVar(&o.splits, "split", nil, "use only these splits of DATA, such as train,val (default: all)")
	addImageColumn(f, &o.imageColumn)
	f.StringVar(&o.labelColumn, "label-column", "", "label column of a Parquet data set (default: label, or one with a similar name)")
	f.BoolVar(&o.strict, "strict", false, "stop at the first bad image instead of skipping it")
	percentage(f, &o.maxBad, "max-bad", 5, "fail if more than this percentage of the images cannot be read (the others are still encoded)")
}

// labelsFrom is the flag for the folder that names an image's class.
type labelsFrom struct {
	dataset.LabelsFrom
	given bool
}

// Set reads the name of the folder.
func (l *labelsFrom) Set(s string) error {
	l.given = true
	return l.LabelsFrom.Set(s)
}

// addImageColumn adds the flag that names the image column.
func addImageColumn(f *pflag.FlagSet, column *string) {
	f.StringVar(column, "image-column", "", "image column of a Parquet data set (default: found by the file's metadata and column names)")
}

func (o *dataOptions) dataset() dataset.Options {
	return dataset.Options{LabelsFrom: o.labelsFrom.LabelsFrom, LabelsChosen: o.labelsFrom.given, Splits: o.splits, ImageColumn: o.imageColumn, LabelColumn: o.labelColumn}
}

func (o *dataOptions) put(c *extract.Config, data string) {
	c.Data = data
	c.Dataset = o.dataset()
	c.Strict, c.MaxBad = o.strict, o.maxBad/100
}

// storeOptions are the flags that determine the contents of a feature store.
type storeOptions struct {
	views     int
	viewSeed  uint64
	half      bool
	shardRows int
	prune     bool
	anew      bool
}

func (o *storeOptions) add(f *pflag.FlagSet) {
	count(f, &o.views, "views", 1, 1, 1000, "views of each image: the image itself, and augmented views determined by its content and --view-seed")
	seed(f, &o.viewSeed, "view-seed", "seed of the augmented views")
	f.BoolVar(&o.half, "float16", false, "store features as float16: half the disk space, about three significant digits")
	count(f, &o.shardRows, "shard-rows", 0, 0, maxShardRows, fmt.Sprintf("rows per feature file; if the process is killed, at most one file is lost (default: %d, or the store's value); runs on a store do not recognise it if it is made again with another value", extract.DefaultShardRows))
	f.BoolVar(&o.anew, "anew", false, "encode every image that this store lacks, even if another store has its features")
	f.BoolVar(&o.prune, "prune", false, "drop the features of images that are no longer in DATA")
}

func (o *storeOptions) put(c *extract.Config) {
	c.Views, c.Seed, c.Half, c.ShardRows, c.Prune, c.Anew = o.views, o.viewSeed, o.half, o.shardRows, o.prune, o.anew
	c.Augment = pixels.DefaultAugmentation()
}
