package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"text/tabwriter"

	"github.com/klauspost/cpuid/v2"
	"github.com/spf13/cobra"

	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/onnxruntime"
	"iconic/extract/pixels"
	"iconic/internal/diskspace"
	"iconic/internal/kernel"
)

func newDoctorCommand(a *app) *cobra.Command {
	var o struct {
		onnxruntime, data, column, out string
		dim, views                     int
		half                           bool
	}
	c := &cobra.Command{
		Use:   "doctor",
		Short: "What this machine has: runtime library, providers, processor, disk",
		Long: `What this machine has: the ONNX Runtime library (fetched if there is none), the providers that load, the processor and its
kernels, and the room on the disk; with --data also whether the features of a planned extraction will fit.`,
		Example: `  pipeline doctor
  pipeline doctor --data photos --dim 768 --out /mnt/stores`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			d := a.examine(c.Context(), o.onnxruntime)
			if err := d.examineDisk(c.Context(), o.data, o.column, o.out, o.dim, o.views, o.half); err != nil {
				return err
			}
			return a.printDiagnosis(d)
		},
	}
	f := c.Flags()
	f.StringVar(&o.onnxruntime, "onnxruntime", "", "ONNX Runtime library, or its folder (default: $ONNXRUNTIME_LIB, the user cache, the system, or fetched)")
	f.StringVar(&o.data, "data", "", "the DATA of a planned extraction: is there room for its features?")
	addImageColumn(f, &o.column)
	f.StringVarP(&o.out, "out", "o", ".", "folder where its store would be")
	count(f, &o.dim, "dim", 384, 1, 1<<20, "elements of a feature (384, 768 and 1024 for small, base and large encoders)")
	count(f, &o.views, "views", 1, 1, 1000, "views of each image")
	f.BoolVar(&o.half, "float16", false, "features as float16")
	return c
}

// diagnosis is what doctor found.
type diagnosis struct {
	Library   string            `json:"library"` // of ONNX Runtime; "" if there is none
	Version   string            `json:"version,omitempty"`
	Problem   string            `json:"problem,omitempty"` // why there is no library
	Providers map[string]string `json:"providers"`         // "loads", or why not
	Processor string            `json:"processor"`
	Threads   int               `json:"threads"`
	Features  []string          `json:"features"` // of the processor, those that matter here
	Kernels   string            `json:"kernels"`  // which of ours run
	JPEG      string            `json:"jpeg_decoder"`
	Disk      string            `json:"disk"`
	Free      int64             `json:"free"`   // bytes
	Images    int               `json:"images"` // of the planned extraction
	Need      int64             `json:"need"`   // bytes that it takes
}

func (a *app) examine(ctx context.Context, library string) *diagnosis {
	d := &diagnosis{Providers: map[string]string{}, Processor: cpuid.CPU.BrandName, Threads: runtime.GOMAXPROCS(0), Kernels: kernel.Path(), JPEG: pixels.JPEGDecoder()}
	for _, f := range []cpuid.FeatureID{cpuid.AVX2, cpuid.FMA3, cpuid.AVX512F, cpuid.AVX512VNNI, cpuid.AMXTILE, cpuid.SHA, cpuid.ASIMD} {
		if cpuid.CPU.Supports(f) {
			d.Features = append(d.Features, strings.ToLower(f.String()))
		}
	}
	var available map[encoder.Provider]error
	path, err := onnxruntime.Find(ctx, onnxruntime.Options{
		Path: library, Note: a.hooks().Note, Progress: func(done, total int64) { a.hooks().Bytes("ONNX Runtime", done, total) },
	})
	a.endStage()
	if err == nil {
		d.Library = path
		available, err = encoder.Available(path)
	}
	if err != nil {
		d.Problem = err.Error()
		return d
	}
	d.Version = encoder.LibraryVersion()
	for p, err := range available {
		d.Providers[string(p)] = "loads"
		if err != nil {
			d.Providers[string(p)] = strings.Join(strings.Fields(err.Error()), " ")
		}
	}
	return d
}

// examineDisk holds the room on the disk against what the planned store needs.
func (d *diagnosis) examineDisk(ctx context.Context, data, column, out string, dim, views int, half bool) (err error) {
	if dim < 1 || views < 1 {
		return usagef("%d views of %d elements: want 1 or more", views, dim)
	}
	if d.Disk, d.Free = out, -1; out == "" {
		d.Disk = "."
	}
	if free, err := diskspace.Free(d.Disk); err == nil {
		d.Free = free
	}
	if data == "" {
		return nil
	}
	set, err := dataset.Open(ctx, data, dataset.Options{LabelsFrom: dataset.None, ImageColumn: column})
	if err != nil {
		return err
	}
	d.Images = len(set.Items)
	d.Need = extract.Need(d.Images, d.Images, views, dim, half)
	return set.Close()
}

func (a *app) printDiagnosis(d *diagnosis) error {
	if a.json {
		if err := a.printJSON(d); err != nil {
			return err
		}
	} else if err := d.print(a); err != nil {
		return err
	}
	switch {
	case d.Problem != "":
		return fmt.Errorf("%s", d.Problem)
	case d.Need > 0 && d.Free >= 0 && d.Need > d.Free:
		return fmt.Errorf("%s has %s free, and the features of %d images need %s", d.Disk, diskspace.Words(d.Free), d.Images, diskspace.Words(d.Need))
	}
	return nil
}

func (d *diagnosis) print(a *app) error {
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
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
		line("planned store", "%d images, %s", d.Images, diskspace.Words(d.Need))
	}
	if dir, err := os.UserCacheDir(); err == nil {
		line("user cache", "%s", dir)
	}
	return w.Flush()
}
