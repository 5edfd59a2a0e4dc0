//go:build unix && slow

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"iconic/internal/npy"
)

// TestFourProcessesShareASweep runs four processes on one sweep and kills two of them. Every run is trained once: its head, once written,
// is never rewritten. Table, page and runs equal those of a single process.
func TestFourProcessesShareASweep(t *testing.T) {
	dir := t.TempDir()
	x, y := scatter(240, 8, 5)
	features, labels := filepath.Join(dir, "x.npy"), filepath.Join(dir, "y.npy")
	if err := npy.Write(features, []int{240, 8}, x); err != nil {
		t.Fatal(err)
	}
	if err := npy.WriteInts(labels, y); err != nil {
		t.Fatal(err)
	}
	command := func(out string, more ...string) *exec.Cmd {
		return exec.Command("pipeline", append([]string{"sweep", features, "--labels", labels, "--method", "debiased-infonce-clustering",
			"--alpha", "0,0.3,0.6", "--epochs", "60", "--batch", "32", "--seeds", "2", "--threads", "1", "--out", filepath.Join(dir, out)}, more...)...)
	}
	if out, err := command("whole").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var workers []*exec.Cmd
	output := make([]bytes.Buffer, 4)
	for i := range output {
		c := command("shared")
		if i > 0 {
			c = command("shared", "--shard", string(rune('0'+i))+"/3")
		}
		c.Stdout, c.Stderr = &output[i], &output[i]
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		workers = append(workers, c)
	}
	heads := func() map[string]os.FileInfo { // of the runs with final names, without .partial
		names, err := filepath.Glob(filepath.Join(dir, "shared", "runs", "*[^l]", "head.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]os.FileInfo{}
		for _, name := range names {
			if stat, err := os.Stat(name); err == nil {
				all[name] = stat
			}
		}
		return all
	}
	first := map[string]os.FileInfo{}
	look := func() {
		for name, stat := range heads() {
			if before, seen := first[name]; seen && !os.SameFile(before, stat) {
				t.Errorf("%s was made twice", name)
			}
			first[name] = stat
		}
	}
	for len(first) < 1 { // so that the others die in the middle of their work
		look()
		time.Sleep(5 * time.Millisecond)
	}
	for _, c := range workers[1:3] {
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	killed := len(first)
	done := make(chan error, 1)
	go func() { done <- workers[0].Wait() }()
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("%v: %s", err, output[0].String())
			}
			running = false
		case <-time.After(10 * time.Millisecond):
			look()
		}
	}
	for i, c := range workers[1:] {
		if err := c.Wait(); (err == nil) != (i == 2) {
			t.Errorf("process %d: %v: %s", i+1, err, output[i+1].String())
		}
	}
	look()
	t.Logf("two of four processes were killed after %d of %d runs", killed, len(first))
	if len(first) != 6 {
		t.Errorf("%d runs", len(first))
	}
	files := []string{"sweep.csv", "sweep.html"}
	for name := range first {
		run, err := filepath.Rel(filepath.Join(dir, "shared"), filepath.Dir(name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, filepath.Join(run, "head.safetensors"), filepath.Join(run, "assignments.csv"))
	}
	for _, name := range files {
		a, err := os.ReadFile(filepath.Join(dir, "whole", name))
		if err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "shared", name)); err != nil || !bytes.Equal(a, b) {
			t.Errorf("%s differs: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "shared", "claims")); err == nil {
		t.Error("claims were left behind")
	}
}
