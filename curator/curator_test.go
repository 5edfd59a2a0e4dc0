package curator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iconic/curation"
	"iconic/matrix"
)

// served is a curator of n images in k clusters, used over HTTP.
type served struct {
	*Curator
	t     *testing.T
	fetch atomic.Int64 // number of pictures fetched
}

func serve(t *testing.T, n, k int) *served {
	t.Helper()
	s := &served{t: t}
	r := Run{Title: "made <up>", Hosts: []string{"localhost"}}
	b := curation.Base{Names: make([]string, k), Dim: 2}
	x := &matrix.Dense{Width: 2}
	for i := range n {
		b.Cluster = append(b.Cluster, i%k)
		r.Paths = append(r.Paths, fmt.Sprintf("folder/%05d.png", i))
		r.Confidence = append(r.Confidence, float64(i)/float64(n))
		x.X = append(x.X, float32(i/k%2)*10+float32(i)/float32(10*n), 1) // two groups in each cluster
	}
	r.Features = x
	r.Picture = func(_ context.Context, i int, show func(image.Image) error) error {
		s.fetch.Add(1)
		if i == 3 {
			return errors.New("gone")
		}
		m := image.NewRGBA(image.Rect(0, 0, 400+i%7, 300))
		m.SetRGBA(1, 1, color.RGBA{uint8(i), 0, 0, 255})
		return show(m)
	}
	c, err := curation.Open(t.TempDir(), curation.Identity{Rows: n, Clusters: k}, b)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if s.Curator, err = New(c, r); err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends a request as the page does and reads the answer.
func (s *served) ask(method, path string, body, to any) int {
	s.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	r := httptest.NewRequest(method, "http://localhost"+path, bytes.NewReader(raw))
	r.Header.Set("X-Token", s.token)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if to != nil {
		if err := json.Unmarshal(w.Body.Bytes(), to); err != nil {
			s.t.Fatalf("%s %s: %d %s: %v", method, path, w.Code, w.Body, err)
		}
	}
	return w.Code
}

// picture is the address of a thumbnail.
func (s *served) picture(i int) string { return fmt.Sprintf("/thumbnail/%s/%d", s.key, i) }

// take takes a step on the current state.
func (s *served) take(step curation.Step) (now state) {
	s.t.Helper()
	if code := s.ask("POST", "/step", change{s.Curator.curation.Taken(), step}, &now); code != http.StatusOK {
		s.t.Fatalf("%+v: status %d", step, code)
	}
	return now
}

type page1 struct {
	All    int
	Images []listed
}

func (s *served) list(cluster int, more string) (p page1) {
	s.t.Helper()
	if code := s.ask("GET", fmt.Sprintf("/images?cluster=%d&from=0&count=500%s", cluster, more), nil, &p); code != http.StatusOK {
		s.t.Fatalf("images of %d: status %d", cluster, code)
	}
	return p
}

func TestAWholeCuration(t *testing.T) {
	s := serve(t, 40, 4)
	now := s.take(curation.Step{Kind: curation.Rename, Cluster: 0, Name: "dogs"})
	if now.Clusters[0].Name != "dogs" || now.Undo != "rename" || now.Redo {
		t.Errorf("after a rename: %+v", now)
	}
	s.take(curation.Step{Kind: curation.Exclude, Images: []int{0, 4}})
	if p := s.list(0, ""); p.All != 8 || p.Images[0].Image != 36 {
		t.Errorf("cluster 0 has %d images, the most confident is %v: want 8 and 36", p.All, p.Images[0])
	}
	if p := s.list(0, "&order=least"); p.Images[0].Image != 8 {
		t.Errorf("the least confident is %v, want 8", p.Images[0])
	}
	if p := s.list(excludedList, ""); p.All != 2 || p.Images[0].Cluster != 0 {
		t.Errorf("left out are %+v", p)
	}

	var both struct{ Parts [2]part }
	ask := map[string]int{"steps": s.Curator.curation.Taken(), "cluster": 1}
	if code := s.ask("POST", "/split", ask, &both); code != http.StatusOK || both.Parts[0].Size != 5 || both.Parts[1].Size != 5 {
		t.Fatalf("split: status %d, %+v", code, both)
	}
	now = s.take(curation.Step{Kind: curation.Split, Cluster: 1})
	if len(now.Clusters) != 5 || now.Clusters[1].Size != 5 || now.Clusters[4].Size != 5 {
		t.Errorf("after a split: %+v", now.Clusters)
	}
	heap := map[int]bool{}
	for _, i := range s.list(4, "").Images {
		heap[i.Image/4%2] = true
	}
	if len(heap) != 1 {
		t.Error("the new cluster mixes the two groups")
	}
	now = s.take(curation.Step{Kind: curation.Merge, Cluster: 0, From: []int{2}})
	if len(now.Clusters) != 4 || now.Clusters[0].Size != 18 {
		t.Errorf("after a merge: %+v", now.Clusters)
	}
	now = s.take(curation.Step{Kind: curation.Undo})
	if len(now.Clusters) != 5 || !now.Redo || now.Undo != "split" {
		t.Errorf("after an undo: %+v", now)
	}
	if now = s.take(curation.Step{Kind: curation.Redo}); len(now.Clusters) != 4 {
		t.Errorf("after a redo: %+v", now)
	}
}

// A name that cannot be seen is refused in words for the page, and changes nothing.
func TestRefusedNames(t *testing.T) {
	s := serve(t, 8, 2)
	var refused struct{ Error string }
	code := s.ask("POST", "/step", change{0, curation.Step{Kind: curation.Rename, Name: "\u200b"}}, &refused)
	if code != http.StatusUnprocessableEntity || refused.Error != `not renamed: the name "\u200b" has no visible character` || s.Curator.curation.Taken() != 0 {
		t.Errorf("status %d: %s", code, refused.Error)
	}
}

// A request that is sent twice, or by a page that has not seen the latest change, changes nothing.
func TestNothingIsDoneTwice(t *testing.T) {
	s := serve(t, 8, 2)
	c := change{0, curation.Step{Kind: curation.Move, Cluster: 2, Images: []int{1}}}
	if code := s.ask("POST", "/step", c, nil); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	var again struct {
		Error string
		State state
	}
	if code := s.ask("POST", "/step", c, &again); code != http.StatusConflict || len(again.State.Clusters) != 3 {
		t.Errorf("status %d, %+v: want a conflict with the current state", code, again)
	}
	if n := s.Curator.curation.Taken(); n != 1 {
		t.Errorf("%d steps taken, want 1", n)
	}
	// A split is refused if its preview is out of date.
	if code := s.ask("POST", "/split", map[string]int{"steps": 1, "cluster": 0}, nil); code != http.StatusOK {
		t.Fatalf("split: status %d", code)
	}
	s.take(curation.Step{Kind: curation.Rename, Cluster: 0, Name: "x"})
	if code := s.ask("POST", "/step", change{2, curation.Step{Kind: curation.Split, Cluster: 0}}, nil); code != http.StatusConflict {
		t.Errorf("an outdated preview is applied: status %d", code)
	}
}

func TestWhatIsNotAChangeIsRefused(t *testing.T) {
	s := serve(t, 8, 2)
	for _, c := range []struct {
		method, path string
		body         any
		code         int
	}{
		{"POST", "/step", change{0, curation.Step{Kind: curation.Rename, Cluster: 7, Name: "x"}}, http.StatusUnprocessableEntity},
		{"POST", "/step", change{0, curation.Step{Kind: curation.Undo}}, http.StatusUnprocessableEntity},
		{"POST", "/step", change{0, curation.Step{Kind: curation.Split, Cluster: 0, Centres: &curation.Centres{}}}, http.StatusConflict},
		{"POST", "/step", "x", http.StatusBadRequest},
		{"POST", "/split", map[string]int{"steps": 0, "cluster": 9}, http.StatusNotFound},
		{"POST", "/step", strings.Repeat("x", maxBody+1), http.StatusBadRequest},
		{"GET", "/images?cluster=9&from=0&count=1", nil, http.StatusNotFound},
		{"GET", "/images?cluster=0&from=-1&count=1", nil, http.StatusBadRequest},
		{"GET", s.picture(8), nil, http.StatusNotFound},
		{"GET", s.picture(3), nil, http.StatusNotFound},
		{"GET", "/thumbnail/1", nil, http.StatusNotFound},
		{"DELETE", "/step", nil, http.StatusMethodNotAllowed},
		{"GET", "/curation.jsonl", nil, http.StatusNotFound},
	} {
		if code := s.ask(c.method, c.path, c.body, nil); code != c.code {
			t.Errorf("%s %s: status %d, want %d", c.method, c.path, code, c.code)
		}
	}
	if n := s.Curator.curation.Taken(); n != 0 {
		t.Errorf("%d steps were taken", n)
	}
}

func TestOtherSitesAreRefused(t *testing.T) {
	s := serve(t, 8, 2)
	for name, c := range map[string]struct {
		method, host, path string
		headers            []string
		code               int
	}{
		"a person":                          {"GET", "localhost:80", "/", nil, http.StatusOK},
		"a link from elsewhere":             {"GET", "localhost", "/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, http.StatusOK},
		"a script from elsewhere":           {"GET", "localhost", "/", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, http.StatusForbidden},
		"a picture on another site":         {"GET", "localhost", s.picture(1), []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		"another port of this machine":      {"GET", "localhost", "/state", []string{"Sec-Fetch-Site", "same-site"}, http.StatusForbidden},
		"another name for this address":     {"GET", "evil.example", "/", nil, http.StatusForbidden},
		"a change without a token":          {"POST", "localhost", "/step", nil, http.StatusForbidden},
		"a change with another token":       {"POST", "localhost", "/step", []string{"X-Token", "x"}, http.StatusForbidden},
		"a form of another site, as HTTP 1": {"POST", "localhost", "/step", []string{"Origin", "http://evil.example"}, http.StatusForbidden},
	} {
		r := httptest.NewRequest(c.method, "http://"+c.host+c.path, strings.NewReader(`{"steps":0,"step":{"step":"rename","cluster":0,"name":"x"}}`))
		for k := 0; k < len(c.headers); k += 2 {
			r.Header.Set(c.headers[k], c.headers[k+1])
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != c.code {
			t.Errorf("%s: status %d, want %d", name, w.Code, c.code)
		}
		if p := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'") {
			t.Errorf("%s: policy %q", name, p)
		}
		if w.Code == http.StatusOK && !strings.Contains(w.Body.String(), "made &lt;up&gt;") {
			t.Errorf("%s: the page does not show its title", name)
		}
	}
}

func TestThumbnails(t *testing.T) {
	s := serve(t, 50, 2)
	var all sync.WaitGroup
	for range 40 { // concurrent requests for one picture share it
		all.Go(func() {
			if code := s.ask("GET", s.picture(7), nil, nil); code != http.StatusOK {
				t.Errorf("status %d", code)
			}
		})
	}
	all.Wait()
	if n := s.fetch.Load(); n != 1 {
		t.Errorf("one picture was fetched %d times", n)
	}
	b, err := s.thumbs.get(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	m, err := jpeg.DecodeConfig(bytes.NewReader(b))
	if err != nil || m.Width != thumbnailSide || m.Height != 300*thumbnailSide/400 {
		t.Errorf("%+v, %v", m, err)
	}
	// The cache is bounded.
	large := make([]byte, thumbnailBytes/4)
	for i := range 6 {
		s.thumbs.keep(100+i, large)
	}
	if s.thumbs.bytes > thumbnailBytes || s.thumbs.known(7) != nil || s.thumbs.known(105) == nil || len(s.thumbs.at) != s.thumbs.order.Len() {
		t.Errorf("%d bytes are cached, at most %d allowed", s.thumbs.bytes, thumbnailBytes)
	}
}

// Browsers keep thumbnails by their address, and the default address of the server is always the same: what is kept of one run is never asked for
// as another's. The same run with the same pictures has the same addresses, whichever server serves it.
func TestThumbnailsOfRunsAreKeptApart(t *testing.T) {
	with := func(key string) *served {
		s := serve(t, 8, 2)
		s.run.Key = key
		var err error
		if s.Curator, err = New(s.Curator.curation, s.run); err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, again, other, none, none2 := with("a"), with("a"), with("b"), with(""), with("")
	if a.picture(1) != again.picture(1) {
		t.Errorf("one run has thumbnails at %s and %s", a.picture(1), again.picture(1))
	}
	for _, b := range []*served{other, none} {
		if b.picture(1) == a.picture(1) {
			t.Errorf("two runs have thumbnails at %s", b.picture(1))
		}
		if code := b.ask("GET", a.picture(1), nil, nil); code != http.StatusNotFound {
			t.Errorf("a thumbnail of another run: status %d", code)
		}
	}
	if none.picture(1) == none2.picture(1) {
		t.Errorf("two servers without a key have thumbnails at %s", none.picture(1))
	}
	r := httptest.NewRequest("GET", "http://localhost/state", nil)
	r.Header.Set("X-Run", a.key)
	w := httptest.NewRecorder()
	if other.ServeHTTP(w, r); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), `"reload":true`) {
		t.Errorf("a page of another run gets %d %s", w.Code, w.Body)
	}
}

// Lists show only images that are not left out.
func TestLists(t *testing.T) {
	s := serve(t, 20, 2)
	s.run.Lists = []List{{Name: "Duplicates", Images: []int{4, 2, 9}, Notes: []string{"group 1, first", "group 1, exact", "group 1, near"}, Spare: []bool{false, true, true}}}
	now := s.take(curation.Step{Kind: curation.Exclude, Images: []int{2}})
	if diff := cmp.Diff([]aside{{Number: -2, Name: "Duplicates", Size: 2, Spare: true}}, now.Lists); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if p := s.list(-2, "&order=least"); p.All != 2 || p.Images[0].Image != 4 || p.Images[1].Note != "group 1, near" || !p.Images[1].Spare {
		t.Errorf("%+v", p)
	}
	if code := s.ask("GET", "/images?cluster=-3&from=0&count=1", nil, nil); code != http.StatusNotFound {
		t.Errorf("a missing list: status %d", code)
	}
	if _, err := New(s.Curator.curation, Run{Paths: s.run.Paths, Confidence: s.run.Confidence, Lists: []List{{Images: []int{20}, Notes: []string{""}}}}); err == nil {
		t.Error("a list with a missing image is accepted")
	}
}

// An image whose neighbours are elsewhere is listed until it is there, or is left out, by the number that the cluster of its neighbours has now.
func TestNeighboursElsewhere(t *testing.T) {
	s := serve(t, 20, 4)
	s.run.Lists = []List{{Name: "Neighbours elsewhere", Images: []int{0, 1, 4, 5}, Notes: make([]string, 4), Near: []int{3, 3, 2, 0}}}
	for _, c := range []struct {
		step curation.Step
		want string
	}{
		{curation.Step{Kind: curation.Rename, Cluster: 0, Name: "x"}, "0 near cluster 3, 1 near cluster 3, 4 near cluster 2, 5 near cluster 0, "},
		{curation.Step{Kind: curation.Move, Cluster: 3, Images: []int{0}}, "1 near cluster 3, 4 near cluster 2, 5 near cluster 0, "},
		{curation.Step{Kind: curation.Merge, Cluster: 2, From: []int{3}}, "1 near cluster 2, 4 near cluster 2, 5 near cluster 0, "},
		{curation.Step{Kind: curation.Merge, Cluster: 1, From: []int{2}}, "4 near cluster 1, 5 near cluster 0, "},
		{curation.Step{Kind: curation.Exclude, Images: []int{5}}, "4 near cluster 1, "},
		{curation.Step{Kind: curation.Undo}, "4 near cluster 1, 5 near cluster 0, "},
	} {
		now := s.take(c.step)
		got := ""
		p := s.list(-2, "")
		for _, i := range p.Images {
			got += fmt.Sprintf("%d %s, ", i.Image, i.Note)
		}
		if got != c.want || now.Lists[0].Size != len(p.Images) {
			t.Errorf("after %s: %q, want %q; %d images", c.step.Kind, got, c.want, now.Lists[0].Size)
		}
	}
}

// The list of a cluster is served in pages that together hold all of it.
func TestPagesOfImages(t *testing.T) {
	s := serve(t, 2600, 2)
	var all []int
	for from := 0; ; from += 400 {
		var p page1
		s.ask("GET", fmt.Sprintf("/images?cluster=1&from=%d&count=400", from), nil, &p)
		for _, i := range p.Images {
			all = append(all, i.Image)
		}
		if len(p.Images) == 0 {
			break
		}
	}
	if len(all) != 1300 || !slices.IsSortedFunc(all, func(a, b int) int { return b - a }) {
		t.Errorf("%d images, or not in descending order of confidence", len(all))
	}
	if p := s.list(1, "&count=100000"); len(p.Images) > mostListed {
		t.Errorf("%d images in one page", len(p.Images))
	}
}
