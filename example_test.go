package iconic_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"log"
	"os"
	"path/filepath"

	"iconic/extract"
	"iconic/extract/encoder"
	"iconic/extract/onnxruntime"
	"iconic/extract/pixels"
	"iconic/extract/store"
	"iconic/extract/synthetic"
	"iconic/features"
	"iconic/head"
	"iconic/models"
	"iconic/report"
	"iconic/run"
)

// A folder of images becomes a feature store, and a head is trained on it, without labels; they only score it.
func Example() {
	ctx, folder := context.Background(), scratch()
	defer os.RemoveAll(folder)
	s, _, _ := encode(ctx, folder, 20)
	defer s.Close()
	features, err := s.View(0)
	check(err)
	result, err := head.Train(ctx, features, head.Inputs{}, head.Default(10), head.Options{})
	check(err)
	items, err := s.RowItems()
	check(err)
	var labels []int
	for _, it := range items {
		labels = append(labels, it.Label)
	}
	m, err := report.Score(ctx, report.Input{
		Clusters: 10, Items: len(labels), Labels: labels, Classes: s.Classes,
		Probabilities: func(dst []float64, lo, hi int) error {
			x, p := make([]float32, (hi-lo)*s.Dim), make([]float32, len(dst))
			if err := errors.Join(features.Block(x, lo, hi), result.Head.Probabilities(p, x, hi-lo)); err != nil {
				return err
			}
			for i, v := range p {
				dst[i] = float64(v)
			}
			return nil
		},
	})
	check(err)
	fmt.Println("more than 80 % right:", m.Accuracy > 0.8)
	// Output: more than 80 % right: true
}

// A run is loaded, and an image classified.
func Example_classify() {
	ctx := context.Background()
	folder, model, library := trainedRun(ctx) // a run folder, its encoder, and the ONNX Runtime library
	defer os.RemoveAll(folder)
	var picture image.Image = star()

	trained, err := run.Load(folder)
	check(err)
	embedder, err := extract.OpenEmbedder(trained.Config.Encoder, model, encoder.Options{Library: library})
	check(err)
	defer embedder.Close()
	features, err := embedder.Embed(ctx, picture)
	check(err)
	p := make([]float32, trained.Config.Training.Clusters)
	check(trained.Probabilities(p, features, 1))

	sum := float32(0)
	for _, v := range p {
		sum += v
	}
	fmt.Printf("%d clusters, probabilities of sum %.2f\n", len(p), sum)
	// Output: 10 clusters, probabilities of sum 1.00
}

// encode draws pictures into a folder and makes a feature store of them: what `pipeline extract` does.
func encode(ctx context.Context, folder string, perClass int) (s *store.Store, model, library string) {
	data, out := filepath.Join(folder, "pictures"), filepath.Join(folder, "store")
	check(synthetic.Write(ctx, data, perClass, 64, 1))
	tiny, err := models.Resolve(ctx, models.TinyName, models.Options{})
	check(err)
	library, err = onnxruntime.Find(ctx, onnxruntime.Options{})
	check(err)
	p := tiny.Preprocessing
	_, err = extract.Run(ctx, extract.Config{
		Data: data, Out: out, Model: tiny.Path, ModelName: tiny.Name, Views: 1,
		Transform: pixels.Transform{Resize: p.Resize, Crop: p.Crop, Mean: p.Mean, Std: p.Std},
		Library:   func() (string, error) { return library, nil },
	}, extract.Hooks{})
	check(err)
	s, err = store.Open(out)
	check(err)
	return s, tiny.Path, library
}

// trainedRun makes a run folder: what `pipeline run` does.
func trainedRun(ctx context.Context) (folder, model, library string) {
	folder = scratch()
	s, model, library := encode(ctx, folder, 6)
	defer s.Close()
	view, err := s.View(0)
	check(err)
	described, err := json.Marshal(s.Settings)
	check(err)
	c := run.Config{
		Training: head.Default(10), Encoder: described,
		Features: features.Source{Store: "store", Key: s.Key(), Rows: s.Rows, Dim: s.Dim},
	}
	check(run.Create(folder, c))
	result, err := head.Train(ctx, view, head.Inputs{}, c.Training, head.Options{})
	check(err)
	check(run.Finish(folder, c, result))
	return folder, model, library
}

func scratch() string {
	folder, err := os.MkdirTemp("", "iconic")
	check(err)
	return folder
}

func star() image.Image {
	im, err := synthetic.Draw(7, 99, 64)
	check(err)
	return im
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
