package main

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"

	"iconic/curation"
	"iconic/option"
	"iconic/run"
)

// TestEveryOptionHasWords: an error that an option would fix ends with the flag that sets it, and the flag exists.
func TestEveryOptionHasWords(t *testing.T) {
	used := map[string]bool{"From": true, "From or Token": true} // chosen by a function
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || fmt.Sprint(fun.X) != "option" || fun.Sel.Name != "Errorf" {
				return true
			}
			if literal, ok := call.Args[0].(*ast.BasicLit); ok {
				name, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				used[name] = true
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	flags := map[string]bool{}
	eachCommand(func(c *cobra.Command) {
		for _, g := range grouped(c) {
			for _, line := range regexp.MustCompile(`--[a-z][a-z0-9-]*`).FindAllString(g.flags.FlagUsages(), -1) {
				flags[line] = true
			}
		}
	})
	for name := range used {
		if optionWords[name] == "" {
			t.Errorf("option %s has no words: say how it is given to the command", name)
		}
	}
	for name, words := range optionWords {
		if !used[name] {
			t.Errorf("no error names the option %s", name)
		}
		for _, flag := range regexp.MustCompile(`--[a-z][a-z0-9-]*`).FindAllString(words, -1) {
			if !flags[flag] {
				t.Errorf("option %s: there is no flag %s", name, flag)
			}
		}
	}
}

// TestErrorsAreExplained checks the flags and remedies that the command adds.
func TestErrorsAreExplained(t *testing.T) {
	err := explained("pipeline run", fmt.Errorf("model x: %w", option.Errorf("Crop", "input %s is free: %w", "a", io.EOF)))
	if want := "model x: input a is free: EOF: give its size with --crop"; err.Error() != want {
		t.Errorf("%q, want %q", err, want)
	}
	if !errors.Is(err, io.EOF) {
		t.Error("the cause is no longer in the error chain")
	}
}

// Only a command that can ignore a curation is told to.
func TestCurationsAreExplained(t *testing.T) {
	for _, c := range []struct {
		command string
		err     error
		want    string
	}{
		{"curate", curation.ErrDamaged, "cannot be understood; move the file away"},
		{"sort", curation.ErrDamaged, "cannot be understood; move the file away, or ignore it with --no-curation"},
		{"curate", &curation.OtherRunError{Name: "c"}, "those in its folder; move the file away"},
		{"predict", &curation.OtherRunError{Name: "c"}, "those in its folder; move the file away, or ignore it with --no-curation"},
		{"duplicates", run.ErrNoneLeft, "were left out by hand; use them as well with --no-curation"},
	} {
		if err := explained("pipeline "+c.command, fmt.Errorf("x: %w", c.err)); !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.command, err, c.want)
		}
	}
}

// A run that had no room for a file says what is kept in the words of an interrupt, by train and by sweep.
func TestAFullDiskIsExplained(t *testing.T) {
	for _, c := range []struct {
		command string
		cause   error
		want    string
	}{
		{"train", syscall.ENOSPC, "no space left on device: free some space; finished training steps are kept"},
		{"run", syscall.EDQUOT, "disk quota exceeded: free some space; finished features and training steps are kept"},
		{"sweep", syscall.ENOSPC, "no space left on device: free some space; finished runs are kept: run the same command again to continue"},
		{"train", syscall.EFBIG, "file too large: allow larger files; finished training steps are kept"},
	} {
		err := explained("pipeline "+c.command, fmt.Errorf("run x: %w", &run.FullError{Err: fmt.Errorf("write a: %w", c.cause)}))
		if want := "run x: write a: " + c.want; !strings.HasPrefix(err.Error(), want) || !strings.HasSuffix(err.Error(), kept[c.command]) || !errors.Is(err, c.cause) {
			t.Errorf("%s: %v, want %q", c.command, err, want)
		}
	}
}

// So does any other command whose file had no room, whatever part of the program wrote it.
func TestAFullDiskIsExplainedByEveryCommand(t *testing.T) {
	for command, words := range kept {
		for cause, want := range map[error]string{syscall.ENOSPC: ": free some space; ", syscall.EFBIG: ": allow larger files; "} {
			if err := explained("pipeline "+command, fmt.Errorf("write x: %w", cause)); err.Error() != "write x: "+cause.Error()+want+words {
				t.Errorf("%s: %v", command, err)
			}
		}
	}
}
