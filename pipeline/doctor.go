package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"iconic/doctor"
	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/internal/diskspace"
)

func newDoctorCommand(a *app) *cobra.Command {
	var o struct {
		onnxruntime, data, column, out string
		dim, views                     int
		half                           bool
	}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check this machine: runtime library, providers, CPU, disk",
		Long: `Check this machine: the ONNX Runtime library (downloaded if there is none), the providers that load, the CPU and its
kernels, and free disk space; with --data also whether the features of a planned extraction will fit.`,
		Example: `  pipeline doctor
  pipeline doctor --data photos --dim 768 --out /mnt/stores`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			options := doctor.Options{Library: o.onnxruntime, Out: o.out, Hooks: a.hooks()}
			if o.data == "" && !c.Flags().Changed("out") {
				options.Out = "" // the machine is examined, and no place for a store
			}
			if o.data != "" {
				options.Plan = &doctor.Plan{Data: o.data, Dataset: dataset.Options{ImageColumn: o.column}, Dim: o.dim, Views: o.views, Half: o.half}
			}
			found, err := doctor.Examine(c.Context(), options)
			a.endStage()
			if err != nil {
				return err
			}
			return a.printDiagnosis(found)
		},
	}
	f := c.Flags()
	f.StringVar(&o.onnxruntime, "onnxruntime", "", "ONNX Runtime library, or its folder (default: $ONNXRUNTIME_LIB, the user cache, the system, or a download)")
	f.StringVar(&o.data, "data", "", "DATA of a planned extraction, to check whether its features fit")
	addImageColumn(f, &o.column)
	f.StringVarP(&o.out, "out", "o", ".", "folder of its planned store")
	count(f, &o.dim, "dim", 384, 1, 1<<20, "dimensions of a feature (384, 768 and 1024 for small, base and large encoders)")
	count(f, &o.views, "views", 1, 1, 1000, "views of each image")
	f.BoolVar(&o.half, "float16", false, "store features as float16")
	return c
}

func (a *app) printDiagnosis(d *doctor.Findings) error {
	show := func() error { return a.printFindings(d) }
	if a.json {
		show = func() error { return a.printJSON(d) }
	}
	return errors.Join(show(), d.Err())
}

func (a *app) printFindings(d *doctor.Findings) error {
	var lines [][2]string
	line := func(name, format string, args ...any) {
		lines = append(lines, [2]string{name, fmt.Sprintf(format, args...)})
	}
	if d.Library == "" {
		line("ONNX Runtime", "none")
	} else {
		line("ONNX Runtime", "%s, %s", d.Version, d.Library)
	}
	for _, p := range encoder.Providers() {
		if state, ok := d.Providers[string(p)]; ok {
			line("provider "+string(p), "%s", state)
		}
	}
	line("processor", "%s, %d threads (%s)", d.Processor, d.Threads, strings.Join(d.Features, " "))
	line("kernels", "%s", d.Kernels)
	line("JPEG decoder", "%s", d.JPEG)
	if d.Free >= 0 {
		line("free disk", "%s in %s", diskspace.Words(d.Free), d.Disk)
	}
	if d.Need > 0 {
		line("planned store", "%s, %s", plural(d.Images, "image", "images"), diskspace.Words(d.Need))
	}
	if d.Cache != "" {
		line("user cache", "%s", d.Cache)
	}
	return a.printLines(lines)
}
