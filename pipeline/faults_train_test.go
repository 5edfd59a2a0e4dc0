//go:build unix

package main

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iconic/internal/npy"
	"iconic/run"
)

// trainingRun is `pipeline train` of one set into any folder.
type trainingRun struct{ features, labels string }

func (r trainingRun) command(out string) *exec.Cmd {
	return exec.Command("pipeline", "train", r.features, "--labels", r.labels, "--clusters", "5", "--method", "debiased-infonce-clustering", "--epochs", "60", "--batch", "512",
		"--heads", "2", "--ema", "0.9", "--refine", "1", "--resume", "--quiet", "--out", out)
}

func newTraining(t *testing.T) trainingRun {
	t.Helper()
	const n, d, k = 1200, 24, 5
	x, y := scatter(n, d, k)
	folder := t.TempDir()
	r := trainingRun{filepath.Join(folder, "x.npy"), filepath.Join(folder, "y.npy")}
	if err := errors.Join(npy.Write(r.features, []int{n, d}, x), npy.WriteInts(r.labels, y)); err != nil {
		t.Fatal(err)
	}
	return r
}

// sameRuns fails unless two run folders contain the same files, byte for byte, except for the page, which has a time.
func sameRuns(t *testing.T, a, b string) {
	t.Helper()
	for _, name := range []string{"config.json", "head.safetensors", "novelty.safetensors", "history.jsonl", "metrics.json", "assignments.csv"} {
		x, errX := os.ReadFile(filepath.Join(a, name))
		y, errY := os.ReadFile(filepath.Join(b, name))
		if err := errors.Join(errX, errY); err != nil {
			t.Fatal(err)
		}
		if name == "config.json" {
			x, y = times.ReplaceAll(x, nil), times.ReplaceAll(y, nil)
		}
		if !bytes.Equal(x, y) {
			t.Errorf("%s differs", name)
		}
	}
}

// A training killed at any moment, while it trains, scores or writes, continues to the same bits.
func TestKilledAtAnyMomentATrainingEndsTheSame(t *testing.T) {
	r := newTraining(t)
	base := t.TempDir()
	whole, out := filepath.Join(base, "whole"), filepath.Join(base, "killed")
	start := time.Now()
	expectSuccess(t, r.command(whole))
	length := time.Since(start)
	moments := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for i := range *kills {
		c := r.command(out)
		var output bytes.Buffer
		c.Stdout, c.Stderr = &output, &output
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		moment := time.Duration(moments.Int64N(int64(length)))
		time.Sleep(moment)
		if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		err := c.Wait()
		_, page := os.Stat(filepath.Join(out, run.PageFile))
		switch {
		case err != nil && c.ProcessState.Exited():
			t.Fatalf("run %d failed: %s", i, output.String())
		case err == nil, page == nil: // it finished before the kill: start over
			sameRuns(t, whole, out)
			if err := os.RemoveAll(out); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("killed after %v of about %v", moment.Round(time.Millisecond), length.Round(time.Millisecond))
	}
	expectSuccess(t, r.command(out))
	sameRuns(t, whole, out)
}

// A training that fills the disk says what is kept and how to continue, as an interrupted one does, and ends the same once there is room.
func TestATrainingThatFillsTheDiskContinues(t *testing.T) {
	r := newTraining(t)
	dir, remount := mount(t, "100k")
	whole, out := filepath.Join(t.TempDir(), "whole"), filepath.Join(dir, "run")
	expectFailure(t, r.command(out), exitFailed, "run/novelty.safetensors: no space left on device: free some space; "+kept["train"])
	remount("size=64m")
	expectSuccess(t, r.command(whole))
	expectSuccess(t, r.command(out))
	sameRuns(t, whole, out)
}

// TestTwoTrainingsIntoOneFolder: of two simultaneous trainings one is refused, and the folder belongs to the other, undamaged.
func TestTwoTrainingsIntoOneFolder(t *testing.T) {
	x, _ := scatter(300, 6, 3)
	base := t.TempDir()
	features := filepath.Join(base, "x.npy")
	if err := npy.Write(features, []int{300, 6}, x); err != nil {
		t.Fatal(err)
	}
	train := func(out, seed string) *exec.Cmd {
		return exec.Command("pipeline", "train", features, "--clusters", "3", "--method", "debiased-infonce-clustering", "--epochs", "20", "--heads", "1", "--seed", seed, "--quiet", "--out", out)
	}
	for trial := range pairs {
		out := filepath.Join(base, fmt.Sprint("run", trial))
		var said [2]bytes.Buffer
		a, b := train(out, "1"), train(out, "2")
		a.Stderr, b.Stderr = &said[0], &said[1]
		if err := errors.Join(a.Start(), b.Start()); err != nil {
			t.Fatal(err)
		}
		errA, errB := a.Wait(), b.Wait()
		if (errA == nil) == (errB == nil) {
			t.Fatalf("both ended alike: %v, %v\n%s%s", errA, errB, &said[0], &said[1])
		}
		seed, refused := "1", &said[1]
		if errA != nil {
			seed, refused = "2", &said[0]
		}
		if text := refused.String(); !strings.Contains(text, "another training is running in") && !strings.Contains(text, "contains another run") {
			t.Errorf("refused with %q", text)
		}
		alone := filepath.Join(base, fmt.Sprint("alone", trial))
		expectSuccess(t, train(alone, seed))
		sameRuns(t, out, alone)
	}
}
