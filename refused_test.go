package iconic_test

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iconic"
	"iconic/classify"
	"iconic/comparison"
	"iconic/distributions"
	"iconic/endpoint"
	"iconic/evaluation"
	"iconic/extract"
	"iconic/features"
	"iconic/head"
	"iconic/head/icon"
	"iconic/inspect"
	"iconic/internal/densetest"
	"iconic/internal/onnxtest"
	"iconic/matrix"
	"iconic/models/deploy"
	"iconic/models/onnx"
	"iconic/models/precision"
	"iconic/models/vit"
	"iconic/models/weights"
	"iconic/progress"
	"iconic/report"
	"iconic/report/inspection"
	"iconic/run"
	"iconic/sweep"
)

// What a program may pass by mistake, such as nothing at all, is refused in a sentence.
func TestNothingIsRefused(t *testing.T) {
	ctx, zero := t.Context(), &features.Set{}
	whole, err := features.New(densetest.Clouds(4, 150, 6, 3, 4), nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	config, _, err := run.Configure(map[string]string{"clusters": "3", "method": "kmeans"}, 0, 150, 0)
	if err != nil {
		t.Fatal(err)
	}
	ragged := &matrix.Dense{Width: 8, X: make([]float32, 805)}
	made := func(f head.Features, paths ...string) error { _, err := features.New(f, paths, nil, nil); return err }
	train := func(s, second *features.Set) error {
		_, err := iconic.Train(ctx, s, iconic.Training{Clusters: 2, Out: t.TempDir(), Second: second})
		return err
	}
	matched := func(cluster, class []int, clusters int) error {
		_, err := report.Match(cluster, class, clusters, 2)
		return err
	}
	served := func(m endpoint.Model) error { _, err := endpoint.New(m, endpoint.Options{}); return err }
	look := func(s inspect.Set) error { _, err := inspect.Look(ctx, s, inspect.Options{}); return err }
	for _, c := range []struct {
		name string
		call func() error
		says string
	}{
		{"clusters without a run folder", func() error {
			_, err := iconic.Cluster(ctx, t.TempDir(), iconic.Options{Encoding: iconic.Encoding{Model: "tiny"}})
			return err
		}, "the run folder has no name"},
		{"clusters of a part", func() error {
			_, err := iconic.Cluster(ctx, t.TempDir(), iconic.Options{Encoding: iconic.Encoding{Model: "tiny"}, Training: iconic.Training{Out: "r"}, Extraction: extract.Config{Part: 1, Parts: 2}})
			return err
		}, "leave out Part and Parts"},
		{"features of nil", func() error { return made(nil) }, "there are no features"},
		{"features of nothing", func() error { return made(&matrix.Dense{}) }, "rows of 0 numbers: want at least 1"},
		{"features without rows", func() error { return made(matrix.NewDense(0, 3)) }, "features with 0 rows and 3 columns"},
		{"a row without a path", func() error { return made(matrix.NewDense(2, 1), "a", "") }, "row 1 has an empty path"},
		{"classes of one name", func() error {
			_, err := features.New(matrix.NewDense(2, 1), nil, []int{0, 1}, []string{"a", "a"})
			return err
		}, `classes 0 and 1 have the same name "a"`},
		{"a part of a row", func() error { return made(ragged) }, "805 numbers do not make whole rows of 8: the last row has 5"},
		{"a part of a row, below others", func() error { return made(&matrix.Stacked{Sets: []head.Features{ragged}, N: 100}) }, "whole rows of 8"},
		{"rows of one path", func() error { return made(matrix.NewDense(3, 1), "a", "b", "a") }, `rows 0 and 2 have the same path "a"`},
		{"Train of nil", func() error { return train(nil, nil) }, "there is no set of features"},
		{"Train of nothing", func() error { return train(zero, nil) }, "there are no features"},
		{"Train with nothing beside", func() error { return train(whole, zero) }, "second set: there are no features"},
		{"a Training of nothing", func() error { _, err := new(run.Training).Train(ctx); return err }, "there is no set of features"},
		{"a Training of features without paths", func() error {
			_, err := (&run.Training{Features: &features.Set{Features: whole.Features}, Config: config}).Train(ctx)
			return err
		}, "features with 0 paths and 0 labels for 150 rows"},
		{"a head of nothing", func() error { _, err := head.Train(ctx, nil, head.Inputs{}, config, head.Options{}); return err }, "there are no features"},
		{"a head of a part of a row", func() error { _, err := head.Train(ctx, ragged, head.Inputs{}, config, head.Options{}); return err }, "whole rows of 8"},
		{"a head with a part of a row beside", func() error {
			_, err := head.Train(ctx, matrix.NewDense(100, 6), head.Inputs{Second: ragged}, config, head.Options{})
			return err
		}, "second set: 805 numbers do not make whole rows of 8"},
		{"clusters to count of nothing", func() error { _, err := run.CountClusters(ctx, run.Count{}); return err }, "there is no set of features"},
		{"a sweep over nothing", func() error {
			_, err := sweep.Plan(t.Context(), sweep.Options{Dir: "none", Seeds: 1, Sets: []*features.Set{whole, nil}, Combinations: []sweep.Combination{{"clusters": "2"}}})
			return err
		}, "set 1: there is no set of features"},
		{"a plot of nothing", func() error {
			_, _, err := (distributions.Plot{Method: "kmeans", Features: zero, Settings: map[string]string{"clusters": "2"}}).Draw(ctx)
			return err
		}, "there are no features"},
		{"a look at nothing", func() error { return look(inspect.Set{}) }, "inspect: there are no features"},
		{"a look at too few sizes", func() error { return look(inspect.Set{Features: whole, Bytes: make([]int64, 3)}) }, "3 sizes for 150 images"},
		{"duplicates in nothing", func() error {
			_, err := run.Inspect(ctx, zero, nil, nil, inspection.Options{}, progress.Hooks{})
			return err
		}, "there are no features"},
		{"a comparison of no runs", func() error { _, err := comparison.Open(ctx, nil, comparison.Options{}); return err }, "0 of 0 run folders can be compared"},
		{"a match of −1 clusters", func() error { return matched(nil, nil, -1) }, "-1 clusters and 2 classes"},
		{"a match without a cluster", func() error { return matched([]int{0, -1}, []int{0, 1}, 2) }, "item 1 has cluster -1 and class 1"},
		{"a match without a class", func() error { return matched([]int{0, 1}, []int{-1, 1}, 2) }, "item 0 has cluster 0 and class -1"},
		{"names of −1 clusters", func() error { _, err := report.NameClusters(nil, nil, -1, nil); return err }, "-1 clusters"},
		{"scores of −1 clusters", func() error {
			_, err := report.ScoreFeatures(ctx, whole, make([]int, 150), -1, report.LabelFreeOptions{})
			return err
		}, "-1 clusters"},
		{"a server without a model", func() error { return served(nil) }, "there is no model to serve"},
		{"a server of no model", func() error { return served(endpoint.Of(nil)) }, "there is no model to serve"},
		{"a server of a model without its encoder", func() error { return served(endpoint.Of(new(classify.Model))) }, "the model has no encoder"},
		{"a graph of −2 points", func() error { _, err := icon.Graph(-2, nil); return err }, "a graph of -2 points"},
	} {
		if err := c.call(); err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", c.name, err, c.says)
		}
	}
}

// A mean in units of 0 to 255 is refused before the encoder is looked for.
func TestUnitsAreCheckedFirst(t *testing.T) {
	e := iconic.Encoding{Model: "none.onnx", Mean: []float32{123.675, 116.28, 103.53}, Std: []float32{58.395, 57.12, 57.375}}
	_, err := iconic.Extract(t.Context(), e, extract.Config{Data: "none", Out: t.TempDir()}, progress.Hooks{})
	var wrong *run.SettingsError
	if want := "mean 123.675,116.28,103.53 and std 58.395,57.12,57.375 look like units of 0 to 255"; !errors.As(err, &wrong) || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
}

// So is a model, a head or a run that does not exist, or that does not fit.
func TestModelsThatDoNotFitAreRefused(t *testing.T) {
	name := filepath.Join(t.TempDir(), "new.onnx")
	layer := func(in int) []deploy.Layer {
		return []deploy.Layer{{In: in, Out: 2, Weight: make([]float32, 2*in), Bias: make([]float32, 2)}}
	}
	attach := func(o deploy.Options) error {
		m, err := onnx.Parse(onnxtest.Pooling(80, 8).Encode()) // 300 features
		if err != nil {
			t.Fatal(err)
		}
		return deploy.Attach(m, o)
	}
	opened := func(o classify.Options) error { _, err := classify.Read("none", o); return err }
	for _, c := range []struct {
		name string
		err  error
		says string
	}{
		{"a head behind nothing", deploy.Attach(nil, deploy.Options{Head: layer(300)}), "there is no encoder"},
		{"a head behind no graph", deploy.Attach(&onnx.Model{Opsets: map[string]int64{"": 17}}, deploy.Options{Head: layer(300)}), "there is no encoder"},
		{"a head of other features", attach(deploy.Options{Head: layer(150)}), "but the head takes 150 features of each image"},
		{"a batch of −3", attach(deploy.Options{Head: layer(300), Batch: -3}), "-3 images in each run: want 1 or more"},
		{"pictures of nothing", attach(deploy.Options{Head: layer(300), Preprocessing: &deploy.Pixels{}}), "resized to 0 and cropped to 0"},
		{"pictures without a deviation", attach(deploy.Options{Head: layer(300), Preprocessing: &deploy.Pixels{Crop: 80, Resize: 80}}), "standard deviations above 0"},
		{"int8 of nothing", precision.Apply(nil, precision.Int8), "there is no model"},
		{"a precision that does not exist", precision.Apply(&onnx.Model{Graph: &onnx.Graph{}}, "foo"), `precision "foo": want float32`},
		{"a file of nothing", onnx.WriteFile(name, nil), "there is no model to write"},
		{"a file of no graph", onnx.WriteFile(name, &onnx.Model{}), "there is no model to write"},
		{"a message of nothing", onnx.Write(io.Discard, nil), "there is no model to write"},
		{"weights of nothing", second(vit.Inspect(nil, 0)), "there are no weights"},
		{"an import of nothing", third(vit.Import(nil, vit.Options{})), "there are no weights"},
		{"weights that are not open", second(new(weights.File).Read("x")), "is not open"},
		{"a model of no run", second(classify.Of(nil)), "there is no run to classify with"},
		{"a model of a run of nothing", second(classify.Of(new(run.Finished))), "there is no run to classify with"},
		{"a run with −1 threads", opened(classify.Options{Threads: -1}), "threads -1: want 1 or more"},
		{"a page of no evaluation", new(evaluation.Result).WritePage(t.Context(), name, evaluation.PageOptions{}), "has no scores to show"},
		{"a page of no comparison", new(comparison.Comparison).Write(t.Context(), name), "there are no runs to compare"},
		{"requests of nobody", endpoint.ServeHandler(t.Context(), nil, http.NotFoundHandler()), "there is no listener"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.says) || strings.Contains(c.err.Error(), "\n") {
			t.Errorf("%s: error %v, want %q", c.name, c.err, c.says)
		}
	}
	if err := attach(deploy.Options{Head: layer(300), Preprocessing: &deploy.Pixels{Crop: 80, Whole: true, Std: [3]float32{1, 1, 1}}}); err != nil {
		t.Error(err)
	}
	if err := errors.Join(new(weights.File).Close(), precision.Apply(&onnx.Model{Graph: &onnx.Graph{}}, "")); err != nil || (vit.Architecture{}).GFLOPs(224) != 0 {
		t.Errorf("nothing to do: %v", err)
	}
	if _, err := os.Stat(name); err == nil {
		t.Error("a file was written")
	}
}

func second[T any](_ T, err error) error { return err }

func third[T, U any](_ T, _ U, err error) error { return err }
