package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"iconic"
	"iconic/extract"
	"iconic/extract/store"
	"iconic/internal/budget"
	"iconic/progress"
)

func newExtractCommand(a *app) *cobra.Command {
	var o struct {
		encodeOptions
		dataOptions
		storeOptions
		out   string
		shard string
	}
	c := &cobra.Command{
		Use:   "extract DATA --model M --out STORE",
		Short: "Encode images into a feature store",
		Long: `Encode images into a feature store.

DATA is a folder of images (class folders give labels), a list of paths (.txt, .csv), tar archives, Parquet files, the
binary version of CIFAR-10, CIFAR-100 or STL-10, or one image file; or an address in a bucket, such as
s3://bucket/prefix. STORE is a folder or such an address. When run again, the command continues where it stopped, adds new images and
encodes changed ones. Existing features are kept, and features of the same images in your other stores are copied.`,
		Example: `  pipeline extract photos --model dinov2-small --out stores/photos
  pipeline extract photos --model dinov2-small --shard 2/4 --out stores/photos`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			config := extract.Config{Out: o.out}
			var err error
			if config.Part, config.Parts, err = parseShard(o.shard); err != nil {
				return err
			}
			o.dataOptions.put(&config, args[0])
			o.storeOptions.put(&config)
			o.encodeOptions.put(&config)
			e, err := o.encoding(a)
			if err != nil {
				return err
			}
			o.cautionTiny(a)
			return a.runExtract(c.Context(), e, config)
		},
	}
	o.encodeOptions.add(c.Flags())
	o.dataOptions.add(c.Flags())
	o.storeOptions.add(c.Flags())
	c.Flags().StringVarP(&o.out, "out", "o", "", "folder of the feature store")
	c.Flags().StringVar(&o.shard, "shard", "", "encode only part i of n, such as 2/4, into its own folder in STORE; 'pipeline merge' combines the parts")
	cobra.CheckErr(c.MarkFlagRequired("out"))
	return c
}

// parseShard parses i/n, such as "2/4"; "" means everything, 0 of 0.
func parseShard(s string) (part, parts int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	i, n, _ := strings.Cut(s, "/")
	part, errPart := strconv.Atoi(i)
	parts, errParts := strconv.Atoi(n)
	if errPart != nil || errParts != nil || part < 1 || part > parts {
		return 0, 0, usagef("--shard %q: want i/n with i from 1 to n, such as 2/4", s)
	}
	if parts > store.MaxParts {
		return 0, 0, usagef("--shard %q: want at most %d parts", s, store.MaxParts)
	}
	return part, parts, nil
}

func (a *app) runExtract(ctx context.Context, e iconic.Encoding, c extract.Config) error {
	defer budget.SetRuntimeLimit(cmp.Or(c.Memory, budget.Default()))()
	clock := progress.NewClock("preparation")
	s, err := iconic.Extract(ctx, e, c, clock.Hooks(a.hooks()))
	a.endStage()
	if s != nil {
		a.took(clock.Times())
	}
	if s != nil && a.json {
		if perr := a.printJSON(s); perr != nil {
			return perr
		}
	} else if s != nil {
		fmt.Fprintf(a.out, "%s: %s, %d encoded now, %d skipped\n", plain(s.Store), plural(s.Rows, "image", "images"), s.Encoded, s.Bad())
	}
	return err
}
