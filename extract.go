package iconic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"iconic/extract"
	"iconic/extract/store"
	"iconic/internal/budget"
	"iconic/internal/cachefolder"
	"iconic/internal/lockfile"
	"iconic/models"
	"iconic/progress"
	"iconic/run"
)

// Extract brings the feature store c.Out up to the images c.Data, encoding what it has not: c is the extraction without its model and
// preprocessing, which e gives. The summary is valid also where the error says only that too many images were bad.
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

// encode runs an extraction and tells what came of it. listed, unless nil, may refuse the data before any image is encoded.
func encode(ctx context.Context, c extract.Config, listed func(items, classes int) error, h progress.Hooks) (*extract.Summary, error) {
	defer budget.SetRuntimeLimit(cmp.Or(c.Memory, budget.Default()))()
	s, err := extract.Run(ctx, c, extract.Hooks{Listed: listed, Note: h.Note, Progress: h.Stage("encode", "images")})
	if s == nil {
		return nil, err
	}
	tell(s, h)
	if problem := models.Remember("", s.SHA256, c.Model); problem != nil { // a cache that cannot be written costs a question later
		h.Notef("where the encoder lies is not remembered (%v): to use the run on new images, its file will have to be named", problem)
	}
	return s, err
}

// tell says what an extraction did.
func tell(s *extract.Summary, h progress.Hooks) {
	for _, k := range s.Skipped {
		h.Warnf("%d skipped: %s", k.Count, k)
	}
	if s.Duplicates > 0 {
		h.Notef("%d images are copies of others; their features were computed once", s.Duplicates)
	}
	if s.Gone > 0 {
		h.Notef("%d images are gone from the data; their features are kept, and take no part in trainings", s.Gone)
	}
	if s.Pruned > 0 {
		h.Notef("%d images are gone from the data; their features were dropped", s.Pruned)
	}
	if s.Items == s.Bad() {
		return
	}
	others := ""
	if s.Borrowed > 0 {
		others = fmt.Sprintf(" (%s of them in other stores)", thousands(s.Borrowed))
	}
	h.Notef("%s of %s images have features already%s; %s are encoded", thousands(s.Already), thousands(s.Items-s.Bad()), others, thousands(s.Encoded))
	if s.Encoded > 0 {
		h.Notef("encoded %d images in %.1f s (%.1f images/s); %s has the features of %d", s.Encoded, s.Seconds, float64(s.Encoded)/s.Seconds, s.Store, s.Rows)
	}
}

// thousands writes a number as people read it: "1,281,167".
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// cached brings the store in the user's cache up to the images, and gives its folder, which stays until release. A store that another process
// is making is waited for, one that another engine made is left to it, and one that is of no use is made anew.
func cached(ctx context.Context, c extract.Config, listed func(items, classes int) error, h progress.Hooks) (dir string, release func(), err error) {
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
			h.Notef("the features kept in %s were made with %s: with %s they are computed anew, beside them", other.Dir, other.Was, other.Now)
			c.Out += engineSuffix(other.Now)
		case errors.Is(err, store.ErrNewer) && !anew: // it is left to the newer program
			h.Notef("%v: the features are computed anew, beside them", err)
			c.Out += "-" + store.Format
			anew = true
		case errors.As(err, &unusable) && unusable.Dir == c.Out && !anew:
			h.Warnf("%v; it is in the cache, and so its features are computed anew", unusable)
			if err := cachefolder.Remove(c.Out, store.Lock(c.Out)); err != nil && !errors.Is(err, lockfile.ErrBusy) {
				return "", nil, err
			}
			anew = true
		case errors.Is(err, store.ErrBusy):
			if !waiting {
				h.Notef("another run encodes the same images: this one waits for its features")
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

// engineSuffix tells apart the folders of features that differ only in what ran the encoder.
func engineSuffix(e store.Engine) string { return "-" + e.Provider + "-" + e.Runtime }

// pause waits, unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
