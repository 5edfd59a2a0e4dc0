package curator

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"iconic/curation"
	reportpage "iconic/report/page"
)

// browsed is the page of a curator in Chromium.
type browsed struct {
	t       *testing.T
	ctx     context.Context
	handler atomic.Pointer[http.Handler] // which answers at the page's address
}

// browse opens the page of a curator. It skips the test where there is no Chromium.
func browse(t *testing.T, s *served) *browsed {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			program = path
			break
		}
	}
	if program == "" {
		t.Skip("no Chromium to open the page in")
	}
	b := &browsed{t: t}
	b.serve(s)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*b.handler.Load()).ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.NoSandbox, chromedp.WindowSize(1300, 900), chromedp.UserDataDir(t.TempDir()))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b.do(chromedp.Navigate(server.URL))
	b.until(firstListed)
	return b
}

// firstListed is true once the page has loaded the first images.
const firstListed = "document.querySelectorAll('#grid .cell[data-image]').length > 0"

// serve lets a curator answer at the page's address from now on.
func (b *browsed) serve(s *served) {
	s.run.Hosts = nil
	b.answer(s)
}

func (b *browsed) answer(h http.Handler) { b.handler.Store(&h) }

func (b *browsed) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// read evaluates an expression in the page.
func read[T any](b *browsed, expression string) (value T) {
	b.t.Helper()
	value, err := tryRead[T](b, expression)
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

func tryRead[T any](b *browsed, expression string) (value T, err error) {
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("JSON.stringify("+expression+")"))
	if err == nil {
		err = json.Unmarshal([]byte(text), &value)
	}
	return value, err
}

// until waits until a condition holds in the page, which may load anew meanwhile: a page that goes away answers with an error.
func (b *browsed) until(condition string) {
	b.t.Helper()
	for range 200 {
		if holds, err := tryRead[bool](b, "Boolean("+condition+")"); err == nil && holds {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.t.Fatalf("it is never true that %s; the page says %q, %q", condition, read[string](b, "document.getElementById('count').textContent"), read[string](b, "document.getElementById('alert').textContent"))
}

// press presses a key, with Shift if so.
func (b *browsed) press(key string, shift bool) {
	b.t.Helper()
	modifier := chromedp.KeyModifiers()
	if shift {
		modifier = chromedp.KeyModifiers(8) // the protocol's number of Shift
	}
	b.do(chromedp.KeyEvent(key, modifier))
}

// What is last in a long list can be scrolled to and clicked.
func TestBrowserScrollsToTheEnd(t *testing.T) {
	for name, c := range map[string]struct {
		images, clusters int
		box, last        string
	}{
		"images":   {2600, 2, "grid", "image-1299"},
		"clusters": {900, 300, "clusters", "cluster-299"},
	} {
		t.Run(name, func(t *testing.T) {
			b := browse(t, serve(t, c.images, c.clusters))
			b.do(chromedp.Evaluate[chromedp.Void]("(() => { const e = document.getElementById('" + c.box + "'); e.scrollTop = e.scrollHeight; })()"))
			b.until(`(() => {
				const e = document.getElementById("` + c.last + `");
				if (!e || !e.textContent) return false;
				const r = e.getBoundingClientRect();
				return e.contains(document.elementFromPoint(r.left + r.width / 2, r.top + r.height / 2));
			})()`)
			if scrolling := read[int](b, "[...document.querySelectorAll('#"+c.box+" *')].filter(e => e.scrollHeight > e.clientHeight && /auto|scroll/.test(getComputedStyle(e).overflowY)).length"); scrolling > 0 {
				t.Errorf("%d boxes scroll inside the list", scrolling)
			}
		})
	}
}

// late delays the lists of images.
func late(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/images" {
			time.Sleep(100 * time.Millisecond)
		}
		h.ServeHTTP(w, r)
	})
}

// A range is chosen whole, whichever of its images the page has loaded when it is chosen, and so is what is done with it.
func TestBrowserChoosesWholeRanges(t *testing.T) {
	const chosen = "!document.getElementById('chosen').hidden && document.getElementById('count').textContent === "
	s := serve(t, 2400, 2)
	b := browse(t, s)
	again := func() { // the page with the images in view, when lists have become slow
		b.answer(s)
		b.do(chromedp.Reload())
		b.until(firstListed)
		b.answer(late(s))
		b.do(chromedp.Focus("#grid"))
	}
	for name, c := range map[string]struct {
		keys func(b *browsed)
		want string
	}{
		"from the first to the last": {func(b *browsed) { b.press(kb.Home, false); b.press(kb.End, true) }, "1,200 images selected"},
		"from the last to the first": {func(b *browsed) { b.press(kb.End, false); b.press(kb.Home, true) }, "1,200 images selected"},
		"all":                        {func(b *browsed) { b.press("a", false) }, "1,200 images selected"},
		"all while some are loading": {func(b *browsed) { b.press(kb.End, false); b.press("a", false) }, "1,200 images selected"},
		"the last alone":             {func(b *browsed) { b.press(kb.End, false); b.press(" ", false) }, "1 image selected"},
		"none after all": {func(b *browsed) {
			b.press("a", false)
			b.press(kb.Escape, false)
			b.press(" ", false)
		}, "1 image selected"},
	} {
		t.Run(name, func(t *testing.T) {
			b.t = t
			again()
			c.keys(b)
			b.until(chosen + "'" + c.want + "'")
			if name == "none after all" { // nor does what was cleared come later
				time.Sleep(time.Second)
				b.until(chosen + "'" + c.want + "'")
			}
		})
	}
	b.t = t
	again()
	b.press(kb.End, true) // left out before all are loaded
	b.press("x", false)
	b.until("[...document.querySelectorAll('#clusters .row')].at(-1).textContent.includes('Left out1,200')")
}

// A page whose address another run has taken over, as the default port is the same for all, changes nothing there and shows no image under a wrong name.
func TestBrowserSeesAnotherRun(t *testing.T) {
	a, other := serve(t, 40, 4), serve(t, 40, 4)
	a.run.Title, other.run.Title = "one run", "another run"
	b := browse(t, a)
	before := read[string](b, "document.querySelector('#grid img').src")
	b.serve(other)
	b.press("v", false)
	b.until("document.title.startsWith('another run') && document.querySelector('#grid img')")
	if n := other.Curator.curation.Taken(); n != 0 {
		t.Errorf("%d steps meant for one run were taken in another", n)
	}
	if after := read[string](b, "document.querySelector('#grid img').src"); after == before {
		t.Errorf("images of two runs have the address %s", after)
	}
	b.serve(a) // a look at a cluster changes nothing, but would show the wrong images
	b.press("j", false)
	b.until("document.title.startsWith('one run')")
}

// other takes a step as another page of the same run does.
func (s *served) other(step curation.Step) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.curation.Take(step); err != nil {
		s.t.Fatal(err)
	}
	s.members = nil
}

// steps are the steps in effect, without their times.
func (s *served) steps() (steps []curation.Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, step := range s.curation.Steps() {
		step.Time = time.Time{}
		steps = append(steps, step)
	}
	return steps
}

// eventually waits until the steps in effect are these.
func (b *browsed) eventually(s *served, want ...curation.Step) {
	b.t.Helper()
	for range 200 {
		if cmp.Equal(want, s.steps()) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	b.t.Errorf("steps: -want +got:\n%s\nthe page says %q", cmp.Diff(want, s.steps()), read[string](b, "document.getElementById('alert').textContent"))
}

const (
	dialogIs = "(document.querySelector('dialog[open]') || {}).id === "
	alertHas = "document.getElementById('alert').textContent.includes"
)

// answered types into the open dialog of the page and ends it.
func (b *browsed) answered(text string) {
	b.t.Helper()
	b.until(dialogIs + "'ask'")
	b.do(chromedp.Evaluate[chromedp.Void]("(() => { const e = document.getElementById('ask-text'); e.value = '" + text + "'; e.oninput(); document.getElementById('ask-yes').click(); })()"))
}

// A dialog is about the clusters as they were when it opened: what it asks for is refused if they have changed since, also if the page knows that by then.
func TestBrowserDialogsActOnWhatWasSeen(t *testing.T) {
	for name, c := range map[string]struct {
		keys   []string
		answer string
		other  curation.Step
	}{
		"a new name":                 {[]string{"r"}, "dogs", curation.Step{Kind: curation.Rename, Cluster: 0, Name: "cats"}},
		"a merge":                    {[]string{"m"}, "1", curation.Step{Kind: curation.Rename, Cluster: 1, Name: "cats"}},
		"a move":                     {[]string{" ", "t"}, "1", curation.Step{Kind: curation.Rename, Cluster: 1, Name: "cats"}},
		"a move to a new cluster":    {[]string{" ", "t"}, "a new", curation.Step{Kind: curation.Move, Cluster: 3, Images: []int{5}}},
		"a name of a merged cluster": {[]string{"r"}, "dogs", curation.Step{Kind: curation.Merge, Cluster: 1, From: []int{0}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, 30, 3)
			b := browse(t, s)
			b.do(chromedp.Focus("#grid"))
			for _, key := range c.keys {
				b.press(key, false)
			}
			b.until(dialogIs + "'ask'")
			s.other(c.other)
			b.do(chromedp.Evaluate[chromedp.Void]("document.getElementById('order').dispatchEvent(new Event('change'))")) // the page asks for images
			b.until("!document.getElementById('undo').disabled")
			b.answered(c.answer)
			b.until(alertHas + "('changed in the meantime')")
			b.eventually(s, c.other)
		})
	}
}

// slow delays the answers at a path, and fails as many as that.
func slow(h http.Handler, path string, fail int) http.Handler {
	var failed atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			time.Sleep(400 * time.Millisecond)
			if failed.Add(1) <= int64(fail) {
				refuse(w, http.StatusInternalServerError, errors.New("the disk is full"))
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}

// What is asked for while a change is being saved is done after it, or the page says that it was not.
func TestBrowserDropsNothing(t *testing.T) {
	review := func(c int) curation.Step {
		return curation.Step{Kind: curation.Review, Cluster: c, Reviewed: true}
	}
	for name, c := range map[string]struct {
		keys []string
		name string // answer in a dialog; "": there is none
		want []curation.Step
	}{
		"two reviews":            {[]string{"v", "v"}, "", []curation.Step{review(0), review(1)}},
		"three reviews, an undo": {[]string{"v", "v", "v", "u"}, "", []curation.Step{review(0), review(1)}},
		"a name":                 {[]string{"v", "r"}, "dogs", []curation.Step{review(0), {Kind: curation.Rename, Cluster: 0, Name: "dogs"}}},
		"images left out twice":  {[]string{" ", "x", "x"}, "", []curation.Step{{Kind: curation.Exclude, Images: []int{27}}}},
		"a review after that":    {[]string{" ", "x", "v"}, "", []curation.Step{{Kind: curation.Exclude, Images: []int{27}}, review(0)}},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, 30, 3)
			b := browse(t, s)
			b.answer(slow(s, "/step", 0))
			b.do(chromedp.Focus("#grid"))
			for _, key := range c.keys {
				b.press(key, false)
			}
			if c.name != "" {
				b.answered(c.name)
			}
			b.eventually(s, c.want...)
		})
	}
	t.Run("after a failure", func(t *testing.T) {
		s := serve(t, 30, 3)
		b := browse(t, s)
		b.answer(slow(s, "/step", 1))
		b.press("v", false)
		b.press("v", false)
		b.press("v", false)
		b.until(alertHas + "('the disk is full. What was asked for after that was not done.')")
		b.press("v", false)
		b.eventually(s, review(0))
	})
}

// The parts of a split are shown for the cluster that was to be split, and only while that is in view.
func TestBrowserSplitsWhatIsInView(t *testing.T) {
	s := serve(t, 30, 3)
	b := browse(t, s)
	b.answer(slow(s, "/split", 0))
	b.press("s", false)
	b.press("j", false)
	b.until(alertHas + "('Cluster 0 was not split')")
	if read[bool](b, "Boolean(document.querySelector('dialog[open]'))") {
		t.Error("the parts of a cluster that is not in view are shown")
	}
	b.press("s", false)
	b.until(dialogIs + "'parts'")
	b.do(chromedp.Click("#parts-no"))
	b.press("s", false)
	b.until(dialogIs + "'parts'")
	b.do(chromedp.Click("#parts-yes"))
	b.until("document.querySelectorAll('#clusters .row').length === 4")
	if steps := s.steps(); len(steps) != 1 || steps[0].Kind != curation.Split || steps[0].Cluster != 1 {
		t.Errorf("steps %+v", steps)
	}
	s.other(curation.Step{Kind: curation.Rename, Cluster: 0, Name: "cats"})
	b.press("s", false) // of a state that is no longer the current one, which the page then shows
	b.until(alertHas + "('changed in the meantime') && document.getElementById('clusters').textContent.includes('cats')")
}

// The page loads the stylesheet of reports, too: no class that gets its layout here may get another there. Buttons are meant to be alike.
func TestStylesheetsDoNotCollide(t *testing.T) {
	own, err := os.ReadFile("style.css")
	if err != nil {
		t.Fatal(err)
	}
	alone := func(css string) (classes []string) {
		for _, rule := range regexp.MustCompile(`([^{}]+)\{`).FindAllStringSubmatch(css, -1) {
			for selector := range strings.SplitSeq(rule[1], ",") {
				if selector = strings.TrimSpace(selector); regexp.MustCompile(`^\.[a-z0-9-]+$`).MatchString(selector) && selector != ".button" {
					classes = append(classes, selector)
				}
			}
		}
		return classes
	}
	here, there := alone(string(own)), alone(string(reportpage.Stylesheet()))
	if len(here) < 10 || len(there) < 30 {
		t.Fatalf("only %d and %d classes were found", len(here), len(there))
	}
	for _, class := range here {
		if slices.Contains(there, class) {
			t.Errorf("%s is also a class of the stylesheet of reports", class)
		}
	}
}

// typed types into the open dialog, which keeps open.
func (b *browsed) typed(text string) {
	b.t.Helper()
	b.until(dialogIs + "'ask'")
	b.do(chromedp.Evaluate[chromedp.Void]("(() => { const e = document.getElementById('ask-text'); e.value = '" + text + "'; e.oninput(); })()"))
}

const (
	firstFound  = "(document.querySelector('#ask-list li span') || {}).textContent"
	chosenFound = "(document.querySelector('#ask-list [aria-selected=true] span') || {}).textContent || ''"
)

// A cluster is chosen by its number, whatever digits the names of others have; a number that no other cluster has chooses none.
func TestBrowserFindsClustersByNumber(t *testing.T) {
	s := serve(t, 360, 120)
	for c, name := range map[int]string{0: "13", 1: "9 lives", 2: "cross 4", 3: "4", 4: "81", 118: "marble"} {
		s.other(curation.Step{Kind: curation.Rename, Cluster: c, Name: name})
	}
	s.other(curation.Step{Kind: curation.Merge, Cluster: 118, From: []int{117}})
	b := browse(t, s)
	b.press("m", false)
	for _, c := range []struct{ text, first, chosen string }{
		{"", "1 · 9 lives", "1 · 9 lives"},
		{"9", "9", "9"},           // not "1 · 9 lives"
		{"4", "4 · 81", "4 · 81"}, // nor "2 · cross 4", nor "3 · 4"
		{"81", "81", "81"},        // nor "4 · 81"
		{"118", "118 · marble", "118 · marble"},
		{"MARBLE", "118 · marble", "118 · marble"},
		{"cross", "2 · cross 4", "2 · cross 4"},
		{"117", "", ""},    // it is part of 118
		{"0", "10", ""},    // is the one to merge, so that it is in none of the others
		{"13", "13", "13"}, // the name of the one to merge
		{"nothing", "", ""},
	} {
		b.typed(c.text)
		first, chosen := read[string](b, firstFound+" || ''"), read[string](b, chosenFound)
		if first != c.first || chosen != c.chosen {
			t.Errorf("%q lists %q first and chooses %q, want %q and %q", c.text, first, chosen, c.first, c.chosen)
		}
		if off := read[bool](b, "document.getElementById('ask-yes').disabled"); off != (c.chosen == "") {
			t.Errorf("%q: the button is off: %v", c.text, off)
		}
	}
	b.typed("")
	if more := read[string](b, "document.getElementById('ask-more').textContent"); more != "58 more: type a number or part of a name." {
		t.Errorf("118 other clusters: the list of 60 says %q", more)
	}
	b.typed("0") // one of those that have the digit can be chosen all the same
	b.do(chromedp.Focus("#ask-text"))
	b.press(kb.Enter, false)
	b.press(kb.ArrowDown, false)
	b.until(chosenFound + " === '10'")
	if id := read[string](b, "document.getElementById('ask-text').getAttribute('aria-activedescendant')"); id != "ask-0" {
		t.Errorf("a screen reader hears %q as the chosen cluster", id)
	}
	before := s.steps()
	b.press(kb.Enter, false)
	b.eventually(s, append(before, curation.Step{Kind: curation.Merge, Cluster: 10, From: []int{0}})...)
	b.until("document.getElementById('undo').textContent === 'Undo: merge'")
}

// A range begins where the keys have led since the images were listed, not at the place of an image in another order.
func TestBrowserForgetsTheRangeOfAnotherOrder(t *testing.T) {
	b := browse(t, serve(t, 90, 2))
	b.do(chromedp.Focus("#grid"))
	for range 20 {
		b.press(kb.ArrowRight, false)
	}
	b.press(kb.ArrowRight, true)
	b.until("document.getElementById('count').textContent === '2 images selected'")
	b.do(chromedp.Evaluate[chromedp.Void]("(() => { const e = document.getElementById('order'); e.value = 'least'; e.dispatchEvent(new Event('change')); })()"))
	b.until(firstListed)
	b.do(chromedp.Focus("#grid"))
	b.press(kb.ArrowRight, true)
	b.until("document.getElementById('count').textContent === '4 images selected'") // two of the old order, and two of the new one
	b.do(chromedp.Focus("#clusters"))
	b.press(kb.End, false)
	b.until("document.getElementById('name').textContent === 'Cluster 1'")
	b.press(kb.Home, false)
	b.until("document.getElementById('name').textContent === 'Cluster 0'")
}
