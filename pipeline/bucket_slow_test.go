//go:build linux && slow

package main

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"iconic/extract/dataset"
	"iconic/internal/bucket"
	"iconic/internal/cachetest"
	"iconic/internal/parquet/hubfile"
)

// s3Server is a local S3 server whose buckets are the subfolders of root.
type s3Server struct {
	root    string
	address string
}

// The credentials that the tests pass to it through the environment.
const s3Key, s3Secret = "a-key-that-nobody-may-see", "a-secret-that-nobody-may-see"

// startS3 builds and starts versitygw, a real S3 server (scripts/s3), and points the environment at it.
func startS3(t *testing.T) *s3Server {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "versitygw")
	if out, err := exec.Command("go", "-C", filepath.Join("..", "scripts", "s3"), "build", "-o", binary, "github.com/versity/versitygw/cmd/versitygw").CombinedOutput(); err != nil {
		t.Skipf("versitygw cannot be built here: %v: %s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &s3Server{root: t.TempDir(), address: l.Addr().String()}
	if err := errors.Join(l.Close(), os.Mkdir(filepath.Join(s.root, "data"), 0o755)); err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(binary, "--port", s.address, "--keep-alive", "--quiet", "posix", s.root)
	c.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s3Key, "ROOT_SECRET_KEY="+s3Secret)
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = c.Process.Kill(), c.Wait() }) // a failure here does not matter to the test
	for range 300 {
		if conn, err := net.Dial("tcp", s.address); err == nil {
			conn.Close()
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": s3Key, "AWS_SECRET_ACCESS_KEY": s3Secret, "AWS_ENDPOINT_URL": "http://" + s.address, "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_REGION": "us-east-1",
	} {
		t.Setenv(name, value)
	}
	return s
}

// faulty is a proxy in front of a server that answers 503, stalls, and cuts off answers and requests, each in a given number of ten cases.
func faulty(t *testing.T, server string) (address string, faults *atomic.Int64) {
	t.Helper()
	target, err := url.Parse("http://" + server)
	if err != nil {
		t.Fatal(err)
	}
	faults = new(atomic.Int64)
	forward := &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target); r.Out.Host = r.In.Host }, // the signature covers the host
		ErrorLog: nil,
	}
	var count atomic.Int64
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch n := count.Add(1); n % 10 {
		case 3:
			faults.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case 5:
			faults.Add(1)
			time.Sleep(50 * time.Millisecond)
		case 7:
			faults.Add(1)
			if r.Method == http.MethodPut {
				_, _ = io.CopyN(io.Discard, r.Body, 1000)
				panic(http.ErrAbortHandler)
			}
			w = &cutAnswer{w, 2000}
		}
		forward.ServeHTTP(w, r)
	}))
	h.Config.ErrorLog = nil
	t.Cleanup(h.Close)
	return h.URL, faults
}

// cutAnswer cuts an answer off after a number of bytes.
type cutAnswer struct {
	http.ResponseWriter
	left int
}

func (c *cutAnswer) Write(b []byte) (int, error) {
	if len(b) <= c.left {
		c.left -= len(b)
		return c.ResponseWriter.Write(b)
	}
	_, _ = c.ResponseWriter.Write(b[:c.left])
	c.ResponseWriter.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

// copyTree copies a folder into the server's bucket.
func (s *s3Server) copyTree(t *testing.T, from, to string) {
	t.Helper()
	if err := os.CopyFS(filepath.Join(s.root, "data", to), os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestStoresInABucket extracts from and to a bucket: class folders of objects, an archive, Parquet; whole, and in parts that are merged
// in the bucket. All stores equal those of the same data on disk, byte for byte, and no written file contains a secret.
func TestStoresInABucket(t *testing.T) {
	s := startS3(t)
	e := newExtraction(t)
	s.copyTree(t, e.data, "folders")
	tars := t.TempDir()
	if out, err := exec.Command("tar", "-cf", filepath.Join(tars, "a.tar"), "-C", e.data, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.copyTree(t, tars, "tars")
	tables := t.TempDir()
	parquetOf(t, e.data, filepath.Join(tables, "data", "train-00000-of-00001.parquet"), 0, 2)
	parquetOf(t, e.data, filepath.Join(tables, "data", "test-00000-of-00001.parquet"), 1, 2)
	s.copyTree(t, tables, "tables")
	train := filepath.Join("data", "train-00000-of-00001.parquet")
	for _, data := range []struct{ local, remote string }{
		{e.data, "folders"}, {tars, "tars"}, {filepath.Join(tars, "a.tar"), "tars/a.tar"}, {tables, "tables"}, {filepath.Join(tables, train), "tables/" + train},
	} {
		want := filepath.Join(t.TempDir(), "want")
		extraction{data.local, e.model}.run(t, want)
		got := filepath.Join(t.TempDir(), "got")
		remote := extraction{"s3://data/" + data.remote, e.model}
		remote.run(t, got)
		sameStores(t, want, got)
		out := "stores/" + strings.ReplaceAll(data.remote, "/", "-")
		if summary := remote.run(t, "s3://data/"+out); summary.Encoded+summary.Duplicates != summary.Items || summary.Items < faultImages/2 {
			t.Errorf("%+v", summary)
		}
		sameStores(t, want, filepath.Join(s.root, "data", out))
		if summary := remote.run(t, "s3://data/"+out); summary.Encoded != 0 || summary.Changed {
			t.Errorf("again: %+v", summary)
		}
		sameStores(t, want, filepath.Join(s.root, "data", out))
		parts := "s3://data/parts/" + out
		for i := range 3 {
			remote.run(t, parts, "--shard", fmt.Sprintf("%d/3", i+1))
		}
		if out, err := exec.Command("pipeline", "merge", parts).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		sameStores(t, want, filepath.Join(s.root, "data", "parts", out))
	}
	run := filepath.Join(t.TempDir(), "run")
	c := exec.Command("pipeline", "run", "s3://data/folders", "--model", "tiny", "--out", run)
	output, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	predictStores(t, run)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong-"+s3Secret)
	refused, err := exec.Command("pipeline", "extract", "s3://data/folders", "--model", "tiny", "--out", filepath.Join(t.TempDir(), "x")).CombinedOutput()
	if err == nil || !strings.Contains(string(refused), "SignatureDoesNotMatch") {
		t.Errorf("with a wrong secret: %v: %s", err, refused)
	}
	written := append(output, refused...)
	for _, root := range []string{run, s.root} {
		err := filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(name)
			written = append(written, b...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(string(written), s3Secret) || strings.Contains(string(written), s3Key) {
		t.Error("a secret was written")
	}
}

// parquetOf writes every nth image of a data set, starting at the first, as a Parquet file in the hub's format, in several row groups.
func parquetOf(t *testing.T, data, file string, from, nth int) {
	t.Helper()
	set, err := dataset.Open(t.Context(), data, dataset.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	err = hubfile.Write(f, set.Classes, 30, func(yield func(hubfile.Row, error) bool) {
		for i := from; i < len(set.Items); i += nth {
			content, err := set.Read(i, nil)
			if !yield(hubfile.Row{Content: content, Path: set.Items[i].Path, Label: set.Items[i].Label}, err) {
				return
			}
		}
	})
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// predictStores classifies the images of s3://data/folders from a store on disk, the same store in the bucket, and its parts in the bucket,
// which must all give the same lines; incomplete parts must be refused.
func predictStores(t *testing.T, run string) {
	pipeline := func(args ...string) string {
		t.Helper()
		c := exec.Command("pipeline", args...)
		var complaint strings.Builder
		c.Stderr = &complaint
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%v: %v: %s", args, err, complaint.String())
		}
		return string(out)
	}
	local, whole, parts := filepath.Join(t.TempDir(), "tiny"), "s3://data/tiny/whole", "s3://data/tiny/parts"
	for _, out := range []string{local, whole} {
		pipeline("extract", "s3://data/folders", "--model", "tiny", "--out", out)
	}
	want := pipeline("predict", run, local)
	if strings.Count(want, "\n") != faultImages+1 {
		t.Errorf("%d lines of a store on disk", strings.Count(want, "\n"))
	}
	if got := pipeline("predict", run, whole); got != want {
		t.Errorf("a store in the bucket:\n%s\nand on disk:\n%s", got, want)
	}
	pipeline("extract", "s3://data/folders", "--model", "tiny", "--out", parts, "--shard", "1/2")
	if out, err := exec.Command("pipeline", "predict", run, parts).CombinedOutput(); err == nil || !strings.Contains(string(out), "1 of the 2 parts of s3://data/tiny/parts are missing or not finished, the first is 2/2") {
		t.Errorf("half a store: %v: %s", err, out)
	}
	pipeline("extract", "s3://data/folders", "--model", "tiny", "--out", parts, "--shard", "2/2")
	if got := pipeline("predict", run, parts); got != want {
		t.Errorf("parts in the bucket:\n%s\nand a store on disk:\n%s", got, want)
	}
}

// TestNothingOfAnAddressIsTold reads an archive behind a signed address. Neither the page nor any file, line or error of
// the run may contain the signature, or a name and password, which are refused.
func TestNothingOfAnAddressIsTold(t *testing.T) {
	e := newExtraction(t)
	folder := t.TempDir()
	if out, err := exec.Command("tar", "-cf", filepath.Join(folder, "a.tar"), "-C", e.data, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var status atomic.Int64
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch code := int(status.Load()); {
		case code == http.StatusFound:
			http.Redirect(w, r, "http://"+r.Host+"/nowhere?X-Amz-Security-Token="+s3Secret, code)
		case code != 0:
			http.Error(w, "no: "+r.URL.String(), code)
		default:
			http.ServeFile(w, r, filepath.Join(folder, "a.tar"))
		}
	}))
	defer h.Close()
	cache := cachetest.Folder(t)
	t.Setenv("XDG_CACHE_HOME", cache)
	signed := h.URL + "/a.tar?X-Amz-Credential=" + s3Key + "&X-Amz-Signature=" + s3Secret
	run := filepath.Join(t.TempDir(), "run")
	var told []byte
	for _, c := range []struct {
		status int
		args   []string
		want   string // expected in an error; "": no error
	}{
		{0, []string{"run", signed, "--model", "tiny", "--out", run}, ""},
		{0, []string{"predict", run, signed, "--json"}, ""},
		{0, []string{"report", run, "--images", signed}, ""},
		{0, []string{"doctor", "--data", signed, "--json"}, ""},
		{http.StatusForbidden, []string{"extract", signed, "--model", "tiny", "--out", filepath.Join(folder, "x")}, "/a.tar?…"},
		{http.StatusFound, []string{"extract", signed, "--model", "tiny", "--out", filepath.Join(folder, "x")}, "redirections"},
		{0, []string{"extract", strings.Replace(signed, "http://", "http://"+s3Key+":"+s3Secret+"@", 1), "--model", "tiny", "--out", filepath.Join(folder, "x")}, "put credentials into the environment"},
		{0, []string{"extract", strings.Replace(signed, "/a.tar", "/a.zip", 1), "--model", "tiny", "--out", filepath.Join(folder, "x")}, "/a.zip?…"},
		{0, []string{"train", signed, "--out", filepath.Join(folder, "x")}, "/a.tar?…"},
		{0, []string{"sort", run, "--images", signed, "--to", filepath.Join(folder, "sorted"), "--copy"}, ""},
	} {
		status.Store(int64(c.status))
		out, err := exec.Command("pipeline", c.args...).CombinedOutput()
		if (err != nil) != (c.want != "") || !strings.Contains(string(out), c.want) {
			t.Errorf("%v: %v: %s", c.args, err, out)
		}
		told = append(told, out...)
	}
	for _, root := range []string{run, cache, folder} {
		err := filepath.WalkDir(root, func(name string, d os.DirEntry, err error) error {
			told = append(told, name...)
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(name)
			told = append(told, b...)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, hidden := range []string{s3Secret, s3Key} {
		if i := strings.Index(string(told), hidden); i >= 0 {
			t.Errorf("it is told: %q", told[max(0, i-200):i+len(hidden)])
		}
	}
}

// TestExtractionThroughAFaultyNetwork extracts four parts from a bucket into a bucket through a proxy that cuts, delays and refuses requests. The
// process is killed ten times, and its local folder is then removed, as with the pod that it ran in. Nothing is lost, no finished row is
// encoded twice, and the merged store equals that of a single machine.
func TestExtractionThroughAFaultyNetwork(t *testing.T) {
	s := startS3(t)
	e := newExtraction(t)
	s.copyTree(t, e.data, "folders")
	want := filepath.Join(t.TempDir(), "want")
	e.run(t, want)
	address, faults := faulty(t, s.address)
	t.Setenv("AWS_ENDPOINT_URL", address)
	remote := extraction{"s3://data/folders", e.model}
	r := rand.New(rand.NewPCG(3, 4))
	killed, encoded, finished := 0, 0, 0
	for part := 1; part <= 4; part++ {
		shard := []string{"--shard", strconv.Itoa(part) + "/4"}
		folder := filepath.Join(s.root, "data", "store", fmt.Sprintf("part-%05d-of-00004", part))
		for tries := 0; killed < 10*part/4 && tries < 30; tries++ {
			t.Setenv("XDG_CACHE_HOME", cachetest.Folder(t))
			c := remote.command("s3://data/store", shard...)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			before := finishedRows(t, folder)
			for range 200 { // until it has sent something, and a little longer
				if finishedRows(t, folder) > before {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond)
			_ = c.Process.Signal(syscall.SIGKILL)
			if c.Wait() != nil {
				killed++
			}
			if now := finishedRows(t, folder); now < before {
				t.Errorf("part %d: %d rows were finished, and %d are after a kill", part, before, now)
			}
		}
		t.Setenv("XDG_CACHE_HOME", cachetest.Folder(t))
		there := finishedRows(t, folder)
		summary := remote.run(t, "s3://data/store", shard...)
		if summary.Encoded > summary.Items-there {
			t.Errorf("part %d: %d of %d rows were finished, and %d were encoded", part, there, summary.Items, summary.Encoded)
		}
		encoded += summary.Encoded
		finished += there
	}
	if out, err := exec.Command("pipeline", "merge", "s3://data/store").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sameStores(t, want, filepath.Join(s.root, "data", "store"))
	t.Logf("%d kills, %d faults of the network; %d rows were finished before the last runs, which encoded %d", killed, faults.Load(), finished, encoded)
	if killed < 10 || faults.Load() < 20 || finished == 0 {
		t.Error("the faults did not happen")
	}
}

// TestAnObjectThatChangesIsNamed replaces an object between listing and reading it.
func TestAnObjectThatChangesIsNamed(t *testing.T) {
	startS3(t)
	write := func(content string) {
		b, key, err := bucket.Open(t.Context(), "s3://data/set/a.png")
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		if err := b.Write(t.Context(), key, strings.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	open := func() *dataset.Set {
		set, err := dataset.Open(t.Context(), "s3://data/set", dataset.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { set.Close() })
		return set
	}
	write("the first content")
	before := open()
	write("other content now") // of the same length
	var lost *dataset.SourceError
	if _, err := before.Read(0, nil); !errors.As(err, &lost) || !errors.Is(err, bucket.ErrChanged) || !strings.Contains(err.Error(), "s3://data/set/a.png") {
		t.Errorf("an object that was replaced: %v", err)
	}
	now := open()
	if b, err := now.Read(0, nil); err != nil || string(b) != "other content now" {
		t.Errorf("read %q, %v", b, err)
	}
	if now.Stamp(0) == before.Stamp(0) {
		t.Error("another object has the same stamp")
	}
}
