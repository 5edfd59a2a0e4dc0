package classify_test

import (
	"context"
	"errors"
	"image"
	"image/color"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iconic"
	"iconic/classify"
	"iconic/curation"
	"iconic/extract"
	"iconic/extract/encoder"
	"iconic/extract/synthetic"
	"iconic/internal/cachetest"
	"iconic/run"
)

func TestMain(m *testing.M) { os.Exit(cachetest.Isolated(m).Run()) }

// opened is a model of a run on a few pictures, and the same without its encoder.
func opened(t *testing.T) (m, without *classify.Model) {
	t.Helper()
	dir := t.TempDir()
	pictures, trained := filepath.Join(dir, "pictures"), filepath.Join(dir, "run")
	if err := synthetic.Write(t.Context(), pictures, 4, 64, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := iconic.Cluster(t.Context(), pictures, iconic.Options{
		Encoding: iconic.Encoding{Model: "tiny"}, Training: iconic.Training{Out: trained, Clusters: 4}, Store: filepath.Join(dir, "store"),
	}); err != nil {
		t.Fatal(err)
	}
	m, err := classify.Open(t.Context(), trained, classify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	found, err := classify.Read(trained, classify.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return m, found.Features()
}

// What a model cannot classify is refused in a sentence, with or without an encoder, before and after Close.
func TestWhatAModelCannotClassify(t *testing.T) {
	m, without := opened(t)
	d, pixels, ctx := m.Run.Head.Dim, m.Images.Pixels(), t.Context()
	row := func(v float32) []float32 {
		x := make([]float32, d)
		for i := range x {
			x[i] = v * float32(1-2*(i%2))
		}
		return x
	}
	picture := image.NewGray(image.Rect(0, 0, 9, 9))
	huge := row(1) // in the direction of the first cluster
	for i, w := range m.Run.Head.Weight[:d] {
		huge[i] = float32(math.Copysign(3e38, float64(w)))
	}
	bad := row(1)
	bad[3] = float32(math.NaN())
	classified := func(x []float32, n int) func() error {
		return func() error { _, err := m.Classify(x, n); return err }
	}
	image := func(m *classify.Model, p image.Image) func() error {
		return func() error { _, err := m.Image(ctx, p); return err }
	}
	prepared := func(m *classify.Model, x []float32, n int) func() error {
		return func() error { _, err := m.Prepared(ctx, x, n); return err }
	}
	exported := func(ctx context.Context, m *classify.Model) func() error {
		return func() error { _, err := m.Export(ctx, filepath.Join(t.TempDir(), "m.onnx"), true); return err }
	}
	ended, end := context.WithCancel(ctx)
	end()
	check := func(name string, call func() error, says string) {
		t.Helper()
		if err := call(); (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: error %v, want %q", name, err, says)
		}
	}
	check("a row", classified(row(1), 1), "")
	check("no row", classified(nil, 0), "")
	check("three rows and a bit for one", classified(make([]float32, 3*d+8), 1), "numbers for 1 rows of features: want")
	check("too few numbers", classified(make([]float32, d), 2), "numbers for 2 rows of features: want")
	check("fewer than no rows", classified(nil, -1), "0 numbers for -1 rows of features")
	check("NaN", classified(append(row(1), bad...), 2), "the features of row 1 are not finite (number 3 is NaN)")
	check("finite but huge", classified(append(row(1), huge...), 2), "the features of row 1 are so large that")
	check("probabilities of fewer than no rows", func() error { _, _, err := m.Probabilities(nil, -1); return err }, "0 numbers for -1 rows of features")
	check("probabilities of NaN", func() error { _, _, err := m.Probabilities(bad, 1); return err }, "the features of row 0 are not finite")
	check("a picture", image(m, picture), "")
	check("no picture", image(m, nil), "there is no picture")
	check("a picture that lacks bytes", image(m, unfilled()), "fewer bytes than its 9×9 pixels need")
	check("a picture without bounds", image(m, uniform()), "more than the limit of")
	check("a prepared picture", prepared(m, make([]float32, pixels), 1), "")
	check("no prepared picture", prepared(m, nil, 0), "")
	check("too many numbers of a prepared picture", prepared(m, make([]float32, pixels+1), 1), "numbers for 1 prepared images: want")
	check("fewer than no prepared pictures", prepared(m, nil, -1), "0 numbers for -1 prepared images")
	check("an export that is cancelled", func() error {
		if err := exported(ended, m)(); !errors.Is(err, context.Canceled) || err.Error() != context.Canceled.Error() {
			return err
		}
		return nil
	}, "")
	const none = "the model has no encoder"
	check("a picture without an encoder", image(without, picture), none)
	check("a prepared picture without an encoder", prepared(without, make([]float32, pixels), 1), none)
	own := func(name string) func() error {
		return func() error { _, err := m.Export(ctx, name, false); return err }
	}
	check("an export without a name", own(""), "the file to write has no name")
	check("an export to a folder", own(t.TempDir()), "is a folder: choose another name")
	for _, name := range []string{"head.safetensors", "report.html", "config.json"} {
		check("an export over "+name, own(filepath.Join(m.Run.Dir, name)), "belongs to the run "+m.Run.Dir)
		check("an exported head over "+name, func() error { _, err := without.ExportHead(ctx, filepath.Join(m.Run.Dir, name)); return err }, "belongs to the run "+m.Run.Dir)
	}
	check("an export over a store", own(filepath.Join(filepath.Dir(m.Run.Dir), "store", "manifest.json")), "belongs to the feature store")
	wrong := make([]float32, 2*pixels)
	wrong[pixels+5] = float32(math.Inf(1))
	check("a prepared picture that is not finite", prepared(m, wrong, 2), "prepared image 1 is not finite (number 5 is +Inf)")
	check("a provider that does not exist", func() error {
		_, err := classify.Open(ctx, m.Run.Dir, classify.Options{Provider: "gpu"})
		return err
	}, `provider "gpu" is not one of auto, cpu, cuda`)
	check("an export without an encoder", exported(ctx, without), none)
	unopened := *without
	unopened.Images = &extract.Embedder{}
	check("a picture for an encoder that is not opened", image(&unopened, picture), none)
	check("a prepared picture for an encoder that is not opened", prepared(&unopened, nil, 1), none)
	check("an export of an encoder that is not opened", exported(ctx, &unopened), none)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func() error{"a picture": image(m, picture), "a prepared picture": prepared(m, make([]float32, pixels), 1), "an export": exported(ctx, m)} {
		if err := call(); !errors.Is(err, encoder.ErrClosed) || strings.Contains(err.Error(), "run's results") {
			t.Errorf("%s after Close: %v", name, err)
		}
	}
	check("a row after Close", classified(row(1), 1), "")
}

// unfilled is a picture without bytes.
func unfilled() image.Image { return &image.RGBA{Rect: image.Rect(0, 0, 9, 9)} }

// uniform is a picture of one colour without bounds.
func uniform() image.Image { return image.NewUniform(color.White) }

// Clusters that were merged into others are neither predicted, as the second choice either, nor named; nor predicted are those made for images moved there.
func TestMergedClusters(t *testing.T) {
	m, _ := opened(t)
	f, err := run.Open(m.Run.Dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.Curate()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	row, r := make([]float32, m.Run.Head.Dim), rand.New(rand.NewPCG(1, 2))
	for _, o := range []struct {
		step curation.Step
		left int
	}{
		{curation.Step{Kind: curation.Merge, Cluster: 0, From: []int{1}}, 3},
		{curation.Step{Kind: curation.Move, Cluster: 4, Images: []int{0}}, 3},
		{curation.Step{Kind: curation.Merge, Cluster: 2, From: []int{0}}, 2},
		{curation.Step{Kind: curation.Merge, Cluster: 2, From: []int{3}}, 1},
	} {
		if err := c.Take(o.step); err != nil {
			t.Fatal(err)
		}
		found, err := classify.Read(m.Run.Dir, classify.Options{})
		if err != nil {
			t.Fatal(err)
		}
		curated := found.Features()
		for range 20 {
			for i := range row {
				row[i] = 3 * (r.Float32() - 0.5)
			}
			all, err := curated.Classify(row, 1)
			if err != nil {
				t.Fatal(err)
			}
			if second := all[0].RunnerUp; (second == nil) != (o.left == 1) || second != nil && (!c.Own(second.Cluster) || second.Cluster == 4) {
				t.Errorf("%+v: the runner-up is %+v", o.step, second)
			}
		}
	}
	names := filepath.Join(t.TempDir(), "names.csv")
	if err := os.WriteFile(names, []byte("2,dogs\n1,cats\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = classify.Read(m.Run.Dir, classify.Options{Names: names})
	if err == nil || !strings.Contains(err.Error(), names+": there is no cluster 1: it was merged into cluster 2") {
		t.Errorf("a name for a merged cluster: %v", err)
	}
	if _, err := classify.Read(m.Run.Dir, classify.Options{Names: names, Raw: true}); err != nil {
		t.Errorf("a name for a cluster as trained: %v", err)
	}
}
