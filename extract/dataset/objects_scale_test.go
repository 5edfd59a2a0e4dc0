//go:build slow

package dataset

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"testing"

	"iconic/internal/bucket"
)

// lister is an S3 server whose one bucket has the given number of pictures in a thousand class folders, and which can only list them.
func lister(t testing.TB, objects int) {
	t.Helper()
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.URL.Query().Get("continuation-token"))
		to := min(objects, from+1000)
		w.Header().Set("Content-Type", "application/xml")
		fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>pictures</Name>`+
			`<KeyCount>%d</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>%t</IsTruncated>`, to-from, to < objects)
		for i := from; i < to; i++ {
			fmt.Fprintf(w, `<Contents><Key>train/n%08d/n%08d_%05d.JPEG</Key><LastModified>2026-01-02T03:04:05.000Z</LastModified>`+
				`<ETag>&quot;%032x&quot;</ETag><Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>`, i/1000, i/1000, i%1000, i, 100_000+i%1000)
		}
		if to < objects {
			fmt.Fprintf(w, `<NextContinuationToken>%d</NextContinuationToken>`, to)
		}
		io.WriteString(w, `</ListBucketResult>`)
	}))
	t.Cleanup(h.Close)
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL": h.URL, "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

// live is the memory in use after a garbage collection, in bytes.
func live() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestAMillionObjects lists a million pictures of a bucket; docs/scale.md quotes it. The listing streams, so memory does not grow; a set
// made of a fifth of the pictures takes a few hundred bytes per picture.
func TestAMillionObjects(t *testing.T) {
	const objects = 1_000_000
	lister(t, objects)
	b, prefix, err := bucket.Open(t.Context(), "s3://pictures/train/")
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	n := 0
	var first, most int64
	for o, err := range b.List(t.Context(), prefix) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%100_000 == 1000 {
			now := live()
			if first == 0 {
				first = now
			}
			most = max(most, now)
		}
		if o.Size < 100_000 || o.Version == "" {
			t.Fatalf("%+v", o)
		}
	}
	if n != objects {
		t.Errorf("%d objects of %d", n, objects)
	}
	t.Logf("streamed: %.1f MB in use after 1,000 objects, %.1f MB at most", float64(first)/1e6, float64(most)/1e6)
	if most-first > 4<<20 {
		t.Errorf("memory grows from %d to %d bytes while objects are streamed", first, most)
	}

	const pictures = objects / 5
	lister(t, pictures)
	before := live()
	s, err := Open(t.Context(), "s3://pictures/train", Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if len(s.Items) != pictures || len(s.Classes) != pictures/1000 {
		t.Fatalf("%d pictures in %d classes", len(s.Items), len(s.Classes))
	}
	each := float64(live()-before) / pictures
	t.Logf("as a set: %.0f bytes per picture", each)
	if each > 450 {
		t.Errorf("%.0f bytes per picture", each)
	}
	runtime.KeepAlive(s)
}
