package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"iconic/extract/onnxruntime"
	"iconic/internal/kernel"
	"iconic/run"
)

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Version, commit, and what the program runs on",
		Long: `Version, commit, and what the program runs on: Go, the kernels in use, and the ONNX Runtime library.

Nothing is fetched: where the library is not on this machine yet, that is what it says.`,
		Example: `  pipeline version
  pipeline version --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

// build is what the program was made from and runs on.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"` // "" where the build recorded none
	Modified bool   `json:"modified"`         // built with changes that the commit does not hold
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Kernels  string `json:"kernels"`
	Runtime  string `json:"onnxruntime,omitempty"`         // version of ONNX Runtime; "" where there is none
	Library  string `json:"onnxruntime_library,omitempty"` // its file
	Problem  string `json:"onnxruntime_problem,omitempty"` // why the library will not do
}

func thisBuild() *build {
	b := &build{Version: run.Version(), Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Kernels: kernel.Path()}
	if info, ok := debug.ReadBuildInfo(); ok {
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

func (a *app) printVersion() error {
	b := thisBuild()
	if a.json {
		return a.printJSON(b)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	commit := cmp.Or(b.Commit, "not recorded in this build")
	if b.Modified {
		commit += ", with changes"
	}
	library := "none on this machine yet"
	switch {
	case b.Problem != "":
		library = "none: " + b.Problem
	case b.Library != "":
		library = b.Runtime + ", " + b.Library
	}
	for _, line := range [][2]string{
		{"pipeline", b.Version}, {"commit", commit}, {"Go", b.Go + " " + b.Platform}, {"kernels", b.Kernels}, {"ONNX Runtime", plain(library)},
	} {
		fmt.Fprintf(w, "%s\t%s\n", line[0], line[1])
	}
	return w.Flush()
}
