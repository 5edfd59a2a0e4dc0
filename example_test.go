package iconic_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"

	"iconic"
	"iconic/classify"
	"iconic/extract/synthetic"
	"iconic/features"
	"iconic/head"
	"iconic/progress"
	"iconic/run"
)

// Sort a folder of images into clusters without labels. Labels, here the class folders, are used only to score the result.
func ExampleCluster() {
	folder := scratch()
	defer os.RemoveAll(folder)
	pictures := drawPictures(folder)

	r, err := iconic.Cluster(context.Background(), pictures, iconic.Options{
		Encoding: iconic.Encoding{Model: "tiny"},
		Training: iconic.Training{Out: filepath.Join(folder, "run"), Clusters: 10},
		Store:    filepath.Join(folder, "features"),
	})
	check(err)
	sizes := map[int]int{}
	for _, image := range r.Table.All() { // path, cluster, name and confidence
		sizes[image.Cluster]++
	}
	fmt.Println(len(sizes), "clusters; more than 80 % right:", r.Metrics.Accuracy > 0.8, "; page:", filepath.Base(r.Page()))
	// Output: 10 clusters; more than 80 % right: true ; page: report.html
}

// Load a run and classify an image.
func ExampleOpenModel() {
	ctx, folder := context.Background(), scratch()
	defer os.RemoveAll(folder)
	out := filepath.Join(folder, "run")
	_, err := iconic.Cluster(ctx, drawPictures(folder), iconic.Options{
		Encoding: iconic.Encoding{Model: "tiny"}, Training: iconic.Training{Out: out}, Store: filepath.Join(folder, "features"),
	})
	check(err)

	model, err := iconic.OpenModel(ctx, out, classify.Options{})
	check(err)
	defer model.Close()
	picture, err := synthetic.Draw(7, 99, 64) // any image.Image
	check(err)
	p, err := model.Image(ctx, picture)
	check(err)
	fmt.Println("one of 10 clusters:", p.Cluster >= 0 && p.Cluster < 10, "; confidence from 0 to 1:", p.Confidence > 0 && p.Confidence <= 1)
	// Output: one of 10 clusters: true ; confidence from 0 to 1: true
}

// Train a head on your own matrix. Hooks report progress, and the type of the error identifies a wrong setting.
func ExampleTrain() {
	folder := scratch()
	defer os.RemoveAll(folder)
	m := &head.Matrix{Width: 8} // 90 rows around 3 points
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 90 {
		for e := range 8 {
			centre := 0.0
			if e == i%3 {
				centre = 10
			}
			m.X = append(m.X, float32(centre+r.NormFloat64()))
		}
	}
	set, err := features.New(m, nil, nil, nil)
	check(err)

	steps := 0
	o := iconic.Training{
		Out: filepath.Join(folder, "run"), Clusters: 3, Settings: map[string]string{"method": "debiased-infonce-clustering", "epochs": "30"},
		Hooks: progress.Hooks{Step: func(progress.Step) { steps++ }},
	}
	trained, err := iconic.Train(context.Background(), set, o)
	check(err)
	fmt.Println(trained.Metrics.ClustersUsed, "clusters;", steps > 0)

	o.Out, o.Settings["epochs"] = filepath.Join(folder, "another"), "-1"
	_, err = iconic.Train(context.Background(), set, o)
	var wrong *run.SettingsError
	fmt.Println(errors.As(err, &wrong))
	// Output:
	// 3 clusters; true
	// true
}

// drawPictures makes a folder with pictures in 10 class folders.
func drawPictures(folder string) string {
	pictures := filepath.Join(folder, "pictures")
	check(synthetic.Write(context.Background(), pictures, 20, 64, 1))
	return pictures
}

func scratch() string {
	folder, err := os.MkdirTemp("", "iconic")
	check(err)
	return folder
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
