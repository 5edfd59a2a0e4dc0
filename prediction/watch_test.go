package prediction_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iconic/classify"
	"iconic/option"
	"iconic/prediction"
	"iconic/progress"
	"iconic/sorting"
)

// picture is the content of the nth of the 40 pictures, ten of each class.
func picture(t *testing.T, n int) []byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(pictures, "*", "*.png"))
	if err != nil || len(names) != 40 {
		t.Fatalf("%d pictures, %v", len(names), err)
	}
	content, err := os.ReadFile(names[n])
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// put writes a file.
func put(dir, name string, content []byte) error {
	return os.WriteFile(filepath.Join(dir, name), content, 0o644)
}

// placed returns the contents of the files in the folders of clusters by name without the folder; the second one of a name is an error.
func placed(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "cluster-*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if _, twice := all[filepath.Base(name)]; err != nil || twice {
			t.Errorf("%s: there twice: %t, %v", name, twice, err)
		}
		all[filepath.Base(name)] = string(content)
	}
	return all
}

// watched runs a watch of dir until visit or a hook ends it, and returns its error and how often each image was visited.
func watched(t *testing.T, o prediction.Options, visit func(i prediction.Image, end func()) error) (map[string]int, error) {
	t.Helper()
	ctx, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	o.Watch = time.Millisecond
	visits := map[string]int{}
	err := prediction.Run(ctx, trained, o, func(i prediction.Image) error {
		visits[i.Path]++
		return visit(i, end)
	})
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		t.Error("what the watch was to find did not come")
	}
	return visits, err
}

// A file that is written slowly is taken once it is complete, although what is there of it before can be decoded.
func TestWatchWaitsForFilesThatAreBeingWritten(t *testing.T) {
	dir, to := t.TempDir(), t.TempDir()
	states := [][]byte{picture(t, 30), picture(t, 0), picture(t, 10), picture(t, 35)}
	write := func(state int) error { // with a time ahead, so that only a second look can tell that nobody writes any more
		name := filepath.Join(dir, "slow.png")
		ahead := time.Now().Add(time.Hour)
		return errors.Join(put(dir, "slow.png", states[state]), os.Chtimes(name, ahead, ahead.Add(time.Duration(state)*time.Second)))
	}
	if err := errors.Join(put(dir, "a.png", states[0]), write(0)); err != nil {
		t.Fatal(err)
	}
	visits, err := watched(t, prediction.Options{Data: []string{dir}, Folders: &sorting.Folders{Dir: to}}, func(i prediction.Image, end func()) error {
		switch i.Path { // each comes before the slow one, so that it is written while or before it is read
		case "a.png":
			return errors.Join(write(1), put(dir, "b.png", states[0]))
		case "b.png":
			return errors.Join(write(2), put(dir, "c.png", states[0]))
		case "c.png":
			return write(3)
		}
		end()
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(map[string]int{"a.png": 1, "b.png": 1, "c.png": 1, "slow.png": 1}, visits); diff != "" {
		t.Errorf("visits (-want +got):\n%s", diff)
	}
	if all := placed(t, to); len(all) != 4 || all["slow.png"] != string(states[3]) {
		t.Errorf("%d files were placed, or the slow one before it was complete", len(all))
	}
}

// What could not be sorted is told at once, tried again, and sorted when that is possible. What is left at the end is an error.
func TestWatchTriesAgain(t *testing.T) {
	for _, free := range []bool{true, false} {
		dir, to := t.TempDir(), t.TempDir()
		blocks := []string{"cluster-000", "cluster-001", "cluster-002", "cluster-003"}
		err := errors.Join(put(dir, "a.png", picture(t, 30)), put(dir, "b.png", picture(t, 0)))
		for _, name := range blocks {
			err = errors.Join(err, put(to, name, nil))
		}
		if err != nil {
			t.Fatal(err)
		}
		var warnings []string
		o := prediction.Options{Data: []string{dir}, Folders: &sorting.Folders{Dir: to}, Model: classify.Options{Hooks: progress.Hooks{
			Warn: func(text string) {
				if warnings = append(warnings, text); len(warnings) == 2 && free {
					for _, name := range blocks {
						check(os.Remove(filepath.Join(to, name)))
					}
				}
			},
		}}}
		sorted := 0
		visits, err := watched(t, o, func(i prediction.Image, end func()) error {
			if i.Err == nil {
				sorted++
			}
			if !free && len(warnings) == 2 || sorted == 2 {
				end()
			}
			return nil
		})
		want := map[string]int{"a.png": 2, "b.png": 2}
		if !free {
			want = map[string]int{"a.png": 1, "b.png": 1}
		}
		if diff := cmp.Diff(want, visits); diff != "" {
			t.Errorf("visits (-want +got):\n%s", diff)
		}
		if len(warnings) != 2 || !strings.HasPrefix(warnings[0], "a.png could not be sorted, and is tried again: ") {
			t.Errorf("warnings %q", warnings)
		}
		var unplaced *prediction.PlaceError
		if free && err != nil || !free && (!errors.As(err, &unplaced) || unplaced.Files != 2 || unplaced.Path != "a.png" || unplaced.Dir != to) {
			t.Errorf("freed %t: %v", free, err)
		}
		if free && len(placed(t, to)) != 2 {
			t.Error("the files are not in the folders of their clusters")
		}
	}
}

// Images in the folder to sort into are left out, and a warning counts them.
func TestWatchInTheFolderToSortInto(t *testing.T) {
	to := t.TempDir()
	dir := filepath.Join(to, "inbox")
	if err := errors.Join(os.Mkdir(dir, 0o755), put(dir, "a.png", picture(t, 30))); err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithTimeout(t.Context(), time.Minute)
	defer end()
	var warnings []string
	o := prediction.Options{Data: []string{dir}, Watch: time.Millisecond, Folders: &sorting.Folders{Dir: to}}
	o.Model.Hooks.Warn = func(text string) {
		if warnings = append(warnings, text); len(warnings) == 1 {
			check(put(dir, "b.png", nil))
		} else {
			end()
		}
	}
	err := prediction.Run(ctx, trained, o, func(prediction.Image) error { return errors.New("visited") })
	want := []string{prediction.LeftOutNote(1, to), prediction.LeftOutNote(2, to)}
	if diff := cmp.Diff(want, warnings); err != nil || diff != "" {
		t.Errorf("%v; warnings (-want +got):\n%s", err, diff)
	}
}

// A strict watch ends at an image that stays unreadable, not at one that is still arriving. A share of unreadable images is refused.
func TestStrictWatch(t *testing.T) {
	for _, mended := range []bool{true, false} {
		dir := newImages(t)
		visits, err := watched(t, prediction.Options{Data: []string{dir}, Strict: true}, func(i prediction.Image, end func()) error {
			if i.Path == "bad.png" {
				end()
			}
			if i.Path == "a.png" && mended {
				return put(dir, "bad.png", picture(t, 10))
			}
			return nil
		})
		var of *option.Error
		if mended && (err != nil || visits["bad.png"] != 1) || !mended && (!errors.As(err, &of) || of.Option != "Strict" || !strings.Contains(err.Error(), "bad.png")) {
			t.Errorf("mended %t: %v, %v", mended, visits, err)
		}
	}
	var of *option.Error
	if _, err := watched(t, prediction.Options{Data: []string{pictures}, MaxBad: 0.5}, func(prediction.Image, func()) error { return errors.New("visited") }); !errors.As(err, &of) || of.Option != "MaxBad" {
		t.Errorf("with a share of unreadable images: %v", err)
	}
}

// An image that is replaced after it was read does not come into the folder of the one before it: a watch takes the new one later, otherwise it is an error.
func TestImagesReplacedBeforeTheyAreSorted(t *testing.T) {
	for _, watch := range []bool{true, false} {
		for _, link := range []bool{true, false} {
			dir, to := t.TempDir(), t.TempDir()
			later := picture(t, 10)
			if err := errors.Join(put(dir, "a.png", picture(t, 30)), put(dir, "b.png", picture(t, 0))); err != nil {
				t.Fatal(err)
			}
			o := prediction.Options{Data: []string{dir}, Folders: &sorting.Folders{Dir: to, Link: link}}
			var failed error
			visit := func(i prediction.Image, end func()) error {
				if i.Path == "b.png" {
					failed = i.Err
					end()
					return nil
				}
				return errors.Join(put(dir, "new", later), os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, "b.png")))
			}
			if watch {
				visits, err := watched(t, o, visit)
				if all := placed(t, to); err != nil || failed != nil || visits["b.png"] != 1 || len(all) != 2 || all["b.png"] != string(later) {
					t.Errorf("link %t: %v, %v, %v, %d files were placed", link, visits, err, failed, len(all))
				}
				continue
			}
			err := prediction.Run(t.Context(), trained, o, func(i prediction.Image) error { return visit(i, func() {}) })
			var unplaced *prediction.PlaceError
			if !errors.As(err, &unplaced) || unplaced.Files != 1 || !errors.Is(err, sorting.ErrChanged) || !errors.Is(failed, sorting.ErrChanged) || len(placed(t, to)) != 1 {
				t.Errorf("link %t: %v, %v", link, err, failed)
			}
		}
	}
}
