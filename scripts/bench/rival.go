package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// rival is the PyTorch program, connected by two pipes.
type rival struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Scanner
	about   struct {
		Variants         []string
		Version          string
		Blas, Capability string
		Threads          int
	}
}

func startRival(ctx context.Context, o options) (*rival, error) {
	r := &rival{command: exec.CommandContext(ctx, o.python, o.script)}
	// Threads that spin while they wait would take CPU time from our turn.
	r.command.Env = append(os.Environ(), "OMP_WAIT_POLICY=PASSIVE", fmt.Sprintf("OMP_NUM_THREADS=%d", o.workers))
	r.command.Stderr = os.Stderr
	var err error
	if r.in, err = r.command.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := r.command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := r.command.Start(); err != nil {
		return nil, fmt.Errorf("%w: name an interpreter that has PyTorch with -python", err)
	}
	r.out = bufio.NewScanner(out)
	r.out.Buffer(nil, 1<<20)
	if err := r.ask(&r.about, "variants"); err != nil {
		return nil, err
	}
	if o.only != "" {
		r.about.Variants = strings.Split(o.only, ",")
	}
	return r, nil
}

// ask sends one command and decodes the line that answers it.
func (r *rival) ask(answer any, words ...string) error {
	if _, err := fmt.Fprintln(r.in, strings.Join(words, "\t")); err != nil {
		return err
	}
	if !r.out.Scan() {
		return fmt.Errorf("the rival ended at %q: %v", strings.Join(words, " "), r.out.Err())
	}
	return json.Unmarshal(r.out.Bytes(), answer)
}

// cost is the wall-clock and CPU time of a task.
type cost struct{ clock, work time.Duration }

// middle is the median of each.
func middle(all []cost) cost {
	var clock, work []time.Duration
	for _, c := range all {
		clock, work = append(clock, c.clock), append(work, c.work)
	}
	return cost{median(clock), median(work)}
}

// step requests one step of a prepared variant.
func (r *rival) step(variant string) (cost, error) {
	var answer struct{ Seconds, Processors float64 }
	err := r.ask(&answer, "time", variant)
	return cost{time.Duration(answer.Seconds * float64(time.Second)), time.Duration(answer.Processors * float64(time.Second))}, err
}

func (r *rival) close() error {
	r.in.Close()
	return r.command.Wait()
}
