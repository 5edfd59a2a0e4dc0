package main

import (
	"github.com/spf13/cobra"
)

// newModelsCommand groups the subcommands for encoders.
func newModelsCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "models",
		Short: "List encoders, download their weights, convert weights to ONNX",
		Example: `  pipeline models list
  pipeline models info dinov2-small
  pipeline models pull dinov2-small`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newModelsListCommand(a), newModelsInfoCommand(a), newModelsPullCommand(a), newModelsImportCommand(a))
	return c
}
