package prediction

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/store"
	"iconic/internal/bucket"
	"iconic/option"
	"iconic/sorting"
)

// looks is what a watch has found in a source so far. The maps are by path in the data set.
type looks struct {
	seen     map[string]string   // stamp of each image that is done
	recent   map[string]string   // stamp of each image that may still be being written
	doubtful map[string]string   // stamp of each image that was unreadable, or changed while it was being read
	failed   map[string]*failure // images whose files could not be put into their folders
	away     bool                // the data set was missing the last time
	inside   int                 // images in the folder to sort into that a warning has counted
}

// failure is an image that could not be put into its folder.
type failure struct {
	path        string // as the image is visited
	stamp       string
	err         error
	wait, waits int // looks until the next try, and from one try to the next
}

// longestWait is the number of looks after which an image that could not be sorted is tried again at the latest.
const longestWait = 15

func newLooks() looks {
	return looks{seen: map[string]string{}, recent: map[string]string{}, doubtful: map[string]string{}, failed: map[string]*failure{}}
}

// watch visits the sources repeatedly until ctx ends, which is its regular end.
func (w *work) watch(ctx context.Context, sources []*source) error {
	for {
		for _, s := range sources {
			if err := w.look(ctx, s); err != nil || ctx.Err() != nil {
				return err
			}
		}
		select {
		case <-time.After(w.options.Watch):
		case <-ctx.Done():
			return nil
		}
	}
}

// look is one pass of watch over a source. It waits for a folder that is missing for a while, because a disk is being remounted or a folder
// was renamed.
func (w *work) look(ctx context.Context, s *source) error {
	inside := 0
	summary, err := w.model.Images.Each(ctx, w.lookStream(s, &inside), extract.Hooks{})
	var unlisted *extract.ListingError
	switch {
	case ctx.Err() != nil:
		return nil
	case errors.Is(err, dataset.ErrNoImages):
		s.looks.away = false
		return nil
	case errors.As(err, &unlisted):
		if !s.looks.away {
			w.hooks.Warnf("%v; waiting for it to come back", err)
		}
		s.looks.away = true
		return nil
	case err != nil:
		return err
	}
	if s.looks.away {
		w.hooks.Notef("%s is back", bucket.Public(s.stream.Data))
	}
	s.looks.away = false
	if summary.Several > 0 {
		w.hooks.Notef("%s", extract.SeveralNote(summary.Several))
	}
	if summary.Dark > 0 {
		w.hooks.Warnf("%s", extract.DarkNote(summary.Dark))
	}
	if inside > s.looks.inside {
		s.looks.inside = inside
		w.hooks.Warnf("%s", LeftOutNote(inside, w.options.Folders.Dir))
	}
	return nil
}

// lookStream is stream for one look: of the images that are new or have changed, those that nothing seems to be writing any more. Whether an unreadable one is
// too many is decided when it is certain that it is unreadable.
func (w *work) lookStream(s *source, inside *int) extract.Stream {
	stream := w.stream(s, inside)
	stream.Seen, stream.MaxBad, stream.Strict = s.looks.seen, 1, false
	held := stream.Leave
	stream.Leave = func(set *dataset.Set, i int) bool {
		return held != nil && held(set, i) || s.looks.waits(set, i, w.options.Watch)
	}
	stream.Visit = func(set *dataset.Set, it store.Item, stamp string, features []float32) error {
		return w.arrived(s, set, it, stamp, features)
	}
	return stream
}

// waits reports whether an image is left for a later look: its file may still be being written, or it was tried in vain a short while ago.
func (l *looks) waits(set *dataset.Set, i int, every time.Duration) bool {
	path, stamp := set.Items[i].Path, set.Stamp(i)
	if l.seen[path] == stamp {
		return false
	}
	if f := l.failed[path]; f != nil && f.stamp == stamp && f.wait > 0 {
		f.wait--
		return true
	}
	if l.recent[path] == stamp || time.Since(set.Written(i)) > every {
		return false
	}
	l.recent[path] = stamp
	return true
}

// doubts reports whether an image that looks unfinished is left for the next look, as it is unless the last one found it in the same state.
func (l *looks) doubts(path, stamp string) bool {
	if l.doubtful[path] == stamp {
		return false
	}
	l.doubtful[path] = stamp
	return true
}

// done notes that an image in this state needs no further look.
func (l *looks) done(path, stamp string) {
	l.seen[path] = stamp
	delete(l.recent, path)
	delete(l.doubtful, path)
	delete(l.failed, path)
}

// unplaced adds the images that could not be put into their folders to an error.
func (l *looks) unplaced(to *sorting.Folders, e *PlaceError) {
	for _, item := range slices.Sorted(maps.Keys(l.failed)) {
		e.add(to.Dir, l.failed[item].path, l.failed[item].err)
	}
}

// arrived is image for one that a look has found.
func (w *work) arrived(s *source, set *dataset.Set, it store.Item, stamp string, features []float32) error {
	found := Image{Path: s.named(set, it.Path)}
	if features == nil {
		switch {
		case s.looks.doubts(it.Path, stamp): // it may still be being written
			return nil
		case w.options.Strict:
			return option.Errorf("Strict", "%s: %s (%s)", found.Path, it.Kind, it.Skipped)
		}
		s.looks.done(it.Path, stamp)
		found.Err = unread(it)
		return w.visit(found)
	}
	if written(set, it.Path) && s.looks.doubts(it.Path, stamp) {
		return nil
	}
	if err := w.classify(&found, features); err != nil {
		return err
	}
	err := w.place(set, it, found.Prediction)
	switch {
	case err == nil:
		s.looks.done(it.Path, stamp)
		return w.visit(found)
	case errors.Is(err, sorting.ErrChanged) && s.looks.doubts(it.Path, stamp):
		return nil
	case !s.looks.fails(found.Path, it.Path, stamp, err):
		return nil
	}
	w.hooks.Warnf("%s could not be sorted, and is tried again: %v", found.Path, err)
	found.Err = fmt.Errorf("not sorted: %w", err)
	return w.visit(found)
}

// fails notes that an image, visited as path, could not be put into its folder, and reports whether that is new. It is tried again at the next look, then after
// one more, three more and so on, so that many of them do not keep the encoder busy.
func (l *looks) fails(path, item, stamp string, err error) (first bool) {
	f := l.failed[item]
	if f == nil || f.stamp != stamp {
		l.failed[item] = &failure{path: path, stamp: stamp, err: err}
		return true
	}
	f.err, f.waits = err, min(2*f.waits+1, longestWait)
	f.wait = f.waits
	return false
}

// written reports whether an item's own file was written or replaced since the set was opened.
func written(set *dataset.Set, item string) bool {
	i, ok := set.Find(item)
	if !ok {
		return false
	}
	_, own := set.File(i)
	return own && !set.Unwritten(i)
}
