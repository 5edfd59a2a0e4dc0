package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"maps"

	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/extract/store"
)

// Embedder turns images into features exactly as the extraction did for a store and the runs trained on it. OpenEmbedder makes one. Its methods
// may be called from several goroutines at once, and from Stream.Visit; their batches take turns.
type Embedder struct {
	Transform  pixels.Transform
	IgnoreEXIF bool

	name    string // name of the encoder in reports
	encoder *turns
}

// ErrOtherEncoder is in the chain of OpenEmbedder's error if the file is not the requested encoder.
var ErrOtherEncoder = errors.New("is not the encoder that made the features")

// ErrPlain is Settings' error for features that were given as a plain matrix.
var ErrPlain = errors.New("the features were given as a plain matrix, so the encoder and preprocessing of their images are unknown")

// Settings reads the JSON that records how features were made: the manifest of a store, or the "encoder" of a run's config.json. It fails with ErrPlain
// if there is none.
func Settings(described []byte) (store.Settings, error) {
	var s store.Settings
	if len(described) == 0 {
		return s, ErrPlain
	}
	if err := json.Unmarshal(described, &s); err != nil {
		return s, fmt.Errorf("record of how the features were made: %w", err)
	}
	return s, nil
}

// Differ says in words why features made with b differ from those made with a for the same images; "" if they do not. Views beyond the
// first, shards and rounding to float16 do not matter.
func Differ(a, b store.Settings) string {
	var x, y preprocessing
	switch {
	case a.Encoder.SHA256 != b.Encoder.SHA256:
		return fmt.Sprintf("encoder %s (SHA-256 %.12s…) instead of %s (%.12s…)", b.Encoder.Name, b.Encoder.SHA256, a.Encoder.Name, a.Encoder.SHA256)
	case a.Encoder.Output != b.Encoder.Output:
		return fmt.Sprintf("encoder output %q instead of %q", b.Encoder.Output, a.Encoder.Output)
	case a.Dim != b.Dim:
		return fmt.Sprintf("%d elements instead of %d", b.Dim, a.Dim)
	case json.Unmarshal(a.Preprocessing, &x) != nil || json.Unmarshal(b.Preprocessing, &y) != nil:
		return "the preprocessing of the images is unknown"
	case x.Transform != y.Transform || x.IgnoreEXIF != y.IgnoreEXIF:
		return fmt.Sprintf("images were preprocessed differently (%s instead of %s)", b.Preprocessing, a.Preprocessing)
	}
	return ""
}

// OpenEmbedder opens the encoder in the ONNX file model for images preprocessed as described; see Settings. It fails if the file's SHA-256
// is not that of the encoder that made the features. The options' Output and Size follow from the description; others are refused. Close it after use.
func OpenEmbedder(ctx context.Context, described []byte, model string, o encoder.Options) (*Embedder, error) {
	s, err := Settings(described)
	if err != nil {
		return nil, err
	}
	var how preprocessing
	if err := json.Unmarshal(s.Preprocessing, &how); err != nil {
		return nil, fmt.Errorf("preprocessing of the features: %w", err)
	}
	if err := how.Transform.Validate(); err != nil {
		return nil, fmt.Errorf("preprocessing of the features: %w", err)
	}
	sum, err := encoder.Sum(model)
	if err != nil {
		return nil, err
	}
	if sum != s.Encoder.SHA256 {
		return nil, fmt.Errorf("%s %w, %s: its SHA-256 is %.12s…, not %.12s…", model, ErrOtherEncoder, s.Encoder.Name, sum, s.Encoder.SHA256)
	}
	if o.Output != "" && o.Output != s.Encoder.Output || o.Size != 0 && o.Size != how.Crop {
		return nil, fmt.Errorf("the encoder's options have output %q and size %d, but the features were made with output %q and size %d: leave them out", o.Output, o.Size, s.Encoder.Output, how.Crop)
	}
	o.Output, o.Size = s.Encoder.Output, how.Crop
	e, err := encoder.Open(ctx, model, o)
	if err != nil {
		return nil, err
	}
	if e.Dim() != s.Dim {
		return nil, errors.Join(fmt.Errorf("model %s gives %d features per image, but %d are expected", model, e.Dim(), s.Dim), e.Close())
	}
	return &Embedder{Transform: how.Transform, IgnoreEXIF: how.IgnoreEXIF, name: s.Encoder.Name, encoder: inTurns(e)}, nil
}

// errUnopened refuses an Embedder that OpenEmbedder did not make.
var errUnopened = errors.New("the embedder has no encoder: OpenEmbedder makes one that does")

// Close releases the encoder, once the batch in progress is encoded. Later ones fail with encoder.ErrClosed in the chain, those of an Each
// that has not ended too.
func (e *Embedder) Close() error {
	if e.encoder == nil {
		return nil
	}
	return e.encoder.Close()
}

// Dim is the number of features of an image; 0 if the Embedder was not opened.
func (e *Embedder) Dim() int {
	if e.encoder == nil {
		return 0
	}
	return e.encoder.Dim()
}

// Device names the device that the encoder runs on; "" if the Embedder was not opened.
func (e *Embedder) Device() string {
	if e.encoder == nil {
		return ""
	}
	return e.encoder.Device()
}

// FixedBatch is the only batch size that the encoder accepts, 0 if it accepts any.
func (e *Embedder) FixedBatch() int {
	if e.encoder == nil {
		return 0
	}
	return e.encoder.FixedBatch()
}

// Remark says what a user should know of the way in which the encoder takes images; "" for most encoders.
func (e *Embedder) Remark() string {
	if e.encoder == nil {
		return ""
	}
	return e.encoder.Remark()
}

// Mixes is true if the encoder's features of an image depend on the other images in its batch. Each image is then encoded alone.
func (e *Embedder) Mixes() bool { return e.encoder != nil && e.encoder.Mixes }

// Pixels is the number of floats in a prepared image, 3·Crop·Crop.
func (e *Embedder) Pixels() int { return 3 * e.Transform.Crop * e.Transform.Crop }

// Prepare decodes and preprocesses the content of an image file of at most maxPixels (0: the limit of an extraction) into dst, of length
// Pixels(), for Encode; s may be nil. Of several pages or frames the first is used. If the content is not a readable picture, the error is a *pixels.Error. Decoding stops when ctx ends.
func (e *Embedder) Prepare(ctx context.Context, dst []float32, content []byte, maxPixels int, s *pixels.Scratch) error {
	m, _, err := pixels.DecodeContext(ctx, content, pixels.DecodeOptions{IgnoreEXIF: e.IgnoreEXIF, MaxPixels: maxPixels})
	if err != nil {
		return err
	}
	return e.Transform.Apply(dst, m, s)
}

// PrepareRGB is Prepare for decoded pixels: rows of red, green and blue from the top.
func (e *Embedder) PrepareRGB(dst []float32, rgb []uint8, width, height int) error {
	if width < 1 || height < 1 || width > len(rgb)/3/height || len(rgb) != 3*width*height {
		return fmt.Errorf("%d bytes for a picture of %d×%d", len(rgb), width, height)
	}
	return e.Transform.Apply(dst, &pixels.Image{Width: width, Height: height, Pix: rgb}, new(pixels.Scratch))
}

// Encode turns n prepared images, n×Pixels(), into features, n×Dim(), in runs of at most encoder.Options.Batch. It waits for other batches no longer than ctx lasts.
func (e *Embedder) Encode(ctx context.Context, dst, prepared []float32, n int) error {
	if e.encoder == nil {
		return errUnopened
	}
	return e.encoder.Encode(ctx, dst, prepared, n)
}

// Embed returns the features of images, a row of Dim() numbers for each. It prepares and encodes a batch at a time. Read files with Prepare instead: its JPEG
// decoder gives the same bits as the extraction's.
func (e *Embedder) Embed(ctx context.Context, images ...image.Image) ([]float32, error) {
	if e.encoder == nil {
		return nil, errUnopened
	}
	if err := e.Transform.Validate(); err != nil {
		return nil, err
	}
	features := make([]float32, len(images)*e.Dim())
	if len(images) == 0 {
		return features, nil
	}
	size, err := e.encoder.Batch(ctx, len(images))
	if err != nil {
		return nil, err
	}
	prepared := make([]float32, size*e.Pixels())
	var s pixels.Scratch
	for lo := 0; lo < len(images); lo += size {
		n := min(size, len(images)-lo)
		for i := range n {
			m, err := pixels.FromImage(images[lo+i])
			if err == nil {
				err = e.Transform.Apply(prepared[i*e.Pixels():(i+1)*e.Pixels()], m, &s)
			}
			if err != nil {
				return nil, fmt.Errorf("image %d: %w", lo+i, err)
			}
		}
		if err := e.Encode(ctx, features[lo*e.Dim():(lo+n)*e.Dim()], prepared[:n*e.Pixels()], n); err != nil {
			return nil, err
		}
	}
	return features, nil
}

// Stream is a data set whose images are encoded and visited, but not stored.
type Stream struct {
	Data    string
	Files   []string // image files, instead of Data
	Dataset dataset.Options
	Workers int     // goroutines that read and decode; 0: one per processor
	Memory  int64   // bytes for reading and decoding, at most what the machine or its control group has; 0: half of that
	Strict  bool    // stop at the first bad image
	MaxBad  float64 // share of bad images, 0 to 1, above which Each fails at its end

	// Seen, unless nil, holds the stamps of images that Visit has already seen: an image with an equal stamp is skipped. It is copied
	// before the first image, so Visit may write to it.
	Seen map[string]string
	// Leave, unless nil, selects items of the set to leave out before any of them is read.
	Leave func(set *dataset.Set, i int) bool
	// Visit is called with every image in the order of the data set, on the goroutine that called Each; set gives access to its bytes. features may not be
	// kept, and are nil for a bad image, whose Kind and Skipped say what is wrong.
	Visit func(set *dataset.Set, it store.Item, stamp string, features []float32) error
}

// list opens the stream's data set.
func (d *Stream) list(ctx context.Context, h Hooks) (*dataset.Set, error) {
	if d.Files != nil {
		return dataset.Files(ctx, d.Files)
	}
	return h.list(ctx, d.Data, d.Dataset, d.Memory)
}

// ListingError is Each's error if the data set cannot be listed before any image is read, for example because it is missing or contains no
// image. A caller that watches a folder may try again.
type ListingError struct{ Err error }

func (e *ListingError) Error() string { return e.Err.Error() }

func (e *ListingError) Unwrap() error { return e.Err }

// Each encodes the images of a data set through the same stages as Run, without a store. Bad images are visited and counted.
func (e *Embedder) Each(ctx context.Context, d Stream, h Hooks) (*Summary, error) {
	switch {
	case e.encoder == nil:
		return nil, errUnopened
	case d.Visit == nil:
		return nil, errors.New("there is no function to visit the images with")
	}
	d.Seen = maps.Clone(d.Seen)
	config := Config{
		Data: d.Data, Transform: e.Transform, IgnoreEXIF: e.IgnoreEXIF, Views: 1,
		Workers: d.Workers, Memory: d.Memory, Strict: d.Strict, MaxBad: d.MaxBad,
	}
	if err := config.checkStages(); err != nil {
		return nil, err
	}
	set, err := d.list(ctx, h)
	if err != nil {
		return nil, &ListingError{err}
	}
	defer set.Close()
	r := &run{
		config: config, hooks: h, set: set, sink: &visitor{set, d}, encoder: e.encoder, dim: e.Dim(),
		summary: &Summary{Items: len(set.Items), Ignored: set.Ignored, Device: e.Device()},
	}
	for i := range set.Items {
		if d.Leave == nil || !d.Leave(set, i) {
			r.entries = append(r.entries, entry{listed: i})
		}
	}
	r.summary.Items = len(r.entries)
	if err := r.all(ctx); err != nil {
		return nil, err
	}
	r.summary.Rows = r.summary.Items - r.summary.Bad()
	return r.summary, r.summary.Judge(d.MaxBad)
}

// visitor is the sink of Each.
type visitor struct {
	set    *dataset.Set
	stream Stream
}

func (v *visitor) Known(path string) (store.Known, bool) {
	stamp, ok := v.stream.Seen[path]
	return store.Known{Stamp: stamp}, ok
}

func (v *visitor) Has(store.Hash) bool { return false }

func (v *visitor) Skip(it store.Item, stamp string) error {
	return v.stream.Visit(v.set, it, stamp, nil)
}

func (v *visitor) Append(it store.Item, stamp string, features []float32) error {
	if features == nil { // already seen
		return nil
	}
	return v.stream.Visit(v.set, it, stamp, features)
}
