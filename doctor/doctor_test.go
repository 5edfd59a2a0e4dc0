package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"testing"

	"iconic/doctor"
	"iconic/extract"
	"iconic/internal/cachetest"
)

func TestMain(m *testing.M) { os.Exit(cachetest.Isolated(m).Run()) }

// Before long work, a program checks whether the library loads and the features will fit.
func ExampleExamine() {
	plan := &doctor.Plan{Data: "testdata/images", Dim: 384, Views: 1}
	found, err := doctor.Examine(context.Background(), doctor.Options{Plan: plan})
	if err != nil {
		log.Fatal(err)
	}
	if err := found.Err(); err != nil {
		fmt.Println("not yet:", err)
	}
	fmt.Println(found.Images, "images take", found.Need, "bytes; the processor", found.Providers["cpu"])
	// Output: 3 images take 6408 bytes; the processor loads
}

// A library that does not load is a finding, and so is a disk that is too small.
func TestWhatStandsInTheWay(t *testing.T) {
	file := filepath.Join(t.TempDir(), "libonnxruntime.so")
	if err := os.WriteFile(file, []byte("no library"), 0o644); err != nil {
		t.Fatal(err)
	}
	found, err := doctor.Examine(t.Context(), doctor.Options{Library: file, Plan: &doctor.Plan{Data: "testdata/images", Dim: 1, Views: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if found.Problem == "" || found.Err() == nil || len(found.Providers) != 0 {
		t.Errorf("%+v, %v: want the problem of a file that is not a library", found, found.Err())
	}
	found.Need = math.MaxInt64
	var space *extract.SpaceError
	if found.Free >= 0 && (!errors.As(found.Err(), &space) || space.Images != 3) {
		t.Errorf("%v: want a SpaceError about 3 images", found.Err())
	}
	place := filepath.Join(file, "store")
	found, err = doctor.Examine(t.Context(), doctor.Options{Out: place, Plan: &doctor.Plan{Data: "testdata/images", Dim: 1, Views: 1}})
	if err != nil {
		t.Fatal(err)
	}
	var folder *doctor.FolderError
	if !errors.As(found.Err(), &folder) || folder.Dir != place || found.Unstored == "" {
		t.Errorf("%v: want a FolderError about %s", found.Err(), place)
	}
	for _, out := range []string{place, file, ""} { // without a plan, a folder is examined if it is given
		if found, err := doctor.Examine(t.Context(), doctor.Options{Out: out}); err != nil || (found.Unstored != "") != (out != "") {
			t.Errorf("%q without a plan: %v, %v", out, found.Err(), err)
		}
	}
	for _, p := range []doctor.Plan{{Data: "testdata/images", Dim: 0, Views: 1}, {Data: "testdata/nowhere", Dim: 1, Views: 1}} {
		if _, err := doctor.Examine(t.Context(), doctor.Options{Plan: &p}); err == nil {
			t.Errorf("plan %+v is not refused", p)
		}
	}
}

func TestReadBuild(t *testing.T) {
	b := doctor.ReadBuild()
	if b.Go == "" || b.Platform == "" || b.Kernels == "" || b.Version == "" {
		t.Errorf("%+v", b)
	}
}
