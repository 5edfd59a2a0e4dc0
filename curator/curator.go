package curator

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"image"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"iconic/curation"
	"iconic/matrix"
	reportpage "iconic/report/page"
)

// Run is the run to curate. Slices have one entry per image.
type Run struct {
	Title      string
	Paths      []string
	Confidence []float64
	Features   matrix.Features // nil: nothing can be split
	// Picture loads an image, of any size, and returns the error of show, which it calls with it; the image is not used afterwards. It is called
	// from several goroutines at once. Nil: there are no pictures.
	Picture func(ctx context.Context, image int, show func(image.Image) error) error
	Lists   []List // images to look at besides the clusters
	// Key identifies the run and where its pictures come from: a page of a server with another key reloads itself, and browsers keep the
	// pictures of each key apart. "": no other server has the same.
	Key string
	// Hosts are the host names under which requests may reach the server, without port; nil: any.
	Hosts   []string
	Workers int // goroutines that make thumbnails and compute splits; 0: one per processor
}

// List is a list of images to look at, such as duplicates.
type List struct {
	Name   string
	Images []int
	Notes  []string // a note for each, shown on the page unless Near is set
	Spare  []bool   // for each, whether the page offers to select it with others in one click; nil: none
	// Near is the cluster, as trained, in which each image has its neighbours: the page names it, or the one that it is a part of now, and lists no
	// image that is in there; nil: none.
	Near []int
}

// fits reports whether a list is one of n images in k clusters.
func (l *List) fits(n, k int) bool {
	within := func(all []int, n int) bool {
		return !slices.ContainsFunc(all, func(i int) bool { return i < 0 || i >= n })
	}
	images := len(l.Images)
	return within(l.Images, n) && within(l.Near, k) && len(l.Notes) == images && (l.Spare == nil || len(l.Spare) == images) && (l.Near == nil || len(l.Near) == images)
}

// open reports whether entry e of a list is shown: its image is not left out, and not where its neighbours are.
func (l *List) open(e int, c *curation.State) bool {
	i := l.Images[e]
	return !c.Excluded[i] && (l.Near == nil || c.Of[i] != c.Into(l.Near[e]))
}

// note is what the page says about entry e of a list.
func (l *List) note(e int, c *curation.State) string {
	if l.Near == nil {
		return l.Notes[e]
	}
	return fmt.Sprintf("near cluster %d", c.Into(l.Near[e]))
}

// Curator serves the page.
type Curator struct {
	run    Run
	key    string // made of run.Key
	token  string
	ranked []int // images by descending confidence
	thumbs *thumbnails
	mux    *http.ServeMux

	mu       sync.Mutex // guards the fields below
	curation *curation.Curation
	members  [][]int // images of each cluster, by descending confidence; nil: to be rebuilt
	excluded []int

	splitting sync.Mutex // only one split is computed at a time
	preview   *preview
}

//go:embed page.html app.js style.css
var files embed.FS

var page = template.Must(template.ParseFS(files, "page.html"))

// New makes the server of a curation, which it does not close.
func New(c *curation.Curation, r Run) (*Curator, error) {
	n := len(c.Of)
	if len(r.Paths) != n || len(r.Confidence) != n || r.Features != nil && r.Features.Len() != n {
		return nil, fmt.Errorf("curator: %d paths and %d confidences for %d images, or features of other images", len(r.Paths), len(r.Confidence), n)
	}
	s := &Curator{run: r, key: short(r.Key), token: rand.Text(), curation: c, ranked: make([]int, n), mux: http.NewServeMux()}
	for i := range s.ranked {
		s.ranked[i] = i
	}
	slices.SortStableFunc(s.ranked, func(a, b int) int {
		switch {
		case r.Confidence[a] > r.Confidence[b]:
			return -1
		case r.Confidence[a] < r.Confidence[b]:
			return 1
		}
		return 0
	})
	for _, l := range r.Lists {
		if !l.fits(n, len(c.Clusters)) {
			return nil, fmt.Errorf("curator: list %s does not fit %d images in %d clusters", l.Name, n, len(c.Clusters))
		}
	}
	s.thumbs = newThumbnails(r.Picture, r.Workers)
	s.mux.HandleFunc("GET /{$}", s.page)
	s.mux.HandleFunc("GET /app.js", file("app.js", "text/javascript; charset=utf-8"))
	s.mux.HandleFunc("GET /style.css", file("style.css", "text/css; charset=utf-8"))
	s.mux.HandleFunc("GET /page.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(reportpage.Stylesheet())
	})
	s.mux.HandleFunc("GET /state", s.state)
	s.mux.HandleFunc("GET /images", s.images)
	s.mux.HandleFunc("GET /thumbnail/{run}/{image}", s.thumbnail)
	s.mux.HandleFunc("POST /step", s.step)
	s.mux.HandleFunc("POST /split", s.split)
	return s, nil
}

// policy lets the page load and request only what its own server has.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// maxBody bounds the bytes of a request: a step that names 100,000 images has fewer.
const maxBody = 16 << 20

// ServeHTTP answers a request from the page.
func (s *Curator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	if err := s.allowed(r); err != nil {
		refuse(w, http.StatusForbidden, err)
		return
	}
	if key := r.Header.Get("X-Run"); key != "" && key != s.key {
		answer(w, http.StatusConflict, map[string]any{"error": "another run is curated at this address now: reload the page", "reload": true})
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.mux.ServeHTTP(w, r)
}

// short is a key for addresses and headers; a random one without a key.
func short(key string) string {
	if key == "" {
		key = rand.Text()
	}
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:8])
}

// allowed refuses requests that do not come from the server's own page.
func (s *Curator) allowed(r *http.Request) error {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if s.run.Hosts != nil && !slices.Contains(s.run.Hosts, strings.ToLower(strings.Trim(host, "[]"))) {
		return fmt.Errorf("unknown host name %q", host)
	}
	// Browsers send the origin of a request. A page opened by its user has none.
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		if !(r.Method == http.MethodGet && r.URL.Path == "/" && r.Header.Get("Sec-Fetch-Mode") == "navigate") {
			return errors.New("the request comes from another site")
		}
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && subtle.ConstantTimeCompare([]byte(r.Header.Get("X-Token")), []byte(s.token)) != 1 {
		return errors.New("the request does not come from this server's page: reload the page")
	}
	return nil
}

// refuse answers with an error message.
func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}

func answer(w http.ResponseWriter, status int, value any) {
	b, err := json.Marshal(value)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"the answer cannot be written"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b) // a client that has gone needs no answer
}

func file(name, kind string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		content, err := files.ReadFile(name)
		if err != nil {
			refuse(w, http.StatusInternalServerError, err)
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(content)
	}
}

func (s *Curator) page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = page.Execute(w, struct{ Title, Token, Run string }{s.run.Title, s.token, s.key}) // a client that has gone needs no page
}

// state is the page's view of all clusters.
type state struct {
	Title    string    `json:"title"`
	Steps    int       `json:"steps"` // steps in the file
	Images   int       `json:"images"`
	Excluded int       `json:"excluded"`
	Undo     string    `json:"undo"` // what the page calls the step that an undo would revert; "": none
	Redo     bool      `json:"redo"`
	Split    bool      `json:"split"`    // clusters can be split
	Pictures bool      `json:"pictures"` // there are pictures
	Next     int       `json:"next"`     // number for the next new cluster
	Clusters []cluster `json:"clusters"` // clusters that were not merged into others, by number
	Lists    []aside   `json:"lists"`
}

type aside struct {
	Number int    `json:"number"` // −2, −3, …
	Name   string `json:"name"`
	Size   int    `json:"size"`  // images shown
	Spare  bool   `json:"spare"` // some can be selected in one click
}

type cluster struct {
	Number     int     `json:"number"`
	Name       string  `json:"name"`
	Size       int     `json:"size"` // images not left out
	Reviewed   bool    `json:"reviewed"`
	Confidence float64 `json:"confidence"` // mean
}

func (s *Curator) state(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer(w, http.StatusOK, s.current())
}

// current is the current state; the caller holds the lock.
func (s *Curator) current() *state {
	s.arrange()
	c := s.curation
	now := &state{
		Title: s.run.Title, Steps: c.Taken(), Images: len(c.Of), Excluded: len(s.excluded), Redo: c.CanRedo(),
		Split: s.run.Features != nil, Pictures: s.run.Picture != nil, Next: len(c.Clusters), Clusters: []cluster{},
	}
	if steps := c.Steps(); len(steps) > 0 {
		now.Undo = undoWord(steps[len(steps)-1])
	}
	for number, own := range c.Clusters {
		if own.Merged >= 0 {
			continue
		}
		sum := 0.0
		for _, i := range s.members[number] {
			sum += s.run.Confidence[i]
		}
		now.Clusters = append(now.Clusters, cluster{number, own.Name, len(s.members[number]), own.Reviewed, sum / float64(max(1, len(s.members[number])))})
	}
	now.Lists = []aside{}
	for k, l := range s.run.Lists {
		some := aside{Number: firstList - k, Name: l.Name}
		for e := range l.Images {
			if l.open(e, c.State) {
				some.Size++
				some.Spare = some.Spare || l.Spare != nil && l.Spare[e]
			}
		}
		now.Lists = append(now.Lists, some)
	}
	return now
}

// undoWord is what the page calls a step: as the button for it is labelled.
func undoWord(s curation.Step) string {
	switch {
	case s.Kind == curation.Exclude:
		return "leave out"
	case s.Kind == curation.Include:
		return "restore"
	case s.Kind == curation.Review && s.Reviewed:
		return "reviewed"
	case s.Kind == curation.Review:
		return "not reviewed"
	}
	return string(s.Kind)
}

// arrange rebuilds the list of each cluster's images after a change; the caller holds the lock.
func (s *Curator) arrange() {
	if s.members != nil {
		return
	}
	s.members, s.excluded = make([][]int, len(s.curation.Clusters)), nil
	for _, i := range s.ranked {
		if s.curation.Excluded[i] {
			s.excluded = append(s.excluded, i)
		} else {
			c := s.curation.Of[i]
			s.members[c] = append(s.members[c], i)
		}
	}
}

// listed is the page's view of an image.
type listed struct {
	Image      int     `json:"image"`
	Path       string  `json:"path"`
	Confidence float64 `json:"confidence"`
	Cluster    int     `json:"cluster"`
	Note       string  `json:"note,omitempty"`
	Spare      bool    `json:"spare,omitempty"`
}

// mostListed is the largest number of images in one answer.
const mostListed = 500

// excludedList is the number under which the page asks for the images left out.
const excludedList = -1

// firstList is the number of the first of the run's lists; the others count down from it.
const firstList = -2

// images answers with a range of a cluster's images, in descending order of confidence or in ascending order.
func (s *Curator) images(w http.ResponseWriter, r *http.Request) {
	number, err := strconv.Atoi(r.FormValue("cluster"))
	from, ferr := strconv.Atoi(r.FormValue("from"))
	count, cerr := strconv.Atoi(r.FormValue("count"))
	if err = errors.Join(err, ferr, cerr); err != nil || from < 0 || count < 1 {
		refuse(w, http.StatusBadRequest, errors.New("want the numbers cluster, from and count"))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all, image, err := s.list(number)
	if err != nil {
		s.outdated(w, http.StatusNotFound, err)
		return
	}
	some := struct {
		Steps  int      `json:"steps"`
		All    int      `json:"all"`
		From   int      `json:"from"`
		Images []listed `json:"images"`
	}{s.curation.Taken(), all, from, []listed{}}
	for k := from; k < min(from+min(count, mostListed), all); k++ {
		at := k
		if r.FormValue("order") == "least" && number >= excludedList {
			at = all - 1 - k
		}
		some.Images = append(some.Images, image(at))
	}
	answer(w, http.StatusOK, some)
}

// list returns the number of images in a cluster, among those left out, or in one of the run's lists, and a function that describes each;
// the caller holds the lock.
func (s *Curator) list(number int) (all int, at func(k int) listed, err error) {
	s.arrange()
	told := func(i int) listed {
		return listed{Image: i, Path: s.run.Paths[i], Confidence: s.run.Confidence[i], Cluster: s.curation.Of[i]}
	}
	images := s.excluded
	switch k := firstList - number; {
	case k >= 0 && k < len(s.run.Lists):
		l := &s.run.Lists[k]
		var here []int // indices of entries that are shown
		for e := range l.Images {
			if l.open(e, s.curation.State) {
				here = append(here, e)
			}
		}
		return len(here), func(k int) listed {
			e := here[k]
			image := told(l.Images[e])
			image.Note, image.Spare = l.note(e, s.curation.State), l.Spare != nil && l.Spare[e]
			return image
		}, nil
	case number == excludedList:
	case s.curation.Own(number):
		images = s.members[number]
	default:
		return 0, nil, fmt.Errorf("there is no cluster %d", number)
	}
	return len(images), func(k int) listed { return told(images[k]) }, nil
}

func (s *Curator) thumbnail(w http.ResponseWriter, r *http.Request) {
	i, err := strconv.Atoi(r.PathValue("image"))
	if err != nil || i < 0 || i >= len(s.run.Paths) || r.PathValue("run") != s.key {
		refuse(w, http.StatusNotFound, errors.New("no such image"))
		return
	}
	b, err := s.thumbs.get(r.Context(), i)
	if err != nil {
		refuse(w, http.StatusNotFound, err)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "private, max-age=600")
	_, _ = w.Write(b)
}

// change is a step, and the number of steps that the client had seen when it asked for it.
type change struct {
	Steps int           `json:"steps"`
	Step  curation.Step `json:"step"`
}

// outdated refuses what a client with another state may have asked for, and answers with the current one; the caller holds the lock.
func (s *Curator) outdated(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]any{"error": err.Error(), "state": s.current()})
}

// errChanged refuses what is asked for about a state that is no longer the current one.
var errChanged = errors.New("the clusters have changed in the meantime: look again")

func (s *Curator) step(w http.ResponseWriter, r *http.Request) {
	var c change
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("not a step: %w", err))
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Steps != s.curation.Taken() {
		s.outdated(w, http.StatusConflict, errChanged)
		return
	}
	if c.Step.Kind == curation.Split {
		p := s.preview
		if p == nil || p.steps != c.Steps || p.cluster != c.Step.Cluster {
			refuse(w, http.StatusConflict, errors.New("look at the two parts first"))
			return
		}
		c.Step.New, c.Step.Images, c.Step.Centres = len(s.curation.Clusters), p.images, &p.centres
	}
	if err := s.curation.Check(c.Step); err != nil {
		if c.Step.Kind == curation.Rename {
			err = fmt.Errorf("not renamed: %w", err)
		}
		refuse(w, http.StatusUnprocessableEntity, err)
		return
	}
	if err := s.curation.Take(c.Step); err != nil {
		refuse(w, http.StatusInternalServerError, err)
		return
	}
	s.members = nil
	answer(w, http.StatusOK, s.current())
}
