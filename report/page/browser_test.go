package page

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browser opens a page in Chromium and records what a good page never does: errors on the console, requests to anyone.
// It skips the test where there is no Chromium (Debian: apt-get install -y --no-install-recommends chromium).
func browser(t *testing.T, page []byte) (ctx context.Context, complaints func() []string) {
	t.Helper()
	var program string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("no Chromium to open the page in")
	}
	file := filepath.Join(t.TempDir(), "report.html")
	if err := os.WriteFile(file, page, 0o644); err != nil {
		t.Fatal(err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.WindowSize(1200, 900), chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	var mutex sync.Mutex
	var list []string
	note := func(format string, args ...any) {
		mutex.Lock()
		defer mutex.Unlock()
		list = append(list, fmt.Sprintf(format, args...))
	}
	err := chromedp.Listen(ctx, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if !strings.HasPrefix(e.Request.URL, "data:") && !strings.HasPrefix(e.Request.URL, "file://"+file) {
				note("request: %s", e.Request.URL)
			}
		case *runtime.EventExceptionThrown:
			note("exception: %s", e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			note("console: %s", e.Type)
		case *log.EventEntryAdded:
			note("log: %s", e.Entry.Text)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	call(t, ctx, network.Enable, network.EnableParams{})
	call(t, ctx, log.Enable, cdp.Empty{})
	do(t, ctx, chromedp.Navigate("file://"+file), chromedp.WaitReady("body"))
	return ctx, func() []string {
		mutex.Lock()
		defer mutex.Unlock()
		return list
	}
}

func do(t *testing.T, ctx context.Context, actions ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, actions...); err != nil {
		t.Fatal(err)
	}
}

func call[P, R any](t *testing.T, ctx context.Context, command cdp.Command[P, R], parameters P) {
	t.Helper()
	if _, err := chromedp.Call(ctx, command, parameters); err != nil {
		t.Fatal(err)
	}
}

// scheme sets what the system prefers, "light" or "dark".
func scheme(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	call(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

// evaluate runs a statement in the page.
func evaluate(t *testing.T, ctx context.Context, statement string) {
	t.Helper()
	ask[bool](t, ctx, "(() => {"+statement+"; return true})()")
}

// ask evaluates an expression in the page.
func ask[T any](t *testing.T, ctx context.Context, expression string) (answer T) {
	t.Helper()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string]("JSON.stringify("+expression+")"))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		t.Fatalf("%s gave %s: %v", expression, text, err)
	}
	return answer
}

const shownSheets = "[...document.querySelectorAll('.sheet')].filter(s => !s.hidden).length"

func TestPageInABrowser(t *testing.T) {
	page, _ := write(t, made(t, 300, 6, true))
	ctx, complaints := browser(t, page)

	t.Run("the map filters on click", func(t *testing.T) {
		all := ask[int](t, ctx, shownSheets)
		do(t, ctx, chromedp.ScrollIntoView("#map"))
		// The place of the first point, as the page's own data and layout give it.
		at := ask[[]float64](t, ctx, `(() => {
			const d = JSON.parse(document.getElementById("data").textContent), b = document.getElementById("map").getBoundingClientRect();
			const side = Math.min(b.width, b.height) - 36;
			return [b.left + (b.width - side) / 2 + d.x[0] * side / 4095, b.top + (b.height - side) / 2 + d.y[0] * side / 4095];
		})()`)
		do(t, ctx, chromedp.MouseClickXY(at[0], at[1]))
		if shown := ask[int](t, ctx, shownSheets); all != 5 || shown != 1 {
			t.Errorf("%d contact sheets became %d, want 5 and 1", all, shown)
		}
		if tip := ask[bool](t, ctx, `document.getElementById("tip").hidden`); tip {
			t.Error("the point under the mouse shows no picture")
		}
		if status := ask[string](t, ctx, `document.getElementById("status").textContent`); !strings.HasPrefix(status, "Only cluster") {
			t.Errorf("status %q", status)
		}
		do(t, ctx, chromedp.Click("#clear"))
		if shown := ask[int](t, ctx, shownSheets); shown != all {
			t.Errorf("%d sheets after clearing", shown)
		}
	})

	t.Run("the keyboard reaches every control", func(t *testing.T) {
		evaluate(t, ctx, `document.activeElement.blur(); window.reached = new Set(); document.addEventListener("focusin", e => window.reached.add(e.target)); scrollTo(0, 0)`)
		for range 120 {
			do(t, ctx, chromedp.KeyEvent(kb.Tab))
		}
		missed := ask[[]string](t, ctx, `[...document.querySelectorAll("a,button,select,input,summary,canvas")]
			.filter(e => !window.reached.has(e) && e.tabIndex >= 0 && !e.closest("dialog")).map(e => e.outerHTML.slice(0, 80))`)
		if len(missed) > 0 {
			t.Errorf("the tab key does not reach %q", missed)
		}
		// What the tab key leaves out, arrows reach: the tiles after the first of a strip.
		do(t, ctx, chromedp.Focus(".strip button"), chromedp.KeyEvent(kb.ArrowRight))
		if second := ask[bool](t, ctx, `document.activeElement === document.querySelectorAll(".strip button")[1]`); !second {
			t.Error("the right arrow does not go to the next picture")
		}
		do(t, ctx, chromedp.KeyEvent(kb.Enter))
		if neighbours := ask[int](t, ctx, `document.querySelectorAll("dialog[open] .strip button").length`); neighbours != neighboursShown {
			t.Errorf("the dialog shows %d neighbours, want %d", neighbours, neighboursShown)
		}
		do(t, ctx, chromedp.KeyEvent(kb.Escape))
		if open := ask[bool](t, ctx, `document.getElementById("item").open`); open {
			t.Error("Escape does not close the dialog")
		}
		do(t, ctx, chromedp.Focus("#map"), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.ArrowRight), chromedp.KeyEvent(kb.Enter))
		if shown := ask[int](t, ctx, shownSheets); shown != 1 {
			t.Errorf("Enter on the map leaves %d sheets, want 1", shown)
		}
		do(t, ctx, chromedp.KeyEvent(kb.Escape))
		if shown := ask[int](t, ctx, shownSheets); shown != 5 {
			t.Errorf("Escape leaves %d sheets, want 5", shown)
		}
	})

	t.Run("every picture has words", func(t *testing.T) {
		mute := ask[int](t, ctx, `[...document.querySelectorAll("svg,canvas,[role=img],button.t")].filter(e => !e.getAttribute("aria-label")).length`)
		if mute > 0 {
			t.Errorf("%d pictures have no words", mute)
		}
	})

	t.Run("light and dark", func(t *testing.T) {
		ground := `getComputedStyle(document.body).backgroundColor`
		scheme(t, ctx, "dark")
		dark := ask[string](t, ctx, ground)
		evaluate(t, ctx, "scrollTo(0, 0)")
		do(t, ctx, chromedp.Click("#theme"))
		light := ask[string](t, ctx, ground)
		if dark == light {
			t.Errorf("the ground is %s in dark and light", dark)
		}
	})

	t.Run("a phone needs no sideways scrolling", func(t *testing.T) {
		do(t, ctx, chromedp.EmulateViewport(360, 740))
		if width := ask[int](t, ctx, `document.documentElement.scrollWidth`); width > 360 {
			t.Errorf("the page is %d pixels wide on a screen of 360", width)
		}
	})

	for _, c := range complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}

// otherPages are a sweep's and a comparison's.
func otherPages(t *testing.T) map[string][]byte {
	t.Helper()
	var sweep, comparison bytes.Buffer
	if err := WriteSweep(context.Background(), &sweep, swept(t, true)); err != nil {
		t.Fatal(err)
	}
	if err := WriteComparison(context.Background(), &comparison, "Two runs", []Compared{compared(t, "a", 120, 4), compared(t, "b", 120, 4)}); err != nil {
		t.Fatal(err)
	}
	var wide bytes.Buffer
	if err := WriteSweep(context.Background(), &wide, sweptWide(t)); err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"sweep": sweep.Bytes(), "wide sweep": wide.Bytes(), "comparison": comparison.Bytes()}
}

func TestSweepAndComparisonInABrowser(t *testing.T) {
	for name, page := range otherPages(t) {
		ctx, complaints := browser(t, page)
		do(t, ctx, chromedp.Click("#theme"), chromedp.EmulateViewport(360, 740))
		if width := ask[int](t, ctx, `document.documentElement.scrollWidth`); width > 360 {
			t.Errorf("the page of a %s is %d pixels wide on a screen of 360", name, width)
		}
		if drawn := ask[int](t, ctx, `[...document.querySelectorAll("svg")].filter(s => s.getBoundingClientRect().width > 100).length`); drawn < 2 {
			t.Errorf("the page of a %s shows %d charts", name, drawn)
		}
		for _, c := range complaints() {
			t.Errorf("%s: the browser complains: %s", name, c)
		}
	}
}

// On paper there is nothing to scroll, colours of legends are printed, and a dark theme is not.
func TestPagesPrintWholeTables(t *testing.T) {
	const paper = 718 // pixels across a page of A4 without its margins
	for name, page := range otherPages(t) {
		ctx, _ := browser(t, page)
		do(t, ctx, chromedp.Evaluate[chromedp.Void](`document.documentElement.dataset.theme = "dark"`), chromedp.EmulateViewport(paper, 1000))
		call(t, ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
		if cut := ask[[]string](t, ctx, `[...document.querySelectorAll("td, th, svg")].filter(e => e.getBoundingClientRect().right > innerWidth).map(e => e.tagName + " " + e.textContent.slice(0, 30))`); len(cut) > 0 {
			t.Errorf("%s: %d cells or charts are cut at the edge of the paper, such as %s", name, len(cut), cut[0])
		}
		if kept := ask[int](t, ctx, `[...document.querySelectorAll(".key span")].filter(e => getComputedStyle(e, "::before").printColorAdjust !== "exact").length`); kept > 0 {
			t.Errorf("%s: %d colours of legends are not printed", name, kept)
		}
		for variable, light := range map[string]string{"--badsoft": "#f3ddd4", "--soft": "#d9ecec", "--ink": "#000", "--c1": "#d9622b"} {
			if printed := ask[string](t, ctx, `getComputedStyle(document.documentElement).getPropertyValue("`+variable+`").trim()`); printed != light {
				t.Errorf("%s: %s is printed as %s in the dark theme, want %s", name, variable, printed, light)
			}
		}
	}
}

// A click on the head of a column sorts the table, by numbers as numbers; another one turns the order.
func TestTablesSortInABrowser(t *testing.T) {
	ctx, complaints := browser(t, otherPages(t)["wide sweep"])
	column := func(k int) []string {
		return ask[[]string](t, ctx, fmt.Sprintf(`[...document.querySelectorAll("table.sortable tbody tr")].map(r => r.cells[%d].textContent)`, k))
	}
	click := func(k int) {
		do(t, ctx, chromedp.Click(fmt.Sprintf("table.sortable thead th:nth-child(%d) button", k+1)))
	}
	const batch, accuracy = 3, 6
	click(batch)
	if list := column(batch); list[0] != "4096" || list[len(list)-1] != "256" {
		t.Errorf("sorted by batch: %v", list)
	}
	click(batch)
	if list := column(batch); list[0] != "256" || list[len(list)-1] != "4096" {
		t.Errorf("sorted by batch the other way: %v", list)
	}
	click(accuracy)
	if list := column(accuracy); !slices.IsSortedFunc(list, func(a, b string) int { return strings.Compare(b, a) }) || list[0] == list[len(list)-1] {
		t.Errorf("sorted by accuracy: %v", list)
	}
	click(0)
	if list := column(0); !slices.IsSorted(list) {
		t.Errorf("sorted by store: %v", list)
	}
	frame := ask[[]int](t, ctx, `(() => { const f = document.querySelector(".tall"); return [f.clientHeight, f.scrollHeight, document.documentElement.scrollWidth - innerWidth] })()`)
	if frame[0] >= frame[1] || frame[2] > 0 {
		t.Errorf("the table of 128 rows does not scroll within its frame: %v", frame)
	}
	for _, c := range complaints() {
		t.Errorf("the browser complains: %s", c)
	}
}

// TestScreenshots writes pictures of pages into the folder named by ICONIC_SCREENSHOTS, to be looked at.
func TestScreenshots(t *testing.T) {
	folder := os.Getenv("ICONIC_SCREENSHOTS")
	if folder == "" {
		t.Skip("ICONIC_SCREENSHOTS names no folder")
	}
	pages := map[string][]byte{}
	for name, r := range map[string]Run{"ten": made(t, 600, 10, true), "hundred": made(t, 10000, 100, true), "unlabelled": made(t, 600, 10, false)} {
		pages[name], _ = write(t, r)
	}
	for name, page := range otherPages(t) {
		pages[name] = page
	}
	for name, page := range pages {
		ctx, _ := browser(t, page)
		for _, view := range []struct {
			name, scheme  string
			width, height int64
		}{{"light", "light", 1200, 900}, {"dark", "dark", 1200, 900}, {"phone", "light", 390, 844}} {
			scheme(t, ctx, view.scheme)
			do(t, ctx, chromedp.EmulateViewport(view.width, view.height), chromedp.Sleep(300*time.Millisecond))
			picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(folder, name+"-"+view.name+".png"), picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
