package classify_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"iconic"
	"iconic/classify"
	"iconic/extract/synthetic"
	"iconic/models"
)

// An encoder that was moved and named once is found from then on.
func TestTheEncoderThatWasNamedIsRemembered(t *testing.T) {
	dir := t.TempDir()
	pictures, trained, model, moved := filepath.Join(dir, "pictures"), filepath.Join(dir, "run"), filepath.Join(dir, "own.onnx"), filepath.Join(dir, "moved.onnx")
	if err := synthetic.Write(t.Context(), pictures, 4, 64, 2); err != nil {
		t.Fatal(err)
	}
	made, err := models.Resolve(t.Context(), models.TinyName, models.Options{Out: model, Precision: "float16"}) // no other test has this encoder
	if err != nil {
		t.Fatal(err)
	}
	side := made.Preprocessing
	if _, err := iconic.Cluster(t.Context(), pictures, iconic.Options{
		Encoding: iconic.Encoding{Model: model, Resize: side.Resize, Crop: side.Crop, Mean: side.Mean[:], Std: side.Std[:]},
		Training: iconic.Training{Out: trained, Clusters: 4}, Store: filepath.Join(dir, "store"),
	}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(model, moved); err != nil {
		t.Fatal(err)
	}
	var missing *classify.EncoderError
	if _, err := classify.Open(t.Context(), trained, classify.Options{}); !errors.As(err, &missing) {
		t.Fatalf("the encoder is gone: %v", err)
	}
	for _, name := range []string{moved, ""} {
		m, err := classify.Open(t.Context(), trained, classify.Options{Model: name})
		if err != nil {
			t.Fatalf("model %q: %v", name, err)
		}
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}
}
