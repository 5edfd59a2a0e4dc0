package iconic

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"iconic/classify"
	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/features"
	"iconic/head"
	"iconic/head/clustercount"
	"iconic/internal/plural"
	"iconic/option"
	"iconic/progress"
	"iconic/run"
)

// Cluster sorts the images of data (a folder, a list of paths, archives: see package extract/dataset) into clusters and makes the run
// folder o.Out with their assignments, scores and page. Images that were encoded before are not encoded again. Errors in o are found before
// any image is encoded (run.SettingsError).
func Cluster(ctx context.Context, data string, o Options) (*run.Finished, error) {
	if c := o.Extraction; c.Part != 0 || c.Parts != 0 {
		return nil, &run.SettingsError{Err: option.Errorf("Part", "clusters are those of all images, and Extraction.Part is one part of them: leave out Part and Parts")}
	}
	if err := o.checkPlace(); err != nil {
		return nil, err
	}
	clock := progress.NewClock("preparation")
	o.Hooks = clock.Hooks(o.Hooks)
	c, h := o.Extraction, o.Hooks
	c.Data, c.Out = data, o.Store
	o.Training.Images, o.Training.ImageColumn = data, c.Dataset.ImageColumn
	release, err := o.Encoding.prepare(ctx, &c, h)
	if err != nil {
		return nil, err
	}
	defer release()
	if c.Out == "" {
		if c.Out, err = extract.CacheFolder(c); err != nil {
			return nil, err
		}
	}
	if err := c.Validate(); err != nil {
		return nil, &run.SettingsError{Err: err}
	}
	if err := o.checkResumed(c); err != nil {
		return nil, err
	}
	if c.Strict {
		c.MaxBad = 0
	}
	listed := func(s *dataset.Set) error {
		if err := o.checkImages(s, c.MaxBad); err != nil {
			return err
		}
		return o.checkFor(promised(s, c.Views, c.MaxBad, o.Second))
	}
	if o.Store == "" {
		var free func()
		if c.Out, free, err = cached(ctx, c, listed, h); err == nil {
			defer free()
		}
	} else {
		_, err = encode(ctx, c, listed, h)
	}
	if err != nil {
		return nil, err
	}
	set, err := features.Open(c.Out, "")
	if err != nil {
		return nil, err
	}
	defer set.Close()
	return train(ctx, set, o.Training, c.Memory, clock)
}

// Train trains a head on features from features.Open or features.New and makes the run folder o.Out with assignments, scores and page. With
// o.Resume it continues an interrupted training in that folder and leaves a finished run unchanged (run.Finished.Unchanged).
func Train(ctx context.Context, set *features.Set, o Training) (*run.Finished, error) {
	clock := progress.NewClock("preparation")
	o.Hooks = clock.Hooks(o.Hooks)
	return train(ctx, set, o, 0, clock)
}

// train is Train with a number of bytes for the page's images (run.PageOptions.Memory), and a clock that has already recorded the earlier steps.
func train(ctx context.Context, set *features.Set, o Training, memory int64, clock *progress.Clock) (*run.Finished, error) {
	h := o.Hooks
	if err := set.Check(); err != nil {
		return nil, &run.SettingsError{Err: err}
	}
	if set.Gone > 0 {
		h.Notef("%s keeps the features of %s that its data no longer has, or that could not be read; they are not used", set.Source.Store, plural.Of(set.Gone, "image", "images"))
	}
	for _, s := range []*features.Set{set, o.Second} {
		if s != nil {
			for _, n := range s.Notes {
				h.Notef("%s", n)
			}
		}
	}
	if o.Images != "" && set.Unnamed {
		return nil, fmt.Errorf("the rows of %s do not say to which images they belong, so those of %s cannot be shown: leave out the images, or train on a store made from them",
			cmp.Or(set.Source.Store, "the features"), o.Images)
	}
	if err := o.checkFor(set); err != nil { // before the number of clusters is found, which can take long
		return nil, err
	}
	settings := o.settings()
	counted, err := o.count(ctx, set, settings)
	if err != nil {
		return nil, err
	}
	c, notes, err := run.ConfigureFor(set, settings, o.Seed)
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		h.Notef("%s", n)
	}
	t := o.training(set, c)
	t.Counted, t.Clock = counted, clock
	if _, err := t.Train(ctx); err != nil {
		return nil, err
	}
	if t.Unchanged {
		f, err := run.Open(o.Out)
		if err != nil {
			return nil, err
		}
		f.Unchanged = true
		return f, nil
	}
	if o.Formulas != nil {
		o.Formulas(t.Formulas)
	}
	if err := run.WritePage(ctx, o.Out, set, run.PageOptions{Workers: o.Workers, Memory: memory, Hooks: h}); err != nil {
		return nil, err
	}
	if err := run.KeepTimes(o.Out, clock.Times()); err != nil {
		return nil, err
	}
	return run.Open(o.Out)
}

// training is the training of a configuration on a set of features.
func (o Training) training(set *features.Set, c head.Config) run.Training {
	return run.Training{
		Dir: o.Out, Features: set, Config: c, Images: o.Images, ImageColumn: o.ImageColumn,
		Second: o.Second, Edges: o.Edges, Resume: o.Resume, Workers: o.Workers, Safe: o.Safe, Hooks: o.Hooks,
	}
}

// count finds the number of clusters if the settings ask for that, and puts it into them; otherwise it returns nil.
func (o Training) count(ctx context.Context, set *features.Set, settings map[string]string) (*clustercount.Suggestion, error) {
	if settings["clusters"] != run.AutoClusters {
		return nil, nil
	}
	c := run.Count{Dir: o.Out, Features: set, Seed: o.Seed, Workers: o.Workers, Hooks: o.Hooks}
	if c.Counted() == nil { // otherwise the training is soon there, and says whether a run in the folder is this one
		if err := o.checkPlace(); err != nil {
			return nil, err
		}
	}
	found, err := run.CountClusters(ctx, c)
	if err != nil {
		return nil, err
	}
	o.Hooks.Notef("%s", found.Sentence())
	if o.Second != nil {
		o.Hooks.Notef("the number of clusters was found in the first set of features alone; the second may show more")
	}
	settings["clusters"] = strconv.Itoa(found.Clusters)
	return found, nil
}

// settings returns the training's settings by name.
func (o Training) settings() map[string]string {
	all := map[string]string{}
	for name, value := range o.Settings {
		all[name] = value
	}
	if o.Clusters != 0 {
		all["clusters"] = strconv.Itoa(o.Clusters)
	}
	return all
}

// OpenModel opens a finished run, with the encoder that it was trained on, to classify new images. Close the model after use.
func OpenModel(ctx context.Context, dir string, o classify.Options) (*classify.Model, error) {
	return classify.Open(ctx, dir, o)
}
