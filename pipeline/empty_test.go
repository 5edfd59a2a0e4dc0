package main

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// TestEmptyValuesAreRefused: no flag of a text, nor any setting, takes an empty value, and nor does a command an empty argument.
func TestEmptyValuesAreRefused(t *testing.T) {
	texts := 0
	eachCommand(func(c *cobra.Command) {
		of := func(args, line []string) error {
			again, _, err := newRootCommand(&app{out: io.Discard, err: io.Discard}).Find(strings.Fields(c.CommandPath())[1:])
			if err := errors.Join(err, again.ParseFlags(line)); err != nil {
				return usageError{err}
			}
			return refuseEmpty(again, args)
		}
		if strings.HasPrefix(c.Name(), "__") {
			return
		}
		if err := of([]string{"a", ""}, nil); err == nil || !strings.Contains(err.Error(), "empty argument") {
			t.Errorf("%s: error %v of an empty argument", c.CommandPath(), err)
		}
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if f.Value.Type() == "bool" {
				return
			}
			texts++
			err := of(nil, []string{"--" + f.Name + "="})
			if _, usage := errors.AsType[usageError](err); !usage || !strings.Contains(err.Error(), "--"+f.Name) {
				t.Errorf("%s --%s=: error %v", c.CommandPath(), f.Name, err)
			}
		})
	})
	if texts < 100 {
		t.Errorf("%d flags were tried", texts)
	}
}
