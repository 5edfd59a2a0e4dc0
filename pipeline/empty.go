package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// refuseEmpty fails if an argument, or the value given for a flag, is empty, as it is if a script names a variable that is not set. No flag means anything
// by that: it would be as if the flag was left out.
func refuseEmpty(c *cobra.Command, args []string) error {
	if c.Name() == cobra.ShellCompRequestCmd || c.Name() == cobra.ShellCompNoDescRequestCmd { // of a shell, about a word that is not begun
		return nil
	}
	if slices.ContainsFunc(args, blank) {
		return usagef("'%s' got an empty argument: want '%s'; see '%s --help'", c.CommandPath(), strings.TrimSuffix(c.UseLine(), " [flags]"), c.CommandPath())
	}
	var err error
	c.Flags().Visit(func(f *pflag.Flag) {
		switch list, several := f.Value.(pflag.SliceValue); {
		case err != nil:
		case several && len(list.GetSlice()) == 0, !several && blank(f.Value.String()):
			err = usagef("--%s is empty: give it a value%s", f.Name, otherwise(f))
		}
	})
	return err
}

// otherwise says that a flag may be left out, if so.
func otherwise(f *pflag.Flag) string {
	if _, needed := f.Annotations[cobra.BashCompOneRequiredFlag]; needed {
		return ""
	}
	return ", or leave it out"
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }
