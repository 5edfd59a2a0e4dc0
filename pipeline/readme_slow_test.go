//go:build unix && slow

package main

import (
	"bytes"
	"errors"
	"image/jpeg"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"iconic/extract/synthetic"
	"iconic/internal/cachetest"
	"iconic/internal/onnxtest"
	"iconic/models"
)

// elsewhere lists commands of README.md that do not run in TestREADME, and why.
var elsewhere = map[string]string{
	"go test ./...":                         "this test is one of them",
	"go build -o bin/pipeline ./pipeline":   "the test binary is the command",
	"open runs/photos/report.html":          "it opens a browser",
	"bin/pipeline models pull dinov2-small": "it downloads weights; models.txtar has its own server",
	"bin/pipeline models pull dinov3-vits16 --from dinov3_vits16_pretrain_lvd1689m-08c60483.pth": "the weights need a licence; dinov3.txtar uses generated ones",
	"docker build -t iconic .": "make container builds the image",
	`docker run --rm -v "$PWD/photos:/data:ro" -v iconic-cache:/cache -v "$PWD/runs:/runs" iconic run /data --model dinov2-small --clusters 20 --out /runs/photos`: "make container runs it",
}

// otherCode lists blocks of README.md that are not commands, by their first words, with what tests them.
var otherCode = map[string]string{
	"r, err := iconic.Cluster(ctx": "ExampleCluster",
	"const ort = require(":         "testdata/slow/node.txtar",
}

// readmeCommands are the commands of README.md in order. Commands are in indented blocks and end at a comment.
func readmeCommands(t *testing.T) (commands []string) {
	t.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	shell := regexp.MustCompile(`^(go|open|curl|docker|bin/pipeline) `)
	left := map[string]bool{}
	for begin := range otherCode {
		left[begin] = true
	}
	for _, block := range regexp.MustCompile(`(?m)(^    .*\n)+`).FindAllString(string(text), -1) {
		if !shell.MatchString(strings.TrimSpace(block)) {
			known := false
			for begin := range otherCode {
				if strings.HasPrefix(strings.TrimSpace(block), begin) {
					known = true
					delete(left, begin)
				}
			}
			if !known {
				t.Errorf("an untested block: %s", block)
			}
			continue
		}
		for line := range strings.Lines(block) {
			command := regexp.MustCompile(` +# .*`).ReplaceAllString(strings.TrimSpace(line), "")
			commands = append(commands, command)
		}
	}
	for begin := range left {
		t.Errorf("README.md has no block that begins %q", begin)
	}
	return commands
}

// readme is a folder in which the commands run one after the other.
type readme struct {
	t       *testing.T
	folder  string
	address string
	going   *exec.Cmd // a command that runs until it is interrupted; nil: none
}

// command is a shell command in the folder.
func (r *readme) command(text string) *exec.Cmd {
	c := exec.Command("sh", "-c", "exec "+text)
	c.Dir = r.folder
	return c
}

// begin starts a command that keeps running, and waits until it is ready.
func (r *readme) begin(text string, atWork func() bool) {
	r.t.Helper()
	c := r.command(text)
	output := new(bytes.Buffer)
	c.Stdout, c.Stderr = output, output
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.going = c
	for range 600 {
		if atWork() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	_ = c.Process.Kill()
	_ = c.Wait()
	r.t.Fatalf("%s was not ready after a minute: %s", text, output)
}

// end interrupts the running command, which is its normal end.
func (r *readme) end() {
	r.t.Helper()
	if r.going == nil {
		return
	}
	if err := r.going.Process.Signal(syscall.SIGINT); err != nil {
		r.t.Fatal(err)
	}
	if err := r.going.Wait(); err != nil && r.going.ProcessState.ExitCode() != exitInterrupted {
		r.t.Errorf("%v after its interrupt: %v: %s", r.going.Args, err, r.going.Stderr)
	}
	r.going = nil
}

func (r *readme) listens() bool {
	c, err := net.Dial("tcp", r.address)
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// TestREADME runs every command of README.md as a reader would, one after the other in one folder. The tiny encoder replaces
// dinov2-small, whose weights would have to be downloaded.
func TestREADME(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", cachetest.Folder(t))
	r := &readme{t: t, folder: t.TempDir()}
	r.furnish()
	left := map[string]bool{}
	for command := range elsewhere {
		left[command] = true
	}
	for _, command := range readmeCommands(t) {
		if elsewhere[command] != "" {
			delete(left, command)
			t.Logf("not run: %s (%s)", command, elsewhere[command])
			continue
		}
		text := strings.NewReplacer("go run ./pipeline", "bin/pipeline", "dinov2-small", "tiny", "weights.pth", "weights.safetensors", "127.0.0.1:8080", r.address).Replace(command)
		if !strings.HasPrefix(text, "curl ") {
			r.end()
		}
		switch {
		case strings.Contains(text, "--watch"):
			r.begin(text, func() bool {
				found, err := filepath.Glob(filepath.Join(r.folder, "arrived", "*", "*"))
				return err == nil && len(found) > 0
			})
		case strings.HasPrefix(text, "bin/pipeline serve "), strings.HasPrefix(text, "bin/pipeline curate "):
			r.begin(text+" --listen "+r.address, r.listens)
		case strings.HasPrefix(text, "bin/pipeline "), strings.HasPrefix(text, "curl "):
			c := r.command(text)
			out, err := c.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s", text, err, out)
			}
			if c.ProcessState != nil {
				t.Logf("%.1f s of processors: %s", (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds(), text)
			}
		default:
			t.Errorf("a command that this test cannot run: %s", command)
		}
	}
	r.end()
	for command := range left {
		t.Errorf("README.md no longer has the command %q", command)
	}
}

// furnish creates the files in the folder that the commands use.
func (r *readme) furnish() {
	t := r.t
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r.address = l.Addr().String()
	program, err := exec.LookPath("pipeline")
	err = errors.Join(err, l.Close())
	at := func(name string) string { return filepath.Join(r.folder, name) }
	for name, n := range map[string]int{"photos": 4, "validation": 2, "new": 1, "inbox": 1} {
		err = errors.Join(err, synthetic.Write(t.Context(), at(name), n, 32, uint64(n)))
	}
	err = errors.Join(err, os.Mkdir(at("bin"), 0o755), os.Symlink(program, at("bin/pipeline")), os.WriteFile(at("names.csv"), []byte("3,dogs\n"), 0o600),
		os.WriteFile(at("encoder.onnx"), onnxtest.Pooling(224, 28).Encode(), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	e, err := models.Lookup("dinov2-small")
	if err != nil {
		t.Fatal(err)
	}
	randomWeights(t, at("weights.safetensors"), e.Architecture)
	picture, err := synthetic.Draw(1, 7, 64)
	if err != nil {
		t.Fatal(err)
	}
	var photo bytes.Buffer
	if err := errors.Join(jpeg.Encode(&photo, picture, nil), os.WriteFile(at("photo.jpg"), photo.Bytes(), 0o600)); err != nil {
		t.Fatal(err)
	}
}
