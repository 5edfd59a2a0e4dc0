package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"iconic/models"
)

func newModelsInfoCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "info NAME",
		Short:   "Show details of an encoder",
		Example: `  pipeline models info dinov3-vits16`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			e, err := publishedEncoder(args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(inform(e))
			}
			arch, p := e.Architecture, e.Preprocessing(models.DefaultImageSize)
			accuracy := [][2]string{{"accuracy", "no k-NN or linear accuracy on ImageNet-1k has been published: see"}, {"", e.Source}}
			if e.KNN > 0 {
				accuracy = [][2]string{{"accuracy", fmt.Sprintf("k-NN %.1f %%, linear %.1f %% on ImageNet-1k", e.KNN, e.Linear)}, {"", "as published in " + e.Source}}
			}
			licence := [][2]string{{"licence", e.Licence}}
			if e.Form != "" {
				licence = append(licence, [2]string{"", "must be accepted before the weights are available, at " + e.Form})
			}
			return a.printLines(slices.Concat([][2]string{
				{"name", e.Name},
				{"encoder", e.Title},
				{"architecture", arch.String()},
				{"parameters", fmt.Sprint(arch.Parameters())},
				{"arithmetic", fmt.Sprintf("%.1f GFLOPs per image of %d×%d pixels", arch.GFLOPs(models.DefaultImageSize), models.DefaultImageSize, models.DefaultImageSize)},
				{"position embedding", e.Position},
				{"preprocessing", fmt.Sprintf("shorter side resized to %d (bicubic, antialiased), centre crop %d×%d, mean %v, standard deviation %v", p.Resize, p.Crop, p.Crop, p.Mean, p.Std)},
			}, accuracy, licence, [][2]string{
				{"weights", e.URL},
				{"", "or " + e.Repository + " for the transformers library"},
			}))
		},
	}
}

// publishedEncoder finds a published encoder by its name, and says what to do with a file or the built-in encoder.
func publishedEncoder(name string) (models.Encoder, error) {
	e, err := models.Lookup(name)
	switch {
	case err == nil:
		return e, nil
	case name == models.TinyName:
		return e, usagef("%s is built in, not a published encoder: 'pipeline models import %[1]s' converts and describes it", name)
	case models.IsFile(name):
		return e, usagef("%s is a file, not the name of a published encoder: 'pipeline models import' converts and describes it", name)
	}
	return e, usagef("%w", err)
}
