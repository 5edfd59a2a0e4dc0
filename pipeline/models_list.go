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
			t := newTable("NAME", "ENCODER", "WIDTH", "DEPTH", "PARAMETERS", "GFLOPS", "K-NN", "LINEAR", "LICENCE")
			for _, e := range models.Registry() {
				t.row(e.Name, e.Title, fmt.Sprint(e.Architecture.Width), fmt.Sprint(e.Architecture.Depth), fmt.Sprintf("%.1f M", float64(e.Architecture.Parameters())/1e6),
					fmt.Sprintf("%.1f", e.Architecture.GFLOPs(models.DefaultImageSize)), published(e.KNN), published(e.Linear), e.Licence)
			}
			return a.printTable(t)
		},
	}
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
