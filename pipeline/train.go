package main

import (
	"context"

	"github.com/spf13/cobra"

	"iconic"
	"iconic/features"
	"iconic/report"
	"iconic/run"
)

func newTrainCommand(a *app) *cobra.Command {
	var o struct {
		trainOptions
		labels, out string
	}
	c := &cobra.Command{
		Use:   "train STORE --clusters K --out DIR",
		Short: "Train a clustering head on cached features",
		Long: `Train a clustering head on cached features and write a report.

STORE is a feature store made by 'pipeline extract', or a NumPy matrix features.npy (rows × dimensions; float16, float32 or float64).
Only methods that need labels ('pipeline methods NAME') train on them; otherwise labels only score the result.`,
		Example: `  pipeline train stores/photos --clusters 20 --out runs/a
  pipeline train features.npy --labels labels.npy --out runs/b
  pipeline train stores/photos --clusters 20 --method simclr --out runs/simclr`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.runTrain(c.Context(), args[0], o.labels, o.out, &o.trainOptions)
		},
	}
	o.register(c)
	c.Flags().StringVar(&o.images, "images", "", "data set that the features came from, to show its images in the report")
	addImageColumn(c.Flags(), &o.imageColumn)
	c.Flags().StringVar(&o.labels, "labels", "", "labels of a features.npy, for scoring: labels.npy of whole numbers (NaN or negative: no label), or a text or CSV file with one name or number per line")
	c.Flags().StringVarP(&o.out, "out", "o", "", "run folder to create")
	cobra.CheckErr(c.MarkFlagRequired("out"))
	return c
}

func (a *app) runTrain(ctx context.Context, store, labels, out string, o *trainOptions) error {
	if err := spared(inFolder(out, run.Files()...), store, labels, o.second, o.edges, o.images); err != nil {
		return err
	}
	set, err := features.Open(store, labels)
	if err != nil {
		return err
	}
	defer set.Close()
	a.unlabelled(labels, set)
	t, done, err := o.training(a, out)
	if err != nil {
		return err
	}
	defer done()
	hooks, restore := whilePictures(0, t.Hooks)
	t.Hooks = hooks
	defer restore()
	f, err := iconic.Train(ctx, set, t)
	return a.printRun(f, err)
}

// unlabelled notes how many rows have a label in a file of labels, if it leaves some without; "" is no file.
func (a *app) unlabelled(file string, set *features.Set) {
	if file == "" {
		return
	}
	n := 0
	for _, label := range set.Labels {
		if label != report.NoLabel {
			n++
		}
	}
	switch rows := set.Len(); {
	case n == 0:
		a.note("no row of %s has a label (all are empty, NaN or negative): nothing is scored", file)
	case n < rows:
		a.note("%d of %d rows of %s %s a label; the others are empty, NaN or negative, and are not scored", n, rows, file, wordFor(n, "has", "have"))
	}
}
