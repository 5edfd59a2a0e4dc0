package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"iconic/models"
	"iconic/option"
)

func newModelsImportCommand(a *app) *cobra.Command {
	var flags modelFlags
	var out string
	var force bool
	c := &cobra.Command{
		Use:   "import FILE|NAME",
		Short: "Convert weights (.pth, .safetensors, or an encoder's name) to an ONNX file",
		Long: "Convert weights to an ONNX file. FILE may also be an ONNX file, to change its output or precision.\n" +
			"Nothing in FILE is executed: only the tensors of a .pth file are read.",
		Example: `  pipeline models import weights.pth
  pipeline models import dinov2-small --precision float16 --out small.onnx`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if out != "" {
				if err := writableModel(out, force, args[0], flags.from); err != nil {
					return err
				}
			}
			m, err := flags.resolve(c.Context(), a, args[0], out)
			if err != nil {
				return err
			}
			if flags.imageSize != 0 && m.ImageSize == 0 {
				return option.Errorf("ImageSize", "%s: %w", args[0], models.ErrAnySize)
			}
			if a.json {
				return a.printJSON(m)
			}
			fmt.Fprintf(a.out, "%s\n%s\n", plain(m.Path), describe(m))
			return nil
		},
	}
	flags.add(c.Flags())
	c.Flags().StringVarP(&out, "out", "o", "", "ONNX file to write (default: one in the user's cache)")
	c.Flags().BoolVar(&force, "force", false, "overwrite an existing file")
	return c
}

// describe summarises a model in one line.
func describe(m *models.Model) string {
	parts := []string{fmt.Sprintf("%d features", m.Dim), m.Precision, fmt.Sprintf("%.1f MB", float64(m.Bytes)/1e6)}
	if m.Architecture != nil {
		parts = append([]string{m.Architecture.String()}, parts...)
	}
	if m.ImageSize > 0 {
		parts = append(parts, fmt.Sprintf("images of %d×%d", m.ImageSize, m.ImageSize))
	}
	if m.Licence != "" {
		parts = append(parts, "licence "+m.Licence)
	}
	return strings.Join(parts, ", ")
}
