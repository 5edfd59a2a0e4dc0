package main

import (
	"cmp"

	"github.com/spf13/cobra"

	"iconic/doctor"
)

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show version, commit, kernels and runtime library",
		Long: `Show the version and commit of the program, the Go version, the kernels in use, and the ONNX Runtime library.

Nothing is downloaded; if the library is not on this machine yet, the command says so.`,
		Example: `  pipeline version
  pipeline version --json`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return a.printVersion() },
	}
}

func (a *app) printVersion() error {
	b := doctor.ReadBuild()
	if a.json {
		return a.printJSON(b)
	}
	commit := cmp.Or(b.Commit, "not recorded in this build")
	if b.Modified {
		commit += ", with uncommitted changes"
	}
	library := "none on this machine yet"
	switch {
	case b.Problem != "":
		library = "none: " + b.Problem
	case b.Library != "":
		library = b.Runtime + ", " + b.Library
	}
	return a.printLines([][2]string{
		{"pipeline", b.Version}, {"commit", commit}, {"Go", b.Go + " " + b.Platform}, {"kernels", b.Kernels}, {"ONNX Runtime", plain(library)},
	})
}
