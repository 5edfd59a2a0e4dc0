package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	turns := flag.Int("turns", 9, "number of runs of each command")
	name := flag.String("name", "", "name of the table row")
	flag.Usage = func() {
		fmt.Fprintln(flag.CommandLine.Output(), `turns [flags] "BEFORE" "AFTER"   compare the CPU time of two commands; OUT is replaced by a new path each time`)
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() != 2 || *turns < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*name, *turns, flag.Arg(0), flag.Arg(1)); err != nil {
		fmt.Fprintln(os.Stderr, "turns:", err)
		os.Exit(1)
	}
}

// run prints the table row for two commands.
func run(name string, turns int, before, after string) error {
	var seconds [2][]float64
	for turn := range turns {
		for place := range 2 {
			which := (turn + place) % 2
			took, err := processor([]string{before, after}[which])
			if err != nil {
				return err
			}
			seconds[which] = append(seconds[which], took.Seconds())
		}
	}
	fmt.Println(row(name, seconds[0], seconds[1]))
	return nil
}

// processor is the user and system time of a command.
func processor(command string) (time.Duration, error) {
	folder, err := os.MkdirTemp("", "turns")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	words := strings.Fields(command)
	if len(words) == 0 {
		return 0, errors.New("an empty command")
	}
	for i, w := range words {
		if w == "OUT" {
			words[i] = filepath.Join(folder, "out")
		}
	}
	var said bytes.Buffer
	c := exec.Command(words[0], words[1:]...)
	c.Stderr = &said
	if err := c.Run(); err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", command, err, said.Bytes())
	}
	return c.ProcessState.UserTime() + c.ProcessState.SystemTime(), nil
}

// row formats a line of a table: medians in seconds, and the median of the ratios with their quartiles.
func row(name string, before, after []float64) string {
	ratios := make([]float64, len(before))
	for i := range ratios {
		ratios[i] = after[i] / before[i]
	}
	return fmt.Sprintf("| %s | %.2f s | %.2f s | %.3f | %.3f to %.3f |", name, quantile(before, 0.5), quantile(after, 0.5), quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75))
}

// quantile is the quantile at share q, with linear interpolation.
func quantile(values []float64, q float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	at := q * float64(len(sorted)-1)
	below := int(at)
	if below == len(sorted)-1 {
		return sorted[below]
	}
	return sorted[below] + (at-float64(below))*(sorted[below+1]-sorted[below])
}
