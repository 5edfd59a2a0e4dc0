package extract

import (
	"errors"
	"fmt"
	"strings"

	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/internal/budget"
)

// Config is everything that an extraction is told.
type Config struct {
	Data    string // the data set: see package dataset
	Dataset dataset.Options

	Model     string                 // the ONNX file
	ModelName string                 // what people call it
	Encoder   encoder.Options        // Library and Size are filled in
	Library   func() (string, error) // finds the ONNX Runtime library; called once there is something to encode
	Transform pixels.Transform       // Crop must be the model's input size

	IgnoreEXIF bool // leave pictures as they are stored

	Views int    // of each image, ≥ 1: the plain one and Views−1 augmented ones
	Seed  uint64 // of the augmented views

	Augment pixels.Augmentation // how they are drawn

	Half bool // keep float16, not float32

	Out       string // the store's folder, or its address in a bucket
	ShardRows int    // rows of a shard; 0: 1024
	Part      int    // encode part Part of Parts, into a folder of its own in Out; 0: everything
	Parts     int

	Batch   int     // images the encoder gets at once; 0: found by a probe
	Workers int     // that read and decode; 0: one a processor
	Memory  int64   // bytes that reading and decoding may take at once; at most what the machine or its control group has; 0: half of that
	Anew    bool    // encode what other stores of this user have features of, too
	Prune   bool    // drop what the data set no longer has
	Strict  bool    // the first bad image ends the run
	MaxBad  float64 // the share of bad images above which the run fails at its end
}

// DefaultShardRows keeps a shard small enough that losing one costs a minute, and large enough that a million rows are
// a thousand files.
const DefaultShardRows = 1024

// Validate checks all that can be checked before the work.
func (c *Config) Validate() error {
	switch {
	case c.Data == "" || c.Model == "" || c.Out == "":
		return errors.New("data, model and out are needed")
	case strings.HasPrefix(c.Out, "https://") || strings.HasPrefix(c.Out, "http://"):
		return errors.New("nothing is written to an address of https: give a folder or a bucket as s3://bucket/prefix")
	case c.Views < 1 || c.Views > 1000:
		return fmt.Errorf("views %d: want 1 to 1000", c.Views)
	case c.Encoder.Threads < 0:
		return fmt.Errorf("threads %d: want 1 or more, or 0 for one a processor", c.Encoder.Threads)
	case c.ShardRows < 0:
		return fmt.Errorf("shard rows %d: want 1 or more", c.ShardRows)
	case !(c.MaxBad >= 0 && c.MaxBad <= 1):
		return fmt.Errorf("max-bad %g: want a share from 0 to 1", c.MaxBad)
	case c.Parts < 0 || c.Part < 0 || c.Part > c.Parts || c.Parts > 0 && c.Part == 0:
		return fmt.Errorf("shard %d/%d: want 1/n to n/n", c.Part, c.Parts)
	}
	if err := c.checkResources(); err != nil {
		return err
	}
	if c.Views > 1 {
		if err := c.Augment.Validate(); err != nil {
			return err
		}
	}
	return c.Transform.Validate()
}

// checkResources checks what the work may take of the machine.
func (c *Config) checkResources() error {
	const mostWorkers = 1 << 16
	switch {
	case c.Batch < 0 || c.Batch > 1<<14:
		return fmt.Errorf("batch %d: want 1 to 16384, or 0 to find one", c.Batch)
	case c.Workers < 0 || c.Workers > mostWorkers:
		return fmt.Errorf("workers %d: want 1 to %d, or 0 for one a processor", c.Workers, mostWorkers)
	}
	return budget.Check(c.Memory)
}

// Hooks are told how the run goes; any may be nil.
type Hooks struct {
	// Listed is told how many images and classes the data set has, before any is encoded; its error ends the run.
	Listed   func(items, classes int) error
	Note     func(text string)
	Progress func(done, total int) // images, at any rate
}

func (h Hooks) note(format string, args ...any) {
	if h.Note != nil {
		h.Note(fmt.Sprintf(format, args...))
	}
}

// Summary is what a run did.
type Summary struct {
	Store      string         `json:"store"`
	Items      int            `json:"items"`      // images of the data set, or of the part
	Rows       int            `json:"rows"`       // rows of the store now
	Encoded    int            `json:"encoded"`    // images that went through the encoder
	Already    int            `json:"already"`    // images whose features were there before, in this store or in others
	Borrowed   int            `json:"borrowed"`   // images of those whose features came from other stores
	Duplicates int            `json:"duplicates"` // images whose content another one has, too
	Gone       int            `json:"gone"`       // rows of images that the data set no longer has, kept
	Pruned     int            `json:"pruned"`     // and dropped
	Changed    bool           `json:"changed"`    // anything in the store
	Skipped    []Skipped      `json:"skipped"`    // bad images, by kind, most first
	Ignored    map[string]int `json:"ignored"`    // other files, by extension
	Seconds    float64        `json:"seconds"`    // of encoding, the preparation of the first batch included
	SHA256     string         `json:"encoder_sha256,omitempty"`
	Device     string         `json:"device,omitempty"`
	Batch      int            `json:"batch,omitempty"`
}

// Skipped counts bad images of one kind.
type Skipped struct {
	Kind    string `json:"kind"`
	Count   int    `json:"count"`
	Example string `json:"example"` // the first one's path
	Reason  string `json:"reason"`  // in words
}

// String is the kind with one of the images, and what was wrong there if that says more.
func (k Skipped) String() string {
	if k.Reason == k.Kind {
		return fmt.Sprintf("%s (such as %s)", k.Kind, k.Example)
	}
	return fmt.Sprintf("%s (such as %s: %s)", k.Kind, k.Example, strings.TrimPrefix(k.Reason, k.Kind+": "))
}

// Bad is the number of images that were skipped.
func (s *Summary) Bad() int {
	n := 0
	for _, k := range s.Skipped {
		n += k.Count
	}
	return n
}
