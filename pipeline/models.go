package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"iconic/models"
	"iconic/models/precision"
	"iconic/models/vit"
)

// newModelsCommand groups what has to do with encoders.
func newModelsCommand(a *app) *cobra.Command {
	c := &cobra.Command{
		Use:   "models",
		Short: "List encoders, fetch their weights, turn weights into ONNX",
		Example: `  pipeline models list
  pipeline models info dinov2-small
  pipeline models pull dinov2-small`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(newModelsListCommand(a), newModelsInfoCommand(a), newModelsPullCommand(a), newModelsImportCommand(a))
	return c
}

func newModelsListCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "The encoders that --model knows by name",
		Long: `The encoders that --model knows by name, with their size, the work for one image of 224×224 pixels, their published accuracy on
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
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tENCODER\tWIDTH\tDEPTH\tPARAMETERS\tGFLOPS\tK-NN\tLINEAR\tLICENCE")
			for _, e := range models.Registry() {
				fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%.1f M\t%.1f\t%s\t%s\t%s\n", e.Name, e.Title, e.Architecture.Width, e.Architecture.Depth,
					float64(e.Architecture.Parameters())/1e6, e.Architecture.GFLOPs(models.DefaultImageSize), published(e.KNN), published(e.Linear), e.Licence)
			}
			return w.Flush()
		},
	}
}

// published is an accuracy in percent, or a dash where none was published.
func published(accuracy float64) string {
	if accuracy == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f", accuracy)
}

func newModelsInfoCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "info NAME",
		Short:   "All that is known about an encoder",
		Example: `  pipeline models info dinov3-vits16`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			e, err := models.Lookup(args[0])
			if err != nil {
				return usagef("%w", err)
			}
			if a.json {
				return a.printJSON(inform(e))
			}
			arch, p := e.Architecture, e.Preprocessing(models.DefaultImageSize)
			accuracy := [][2]string{{"accuracy", "no k-NN or linear accuracy on ImageNet-1k was published: see"}, {"", e.Source}}
			if e.KNN > 0 {
				accuracy = [][2]string{{"accuracy", fmt.Sprintf("k-NN %.1f %%, linear %.1f %% on ImageNet-1k", e.KNN, e.Linear)}, {"", "as published in " + e.Source}}
			}
			licence := [][2]string{{"licence", e.Licence}}
			if e.Form != "" {
				licence = append(licence, [2]string{"", "to be accepted before the weights are given out, at " + e.Form})
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			for _, line := range slices.Concat([][2]string{
				{"name", e.Name},
				{"encoder", e.Title},
				{"architecture", arch.String()},
				{"parameters", fmt.Sprint(arch.Parameters())},
				{"arithmetic", fmt.Sprintf("%.1f GFLOPs an image of %d×%d pixels", arch.GFLOPs(models.DefaultImageSize), models.DefaultImageSize, models.DefaultImageSize)},
				{"position embedding", e.Position},
				{"preprocessing", fmt.Sprintf("shorter side to %d (bicubic, antialiased), centre %d×%d, mean %v, standard deviation %v", p.Resize, p.Crop, p.Crop, p.Mean, p.Std)},
			}, accuracy, licence, [][2]string{
				{"weights", e.URL},
				{"", "or " + e.Repository + " for the transformers library"},
			}) {
				fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
			}
			return w.Flush()
		},
	}
}

// encoderInfo is an encoder for machines, with what follows from its architecture.
type encoderInfo struct {
	models.Encoder
	Parameters    int                  `json:"parameters"`
	GFLOPs        float64              `json:"gflops"`
	Preprocessing models.Preprocessing `json:"preprocessing"`
}

func inform(e models.Encoder) encoderInfo {
	return encoderInfo{e, e.Architecture.Parameters(), e.Architecture.GFLOPs(models.DefaultImageSize), e.Preprocessing(models.DefaultImageSize)}
}

// modelFlags are the flags that shape an encoder, for every command that takes --model.
type modelFlags struct {
	imageSize, heads        int
	output, precision, from string
}

func (f *modelFlags) add(flags *pflag.FlagSet) {
	count(flags, &f.imageSize, "image-size", 0, 0, maxSide, fmt.Sprintf("pixels on a side of what the encoder sees, a multiple of its patch (default %d)", models.DefaultImageSize))
	flags.StringVar(&f.output, "output", "", "what stands for an image: cls, patch (mean of the patch tokens) or both; as-is for an ONNX file of unknown shape (default cls)")
	flags.StringVar(&f.precision, "precision", "", "precision of the weights: float32, float16, or int8, which is smaller and faster but less accurate (default float32)")
	count(flags, &f.heads, "attention-heads", 0, 0, 1024, "attention heads, for weights that are not of a published encoder (default: what the file or the published width tells)")
	flags.StringVar(&f.from, "from", "", "where to take weights from instead: a mirror's address, a folder or a file")
}

// resolve turns what the user called a model into an ONNX file: one in the cache, unless out names another.
func (f *modelFlags) resolve(ctx context.Context, a *app, nameOrFile, out string) (*models.Model, error) {
	o, err := f.options(a)
	if err != nil {
		return nil, err
	}
	o.Out = out
	m, err := models.Resolve(ctx, nameOrFile, o)
	if err == nil && o.Precision == precision.Int8 {
		a.note("%s", int8Cost)
	}
	return m, err
}

// options are the flags as the library takes them.
func (f *modelFlags) options(a *app) (models.Options, error) {
	p, err := precision.Parse(f.precision)
	if err != nil {
		return models.Options{}, usagef("--precision: %w", err)
	}
	h := a.hooks()
	return models.Options{
		PullOptions: models.PullOptions{From: f.from, Token: hubToken(), Note: h.Note, Progress: h.Bytes},
		ImageSize:   f.imageSize, Output: vit.Output(f.output), Precision: p, Heads: f.heads,
	}, nil
}

// int8Cost is what --precision int8 was measured to change; docs/results.md has the table and the command.
const int8Cost = "int8: on the test pictures of CIFAR-100 and a ViT-Ti/16, 10-NN accuracy went from 69.3 to 68.9 % and clustering from 52.6 to 51.0 % (medians of three seeds), at 1.2 to 1.3 times the speed on a processor without VNNI"

// hubToken is the user's for huggingface.co, under the name by which its own tools know it. It is sent there alone, and shown nowhere.
func hubToken() string { return strings.TrimSpace(os.Getenv("HF_TOKEN")) }

func newModelsPullCommand(a *app) *cobra.Command {
	var from string
	c := &cobra.Command{
		Use:   "pull NAME",
		Short: "Fetch an encoder's weights, or check those that are there",
		Long: `Fetch an encoder's weights, or check those that are there.

Weights are read in full, and their SHA-256 is remembered the first time if they are those of the encoder. The weights of DINOv3 are given out to
those who have accepted their licence: name the file, its folder or the signed address that you were sent with --from, or set HF_TOKEN to
an access token of huggingface.co; it is sent nowhere else. Proxies are taken from the environment (HTTPS_PROXY).`,
		Example: `  pipeline models pull dinov2-small
  pipeline models pull dinov3-vits16 --from dinov3_vits16_pretrain_lvd1689m-08c60483.pth`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := models.Lookup(args[0])
			if err != nil {
				return usagef("%w", err)
			}
			h := a.hooks()
			p, err := models.Pull(c.Context(), e, models.PullOptions{From: from, Token: hubToken(), Note: h.Note, Progress: h.Bytes})
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(p)
			}
			state := "unchanged since " + p.Since.Format("2006-01-02")
			if p.First {
				state = "seen for the first time and remembered"
			}
			fmt.Fprintf(a.out, "%s\nSHA-256 %s, %s\n", p.Path, p.SHA256, state)
			return nil
		},
	}
	c.Flags().StringVar(&from, "from", "", "where to take the weights from instead: the address of a mirror or of the file itself, a folder, or a file")
	return c
}

func newModelsImportCommand(a *app) *cobra.Command {
	var flags modelFlags
	var out string
	c := &cobra.Command{
		Use:   "import FILE|NAME",
		Short: "Turn weights (.pth, .safetensors, or an encoder's name) into an ONNX file",
		Long: "Turn weights into an ONNX file. FILE may also be an ONNX file that is to get another output or precision.\n" +
			"Nothing in FILE is executed: of a .pth file only tensors are read.",
		Example: `  pipeline models import weights.pth
  pipeline models import dinov2-small --precision float16 --out dinov2-small.onnx`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := flags.resolve(c.Context(), a, args[0], out)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(m)
			}
			fmt.Fprintf(a.out, "%s\n%s\n", m.Path, describe(m))
			return nil
		},
	}
	flags.add(c.Flags())
	c.Flags().StringVarP(&out, "out", "o", "", "the ONNX file to write (default: one in the user's cache)")
	return c
}

// describe is one line about a model.
func describe(m *models.Model) string {
	parts := []string{fmt.Sprintf("%d features", m.Dim), m.Precision, fmt.Sprintf("%.1f MB", float64(m.Bytes)/1e6)}
	if m.Architecture != nil {
		parts = append([]string{m.Architecture.String()}, parts...)
	}
	if m.ImageSize > 0 {
		parts = append(parts, fmt.Sprintf("pictures of %d×%d", m.ImageSize, m.ImageSize))
	}
	if m.Licence != "" {
		parts = append(parts, "licence "+m.Licence)
	}
	return strings.Join(parts, ", ")
}
