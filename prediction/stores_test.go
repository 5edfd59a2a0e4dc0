package prediction_test

import (
	"encoding/xml"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iconic"
	"iconic/extract"
	"iconic/internal/cachefolder"
	"iconic/option"
	"iconic/prediction"
	"iconic/progress"
)

// made is a feature store of a folder's images.
func made(t *testing.T, images string) string {
	t.Helper()
	store := filepath.Join(t.TempDir(), "store")
	if _, err := iconic.Extract(t.Context(), iconic.Encoding{Model: "tiny"}, extract.Config{Data: images, Out: store, MaxBad: 1}, progress.Hooks{}); err != nil {
		t.Fatal(err)
	}
	return store
}

// Images of a store that could not be read count as those of a data set do: Strict stops at the first, and MaxBad judges all of them.
func TestUnreadableImagesOfAStore(t *testing.T) {
	images := newImages(t)
	store := made(t, images)
	for name, c := range map[string]struct {
		option string // of the error; "": none
		visits int
		o      prediction.Options
	}{
		"as many as allowed":  {"", 3, prediction.Options{Data: []string{store}, MaxBad: 0.5}},
		"too many":            {"MaxBad", 3, prediction.Options{Data: []string{store}, MaxBad: 0.2}},
		"none is allowed":     {"MaxBad", 3, prediction.Options{Data: []string{store}}},
		"too many, and more":  {"MaxBad", 44, prediction.Options{Data: []string{store, features, filepath.Join(images, "a.png")}}},
		"the first":           {"Strict", 2, prediction.Options{Data: []string{store}, MaxBad: 1, Strict: true}},
		"the first of a part": {"Strict", 42, prediction.Options{Data: []string{features, store}, MaxBad: 1, Strict: true}},
	} {
		all, err := predicted(t, trained, c.o)
		var of *option.Error
		if errors.As(err, &of) != (c.option != "") || err != nil && (of.Option != c.option || !strings.Contains(err.Error(), "bad.png")) {
			t.Errorf("%s: error %v, want one of %q", name, err, c.option)
		}
		if len(all) != c.visits {
			t.Errorf("%s: %d visits, want %d", name, len(all), c.visits)
		}
	}
}

// bucketOf serves the files of a folder as the objects of s3://data/store, for the time of a test.
func bucketOf(t *testing.T, folder string) {
	type object struct {
		Key          string
		Size         int64
		LastModified time.Time
	}
	type listing struct {
		XMLName  xml.Name `xml:"ListBucketResult"`
		Contents []object
	}
	files := http.FileServer(http.Dir(folder))
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, ok := strings.CutPrefix(r.URL.Path, "/data/store"); ok {
			r.URL.Path = name
			files.ServeHTTP(w, r)
			return
		}
		var all listing
		entries, err := os.ReadDir(folder)
		for _, e := range entries {
			if stat, err := e.Info(); err == nil && !e.IsDir() {
				all.Contents = append(all.Contents, object{"store/" + e.Name(), stat.Size(), stat.ModTime()})
			}
		}
		if err = errors.Join(err, xml.NewEncoder(w).Encode(all)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(h.Close)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": h.URL, "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
}

// A local copy of a store in a bucket that cannot be removed afterwards is an error, as it would fill the disk.
func TestACopyThatStaysIsAnError(t *testing.T) {
	bucketOf(t, features)
	o := prediction.Options{Data: []string{"s3://data/store"}}
	want, err := predicted(t, trained, prediction.Options{Data: []string{features}})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := predicted(t, trained, o); err != nil || len(got) != len(want) {
		t.Fatalf("%d images of the bucket, want %d; %v", len(got), len(want), err)
	}
	copies, err := cachefolder.Of(cachefolder.Buckets)
	if err != nil {
		t.Fatal(err)
	}
	moved := false
	for _, err := range prediction.Images(t.Context(), trained, o) {
		switch {
		case err != nil && !strings.Contains(err.Error(), copies):
			t.Errorf("error %v", err)
		case err != nil:
			return
		case !moved:
			moved = true
			if err := errors.Join(os.Rename(copies, copies+".away"), os.WriteFile(copies, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := errors.Join(os.Remove(copies), os.RemoveAll(copies+".away")); err != nil {
					t.Error(err)
				}
			})
		}
	}
	t.Error("the copy could not be removed, and no error says so")
}
