package bucket

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// objects is an S3 server with one bucket, called data, of objects with these contents. status and code answer every request, if set.
type objects struct {
	keys     map[string]string
	plain    bool // keys are listed as they are
	status   int
	code     string
	requests atomic.Int64
}

func (s *objects) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.requests.Add(1)
	if s.status != 0 {
		w.WriteHeader(s.status)
		if r.Method != http.MethodHead {
			fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", s.code)
		}
		return
	}
	key := strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/data"), "/")
	if key == "" {
		s.list(w, r.URL.Query())
		return
	}
	content, ok := s.keys[key]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		if r.Method != http.MethodHead {
			fmt.Fprint(w, "<Error><Code>NoSuchKey</Code></Error>")
		}
		return
	}
	w.Header().Set("ETag", fmt.Sprintf("%q", content))
	http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader([]byte(content)))
}

func (s *objects) list(w http.ResponseWriter, q url.Values) {
	fmt.Fprint(w, `<ListBucketResult>`)
	encoded := q.Get("encoding-type") == "url" && !s.plain
	if encoded {
		fmt.Fprint(w, `<EncodingType>url</EncodingType>`)
	}
	for key, content := range s.keys {
		if !strings.HasPrefix(key, q.Get("prefix")) {
			continue
		}
		if encoded {
			key = strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
		}
		fmt.Fprint(w, `<Contents><Key>`)
		_ = xml.EscapeText(w, []byte(key))
		fmt.Fprintf(w, `</Key><LastModified>2001-09-09T01:46:40.000Z</LastModified><ETag>&quot;%s&quot;</ETag><Size>%d</Size></Contents>`, content, len(content))
	}
	fmt.Fprint(w, `</ListBucketResult>`)
}

// openObjects opens the bucket of a server, with short waits.
func openObjects(t *testing.T, s *objects, address string) (*Bucket, string) {
	t.Helper()
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": h.URL, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	b, key, err := Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	b.wait = time.Millisecond
	t.Cleanup(func() { b.Close() })
	return b, key
}

// Every character of a key stands for itself: when it is listed, asked for, and read.
func TestKeysAreReadAsTheyAre(t *testing.T) {
	keys := map[string]string{}
	for i, key := range []string{"a/nl\nx.png", "a/b__0x2f__c.png", "a/b/c.png", "a/50% off.png", "a/x+y z.png", "a/q?1#2.png", "a/%41.png", "a/\x01.png", "a/é&<.png", "a/../d.png"} {
		keys[key] = strings.Repeat(string(rune('a'+i)), 10+i)
	}
	for _, plain := range []bool{false, true} {
		if plain { // XML does not have it
			delete(keys, "a/\x01.png")
		}
		b, prefix := openObjects(t, &objects{keys: keys, plain: plain}, "s3://data/a/")
		n := 0
		for o, err := range b.List(t.Context(), prefix) {
			if err != nil {
				t.Fatal(err)
			}
			n++
			content := make([]byte, o.Size)
			if _, err := b.Reader(t.Context(), o).ReadAt(content, 0); err != nil || string(content) != keys[o.Key] {
				t.Errorf("%q: %q, %v, want %q", o.Key, content, err, keys[o.Key])
			}
			_, key, err := Open(t.Context(), "s3://data/"+o.Key)
			if again, serr := b.Stat(t.Context(), key); err != nil || serr != nil || again.Size != o.Size || again.Version != o.Version || !again.Modified.Equal(o.Modified) {
				t.Errorf("%q alone: %+v, %v, %v, want %+v", o.Key, again, err, serr, o)
			}
			if address := "s3://data/" + o.Key; Public(address) != address {
				t.Errorf("%q is shown as %q", address, Public(address))
			}
		}
		if n != len(keys) {
			t.Errorf("%d objects of %d", n, len(keys))
		}
		if err := b.Write(t.Context(), "a/\n", strings.NewReader("")); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("written: %v", err)
		}
	}
}

// What a server will answer again is asked once, and the error says what to do.
func TestAnswersOfS3(t *testing.T) {
	for _, c := range []struct {
		status         int
		code           string
		listed, single string // what the errors say of a listing, and of one object, for which HEAD gives no code
		once           bool
	}{
		{301, "PermanentRedirect", "another region: set AWS_REGION", "another region: set AWS_REGION", true},
		{400, "ExpiredToken", "AWS_SESSION_TOKEN", "or set AWS_REGION", true},
		{400, "InvalidToken", "AWS_SESSION_TOKEN", "or set AWS_REGION", true},
		{400, "InvalidArgument", "the server answers InvalidArgument", "or set AWS_REGION", true},
		{403, "InvalidObjectState", "restore it first", "check AWS_ACCESS_KEY_ID", true},
		{403, "AllAccessDisabled", "ask its owner", "check AWS_ACCESS_KEY_ID", true},
		{403, "RequestTimeTooSkewed", "the clock of this machine", "check AWS_ACCESS_KEY_ID", true},
		{404, "NoSuchBucket", "there is no such bucket", "file does not exist", true},
		{405, "MethodNotAllowed", "the server answers MethodNotAllowed", "the server answers MethodNotAllowed", true},
		{400, "RequestTimeout", "the server answers RequestTimeout", "", false},
		{429, "TooManyRequests", "the server answers TooManyRequests", "the server answers TooManyRequests", false},
		{503, "SlowDown", "the server answers SlowDown", "the server answers ServiceUnavailable", false},
	} {
		s := &objects{status: c.status, code: c.code}
		b, _ := openObjects(t, s, "s3://data/a")
		for _, err := range b.List(t.Context(), "a") {
			if err == nil || !strings.Contains(err.Error(), c.listed) || (s.requests.Load() == 1) != c.once {
				t.Errorf("%d %s: %v after %d requests, want %q", c.status, c.code, err, s.requests.Load(), c.listed)
			}
		}
		s.requests.Store(0)
		if _, err := b.Stat(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), c.single) || c.single != "" && (s.requests.Load() == 1) != c.once {
			t.Errorf("%d for one object: %v after %d requests, want %q", c.status, err, s.requests.Load(), c.single)
		}
	}
}

// An object that is gone, or was replaced, since it was listed.
func TestObjectsThatAreGone(t *testing.T) {
	s := &objects{keys: map[string]string{"a": "0123456789"}}
	b, _ := openObjects(t, s, "s3://data/")
	o, err := b.Stat(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	s.keys = map[string]string{"a": "9876543210"}
	if _, err := b.Reader(t.Context(), o).ReadAt(make([]byte, 10), 0); !errors.Is(err, ErrChanged) {
		t.Errorf("replaced: %v", err)
	}
	s.keys = nil
	if _, err := b.Reader(t.Context(), o).ReadAt(make([]byte, 10), 0); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "it was removed while it was being read, start again") {
		t.Errorf("gone: %v", err)
	}
}

func TestTheServerOfS3NeedsAScheme(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL", "127.0.0.1:9077")
	if _, _, err := Open(t.Context(), "s3://data/"); err == nil || !strings.Contains(err.Error(), "without https:// or http:// before it") {
		t.Errorf("error %v", err)
	}
}

// A web server's refusals are final, too.
func TestRefusalsOnTheWeb(t *testing.T) {
	s := &server{}
	b := serve(t, s, random(100))
	for status, times := range map[int]int64{400: 1, 405: 1, 451: 1, 408: attempts, 429: attempts, 502: attempts} {
		s.requests.Store(0)
		s.fault = func(_ int64, w http.ResponseWriter) bool { return refuse(w, status) }
		if _, err := b.Stat(t.Context(), ""); err == nil || s.requests.Load() != times {
			t.Errorf("status %d: %v after %d requests, want %d", status, err, s.requests.Load(), times)
		}
	}
}
