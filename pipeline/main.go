package main

import (
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"iconic/extract/pixels"
	"iconic/internal/kernel"
	"iconic/internal/spelling"
)

// Exit codes of the command.
const (
	exitDone        = 0
	exitFailed      = 1
	exitWrongUse    = 2
	exitInterrupted = 130
)

// exitHelp is the last part of every help text.
const exitHelp = `
Exit status:
  %d    success
  %d    failure
  %d    usage error: correct the command line
  %d  interrupted%s
`

func main() { os.Exit(execute()) }

func execute() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After the first signal the default handling is restored, so that a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	a := &app{out: os.Stdout, err: os.Stderr}
	if terminal(os.Stdout) {
		a.out = &shown{to: os.Stdout}
	}
	err := newRootCommand(a).ExecuteContext(ctx)
	return a.exitCode(ctx, err)
}

// newRootCommand returns the command with its subcommands.
func newRootCommand(a *app) *cobra.Command {
	showVersion := false
	root := &cobra.Command{
		Use:           "pipeline",
		Short:         "Cluster a folder of images without labels",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          knownCommand,
		Example: `  pipeline demo
  pipeline run photos --model dinov2-small --clusters 20 --out runs/photos
  pipeline predict runs/photos new.jpg`,
		RunE: func(c *cobra.Command, _ []string) error {
			if showVersion {
				return a.printVersion()
			}
			return c.Help()
		},
		PersistentPreRunE: a.start,
	}
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.PersistentFlags().BoolVar(&a.json, "json", false, "write results as JSON to standard output, and progress and warnings as one JSON object per line to standard error, where an error is still a line of text")
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "hide progress bars and notes")
	root.Flags().BoolVar(&showVersion, "version", false, "show version, commit, kernels and runtime library")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(subcommands(a)...)
	a.addHelp(root)
	addCompletion(root)
	sayArguments(root)
	return root
}

// subcommands lists the subcommands; each has its constructor in the file of the same name.
func subcommands(a *app) []*cobra.Command {
	return []*cobra.Command{
		newDemoCommand(a),
		newRunCommand(a),
		newExtractCommand(a),
		newMergeCommand(a),
		newDoctorCommand(a),
		newModelsCommand(a),
		newTrainCommand(a),
		newEvaluateCommand(a),
		newPredictCommand(a),
		newExportCommand(a),
		newServeCommand(a),
		newCurateCommand(a),
		newAssignmentsCommand(a),
		newSortCommand(a),
		newDuplicatesCommand(a),
		newMethodsCommand(a),
		newReportCommand(a),
		newSweepCommand(a),
		newCacheCommand(a),
		newVersionCommand(a),
	}
}

// start accepts a command line before its command runs. Any failure up to its end is a usage error: an unknown command, a flag, the number
// of arguments.
func (a *app) start(c *cobra.Command, args []string) error {
	if err := required(c); err != nil {
		return err
	}
	if err := refuseEmpty(c, args); err != nil {
		return err
	}
	if err := refuseAddresses(c, args); err != nil {
		return err
	}
	if err := refuseIdle(c); err != nil {
		return err
	}
	if err := cmp.Or(kernel.Check(), pixels.Check()); err != nil {
		return usageError{err}
	}
	a.started, a.command = true, c.CommandPath()
	return nil
}

// flagError is the error of a flag that a command does not have, with the one that was probably meant, or of one with a bad value.
func flagError(c *cobra.Command, err error) error {
	if errors.Is(err, pflag.ErrHelp) { // --help-all
		return pflag.ErrHelp
	}
	var unknown *pflag.NotExistError
	if errors.As(err, &unknown) && len(unknown.GetSpecifiedName()) > 1 {
		if meant := spelling.Meant(unknown.GetSpecifiedName(), flagNames(c)); meant != "" {
			return usagef("%w: did you mean --%s?", err, meant)
		}
	}
	var invalid *pflag.InvalidValueError
	if quotes := new(csv.ParseError); errors.As(err, &invalid) && errors.As(err, &quotes) {
		return usagef("--%s %s: its quotation marks do not match: leave them out, or give them in pairs around a value", invalid.GetFlag().Name, invalid.GetValue())
	}
	return usagef("%w; see '%s --help'", err, c.CommandPath())
}

// flagNames lists the flags of a command.
func flagNames(c *cobra.Command) (names []string) {
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// required returns an error if a required flag is missing.
func required(c *cobra.Command) (err error) {
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if _, needed := f.Annotations[cobra.BashCompOneRequiredFlag]; needed && !f.Changed && err == nil {
			err = usagef("--%s is required: %s", f.Name, f.Usage)
		}
	})
	return err
}

// sayArguments makes a command and its subcommands explain a wrong number of arguments.
func sayArguments(c *cobra.Command) {
	for _, sub := range c.Commands() {
		sayArguments(sub)
	}
	check := c.Args
	switch {
	case c.HasSubCommands():
		c.Args = knownCommand
	case check != nil:
		c.Args = func(c *cobra.Command, args []string) error {
			if check(c, args) == nil {
				return nil
			}
			got := "no argument"
			if len(args) > 0 {
				got = plural(len(args), "argument", "arguments")
			}
			return usagef("'%s' got %s: want '%s'; see '%s --help'", c.CommandPath(), got, strings.TrimSuffix(c.UseLine(), " [flags]"), c.CommandPath())
		}
	}
}

// knownCommand rejects unknown command names.
func knownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	c.SuggestionsMinimumDistance = 2 // letters
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		return usagef("unknown command %q: did you mean %q?", args[0], near[0])
	}
	return usagef("unknown command %q; see '%s --help'", args[0], c.CommandPath())
}

// app holds what every subcommand shares: where and how to write.
type app struct {
	out, err io.Writer
	json     bool
	quiet    bool
	helpAll  bool   // show every flag in help
	started  bool   // the command line has been parsed and accepted
	command  string // its path, such as "pipeline models pull", once it has started

	screen sync.Mutex // guards the fields below and writes to err
	shown  display
	logged logged
}

// exitCode prints err, if any, on one line and chooses the exit code.
func (a *app) exitCode(ctx context.Context, err error) int {
	if err != nil {
		err = explained(a.command, err)
	}
	a.endStage()
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		a.say("pipeline: interrupted; " + keptBy(a.command))
		return exitInterrupted
	case errors.As(err, &usage), !a.started:
		a.say("pipeline: " + plain(err.Error()))
		return exitWrongUse
	default:
		a.say("pipeline: " + plain(err.Error()))
		return exitFailed
	}
}

// note prints a message for the user that is not a result.
func (a *app) note(format string, args ...any) {
	a.endStage()
	if !a.quiet && !a.json {
		a.say(plain(fmt.Sprintf(format, args...)))
	}
}

// warn is like note, but --quiet does not silence it.
func (a *app) warn(format string, args ...any) {
	a.endStage()
	text := plain(fmt.Sprintf(format, args...))
	if line, err := json.Marshal(map[string]string{"warning": text}); a.json && err == nil {
		fmt.Fprintf(a.err, "%s\n", line)
		return
	}
	a.say("warning: " + text)
}
