package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// given is a flag on the command line with a value other than its default.
func given(f *pflag.Flag) string {
	values := map[string]string{"bool": "true", "int": "2", "uint": "5", "float64": "0.5", "duration": "3s"}
	if value := values[f.Value.Type()]; value != "" {
		return "--" + f.Name + "=" + value
	}
	return "--" + f.Name + "=x"
}

// TestIdleFlagsAreRefused: every flag in the table exists, and is refused where it has no effect, and only there.
func TestIdleFlagsAreRefused(t *testing.T) {
	for _, entry := range idleFlags {
		found := 0
		eachCommand(func(c *cobra.Command) {
			if entry.command != "" && entry.command != c.Name() {
				return
			}
			other := c.Flag(entry.beside + entry.without)
			for _, name := range entry.flags {
				f := c.Flag(name)
				if f == nil || other == nil {
					continue
				}
				found++
				for _, line := range [][]string{{given(f)}, {given(f), given(other)}} {
					again, _, err := newRootCommand(&app{out: io.Discard, err: io.Discard}).Find(strings.Fields(c.CommandPath())[1:])
					if err := errors.Join(err, again.ParseFlags(line)); err != nil {
						t.Fatal(err)
					}
					err = refuseIdle(again)
					idle := (len(line) == 2) == (entry.beside != "")
					usage, refused := errors.AsType[usageError](err)
					if told := refused && strings.Contains(usage.Error(), "--"+name); idle && !told || !idle && refused && !namedAgain(entry, name) {
						t.Errorf("%s %s: %v", c.CommandPath(), strings.Join(line, " "), err)
					}
				}
			}
		})
		if found < len(entry.flags) {
			t.Errorf("%q: %d of its flags exist", entry.flags, found)
		}
	}
}

// namedAgain reports whether another entry names the flag for the same command.
func namedAgain(entry idleFlag, name string) bool {
	return slices.ContainsFunc(idleFlags, func(e idleFlag) bool {
		return e.why != entry.why && e.command == entry.command && slices.Contains(e.flags, name)
	})
}
