//go:build unix && slow

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"iconic/run"
)

// curating is a run whose clusters are edited in a browser.
type curating struct {
	t       *testing.T
	root    string
	address string
	server  *exec.Cmd
	ctx     context.Context

	mu         sync.Mutex
	complaints []string
}

func (c *curating) pipeline(args ...string) []byte {
	c.t.Helper()
	command := exec.Command(filepath.Join(c.root, "pipeline"), args...)
	command.Dir = c.root
	var problems bytes.Buffer
	command.Stderr = &problems
	out, err := command.Output()
	if err != nil {
		c.t.Fatalf("pipeline %v: %v: %s", args, err, problems.Bytes())
	}
	return out
}

// start starts the server at its address and waits until it listens.
func (c *curating) start() {
	c.t.Helper()
	c.server = exec.Command(filepath.Join(c.root, "pipeline"), "curate", "demo/run", "--listen", c.address)
	c.server.Dir = c.root
	out, err := c.server.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.server.Start(); err != nil {
		c.t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || !strings.HasPrefix(line, "curate at ") {
		c.t.Fatalf("the server says %q, %v", line, err)
	}
}

// kill sends SIGKILL.
func (c *curating) kill() {
	c.t.Helper()
	if err := c.server.Process.Signal(syscall.SIGKILL); err != nil {
		c.t.Fatal(err)
	}
	_ = c.server.Wait()
}

func (c *curating) do(actions ...chromedp.Action[chromedp.Void]) {
	c.t.Helper()
	if err := chromedp.Do(c.ctx, actions...); err != nil {
		c.t.Fatal(err)
	}
}

// ask evaluates an expression in the page.
func (c *curating) ask(expression string) string {
	c.t.Helper()
	text, err := chromedp.Run(c.ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		c.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

// until waits until an expression has a value.
func (c *curating) until(expression, want string) {
	c.t.Helper()
	got := ""
	for range 200 {
		if got = c.ask(expression); got == want {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.t.Fatalf("%s is %q, want %q; the page says %q", expression, got, want, c.ask("document.getElementById('alert').textContent"))
}

// keys presses keys one after the other.
func (c *curating) keys(keys ...string) {
	c.t.Helper()
	for _, key := range keys {
		c.do(chromedp.KeyEvent(key))
	}
}

// answer types into the open dialog. A key sent through the browser protocol is two events; unlike with a real
// keyboard, the second reaches the field that the first has opened, so the field is emptied first.
func (c *curating) answer(text string) {
	c.t.Helper()
	c.until(shownDialog, "ask")
	c.ask("document.getElementById('ask-text').value = ''")
	c.do(chromedp.KeyEvent(text), chromedp.KeyEvent(kb.Enter))
	c.until(shownDialog, "")
}

// JavaScript expressions for what the page shows.
const (
	shownName    = "document.getElementById('name').textContent"
	shownAbout   = "document.getElementById('about').textContent"
	shownRows    = "document.querySelectorAll('#clusters .row:not(.list)').length"
	shownUndo    = "document.getElementById('undo').textContent"
	shownPicture = "[...document.querySelectorAll('#grid img')].filter(m => m.complete && m.naturalWidth > 0).length > 8"
	shownChosen  = "document.getElementById('chosen').hidden ? '' : document.getElementById('count').textContent"
	shownDialog  = "document.querySelector('dialog[open]')?.id || ''"
)

// A whole curation by keyboard, with the server killed between changes: nothing that was shown is lost, and predictions apply it.
func TestBrowserCurates(t *testing.T) {
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			browser = path
			break
		}
	}
	if browser == "" {
		t.Skip("no Chromium to open the page in")
	}
	c := &curating{t: t, root: t.TempDir()}
	if out, err := exec.Command("go", "build", "-o", filepath.Join(c.root, "pipeline"), ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c.pipeline("demo", "--out", "demo", "-q")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.address = listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	c.start()
	defer func() { _ = c.server.Process.Kill() }()
	c.open(browser)
	c.until(shownRows, "10")
	c.until(shownPicture, "true")
	c.screenshots("start")

	// Rename by keyboard, and kill the server.
	c.keys("r")
	c.answer("first of all")
	c.until(shownName, "first of all")
	c.kill()
	c.start()
	c.do(chromedp.Reload())
	c.until(shownName, "first of all")

	// Killed without a reload: the next change reconnects to the server.
	c.kill()
	c.start()
	c.keys("v")
	c.until("document.querySelectorAll('#clusters .mark')[0].textContent", "✓")

	// A change made while the server is down is not shown as saved, and the page retries by itself.
	c.until("document.getElementById('alert').hidden", "true")
	c.kill()
	c.keys("v")
	c.until("document.getElementById('alert').textContent.startsWith('The server does not answer')", "true")
	c.start()
	c.until("document.getElementById('alert').hidden", "true")
	c.until("document.querySelectorAll('#clusters .mark')[1].textContent", "")

	// Merge cluster 2 into the renamed one.
	c.keys("j")
	c.until("document.querySelector('#clusters .now .number').textContent", "2")
	c.keys("m")
	c.answer("first of")
	c.until(shownRows, "9")
	c.until(shownName, "first of all")

	// Split it again, with a preview.
	c.keys("s")
	c.until(shownDialog, "parts")
	c.until("[...document.querySelectorAll('#parts img')].every(m => m.complete && m.naturalWidth > 0)", "true")
	c.screenshots("split")
	c.keys(kb.Enter)
	c.until(shownRows, "10")
	c.until(shownUndo, "Undo: split")
	c.kill()
	c.start()

	// Leave three images out; the first is the one with the keyboard focus.
	c.until("document.querySelectorAll('#grid .cell[data-image]').length > 3", "true")
	before := c.ask(shownAbout)
	c.do(chromedp.Focus("#grid"))
	c.keys(" ", kb.ArrowRight, " ", kb.ArrowRight, " ")
	c.until(shownChosen, "3 images selected")
	c.screenshots("chosen")
	c.keys("x")
	c.until("document.querySelector('#clusters .row:last-child .called').textContent", "Left out")
	c.keys("u")
	c.until(shownAbout, before)
	c.kill()
	c.start()
	c.do(chromedp.Reload())
	c.until(shownUndo, "Undo: split")
	c.keys("U")
	c.until(shownUndo, "Undo: leave out")

	// Move two images into a new cluster with the mouse.
	c.do(chromedp.Click("#grid .cell[data-image]"))
	c.until(shownChosen, "1 image selected")
	c.do(chromedp.Click("#move"))
	c.answer("a new")
	c.until(shownRows, "11")

	// Leave out all duplicates but the first of each group at once, and restore them.
	c.do(chromedp.Click("#clusters .row.list"))
	c.until(shownName, "Duplicates")
	c.screenshots("duplicates")
	spare := strconv.Itoa(c.spare())
	c.keys("d")
	c.until(shownChosen, spare+" images selected")
	c.keys("x")
	c.until(shownUndo, "Undo: leave out")
	c.keys("u")
	c.until(shownUndo, "Undo: move")
	c.kill()

	c.follows()
	if complaints := c.told(); len(complaints) > 0 {
		t.Errorf("the browser complains: %s", strings.Join(complaints, "\n"))
	}
}

// spare counts the images in duplicates.csv other than the first of each group.
func (c *curating) spare() int {
	content, err := os.ReadFile(filepath.Join(c.root, "demo", "run", run.DuplicatesFile))
	if err != nil {
		c.t.Fatal(err)
	}
	n := strings.Count(string(content), ",near,") + strings.Count(string(content), ",exact,")
	if n < 2 {
		c.t.Fatalf("%d duplicates: the test wants some", n)
	}
	return n
}

// follows compares the curation with the results of the commands.
func (c *curating) follows() {
	content, err := os.ReadFile(filepath.Join(c.root, "demo", "run", "curation.jsonl"))
	if err != nil {
		c.t.Fatal(err)
	}
	var kinds []string
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n")[1:] {
		var step struct{ Step string }
		if err := json.Unmarshal([]byte(line), &step); err != nil {
			c.t.Fatal(err)
		}
		kinds = append(kinds, step.Step)
	}
	want := []string{"rename", "review", "merge", "split", "exclude", "undo", "redo", "move", "exclude", "undo"}
	if !slices.Equal(kinds, want) {
		c.t.Errorf("the file holds the steps %v, want %v", kinds, want)
	}
	clusters := map[int]string{}
	for _, line := range bytes.Split(bytes.TrimSpace(c.pipeline("predict", "demo/run", "demo/pictures", "--json", "-q")), []byte{'\n'}) {
		var p struct {
			Cluster int
			Name    string
		}
		if err := json.Unmarshal(line, &p); err != nil {
			c.t.Fatal(err)
		}
		clusters[p.Cluster] = p.Name
	}
	if _, merged := clusters[2]; merged || clusters[0] != "first of all" {
		c.t.Errorf("predictions are of clusters %v: 2 is part of 0, the first of all", clusters)
	}
	if _, split := clusters[10]; !split {
		c.t.Errorf("predictions are of clusters %v: none of 10, which was split off", clusters)
	}
	if out := c.pipeline("sort", "demo/run", "--to", "sorted", "-q"); !bytes.Contains(out, []byte("cluster-011 ")) || !bytes.Contains(out, []byte("597 ")) {
		c.t.Errorf("sort would make\n%s", out)
	}
}

func (c *curating) open(browser string) {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(browser), chromedp.NoSandbox, chromedp.WindowSize(1300, 900), chromedp.UserDataDir(c.t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	c.t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
	c.t.Cleanup(cancel)
	c.ctx, cancel = chromedp.NewContext(ctx)
	c.t.Cleanup(cancel)
	note := func(format string, args ...any) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.complaints = append(c.complaints, fmt.Sprintf(format, args...))
	}
	err := chromedp.Listen(c.ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			note("exception: %s", e.ExceptionDetails.Text)
		case *log.EventEntryAdded:
			note("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	})
	if err != nil {
		c.t.Fatal(err)
	}
	if _, err := chromedp.Call(c.ctx, log.Enable, cdp.Empty{}); err != nil {
		c.t.Fatal(err)
	}
	c.do(chromedp.Navigate("http://"+c.address+"/"), chromedp.WaitReady("body"))
}

// told are the browser's complaints, except those about requests to a server that was killed or did not know its predecessor's token.
func (c *curating) told() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(c.complaints, func(s string) bool {
		return strings.Contains(s, "net::ERR_") || strings.Contains(s, "403")
	})
}

// screenshots saves screenshots of the page to the folder named by ICONIC_SCREENSHOTS, for inspection.
func (c *curating) screenshots(name string) {
	c.t.Helper()
	folder := os.Getenv("ICONIC_SCREENSHOTS")
	for _, view := range []struct {
		name, scheme  string
		width, height int64
	}{{"light", "light", 1300, 900}, {"dark", "dark", 1300, 900}, {"phone", "light", 390, 844}, {"", "light", 1300, 900}} {
		media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: view.scheme}}}
		if _, err := chromedp.Call(c.ctx, emulation.SetEmulatedMedia, media); err != nil {
			c.t.Fatal(err)
		}
		c.do(chromedp.EmulateViewport(view.width, view.height), chromedp.Sleep(600*time.Millisecond))
		if view.width < 400 && c.ask("document.documentElement.scrollWidth > 390") == "true" {
			c.t.Errorf("%s: a phone has to scroll sideways", name)
		}
		if folder == "" || view.name == "" {
			continue
		}
		picture, err := chromedp.Run(c.ctx, chromedp.CaptureScreenshot())
		if err == nil {
			err = os.WriteFile(filepath.Join(folder, "curate-"+name+"-"+view.name+".png"), picture, 0o644)
		}
		if err != nil {
			c.t.Fatal(err)
		}
	}
}
