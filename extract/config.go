package extract

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/extract/store"
	"iconic/internal/budget"
	"iconic/internal/plural"
	"iconic/option"
)

// Config holds all settings of an extraction.
type Config struct {
	Data    string // the data set: see package dataset
	Dataset dataset.Options

	Model     string                 // the ONNX file
	ModelName string                 // name of the model in reports
	Encoder   encoder.Options        // its Library, Size and Batch stay zero: they follow from Library, Transform.Crop and Batch below
	Library   func() (string, error) // finds the ONNX Runtime library; called once there is an image to encode
	Transform pixels.Transform       // Crop must be the model's input size

	IgnoreEXIF bool // ignore the orientation in EXIF data

	Views int    // views of each image, at least 1: the plain one and Views−1 augmented ones
	Seed  uint64 // seed of the augmented views

	Augment pixels.Augmentation // distribution of the augmented views

	Half bool // store float16 instead of float32

	Out       string // folder of the store, or its address in a bucket
	ShardRows int    // rows per shard, at most store.MaxShardRows; 0: 1024
	Part      int    // encode part Part of Parts into its own folder in Out; 0: everything
	Parts     int    // at most store.MaxParts

	Batch   int     // images of a run of the encoder, as in encoder.Options
	Workers int     // goroutines that read and decode; 0: one per processor
	Memory  int64   // bytes for reading and decoding images and for their views, at most what the machine or its control group has; 0: half of that
	Anew    bool    // encode images even if other stores of this user have their features
	Prune   bool    // drop rows whose images the data set no longer has
	Strict  bool    // stop at the first bad image
	MaxBad  float64 // share of bad images, 0 to 1, above which the run fails at its end
}

// DefaultShardRows keeps a shard small enough that losing one costs about a minute, and large enough that a million rows take a thousand
// files.
const DefaultShardRows = 1024

// Validate checks everything that can be checked before the work starts.
func (c *Config) Validate() error {
	switch {
	case c.Data == "" || c.Model == "" || c.Out == "":
		return errors.New("data, model and out are needed")
	case c.Library == nil:
		return errors.New("there is no function to find the ONNX Runtime library with")
	case strings.HasPrefix(c.Out, "https://") || strings.HasPrefix(c.Out, "http://"):
		return errors.New("out cannot be an http or https address: give a folder, or a bucket such as s3://bucket/prefix")
	case c.Views < 1 || c.Views > 1000:
		return fmt.Errorf("views %d: want 1 to 1000", c.Views)
	case c.Batch < 0 || c.Batch > encoder.MaxBatch:
		return fmt.Errorf("batch %d: want 1 to %d, or 0 to find one", c.Batch, encoder.MaxBatch)
	case c.Encoder.Threads < 0:
		return encoder.CheckThreads(c.Encoder.Threads)
	case c.ShardRows < 0 || c.ShardRows > store.MaxShardRows:
		return fmt.Errorf("shard rows %d: want 1 to %d, or 0 for %d", c.ShardRows, store.MaxShardRows, DefaultShardRows)
	case c.Parts < 0 || c.Part < 0 || c.Part > c.Parts || c.Parts > 0 && c.Part == 0:
		return fmt.Errorf("shard %d/%d: want 1/n to n/n", c.Part, c.Parts)
	case c.Parts > store.MaxParts:
		return fmt.Errorf("shard %d/%d: want at most %d parts", c.Part, c.Parts, store.MaxParts)
	}
	for _, check := range []func() error{c.checkEncoder, c.checkStages, c.Transform.Validate, c.Transform.CheckUnits} {
		if err := check(); err != nil {
			return err
		}
	}
	if c.Views > 1 {
		if err := c.Augment.Validate(); err != nil {
			return err
		}
	}
	_, err := c.ahead(1, cmp.Or(c.Memory, budget.Default())) // the data set may have a share in the memory, so that it is checked again
	return err
}

// checkEncoder refuses options of the encoder that Run fills in from other fields.
func (c *Config) checkEncoder() error {
	for _, filled := range []struct {
		given            bool
		name, value, own string
	}{
		{c.Encoder.Library != "", "Library", c.Encoder.Library, "Library, a function"},
		{c.Encoder.Size != 0, "Size", strconv.Itoa(c.Encoder.Size), "Transform.Crop"},
		{c.Encoder.Batch != 0, "Batch", strconv.Itoa(c.Encoder.Batch), "Batch"},
	} {
		if filled.given {
			return fmt.Errorf("the option %s of the encoder is %s, but it is filled in from the extraction's own %s: set that instead", filled.name, filled.value, filled.own)
		}
	}
	return nil
}

// checkStages checks what Each has, too: the limits on workers, memory and bad images.
func (c *Config) checkStages() error {
	const mostWorkers = 1 << 16
	if c.Workers < 0 || c.Workers > mostWorkers {
		return fmt.Errorf("workers %d: want 1 to %d, or 0 for one per processor", c.Workers, mostWorkers)
	}
	if err := CheckMaxBad(c.MaxBad); err != nil {
		return err
	}
	return budget.Check(c.Memory)
}

// CheckMaxBad fails with an option.Error about MaxBad if a share of bad images is not from 0 to 1.
func CheckMaxBad(share float64) error {
	if !(share >= 0 && share <= 1) {
		return option.Errorf("MaxBad", "a share of %g of the images that may be unreadable: want 0 to 1", share)
	}
	return nil
}

// Hooks report the progress of a run, on the goroutine that called Run or Each; any may be nil.
type Hooks struct {
	// Listed is called with the data set, which is valid only during the call, before any image is encoded; its error ends the run.
	Listed   func(set *dataset.Set) error
	Note     func(text string)
	Warn     func(text string)
	Progress func(done, total int) // counts images, however fast they come
}

func (h Hooks) note(format string, args ...any) {
	if h.Note != nil {
		h.Note(fmt.Sprintf(format, args...))
	}
}

func (h Hooks) warn(format string, args ...any) {
	if h.Warn != nil {
		h.Warn(fmt.Sprintf(format, args...))
	}
}

// Summary is the result of a run.
type Summary struct {
	Store      string         `json:"store"`
	Items      int            `json:"items"`      // images in the data set, or in the part
	Rows       int            `json:"rows"`       // rows now in the store
	Encoded    int            `json:"encoded"`    // images encoded
	Already    int            `json:"already"`    // images whose features existed before, in this store or in others
	Borrowed   int            `json:"borrowed"`   // images among those whose features came from other stores
	Duplicates int            `json:"duplicates"` // images whose content equals another's
	Gone       int            `json:"gone"`       // rows kept although the data set no longer has their images
	Pruned     int            `json:"pruned"`     // such rows that were dropped
	Moved      int            `json:"moved"`      // rows of a part kept although their images belong to another part now, which lacks them
	Handed     int            `json:"handed"`     // rows of a part dropped because another part, to which their images belong now, has them
	Unread     int            `json:"unread"`     // rows kept of images among Skipped whose files could not be read
	Several    int            `json:"several"`    // images whose files have further pages or frames, which are not used
	Dark       int            `json:"dark"`       // images with 16-bit samples that use at most 16 of 256 levels, as those of 10 or 12 bits do
	Changed    bool           `json:"changed"`    // whether the store changed
	Skipped    []Skipped      `json:"skipped"`    // bad images by kind, the most frequent first
	Ignored    map[string]int `json:"ignored"`    // other files by extension
	Seconds    float64        `json:"seconds"`    // time of encoding, including the preparation of the first batch
	SHA256     string         `json:"encoder_sha256,omitempty"`
	Device     string         `json:"device,omitempty"`
	Batch      int            `json:"batch,omitempty"`
	Mixes      bool           `json:"encoder_mixes_batch,omitempty"` // the encoder's features depend on the batch, so each image had its own
}

// SeveralNote says of how many images Summary.Several counts what is used.
func SeveralNote(n int) string {
	return plural.Of(n, "image has several pages or frames: the first is used", "images have several pages or frames: the first of each is used")
}

// Skipped counts bad images of one kind.
type Skipped struct {
	Kind    string `json:"kind"`
	Count   int    `json:"count"`
	Example string `json:"example"` // path of the first one
	Reason  string `json:"reason"`  // reason in words
}

// String is the kind with one of the images, and the reason if that says more.
func (k Skipped) String() string {
	if k.Reason == k.Kind {
		return fmt.Sprintf("%s (such as %s)", k.Kind, k.Example)
	}
	return fmt.Sprintf("%s (such as %s: %s)", k.Kind, k.Example, strings.TrimPrefix(k.Reason, k.Kind+": "))
}

// Bad is the number of skipped images.
func (s *Summary) Bad() int {
	n := 0
	for _, k := range s.Skipped {
		n += k.Count
	}
	return n
}
