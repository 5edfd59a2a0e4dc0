package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"iconic/head"
)

func newMethodsCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "methods",
		Short: "The methods that --method knows by name",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				return a.printJSON(head.Methods())
			}
			w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "NAME\tP\tQ\tMAPPER\tSOURCE\tFOR")
			for _, m := range head.Methods() {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, m.Supervisory, m.Learned, m.Mapper, m.Source, m.Purpose)
			}
			return w.Flush()
		},
	}
}
