package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"iconic/models"
)

func newModelsListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the encoders that --model knows by name",
		Long: `List the encoders that --model knows by name, with their size, the arithmetic for one image of 224×224 pixels, their published accuracy on
ImageNet-1k (k nearest neighbours and a linear classifier), and the licence of their weights.`,
		Example: `  pipeline models list
  pipeline models list --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				var all []encoderInfo
				for _, e := range models.Registry() {
					all = append(all, inform(e))
				}
				return a.printJSON(all)
			}
			return a.listModels()
		},
	}
}

// listModels prints one line per encoder, without its shape if all does not fit.
func (a *app) listModels() error {
	whole, short := newTable("NAME", "ENCODER", "WIDTH", "DEPTH", "PARAMETERS", "GFLOPS", "K-NN", "LINEAR", "LICENCE"), newTable("NAME", "GFLOPS", "K-NN", "LINEAR", "LICENCE")
	for _, e := range models.Registry() {
		cost, near, linear := fmt.Sprintf("%.1f", e.Architecture.GFLOPs(models.DefaultImageSize)), published(e.KNN), published(e.Linear)
		whole.row(e.Name, e.Title, fmt.Sprint(e.Architecture.Width), fmt.Sprint(e.Architecture.Depth), fmt.Sprintf("%.1f M", float64(e.Architecture.Parameters())/1e6), cost, near, linear, e.Licence)
		short.row(e.Name, cost, near, linear, e.Licence)
	}
	columns, terminal := a.columns()
	if !terminal || whole.fits(columns) {
		return a.printTable(whole)
	}
	if err := a.printTable(short); err != nil {
		return err
	}
	a.note("'pipeline models info NAME' shows the rest about an encoder")
	return nil
}

// published formats an accuracy in percent, or a dash if none was published.
func published(accuracy float64) string {
	if accuracy == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", accuracy)
}

// encoderInfo is an encoder for JSON output, with values derived from its architecture.
type encoderInfo struct {
	models.Encoder
	Parameters    int                  `json:"parameters"`
	GFLOPs        float64              `json:"gflops"`
	Preprocessing models.Preprocessing `json:"preprocessing"`
}

func inform(e models.Encoder) encoderInfo {
	return encoderInfo{e, e.Architecture.Parameters(), e.Architecture.GFLOPs(models.DefaultImageSize), e.Preprocessing(models.DefaultImageSize)}
}
