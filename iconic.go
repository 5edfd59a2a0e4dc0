package iconic

import (
	"context"
	"strconv"

	"iconic/classify"
	"iconic/extract"
	"iconic/features"
	"iconic/head/clustercount"
	"iconic/progress"
	"iconic/run"
)

// Cluster sorts the images of data (a folder, a list of paths, archives: see package extract/dataset) into clusters, and makes the run
// folder o.Out with their assignments, scores and page. What has been encoded before is not encoded again. What is wrong with o is found
// before any image is encoded (run.SettingsError).
func Cluster(ctx context.Context, data string, o Options) (*run.Finished, error) {
	if err := run.CheckFree(o.Out); err != nil && !o.Resume {
		return nil, err
	}
	clock := progress.NewClock("preparation")
	o.Hooks = clock.Hooks(o.Hooks)
	c, h := o.Extraction, o.Hooks
	c.Data, c.Out = data, o.Store
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
	if o.Store == "" {
		var free func()
		if c.Out, free, err = cached(ctx, c, o.check, h); err == nil {
			defer free()
		}
	} else {
		_, err = encode(ctx, c, o.check, h)
	}
	if err != nil {
		return nil, err
	}
	set, err := features.Open(c.Out, "")
	if err != nil {
		return nil, err
	}
	defer set.Close()
	o.Training.Images, o.Training.ImageColumn = data, c.Dataset.ImageColumn
	return train(ctx, set, o.Training, clock)
}

// Train trains a head on features, which features.Open or features.New gives, and makes the run folder o.Out with assignments, scores and
// page. With o.Resume, what an interrupted process left in that folder is gone on with, and a run that is whole stays as it is
// (run.Finished.Unchanged).
func Train(ctx context.Context, set *features.Set, o Training) (*run.Finished, error) {
	clock := progress.NewClock("preparation")
	o.Hooks = clock.Hooks(o.Hooks)
	return train(ctx, set, o, clock)
}

// train is Train under a clock that hears of the steps already.
func train(ctx context.Context, set *features.Set, o Training, clock *progress.Clock) (*run.Finished, error) {
	h := o.Hooks
	if set.Gone > 0 {
		h.Notef("%s keeps the features of %d images that the data no longer has: they are left out", set.Source.Store, set.Gone)
	}
	settings := o.settings()
	counted, err := o.count(ctx, set, settings)
	if err != nil {
		return nil, err
	}
	c, notes, err := run.Configure(settings, o.Seed, set.Len(), len(set.Classes))
	if err != nil {
		return nil, err
	}
	for _, n := range notes {
		h.Notef("%s", n)
	}
	t := run.Training{
		Dir: o.Out, Features: set, Config: c, Counted: counted, Images: o.Images, ImageColumn: o.ImageColumn,
		Second: o.Second, Edges: o.Edges, Resume: o.Resume, Workers: o.Workers, Safe: o.Safe, Hooks: h, Clock: clock,
	}
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
	if err := run.WritePage(ctx, o.Out, set, run.PageOptions{Workers: o.Workers, Hooks: h}); err != nil {
		return nil, err
	}
	if err := run.KeepTimes(o.Out, clock.Times()); err != nil {
		return nil, err
	}
	return run.Open(o.Out)
}

// count looks for the number of clusters where that is asked for, and puts it into the settings; nil: it was not asked for.
func (o Training) count(ctx context.Context, set *features.Set, settings map[string]string) (*clustercount.Suggestion, error) {
	if settings["clusters"] != run.AutoClusters {
		return nil, nil
	}
	found, err := run.CountClusters(ctx, run.Count{Dir: o.Out, Features: set, Seed: o.Seed, Workers: o.Workers, Hooks: o.Hooks})
	if err != nil {
		return nil, err
	}
	o.Hooks.Notef("%s", found.Sentence())
	settings["clusters"] = strconv.Itoa(found.Clusters)
	return found, nil
}

// check refuses settings that cannot be for so many images in so many classes.
func (o Training) check(images, classes int) error {
	settings := o.settings()
	if settings["clusters"] == run.AutoClusters { // not found yet: all else is judged by the fewest
		settings["clusters"] = "2"
	}
	_, _, err := run.Configure(settings, o.Seed, images, classes)
	return err
}

// settings are the training's by name.
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

// OpenModel opens a finished run for new images, with the encoder that it was trained on. Close the model after use.
func OpenModel(ctx context.Context, dir string, o classify.Options) (*classify.Model, error) {
	return classify.Open(ctx, dir, o)
}
