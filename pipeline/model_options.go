package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"iconic/models"
	"iconic/models/precision"
	"iconic/models/vit"
)

// modelFlags are the flags that configure an encoder, for every command with --model.
type modelFlags struct {
	imageSize, heads        int
	output, precision, from string
}

func (f *modelFlags) add(flags *pflag.FlagSet) {
	count(flags, &f.imageSize, "image-size", 0, 0, maxSide, fmt.Sprintf("side length of the encoder's input in pixels, a multiple of its patch size; any for an ONNX file that leaves the size free (default %d)", models.DefaultImageSize))
	flags.StringVar(&f.output, "output", "", "feature of an image: cls, patch (mean of the patch tokens) or both; for an ONNX file, the name of an output, such as features or last_hidden_state:cls, or as-is if its shape is unknown (default cls, or the only output)")
	flags.StringVar(&f.precision, "precision", "", "precision of the weights: float32, float16, or int8, which is smaller and faster but less accurate (default float32)")
	count(flags, &f.heads, "attention-heads", 0, 0, 1024, "attention heads, for weights that are not from a published encoder (default: from the file or the published width)")
	flags.StringVar(&f.from, "from", "", "alternative source of weights: a mirror's address, a folder or a file")
}

// resolve turns the user's model name or file into an ONNX file: one in the cache, unless out names another.
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

// options converts the flags to library options.
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

// int8Cost is the measured effect of --precision int8; docs/results.md has the table and the command.
const int8Cost = "int8: on the test images of CIFAR-100 with a ViT-Ti/16, 10-NN accuracy changed from 69.3 to 68.9 % and clustering accuracy from 52.6 to 51.0 % (medians of three seeds), at 1.2 to 1.3 times the speed on a CPU without VNNI"

// hubToken is the user's token for huggingface.co, from the variable that its own tools use. It is sent only there, and never shown.
func hubToken() string { return strings.TrimSpace(os.Getenv("HF_TOKEN")) }
