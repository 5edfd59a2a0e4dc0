package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// Every command says what is kept after an interrupt, and no message belongs to an unknown command.
func TestEachCommandSaysWhatItKept(t *testing.T) {
	known := map[string]bool{}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Runnable() {
			_, name, _ := strings.Cut(c.CommandPath(), " ")
			known[name] = true
			if keptBy(c.CommandPath()) == "" {
				t.Errorf("%s says nothing of what it kept", c.CommandPath())
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(newRootCommand(&app{out: io.Discard, err: io.Discard}))
	for name := range kept {
		if !known[name] {
			t.Errorf("there is no command %q", name)
		}
	}
}

func TestAnInterruptIsToldInTheCommandsOwnWords(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, want := range map[string]string{
		"export": "no file was written or replaced", "serve": "nothing to keep", "predict": "the lines printed", "sweep": "finished runs are kept",
	} {
		var told bytes.Buffer
		a := &app{out: io.Discard, err: &told}
		root := newRootCommand(a)
		c, _, err := root.Find([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		c.RunE = func(c *cobra.Command, _ []string) error { return fmt.Errorf("encode: %w", c.Context().Err()) }
		c.Args = nil
		args := []string{name}
		if name == "sweep" {
			args = append(args, "--out", "s")
		}
		root.SetArgs(args)
		if code := a.exitCode(ctx, root.ExecuteContext(ctx)); code != exitInterrupted {
			t.Errorf("%s ends with %d", name, code)
		}
		if text := told.String(); !strings.HasPrefix(text, "pipeline: interrupted; ") || !strings.Contains(text, want) {
			t.Errorf("%s says %q", name, text)
		}
	}
}
