package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/klauspost/cpuid/v2"

	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/encoder"
	"iconic/extract/onnxruntime"
	"iconic/extract/pixels"
	"iconic/internal/atomicfile"
	"iconic/internal/diskspace"
	"iconic/internal/kernel"
	"iconic/progress"
)

// Options say what to examine. The zero value examines the machine and the disk of the working folder.
type Options struct {
	Library string // ONNX Runtime library or its folder; "": found, or downloaded if there is none
	Out     string // folder for a feature store; "": the working folder
	Plan    *Plan  // an extraction whose features should fit there; nil: none
	Hooks   progress.Hooks
}

// Plan is a planned extraction.
type Plan struct {
	Data    string          // data set
	Dataset dataset.Options // how it is interpreted
	Dim     int             // length of a feature vector, 1 or more
	Views   int             // views of each image, 1 or more
	Half    bool            // store features as float16
}

// Findings are the results. A library that is missing or does not load is a finding, not an error.
type Findings struct {
	Library   string            `json:"library"` // ONNX Runtime library file; "" if there is none
	Version   string            `json:"version,omitempty"`
	Problem   string            `json:"problem,omitempty"` // why no library loads
	Providers map[string]string `json:"providers"`         // by name: "loads", or the reason why not
	Processor string            `json:"processor"`
	Threads   int               `json:"threads"`
	Features  []string          `json:"features"` // processor features that the kernels and the runtime use
	Kernels   string            `json:"kernels"`  // kernels of this program in use
	JPEG      string            `json:"jpeg_decoder"`
	Disk      string            `json:"disk"`               // Options.Out
	Free      int64             `json:"free"`               // bytes that can still be written there; −1: unknown
	Images    int               `json:"images"`             // images in the plan
	Need      int64             `json:"need"`               // bytes that the plan needs
	Unstored  string            `json:"unstored,omitempty"` // why no store can be made in Disk, if that or a plan was given
	Cache     string            `json:"user_cache"`         // folder of the user's caches; "" if there is none
	loads     error             // error behind Problem
	keeps     error             // why no store can be made in Disk; nil unless Options.Out or a plan was given
}

// Loads is the value in Findings.Providers for a provider that loads.
const Loads = "loads"

// Examine examines the machine. It fails if the plan's data set cannot be listed, or its numbers are out of range.
func Examine(ctx context.Context, o Options) (*Findings, error) {
	f := &Findings{
		Providers: map[string]string{}, Processor: cpuid.CPU.BrandName, Threads: runtime.GOMAXPROCS(0), Kernels: kernel.Path(), JPEG: pixels.JPEGDecoder(),
		Features: []string{}, Disk: cmp.Or(o.Out, "."), Free: -1,
	}
	for _, id := range []cpuid.FeatureID{cpuid.AVX2, cpuid.FMA3, cpuid.AVX512F, cpuid.AVX512VNNI, cpuid.AMXTILE, cpuid.SHA, cpuid.ASIMD} {
		if cpuid.CPU.Supports(id) {
			f.Features = append(f.Features, strings.ToLower(id.String()))
		}
	}
	if free, err := diskspace.Free(f.Disk); err == nil {
		f.Free = free
	}
	if dir, err := os.UserCacheDir(); err == nil {
		f.Cache = dir
	}
	if o.Plan != nil || o.Out != "" {
		if f.keeps = atomicfile.CheckFolder(f.Disk); f.keeps != nil {
			f.Unstored = f.keeps.Error()
		}
	}
	if o.Plan != nil {
		if err := f.plan(ctx, o.Plan); err != nil {
			return nil, err
		}
	}
	if f.loads = f.library(ctx, o); f.loads != nil {
		f.Problem = f.loads.Error()
	}
	return f, ctx.Err()
}

// library finds the ONNX Runtime library, and tries its providers.
func (f *Findings) library(ctx context.Context, o Options) error {
	path, err := encoder.Auto.FindLibrary(ctx, o.Library, o.Hooks)
	if err != nil {
		return err
	}
	f.Library = path
	available, err := encoder.Available(path)
	if err != nil {
		return err
	}
	f.Version = encoder.LibraryVersion()
	for p, err := range available {
		f.Providers[string(p)] = Loads
		if err != nil {
			f.Providers[string(p)] = said(err)
		}
	}
	return nil
}

// said is what the library says of a provider in one line, without the name of its function.
func said(err error) string {
	text := strings.Join(strings.Fields(err.Error()), " ")
	if function, rest, ok := strings.Cut(text, ": "); ok && strings.HasPrefix(function, "OrtSessionOptions") {
		return rest
	}
	return text
}

// plan determines what a planned store needs.
func (f *Findings) plan(ctx context.Context, p *Plan) error {
	if p.Dim < 1 || p.Views < 1 {
		return fmt.Errorf("%d views of %d elements: want 1 or more of each", p.Views, p.Dim)
	}
	o := p.Dataset
	o.LabelsFrom = dataset.None
	set, err := dataset.Open(ctx, p.Data, o)
	if err != nil {
		return err
	}
	f.Images = len(set.Items)
	f.Need = extract.Need(f.Images, f.Images, p.Views, p.Dim, p.Half)
	return set.Close()
}

// FolderError says that no store can be made in a folder.
type FolderError struct {
	Dir string
	Err error
}

func (e *FolderError) Error() string {
	return fmt.Sprintf("no store can be made in %s: %v", e.Dir, e.Err)
}

// Unwrap returns the reason.
func (e *FolderError) Unwrap() error { return e.Err }

// Err says what prevents an extraction: no library that loads, or a folder that takes no store or is on a disk that is too small for the plan. It is
// nil if nothing does.
func (f *Findings) Err() error {
	var errs []error
	if f.loads != nil {
		errs = append(errs, f.loads)
	}
	if f.keeps != nil {
		errs = append(errs, &FolderError{f.Disk, f.keeps})
	}
	if f.Need > 0 && f.Free >= 0 && f.Need > f.Free {
		errs = append(errs, &extract.SpaceError{Dir: f.Disk, Free: f.Free, Need: f.Need, Images: f.Images})
	}
	return errors.Join(errs...)
}

// Build says what a program that uses these packages was built from, and what it runs on.
type Build struct {
	Version  string `json:"version"`          // of the main module; "devel" if it has none
	Commit   string `json:"commit,omitempty"` // of the main module; "" if the build recorded none
	Modified bool   `json:"modified"`         // built with uncommitted changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Kernels  string `json:"kernels"`
	Runtime  string `json:"onnxruntime,omitempty"`         // version of ONNX Runtime; "" if it is not on this machine
	Library  string `json:"onnxruntime_library,omitempty"` // its file
	Problem  string `json:"onnxruntime_problem,omitempty"` // why the existing library is unusable
}

// ReadBuild examines the running program. It downloads nothing.
func ReadBuild() *Build {
	b := &Build{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Kernels: kernel.Path()}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.Version = cmp.Or(info.Main.Version, b.Version)
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				b.Commit = s.Value
			case "vcs.modified":
				b.Modified = s.Value == "true"
			}
		}
	}
	var err error
	if b.Library, b.Runtime, err = onnxruntime.Local(onnxruntime.Options{}); err != nil {
		b.Problem = err.Error()
	}
	return b
}
