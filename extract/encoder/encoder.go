package encoder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"iconic/internal/plural"
	"iconic/option"
)

// Options say how to run a model.
type Options struct {
	Library  string   // the ONNX Runtime library: see package onnxruntime
	Provider Provider // "": Auto
	Threads  int      // threads of the session; 0: one per processor
	Output   string   // name of the output to use; "": the only one
	Size     int      // height and width for a model that leaves them free; 0: the model must fix one of them
	// Batch is the number of images of a run: at most, 0 for 8 until Encoder.Batch finds a better one; with CUDA and TensorRT always, the missing ones
	// being black, and 0 for 64, or fewer if the GPU's memory is small. A model that fixes the number, or Mixes images, has its own: see Remark.
	Batch int
	// Resting lets the session's threads sleep between two runs instead of spinning. Runs in quick succession become a little slower, but
	// the processors are free for other work: useful for servers. Runs then have as many images as there are, at most Batch or 64, also with CUDA.
	Resting bool
}

// Encoder is an open model. Encode may not be called from two goroutines at once.
type Encoder struct {
	Provider Provider // the provider in use; never Auto
	Passed   error    // why Auto skipped an earlier provider; nil if it did not
	// Mixes is true if the model's features of an image depend on the other images in its batch. Encode then gives each image a batch of
	// its own.
	Mixes bool
	// Single is true if the model encodes one image at a time only, although its description allows any number.
	Single bool

	name          string
	height, width int
	dim           int
	fixed         int // batch size of the model; 0: free
	plan          plan
	wanted        int  // Options.Batch
	untried       bool // Batch may find a better plan by trial
	threads       int

	callers callers
	session *ort.DynamicAdvancedSession
	input   ort.InputOutputInfo
	output  ort.InputOutputInfo
}

// Open loads the model in the named file and checks that it is an encoder: among other things, that it gives an image the same features each
// time. Close it after use. Its errors are one sentence that names the file, or ctx's own.
func Open(ctx context.Context, name string, o Options) (*Encoder, error) {
	if stat, err := os.Stat(name); err != nil {
		return nil, fmt.Errorf("model: %w", err)
	} else if !stat.Mode().IsRegular() || stat.Size() == 0 {
		return nil, fmt.Errorf("model %s is not an ONNX file: it is empty, or not a regular file", name)
	}
	if o.Batch < 0 || o.Batch > MaxBatch {
		return nil, option.Errorf("Batch", "batch %d: want 1 to %d, or 0", o.Batch, MaxBatch)
	}
	if err := CheckThreads(o.Threads); err != nil {
		return nil, err
	}
	if err := load(ctx, o.Library); err != nil {
		return nil, err
	}
	inputs, outputs, err := describe(name)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", name, explain(err))
	}
	e := &Encoder{name: name, threads: o.Threads}
	if e.threads < 1 {
		e.threads = runtime.GOMAXPROCS(0)
	}
	if err := e.chooseInput(inputs, o.Size); err != nil {
		return nil, fmt.Errorf("model %s: %w", name, err)
	}
	if err := e.chooseOutput(outputs, o.Output); err != nil {
		return nil, fmt.Errorf("model %s: %w", name, err)
	}
	if err := e.start(o.Provider, o.Resting); err != nil {
		return nil, err
	}
	if err := e.probe(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("model %s: %w", name, err), e.Close())
	}
	if err := e.tryCompany(ctx); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	if err := e.choosePlan(ctx, o); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// describe reads the model's inputs and outputs, with as little work as the library allows.
func describe(name string) (inputs, outputs []ort.InputOutputInfo, err error) {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return nil, nil, err
	}
	defer o.Destroy()
	if err := errors.Join(o.SetGraphOptimizationLevel(ort.GraphOptimizationLevelDisableAll), o.SetIntraOpNumThreads(1)); err != nil {
		return nil, nil, err
	}
	return ort.GetInputOutputInfoWithOptions(name, o)
}

// explain shortens ONNX Runtime's error for a file that it cannot read.
func explain(err error) error {
	text := err.Error()
	if strings.Contains(text, "rotobuf") {
		return errors.New("this is not an ONNX file")
	}
	return fmt.Errorf("ONNX Runtime cannot load it: %s", strings.Join(strings.Fields(text), " "))
}

// start makes the session on the first provider that works.
func (e *Encoder) start(wanted Provider, resting bool) error {
	if err := wanted.check(); err != nil && wanted != "" {
		return err
	}
	var passed error
	for _, p := range wanted.candidates() {
		err := e.startOn(p, resting)
		if err == nil {
			e.Provider, e.Passed = p, passed
			return nil
		}
		passed = errors.Join(passed, fmt.Errorf("provider %s: %w", p, explain(err)))
	}
	if wanted == Auto || wanted == "" || wanted == CPU {
		return fmt.Errorf("model %s: %w", e.name, passed)
	}
	return option.Errorf("Provider", "model %s: %w", e.name, passed)
}

func (e *Encoder) startOn(p Provider, resting bool) error {
	o, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer o.Destroy()
	if err := errors.Join(o.SetIntraOpNumThreads(e.threads), o.SetInterOpNumThreads(1)); err != nil {
		return err
	}
	if resting {
		if err := o.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"); err != nil {
			return err
		}
	}
	if err := p.attach(o); err != nil {
		return err
	}
	c := newCallers(p.callers())
	err = c.do(func() (err error) {
		e.session, err = ort.NewDynamicAdvancedSession(e.name, []string{e.input.Name}, []string{e.output.Name}, o)
		return err
	})
	if err != nil {
		c.end()
		return err
	}
	e.callers = c
	return nil
}

// ErrClosed is in the chain of Encode's error after Close.
var ErrClosed = errors.New("the encoder is closed")

// Close releases the session and its tensors.
func (e *Encoder) Close() error {
	if e.session == nil {
		return nil
	}
	err := e.callers.do(e.session.Destroy)
	e.callers.end()
	e.session = nil
	return err
}

// InputSize is the height and width of the images that the model takes, in pixels.
func (e *Encoder) InputSize() (height, width int) { return e.height, e.width }

// Dim is the length of a feature vector.
func (e *Encoder) Dim() int { return e.dim }

// Remark says what a user should know of the way in which the model takes images, also if it is not in batches of Options.Batch; "" for most models.
func (e *Encoder) Remark() string {
	switch {
	case e.Mixes:
		return "this encoder's features of an image depend on the other images in the batch: images are encoded one at a time, so that the features of an image are always the same"
	case e.Single:
		return "this encoder takes one image at a time, although its file says that it takes any number: images are encoded one at a time, which is slower"
	case e.fixed > 0 && e.wanted > 0 && e.wanted != e.fixed:
		return fmt.Sprintf("this encoder takes exactly %s at a time: batches have that size, not %d", plural.Of(e.fixed, "image", "images"), e.wanted)
	}
	return ""
}

// FixedBatch is the only batch size that the model accepts, 1 if it is Single, 0 if it accepts any.
func (e *Encoder) FixedBatch() int { return e.fixed }

// Device names the device that the model runs on.
func (e *Encoder) Device() string {
	if e.Provider == CPU {
		return fmt.Sprintf("processor, %d threads", e.threads)
	}
	return e.Provider.device()
}
