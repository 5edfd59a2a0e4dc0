package iconic

import (
	"context"
	"fmt"
	"path/filepath"

	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/onnxruntime"
	"iconic/extract/pixels"
	"iconic/features"
	"iconic/head/icon"
	"iconic/internal/cachefolder"
	"iconic/models"
	"iconic/progress"
	"iconic/run"
)

// Options say how images become clusters. Model and Out are needed; the zero value of every other field will do.
type Options struct {
	Encoding // how images become features
	Training // how features become clusters

	// Store is the folder of the feature store; "": one in the user's cache, by data and encoder.
	Store string
	// Extraction is what the extraction is told besides, as extract.Config documents it: Dataset, Views, Half, MaxBad and so on. Fields that
	// Options and Encoding speak of are theirs.
	Extraction extract.Config
}

// Encoding says which encoder turns images into features, and how they are prepared for it.
type Encoding struct {
	// Model is a name of the registry (models.Registry), "tiny", a file of weights, or an ONNX file.
	Model string
	// Shape is what an encoder that is made from weights is to be like, such as its Precision; see models.Resolve.
	Shape models.Options

	Resize     int       // pixels of an image's shorter side before cropping; 0: the model's, or Crop
	Crop       int       // side of the square that the encoder sees; 0: the model's
	Whole      bool      // the whole image is squeezed into the square
	Mean, Std  []float32 // of red, green and blue, from 0 to 1; nil: the model's
	IgnoreEXIF bool      // images are left as they are stored, not as their EXIF orientation says

	Library  string           // ONNX Runtime library, or its folder; "": found, or fetched once
	Provider encoder.Provider // what runs the encoder; "": encoder.Auto
	Threads  int              // of the encoder; 0: one per processor
}

// Training says how a head is trained on features.
type Training struct {
	Out      string            // the run folder to make
	Clusters int               // 0: what Settings say ("clusters": a number or "auto"), or the number of the data's classes
	Settings map[string]string // by name, such as "method" or "neighbours": run.Settings lists them, head/methods the methods
	Seed     uint64            // of everything random
	Resume   bool              // goes on with an interrupted training in Out
	Workers  int               // goroutines; 0: one per processor. It changes no bit of the result.

	Second *features.Set // features of the same images by another encoder, for methods that take them
	Edges  []icon.Edge   // of a graph, for methods that lay one out
	// Images is the data set that the features are of, for the pictures of the page, and ImageColumn the column of its Parquet files where
	// that had to be named; Cluster knows both.
	Images, ImageColumn string

	Safe     bool            // has cells of assignments.csv that a spreadsheet would take for formulas begin with an apostrophe
	Formulas func(cells int) // told how many such cells there are; may be nil

	Hooks progress.Hooks // told how far the work is; the zero value is told nothing
}

// PreprocessingError says what is not known of how images are to be prepared for a model, and has to be said.
type PreprocessingError struct {
	Model string
	Field string // of Encoding: "Mean and Std" or "Crop"
}

func (e *PreprocessingError) Error() string {
	return fmt.Sprintf("how images are prepared for %s is not known: %s has to be given", e.Model, e.Field)
}

// prepare finds the model and how images are prepared for it, and puts both into c. The model's file stays until release.
func (e Encoding) prepare(ctx context.Context, c *extract.Config, h progress.Hooks) (release func(), err error) {
	shape := e.Shape
	if shape.Note == nil && shape.Progress == nil {
		shape.Note, shape.Progress = h.Note, h.Bytes
	}
	m, err := models.Resolve(ctx, e.Model, shape)
	if err != nil {
		return nil, err
	}
	t, err := e.transform(m)
	if err != nil {
		return nil, err
	}
	provider := e.Provider
	if provider == "" {
		provider = encoder.Auto
	}
	c.Model, c.ModelName, c.Transform, c.IgnoreEXIF = m.Path, m.Name, t, e.IgnoreEXIF
	c.Encoder = encoder.Options{Provider: provider, Threads: e.Threads}
	c.Library = func() (string, error) { return findLibrary(ctx, e.Library, provider, h) }
	if c.Views == 0 {
		c.Views = 1
	}
	if c.Dataset.LabelsFrom == "" {
		c.Dataset.LabelsFrom = dataset.First
	}
	if c.Augment == (pixels.Augmentation{}) {
		c.Augment = pixels.DefaultAugmentation()
	}
	return cachefolder.Hold(ctx, filepath.Dir(m.Path))
}

// transform is what is given, and for the rest what the model knows of itself.
func (e Encoding) transform(m *models.Model) (pixels.Transform, error) {
	t := pixels.Transform{Resize: e.Resize, Crop: e.Crop, Whole: e.Whole}
	for _, channels := range [][]float32{e.Mean, e.Std} {
		if channels != nil && len(channels) != 3 {
			return t, &run.SettingsError{Err: fmt.Errorf("mean or standard deviation of %d channels: want 3, for red, green and blue", len(channels))}
		}
	}
	mean, std := e.Mean, e.Std
	if p := m.Preprocessing; p != nil {
		if t.Crop == 0 {
			t.Crop = p.Crop
		}
		if t.Resize == 0 {
			t.Resize = p.Resize
		}
		if mean == nil {
			mean = p.Mean[:]
		}
		if std == nil {
			std = p.Std[:]
		}
	}
	if mean == nil || std == nil {
		return t, &PreprocessingError{e.Model, "Mean and Std"}
	}
	copy(t.Mean[:], mean)
	copy(t.Std[:], std)
	if t.Crop == 0 {
		t.Crop = m.ImageSize
	}
	if t.Crop == 0 {
		return t, &PreprocessingError{e.Model, "Crop"}
	}
	if t.Resize == 0 {
		t.Resize = t.Crop
	}
	if err := t.Validate(); err != nil {
		return t, &run.SettingsError{Err: err}
	}
	return t, nil
}

// findLibrary finds or fetches the ONNX Runtime library.
func findLibrary(ctx context.Context, path string, p encoder.Provider, h progress.Hooks) (string, error) {
	return onnxruntime.Find(ctx, onnxruntime.Options{
		Path: path, CUDA: p == encoder.CUDA || p == encoder.TensorRT, Note: h.Note,
		Progress: func(done, total int64) { h.Bytes("ONNX Runtime", done, total) },
	})
}
