//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"iconic/extract"
	"iconic/internal/onnxtest"
)

// These tests do to the real program what machines and people do to it.

// kills is how often such a test kills a command.
var kills = flag.Int("kills", fewKills, "how often a test of killed commands kills each of them")

// faultImages is enough for a run of about one second.
const faultImages = 300

const faultShardRows = 32

// noise makes a folder of images in five classes.
func noise(t *testing.T, images int) string {
	t.Helper()
	root := t.TempDir()
	for i := range images {
		r := rand.New(rand.NewPCG(uint64(i), 7))
		im := image.NewGray(image.Rect(0, 0, 60, 50))
		for k := range im.Pix {
			im.Pix[k] = uint8(r.Uint32())
		}
		var b bytes.Buffer
		if err := png.Encode(&b, im); err != nil {
			t.Fatal(err)
		}
		name := filepath.Join(root, fmt.Sprintf("class%d", i%5), fmt.Sprintf("%04d.png", i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, b.Bytes(), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// extraction is `pipeline extract` of one data set into any folder.
type extraction struct{ data, model string }

func newExtraction(t *testing.T) extraction {
	t.Helper()
	return extraction{noise(t, faultImages), onnxtest.Pooling(224, 56).Write(t)}
}

func (e extraction) command(out string, more ...string) *exec.Cmd {
	args := append([]string{"extract", e.data, "--model", e.model, "--resize", "224", "--crop", "224", "--mean", "0.5", "--std", "0.5",
		"--shard-rows", fmt.Sprint(faultShardRows), "--batch-images", "4", "--encoder-threads", "1", "--decode-threads", "2", "--json", "--anew", "--out", out}, more...)
	return exec.Command("pipeline", args...)
}

// run runs an extraction to its end.
func (e extraction) run(t *testing.T, out string, more ...string) extract.Summary {
	t.Helper()
	var s extract.Summary
	c := e.command(out, more...)
	var complaint bytes.Buffer
	c.Stderr = &complaint
	b, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaint.String())
	}
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return s
}

// fails runs an extraction that must fail with the exit code and with want in its last line.
func (e extraction) fails(t *testing.T, code int, want, out string, more ...string) {
	t.Helper()
	expectFailure(t, e.command(out, more...), code, want)
}

func expectFailure(t *testing.T, c *exec.Cmd, code int, want string) {
	t.Helper()
	b, err := c.CombinedOutput()
	checkFailure(t, err, string(b), code, want)
}

func checkFailure(t *testing.T, err error, output string, code int, want string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(output), "\n")
	last := lines[len(lines)-1]
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != code || !strings.HasPrefix(last, "pipeline: ") || !strings.Contains(last, want) {
		t.Errorf("%v, last line %q; want exit code %d and %q", err, last, code, want)
	}
}

// finishedRows counts the rows of a store, finished or not, that will not be encoded again.
func finishedRows(t *testing.T, out string) int {
	t.Helper()
	journals, err := filepath.Glob(filepath.Join(out, ".partial", "*.journal"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(out, "manifest.json")); err == nil {
		journals = []string{filepath.Join(out, "items.jsonl")}
	}
	rows := map[string]bool{}
	for _, name := range journals {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(b)) {
			rows[line] = true
		}
	}
	return len(rows)
}

func sameStores(t *testing.T, a, b string) {
	t.Helper()
	read := func(dir string) map[string]string {
		files := map[string]string{}
		names, err := filepath.Glob(filepath.Join(dir, "*.*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			switch filepath.Base(name) {
			case ".partial":
				t.Errorf("%s is left", name)
				continue
			case ".lock": // of a store on disk
				continue
			}
			content, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.Base(name)] = string(content)
		}
		return files
	}
	x, y := read(a), read(b)
	if len(x) < 4 || len(x) != len(y) {
		t.Errorf("%d files and %d", len(x), len(y))
	}
	for name := range x {
		if x[name] != y[name] {
			t.Errorf("%s differs", name)
		}
	}
}

// lastStored is the number of images that had gone through all stages when a run last reported progress.
func lastStored(t *testing.T, output string) (done int) {
	t.Helper()
	for line := range strings.Lines(output) {
		var at struct{ Done int }
		if strings.HasPrefix(line, `{"`) && json.Unmarshal([]byte(line), &at) == nil {
			done = max(done, at.Done)
		}
	}
	return done
}

func TestKilledAtAnyMomentAStoreIsTheSame(t *testing.T) {
	e := newExtraction(t)
	base := t.TempDir()
	whole, out := filepath.Join(base, "whole"), filepath.Join(base, "killed")
	start := time.Now()
	e.run(t, whole)
	length := time.Since(start)
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	for i := range *kills {
		before := finishedRows(t, out)
		c := e.command(out)
		var output bytes.Buffer
		c.Stdout, c.Stderr = &output, &output
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		moment := time.Duration(r.Int64N(int64(length)))
		time.Sleep(moment)
		if err := c.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		if err := c.Wait(); err == nil { // it finished before the kill: start over
			sameStores(t, whole, out)
			if err := os.RemoveAll(out); err != nil {
				t.Fatal(err)
			}
			continue
		} else if c.ProcessState.Exited() {
			t.Fatalf("run %d failed: %s", i, output.String())
		}
		after := finishedRows(t, out)
		if stored := lastStored(t, output.String()); after < before || stored-after > faultShardRows {
			t.Errorf("run %d, killed after %v: %d rows were finished, %d were stored, and %d are finished", i, moment, before, stored, after)
		}
		t.Logf("killed after %v: %d rows are finished", moment.Round(time.Millisecond), after)
	}
	kept := finishedRows(t, out)
	if s := e.run(t, out); s.Encoded != faultImages-kept {
		t.Errorf("%d images were encoded again where %d rows of %d were finished", s.Encoded, kept, faultImages)
	}
	sameStores(t, whole, out)
}

func TestInterruptedItKeepsEveryRow(t *testing.T) {
	e := newExtraction(t)
	base := t.TempDir()
	whole, out := filepath.Join(base, "whole"), filepath.Join(base, "interrupted")
	e.run(t, whole)
	c := e.command(out)
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); finishedRows(t, out) == 0; {
		if time.Now().After(deadline) {
			t.Fatal("no shard was finished")
		}
		time.Sleep(time.Millisecond)
	}
	if err := c.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := c.Wait()
	if err == nil {
		t.Skip("it was faster than the signal")
	}
	checkFailure(t, err, output.String(), exitInterrupted, "the features of finished images are kept")
	kept := finishedRows(t, out)
	if s := e.run(t, out); s.Encoded != faultImages-kept || kept == 0 {
		t.Errorf("%d encoded after %d of %d were finished", s.Encoded, kept, faultImages)
	}
	sameStores(t, whole, out)
}

func TestTwoAtOnce(t *testing.T) {
	e := newExtraction(t)
	out := filepath.Join(t.TempDir(), "store")
	first := e.command(out)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if _, err := os.Stat(filepath.Join(out, ".partial", "settings.json")); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the first one never began")
		}
	}
	if err := first.Process.Signal(syscall.SIGSTOP); err != nil { // it holds the lock as long as the test needs
		t.Fatal(err)
	}
	e.fails(t, exitFailed, "is being written by another process", out)
	if err := errors.Join(first.Process.Signal(syscall.SIGKILL), first.Process.Signal(syscall.SIGCONT)); err != nil {
		t.Fatal(err)
	}
	if err := first.Wait(); err == nil {
		t.Fatal("the first one ended well")
	}
	if s := e.run(t, out); s.Rows != faultImages { // the lock ended with its process
		t.Errorf("%+v", s)
	}
}

// mount mounts a small file system.
func mount(t *testing.T, size string) (dir string, remount func(options string)) {
	t.Helper()
	dir = t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a file system of its own cannot be mounted here: %s", bytes.TrimSpace(out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
	return dir, func(options string) {
		t.Helper()
		if out, err := exec.Command("mount", "-o", "remount,"+options, dir).CombinedOutput(); err != nil {
			t.Fatalf("remount: %s", out)
		}
	}
}

func TestAFullDisk(t *testing.T) {
	e := newExtraction(t)
	whole := filepath.Join(t.TempDir(), "whole")
	e.run(t, whole)
	small, _ := mount(t, "100k")
	e.fails(t, exitFailed, "free some space, or choose a folder elsewhere with --out", filepath.Join(small, "store"))
	parts := filepath.Join(t.TempDir(), "parts")
	e.run(t, parts, "--shard", "1/1")
	merged := filepath.Join(small, "merged")
	expectFailure(t, exec.Command("pipeline", "merge", parts, "--out", merged), exitFailed, "free some space, or choose a folder elsewhere with --out")
	if _, err := os.Stat(merged); err == nil {
		t.Error("the merge began")
	}

	dir, remount := mount(t, "2m")
	out := filepath.Join(dir, "store")
	c := e.command(out)
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); finishedRows(t, out) == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	ballast := filepath.Join(dir, "ballast")
	_ = os.WriteFile(ballast, make([]byte, 4<<20), 0o600) // writing fails once the disk is full, as intended
	checkFailure(t, c.Wait(), output.String(), exitFailed, "no space left on device")
	kept := finishedRows(t, out)
	if kept == 0 {
		t.Error("nothing was kept")
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if s := e.run(t, out); s.Encoded != faultImages-kept {
		t.Errorf("%d encoded after %d of %d were finished", s.Encoded, kept, faultImages)
	}
	sameStores(t, whole, out)

	remount("ro")
	e.fails(t, exitFailed, "read-only file system", out)
	e.fails(t, exitFailed, "read-only file system", filepath.Join(dir, "another"))
	expectSuccess(t, exec.Command("pipeline", "train", out, "--clusters", "5", "--out", filepath.Join(t.TempDir(), "run")))
}

func expectSuccess(t *testing.T, c *exec.Cmd) {
	t.Helper()
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestFilesThatVanishOrChangeWhileTheyAreRead(t *testing.T) {
	e := newExtraction(t)
	out := filepath.Join(t.TempDir(), "store")
	c := e.command(out)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); finishedRows(t, out) == 0 && time.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	last := filepath.Join(e.data, "class4")
	gone, changed := filepath.Join(last, "0299.png"), filepath.Join(last, "0294.png")
	other, err := os.ReadFile(filepath.Join(e.data, "class0", "0000.png"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(gone), os.WriteFile(changed, other, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	e.run(t, out, "--prune") // whatever the first run saw of the changes, the second sees the result
	fresh := filepath.Join(t.TempDir(), "fresh")
	e.run(t, fresh)
	sameStores(t, fresh, out)
	if err := os.RemoveAll(e.data); err != nil {
		t.Fatal(err)
	}
	e.fails(t, exitFailed, "no data at", out)
	sameStores(t, fresh, out)
}
