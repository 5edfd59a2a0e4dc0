package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

func main() {
	failed := len(os.Args) < 2
	for _, name := range os.Args[1:] {
		stages, err := checkFile(name)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
			failed = true
			continue
		}
		fmt.Printf("%s: %d stages, no warnings\n", name, stages)
	}
	if failed {
		os.Exit(1)
	}
}

// checkFile returns the number of build stages of a Dockerfile, or all faults found in it, joined.
func checkFile(name string) (stages int, err error) {
	content, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	tree, err := parser.Parse(bytes.NewReader(content))
	if err != nil {
		return 0, err
	}
	var faults []error
	lint := linter.New(&linter.Config{Warn: func(rule, _, _, message string, location []parser.Range) {
		line := 0
		if len(location) > 0 {
			line = location[0].Start.Line
		}
		faults = append(faults, fmt.Errorf("line %d: %s: %s", line, rule, message))
	}})
	built, _, err := instructions.Parse(tree.AST, lint)
	if err != nil {
		return 0, err
	}
	if len(built) == 0 {
		return 0, errors.New("there is no FROM")
	}
	faults = append(faults, checkOrder(built)...)
	faults = append(faults, checkLast(built[len(built)-1])...)
	return len(built), errors.Join(faults...)
}

// checkOrder finds copies from stages that are not built before the copying stage.
func checkOrder(stages []instructions.Stage) (faults []error) {
	for i, stage := range stages {
		for _, command := range stage.Commands {
			copied, ok := command.(*instructions.CopyCommand)
			if !ok || copied.From == "" {
				continue
			}
			if at, known := instructions.HasStage(stages[:i], copied.From); !known && !strings.ContainsAny(copied.From, "/:.") {
				faults = append(faults, fmt.Errorf("COPY --from=%s: no earlier stage has this name (found at %d)", copied.From, at))
			}
		}
	}
	return faults
}

// checkLast checks what the image promises about its final stage.
func checkLast(stage instructions.Stage) (faults []error) {
	user, entry := "", false
	for _, command := range stage.Commands {
		switch c := command.(type) {
		case *instructions.UserCommand:
			user = c.User
		case *instructions.EntrypointCommand:
			entry = !c.PrependShell && len(c.CmdLine) > 0
		}
	}
	id, _, _ := strings.Cut(user, ":")
	if number, err := strconv.Atoi(id); err != nil || number == 0 {
		faults = append(faults, fmt.Errorf("the final stage runs as %q: give USER a number other than 0, which orchestrators can check", user))
	}
	if !entry {
		faults = append(faults, errors.New(`the final stage has no ENTRYPOINT in exec form, such as ["pipeline"]`))
	}
	return faults
}
