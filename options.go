package iconic

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/pixels"
	"iconic/features"
	"iconic/head/icon"
	"iconic/internal/cachefolder"
	"iconic/models"
	"iconic/progress"
	"iconic/run"
)

// Options determine how images become clusters. Model and Out are required; the zero value of every other field is a valid default.
type Options struct {
	Encoding // how images become features
	Training // how features become clusters

	// Store is the folder of the feature store; "": a folder in the user's cache, chosen by data and encoder.
	Store string
	// Extraction has the other settings of the extraction, documented at extract.Config: Dataset, Views, Half, MaxBad and so on. Options
	// and Encoding override the fields that they set.
	Extraction extract.Config
}

// Encoding selects the encoder that turns images into features, and how images are prepared for it.
type Encoding struct {
	// Model is a name in the registry (models.Registry), "tiny", a file of weights, or an ONNX file.
	Model string
	// Shape has options for an encoder that is built from weights, such as its Precision; see models.Resolve.
	Shape models.Options

	Resize     int       // pixels of an image's shorter side before cropping; 0: the model's, or Crop
	Crop       int       // side of the square that the encoder sees; 0: the model's, or Shape.ImageSize
	Whole      bool      // squeeze the whole image into the square instead of cropping
	Mean, Std  []float32 // for red, green and blue, whose values go from 0 to 1, so that neither exceeds 1; nil: the model's
	IgnoreEXIF bool      // leave images as stored, without applying their EXIF orientation

	Library  string           // ONNX Runtime library, or its folder; "": search for it, or download it once
	Provider encoder.Provider // execution provider of the encoder; "": encoder.Auto
	Threads  int              // of the encoder; 0: one per processor
}

// Training determines how a head is trained on features.
type Training struct {
	Out      string            // the run folder to make
	Clusters int               // 0: Settings["clusters"] (a number or "auto"), or else the number of classes with images
	Settings map[string]string // by name, such as "method" or "neighbours": run.Settings lists them, head/methods the methods; others are refused
	Seed     uint64            // for all random choices
	Resume   bool              // continue an interrupted training in Out
	Workers  int               // goroutines; 0: one per processor. It does not change the result.

	Second *features.Set // features of the same images by another encoder, for methods that use them
	Edges  []icon.Edge   // edges of a graph, for methods that draw one
	// Images is the data set that the features come from; the page takes its pictures from it. ImageColumn is the image column of its
	// Parquet files, if it had to be named. Cluster fills in both.
	Images, ImageColumn string

	Safe     bool            // prefix cells of the run's CSV files that a spreadsheet would take for formulas with an apostrophe
	Formulas func(cells int) // called with the number of such cells in assignments.csv; may be nil

	Hooks progress.Hooks // receive progress; the zero value ignores it
}

// PreprocessingError says which part of a model's preprocessing is unknown and must be given.
type PreprocessingError struct {
	Model string
	Field string // of Encoding: "Mean and Std" or "Crop"
}

func (e *PreprocessingError) Error() string {
	return fmt.Sprintf("the preprocessing of %s is not known (%s missing)", e.Model, e.Field)
}

// prepare finds the model and its preprocessing, and puts both into c. The model's file is kept until release.
func (e Encoding) prepare(ctx context.Context, c *extract.Config, h progress.Hooks) (release func(), err error) {
	if err := e.checkChannels(); err != nil {
		return nil, err
	}
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
	if note := e.assumed(m, t); note != "" {
		h.Notef("%s", note)
	}
	provider := cmp.Or(e.Provider, c.Encoder.Provider, encoder.Auto)
	c.Model, c.ModelName, c.Transform, c.IgnoreEXIF = m.Path, m.Name, t, e.IgnoreEXIF
	c.Encoder.Provider, c.Encoder.Threads = provider, cmp.Or(e.Threads, c.Encoder.Threads)
	c.Library = func() (string, error) { return provider.FindLibrary(ctx, e.Library, h) }
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

// checkChannels checks the given mean and standard deviation, before a model is fetched.
func (e Encoding) checkChannels() error {
	var t pixels.Transform
	for _, given := range []struct {
		channels []float32
		to       *[3]float32
	}{{e.Mean, &t.Mean}, {e.Std, &t.Std}} {
		if n := len(given.channels); given.channels != nil && n != 3 {
			return &run.SettingsError{Err: fmt.Errorf("mean or standard deviation of %d channels: want 3, for red, green and blue", n)}
		}
		copy(given.to[:], given.channels)
	}
	if err := t.CheckUnits(); err != nil {
		return &run.SettingsError{Err: err}
	}
	return nil
}

// transform combines the given values with the model's own for the rest.
func (e Encoding) transform(m *models.Model) (pixels.Transform, error) {
	t := pixels.Transform{Resize: e.Resize, Crop: e.Crop, Whole: e.Whole}
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
	size := cmp.Or(m.ImageSize, e.Shape.ImageSize) // the second for an ONNX file that leaves it free
	if t.Crop == 0 {
		t.Crop = size
	}
	if t.Crop == 0 {
		return t, &PreprocessingError{e.Model, "Crop"}
	}
	if e.Shape.ImageSize != 0 && t.Crop != size {
		return t, &run.SettingsError{Err: fmt.Errorf("crop %d and image size %d: the crop is what the encoder sees, so give one of them, or the same for both", t.Crop, size)}
	}
	if t.Resize == 0 {
		t.Resize = t.Crop
	}
	if err := t.Validate(); err != nil {
		return t, &run.SettingsError{Err: err}
	}
	return t, nil
}

// assumed says which parts of the preprocessing are a guess; "" if none is.
func (e Encoding) assumed(m *models.Model, t pixels.Transform) string {
	var parts []string
	for _, part := range []struct {
		name  string
		given bool
		value string
	}{
		{"resize", e.Resize != 0 || e.Whole, strconv.Itoa(t.Resize)},
		{"mean", e.Mean != nil, fmt.Sprintf("%g,%g,%g", t.Mean[0], t.Mean[1], t.Mean[2])},
		{"std", e.Std != nil, fmt.Sprintf("%g,%g,%g", t.Std[0], t.Std[1], t.Std[2])},
	} {
		if !part.given && slices.Contains(m.Assumed, part.name) {
			parts = append(parts, part.name+" "+part.value)
		}
	}
	if len(parts) == 0 {
		return ""
	}
	why := "is not known as the file of a published encoder"
	if m.Classifier != "" {
		why = fmt.Sprintf("has a classifier (%s), so it may have been trained with labels", m.Classifier)
	}
	return fmt.Sprintf("%s %s: the preprocessing of DINO, DINOv2 and DINOv3 is assumed (%s), and may not be the one it was trained with; resize, crop, mean and std change it", m.From, why, strings.Join(parts, ", "))
}
