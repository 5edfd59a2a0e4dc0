package iconic

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"iconic/extract"
	"iconic/extract/dataset"
	"iconic/extract/store"
	"iconic/internal/cachefolder"
	"iconic/internal/lockfile"
	"iconic/internal/plural"
	"iconic/models"
	"iconic/progress"
	"iconic/run"
)

// Extract brings the feature store c.Out up to date with the images c.Data, encoding only what is missing. In c, leave the model and its
// preprocessing empty: they come from e. The summary is also valid when the error says only that too many images are bad.
func Extract(ctx context.Context, e Encoding, c extract.Config, h progress.Hooks) (*extract.Summary, error) {
	release, err := e.prepare(ctx, &c, h)
	if err != nil {
		return nil, err
	}
	defer release()
	if err := c.Validate(); err != nil {
		return nil, &run.SettingsError{Err: err}
	}
	return encode(ctx, c, nil, h)
}

// encode runs an extraction and reports its outcome. listed, if not nil, may reject the data before any image is encoded.
func encode(ctx context.Context, c extract.Config, listed func(*dataset.Set) error, h progress.Hooks) (*extract.Summary, error) {
	s, err := extract.Run(ctx, c, extract.Hooks{Listed: listed, Note: h.Note, Warn: h.Warn, Progress: h.Stage("encode", "images")})
	if s == nil {
		return nil, err
	}
	tell(s, h)
	if problem := models.Remember("", s.SHA256, c.Model); problem != nil { // if the cache cannot be written, the user has to name the file later
		h.Notef("cannot remember where the encoder is (%v): name its file to use the run on new images", problem)
	}
	return s, err
}

// tell reports what an extraction did.
func tell(s *extract.Summary, h progress.Hooks) {
	for _, k := range s.Skipped {
		h.Warnf("%d skipped: %s", k.Count, k)
	}
	if s.Several > 0 {
		h.Notef("%s", extract.SeveralNote(s.Several))
	}
	if s.Dark > 0 {
		h.Warnf("%s", extract.DarkNote(s.Dark))
	}
	for _, said := range []struct {
		count int
		one   string
		many  string
	}{
		{s.Duplicates, "image is a copy of another and shares its features", "images are copies of others and share their features"},
		{s.Gone, "image is gone from the data; its features are kept but not used in training", "images are gone from the data; their features are kept but not used in training"},
		{s.Pruned, "image is gone from the data; its features were dropped", "images are gone from the data; their features were dropped"},
		{s.Moved, "image belongs to another part now; its features are kept until that part has them", "images belong to another part now; their features are kept until that part has them"},
		{s.Handed, "image belongs to another part now, which has its features; they were dropped from this one", "images belong to another part now, which has their features; they were dropped from this one"},
		{s.Unread, "of the skipped images could not be read now; its features are kept but not used in training", "of the skipped images could not be read now; their features are kept but not used in training"},
	} {
		if said.count > 0 {
			h.Notef("%s", plural.Of(said.count, said.one, said.many))
		}
	}
	if s.Items == s.Bad() {
		return
	}
	others := ""
	if s.Borrowed > 0 {
		others = fmt.Sprintf(" (%s of them in other stores)", plural.Thousands(s.Borrowed))
	}
	good := s.Items - s.Bad()
	h.Notef("%s of %s %s features already%s; %s to encode", plural.Thousands(s.Already), plural.Thousands(good), plural.Word(good, "image", "images")+plural.Word(s.Already, " has", " have"), others, plural.Thousands(s.Encoded))
	if s.Encoded > 0 {
		h.Notef("encoded %s in %.1f s (%.1f images/s); %s has the features of %d", plural.Of(s.Encoded, "image", "images"), s.Seconds, float64(s.Encoded)/s.Seconds, s.Store, s.Rows)
	}
}

// cached brings the store in the user's cache up to date with the images and returns its folder, which stays in use until release. It waits
// for a store that another process is writing, leaves a store made by another engine alone, and remakes an unusable one.
func cached(ctx context.Context, c extract.Config, listed func(*dataset.Set) error, h progress.Hooks) (dir string, release func(), err error) {
	waiting, anew := false, false
	for {
		if release, err = cachefolder.Hold(ctx, c.Out); err != nil {
			return "", nil, err
		}
		_, err := encode(ctx, c, listed, h)
		if err == nil {
			return c.Out, release, nil
		}
		release()
		cachefolder.Forget(c.Out)
		var other *store.EngineError
		var unusable *store.UnusableError
		switch {
		case errors.As(err, &other) && c.Out == other.Dir && !strings.HasSuffix(other.Dir, engineSuffix(other.Now)):
			h.Notef("the features kept in %s were made with %s: they are computed again with %s and kept separately", other.Dir, other.Was, other.Now)
			c.Out += engineSuffix(other.Now)
		case errors.Is(err, store.ErrNewer) && !anew: // left alone for the newer program
			h.Notef("%v: the features are computed again and kept separately", err)
			c.Out += "-" + store.Format
			anew = true
		case errors.As(err, &unusable) && unusable.Dir == c.Out && !anew:
			h.Warnf("%v; it is in the cache, so its features are computed again", unusable)
			if err := cachefolder.Remove(c.Out, store.Lock(c.Out)); err != nil && !errors.Is(err, lockfile.ErrBusy) {
				return "", nil, err
			}
			anew = true
		case errors.Is(err, store.ErrBusy):
			if !waiting {
				h.Notef("another run is encoding the same images; waiting for its features")
				waiting = true
			}
			if err := pause(ctx, 300*time.Millisecond); err != nil {
				return "", nil, err
			}
		default:
			return "", nil, err
		}
	}
}

// engineSuffix distinguishes the folders of features that differ only in the engine that ran the encoder.
func engineSuffix(e store.Engine) string { return "-" + e.Provider + "-" + e.Runtime }

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
