package extract

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"maps"
	"sync"

	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/extract/store"
)

// Embedder turns images into features just as the extraction did that a store, and the runs trained on it, come from. Its
// methods may be called by several goroutines at once.
type Embedder struct {
	Transform  pixels.Transform
	IgnoreEXIF bool

	name    string // what people call the encoder
	encoder *encoder.Encoder
	one     sync.Mutex // the encoder's: one batch at a time
}

// ErrOtherEncoder is in the chain of OpenEmbedder's error for a file that is not the encoder asked for.
var ErrOtherEncoder = errors.New("is not the encoder that the features come from")

// Settings reads the JSON that says how features were made: the manifest of a store, or the "encoder" of a run's config.json.
func Settings(described []byte) (store.Settings, error) {
	var s store.Settings
	if len(described) == 0 {
		return s, errors.New("it is not known how the features were made: they came as a plain matrix, not from images")
	}
	if err := json.Unmarshal(described, &s); err != nil {
		return s, fmt.Errorf("how the features were made: %w", err)
	}
	return s, nil
}

// Differ says in words why features made by b are not those that a would make of the same images; "" if they are. Views beyond the
// first, shards and rounding to float16 do not matter.
func Differ(a, b store.Settings) string {
	var x, y preprocessing
	switch {
	case a.Encoder.SHA256 != b.Encoder.SHA256:
		return fmt.Sprintf("encoder %s (SHA-256 %.12s…) instead of %s (%.12s…)", b.Encoder.Name, b.Encoder.SHA256, a.Encoder.Name, a.Encoder.SHA256)
	case a.Encoder.Output != b.Encoder.Output:
		return fmt.Sprintf("output %q of the encoder instead of %q", b.Encoder.Output, a.Encoder.Output)
	case a.Dim != b.Dim:
		return fmt.Sprintf("%d elements instead of %d", b.Dim, a.Dim)
	case json.Unmarshal(a.Preprocessing, &x) != nil || json.Unmarshal(b.Preprocessing, &y) != nil:
		return "how the images were prepared is not known"
	case x.Transform != y.Transform || x.IgnoreEXIF != y.IgnoreEXIF:
		return fmt.Sprintf("images were prepared otherwise (%s instead of %s)", b.Preprocessing, a.Preprocessing)
	}
	return ""
}

// OpenEmbedder opens the encoder in the ONNX file model for images to be treated as described; see Settings. It fails if the
// file is not the one that made the features, told by its SHA-256. Close it after use.
func OpenEmbedder(described []byte, model string, o encoder.Options) (*Embedder, error) {
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
	o.Output, o.Size = s.Encoder.Output, how.Crop
	e, err := encoder.Open(model, o)
	if err != nil {
		return nil, err
	}
	if e.Dim() != s.Dim {
		return nil, errors.Join(fmt.Errorf("model %s gives %d features an image, and %d are expected", model, e.Dim(), s.Dim), e.Close())
	}
	return &Embedder{Transform: how.Transform, IgnoreEXIF: how.IgnoreEXIF, name: s.Encoder.Name, encoder: e}, nil
}

// Close frees the encoder.
func (e *Embedder) Close() error { return e.encoder.Close() }

// Dim is the number of features of an image.
func (e *Embedder) Dim() int { return e.encoder.Dim() }

// Device says in words what the encoder runs on.
func (e *Embedder) Device() string { return e.encoder.Device() }

// FixedBatch is the one batch size that the encoder was made for, 0 if it takes any.
func (e *Embedder) FixedBatch() int { return e.encoder.FixedBatch() }

// Pixels is the number of floats that an image is for the encoder, 3·Crop·Crop.
func (e *Embedder) Pixels() int { return 3 * e.Transform.Crop * e.Transform.Crop }

// Prepare reads the content of an image file, of at most maxPixels (0: as many as an extraction takes), into dst, Pixels() long,
// as Encode takes it. What is no picture gives a *pixels.Error. Decoding ends with ctx.
func (e *Embedder) Prepare(ctx context.Context, dst []float32, content []byte, maxPixels int, s *pixels.Scratch) error {
	m, _, err := pixels.DecodeContext(ctx, content, pixels.DecodeOptions{IgnoreEXIF: e.IgnoreEXIF, MaxPixels: maxPixels})
	if err != nil {
		return err
	}
	return e.Transform.Apply(dst, m, s)
}

// PrepareRGB is Prepare of a picture's pixels, rows of red, green and blue from the top.
func (e *Embedder) PrepareRGB(dst []float32, rgb []uint8, width, height int) error {
	if width < 1 || height < 1 || len(rgb) != 3*width*height {
		return fmt.Errorf("%d bytes for a picture of %d×%d", len(rgb), width, height)
	}
	return e.Transform.Apply(dst, &pixels.Image{Width: width, Height: height, Pix: rgb}, new(pixels.Scratch))
}

// Encode turns n prepared images, n×Pixels(), into features, n×Dim().
func (e *Embedder) Encode(ctx context.Context, dst, prepared []float32, n int) error {
	e.one.Lock()
	defer e.one.Unlock()
	return e.encoder.Encode(ctx, dst, prepared, n)
}

// Embed gives the features of images, a row of Dim() numbers for each. Files are better read with Prepare, whose JPEG decoder
// is that of the extraction to the last bit.
func (e *Embedder) Embed(ctx context.Context, images ...image.Image) ([]float32, error) {
	prepared := make([]float32, len(images)*e.Pixels())
	var s pixels.Scratch
	for i, im := range images {
		m, err := pixels.FromImage(im)
		if err == nil {
			err = e.Transform.Apply(prepared[i*e.Pixels():(i+1)*e.Pixels()], m, &s)
		}
		if err != nil {
			return nil, fmt.Errorf("image %d: %w", i, err)
		}
	}
	features := make([]float32, len(images)*e.Dim())
	if len(images) == 0 {
		return features, nil
	}
	return features, e.Encode(ctx, features, prepared, len(images))
}

// Stream is a data set whose images are looked at as they are encoded, and not kept.
type Stream struct {
	Data    string
	Files   []string // image files, instead of Data
	Dataset dataset.Options
	Batch   int     // images the encoder gets at once; 0: found by a probe
	Workers int     // that read and decode; 0: one a processor
	Memory  int64   // bytes that reading and decoding may take at once; at most what the machine or its control group has; 0: half of that
	Strict  bool    // the first bad image ends it
	MaxBad  float64 // the share of bad images above which it fails at its end

	// Seen, unless nil, tells which images need not be looked at: those whose stamp is the same as when Visit saw them. It is read
	// once, before the first image, so that Visit may write to it.
	Seen map[string]string
	// Leave, unless nil, tells which items of the set are left out, before any of them is read.
	Leave func(set *dataset.Set, i int) bool
	// Visit gets every image in the order of the data set; set is where its bytes are. features are only lent, and nil for a bad
	// image, of which Kind and Skipped say what is wrong.
	Visit func(set *dataset.Set, it store.Item, stamp string, features []float32) error
}

// list opens the stream's data set.
func (d *Stream) list(ctx context.Context, h Hooks) (*dataset.Set, error) {
	if d.Files != nil {
		return dataset.Files(ctx, d.Files)
	}
	return h.list(ctx, d.Data, d.Dataset)
}

// ListingError is Each's error where the data set cannot be listed, before any image is read: it is not there, say, or holds
// no image. Who watches a folder may try again.
type ListingError struct{ Err error }

func (e *ListingError) Error() string { return e.Err.Error() }

func (e *ListingError) Unwrap() error { return e.Err }

// Each encodes the images of a data set through the same stages as Run, without a store. Bad ones are visited and counted.
func (e *Embedder) Each(ctx context.Context, d Stream, h Hooks) (*Summary, error) {
	e.one.Lock()
	defer e.one.Unlock()
	d.Seen = maps.Clone(d.Seen)
	config := Config{
		Data: d.Data, Transform: e.Transform, IgnoreEXIF: e.IgnoreEXIF, Views: 1,
		Batch: d.Batch, Workers: d.Workers, Memory: d.Memory, Strict: d.Strict,
	}
	if err := config.checkResources(); err != nil {
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
	return r.summary, r.summary.judge(d.MaxBad)
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
	if features == nil { // seen
		return nil
	}
	return v.stream.Visit(v.set, it, stamp, features)
}
