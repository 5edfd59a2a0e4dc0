package models

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"

	"iconic/models/onnx"
	"iconic/models/vit"
	"iconic/models/weights"
)

// TinyName is the name of the built-in encoder.
const TinyName = "tiny"

// TinyCaution must accompany every accuracy obtained with the built-in encoder on the demo's images, and TinyElsewhere every result on others.
const TinyCaution = "The built-in encoder was trained partly with labels, on other images from the demo's generator: this accuracy shows that the program works, not what clustering without labels achieves."

// TinyElsewhere says what the built-in encoder is for where the images are not the demo's.
const TinyElsewhere = "The built-in encoder was trained for the demo, partly with labels, on generated images: for photographs, choose a pretrained encoder; these scores do not show what it would achieve."

//go:embed tiny
var tiny embed.FS

// openTiny opens the built-in weights: an encoder with DINO's architecture, trained partly with labels on pictures drawn by this project
// (see scripts/tiny and tiny/README.md), whose number of heads is in its metadata.
func openTiny() (f *weights.File, sum string, err error) {
	b, err := tiny.ReadFile("tiny/tiny.safetensors")
	if err != nil {
		return nil, "", fmt.Errorf("the built-in encoder: %w", err)
	}
	hash := sha256.Sum256(b)
	f, err = weights.Read("the built-in encoder", bytes.NewReader(b), int64(len(b)))
	return f, hex.EncodeToString(hash[:]), err
}

// importTiny imports it like any other encoder; the default image size is the one it was trained on.
func importTiny(o Options) (*onnx.Model, *Model, error) {
	f, sum, err := openTiny()
	if err != nil {
		return nil, nil, err
	}
	a, err := vit.Inspect(f, 0)
	if err != nil {
		return nil, nil, err
	}
	if o.ImageSize == 0 {
		o.ImageSize = a.Grid * a.Patch
	}
	graph, m, err := lay(f, sum, o)
	if err != nil {
		return nil, nil, err
	}
	m.Name, m.Licence, m.From = TinyName, "Apache-2.0", "built in"
	return graph, m, nil
}

func resolveTiny(ctx context.Context, o Options) (*Model, error) {
	graph, m, err := importTiny(o)
	if err != nil {
		return nil, err
	}
	return m, o.store(ctx, m, TinyName, graph)
}
